"""A small static timing analysis over all corners, for repair before sign-off.

Non-linear delay tables, rising and falling edges each with latest and earliest arrival, slowest and fastest
transition. Wires are lumped capacitance at the driver and an Elmore delay per
sink. Good enough to place buffers; sign-off is OpenSTA's.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from asicflow.flow.pnr.netlist import Instance, Net, Netlist, PnrError, Port
from asicflow.pdk.block import Block
from asicflow.pdk.config import Library
from asicflow.pdk.lef import Macro
from asicflow.pdk.liberty import FALL, RISE, Liberty, LibertyCell, TimingArc, read_liberty

NEAR_LIMIT = 0.9
"""Transitions and loads above this share of their limit are found: sign-off's wires and delays differ a little."""

EDGES = ("rising_edge", "falling_edge")


@dataclass
class CornerModel:
    """One timing corner: its Liberty data and the name of its wire parasitics."""

    name: str
    liberty: Liberty
    parasitics: str
    typical: bool


@dataclass
class Wire:
    """Electrical model of a net in one corner: capacitance in pF and delay in ns to each pin."""

    capacitance: float
    delays: dict[tuple[Instance, str], float] = field(default_factory=dict)


WireModel = Callable[[Net, str], Wire]
"""From a net and the name of a parasitics corner to its wire."""


PinLoad = Callable[[str, str], float]
"""From a cell and a pin to its capacitance in pF."""


class CellModels:
    """The cells' electrical views in all corners, with what buffering needs to choose among them."""

    def __init__(self, library: Library, macros: dict[str, Macro], blocks: Sequence[Block] = ()) -> None:
        self.library = library
        self.macros = macros
        typical = library.typical
        self.corners = [
            CornerModel(name, _with_blocks(read_liberty(c.liberty), name, blocks), c.parasitics, c == typical)
            for name, c in library.corners.items()
        ]
        self.typical = next(c for c in self.corners if c.typical)
        self._limits: dict[tuple[str, str, float], float] = {}
        self._families: dict[str, list[str]] = {}

    def cell(self, name: str, corner: CornerModel | None = None) -> LibertyCell | None:
        """Liberty view of a cell, None for physical-only cells."""
        return (corner or self.typical).liberty.cells.get(name)

    def pin_capacitance(self, cell: str, pin: str, corner: CornerModel | None = None) -> float:
        """Input capacitance in pF (typical corner unless given)."""
        view = self.cell(cell, corner)
        return view.pins[pin].capacitance if view and pin in view.pins else 0.0

    def load_limit(self, cell: str, pin: str, slew: float) -> float:
        """Largest load (pF) of an output: no corner's limit is broken and the typical transition is at
        most `slew` ns for an input transition of the same."""
        key = (cell, pin, slew)
        if key not in self._limits:
            self._limits[key] = self._find_limit(cell, pin, slew)
        return self._limits[key]

    def _find_limit(self, cell: str, pin: str, slew: float) -> float:
        limit = math.inf
        for corner in self.corners:
            view = corner.liberty.cells.get(cell)
            if view and pin in view.pins and (most := view.pins[pin].max_capacitance):
                limit = min(limit, 0.9 * most)
        view = self.cell(cell)
        arcs = [a for a in view.pins[pin].arcs if not a.is_constraint] if view and pin in view.pins else []
        if not arcs:
            return limit
        low, high = 0.0, min(limit, 10.0)
        for _ in range(24):
            middle = (low + high) / 2
            if max(a.worst("transition", slew / 2, middle) for a in arcs) <= slew:
                low = middle
            else:
                high = middle
        return low

    def family(self, cell: str) -> list[str]:
        """Cells of the same function and pins with other drive strengths, the weakest first."""
        if cell not in self._families:
            stem = cell.rsplit("_", 1)[0]
            view = self.cell(cell)
            found = []
            for name, other in self.typical.liberty.cells.items():
                same = name.rsplit("_", 1)[0] == stem and name.rsplit("_", 1)[-1].isdigit()
                if not (same and view and name in self.macros and self.library.cells.usable(name)):
                    continue
                if {p: q.function for p, q in other.pins.items()} == {p: q.function for p, q in view.pins.items()}:
                    found.append(name)
            self._families[cell] = sorted(found, key=lambda n: self.macros[n].width) or [cell]
        return self._families[cell]


def _with_blocks(liberty: Liberty, corner: str, blocks: Sequence[Block]) -> Liberty:
    """The library's cells of a corner and those of the blocks, with limits in the library's transition times."""
    for block in blocks:
        own = read_liberty(block.liberty[corner])
        ratio = liberty.slew_span / own.slew_span
        for cell in own.cells.values():
            for pin in cell.pins.values():
                pin.max_transition = pin.max_transition and pin.max_transition * ratio
        liberty.cells.update(own.cells)
    return liberty


@dataclass
class Check:
    """Slack of one setup or hold check in ns, of the worse edge of its data pin."""

    instance: Instance
    pin: str
    slack: float
    corner: str
    edge: int


@dataclass
class Edge:
    """One edge of a signal: arrival (early, late) and transition (fast, slow) in ns.

    `origin` is where the late arrival comes from: cell, its input pin, and the edge there.
    """

    early: float
    late: float
    fast: float
    slow: float
    origin: tuple[Instance, str, int] | None = None


Edges = list[Edge | None]
"""The rising and the falling edge, None where there is none."""


@dataclass
class NetTiming:
    """The edges at a net's driver, at least one; load in pF."""

    edges: Edges
    load: float

    @property
    def later(self) -> Edge:
        """The edge that arrives later."""
        return max((e for e in self.edges if e), key=lambda e: e.late)

    @property
    def late(self) -> float:
        """Latest arrival of both edges, ns."""
        return self.later.late

    @property
    def slow(self) -> float:
        """Slowest transition of both edges, ns."""
        return max(e.slow for e in self.edges if e)


@dataclass
class CornerTiming:
    """The analysis of one corner. `latencies` are the clock's arrival at each sequential cell.

    `slew` and `capacitance` hold net, value and limit wherever the limit is near or passed.
    """

    corner: CornerModel
    nets: dict[Net, NetTiming]
    setup: list[Check]
    hold: list[Check]
    slew: list[tuple[Net, float, float]]
    capacitance: list[tuple[Net, float, float]]
    latencies: dict[Instance, float]
    wires: dict[Net, Wire]

    def arrival(self, instance: Instance, pin: str) -> Edges:
        """Edges at an input pin; both None when nothing arrives."""
        net = instance.pins.get(pin)
        timing = self.nets.get(net) if net else None
        if net is None or timing is None:
            return [None, None]
        delay = self.wires[net].delays.get((instance, pin), 0.0)
        if delay == 0.0:
            return timing.edges
        # a wire slows the edge by about its own ramp, ln(9) times its Elmore delay over the 10-90 % range
        return [
            e and Edge(e.early + delay, e.late + delay, e.fast, math.hypot(e.slow, 2.2 * delay), e.origin)
            for e in timing.edges
        ]

    @property
    def skew(self) -> float:
        """Largest minus smallest clock latency, ns."""
        return max(self.latencies.values()) - min(self.latencies.values()) if self.latencies else 0.0

    def worst(self, kind: str) -> float | None:
        """Worst slack of "setup" or "hold", None without such checks."""
        checks = self.setup if kind == "setup" else self.hold
        return min((c.slack for c in checks), default=None)


@dataclass
class Constraints:
    """What the outside promises: the clock, and when inputs change after its edge (early, late), ns.

    `pads` are cell, bonded pin and core pin of the pads before input ports of a core in a ring.
    """

    clock_port: str
    period_ns: float
    input_early_ns: float = 0.0
    input_late_ns: float = 0.0
    input_slew_ns: float = 0.1
    output_load_pf: float = 0.02
    check_inputs: bool = True
    pads: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)


def analyse(
    netlist: Netlist, models: CellModels, corner: CornerModel, wires: WireModel, constraints: Constraints
) -> CornerTiming:
    """Analyse one corner; PnrError when the netlist has a combinational loop."""
    return _Analysis(netlist, models, corner, wires, constraints).run()


def _merge(source: Edges, arc: TimingArc, load: float, later: float, found: Edges, instance: Instance | None) -> None:
    """Merge what an arc makes of the edges at its pin, `later` ns delayed, into those found so far."""
    for enters, leaves, delay, transition in arc.ways:
        edge = source[enters]
        if edge is None:
            continue
        origin = (instance, arc.related_pin, enters) if instance else None
        early = edge.early + delay.at(edge.fast, load) + later
        late = edge.late + delay.at(edge.slow, load) + later
        fast, slow = transition.at(edge.fast, load), transition.at(edge.slow, load)
        here = found[leaves]
        if here is None:
            found[leaves] = Edge(early, late, fast, slow, origin)
            continue
        if late > here.late:
            here.late, here.origin = late, origin
        here.early, here.fast = min(here.early, early), min(here.fast, fast)
        here.slow = max(here.slow, slow)


class _Analysis:
    def __init__(
        self,
        netlist: Netlist,
        models: CellModels,
        corner: CornerModel,
        wires: WireModel,
        constraints: Constraints,
    ) -> None:
        self.netlist = netlist
        self.models = models
        self.corner = corner
        self.cells = corner.liberty.cells
        self.constraints = constraints
        self.wires = {n: wires(n, corner.parasitics) for n in netlist.nets.values()}
        self.nets: dict[Net, NetTiming] = {}
        self.result = CornerTiming(corner, self.nets, [], [], [], [], {}, self.wires)

    def run(self) -> CornerTiming:
        """Propagate from ports and registers to checks."""
        for port in self.netlist.ports.values():
            if port.direction != "output":
                self._start_port(port)
        for instance in self._order():
            self._instance(instance)
        self._limits()
        self._checks()
        return self.result

    def load(self, net: Net) -> float:
        """Pins, ports and wire, pF."""
        pins = sum(self.models.pin_capacitance(i.cell, p, self.corner) for i, p in net.pins)
        ports = sum(1 for p in net.ports if p.direction == "output") * self.constraints.output_load_pf
        return pins + ports + self.wires[net].capacitance

    def _start_port(self, port: Port) -> None:
        c = self.constraints
        clock = port.name == c.clock_port
        early, late = (0.0, 0.0) if clock else (c.input_early_ns, c.input_late_ns)
        edges: Edges = [Edge(early, late, c.input_slew_ns, c.input_slew_ns) for _ in (RISE, FALL)]
        load = self.load(port.net)
        if port.name in c.pads:
            cell, bonded, pin = c.pads[port.name]
            outside, edges = edges, [None, None]
            for arc in self.cells[cell].pins[pin].arcs:
                if arc.related_pin == bonded:
                    _merge(outside, arc, load, 0.0, edges, None)
        self.nets[port.net] = NetTiming(edges, load)

    def _order(self) -> Iterable[Instance]:
        """Instances so that each follows those that drive what its outputs depend on."""
        waiting: dict[Instance, int] = {}
        users: dict[Net, list[Instance]] = {}
        ready: deque[Instance] = deque()
        for instance in self.netlist.instances.values():
            nets = {instance.pins[p] for p in self._causes(instance) if p in instance.pins}
            missing = [n for n in nets if n not in self.nets and self._is_driven(n)]
            waiting[instance] = len(missing)
            for net in missing:
                users.setdefault(net, []).append(instance)
            if not missing:
                ready.append(instance)
        done = 0
        while ready:
            instance = ready.popleft()
            done += 1
            yield instance
            view = self.cells.get(instance.cell)
            for pin in view.outputs() if view else []:
                for user in users.pop(instance.pins[pin.name], []) if pin.name in instance.pins else []:
                    waiting[user] -= 1
                    if waiting[user] == 0:
                        ready.append(user)
        if done < len(waiting):
            stuck = next(i.name for i, w in waiting.items() if w > 0)
            raise PnrError("the netlist has a combinational loop", where=f"through instance {stuck}")

    def _is_driven(self, net: Net) -> bool:
        return any(
            (v := self.cells.get(i.cell)) and p in v.pins and v.pins[p].direction == "output" for i, p in net.pins
        )

    def _causes(self, instance: Instance) -> set[str]:
        """Pins whose arrival the outputs follow: the clock for registers, the inputs otherwise."""
        view = self.cells.get(instance.cell)
        if view is None:
            return set()
        return {a.related_pin for pin in view.outputs() for a in self._launching(view, pin.arcs)}

    def _launching(self, view: LibertyCell, arcs: list[TimingArc]) -> list[TimingArc]:
        if view.sequential == "ff":
            return [a for a in arcs if a.timing_type in EDGES]
        return [a for a in arcs if not a.is_constraint and a.timing_type not in ("clear", "preset")]

    def _launches_late(self, view: LibertyCell, arc: TimingArc) -> bool:
        return view.sequential == "block" and arc.timing_type == "falling_edge"

    def _instance(self, instance: Instance) -> None:
        view = self.cells.get(instance.cell)
        for pin in view.outputs() if view else []:
            net = instance.pins.get(pin.name)
            if view is None or net is None:
                continue
            load = self.load(net)
            found: Edges = [None, None]
            for arc in self._launching(view, pin.arcs):
                self._through(instance, view, arc, load, found)
            if any(found):
                self.nets[net] = NetTiming(found, load)

    def _through(self, instance: Instance, view: LibertyCell, arc: TimingArc, load: float, found: Edges) -> None:
        """Merge what one arc makes of the edges at its pin into those found so far."""
        source = self.result.arrival(instance, arc.related_pin)
        # a block may launch at the clock's falling edge, half a period after the rising one
        later = self.constraints.period_ns / 2 if self._launches_late(view, arc) else 0.0
        _merge(source, arc, load, later, found, instance)

    def _limits(self) -> None:
        """Transitions and loads near or beyond the library's limits."""
        for net, timing in self.nets.items():
            for instance, name in net.pins:
                view = self.cells.get(instance.cell)
                pin = view.pins.get(name) if view else None
                if pin is None:
                    continue
                if pin.direction == "output":
                    if pin.max_capacitance and timing.load > NEAR_LIMIT * pin.max_capacitance:
                        self.result.capacitance.append((net, timing.load, pin.max_capacitance))
                    slow = timing.slow
                else:
                    slow = max((e.slow for e in self.result.arrival(instance, name) if e), default=0.0)
                if pin.max_transition and slow > NEAR_LIMIT * pin.max_transition:
                    self.result.slew.append((net, slow, pin.max_transition))

    def _checks(self) -> None:
        """Setup and hold of every register's data pins against its clock pin."""
        from_inputs = {p.net for p in self.netlist.ports.values() if p.direction != "output"}
        for instance in self.netlist.instances.values():
            view = self.cells.get(instance.cell)
            if view is None or not view.is_sequential:
                continue
            for pin in view.inputs():
                for arc in pin.arcs:
                    if arc.timing_type.startswith(("setup", "hold")):
                        self._check(instance, pin.name, arc, from_inputs)

    def _check(self, instance: Instance, pin: str, arc: TimingArc, from_inputs: set[Net]) -> None:
        clock = self.result.arrival(instance, arc.related_pin)[RISE if arc.timing_type.endswith("rising") else FALL]
        if clock is None:
            return
        if self.cells[instance.cell].sequential != "gate":  # a clock gate is part of the tree, no end of it
            self.result.latencies[instance] = clock.late
        setup = arc.timing_type.startswith("setup")
        slacks = []
        for edge, name in enumerate(("rise_constraint", "fall_constraint")):
            data, need = self.result.arrival(instance, pin)[edge], arc.tables.get(name)
            if data is None or need is None:
                continue
            if setup:
                slack = self.constraints.period_ns + clock.early - need.at(clock.fast, data.slow) - data.late
            else:
                most = max(need.at(s, d) for s in (clock.fast, clock.slow) for d in (data.fast, data.slow))
                slack = data.early - clock.late - most
            slacks.append((slack, edge))
        if slacks:
            slack, edge = min(slacks)
            checks = self.result.setup if setup else self.result.hold
            checks.append(Check(instance, pin, slack, self.corner.name, edge))
