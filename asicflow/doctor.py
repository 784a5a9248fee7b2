"""What this machine has of the tools, packages and PDK files that a run needs."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asicflow.pdk import load_pdk, missing_files, pdk_names


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report.

    ``ok`` is False for what a run needs and does not have; ``required`` is
    False for what only adds checks.  ``install`` is the command that helps.
    """

    name: str
    ok: bool
    version: str
    needed_for: str
    install: str
    required: bool = True


@dataclass(frozen=True)
class Program:
    """A program on PATH: how to ask its version, the oldest that works, who needs it."""

    name: str
    args: tuple[str, ...]
    minimum: tuple[int, ...]
    needed_for: str
    install: str
    required: bool = True


PROGRAMS = (
    Program("verilator", ("--version",), (5, 0), "simulation, lint", "apt-get install verilator"),
    Program("g++", ("--version",), (10,), "C simulation, Verilator models", "apt-get install g++"),
    Program("make", ("--version",), (4,), "Verilator models", "apt-get install make"),
    Program("sta", ("-version",), (2, 0), "static timing analysis", "apt-get install opensta"),
    Program("arm-none-eabi-gcc", ("--version",), (8,), "firmware of top soc",
            "apt-get install gcc-arm-none-eabi", False),
    Program("iverilog", ("-V",), (11,), "run from power-up, RTL portability tests", "apt-get install iverilog", False),
    Program("klayout", ("-v",), (0, 27), "a foundry's own DRC deck", "apt-get install klayout", False),
    Program("openroad", ("-version",), (2,), "layout engine 'openroad' instead of 'open'",
            "see the OpenROAD project; not in Debian or PyPI", False),
)  # fmt: skip

FULL_DATA = "only in a full PDK download"

PACKAGES = {
    "siliconcompiler": "the flow",
    "hls4ml": "the model",
    "h5py": "the model",
    "klayout": "layout and checks",
    "pyosys": "synthesis",
    "pyslang": "elaboration",
    "coloquinte": "placement",
    "numba": "routing",
    "systemrdl-compiler": "registers",
    "lambdapdk": "PDK data roots",
}


def check_all(root: Path | None, pdks: Sequence[str] | None = None) -> list[Finding]:
    """Return findings for Python, packages, programs and the PDK files under ``root``."""
    findings = [_python(), *(_package(name, use) for name, use in PACKAGES.items()), _tkinter()]
    findings += [_program(p) for p in PROGRAMS]
    for name in pdk_names() if pdks is None else pdks:
        findings += _pdk(name, root)
    return findings


def tool_versions() -> dict[str, str]:
    """Return name -> version of every package and program that is present."""
    found = {f.name: f.version for f in check_all(None, []) if f.ok}
    return dict(sorted(found.items()))


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", sys.version_info >= (3, 11), version, "everything", "apt-get install python3")


def _package(name: str, use: str) -> Finding:
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, "missing", use, f"pip install {name}")
    return Finding(name, True, version, use, "")


def _tkinter() -> Finding:
    try:
        import tkinter
    except ImportError:
        return Finding("tkinter", False, "missing", "synthesis scripts (Tcl)", "apt-get install python3-tk")
    return Finding("tkinter", True, str(tkinter.TkVersion), "synthesis scripts (Tcl)", "")


def _program(program: Program) -> Finding:
    def finding(ok: bool, version: str) -> Finding:
        return Finding(program.name, ok, version, program.needed_for, "" if ok else program.install, program.required)

    if shutil.which(program.name) is None:
        return finding(False, "missing")
    try:
        done = subprocess.run([program.name, *program.args], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return finding(False, f"does not run ({error})")
    match = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    if match is None:
        return finding(False, "version unknown")
    parts = tuple(int(p) for p in match[0].split("."))
    return finding(parts >= program.minimum, match[0])


def _pdk(name: str, root: Path | None) -> list[Finding]:
    label = f"PDK {name}"
    if root is None:
        return [Finding(label, True, "no local copy", "layout", "set ASICFLOW_PDK_ROOT, or let it download", False)]
    pdk = load_pdk(name, root)
    findings = []
    for library_name in pdk.library_names:
        library = pdk.library(library_name)
        missing = missing_files(library)
        total = len(library.files())
        findings += [
            Finding(f"{label} file", False, "missing", str(path), f"complete the PDK root {root}") for path in missing
        ]
        findings.append(
            Finding(
                f"{label} {library_name}",
                not missing,
                f"{total - len(missing)} of {total} files",
                "layout",
                "",
            )
        )
    findings += [
        Finding(f"{label} official DRC deck", deck.is_file(), _presence(deck), str(deck), FULL_DATA, False)
        for deck in pdk.drc_decks
    ]
    return findings


def _presence(path: Path) -> str:
    return "present" if path.is_file() else "missing"
