"""The channel between the pads and the core: wires to the pads' pins, and two supply rings.

On the way from a pad to the core lie the jogs of the wires, the power ring, the ground ring. Wires keep to the layers'
own directions, so that below and above each other they never meet: a horizontal side is crossed on the vertical
pin layer, a vertical side on the horizontal one. Rings have their horizontal pieces above the former, their vertical
pieces above both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from asicflow.flow.pnr.floorplan import Floorplan
from asicflow.flow.pnr.geometry import NetGeometry, PinLanding, ViaAt, Wire
from asicflow.flow.pnr.netlist import Netlist, PnrError
from asicflow.flow.pnr.orientation import to_die
from asicflow.flow.pnr.pad_ring import RingPlan, Strand
from asicflow.flow.pnr.technology import Technology
from asicflow.pdk.lef import Rect

FIRST_JOG, JOG_PITCH = 2_000, 1_120
"""Distance (nm) of the first jog from the pads, and of two jogs."""

STUB = 600
"""Distance (nm) of the first via from the pads."""

CUT_PITCH = 1_000
"""Pitch (nm) of the cuts where wide metal of two layers is joined."""


# -- signals ---------------------------------------------------------------------------------------


def draw_strands(
    plan: RingPlan,
    landings: Mapping[str, tuple[NetGeometry, int]],
    netlist: Netlist,
    technology: Technology,
) -> None:
    """Lead every port of the core on to its pad's pin, which takes the port's place in net and geometry."""
    by_pad: dict[str, list[Strand]] = {}
    for strand in plan.strands:
        by_pad.setdefault(strand.instance, []).append(strand)
    for strands in by_pad.values():
        for strand, level in zip(strands, _levels(strands), strict=True):
            port = netlist.ports.pop(strand.port)
            port.net.ports.remove(port)
            found = landings.get(strand.port)
            if found is None:  # an output of the pad that nothing uses
                if port.net.pins:
                    raise PnrError(f"net {port.net.name} of pad {strand.instance} is not routed", where=strand.name)
                del netlist.nets[port.net.name]
                continue
            geometry, k = found
            instance = plan.placed[strand.instance]
            netlist.connect(instance, strand.name, port.net)
            end = geometry.landings[k]
            geometry.landings[k] = _lead(strand, level, plan, geometry, (end.x, end.y), technology)
            geometry.landings[k].pin = (instance, strand.name)


def _levels(strands: Sequence[Strand]) -> list[int]:
    """The number of each wire's jog, from the pads: a wire that passes another's port turns before it."""
    clear = 580
    before = {
        a: {b for b in range(len(strands)) if a != b and abs(strands[b].at - strands[a].to) < clear}
        for a in range(len(strands))
    }
    order: list[int] = []
    while len(order) < len(strands):
        ready = [k for k in range(len(strands)) if k not in order and before[k] <= set(order)]
        if not ready:
            raise PnrError("the wires to a pad's pins cannot pass each other", where=strands[0].instance)
        order.append(ready[0])
    return [order.index(k) for k in range(len(strands))]


def _lead(
    strand: Strand, level: int, plan: RingPlan, geometry: NetGeometry, port: tuple[int, int], technology: Technology
) -> PinLanding:
    """Wires and vias from a port to a pad's pin; the landing at the pin."""
    config = technology.config.pins
    upright, level_layer = technology.layer_index(config.vertical), technology.layer_index(config.horizontal)
    base = upright - 1
    layers = technology.layers
    if level_layer != upright + 1 or not layers[base].horizontal:
        raise PnrError("pads need pin layers that follow each other, a horizontal one below them", where="route.pins")
    x1, y1, x2, y2 = plan.inner
    jog = FIRST_JOG + level * JOG_PITCH
    c = strand.at
    if strand.side in ("south", "north"):
        up = 1 if strand.side == "south" else -1
        edge = y1 if up > 0 else y2
        stub, turn = edge + up * STUB, edge + up * jog
        geometry.vias += [ViaAt(base, c, stub), ViaAt(upright, c, turn), ViaAt(upright, port[0], turn)]
        geometry.wires += [
            _wire(upright, c, stub, c, turn),
            _wire(level_layer, c, turn, port[0], turn),
            _wire(upright, port[0], turn, *port),
        ]
        reach = stub + up * technology.vias[base].lower[1]
        patch = (strand.pin[0], min(strand.pin[1], reach), strand.pin[2], max(strand.pin[3], reach))
        return PinLanding((plan.placed[strand.instance], strand.name), base, c, stub, [patch])
    right = 1 if strand.side == "west" else -1
    edge = x1 if right > 0 else x2
    turn = edge + right * jog
    geometry.vias += [ViaAt(base, turn, c), ViaAt(upright, turn, port[1])]
    start = edge + right * STUB
    geometry.wires += [
        _wire(base, start, c, turn, c),
        _wire(upright, turn, c, turn, port[1]),
        _wire(level_layer, turn, port[1], *port),
    ]
    patch = (min(strand.pin[0], start), strand.pin[1], max(strand.pin[2], start), strand.pin[3])
    return PinLanding((plan.placed[strand.instance], strand.name), base, start, c, [patch])


def _wire(layer: int, x1: int, y1: int, x2: int, y2: int) -> Wire:
    return Wire(layer, min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))


# -- supplies --------------------------------------------------------------------------------------


def loops(plan: RingPlan) -> dict[bool, Rect]:
    """Centre lines of the power ring (True) and of the ground ring inside it, nm."""
    cells = plan.ring.cells
    channel, width = round(cells.channel * 1000), round(cells.ring * 1000)
    space = 2_000
    inner = channel - 2 * space - width // 2
    away = {True: inner - width - space, False: inner}
    x1, y1, x2, y2 = plan.inner
    return {power: (x1 + d, y1 + d, x2 - d, y2 - d) for power, d in away.items()}


def draw_supplies(plan: RingPlan, floorplan: Floorplan, technology: Technology, head: int) -> None:
    """Both rings, the straps that reach the core's lower edge or the upper one at `head`, the supply pads' way in."""
    top = technology.layer_index(technology.config.straps.layer)
    half = round(plan.ring.cells.ring * 1000) // 2
    strap_half = technology.config.straps.width // 2
    for power, (x1, y1, x2, y2) in loops(plan).items():
        level, upright = technology.layers[top - 1].name, technology.layers[top].name
        rows = [(x1 - half, y - half, x2 + half, y + half) for y in (y1, y2)]
        columns = [(x - half, y1 - half, x + half, y2 + half) for x in (x1, x2)]
        floorplan.rings += [(level, r, power) for r in rows] + [(upright, r, power) for r in columns]
        for row in rows:
            for column in columns:
                _join(floorplan, technology, (top - 1, top), _common(row, column), power)
        bottom = floorplan.origin[1]
        for k, strap in enumerate(floorplan.straps):
            if strap.power != power:
                continue
            low, high = strap.bottom == bottom, strap.top == head
            floorplan.straps[k] = replace(
                strap, bottom=rows[0][1] if low else strap.bottom, top=rows[1][3] if high else strap.top
            )
            line = (strap.x - strap_half, y1 - half, strap.x + strap_half, y2 + half)
            for row, there in zip(rows, (low, high), strict=True):
                if there:
                    _join(floorplan, technology, (top - 1, top), _common(row, line), power)
        _pads_to_ring(plan, floorplan, technology, power, (rows, columns))
    floorplan.hooks.metal += floorplan.rings


def _pads_to_ring(
    plan: RingPlan, floorplan: Floorplan, technology: Technology, power: bool, pieces: tuple[list[Rect], list[Rect]]
) -> None:
    """From the inner edge of a supply pad over its full width to its ring."""
    cells = plan.ring.cells
    base = technology.layer_index(technology.config.pins.vertical) - 1
    top = technology.layer_index(technology.config.straps.layer)
    name = technology.layers[base].name
    rows, columns = pieces
    for instance in (i for i in plan.others if i.cell == (cells.power if power else cells.ground)):
        macro, side = plan.macros[instance.cell], plan.sides[instance.name]
        target = {"south": rows[0], "north": rows[1], "west": columns[0], "east": columns[1]}[side]
        last = top - 1 if side in ("south", "north") else top
        for pin in (p for p in macro.pins.values() if p.is_power):
            for rect in (to_die(r, instance, macro) for r in pin.shapes.get(name, [])):
                way = {
                    "south": (rect[0], rect[1], rect[2], target[3]),
                    "north": (rect[0], target[1], rect[2], rect[3]),
                    "west": (rect[0], rect[1], target[2], rect[3]),
                    "east": (target[0], rect[1], rect[2], rect[3]),
                }[side]
                floorplan.hooks.metal.append((name, way, power))
                _join(floorplan, technology, (base, last), _common(way, target), power)


def _common(a: Rect, b: Rect) -> Rect:
    return max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])


def _join(floorplan: Floorplan, technology: Technology, span: tuple[int, int], area: Rect, power: bool) -> None:
    """Cuts from one layer to another all over an area, with metal of the layers between."""
    for k in range(*span):
        if k > span[0]:
            floorplan.hooks.metal.append((technology.layers[k].name, area, power))
        cut = technology.cut(k)
        floorplan.hooks.cuts += [(technology.vias[k].cut, r, power) for r in _cuts(area, cut.width)]


def _cuts(area: Rect, size: int) -> Iterator[Rect]:
    """A grid of cuts in the middle of an area; narrow areas get two rows at half the pitch."""
    axes = []
    for low, high in ((area[0], area[2]), (area[1], area[3])):
        pitch = CUT_PITCH if high - low >= 3 * CUT_PITCH else 560
        count = max((high - low - 2 * 280 - size) // pitch + 1, 1)
        first = (low + high - (count - 1) * pitch) // 2 // 5 * 5
        axes.append([first + pitch * n for n in range(count)])
    half = size // 2
    return ((x - half, y - half, x + half, y + half) for x in axes[0] for y in axes[1])
