"""Antenna ratios of routed nets, and diodes or buffers beside the gates that a wire could charge.

Metal is made layer by layer. A gate is charged by the metal of one layer that reaches it through lower
layers only, unless diffusion on the same piece drains it. Limits come from the technology LEF.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from asicflow.flow.pnr.access import distance2
from asicflow.flow.pnr.buffering import Buffering
from asicflow.flow.pnr.geometry import NetGeometry, via_rects, wire_rect
from asicflow.flow.pnr.netlist import Instance, Net, Netlist
from asicflow.flow.pnr.positions import pin_position
from asicflow.flow.pnr.technology import LayerModel, Technology
from asicflow.flow.pnr.vacancies import Vacancies
from asicflow.pdk.lef import Macro, Rect


@dataclass(frozen=True)
class Charged:
    """A gate whose antenna ratio is above `limit` on a layer."""

    net: Net
    instance: Instance
    pin: str
    layer: str
    ratio: float
    limit: float


def worst_pieces(geometries: Sequence[NetGeometry], technology: Technology, macros: dict[str, Macro]) -> list[Charged]:
    """The piece of metal on a gate that is nearest to its limit, or farthest above it, of each net that has one."""
    worst = (max(_pieces(g, technology, macros), key=_share, default=None) for g in geometries)
    return [piece for piece in worst if piece is not None]


def above(pieces: Iterable[Charged], share: float = 1.0) -> list[Charged]:
    """Those whose ratio exceeds `share` of the limit."""
    return [piece for piece in pieces if _share(piece) > share]


def _share(piece: Charged) -> float:
    return piece.ratio / piece.limit


def _pieces(geometry: NetGeometry, technology: Technology, macros: dict[str, Macro]) -> Iterator[Charged]:
    """The ratio of every piece of metal that reaches a gate, layer by layer; a hard macro's pin is part of it."""
    for layer, metal, pins in _components(geometry, technology):
        rules = technology.lef.layers[layer.name]
        areas = [macros[i.cell].pins[p] for i, p in pins]
        gate = sum(a.gate_area for a in areas)
        diffusion = sum(a.diff_area for a in areas)
        limit = rules.antenna.limit(diffusion)
        if gate <= 0 or limit is None:
            continue
        own = [r for i, p in pins if i.block for r in macros[i.cell].pins[p].shapes.get(layer.name, ())]
        perimeter = metal[0] + sum(2 * (right - left + top - bottom) for left, bottom, right, top in own)
        area = metal[1] + sum((right - left) * (top - bottom) for left, bottom, right, top in own)
        um2 = perimeter / 1e6 * rules.thickness if rules.antenna.by_side else area / 1e6
        instance, pin = max(pins, key=lambda p: macros[p[0].cell].pins[p[1]].gate_area)
        ratio = um2 / (gate + rules.antenna.gate_plus_diff * diffusion)
        yield Charged(geometry.net, instance, pin, layer.name, ratio, limit)


def _components(
    geometry: NetGeometry, technology: Technology
) -> Iterator[tuple[LayerModel, tuple[float, float], list[tuple[Instance, str]]]]:
    """Pieces connected through their own and lower layers: (perimeter nm, area nm2) on the layer, and their pins.

    Metal of one net that comes nearer than the spacing is one piece: the gap between is filled when it is drawn.
    """
    shapes: list[list[tuple[Rect, int]]] = [[] for _ in technology.layers]
    wires = list(enumerate(geometry.wires))
    landings = list(enumerate(geometry.landings, len(wires) + len(geometry.vias)))
    for k, wire in wires:
        shapes[wire.layer].append((wire_rect(wire, technology), k))
    for k, via in enumerate(geometry.vias, len(wires)):
        lower, _, upper = via_rects(via, technology)
        shapes[via.layer].append((lower, k))
        shapes[via.layer + 1].append((upper, k))
    for k, landing in landings:
        for rect in ((landing.x, landing.y, landing.x, landing.y), *landing.patches):
            shapes[landing.layer].append((rect, k))
    group = list(range(len(wires) + len(geometry.vias) + len(landings)))

    def root(k: int) -> int:
        while group[k] != k:
            group[k] = group[group[k]]
            k = group[k]
        return k

    for layer in technology.layers:
        for one, two in _near(shapes[layer.index], technology.lef.layers[layer.name].spacing if layer.wires else 1):
            group[root(one)] = root(two)
        metal: dict[int, tuple[float, float]] = {}
        for k, wire in wires:
            if wire.layer == layer.index:
                length = wire.x2 - wire.x1 + wire.y2 - wire.y1 + layer.width
                p, a = metal.get(root(k), (0.0, 0.0))
                metal[root(k)] = (p + 2 * (length + layer.width), a + length * layer.width)
        for k, landing in landings:
            for left, bottom, right, top in landing.patches if landing.layer == layer.index else ():
                p, a = metal.get(root(k), (0.0, 0.0))
                metal[root(k)] = (p + 2 * (right - left + top - bottom), a + (right - left) * (top - bottom))
        pins: dict[int, list[tuple[Instance, str]]] = {}
        for k, landing in landings:
            if landing.layer <= layer.index and isinstance(landing.pin, tuple):
                pins.setdefault(root(k), []).append(landing.pin)
        yield from ((layer, metal[piece], members) for piece, members in pins.items() if piece in metal)


def _near(rects: list[tuple[Rect, int]], spacing: int) -> Iterator[tuple[int, int]]:
    """Owners of rectangles that are nearer to each other than `spacing`."""
    rects.sort()
    for k, (rect, owner) in enumerate(rects):
        for other, neighbour in islice(rects, k + 1, None):
            if other[0] >= rect[2] + spacing:
                break
            if distance2(rect, other) < spacing**2:
                yield owner, neighbour


def add_diodes(charged: Sequence[Charged], netlist: Netlist, vacancies: Vacancies, diode: tuple[str, str]) -> None:
    """Put a diode, cell and pin, into the free place nearest to each charged gate."""
    cell, pin = diode
    for entry in charged:
        instance = netlist.add_instance("antenna", cell)
        vacancies.put(instance, pin_position(entry.instance, entry.pin, vacancies.macros))
        netlist.connect(instance, pin, entry.net)


def add_buffers(charged: Sequence[Charged], buffering: Buffering, vacancies: Vacancies) -> None:
    """Cut the wire of each charged gate in two by a buffer halfway to its driver.

    For gates whose diode did not help: the router may join a diode above the metal that charges the gate.
    """
    for entry in charged:
        sink = next(s for s in buffering.sinks(entry.net) if s.pin == (entry.instance, entry.pin))
        buffer = buffering.buffer_at(entry.net, [sink], buffering.halfway(entry.net, [sink]), "antenna_buf")
        vacancies.put(buffer, (buffer.x, buffer.y))
