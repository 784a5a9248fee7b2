"""SPEF: the resistance and capacitance of every routed segment, as a tree per net."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from asicflow.flow.pnr.geometry import NetGeometry, PinLanding
from asicflow.flow.pnr.netlist import Instance, Net, Netlist, Port
from asicflow.flow.pnr.technology import Technology
from asicflow.flow.pnr.timing import PinLoad, Wire
from asicflow.pdk.config import Parasitics
from asicflow.pdk.lef import Macro

Key = tuple[int, int, int]
"""A point of a net: routing layer, x, y."""


@dataclass
class RcNet:
    """The RC tree of one net: points are numbered; capacitance (pF) per point, resistors in ohm.

    `pins` maps a landing's index in the geometry to its point.
    """

    capacitance: list[float]
    resistors: list[tuple[int, int, float]]
    pins: list[int]

    @property
    def total(self) -> float:
        """Total wire capacitance, pF."""
        return sum(self.capacitance)


def extract(geometry: NetGeometry, technology: Technology, parasitics: Parasitics) -> RcNet:
    """The RC tree of a net: wires are cut where vias, pins and other wires meet them."""
    points: dict[Key, int] = {}
    capacitance: list[float] = []
    resistors: list[tuple[int, int, float]] = []

    def point(key: Key) -> int:
        if key not in points:
            points[key] = len(capacitance)
            capacitance.append(0.0)
        return points[key]

    stops = _stops(geometry)
    for wire in geometry.wires:
        layer = technology.layers[wire.layer]
        ohm, farad = parasitics.wires[layer.name]
        ohm *= technology.lef.layers[layer.name].min_width / layer.width
        places = [wire.x1, wire.x2] if layer.horizontal else [wire.y1, wire.y2]
        fixed = wire.y1 if layer.horizontal else wire.x1
        cuts = sorted({*places, *(p for p in stops.get((wire.layer, fixed), ()) if places[0] < p < places[1])})
        for a, b in itertools.pairwise(cuts):
            length = (b - a) / 1e3
            ends = [(wire.layer, q, fixed) if layer.horizontal else (wire.layer, fixed, q) for q in (a, b)]
            i, j = point(ends[0]), point(ends[1])
            capacitance[i] += length * farad / 2
            capacitance[j] += length * farad / 2
            resistors.append((i, j, length * ohm))
    for via in geometry.vias:
        ohm = parasitics.vias[technology.vias[via.layer].cut]
        resistors.append((point((via.layer, via.x, via.y)), point((via.layer + 1, via.x, via.y)), ohm))
    pins = []
    pin_cut = technology.config.pin_cut
    for landing in geometry.landings:
        at = point((landing.layer, landing.x, landing.y))
        if landing.cut and pin_cut:
            capacitance.append(0.0)
            resistors.append((at, len(capacitance) - 1, parasitics.vias[pin_cut.layer]))
            at = len(capacitance) - 1
        pins.append(at)
    return RcNet(capacitance, resistors, pins)


def _stops(geometry: NetGeometry) -> dict[tuple[int, int], set[int]]:
    """Per (layer, track position) the places along it where something meets the track.

    Both coordinates of a point are entered; only the one along the wire is ever asked for.
    """
    stops: dict[tuple[int, int], set[int]] = {}

    def add(layer: int, x: int, y: int) -> None:
        stops.setdefault((layer, y), set()).add(x)
        stops.setdefault((layer, x), set()).add(y)

    for via in geometry.vias:
        add(via.layer, via.x, via.y)
        add(via.layer + 1, via.x, via.y)
    for landing in geometry.landings:
        add(landing.layer, landing.x, landing.y)
    return stops


def write_spef(
    path: Path,
    netlist: Netlist,
    geometries: Sequence[NetGeometry],
    technology: Technology,
    parasitics: Parasitics,
    macros: dict[str, Macro],
) -> None:
    """Write the SPEF of a routed design with the wire parasitics of one corner."""
    lines = [_HEADER.format(top=netlist.top, date=datetime.now(UTC).strftime("%Y-%m-%d"))]
    for geometry in geometries:
        lines += _net_lines(geometry, extract(geometry, technology, parasitics), macros)
    path.write_text("".join(lines))


_HEADER = """*SPEF "IEEE 1481-1998"
*DESIGN "{top}"
*DATE "{date}"
*VENDOR "asicflow"
*PROGRAM "asicflow"
*VERSION "1"
*DESIGN_FLOW "PIN_CAP NONE" "NETLIST_TYPE_VERILOG"
*DIVIDER /
*DELIMITER :
*BUS_DELIMITER [ ]
*T_UNIT 1 NS
*C_UNIT 1 PF
*R_UNIT 1 OHM
*L_UNIT 1 HENRY

"""


def _net_lines(geometry: NetGeometry, rc: RcNet, macros: dict[str, Macro]) -> Iterable[str]:
    net = geometry.net.name
    names = {at: _pin_name(landing) for at, landing in zip(rc.pins, geometry.landings, strict=True)}
    yield f"*D_NET {net} {rc.total:.6g}\n*CONN\n"
    for landing in geometry.landings:
        if isinstance(landing.pin, Port):
            yield f"*P {landing.pin.name} {'I' if landing.pin.direction == 'input' else 'O'}\n"
        else:
            instance, pin = landing.pin
            way = "I" if macros[instance.cell].pins[pin].direction == "INPUT" else "O"
            yield f"*I {instance.name}:{pin} {way}\n"

    def name(at: int) -> str:
        return names.get(at, f"{net}:{at + 1}")

    yield "*CAP\n"
    number = 0
    for at, value in enumerate(rc.capacitance):
        if value > 0:
            number += 1
            yield f"{number} {name(at)} {value:.6g}\n"
    yield "*RES\n"
    number = 0
    for a, b, ohm in rc.resistors:
        number += 1
        yield f"{number} {name(a)} {name(b)} {ohm:.5g}\n"
    # two pins on one node share the first's name: join them without resistance
    for at, landing in zip(rc.pins, geometry.landings, strict=True):
        if names[at] != _pin_name(landing):
            number += 1
            yield f"{number} {names[at]} {_pin_name(landing)} 0.001\n"
    yield "*END\n\n"


def _pin_name(landing: PinLanding) -> str:
    if isinstance(landing.pin, Port):
        return landing.pin.name
    return f"{landing.pin[0].name}:{landing.pin[1]}"


class RoutedWires:
    """A wire model from routed geometry: total capacitance and Elmore delays from the driver, pins included."""

    def __init__(
        self,
        geometries: Sequence[NetGeometry],
        technology: Technology,
        parasitics: dict[str, Parasitics],
        macros: dict[str, Macro],
        pin_load: PinLoad,
    ) -> None:
        self.pin_load = pin_load
        self.geometries = {g.net: g for g in geometries}
        self.technology = technology
        self.parasitics = parasitics
        self.macros = macros

    def __call__(self, net: Net, parasitics: str) -> Wire:
        geometry = self.geometries.get(net)
        if geometry is None:
            return Wire(0.0)
        rc = extract(geometry, self.technology, self.parasitics[parasitics])
        root = next((k for k, x in enumerate(geometry.landings) if self._drives(x.pin)), 0)
        loads = list(rc.capacitance)
        for landing, at in zip(geometry.landings, rc.pins, strict=True):
            if not isinstance(landing.pin, Port):
                loads[at] += self.pin_load(landing.pin[0].cell, landing.pin[1])
        delay = elmore(rc.resistors, loads, rc.pins[root])
        return Wire(
            rc.total,
            {
                x.pin: delay[at] / 1e3
                for x, at in zip(geometry.landings, rc.pins, strict=True)
                if not isinstance(x.pin, Port)
            },
        )

    def _drives(self, pin: tuple[Instance, str] | Port) -> bool:
        if isinstance(pin, Port):
            return pin.direction == "input"
        return self.macros[pin[0].cell].pins[pin[1]].direction != "INPUT"


def elmore(resistors: Sequence[tuple[int, int, float]], loads: Sequence[float], root: int) -> list[float]:
    """Elmore delay (ohm * pF = ps) from `root` to every point of a tree with `loads` at its points."""
    links: list[list[tuple[int, float]]] = [[] for _ in loads]
    for a, b, ohm in resistors:
        links[a].append((b, ohm))
        links[b].append((a, ohm))
    parent = {root: (root, 0.0)}
    order = [root]
    for at in order:
        for other, ohm in links[at]:
            if other not in parent:
                parent[other] = (at, ohm)
                order.append(other)
    below = list(loads)
    for at in reversed(order[1:]):
        below[parent[at][0]] += below[at]
    delay = [0.0] * len(loads)
    for at in order[1:]:
        up, ohm = parent[at]
        delay[at] = delay[up] + ohm * below[at]
    return delay
