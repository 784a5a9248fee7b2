"""The floorplan: die, core, rows, tap and end-cap cells, straps, and the pins on the die's edge."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from asicflow.flow.pnr.netlist import Netlist, PnrError, Port
from asicflow.flow.pnr.technology import Technology
from asicflow.pdk.config import Library
from asicflow.pdk.lef import Macro, Rect

SIDES = ("west", "south", "east", "north")


@dataclass(frozen=True)
class PinPlace:
    """One port's pin: routing layer index, the grid node (column, line) it is reached at, its shape."""

    layer: int
    column: int
    line: int
    rect: Rect


@dataclass
class Floorplan:
    """Die and core in nm, the die's lower left corner at (0, 0).

    The routing grid has `columns` x `lines` nodes over the whole die. `straps` are (is power, centre x).
    """

    width: int
    height: int
    core: Rect
    rows: int
    columns: int
    lines: int
    straps: list[tuple[bool, int]]
    pins: dict[str, PinPlace] = field(default_factory=dict)

    def row_y(self, row: int, row_height: int) -> int:
        """Lower edge of a row, nm."""
        return self.core[1] + row * row_height


def make_floorplan(
    cell_area: int,
    technology: Technology,
    utilization: float,
    aspect: float,
    die_area: tuple[float, float] | None,
) -> Floorplan:
    """A die for `cell_area` nm2 of cells (or the given size in um).

    `aspect` is height / width. The core is a whole number of sites and rows, at least two straps wide.
    PnrError when the cells do not fit a given die.
    """
    margin_x, margin_y = technology.config.margin
    strap = technology.config.straps
    site, row = technology.site_width, technology.row_height
    if die_area:
        width = int(die_area[0] * 1000) - 2 * margin_x
        height = int(die_area[1] * 1000) - 2 * margin_y
        sites, rows = width // site, height // row
    else:
        core = cell_area / utilization
        rows = max(math.ceil(math.sqrt(core * aspect) / row), 2)
        sites = math.ceil(core / (rows * row) / site)
        sites = max(sites, (strap.offset + strap.pitch + strap.width) // site + 1)
    available = sites * site * rows * row
    if rows < 2 or available < cell_area * 1.02:
        raise PnrError(
            f"the cells need {cell_area / 1e6:.0f} um2, the core has only {max(available, 0) / 1e6:.0f} um2",
            where="die_area",
            hint=f"a square die of {math.sqrt(cell_area / utilization) / 1e3 + 2 * margin_x / 1e3:.0f} um"
            f" holds them at {utilization:.0%} utilisation",
        )
    core_width, core_height = sites * site, rows * row
    straps = _straps(margin_x, core_width, strap.offset, strap.pitch, strap.width)
    if len(straps) < 2:
        raise PnrError("the core is too narrow for a pair of power straps", where="die_area")
    width, height = core_width + 2 * margin_x, core_height + 2 * margin_y
    return Floorplan(
        width=width,
        height=height,
        core=(margin_x, margin_y, margin_x + core_width, margin_y + core_height),
        rows=rows,
        columns=width // technology.dx,
        lines=height // technology.dy,
        straps=straps,
    )


def _straps(left: int, core_width: int, offset: int, pitch: int, width: int) -> list[tuple[bool, int]]:
    straps: list[tuple[bool, int]] = []
    x = offset
    while x + width // 2 <= core_width:
        straps.append((len(straps) % 2 == 0, left + x))
        x += pitch
    return straps


def place_pins(
    plan: Floorplan,
    ports: list[Port],
    technology: Technology,
    sides: dict[str, str] | None = None,
) -> None:
    """Spread the ports over the die's edges, in their order, counter-clockwise from the upper left.

    `sides` may name the side ("west", "south", "east", "north") of single ports (`name` or `name[3]`)
    or whole buses (`name`). PnrError when a side has no room.
    """
    pins = technology.config.pins
    slots = {side: _slots(plan, technology, side, pins.pitch) for side in SIDES}
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
        plan.pins[port.name] = _pin(plan, technology, side, slot)


def _pin(plan: Floorplan, technology: Technology, side: str, slot: int) -> PinPlace:
    """The pin at node `slot` of a side: a rectangle from the die's edge to the second node inside."""
    pins = technology.config.pins
    layer = technology.layers[technology.layer_index(pins.horizontal if side in ("west", "east") else pins.vertical)]
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
    """Put end caps at both ends of every row and tap cells at the tap pitch, staggered by half of it."""
    cap = technology.config.end_cap
    tap = macros[library.cells.tap]
    pitch, site = technology.config.tap_pitch, technology.site_width
    for row in range(plan.rows):
        taken: list[tuple[int, int]] = []
        if cap:
            width = macros[cap].width
            for x in (plan.core[0], plan.core[2] - width):
                _fix(netlist, f"cap_{row}", cap, x, row, plan, technology)
                taken.append((x, x + width))
        first = taken[0][1] if taken else plan.core[0]
        last = (taken[1][0] if taken else plan.core[2]) - tap.width
        places = {first, last} if row % 2 == 0 else set()
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
