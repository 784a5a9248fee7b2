"""The floorplan: die, core, blocks, rows, tap and end-cap cells, straps, and the pins on the die's edge."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from asicflow.flow.pnr.blocks import BlockPlan
from asicflow.flow.pnr.hookup import Hooks, hook_up
from asicflow.flow.pnr.netlist import Instance, Netlist, PnrError, Port
from asicflow.flow.pnr.power_grid import PowerGrid, Span, Strap
from asicflow.flow.pnr.technology import LayerModel, Technology
from asicflow.pdk.config import Library
from asicflow.pdk.lef import Macro, Rect

SIDES = ("west", "south", "east", "north")

GROWTHS = 200
"""Most times that a core with blocks grows until all fits."""


@dataclass(frozen=True)
class PinPlace:
    """One port's pin: routing layer index, the grid node (column, line) it is reached at, its shape."""

    layer: int
    column: int
    line: int
    rect: Rect


@dataclass(frozen=True)
class PinSpot:
    """A wish for one port's pin: the side, and the place along it in um from the die's left or lower end.

    `layer` is a routing layer that runs across the side; default: that of all pins of the side. The pin is at the
    layer's track nearest to the place.
    """

    side: str
    at_um: float
    layer: str | None = None


@dataclass
class Floorplan:
    """Die and core in nm, the die's lower left corner at (0, 0).

    `supplies` are the supplies' pins as (rectangle on the straps' layer, is power) where not all straps are.
    `origin` is the corner of the routing grid: another than the die's when the layout was moved into a larger one.
    The routing grid has `columns` x `lines` nodes over the whole die. `segments` are the spans (nm) of every
    row that hold cells: the whole row where no block cuts it. `hooks` join the blocks' supply pins to the straps;
    `rings` are the pieces of the power rings as (layer, rectangle, is power); `idle_supplies` is the metal, cuts
    included, of supplies that the design has pins of but does not use.
    """

    width: int
    height: int
    core: Rect
    rows: int
    columns: int
    lines: int
    straps: list[Strap]
    segments: list[list[Span]]
    pins: dict[str, PinPlace] = field(default_factory=dict)
    hooks: Hooks = field(default_factory=Hooks)
    rings: list[tuple[str, Rect, bool]] = field(default_factory=list)
    supplies: list[tuple[bool, Rect]] = field(default_factory=list)
    idle_supplies: dict[str, list[tuple[str, Rect]]] = field(default_factory=dict)
    origin: tuple[int, int] = (0, 0)

    def row_y(self, row: int, row_height: int) -> int:
        """Lower edge of a row, nm."""
        return self.core[1] + row * row_height

    def segment_at(self, row: int, x: int) -> Span | None:
        """The segment of a row that holds x, None where a block cuts the row."""
        return next((s for s in self.segments[row] if s[0] <= x < s[1]), None)

    @property
    def row_length(self) -> int:
        """Length of all row segments, nm."""
        return sum(right - left for spans in self.segments for left, right in spans)


def make_floorplan(
    cell_area: int,
    technology: Technology,
    utilization: float,
    aspect: float,
    die_area: tuple[float, float] | None,
    library: Library,
    macros: dict[str, Macro],
    blocks: BlockPlan | None = None,
    smallest: tuple[int, int] = (0, 0),
) -> Floorplan:
    """A die for `cell_area` nm2 of cells (or the given size in um), and for the blocks, which are placed.

    `aspect` is height / width. The core is a whole number of sites and rows, at least two straps wide; beside
    blocks it grows until the rows that are left hold the cells; `smallest` is its least width and height in nm.
    PnrError when they do not fit a given die.
    """
    margin_x, margin_y = technology.config.margin
    strap = technology.config.straps
    site, row = technology.site_width, technology.row_height
    least = blocks.least if blocks else (0, 0)
    if die_area:
        width = int(die_area[0] * 1000) - 2 * margin_x
        height = int(die_area[1] * 1000) - 2 * margin_y
        sites, rows = width // site, height // row
    else:
        core = cell_area / utilization + (blocks.area if blocks else 0)
        rows = max(math.ceil(math.sqrt(core * aspect) / row), math.ceil(least[1] / row), 2)
        sites = math.ceil(core / (rows * row) / site)
        beside = least[0] + 2 * strap.pitch if blocks and blocks.instances else 0
        sites = max(sites, (strap.offset + strap.pitch + strap.width) // site + 1, math.ceil(beside / site))
        sites, rows = max(sites, math.ceil(smallest[0] / site)), max(rows, math.ceil(smallest[1] / row))
    fixed = macros[library.cells.tap].width * 2
    fixed += 2 * macros[technology.config.end_cap].width if technology.config.end_cap else 0
    for _ in range(GROWTHS):
        plan, grid, homeless = _core(sites, rows, technology, fixed, blocks)
        if die_area or (homeless is None and grid.area >= cell_area / utilization):
            break
        if homeless is None:
            rows += max(math.ceil((cell_area / utilization - grid.area) / (sites * site * row)), 1)
        else:
            rows += max(rows // 20, 1)
            sites += max(sites // 20, 1)
    if homeless is not None:
        size = f"{macros[homeless.cell].width / 1e3} x {macros[homeless.cell].height / 1e3} um"
        raise PnrError(
            f"block {homeless.name} of {size} does not fit beside the other blocks",
            where="die_area" if die_area else "blocks",
            hint="enlarge the die, or give places to the blocks",
        )
    if rows < 2 or grid.area < cell_area * 1.02:
        side = math.sqrt(cell_area / utilization + (blocks.area if blocks else 0))
        raise PnrError(
            f"the cells need {cell_area / 1e6:.0f} um2, the core has only {max(grid.area, 0) / 1e6:.0f} um2",
            where="die_area",
            hint=f"a square die of {side / 1e3 + 2 * margin_x / 1e3:.0f} um"
            f" holds them at {utilization:.0%} utilisation",
        )
    if len(plan.straps) < 2:
        raise PnrError("the core is too narrow for a pair of power straps", where="die_area")
    if blocks:
        plan.hooks = hook_up(grid, technology)
    return plan


def _core(
    sites: int, rows: int, technology: Technology, fixed_width: int, blocks: BlockPlan | None
) -> tuple[Floorplan, PowerGrid, Instance | None]:
    """The floorplan of a core of `sites` x `rows`, and the first block that found no place."""
    margin_x, margin_y = technology.config.margin
    strap = technology.config.straps
    width, height = sites * technology.site_width, rows * technology.row_height
    core = (margin_x, margin_y, margin_x + width, margin_y + height)
    homeless = blocks.arrange(core) if blocks else None
    ends = (core[1] - strap.overhang, core[3] + strap.overhang)
    centres = range(margin_x + strap.offset, core[2] - strap.width // 2 + 1, strap.pitch)
    grid = PowerGrid(
        technology,
        core,
        rows,
        blocks,
        fixed_width,
        segments=[[(core[0], core[2])] for _ in range(rows)],
        straps=[Strap(k % 2 == 0, x, *ends) for k, x in enumerate(centres)],
    )
    if homeless is None:
        grid.build()
    plan = Floorplan(
        width=width + 2 * margin_x,
        height=height + 2 * margin_y,
        core=core,
        rows=rows,
        columns=(width + 2 * margin_x) // technology.dx,
        lines=(height + 2 * margin_y) // technology.dy,
        straps=grid.straps,
        segments=grid.segments,
    )
    return plan, grid, homeless


def place_pins(
    plan: Floorplan,
    ports: list[Port],
    technology: Technology,
    sides: dict[str, str] | None = None,
    places: Mapping[str, PinSpot] | None = None,
) -> None:
    """Spread the ports over the die's edges, in their order, counter-clockwise from the upper left.

    `sides` may name the side ("west", "south", "east", "north") of single ports (`name` or `name[3]`)
    or whole buses (`name`), `places` the place of single ports, which the others keep away from. PnrError when a
    side has no room, or a place cannot be had.
    """
    pins = technology.config.pins
    taken_slots = _place_fixed(plan, ports, technology, places or {})
    ports = [port for port in ports if port.name not in plan.pins]
    slots = {
        side: [
            slot
            for slot in _slots(plan, technology, side, pins.pitch)
            if all(abs(slot - other) >= pins.pitch for other in taken_slots[side])
        ]
        for side in SIDES
    }
    wanted: dict[str, list[Port]] = {side: [] for side in SIDES}
    free: list[Port] = []
    for port in ports:
        side = (sides or {}).get(port.name) or (sides or {}).get(port.bus)
        if side is None:
            free.append(port)
        elif side not in wanted:
            raise PnrError(
                f"unknown side {side!r} for port {port.name}",
                where="pin_sides",
                hint=f"use one of {', '.join(SIDES)}",
            )
        else:
            wanted[side].append(port)
    room = {side: max(len(slots[side]) - len(wanted[side]), 0) for side in SIDES}
    total = sum(room.values())
    taken = 0
    start = 0
    for side in SIDES:
        taken += room[side]
        end = round(len(free) * taken / total) if total else 0
        wanted[side] += free[start:end]
        start = end
    for side in SIDES:
        _spread(plan, wanted[side], slots[side], side, technology)


def _place_fixed(
    plan: Floorplan, ports: list[Port], technology: Technology, places: Mapping[str, PinSpot]
) -> dict[str, list[int]]:
    """Put the pins that have a place of their own; the nodes they take, per side."""
    taken: dict[str, list[int]] = {side: [] for side in SIDES}
    known = {port.name for port in ports}
    for name, spot in places.items():
        if name not in known:
            raise PnrError(
                f"the design has no port {name}", where="pin_places", hint=f"ports: {', '.join(sorted(known)[:8])}"
            )
        if spot.side not in SIDES:
            raise PnrError(
                f"unknown side {spot.side!r} for port {name}", where="pin_places", hint=f"use one of {', '.join(SIDES)}"
            )
        layer = _pin_layer(technology, spot.side, spot.layer, name)
        step, count = (technology.dy, plan.lines) if layer.horizontal else (technology.dx, plan.columns)
        node = round((spot.at_um * 1000 - step // 2) / step / layer.every) * layer.every
        if not 2 <= node < count - 2:
            raise PnrError(
                f"port {name} at {spot.at_um:g} um is not on the {spot.side} edge", where="pin_places",
                hint=f"it may be at {2 * step / 1e3:g} to {(count - 2) * step / 1e3:g} um",
            )  # fmt: skip
        near = [other for other in taken[spot.side] if abs(other - node) < 2]
        if near:
            raise PnrError(
                f"port {name} at {spot.at_um:g} um is too near to another port", where="pin_places",
                hint=f"keep {2 * step / 1e3:g} um between them",
            )  # fmt: skip
        taken[spot.side].append(node)
        plan.pins[name] = _pin(plan, technology, spot.side, node, layer)
    return taken


def _pin_layer(technology: Technology, side: str, name: str | None, port: str) -> LayerModel:
    """The layer of a pin: the side's own, or the one asked for (PnrError when it cannot be)."""
    pins = technology.config.pins
    level = side in ("west", "east")
    layer = technology.layers[technology.layer_index(pins.horizontal if level else pins.vertical)]
    if name is None:
        return layer
    fitting = [x.name for x in technology.layers if x.wires and x.horizontal == level]
    if name not in fitting:
        raise PnrError(
            f"port {port} cannot be on {name}", where="pin_places", hint=f"on the {side}: {', '.join(fitting)}"
        )
    return technology.layers[technology.layer_index(name)]


def _slots(plan: Floorplan, technology: Technology, side: str, pitch: int) -> list[int]:
    """Node indices along a side that may hold a pin, from its start in counter-clockwise order."""
    if side in ("west", "east"):
        every = technology.layers[technology.layer_index(technology.config.pins.horizontal)].every
        first, last = plan.core[1] // technology.dy, plan.core[3] // technology.dy
    else:
        every = technology.layers[technology.layer_index(technology.config.pins.vertical)].every
        first, last = plan.core[0] // technology.dx, plan.core[2] // technology.dx
    step = max(pitch // every, 1) * every
    found = list(range(-(-first // every) * every, last, step))
    return found[::-1] if side in ("west", "north") else found


def _spread(plan: Floorplan, ports: list[Port], slots: list[int], side: str, technology: Technology) -> None:
    if len(ports) > len(slots):
        raise PnrError(
            f"{len(ports)} pins do not fit the {side} edge of {len(slots)} places",
            where=ports[0].name,
            hint="lower the utilisation, change the aspect or move pins to other sides",
        )
    for k, port in enumerate(ports):
        slot = slots[int((k + 0.5) * len(slots) / len(ports))]
        plan.pins[port.name] = _pin(plan, technology, side, slot, _pin_layer(technology, side, None, port.name))


def _pin(plan: Floorplan, technology: Technology, side: str, slot: int, layer: LayerModel) -> PinPlace:
    """The pin at node `slot` of a side: a rectangle from the die's edge to the second node inside."""
    half = layer.width // 2
    dx, dy = technology.dx, technology.dy
    if side in ("west", "east"):
        column = 1 if side == "west" else plan.columns - 2
        x, y = dx // 2 + dx * column, dy // 2 + dy * slot
        left, right = (0, x + half) if side == "west" else (x - half, plan.width)
        return PinPlace(layer.index, column, slot, (left, y - half, right, y + half))
    line = 1 if side == "south" else plan.lines - 2
    x, y = dx // 2 + dx * slot, dy // 2 + dy * line
    bottom, top = (0, y + half) if side == "south" else (y - half, plan.height)
    return PinPlace(layer.index, slot, line, (x - half, bottom, x + half, top))


def add_physical_cells(plan: Floorplan, netlist: Netlist, library: Library, macros: dict[str, Macro],
                       technology: Technology) -> None:  # fmt: skip
    """Put end caps at both ends of every row segment and tap cells at the tap pitch, staggered by half of it."""
    cap = technology.config.end_cap
    tap = macros[library.cells.tap]
    pitch, site = technology.config.tap_pitch, technology.site_width
    for row, (start, end) in ((r, s) for r, spans in enumerate(plan.segments) for s in spans):
        first, last = start, end
        if cap:
            width = macros[cap].width
            for x in (start, end - width):
                _fix(netlist, f"cap_{row}", cap, x, row, plan, technology)
            first, last = start + width, end - width
        last -= tap.width
        whole = (start, end) == (plan.core[0], plan.core[2])
        places = {first, last} if row % 2 == 0 or not whole else set()
        shift = 0 if row % 2 == 0 else pitch // 2
        places |= set(range(first + shift // site * site, last, pitch // site * site))
        previous = -tap.width
        for x in sorted(places):
            if x - previous >= tap.width:
                _fix(netlist, f"tap_{row}", tap.name, x, row, plan, technology)
                previous = x


def _fix(netlist: Netlist, stem: str, cell: str, x: int, row: int, plan: Floorplan, technology: Technology) -> None:
    instance = netlist.add_instance(stem, cell)
    instance.x, instance.row = x, row
    instance.y = plan.row_y(row, technology.row_height)
    instance.flipped = row % 2 == 1
    instance.fixed = True
