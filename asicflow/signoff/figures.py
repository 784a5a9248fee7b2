"""Pick the figures that the report shows large, and format them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from asicflow.signoff.evidence import Evidence
from asicflow.signoff.plots import NARROW, WIDE, Bar, Format, Mark, Span, bar_chart, line_chart
from asicflow.signoff.verdict import Figure

_BARS = 12
"""Bars of a chart; what is left is summed in one more."""

UNITS = {
    "um2": "µm²",
    "um": "µm",
    "ns": "ns",
    "us": "µs",
    "mhz": "MHz",
    "pf": "pF",
    "percent": "%",
    "bytes": "bytes",
    "s": "s",
    "v": "V",
    "mw": "mW",
    "uj": "µJ",
    "ff": "fF",
}


@dataclass(frozen=True)
class Tile:
    """A large figure of the report's head."""

    label: str
    value: str
    note: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Chart:
    """A titled chart."""

    title: str
    note: str
    svg: Markup


def unit(key: str) -> str:
    """The unit that a figure's name ends with."""
    return UNITS.get(key.rsplit("_", 1)[-1].lower(), "")


def label(key: str) -> str:
    """A figure's name for people: ``worst_slack_ns`` becomes ``worst slack``."""
    head, _, last = key.rpartition("_")
    return (head if head and last.lower() in UNITS else key).replace("_", " ")


def text(value: Figure, key: str = "") -> str:
    """A figure with its unit."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    suffix = f" {unit(key)}" if unit(key) else ""
    if isinstance(value, int):
        return f"{value:,}{suffix}"
    if isinstance(value, float):
        return f"{_decimal(value)}{suffix}"
    return str(value)


def _decimal(value: float) -> str:
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.1f}"
    if abs(value) >= 0.01:
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return f"{value:.3g}"


def of(evidence: Evidence, gate_id: str, key: str) -> Any:
    """A figure of a gate, or None when the gate or the figure is absent."""
    for gate in evidence["gates"]:
        if gate["id"] == gate_id:
            return gate["figures"].get(key)
    return None


def rows(evidence: Evidence, gate_id: str, name: str) -> list[dict[str, Any]]:
    """A table of a gate; empty when absent."""
    for gate in evidence["gates"]:
        if gate["id"] == gate_id:
            return list(gate.get("tables", {}).get(name, []))
    return []


def tiles(evidence: Evidence) -> list[Tile]:
    """The large figures, those that exist."""
    return [t for t in (_die(evidence), _area(evidence), *_timing(evidence), *_speed(evidence),
                        _accuracy(evidence), _exactness(evidence), _lvs(evidence)) if t]  # fmt: skip


def _die(evidence: Evidence) -> Tile | None:
    width, height = of(evidence, "layout.sanity", "width_um"), of(evidence, "layout.sanity", "height_um")
    if width is None or height is None:
        return None
    return Tile("Die", f"{width:.0f} × {height:.0f} µm", f"{width * height / 1e6:.3f} mm²")


def _area(evidence: Evidence) -> Tile | None:
    area = of(evidence, "layout.area", "cell_area_um2")
    if area is None:
        return None
    share = of(evidence, "layout.area", "utilization_percent")
    note = f"{of(evidence, 'layout.area', 'logic_cells'):,} cells"
    return Tile("Cell area", f"{area:,.0f} µm²", note + (f", {share:.0f} % of the core" if share else ""))


def _timing(evidence: Evidence) -> list[Tile]:
    found = []
    for gate, title in (("timing.setup", "Setup slack"), ("timing.hold", "Hold slack")):
        slack = of(evidence, gate, "worst_slack_ns")
        if slack is not None:
            note = f"worst corner: {of(evidence, gate, 'worst_corner')}"
            found.append(Tile(title, f"{slack:+.3f} ns", note, "bad" if slack < 0 else "good"))
    return found


def _speed(evidence: Evidence) -> list[Tile]:
    found = []
    period = of(evidence, "timing.clock", "period_ns")
    fmax = of(evidence, "timing.setup", "fmax_mhz")
    if period:
        note = f"up to {fmax:.0f} MHz in the worst corner" if fmax else ""
        found.append(Tile("Clock", f"{1000 / period:.1f} MHz", note))
    cycles = of(evidence, "rtl.exactness", "cycles")
    if cycles:
        latency = f"{cycles * period / 1000:.2f} µs at this clock" if period else ""
        found.append(Tile("Cycles per inference", f"{cycles:,}", latency))
    return found


def _accuracy(evidence: Evidence) -> Tile | None:
    fixed = of(evidence, "model.accuracy", "accuracy_fixed_percent")
    if fixed is None:
        return None
    floating = of(evidence, "model.accuracy", "accuracy_float_percent")
    return Tile("Accuracy", f"{fixed:.2f} %", f"float: {floating:.2f} %" if floating is not None else "")


def _exactness(evidence: Evidence) -> Tile | None:
    counts = [of(evidence, g, "vectors_exact") for g in ("rtl.exactness", "equivalence.mapped",
                                                         "equivalence.routed")]  # fmt: skip
    done = [c for c in counts if c is not None]
    if not done:
        return None
    kind = "bad" if _failed(evidence, "rtl.exactness", "equivalence.mapped", "equivalence.routed") else "good"
    return Tile("Bit-exact vectors", f"{min(done):,}", f"in {len(done)} of 3: RTL, mapped, routed", kind)


def _lvs(evidence: Evidence) -> Tile | None:
    nets = of(evidence, "lvs.top", "nets_matched")
    if nets is None:
        return None
    pins = of(evidence, "lvs.top", "pins_matched")
    kind = "bad" if _failed(evidence, "lvs.top") else "good"
    return Tile("LVS", f"{nets:,} nets", f"{pins:,} pins matched", kind)


def _failed(evidence: Evidence, *ids: str) -> bool:
    return any(g["verdict"] == "FAIL" for g in evidence["gates"] if g["id"] in ids)


def charts(evidence: Evidence) -> list[Chart]:
    """The charts, those that have data."""
    made = (_slack_chart(evidence, "timing.setup", "Setup slack per corner"),
            _slack_chart(evidence, "timing.hold", "Hold slack per corner"),
            _area_chart(evidence, "kind"), _area_chart(evidence, "block"),
            _accuracy_chart(evidence), _cycle_chart(evidence), _memory_chart(evidence),
            _density_chart(evidence), _power_chart(evidence))  # fmt: skip
    return [c for c in made if c]


def _slack_chart(evidence: Evidence, gate: str, title: str) -> Chart | None:
    corners = [r for r in rows(evidence, gate, "corners") if r.get("slack_ns") is not None]
    if not corners:
        return None
    bars = [
        Bar(str(r["corner"]), float(r["slack_ns"]), f"{r['slack_ns']:+.3f} ns",
            "bad" if r["slack_ns"] < 0 else "good")
        for r in corners
    ]  # fmt: skip
    return Chart(title, "with parasitics extracted from the routed layout", bar_chart(bars, title))


def _area_chart(evidence: Evidence, by: str) -> Chart | None:
    found = rows(evidence, "layout.area", f"{by}s")
    if not found:
        return None
    total = sum(float(r["area_um2"]) for r in found) or 1.0
    shown, rest = found[:_BARS], found[_BARS:]
    areas = [(str(r[by]), float(r["area_um2"])) for r in shown]
    if rest:
        areas.append((f"{len(rest)} more", sum(float(r["area_um2"]) for r in rest)))
    wide = by == "kind"
    bars = [Bar(name, area, f"{area:,.0f} µm²" + (f"  {area / total:.0%}" if wide else "")) for name, area in areas]
    form = WIDE if wide else Format(360, 134, 100)
    note = "netlist after routing; Liberty, macros as in their LEF"
    return Chart(f"Area by {by}", note, bar_chart(bars, "area", form=form))


def _accuracy_chart(evidence: Evidence) -> Chart | None:
    names = (("float", "accuracy_float_percent", "calm"), ("fixed point", "accuracy_fixed_percent", "main"),
             ("same decision", "agreement_percent", "main"))  # fmt: skip
    found = [(n, of(evidence, "model.accuracy", k), kind) for n, k, kind in names]
    bars = [Bar(n, float(v), f"{v:.2f} %", kind) for n, v, kind in found if v is not None]
    if not bars:
        return None
    samples = of(evidence, "model.accuracy", "samples")
    return Chart("Accuracy on the data", f"{samples:,} samples" if samples else "",
                 bar_chart(bars, "accuracy", form=NARROW))  # fmt: skip


def _cycle_chart(evidence: Evidence) -> Chart | None:
    layers = rows(evidence, "rtl.exactness", "cycles_per_layer")
    if not layers:
        return None
    bars = [Bar(str(r["layer"]), float(r["cycles"]), f"{r['cycles']:,}") for r in layers]
    return Chart("Cycle budget", "clock cycles per inference", bar_chart(bars, "cycles per layer", form=NARROW))


def _memory_chart(evidence: Evidence) -> Chart | None:
    programs = rows(evidence, "firmware.image", "programs")
    if not programs:
        return None
    shares = [(str(r["program"]), float(r["bytes"]), float(r["of"])) for r in programs]
    deepest = max(programs, key=lambda r: float(r["stack"]) / (float(r["stack_room"]) or 1))
    shares.append(("deepest stack", float(deepest["stack"]), float(deepest["stack_room"])))
    bars = [Bar(name, 100 * used / (room or 1), f"{100 * used / (room or 1):.0f} %", "bad" if used > room else "main")
            for name, used, room in shares]  # fmt: skip
    note = "programs in their memories, stack in what variables leave"
    return Chart("Memory budget", note, bar_chart(bars, "memory budget", [Mark(100, "full")], NARROW))


def _power_chart(evidence: Evidence) -> Chart | None:
    found = rows(evidence, "power.activity", "profile")
    if not found:
        return None
    phases = [str(r["phase"]) for r in found]
    spans = [Span(name, phases.index(name), phases.index(name) + phases.count(name)) for name in dict.fromkeys(phases)]
    values = [float(r["power_mw"]) for r in found]
    return Chart("Power over time", "netlist after routing as simulated, memory macros apart",
                 line_chart(values, spans, "mW", "power over time"))  # fmt: skip


def _density_chart(evidence: Evidence) -> Chart | None:
    layers = rows(evidence, "layout.density-max", "layers")
    if not layers:
        return None
    bars = [Bar(str(r["layer"]), float(r["mean_percent"]), f"{r['mean_percent']:.1f} %", "calm")
            for r in layers]  # fmt: skip
    limits = [float(r["limit_percent"]) for r in layers if r.get("limit_percent")]
    marks = [Mark(max(limits), f"max {max(limits):.0f} %")] if limits else []
    return Chart("Metal density", "mean over the die", bar_chart(bars, "metal density", marks, NARROW))


def precision(evidence: Evidence) -> list[dict[str, Any]]:
    """The precision table of the model's layers."""
    return rows(evidence, "model.range", "precision")


def legend(evidence: Evidence) -> list[dict[str, Any]]:
    """Layer names with the colours of the layout picture."""
    return rows(evidence, "layout.sanity", "layers")
