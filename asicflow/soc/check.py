"""Check blocks against their manifests."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from asicflow.errors import UserError
from asicflow.soc.external import load_external, locate
from asicflow.soc.ip import load_ip
from asicflow.soc.ports import differences, read_interface

OWN_HEADER = "SPDX-License-Identifier: Apache-2.0"


class Verdict(Enum):
    """Outcome of one check."""

    PASS = "PASS"
    FAIL = "FAIL"
    UNVERIFIED = "UNVERIFIED"


@dataclass(frozen=True)
class Result:
    """A verdict and what it is about."""

    verdict: Verdict
    text: str


def check_own(name: str) -> Result:
    """Check an own block: manifest, files, licence headers, registers, ports and parameters of its top."""
    try:
        block = load_ip(name)
        sources = [block.path(path) for path in block.rtl]
        bare = [path.name for path in sources if OWN_HEADER not in path.read_text()[:200]]
        if bare:
            return Result(Verdict.FAIL, f"no licence header in {', '.join(bare)}")
        with tempfile.TemporaryDirectory() as folder:
            found = read_interface([*block.write_generated(Path(folder)), *sources], block.top)
    except UserError as error:
        return Result(Verdict.FAIL, str(error).replace("\n", "; "))
    defaults = {key: parameter.default for key, parameter in block.parameters.items()}
    lines = differences(found, block.ports, defaults)
    lines += [f"parameter {key} differs" for key in defaults if found.parameters.get(key) != defaults[key]]
    lines += [f"parameter {key} is not in the manifest" for key in found.parameters if key not in defaults]
    if lines:
        return Result(Verdict.FAIL, "; ".join(lines))
    return Result(Verdict.PASS, f"{len(sources)} file(s), {len(found.ports)} ports as in the manifest")


def check_external(name: str, folder: Path | None) -> list[Result]:
    """Check the deliverable of an external block in ``folder``: files there, ports as documented."""
    external = load_external(name)
    if folder is None:
        return [Result(Verdict.UNVERIFIED, f"no path given ({external.terms}): asicflow ip check {name} --path FOLDER")]
    try:
        layout, files = locate(external, folder)
        found = read_interface(files, external.top)
    except UserError as error:
        return [Result(Verdict.FAIL, str(error).replace("\n", "; "))]
    lines = differences(found, external.ports, {})
    if lines:
        return [Result(Verdict.FAIL, line) for line in lines]
    return [Result(Verdict.PASS, f"{layout}, {len(files)} file(s), {len(found.ports)} ports as documented")]
