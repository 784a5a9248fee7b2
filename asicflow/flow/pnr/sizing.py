"""Drive strengths of the cells on late paths: what synthesis chose without wires is chosen again with them.

Sizing works on a placed netlist in the slowest corner. A pass finds the cells on late paths, tells for each what
every other strength of its family would gain there (its own delay, the edge that it hands on, and what its input
pins cost those that drive them), and exchanges the cells that gain most, never two neighbours at once. A pass that
does not help is taken back and tried again with fewer cells.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from asicflow.flow.pnr.buffering import Buffering
from asicflow.flow.pnr.netlist import Instance, Net
from asicflow.flow.pnr.timing import CellModels, CornerTiming
from asicflow.pdk.liberty import LibertyCell

PASSES = 24
"""Most passes."""

WINDOW = 0.15
"""Share of the way from the worst slack to the wanted one within which a path counts as late."""

LEAST_GAIN_NS = 0.004
"""A smaller gain is not worth an exchange: neighbours change, too."""

LEAST_SHARE = 0.1
"""Fewest of the exchanges found that are tried at once, as a share."""

GROWTH = 0.12
"""Largest share of the cells' area that sizing may add."""

Slacks = dict[Net, list[float]]
"""Setup slack in ns of the rising and the falling edge at each net's driver; infinite where no check waits."""


@dataclass(frozen=True)
class Change:
    """One cell and the cell of its family that would be faster, by `gain` ns; `area` in nm2 more."""

    instance: Instance
    cell: str
    gain: float
    area: int


class Sizing:
    """Sizes one placed netlist.

    analyse : gives the timing of the slowest corner.
    keep : nets whose drivers stay as they are: the clock tree's.
    """

    def __init__(self, buffering: Buffering, analyse: Callable[[], CornerTiming], keep: set[Net]) -> None:
        self.buffering = buffering
        self.models = buffering.models
        self.macros = buffering.macros
        self.analyse = analyse
        self.keep = keep
        cells = [i for i in buffering.netlist.instances.values() if not i.block]
        self.room = round(GROWTH * sum(self._area(i.cell) for i in cells))
        self.exchanged = 0

    def run(self, wanted_ns: float = 0.0) -> tuple[float, float]:
        """Size until the worst setup slack is `wanted_ns` or nothing helps any more; it before and after, ns."""
        timing = self.analyse()
        before = worst = _worst(timing)
        share = 1.0
        for _ in range(PASSES):
            if worst >= wanted_ns or share < LEAST_SHARE:
                break
            changes = _Pass(self, timing, wanted_ns).choose(share)
            if not changes:
                break
            was = [(c.instance, c.instance.cell) for c in changes]
            self._exchange([(c.instance, c.cell) for c in changes])
            after = self.analyse()
            if _score(after, wanted_ns) <= _score(timing, wanted_ns):
                self._exchange(was)
                share /= 2
                continue
            timing, worst = after, _worst(after)
            self.exchanged += len(changes)
            self.room -= sum(c.area for c in changes)
        return before, worst

    def _area(self, cell: str) -> int:
        return self.macros[cell].width * self.macros[cell].height

    def more_area(self, old: str, new: str) -> int:
        """nm2 that one cell has more than another."""
        return self._area(new) - self._area(old)

    def _exchange(self, changes: list[tuple[Instance, str]]) -> None:
        for instance, cell in changes:
            self.buffering.resize(instance, cell)


class _Pass:
    """What could be exchanged, told from one analysis."""

    def __init__(self, sizing: Sizing, timing: CornerTiming, wanted_ns: float) -> None:
        self.sizing = sizing
        self.models = sizing.models
        self.timing = timing
        self.slacks = net_slacks(timing, self.models)
        self.wanted = wanted_ns

    def choose(self, share: float) -> list[Change]:
        """The best exchanges that do not touch each other, at most `share` of all."""
        worst = _worst(self.timing)
        late = worst + WINDOW * (self.wanted - worst)
        found = [
            change
            for net, slacks in self.slacks.items()
            if min(slacks) <= late and net not in self.sizing.keep and (change := self._best(net))
        ]
        found.sort(key=lambda c: -c.gain)
        chosen: list[Change] = []
        touched: set[Net] = set()
        area = 0
        for change in found[: math.ceil(share * len(found))]:
            nets = set(change.instance.pins.values())
            if nets & touched or area + change.area > self.sizing.room:
                continue
            touched |= nets
            area += change.area
            chosen.append(change)
        return chosen

    def _best(self, net: Net) -> Change | None:
        """The exchange of a net's driver that gains most on its later edge."""
        edge = self._worse_edge(net)
        way = self._way(net, edge)
        if way is None or way[0].block or way[0].fixed:
            return None
        instance = way[0]
        best: Change | None = None
        for cell in self.models.family(instance.cell):
            if cell == instance.cell:
                continue
            gain = self._gain(net, edge, cell)
            if gain > (best.gain if best else LEAST_GAIN_NS):
                best = Change(instance, cell, gain, self.sizing.more_area(instance.cell, cell))
        return best

    def _worse_edge(self, net: Net) -> int:
        slacks = self.slacks.get(net)
        if slacks is None:
            return 0
        return slacks.index(min(slacks))

    def _way(self, net: Net, edge: int) -> tuple[Instance, str, int] | None:
        """Where an edge of a net comes from: the driving cell, its input pin, and the edge there."""
        timing = self.timing.nets.get(net)
        here = timing.edges[edge] if timing else None
        return here.origin if here else None

    def _gain(self, net: Net, edge: int, cell: str) -> float:
        """ns that an edge of a net wins when its driver becomes `cell`."""
        way = self._way(net, edge)
        assert way
        instance, pin, enters = way
        old, new = self._view(instance.cell), self._view(cell)
        assert old and new
        load = self.timing.nets[net].load
        delay, slew = self._through(new, net, edge, way, load)
        delay_before, slew_before = self._through(old, net, edge, way, load)
        gain = delay_before - delay + self._hand_on(net, edge, slew_before) - self._hand_on(net, edge, slew)
        spare = self.slacks[net][edge]
        for name, feeding in instance.pins.items():
            if old.pins[name].direction == "output" or feeding not in self.timing.nets:
                continue
            more = new.pins[name].capacitance - old.pins[name].capacitance
            if name == pin:
                gain -= self._cost(feeding, enters, more)
                continue
            # a pin off the late path costs only what exceeds the time it has
            other = self._worse_edge(feeding)
            time = self.slacks[feeding][other] - spare if feeding in self.slacks else math.inf
            gain -= max(0.0, self._cost(feeding, other, more) - max(0.0, time))
        return gain

    def _cost(self, net: Net, edge: int, more: float) -> float:
        """ns that an edge of a net loses by so many pF more of load."""
        way = self._way(net, edge)
        view = self._view(way[0].cell) if way else None
        if way is None or view is None:
            return 0.0
        load = self.timing.nets[net].load
        delay, slew = self._through(view, net, edge, way, load + more)
        before, slew_before = self._through(view, net, edge, way, load)
        return delay - before + self._hand_on(net, edge, slew) - self._hand_on(net, edge, slew_before)

    def _hand_on(self, net: Net, edge: int, slew: float) -> float:
        """Delay in ns of the gate behind a net that is latest, when the edge has this transition."""
        found = [
            (self.slacks[behind][leaves], delay.at(slew, self.timing.nets[behind].load))
            for instance, name in net.pins
            if (view := self._view(instance.cell)) and not view.is_sequential and view.pins[name].direction == "input"
            for output in view.outputs()
            if (behind := instance.pins.get(output.name)) in self.slacks
            for arc in output.arcs
            if arc.related_pin == name
            for enters, leaves, delay, _ in arc.ways
            if enters == edge and self._way(behind, leaves) == (instance, name, edge)
        ]
        return min(found, key=lambda f: f[0])[1] if found else 0.0

    def _view(self, cell: str) -> LibertyCell | None:
        return self.models.cell(cell, self.timing.corner)

    def _through(
        self, view: LibertyCell, net: Net, edge: int, way: tuple[Instance, str, int], load: float
    ) -> tuple[float, float]:
        """Delay and transition in ns of an edge through a net's driver, were it the cell `view`."""
        instance, pin, enters = way
        source = self.timing.arrival(instance, pin)[enters]
        assert source
        output = output_pin(view, instance, net)
        found = [
            (delay.at(source.slow, load), transition.at(source.slow, load))
            for arc in view.pins[output].arcs
            if arc.related_pin == pin
            for come, leave, delay, transition in arc.ways
            if come == enters and leave == edge
        ]
        return max(found)


def output_pin(view: LibertyCell, instance: Instance, net: Net) -> str:
    """The output of a cell that drives a net."""
    return next(p for p, n in instance.pins.items() if n is net and view.pins[p].direction == "output")


def _worst(timing: CornerTiming) -> float:
    return min((c.slack for c in timing.setup), default=math.inf)


def _score(timing: CornerTiming, wanted_ns: float) -> tuple[float, float]:
    """The worst slack, then the sum of what is missing to the wanted slack; more is better."""
    missing = sum(min(0.0, c.slack - wanted_ns) for c in timing.setup)
    return min(_worst(timing), wanted_ns), missing


def net_slacks(timing: CornerTiming, models: CellModels) -> Slacks:
    """Setup slacks of the edges that registers wait for, followed back from their checks through all gates."""
    slacks: Slacks = {}

    def note(instance: Instance, pin: str, edge: int, slack: float) -> None:
        here = slacks.setdefault(instance.pins[pin], [math.inf, math.inf])
        here[edge] = min(here[edge], slack)

    for check in timing.setup:
        note(check.instance, check.pin, check.edge, check.slack)
    # an edge comes later than those that it follows from: the latest first is an order against the signals' way
    for net in sorted(timing.nets, key=lambda n: -timing.nets[n].late):
        if net not in slacks or net.is_clock:
            continue
        here = timing.nets[net]
        driver = next((e.origin[0] for e in here.edges if e and e.origin), None)
        view = models.cell(driver.cell, timing.corner) if driver else None
        if driver is None or view is None or view.is_sequential:
            continue
        for arc in view.pins[output_pin(view, driver, net)].arcs:
            sources = timing.arrival(driver, arc.related_pin)
            for enters, leaves, delay, _ in arc.ways:
                source, edge = sources[enters], here.edges[leaves]
                if source and edge:
                    waits = edge.late - source.late - delay.at(source.slow, here.load)
                    note(driver, arc.related_pin, enters, slacks[net][leaves] + max(0.0, waits))
    return slacks
