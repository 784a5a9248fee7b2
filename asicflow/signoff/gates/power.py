"""Gates on power: an estimate from loads and activity, the energy of an inference, and the static IR drop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import klayout.db as kdb
import numpy as np

from asicflow.board.activity import PHASES, load_activity
from asicflow.flow.sta import spef_capacitances
from asicflow.pdk.config import Library
from asicflow.pdk.liberty import read_liberty
from asicflow.pdk.pads import pads
from asicflow.signoff.activity import LANES, GateNetlist, values_of
from asicflow.signoff.bus_schedule import BusSchedule
from asicflow.signoff.context import GateContext
from asicflow.signoff.energy import Energy, EnergyModel
from asicflow.signoff.extract import Point
from asicflow.signoff.gate import Gate
from asicflow.signoff.irdrop import Drop, build_grid, solve
from asicflow.signoff.replay import WINDOW, Replay
from asicflow.signoff.verdict import Figure, Finding, GateResult, Rows, Tool, verdict_of
from asicflow.soc.testbench import load_weights

SPEF = "layout/{top}.spef"
VECTORS = "model/vectors.npz"
ACTIVITY = "sim/activity.npz"
ASSUMED = 0.2
"""Transitions of a data net per clock cycle; a clock net makes two."""

INTERNAL = 1.0
"""Energy inside cells over the energy of the loads they switch: OpenSTA 2.0 reads no internal power."""

LIMIT = 0.05
"""Largest accepted drop of both supplies together, as a share of the supply voltage."""


class Span(NamedTuple):
    """The energy of cycles of a phase; with glitches if they were ``followed``."""

    phase: str
    first: int
    cycles: int
    followed: bool
    energy: Energy


@dataclass(frozen=True)
class PowerEstimate:
    """Power in W: switched loads, inside cells, leakage; and the current in A that each instance draws."""

    switching: float
    internal: float
    leakage: float
    current: dict[str, float]

    @property
    def total(self) -> float:
        """All three."""
        return self.switching + self.internal + self.leakage


def estimate(context: GateContext) -> PowerEstimate:
    """Estimate power at the nominal supply from extracted loads and a stated activity."""
    library = context.library
    volts, hertz = library.supply, 1e9 / period_ns(context)
    cells = read_liberty(library.typical.liberty).cells
    with context.path(SPEF).open() as lines:
        loads = spef_capacitances(lines)
    for instance in context.netlist.instances.values():
        cell = cells.get(instance.cell)
        for pin in cell.inputs() if cell else ():
            net = context.netlist.net(instance.pins.get(pin.name, "")).replace("\\", "")
            loads[net] = loads.get(net, 0.0) + pin.capacitance * 1e-12
    clock = _clock_nets(context)
    current: dict[str, float] = {}
    switching = leakage = 0.0
    for name, instance in context.netlist.instances.items():
        cell = cells.get(instance.cell)
        if cell is None:
            continue
        watts = 0.0
        for pin in cell.outputs():
            if pin.name in instance.pins:
                driven = context.netlist.net(instance.pins[pin.name])
                rate = 2.0 if driven in clock else ASSUMED
                watts += 0.5 * rate * loads.get(driven.replace("\\", ""), 0.0) * volts**2 * hertz
        still = cell.leakage * 1e-9
        switching += watts
        leakage += still
        current[name] = (watts * (1 + INTERNAL) + still) / volts
    return PowerEstimate(switching, switching * INTERNAL, leakage, current)


def _clock_nets(context: GateContext) -> set[str]:
    """Nets of the clock tree: the clock port, and what buffers and clock gates drive from it."""
    port = "clk"
    if context.path("soc/soc.json").is_file():
        port = context.json("soc/soc.json")["clock"]["port"]
    sinks: dict[str, list[str]] = {}
    for name, instance in context.netlist.instances.items():
        for net in instance.pins.values():
            sinks.setdefault(context.netlist.net(net), []).append(name)
    found, todo = set(), [context.netlist.net(port)]
    cells = context.library.cells
    outputs = dict.fromkeys((*cells.clock_buffers, *cells.buffers), cells.buffer_pins[1])
    if cells.clock_gate:
        outputs |= dict.fromkeys(cells.clock_gate.cells, cells.clock_gate.output)
    found_pads = pads(context.pdk) if context.pdk else None
    if found_pads:
        outputs |= {kind.cell: kind.input for kind in found_pads.kinds.values() if kind.input and not kind.output}
    while todo:
        net = todo.pop()
        if net in found:
            continue
        found.add(net)
        for name in sinks.get(net, ()):
            instance = context.netlist.instances[name]
            out = instance.pins.get(outputs.get(instance.cell, ""))
            if out is not None and context.netlist.net(out) != net:
                todo.append(context.netlist.net(out))
    return found


def wires_pf(context: GateContext) -> dict[str, float]:
    """Extracted capacitance of each net's wire, pF."""
    with context.path(SPEF).open() as lines:
        return {context.netlist.net(n): 1e12 * c for n, c in spef_capacitances(lines).items()}


def period_ns(context: GateContext) -> float:
    """The clock period: configuration, else the assembled design, else the PDK's default."""
    if context.config.clock.period_ns:
        return float(context.config.clock.period_ns)
    if context.path("soc/soc.json").is_file():
        return float(context.json("soc/soc.json")["clock"]["period_ns"])
    return context.library.clock_period_ns[context.config.top]


class PowerEstimateGate(Gate):
    """Power from extracted loads, a stated activity and Liberty's leakage."""

    id = "power.estimate"
    title = "Power estimate from extracted loads"
    mandatory = False
    inputs = ("layout/{top}.pg.v", SPEF)

    def run(self, context: GateContext) -> GateResult:
        """State the estimate; no load at all is a FAIL."""
        found = estimate(context)
        rows: Rows = [
            {"part": "loads", "power_mw": round(found.switching * 1e3, 4)},
            {"part": "inside cells", "power_mw": round(found.internal * 1e3, 4)},
            {"part": "leakage", "power_mw": round(found.leakage * 1e3, 6)},
        ]
        findings = [] if found.switching > 0 else [Finding("no net has a load", "load")]
        text = (
            f"{found.total * 1e3:.3g} mW at {context.library.supply:g} V and {period_ns(context):g} ns, "
            f"{ASSUMED:g} transitions per net and cycle assumed"
        )
        figures = {
            "power_mw": round(found.total * 1e3, 4),
            "activity": ASSUMED,
            "internal_over_switching": INTERNAL,
        }
        return GateResult(verdict_of(findings), text, dict(figures), {"parts": rows}, findings)


class InferenceEnergyGate(Gate):
    """Energy of an inference over the bus: the routed netlist simulated with real inputs, Liberty, extracted wires."""

    id = "power.inference"
    title = "Energy of an inference from simulated activity"
    mandatory = False
    inputs = ("layout/{top}.pg.v", SPEF, VECTORS, "soc/soc.json")

    def not_applicable(self, context: GateContext) -> str:
        """A whole system's inference is its processor's program."""
        return "" if context.top == "accel" else "a whole system: see power.activity"

    def run(self, context: GateContext) -> GateResult:
        """Simulate one inference in every lane; a wrong output is a FAIL."""
        library, clock = context.library, context.json("soc/soc.json")["clock"]["port"]
        engine = context.json("soc/soc.json")["engine"]
        with np.load(context.path(VECTORS)) as vectors:
            x_int, y_int = vectors["x_int"].astype(np.int64), vectors["y_int"].astype(np.int64)
        cells = read_liberty(library.typical.liberty, power=True).cells
        netlist = GateNetlist(context.netlist, cells, library, clock)
        image = load_weights(context.engine_dir)
        weights = image.words if image else []
        schedule = BusSchedule(x_int, y_int.shape[1], int(engine["cycles"]), weights)
        activity = netlist.simulate(schedule.stimuli, schedule.start)
        words = [netlist.port(activity, f"hrdata_o[{bit}]")[schedule.reads] for bit in range(32)]
        got = values_of(words).T
        wrong = np.flatnonzero((got != (y_int[schedule.counted] & 0xFFFFFFFF)).any(axis=1))
        findings = [Finding(f"vector {schedule.counted[k]} is not answered as the integer network does", "vector")
                    for k in wrong[:5]]  # fmt: skip
        period = period_ns(context)
        found = EnergyModel(netlist, library.supply, period, wires_pf(context)).of(activity).per(LANES)
        seconds = activity.cycles * period * 1e-9
        parts = {"loads": found.loads, "inside cells": found.cells, "clock": found.clock,
                 "leakage": found.leakage, "glitches": found.glitches}  # fmt: skip
        return GateResult(
            verdict_of(findings),
            f"{found.settled * 1e9:.3g} nJ without glitches, {found.total * 1e9:.3g} nJ with those of equal cell "
            f"delays, in {activity.cycles} cycles from the first input to the last output",
            {
                "energy_nj": round(found.total * 1e9, 4),
                "settled_nj": round(found.settled * 1e9, 4),
                "power_mw": round(found.total / seconds * 1e3, 4),
                "cycles": activity.cycles,
                "vectors": LANES,
            },
            {"parts": [{"part": name, "energy_nj": round(joule * 1e9, 5)} for name, joule in parts.items()]},
            findings,
        )


class ActivityPowerGate(Gate):
    """Power of a whole system's boot and inference: the routed netlist does again what pins and memories did."""

    id = "power.activity"
    title = "Power of boot and inference from simulated activity"
    mandatory = False
    inputs = ("layout/{top}.pg.v", SPEF, ACTIVITY, "soc/soc.json")

    def not_applicable(self, context: GateContext) -> str:
        """The accelerator alone does not boot; behind pads the clock comes through a cell without a Liberty view."""
        return {"accel": "the accelerator alone: see power.inference", "chip": "measured on top soc"}.get(
            context.config.top, ""
        )

    def run(self, context: GateContext) -> GateResult:
        """Simulate the recorded cycles; an output that differs from the record is a FAIL."""
        library, clock = context.library, context.json("soc/soc.json")["clock"]["port"]
        cells = read_liberty(library.typical.liberty, power=True).cells
        replay = Replay(context.netlist, cells, library, clock, load_activity(context.path(ACTIVITY)))
        period = period_ns(context)
        model = EnergyModel(replay.netlist, library.supply, period, wires_pf(context))
        spans = with_glitches(
            [
                Span(w.phase, w.first, w.activity.cycles, w.followed, model.of(w.activity).per(LANES))
                for w in replay.windows()
            ]
        )
        findings = [
            Finding(f"{d.output} is not what was recorded, from cycle {d.cycle} on", "output")
            for d in replay.differences.values()
        ]

        def watts(joule: float, cycles: int) -> float:
            return joule / (cycles * period * 1e-9)

        rows: Rows = []
        figures: dict[str, Figure] = {}
        for phase in PHASES:
            mine = [span for span in spans if span.phase == phase]
            cycles = sum(span.cycles for span in mine)
            settled, total = (sum(getattr(span.energy, kind) for span in mine) for kind in ("settled", "total"))
            rows.append({
                "phase": phase,
                "cycles": cycles,
                "power_mw": round(watts(total, cycles) * 1e3, 4),
                "without_glitches_mw": round(watts(settled, cycles) * 1e3, 4),
                "clock_mw": round(watts(sum(span.energy.clock for span in mine), cycles) * 1e3, 4),
                "energy_uj": round(total * 1e6, 4),
            })  # fmt: skip
            figures[f"{phase}_mw"] = round(watts(total, cycles) * 1e3, 4)
        most = max(watts(span.energy.total, span.cycles) for span in spans)
        followed = sum(span.cycles for span in spans if span.followed)
        figures |= {
            "most_mw": round(most * 1e3, 4),
            "cycles": sum(span.cycles for span in spans),
            "cycles_with_glitches": followed,
        }
        text = (
            ", ".join(f"{name} {figures[f'{name}_mw']:.3g} mW" for name in PHASES)
            + f" at {library.supply:g} V and {period:g} ns, memory macros apart; at most {figures['most_mw']:.3g} mW"
            f" in {WINDOW} cycles; {figures['cycles']} cycles as recorded, glitches followed in {followed} of them"
        )
        profile: Rows = [
            {"cycle": s.first, "phase": s.phase, "power_mw": round(watts(s.energy.total, s.cycles) * 1e3, 4)}
            for s in spans
        ]
        return GateResult(
            verdict_of(findings),
            findings[0].text if findings else text,
            figures,
            {"phases": rows, "profile": profile},
            findings,
        )


def with_glitches(spans: Sequence[Span]) -> list[Span]:
    """Give spans that were not followed as many glitches for their transitions as those of their phase that were."""
    shares = {}
    for phase in PHASES:
        followed = [span.energy for span in spans if span.phase == phase and span.followed]
        data = sum(energy.loads + energy.cells for energy in followed)
        shares[phase] = sum(energy.glitches for energy in followed) / data if data else 0.0

    def completed(phase: str, energy: Energy) -> Energy:
        return replace(energy, glitches=shares[phase] * (energy.loads + energy.cells))

    return [s if s.followed else s._replace(energy=completed(s.phase, s.energy)) for s in spans]


class IrDropGate(Gate):
    """Static drop on both supplies, from the drawn grid and the estimated currents."""

    id = "power.ir-drop"
    title = "Static IR drop"
    inputs = ("layout/{top}.gds", "layout/{top}.pg.v", "layout/{top}.def", SPEF)

    def run(self, context: GateContext) -> GateResult:
        """PASS when every cell is fed and the drops together stay below the limit."""
        power = estimate(context)
        library = context.library
        rows: Rows = []
        findings: list[Finding] = []
        total = 0.0
        for net, pins in ((library.power.power_net, library.power.power_pins),
                          (library.power.ground_net, library.power.ground_pins)):  # fmt: skip
            drop, lost = self._drop(context, net, pins, power.current)
            if drop is None:
                findings.append(Finding(f"{net} has no labelled source or reaches no cell", "source"))
                continue
            total += drop.worst
            layer, x, y = drop.place
            rows.append({"net": net, "worst_mv": round(drop.worst * 1e3, 3), "mean_mv": round(drop.mean * 1e3, 3),
                         "current_ma": round(drop.current * 1e3, 3), "x_um": x / 1000, "y_um": y / 1000})  # fmt: skip
            if drop.islands or lost:
                text = f"{net}: {drop.islands + lost} cells are not fed from any label"
                findings.append(Finding(text, "island", x / 1000, y / 1000, layer))
        limit = LIMIT * library.supply
        if total > limit:
            where = max(rows, key=lambda r: float(r["worst_mv"] or 0))
            text = f"the supplies drop by {total * 1e3:.1f} mV together, {limit * 1e3:.0f} mV allowed"
            findings.append(Finding(text, "drop", float(where["x_um"] or 0), float(where["y_um"] or 0)))
        return GateResult(
            verdict_of(findings),
            f"{total * 1e3:.2f} mV at the worst cells, {100 * total / library.supply:.2f} % of {library.supply:g} V "
            f"({100 * LIMIT:g} % allowed), sources at the labels",
            {
                "drop_mv": round(total * 1e3, 3),
                "drop_percent": round(100 * total / library.supply, 3),
                "limit_percent": 100 * LIMIT,
                "current_ma": round(sum(power.current.values()) * 1e3, 3),
            },
            {"supplies": rows},
            findings,
            tool=Tool("klayout", kdb.__version__),
        )

    def _drop(
        self, context: GateContext, net: str, pins: list[str], current: dict[str, float]
    ) -> tuple[Drop | None, int]:
        found = context.extraction
        shapes: dict[str, kdb.Region] = {name: kdb.Region() for name in found.connectivity.shapes}
        places: dict[str, Point] = {}
        sources: list[Point] = []
        for cluster in found.connectivity.clusters:
            own = [m for m in cluster.marks if m.pin[1] in (pins if m.pin[0] else [net])]
            if not own:
                continue
            for name in shapes:
                shapes[name] += found.connectivity.shapes_of(cluster, name)
            sources += [(m.layer, m.x, m.y) for m in own if not m.pin[0]]
            places |= {m.pin[0]: (m.layer, m.x, m.y) for m in own if m.pin[0]}
        wires = _worst(context.library)
        sheets = {n: ohm * context.tech.layers[n].width / 1000 for n, (ohm, _) in wires[0].items() if n in shapes}
        sinks = [(name, places[name], ampere) for name, ampere in current.items() if name in places]
        grid = build_grid(shapes, sheets, wires[1], sources, sinks)
        lost = len(grid.lost) + sum(name not in places for name in current)
        if not grid.sources or not grid.sinks:
            return None, lost
        return solve(grid), lost


def _worst(library: Library) -> tuple[dict[str, tuple[float, float]], dict[str, float]]:
    """Wires and vias of the extraction corner with the largest resistance."""
    corner = max(library.parasitics.values(), key=lambda p: sum(ohm for ohm, _ in p.wires.values()))
    return dict(corner.wires), dict(corner.vias)
