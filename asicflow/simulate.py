"""Build a Verilator model with a C++ main, cached by the content of everything that goes in."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from asicflow.errors import StageError, ToolMissing

log = logging.getLogger(__name__)

VERILATOR_INSTALL = "apt-get install verilator g++ make"


@cache
def verilator_version() -> str:
    """Return the version string of the Verilator on PATH, for example ``"5.006"``.

    Raises
    ------
    ToolMissing
        If Verilator, g++ or make is not installed.
    """
    for tool in ("verilator", "g++", "make"):
        if shutil.which(tool) is None:
            raise ToolMissing(tool, VERILATOR_INSTALL)
    text = subprocess.run(["verilator", "--version"], capture_output=True, text=True, check=True).stdout
    return text.split()[1]


def build_verilator(
    top: str,
    sources: Sequence[Path],
    main_cpp: Path,
    build_dir: Path,
    *,
    defines: Mapping[str, str | int] | None = None,
    args: Sequence[str] = (),
    optimise: str = "-O2",
) -> Path:
    """Compile ``sources`` and ``main_cpp`` into an executable.

    Parameters
    ----------
    top : str
        Top module; the C++ class is ``V<top>`` from ``"V<top>.h"``.
    sources : sequence of Path
        Verilog or SystemVerilog files.
    main_cpp : Path
        C++ file with ``main``.
    build_dir : Path
        Directory for the build; reused when nothing changed.
    defines : mapping, optional
        C++ macros (``-D``) for ``main_cpp``.
    args : sequence of str
        More Verilator arguments, for example ``["--trace"]``.
    optimise : str
        The C++ compiler's level for the model's cycle; what runs once is not optimised.

    Returns
    -------
    Path
        The executable.

    Raises
    ------
    ToolMissing
        If Verilator, g++ or make is not installed.
    StageError
        If the build fails; names the log file and shows the first error lines.
    """
    version = verilator_version()
    macros = {k: str(v) for k, v in (defines or {}).items()}
    digest = hashlib.sha256(repr((version, top, sorted(macros.items()), list(args), optimise)).encode())
    for path in (*sources, main_cpp):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    exe = build_dir / f"sim_{top}"
    stamp = build_dir / "inputs.sha256"
    if exe.exists() and stamp.exists() and stamp.read_text() == digest.hexdigest():
        return exe
    build_dir.mkdir(parents=True, exist_ok=True)
    cflags = " ".join(f"-D{k}={v}" for k, v in macros.items())
    command = [
        "verilator", "--cc", "--exe", "--build", "-O3", "--x-assign", "unique", "--x-initial", "unique",
        "-Wno-fatal", "-Wno-lint", "-j", str(os.cpu_count() or 1), "--top-module", top,
        *(("-CFLAGS", cflags) if cflags else ()), "-MAKEFLAGS", f"OPT_FAST={optimise} OPT_SLOW=-O0 OPT_GLOBAL=-O1",
        "--Mdir", str(build_dir / "obj"), *args,
        *(str(p.resolve()) for p in sources), str(main_cpp.resolve()), "-o", str(exe.resolve()),
    ]  # fmt: skip
    log.debug("running %s", " ".join(command))
    done = subprocess.run(command, capture_output=True, text=True)
    log_file = build_dir / "verilator.log"
    log_file.write_text(done.stdout + done.stderr)
    if done.returncode != 0 or not exe.exists():
        lines = [s for s in (done.stderr + done.stdout).splitlines() if "rror" in s]
        raise StageError(
            f"Verilator could not build {top}: " + " | ".join(lines[:3]),
            where=str(log_file),
            hint="read the log; the first error names the file and line",
        )
    stamp.write_text(digest.hexdigest())
    return exe
