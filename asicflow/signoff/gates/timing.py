"""Gates on static timing: numbers from ``timing.json``, checked against the reports it names."""

from __future__ import annotations

import gzip
import re
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from asicflow.pdk.block import Block
from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import Gate
from asicflow.signoff.paths import read_paths
from asicflow.signoff.verdict import Finding, GateResult, Rows, Tool, Verdict, verdict_of

TIMING = "layout/timing.json"
SLACK_TOLERANCE_NS = 0.002

_SLACK = re.compile(r"^\s*(-?\d+\.\d+)\s+slack \((?:MET|VIOLATED)\)", re.MULTILINE)
_FANOUT = re.compile(r"\s*default_max_fanout\s*:\s*([\d.]+)")
_TOLD = re.compile(r"^(?:Warning: )?(There (?:is|are) .*)$", re.MULTILINE)
_ERROR = re.compile(r"^Error.*$", re.MULTILINE)
_PERIOD = re.compile(r"create_clock\b.*?-period\s+([\d.]+)")


class TimingGate(Gate):
    """Reads ``timing.json``."""

    inputs: ClassVar[tuple[str, ...]] = (TIMING,)

    def run(self, context: GateContext) -> GateResult:
        """Judge all corners; no corner at all is a FAIL."""
        timing = context.json(TIMING)
        if not timing.get("corners"):
            return GateResult(Verdict.FAIL, "timing.json holds no corner", tool=_tool(timing))
        result = self.judge(context, timing)
        result.tool = _tool(timing)
        return result

    @abstractmethod
    def judge(self, context: GateContext, timing: dict[str, Any]) -> GateResult:
        """The verdict on the corners."""


class SlackGate(TimingGate):
    """Slack in every corner, as ``timing.json`` says it and as the report shows it."""

    kind: ClassVar[str]

    def judge(self, context: GateContext, timing: dict[str, Any]) -> GateResult:
        """Demand slack >= 0 everywhere and a report that agrees."""
        rows: Rows = []
        findings: list[Finding] = []
        evidence: list[Path] = []
        for corner, data in timing["corners"].items():
            slack = float(data[f"{self.kind}_slack_ns"])
            violated = data.get(f"{self.kind}_violations", [])
            rows.append(
                {
                    "corner": corner,
                    "process": data["process"],
                    "voltage_v": data["voltage"],
                    "temperature": data["temperature"],
                    "slack_ns": round(slack, 4),
                    "total_negative_ns": data.get(f"{self.kind}_tns_ns"),
                    "paths": len(violated),
                }
            )
            findings += [
                Finding(f"{corner}: {p['slack_ns']:.3f} ns from {p['start']} to {p['end']}", "slack") for p in violated
            ]
            if slack < 0 and not violated:
                findings.append(Finding(f"{corner}: worst slack {slack:.3f} ns", "slack"))
            path = context.root / "layout" / data["reports"][self.kind]
            findings += check_report(path, slack, corner)
            evidence.append(path)
        worst = min(rows, key=lambda r: float(r["slack_ns"] or 0))
        figures: dict[str, Any] = {
            "worst_slack_ns": worst["slack_ns"],
            "worst_corner": worst["corner"],
            "corners": len(rows),
        }
        if self.kind == "setup":
            figures["fmax_mhz"] = round(float(timing["fmax_mhz"]), 2)
        text = f"worst slack {worst['slack_ns']:+.3f} ns in corner {worst['corner']}, {len(rows)} corners"
        if context.maybe_library is not None and (lent := borrowed(context.blocks)):
            text += f"; hard macros without a Liberty file of their own, timed with another corner's: {', '.join(lent)}"
        report = context.root / "layout" / timing["corners"][str(worst["corner"])]["reports"][self.kind]
        tables = {"corners": rows, "worst_paths": worst_paths(context, report)}
        return GateResult(verdict_of(findings), text, figures, tables, findings, evidence)


class SetupGate(SlackGate):
    """Setup."""

    id = "timing.setup"
    title = "Setup slack in every corner"
    kind = "setup"


class HoldGate(SlackGate):
    """Hold."""

    id = "timing.hold"
    title = "Hold slack in every corner"
    kind = "hold"


def borrowed(blocks: Sequence[Block]) -> list[str]:
    """Hard macros that have one Liberty file for several corners, each with these corners."""
    found = []
    for block in blocks:
        files = [str(path) for path in block.liberty.values()]
        named = {corner for corner, path in block.liberty.items() if files.count(str(path)) > 1}
        found += [f"{block.lef.stem} in {' = '.join(sorted(named))}"] if named else []
    return found


def check_report(path: Path, slack: float, corner: str) -> list[Finding]:
    """Problems of a path report: missing, an error in it, no path, or another slack than stated."""
    if not path.is_file():
        return [Finding(f"{corner}: the report {path.name} is missing", "report")]
    text = path.read_text()
    found = [Finding(f"{corner}: {m}", "report") for m in _ERROR.findall(text)]
    slacks = [float(s) for s in _SLACK.findall(text)]
    if not slacks:
        return [*found, Finding(f"{corner}: the report {path.name} shows no path", "report")]
    if abs(min(slacks) - slack) > SLACK_TOLERANCE_NS:
        text = f"{corner}: the report shows {min(slacks):.3f} ns, timing.json {slack:.3f} ns"
        found.append(Finding(text, "report"))
    return found


def worst_paths(context: GateContext, report: Path) -> Rows:
    """The paths of a report in words; the blocks that they cross where there is a netlist to tell them."""
    if not report.is_file():
        return []
    blocks = context.block_of if context.path("layout/{top}.pg.v").is_file() else {}
    return [{"slack_ns": path.slack_ns, "path": str(path)} for path in read_paths(report.read_text(), blocks)]


class LimitGate(TimingGate):
    """Electrical limits of the library in every corner."""

    key: ClassVar[str]
    unit: ClassVar[str]

    def judge(self, context: GateContext, timing: dict[str, Any]) -> GateResult:
        """Demand an empty list of violations in every corner."""
        findings, rows = [], []
        for corner, data in timing["corners"].items():
            violations = data[self.key]
            rows.append({"corner": corner, "violations": len(violations)})
            findings += [
                Finding(
                    f"{corner}: {v['pin']} ({v['cell']}) {v['value']:.4f} {self.unit}, limit "
                    f"{v['limit']:.4f} {self.unit}",
                    self.key,
                )
                for v in violations
            ]
        return GateResult(
            verdict_of(findings),
            f"{len(findings)} pins over their limit in {len(rows)} corners",
            {"violations": len(findings), "corners": len(rows)},
            {"corners": rows},
            findings,
        )


class SlewGate(LimitGate):
    """Max slew."""

    id = "timing.slew"
    title = "Max slew in every corner"
    key = "max_slew"
    unit = "ns"


class CapacitanceGate(LimitGate):
    """Max capacitance."""

    id = "timing.capacitance"
    title = "Max capacitance in every corner"
    key = "max_capacitance"
    unit = "pF"


class FanoutGate(TimingGate):
    """Fan-out of every net against the library's limit, where it states one."""

    id = "timing.fanout"
    title = "Max fan-out"
    mandatory = False
    inputs = (TIMING, "layout/{top}.pg.v")

    def judge(self, context: GateContext, timing: dict[str, Any]) -> GateResult:
        """Count the sinks of every net of the routed netlist."""
        sinks: dict[str, list[str]] = {}
        for net, pins in context.netlist.nets().items():
            cells = [(i, p, context.netlist.instances[i].cell) for i, p in pins if i]
            found = [f"{i}/{p}" for i, p, c in cells if context.macros[c].pins[p].direction == "INPUT"]
            if found:
                sinks[net] = found
        if not sinks:
            return GateResult(Verdict.FAIL, "the netlist has no net with a sink")
        net = max(sinks, key=lambda n: len(sinks[n]))
        figures: dict[str, Any] = {"largest_fanout": len(sinks[net]), "net": net}
        limit = max_fanout(context.library.slowest.liberty)
        if limit is None:
            return GateResult(
                Verdict.UNVERIFIED,
                f"the Liberty file states no max_fanout; the largest is {len(sinks[net])} (net {net})",
                figures,
                close="slew and capacitance limits bound the load; state a limit of your own if you want one",
            )
        findings = [
            Finding(f"net {n} has {len(s)} sinks, {limit:g} allowed", "fanout")
            for n, s in sinks.items()
            if len(s) > limit
        ]
        return GateResult(
            verdict_of(findings), f"{len(findings)} nets above {limit:g} sinks", figures, findings=findings
        )


def max_fanout(liberty: Path) -> float | None:
    """The library-wide ``default_max_fanout`` of a Liberty file, or None."""
    opener = gzip.open if liberty.suffix == ".gz" else open
    with opener(liberty, "rt") as lines:
        for line in lines:
            match = _FANOUT.match(line)
            if match:
                return float(match.group(1))
            if line.lstrip().startswith("cell"):
                return None
    return None


class UnconstrainedGate(TimingGate):
    """Every endpoint is constrained and every register is clocked."""

    id = "timing.unconstrained"
    title = "No unconstrained path"

    def judge(self, context: GateContext, timing: dict[str, Any]) -> GateResult:
        """Demand zero unconstrained endpoints, zero unclocked registers, and the report."""
        findings, rows, evidence = [], [], []
        for corner, data in timing["corners"].items():
            rows.append({"corner": corner, "unconstrained": data["unconstrained"], "unclocked": data["unclocked"]})
            for key in ("unconstrained", "unclocked"):
                if data[key]:
                    findings.append(Finding(f"{corner}: {data[key]} {key} endpoints", key))
            path = context.root / "layout" / data["reports"]["check"]
            evidence.append(path)
            if not path.is_file():
                findings.append(Finding(f"{corner}: the report {path.name} is missing", "report"))
                continue
            told = _TOLD.findall(path.read_text())
            if data["tied"]:
                tied = re.compile(rf"There \w+ {len(data['tied'])} unconstrained endpoint")
                told = [line for line in told if not tied.match(line)]
            findings += [Finding(f"{corner}: {line}", "setup_check") for line in told]
        total = sum(int(r["unconstrained"] or 0) + int(r["unclocked"] or 0) for r in rows)
        return GateResult(
            verdict_of(findings),
            f"{total} unconstrained endpoints in {len(rows)} corners",
            {"unconstrained": total},
            {"corners": rows},
            findings,
            evidence,
        )


class ClockGate(TimingGate):
    """The clock analysed is the clock asked for."""

    id = "timing.clock"
    title = "Clock period as asked"
    inputs = (TIMING, "soc/soc.json")

    def judge(self, context: GateContext, timing: dict[str, Any]) -> GateResult:
        """Compare the configuration, soc.json, the SDC and every corner."""
        soc = context.json("soc/soc.json")
        sdc = context.root / "soc" / soc["sdc"]
        asked = float(context.config.clock.period_ns or soc["clock"]["period_ns"])
        found = {"soc.json": float(soc["clock"]["period_ns"])}
        if sdc.is_file():
            periods = [float(p) for p in _PERIOD.findall(sdc.read_text())]
            found["SDC"] = max(periods, default=0.0)
        else:
            found["SDC"] = 0.0
        found |= {f"corner {c}": float(d["clock_period_ns"]) for c, d in timing["corners"].items()}
        findings = [
            Finding(f"{where}: {period:g} ns, asked {asked:g} ns", "period")
            for where, period in found.items()
            if abs(period - asked) > 1e-3
        ]
        return GateResult(
            verdict_of(findings),
            f"{asked:g} ns in {len(found)} places",
            {"period_ns": asked},
            findings=findings,
            evidence=[sdc],
        )


class CornersGate(TimingGate):
    """The analysed corners are those of the supply: slow, typical and fast, at the right volts."""

    id = "timing.corners"
    title = "Corner set matches the supply"

    def judge(self, context: GateContext, timing: dict[str, Any]) -> GateResult:
        """Compare with the PDK's corners of the configured supply."""
        library = context.library
        wanted = {n: (c.process, c.voltage, float(c.temperature)) for n, c in library.corners.items()}
        found = {n: (c["process"], c["voltage"], float(c["temperature"])) for n, c in timing["corners"].items()}
        findings = [Finding(f"corner {n} was not analysed", "missing") for n in wanted if n not in found]
        findings += [Finding(f"corner {n} is not one of {library.supply} V", "extra") for n in found if n not in wanted]
        findings += [
            Finding(f"corner {n} is {found[n]}, the PDK file says {wanted[n]}", "differs")
            for n in wanted
            if n in found and found[n] != wanted[n]
        ]
        processes = {p for p, _, _ in found.values()}
        for process in sorted({"ss", "ff"} - processes):
            findings.append(Finding(f"no {process} corner", "process"))
        rows: Rows = [{"corner": n, "process": p, "voltage_v": v, "temperature": t} for n, (p, v, t) in found.items()]
        volts = ", ".join(f"{v:g} V" for _, v, _ in found.values())
        return GateResult(
            verdict_of(findings),
            f"{len(found)} corners ({volts}) for a {library.supply:g} V supply",
            {"supply_v": library.supply, "corners": len(found)},
            {"corners": rows},
            findings,
        )


def _tool(timing: dict[str, Any]) -> Tool:
    name, _, version = str(timing.get("tool", "")).partition(" ")
    return Tool(name or "unknown", version or "unknown")
