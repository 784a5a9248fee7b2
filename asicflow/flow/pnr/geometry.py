"""Routed nets as wires, vias and patches: the common source of GDS, DEF and SPEF."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from asicflow.flow.pnr.access import around
from asicflow.flow.pnr.netlist import Instance, Net, Port
from asicflow.flow.pnr.orientation import point_to_die, to_die
from asicflow.flow.pnr.router import Routes
from asicflow.flow.pnr.technology import Technology
from asicflow.pdk.lef import Macro, Rect


@dataclass(frozen=True)
class Wire:
    """A straight wire on a routing layer between two points (nm, first the lower or left one)."""

    layer: int
    x1: int
    y1: int
    x2: int
    y2: int


@dataclass(frozen=True)
class ViaAt:
    """A via from routing layer `layer` to the next at a point, nm."""

    layer: int
    x: int
    y: int


@dataclass
class PinLanding:
    """How a net reaches one of its pins: node, drawn patches on its layer, the pin cut's centre."""

    pin: tuple[Instance, str] | Port
    layer: int
    x: int
    y: int
    patches: list[Rect] = field(default_factory=list)
    cut: tuple[int, int] | None = None


@dataclass
class NetGeometry:
    """The routed shapes of one net; `pads` are single-node pads (layer, rectangle)."""

    net: Net
    wires: list[Wire]
    vias: list[ViaAt]
    pads: list[tuple[int, Rect]]
    landings: list[PinLanding]

    @property
    def length_nm(self) -> int:
        """Length of all wires, nm."""
        return sum(w.x2 - w.x1 + w.y2 - w.y1 for w in self.wires)


def net_geometries(routes: Routes, technology: Technology, macros: dict[str, Macro]) -> list[NetGeometry]:
    """The geometry of every routed net, in the router's order."""
    return [_one_net(routes, technology, macros, k) for k in range(len(routes.problem.nets))]


def _one_net(routes: Routes, technology: Technology, macros: dict[str, Macro], number: int) -> NetGeometry:
    problem = routes.problem
    grid = problem.grid
    plane = grid.columns * grid.lines
    steps: dict[int, set[int]] = {}
    vias: list[ViaAt] = []
    touched: set[int] = set()
    wired: set[int] = set()
    for a, b in routes.edges[number].tolist():
        touched.add(a)
        if b < 0:
            continue
        touched.add(b)
        low = min(a, b)
        if abs(a - b) == plane:
            vias.append(ViaAt(low // plane, *_place(low, routes)))
        else:
            wired |= {a, b}
            steps.setdefault(low // plane, set()).add(low)
    landings = _landings(routes, macros, number)
    for landing, node in landings:
        if landing.layer > 0:
            wired.add(node)
    wires = [w for layer, lows in sorted(steps.items()) for w in _merged(layer, lows, routes)]
    pads = []
    for node in sorted(touched - wired):
        layer = technology.layers[node // plane]
        if layer.single:
            pads.append((layer.index, around(*_place(node, routes), layer.single)))
    return NetGeometry(problem.nets[number], wires, sorted(set(vias), key=repr), pads, [p for p, _ in landings])


def _place(node: int, routes: Routes) -> tuple[int, int]:
    grid = routes.problem.grid
    r = node % (grid.columns * grid.lines)
    return int(grid.xs[r % grid.columns]), int(grid.ys[r // grid.columns])


def _merged(layer: int, lows: set[int], routes: Routes) -> Iterator[Wire]:
    """Unit steps (named by their lower node) merged into straight wires."""
    stride = int(routes.problem.grid.stride[layer])
    for start in sorted(lows):
        if start - stride in lows:
            continue
        end = start + stride
        while end in lows:
            end += stride
        yield Wire(layer, *_place(start, routes), *_place(end, routes))


def _landings(routes: Routes, macros: dict[str, Macro], number: int) -> list[tuple[PinLanding, int]]:
    problem = routes.problem
    plane = problem.grid.columns * problem.grid.lines
    found = []
    for p in range(problem.terminals.net_pins[number], problem.terminals.net_pins[number + 1]):
        choice = int(routes.choice[p])
        node = int(problem.terminals.node[choice])
        landing = PinLanding(problem.pins[p], node // plane, *_place(node, routes))
        candidate = problem.candidates[choice]
        pin = landing.pin
        if candidate is not None and not isinstance(pin, Port):
            instance = pin[0]
            if instance.block:  # its access is found on the die
                landing.patches = candidate.shapes
            else:
                macro = macros[instance.cell]
                landing.patches = [to_die(r, instance, macro) for r in candidate.shapes]
                if candidate.cut:
                    landing.cut = point_to_die(*candidate.cut, instance, macro)
        found.append((landing, node))
    return found


def wire_rect(wire: Wire, technology: Technology) -> Rect:
    """The rectangle of a wire, half a width beyond its ends."""
    half = technology.layers[wire.layer].width // 2
    return wire.x1 - half, wire.y1 - half, wire.x2 + half, wire.y2 + half


def via_rects(via: ViaAt, technology: Technology) -> tuple[Rect, Rect, Rect]:
    """Lower pad, cut and upper pad of a via."""
    shape = technology.vias[via.layer]
    half = technology.cut(via.layer).width // 2
    return (
        around(via.x, via.y, shape.lower),
        around(via.x, via.y, (half, half)),
        around(via.x, via.y, shape.upper),
    )


def layer_shapes(geometry: NetGeometry, technology: Technology) -> Iterator[tuple[str, Rect]]:
    """All rectangles of a net as (layer name, rectangle)."""
    layers = technology.layers
    for wire in geometry.wires:
        yield layers[wire.layer].name, wire_rect(wire, technology)
    for via in geometry.vias:
        lower, cut, upper = via_rects(via, technology)
        if layers[via.layer].wires:  # otherwise the pin's own metal is the pad
            yield layers[via.layer].name, lower
        yield technology.vias[via.layer].cut, cut
        yield layers[via.layer + 1].name, upper
    for layer, rect in geometry.pads:
        yield layers[layer].name, rect
    pin_cut = technology.config.pin_cut
    for landing in geometry.landings:
        for rect in landing.patches:
            yield layers[landing.layer].name, rect
        if landing.cut and pin_cut:
            half = technology.lef.layers[pin_cut.layer].width // 2
            yield pin_cut.layer, around(*landing.cut, (half, half))
