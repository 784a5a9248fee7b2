"""The one way to Yosys: the system's executable, or the pyosys wheel.

Everything in asicflow that needs Yosys calls :func:`command`,
:func:`run_yosys` or :func:`launcher`; nothing imports pyosys directly, so a
crash or a fatal error inside Yosys never takes the calling process down.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path

from asicflow.errors import StageError, ToolMissing
from asicflow.pdk.config import ClockGate
from asicflow.resources import resource

log = logging.getLogger(__name__)

MIN_VERSION = (0, 48)


@cache
def command() -> tuple[str, ...]:
    """Return the words that start Yosys.

    The system's ``yosys`` is taken when it is at least version 0.48 and has Tcl,
    otherwise the pyosys wheel through :mod:`asicflow.flow.yosys_shell`.

    Raises
    ------
    ToolMissing
        If there is neither, or if the wheel is there without Python's Tcl.
    """
    system = shutil.which("yosys")
    if system and _system_is_usable(system):
        return (system,)
    if importlib.util.find_spec("pyosys") is None:
        raise ToolMissing("Yosys >= 0.48", f"{sys.executable} -m pip install pyosys")
    if importlib.util.find_spec("_tkinter") is None:
        raise ToolMissing("Tcl for Python (the tkinter module)", "apt-get install python3-tk")
    return (sys.executable, "-m", "asicflow.flow.yosys_shell")


def _system_is_usable(executable: str) -> bool:
    """Tell whether an installed Yosys is new enough and can run a Tcl script."""
    found = parse_version(_output([executable, "--version"]))
    if found is None or found < MIN_VERSION:
        log.info("%s is too old (%s); using the pyosys wheel", executable, found)
        return False
    tcl = subprocess.run([executable, "-c", os.devnull], capture_output=True, check=False)
    return tcl.returncode == 0


@cache
def version() -> str:
    """Return the first line Yosys prints about its version."""
    return _output([*command(), "--version"]).splitlines()[0]


def parse_version(text: str) -> tuple[int, int] | None:
    """Return (major, minor) from the text of ``yosys --version``, or None."""
    match = re.match(r"Yosys (\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


def _output(words: list[str]) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=False, env=_environment()).stdout


def _environment() -> dict[str, str]:
    """Return the environment for Yosys: the package must be importable by the child."""
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def launcher(directory: Path) -> Path:
    """Write an executable named ``yosys`` into ``directory`` and return its path.

    The file is left untouched when it is already right, so that its time stamp
    does not make a finished step run again.
    """
    path = directory / "yosys"
    root = shlex.quote(str(Path(__file__).resolve().parents[2]))
    text = (
        "#!/bin/sh\n"
        f'PYTHONPATH={root}"${{PYTHONPATH:+:$PYTHONPATH}}"\nexport PYTHONPATH\n'
        f'exec {shlex.join(command())} "$@"\n'
    )
    if not path.exists() or path.read_text() != text:
        directory.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    return path


def run_yosys(script: str, log_file: Path, launcher: Sequence[str] = ()) -> None:
    """Run a Yosys script in a process of its own.

    Parameters
    ----------
    script : str
        Yosys commands, one per line; kept beside the log with suffix ``.ys``.
    log_file : Path
        Receives everything Yosys prints.
    launcher : sequence of str, optional
        What stands before the command, to run it elsewhere (`asicflow.explore.cluster`).

    Raises
    ------
    ToolMissing
        If Yosys is not installed.
    StageError
        If a command fails; shows Yosys' own error lines and names the log.
    """
    log_file.parent.mkdir(parents=True, exist_ok=True)
    script_file = log_file.with_suffix(".ys")
    script_file.write_text(script)
    with log_file.open("w") as out:
        done = subprocess.run(
            [*launcher, *command(), "-s", str(script_file)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=_environment(), check=False,
        )  # fmt: skip
    if done.returncode != 0:
        text = log_file.read_text(errors="replace")
        raise StageError(
            f"Yosys stopped with code {done.returncode}: {error_lines(text)}",
            where=str(log_file),
            hint="read the log; the last command before the error is the one that failed",
        )


def error_lines(text: str, count: int = 3) -> str:
    """Return the last ``ERROR`` lines of a log, or its last lines when there are none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return " | ".join((errors or lines)[-count:])


def functional_netlist(
    netlist: Path,
    top: str,
    liberty: Path,
    out: Path,
    *,
    physical_cells: Collection[str] = (),
    boxes: Path | None = None,
    clock_gate: ClockGate | None = None,
) -> None:
    """Turn a mapped netlist into plain Verilog by replacing every cell by its Liberty function.

    The result holds one flat module ``top`` without any library cell, so a
    simulator needs no cell models.  Nothing is optimised: each gate stays.

    Parameters
    ----------
    netlist : Path
        Structural Verilog of library cells, without power pins.
    top : str
        Top module.
    liberty : Path
        Any corner of the library (functions do not depend on the corner); ``.lib`` or ``.lib.gz``.
    out : Path
        Verilog to write; the log goes beside it with suffix ``.log``.
    physical_cells : collection of str
        Names of cells without function (fillers, taps, decoupling, antenna diodes), which are dropped.
    boxes : Path, optional
        Modules without contents, for hard macros: their instances stay, the simulation needs models.
    clock_gate : ClockGate, optional
        The library's clock gates, whose function Liberty states in a form that Yosys does not read.

    Raises
    ------
    StageError
        If a cell is neither in the Liberty file, physical nor a hard macro, or has no function there.
    """
    macros = f"read_verilog {_quoted(boxes)}" if boxes else ""
    kept = re.findall(r"^module (\S+)", boxes.read_text(), re.MULTILINE) if boxes else []
    unknown = "t:* t:$* %d" + "".join(f" t:{name} %d" for name in kept)
    drop = "\n".join(f"delete t:{name}" for name in sorted(physical_cells))
    run_yosys(
        f"""{macros}
read_verilog {_quoted(netlist)}
{drop}
read_liberty -overwrite -ignore_miss_func {_quoted(liberty)}
{clock_gate_script(clock_gate, out.with_suffix(".gates.v"))}
hierarchy -check -top {top}
flatten
select -assert-none {unknown}
clean -purge
write_verilog -noattr {_quoted(out)}
""",
        out.with_suffix(".log"),
    )


def clock_gate_script(clock_gate: ClockGate | None, wrappers: Path, black_box: bool = False) -> str:
    """Yosys commands that make a library's clock gates instances of the module ``clock_gate``.

    Parameters
    ----------
    clock_gate : ClockGate or None
        Cells and pins; None: no command.
    wrappers : Path
        Verilog file to write: one module for each cell.
    black_box : bool
        Leave ``clock_gate`` without contents.
    """
    if clock_gate is None:
        return ""
    gate = clock_gate
    inputs = [gate.clock, gate.enable, *gate.low]
    enable = " | ".join([gate.enable, *gate.low])
    wrappers.write_text(
        "".join(
            f"module {cell} ({', '.join([*inputs, gate.output])});\n"
            f"  input {', '.join(inputs)};\n  output {gate.output};\n"
            f"  clock_gate i_gate (.clk_i({gate.clock}), .enable_i({enable}), .clk_o({gate.output}));\nendmodule\n"
            for cell in gate.cells
        )
    )
    model = f"read_verilog -sv {'-lib ' if black_box else ''}{_quoted(resource('pdk_configs/clock_gate.sv'))}"
    return f"read_verilog -overwrite {_quoted(wrappers)}\n{model}\nproc"


def flatten_netlist(netlist: Path, top: str, separator: str, log_file: Path) -> None:
    """Flatten a mapped netlist in place.

    Parameters
    ----------
    netlist : Path
        Structural Verilog of library cells and modules.
    top : str
        Top module.
    separator : str
        Joins the names of the levels.
    log_file : Path
        Receives Yosys' log.

    Raises
    ------
    StageError
        If Yosys cannot read the netlist.
    """
    run_yosys(
        f"""read_verilog {_quoted(netlist)}
hierarchy -top {top}
setattr -mod -unset keep_hierarchy
scratchpad -set flatten.separator {separator}
flatten
opt_clean -purge
write_verilog -noexpr -nohex -nodec {_quoted(netlist)}
""",
        log_file,
    )


def liberty_models(liberty: Path, cells: Collection[str], out: Path) -> None:
    """Write functional Verilog modules of some library cells, derived from their Liberty functions.

    Parameters
    ----------
    liberty : Path
        ``.lib`` or ``.lib.gz``.
    cells : collection of str
        Cell names.
    out : Path
        Verilog to write; the log goes beside it with suffix ``.log``.

    Raises
    ------
    StageError
        If a cell is not in the Liberty file or has no function there.
    """
    names = sorted(cells)
    checks = "\n".join(f"select -assert-any {name}" for name in names)
    run_yosys(
        f"""read_liberty -ignore_miss_func {_quoted(liberty)}
{checks}
select {" ".join(names)}
write_verilog -noattr -selected {_quoted(out)}
""",
        out.with_suffix(".log"),
    )


def _quoted(path: Path) -> str:
    """Return a path as a Yosys script argument."""
    return f'"{path.resolve()}"'
