"""Static timing analysis with OpenSTA: one process per corner, numbers judged here.

OpenSTA 2.0 (Debian 12) ends with code 0 after a Tcl error and has no report of
slew and load violations.  So the script writes raw numbers, and this module
fails on any error line, on a missing result and on a net without parasitics.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from pydantic import BaseModel

from asicflow.errors import StageError, ToolMissing
from asicflow.flow.files import copy_plain
from asicflow.flow.port_load import add_port_loads, split_load
from asicflow.pdk.config import Corner
from asicflow.pdk.liberty import LibertyCell, read_liberty

SCRIPT = Path(__file__).with_name("sta.tcl")
INSTALL = "apt-get install opensta"
MAX_PATHS = 100_000
_LIBERTY = "corner.lib"
"""End of the names under which OpenSTA reads Liberty files: its warnings name them."""


class TimingPath(BaseModel):
    """One timing path: slack in ns, names of its first and last pin."""

    slack_ns: float
    start: str
    end: str


class Violation(BaseModel):
    """One electrical limit that is exceeded; slews in ns, capacitances in pF."""

    pin: str
    cell: str
    value: float
    limit: float


class CornerTiming(BaseModel):
    """Timing of one corner; times in ns, frequency in MHz, power in mW.

    ``register_slack_ns`` is the worst setup slack from register to register, of the worst path to every
    endpoint; it sets ``fmax_mhz``: port delays are shares of the period, so port paths scale with it.
    ``tied`` are endpoints at a constant, and pins of both directions that the design has not connected: they are not
    counted as unconstrained.
    """

    corner: str
    process: str
    voltage: float
    temperature: float
    setup_slack_ns: float
    hold_slack_ns: float
    register_slack_ns: float
    setup_tns_ns: float
    hold_tns_ns: float
    setup_violations: list[TimingPath]
    hold_violations: list[TimingPath]
    max_slew: list[Violation]
    max_capacitance: list[Violation]
    unconstrained: int
    tied: list[str]
    unclocked: int
    clock_skew_ns: float
    clock_period_ns: float
    fmax_mhz: float
    power_mw: float
    reports: dict[str, str]

    @property
    def clean(self) -> bool:
        """True when nothing is violated and every endpoint is constrained."""
        return (
            self.setup_slack_ns >= 0
            and self.hold_slack_ns >= 0
            and not (self.max_slew or self.max_capacitance or self.unconstrained or self.unclocked)
        )


@cache
def version() -> str:
    """Return the version of the ``sta`` on PATH.

    Raises
    ------
    ToolMissing
        If there is none.
    """
    executable = shutil.which("sta")
    if executable is None:
        raise ToolMissing("OpenSTA", INSTALL)
    done = subprocess.run([executable, "-version"], capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).split()[0]


def analyse(
    netlist: Path,
    spef: Path,
    sdc: Path,
    top: str,
    name: str,
    corner: Corner,
    out: Path,
    blocks: Sequence[Path] = (),
) -> CornerTiming:
    """Analyse one corner.

    Parameters
    ----------
    netlist : Path
        Structural Verilog of library cells, without power pins.
    spef : Path
        Parasitics of every net; OpenSTA reads plain text.
    sdc : Path
        Constraints; all clocks are propagated after reading them.
    top : str
        Top module.
    name : str
        Name of the corner.
    corner : Corner
        Gives the Liberty file.
    out : Path
        Folder for scripts, raw numbers and reports.
    blocks : sequence of Path
        Liberty files of the hard macros in this corner.

    Returns
    -------
    CornerTiming
        ``reports`` holds paths of the text reports.

    Raises
    ------
    ToolMissing
        If OpenSTA is not installed.
    StageError
        If a file is missing, OpenSTA reports an error, a constraint names
        something that does not exist, or a net has no parasitics.
    """
    version()
    libraries = [corner.liberty, *dict.fromkeys(blocks)]
    files = [("netlist", netlist), ("SPEF", spef), ("SDC", sdc), *(("Liberty file", path) for path in libraries)]
    for what, path in files:
        if not path.is_file() or path.stat().st_size == 0:
            raise StageError(f"timing needs a {what} that is not there or is empty", where=str(path))
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    texts = [out / f"{k}.{_LIBERTY}" for k in range(len(libraries))]
    for path, text in zip(libraries, texts, strict=True):
        copy_plain(path, text)  # OpenSTA 2.0 does not unpack
    constraints, load = split_load(sdc.read_text())
    loaded, unloaded = out / "loaded.spef", out / "unloaded.sdc"
    loaded.write_text(add_port_loads(spef.read_text(), load))
    unloaded.write_text(constraints)
    log = _run(netlist, loaded, unloaded, top, texts, out)
    for text in texts:
        text.unlink()
    _check_log(log, out)
    _check_parasitics(loaded, out)
    loaded.unlink()
    cells = {name: cell for path in libraries for name, cell in read_liberty(path).cells.items()}
    return _collect(name, corner, cells, out)


def _run(netlist: Path, spef: Path, sdc: Path, top: str, liberties: Sequence[Path], out: Path) -> str:
    values = {
        "liberties": " ".join(f"{{{path.resolve()}}}" for path in liberties),
        "netlist": netlist,
        "top": top,
        "spef": spef,
        "sdc": sdc,
        "paths": MAX_PATHS,
        "out": out,
    }
    lines = [f"set {key} {{{value.resolve() if isinstance(value, Path) else value}}}" for key, value in values.items()]
    lines += [
        f"if {{[catch {{source {{{SCRIPT}}}}} message]}} {{",
        '  puts "Error: $message"',
        "  exit 1",
        "}",
        "exit 0",
    ]
    script = out / "run.tcl"
    script.write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        ["sta", "-no_splash", "-exit", str(script)], capture_output=True, text=True, check=False, cwd=out
    )
    log = done.stdout + done.stderr
    (out / "sta.log").write_text(log)
    if done.returncode != 0 and "Error" not in log:
        raise StageError(f"OpenSTA stopped with code {done.returncode}", where=str(out / "sta.log"))
    return log


def _check_log(log: str, out: Path) -> None:
    """Fail on every error, and on every warning that is not about the Liberty file.

    OpenSTA only warns when the SPEF has a syntax error, a constraint names an
    unknown object, or a cell becomes a black box; each makes the numbers worthless.
    """
    errors = [line for line in log.splitlines() if line.startswith("Error")]
    doubts = [line for line in log.splitlines() if line.startswith("Warning") and _LIBERTY not in line]
    if errors or doubts:
        raise StageError(f"OpenSTA: {(errors or doubts)[0]}", where=str(out / "sta.log"))
    if not (out / "done.txt").exists():
        raise StageError("OpenSTA did not reach the end of its script", where=str(out / "sta.log"))


def _check_parasitics(spef: Path, out: Path) -> None:
    """Every driven net must be in the SPEF file, and OpenSTA must see its capacitance as load.

    OpenSTA drops a net without a word when its resistors do not reach a driver. An output that drives nothing
    has neither load nor parasitics.
    """
    expected = spef_capacitances(spef.read_text().splitlines())
    loads = {plain(net): float(farads) for _, net, farads in _rows(out / "loads.txt")}
    missing = sorted(net for net, farads in loads.items() if farads > 0 and net not in expected)
    if missing:
        raise StageError(
            f"{len(missing)} of {len(loads)} nets have no parasitics, for example {missing[0]}",
            where=str(spef),
        )
    lost = sorted(net for net, farads in loads.items() if farads < 0.95 * expected.get(net, 0.0))
    if lost:
        raise StageError(
            f"OpenSTA did not take the parasitics of {len(lost)} nets, for example {lost[0]}", where=str(spef)
        )


def spef_capacitances(lines: Iterable[str]) -> dict[str, float]:
    """Return the total capacitance in F of each net of a SPEF file, with its name map resolved."""
    names: dict[str, str] = {}
    found: dict[str, float] = {}
    unit = 1e-12
    for line in lines:
        if not line.startswith("*"):
            continue
        words = line.split()
        if words[0] == "*D_NET":
            found[plain(names.get(words[1], words[1]))] = float(words[2]) * unit
        elif words[0] == "*C_UNIT":
            unit = float(words[1]) * {"PF": 1e-12, "FF": 1e-15}[words[2]]
        elif words[0][1:].isdigit() and len(words) == 2:
            names[words[0]] = words[1]
    return found


def plain(name: str) -> str:
    """Return a name without escapes."""
    return name.replace("\\", "")


def _rows(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text().splitlines() if line]


def _collect(name: str, corner: Corner, views: Mapping[str, LibertyCell], out: Path) -> CornerTiming:
    summary = {row[0]: row[1:] for row in _rows(out / "summary.txt")}
    if "clock" not in summary:
        raise StageError("the constraints define no clock", where=str(out / "sta.log"))
    period = float(summary["clock"][1])
    setup = float(summary["worst_max"][0])
    register = min(
        (float(slack) for slack, *ends in _rows(out / "setup.txt") if all("/" in e for e in ends)), default=setup
    )
    slews, loads = limits(views, out)
    check = (out / "check.rpt").read_text()
    tied = tied_endpoints(check, {row[0] for row in _rows(out / "constant.txt")})
    return CornerTiming(
        corner=name,
        process=corner.process,
        voltage=corner.voltage,
        temperature=corner.temperature,
        setup_slack_ns=setup,
        hold_slack_ns=float(summary["worst_min"][0]),
        register_slack_ns=register,
        setup_tns_ns=float(summary["total_max"][0]),
        hold_tns_ns=float(summary["total_min"][0]),
        setup_violations=_paths(out / "setup.txt"),
        hold_violations=_paths(out / "hold.txt"),
        max_slew=slews,
        max_capacitance=loads,
        unconstrained=counted(check, "unconstrained endpoint") - len(tied),
        tied=[plain(name) for name in tied],
        unclocked=counted(check, "unclocked"),
        clock_skew_ns=skew((out / "skew.rpt").read_text()),
        clock_period_ns=period,
        fmax_mhz=1000.0 / (period - register),
        power_mw=power((out / "power.rpt").read_text()),
        reports={kind: str(out / f"{kind}.rpt") for kind in ("setup", "hold", "skew", "check", "power")},
    )


def _paths(path: Path) -> list[TimingPath]:
    """Return the violated paths, worst first."""
    found = [TimingPath(slack_ns=float(slack), start=plain(start), end=plain(end)) for slack, start, end in _rows(path)]
    return sorted((p for p in found if p.slack_ns < 0), key=lambda p: p.slack_ns)


def limits(views: Mapping[str, LibertyCell], out: Path) -> tuple[list[Violation], list[Violation]]:
    """Compare every slew and every load with the Liberty limits; worst excess first."""
    cells = {plain(row[0]): row[1] for row in _rows(out / "cells.txt")}
    slews = []
    for pin, seconds in _rows(out / "slews.txt"):
        cell, port = _cell_and_port(plain(pin), cells)
        limit = views[cell].pins[port].max_transition
        value = float(seconds) * 1e9
        if limit is not None and value > limit:
            slews.append(Violation(pin=plain(pin), cell=cell, value=value, limit=limit))
    loads = []
    for pin, _net, farads in _rows(out / "loads.txt"):
        cell, port = _cell_and_port(plain(pin), cells)
        limit = views[cell].pins[port].max_capacitance
        value = float(farads) * 1e12
        if limit is not None and value > limit:
            loads.append(Violation(pin=plain(pin), cell=cell, value=value, limit=limit))

    def excess(violation: Violation) -> float:
        return violation.value / violation.limit

    return sorted(slews, key=excess, reverse=True), sorted(loads, key=excess, reverse=True)


def _cell_and_port(pin: str, cells: dict[str, str]) -> tuple[str, str]:
    instance, port = pin.rsplit("/", 1)
    return cells[instance], port


def counted(report: str, what: str) -> int:
    """Return the number in ``There are N <what>``, 0 when the report does not mention it."""
    match = re.search(rf"There (?:is|are) (\d+) {what}", report)
    return int(match[1]) if match else 0


def tied_endpoints(report: str, constant: Collection[str]) -> list[str]:
    """Return the unconstrained endpoints that are tied to a constant: they need no constraint."""
    listed = re.search(r"unconstrained endpoints?\.\n((?:[ \t]+\S+\n?)*)", report)
    return [name for name in listed[1].split() if name in constant] if listed else []


def skew(report: str) -> float:
    """Return the clock skew in ns, the last number of the last three-column line."""
    found = re.findall(r"^\s*-?[\d.]+\s+-?[\d.]+\s+(-?[\d.]+)\s*$", report, re.MULTILINE)
    return max((abs(float(value)) for value in found), default=0.0)


def power(report: str) -> float:
    """Return the total power in mW at the analyser's default activity (an estimate, not a measurement)."""
    match = re.search(r"^Total\s+\S+\s+\S+\s+\S+\s+(\S+)", report, re.MULTILINE)
    return float(match[1]) * 1e3 if match else 0.0
