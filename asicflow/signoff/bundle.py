"""The tape-out bundle: everything that a shuttle, a reviewer and the bring-up need of a run, in one archive."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asicflow.config import CONFIG_NAME, load_config
from asicflow.errors import AsicflowError, ExitCode, UserError
from asicflow.signoff.evidence import load_evidence
from asicflow.signoff.verdict import Verdict
from asicflow.soc.scan import scan
from asicflow.workspace import Workspace

FOLDERS = {
    "layout": "layout: GDS, LEF, DEF, netlists, parasitics, timing",
    "soc": "design: RTL, constraints, address map, register pages, C headers",
    "firmware": "boot ROM, programs, flash images",
    "model": "integer network and test vectors: what the chip must answer",
    "signoff": "evidence and report",
}
"""Folders of the run directory that go into a bundle, and what they hold."""

LEFT_OUT = {"sc", "build", "logs", "hls"}
"""Build trees inside these folders; hls4ml's brings headers that others own."""

SUMS, README = "SHA256SUMS", "README.txt"


class BundleRefused(AsicflowError):
    """The run may not be handed over."""

    exit_code = ExitCode.GATE_FAILED


def write_bundle(ws: Workspace, target: Path | None = None, *, allow_failing: bool = False) -> Path:
    """Pack a run; the same run gives the same bytes.

    Parameters
    ----------
    ws : Workspace
        A run directory with evidence.
    target : Path, optional
        The archive (``.tar.gz``); default: ``<name>_<pdk>_<top>.tar.gz`` in the run directory.
    allow_failing : bool
        Pack a run with failing gates too; ``DRAFT`` is then part of the file name.

    Returns
    -------
    Path
        The archive.

    Raises
    ------
    BundleRefused
        If a mandatory gate fails, or a file may not be published.
    UserError
        If the run has no evidence or no layout, or its files are not those that the evidence judged.
    """
    config, evidence = load_config(ws.root / CONFIG_NAME), load_evidence(ws.signoff / "evidence.json")
    failing = [g["id"] for g in evidence["gates"] if g["mandatory"] and g["verdict"] == Verdict.FAIL.value]
    if failing and not allow_failing:
        raise BundleRefused(
            f"{len(failing)} mandatory check(s) fail: {', '.join(failing)}",
            where=str(ws.signoff / "report.html"),
            hint="mend or waive them, or pack a draft with --allow-failing",
        )
    files = sorted(_files(ws))
    _check(ws, evidence, files)
    draft = "_DRAFT" if failing else ""
    name = f"{config.name}_{config.pdk.name}_{config.top}{draft}"
    path = _marked(target, draft) if target else ws.root / f"{name}.tar.gz"
    members = {str(file.relative_to(ws.root)): file.read_bytes() for file in files}
    members[README] = _readme(name, evidence, members).encode()
    sums = [f"{hashlib.sha256(data).hexdigest()}  {member}\n" for member, data in sorted(members.items())]
    members[SUMS] = "".join(sums).encode()
    _pack(path, name, members)
    return path


def _files(ws: Workspace) -> Iterator[Path]:
    for folder in FOLDERS:
        for path in (ws.root / folder).rglob("*"):
            if path.is_file() and not LEFT_OUT & set(path.relative_to(ws.root).parts):
                yield path
    for name in (CONFIG_NAME, "manifest.json"):
        if (ws.root / name).is_file():
            yield ws.root / name


def _check(ws: Workspace, evidence: dict[str, Any], files: list[Path]) -> None:
    """The layout is there, it is the one that was judged, and nothing in the bundle is somebody else's secret."""
    if not any(path.suffix == ".gds" for path in files):
        raise UserError("the run has no layout", where=str(ws.layout), hint="asicflow run, without --to")
    for gate in evidence["gates"]:
        for item in gate["evidence"]:
            path = ws.root / item["path"]
            if path in files and hashlib.sha256(path.read_bytes()).hexdigest() != item["sha256"]:
                what = f"{item['path']} is not the file that {gate['id']} judged"
                raise UserError(what, where=str(path), hint="asicflow run again")
    refused = scan(files)
    if refused:
        raise BundleRefused(
            f"{refused[0].path.name} may not be handed over: {refused[0].reason}",
            where=str(refused[0].path),
            hint="licensed files are used in place and stay with their licensee",
        )


def _marked(target: Path, draft: str) -> Path:
    """The wanted name, with the mark of a draft before its ending."""
    stem = target.name.removesuffix(".gz").removesuffix(".tar")
    if draft.strip("_") in stem:
        return target
    return target.with_name(stem + draft + target.name[len(stem) :])


def _readme(name: str, evidence: dict[str, Any], members: dict[str, bytes]) -> str:
    gates = evidence["gates"]
    lines = [name, "=" * len(name), ""]
    lines += [f"{sum(g['verdict'] == v.value for g in gates)} {v.value}" for v in Verdict]
    open_gates = [g for g in gates if g["verdict"] in (Verdict.FAIL.value, Verdict.UNVERIFIED.value)]
    lines += ["", *(f"{g['verdict']}: {g['id']}: {g['summary']}" for g in open_gates), ""]
    used = {member.split("/")[0] for member in members}
    lines += [f"{folder + '/':<11} {text}" for folder, text in FOLDERS.items() if folder in used]
    lines += [
        "",
        f"`sha256sum -c {SUMS}` checks the files. signoff/report.html is the report.",
        "With asicflow installed, `asicflow bringup DIR --port PORT` brings the chip up from this folder.",
        "",
    ]
    return "\n".join(lines)


def _pack(path: Path, folder: str, members: dict[str, bytes]) -> None:
    """Write the archive without times and owners; it appears under its name only when complete."""
    temporary = path.with_name(f".{path.name}.unfinished")
    with (
        temporary.open("wb") as raw,
        gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for member, data in sorted(members.items()):
            entry = tarfile.TarInfo(f"{folder}/{member}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    temporary.replace(path)
