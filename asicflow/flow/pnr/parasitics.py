"""Wire models: estimated from placement, and extracted from routed geometry."""

from __future__ import annotations

from dataclasses import dataclass

from asicflow.flow.pnr.floorplan import Floorplan
from asicflow.flow.pnr.netlist import Instance, Net, Port
from asicflow.flow.pnr.positions import net_points
from asicflow.flow.pnr.technology import Technology
from asicflow.flow.pnr.timing import PinLoad, Wire
from asicflow.pdk.config import Library
from asicflow.pdk.lef import Macro

DETOUR = 1.1
"""Routed length over that of the spanning tree, on the safe side."""


@dataclass(frozen=True)
class WireRate:
    """Ohm and pF per um of wire."""

    resistance: float
    capacitance: float


def mean_rate(library: Library, technology: Technology, parasitics: str) -> WireRate:
    """The mean over the layers that take wires."""
    rates = [library.parasitics[parasitics].wires[x.name] for x in technology.layers if x.wires]
    return WireRate(sum(r for r, _ in rates) / len(rates), sum(c for _, c in rates) / len(rates))


class PlacementWires:
    """A wire model from pin positions: a spanning tree per net, rooted at the driver."""

    def __init__(
        self,
        macros: dict[str, Macro],
        plan: Floorplan,
        library: Library,
        technology: Technology,
        pin_load: PinLoad,
    ) -> None:
        self.macros = macros
        self.pin_load = pin_load
        self.plan = plan
        self.rates = {name: mean_rate(library, technology, name) for name in library.parasitics}
        self.trees: dict[Net, tuple[float, dict[tuple[Instance, str], float]]] = {}

    def forget(self, nets: list[Net] | None = None) -> None:
        """Drop what was computed (for all nets, or the given) after cells moved."""
        if nets is None:
            self.trees.clear()
        for net in nets or []:
            self.trees.pop(net, None)

    def __call__(self, net: Net, parasitics: str) -> Wire:
        if net not in self.trees:
            self.trees[net] = self._tree(net)
        length, reach = self.trees[net]
        rate = self.rates[parasitics]
        total = length * rate.capacitance
        pins = {(i, p): self.pin_load(i.cell, p) for i, p in reach}
        half = (total + sum(pins.values())) / 2
        # Elmore delay with the pin and half of the net's wire and other pins behind the path, ohm * pF = ps
        delays = {pin: path * rate.resistance * (half + pins[pin] / 2) / 1e3 for pin, path in reach.items()}
        return Wire(total, delays)

    def _tree(self, net: Net) -> tuple[float, dict[tuple[Instance, str], float]]:
        """(length, path length to each input pin) in um of a minimum spanning tree from the driver."""
        points = net_points(net, self.macros, self.plan)
        pins: list[tuple[Instance, str] | Port] = [*net.pins, *net.ports]
        if len(points) < 2:
            return 0.0, {}
        root = next((k for k, p in enumerate(pins) if self._drives(p)), 0)
        far = [abs(x - points[root][0]) + abs(y - points[root][1]) for x, y in points]
        path = list(far)
        todo = set(range(len(points))) - {root}
        total = 0
        while todo:
            k = min(todo, key=lambda i: (far[i], i))
            todo.remove(k)
            total += far[k]
            for i in todo:
                d = abs(points[i][0] - points[k][0]) + abs(points[i][1] - points[k][1])
                if d < far[i]:
                    far[i], path[i] = d, path[k] + d
        reach = {p: path[k] * DETOUR / 1e3 for k, p in enumerate(pins) if not isinstance(p, Port) and k != root}
        return total * DETOUR / 1e3, reach

    def _drives(self, pin: tuple[Instance, str] | Port) -> bool:
        if isinstance(pin, Port):
            return pin.direction == "input"
        return self.macros[pin[0].cell].pins[pin[1]].direction != "INPUT"
