"""Simulators of an IP in which planted errors can be switched on.

A planted error is written ``"text «right → wrong» text"``: the text of the RTL with the right expression,
and the wrong one that takes its place when ``+mutant=N`` chooses it (0 is the correct design).
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asicflow.simulate import build_verilator
from asicflow.soc.ip import IpManifest, load_ip

_INCLUDE = re.compile(r'^#include "(?P<name>[^"]+)"$', re.MULTILINE)

_SWITCH = re.compile("«(.*?) → (.*?)»", re.DOTALL)

Mutants = Mapping[str, str]  # name: "text «right → wrong» text"


@dataclass(frozen=True)
class Bench:
    """A simulator whose answer is one line of JSON."""

    executable: Path

    def run(self, *arguments: object, mutant: int = 0) -> dict[str, Any]:
        command = [str(self.executable), *map(str, arguments), f"+mutant={mutant}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"code {done.returncode}: {done.stderr[:300]}"
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer


def build(name: str, work: Path, mutants: Mutants | None = None, parameters: Mapping[str, int] | None = None) -> Bench:
    """Build the testbench of an IP; ``parameters`` override those of its top."""
    manifest = load_ip(name)
    folder = work / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "designs.sv").write_text(designs(manifest, folder, mutants or {}))
    (folder / "main.cpp").write_text(one_file(manifest))
    override = [f"-G{key}={value}" for key, value in (parameters or {}).items()]
    sources = [folder / "designs.sv"]
    return Bench(build_verilator(manifest.top, sources, folder / "main.cpp", folder / "build", args=override))


def rtl_text(manifest: IpManifest, folder: Path) -> str:
    files = [*manifest.write_generated(folder), *map(manifest.path, manifest.rtl)]
    return "\n".join(path.read_text() for path in files)


def plant(rtl: str, mutant: str, number: int) -> str:
    """Return the RTL with one more switchable error."""
    switch = _SWITCH.search(mutant)
    assert switch, mutant
    text = mutant.replace(switch[0], switch[1])
    assert rtl.count(text) == 1, f"{text!r} occurs {rtl.count(text)} times in the RTL"
    choice = f"((mutation::chosen == {number}) ? ({switch[2]}) : ({switch[1]}))"
    return rtl.replace(text, mutant.replace(switch[0], choice))


def designs(manifest: IpManifest, folder: Path, mutants: Mutants) -> str:
    """Return the RTL in one text, with every planted error in place and switched off."""
    rtl = rtl_text(manifest, folder)
    for number, mutant in enumerate(mutants.values(), start=1):
        rtl = plant(rtl, mutant, number)
    choose = '  initial void\'($value$plusargs("mutant=%d", mutation::chosen));\n'
    before, module, after = rtl.partition(f"\nmodule {manifest.top} ")
    ports, end, body = after.partition("\n);\n")
    return f"package mutation;\n  int chosen = 0;\nendpackage\n{before}{module}{ports}{end}{choose}{body}"


def one_file(manifest: IpManifest) -> str:
    """Return the testbench with its own headers in place, so that its content alone decides a rebuild."""
    texts = {path.name: manifest.path(path) for path in manifest.testbench}
    known = set(texts)

    def expand(match: re.Match[str]) -> str:
        path = texts.pop(match["name"], None)
        if path is None:
            return "" if match["name"] in known else match[0]
        return _INCLUDE.sub(expand, path.read_text()).replace("#pragma once\n", "")

    return _INCLUDE.sub(expand, manifest.path("tb/main.cpp").read_text())
