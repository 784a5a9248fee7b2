"""A design in a shuttle's frame: a compact core on a large die, whose pins and supply rings others have fixed.

Only the core has rows, cells and a routing grid; it lies in the middle of the die. Each pin in use is led straight to
the core's edge of its side (:meth:`FramePlan.extend`): from the pin inwards, a jog, on to the port. Jogs of one side
have a track each, and no two of its wires meet on the layer that runs to the edge, because the ports keep away from all
pins. Jogs along the left and right edges are a layer above those along the lower and upper edge, so the corners are
free, too. The supplies come from the rings outside the die over wires that cross the core above its straps.

Before routing, the ports are on the core's edge, like those of any design. Afterwards :func:`close_frame` moves the
core to its place; what follows sees one flat layout with the frame's pins.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from asicflow.flow.pnr.access import around
from asicflow.flow.pnr.buffering import Buffering
from asicflow.flow.pnr.floorplan import SIDES, Floorplan, PinPlace, PinSpot
from asicflow.flow.pnr.geometry import NetGeometry, ViaAt, Wire
from asicflow.flow.pnr.moved import moved, moved_geometry
from asicflow.flow.pnr.netlist import Netlist, PnrError, Port, idle_ports
from asicflow.flow.pnr.power_grid import Strap
from asicflow.flow.pnr.technology import Technology
from asicflow.pdk.frame import FixedFrame, FixedPin
from asicflow.pdk.lef import Rect

JOG_PITCH = 1_380
"""Distance (nm) of two jogs, and the least of two ports on the core's edge."""

FIRST_JOG = 8_000
"""Distance (nm) of the first jog from the die's edge: behind the fixed pins."""

CLEAR = 600
"""Least distance (nm) along a side between a port and any pin in use: the vias at both ends of a jog keep apart."""

PIN_CLEAR = 1_300
"""Least distance (nm) of a jog along the lower or upper edge from a pin of the left or right one: pins are wide."""

INSIDE = 1_000
"""How far (nm) inside the die's edge a wire reaches its pin."""

CROSS_PITCH = 50_000
"""Distance (nm) of two supply wires over the core."""


@dataclass(frozen=True)
class Lead:
    """The way of one port: places along its side of pin and port, and the jog's distance from the die's edge; nm."""

    port: str
    side: str
    at: int
    to: int
    jog: int


@dataclass
class FramePlan:
    """The frame with a core in it; `origin` is the core's lower left corner on the die, known once it has a size.

    `idle` are ports that nothing inside uses: pins without a wire. `crossings` are the heights (nm, from the core's
    lower left corner) of the supply wires over the core.
    """

    frame: FixedFrame
    idle: dict[str, Port]
    origin: tuple[int, int] = (0, 0)
    leads: dict[str, Lead] = field(default_factory=dict)
    crossings: list[tuple[int, bool]] = field(default_factory=list)

    @property
    def die(self) -> tuple[int, int]:
        """Width and height of the die, nm."""
        return round(1000 * self.frame.die_um[0]), round(1000 * self.frame.die_um[1])

    def least(self, ports: Sequence[str]) -> tuple[int, int]:
        """Least width and height (nm) of a core with these ports on its edges."""
        counts = {side: sum(self.frame.pins[p].side == side for p in ports) for side in SIDES}
        # every other place may be too near to a pin
        across, along = (max(counts[a], counts[b]) for a, b in (("south", "north"), ("west", "east")))
        return 2 * JOG_PITCH * (across + 10), 2 * JOG_PITCH * (along + 10)

    def settle(self, plan: Floorplan, ports: Sequence[str], technology: Technology) -> None:
        """Put the core into the middle of the die and find the way of every port.

        Raises
        ------
        PnrError
            If the core leaves no room for the wires, or a pin has no place on its edge.
        """
        width, height = self.die
        steps = (technology.dx, technology.dy)
        free = (width - plan.width, height - plan.height)
        if min(free) < 0:
            raise PnrError(
                f"the core of {plan.width / 1e3:g} x {plan.height / 1e3:g} um is larger than its die", where="frame"
            )
        self.origin = (free[0] // 2 // steps[0] * steps[0], free[1] // 2 // steps[1] * steps[1])
        room = {
            "west": self.origin[0], "south": self.origin[1],
            "east": free[0] - self.origin[0], "north": free[1] - self.origin[1],
        }  # fmt: skip
        level = [self._along(p) for p in ports if self.frame.pins[p].side in ("west", "east")]
        for side in SIDES:
            mine = sorted((p for p in ports if self.frame.pins[p].side == side), key=self._along)
            axis = 0 if side in ("south", "north") else 1
            pin_layer = technology.config.pins.horizontal if axis else technology.config.pins.vertical
            every = technology.layers[technology.layer_index(pin_layer)].every
            count = (plan.columns, plan.lines)[axis]
            step = steps[axis]
            nodes = [self.origin[axis] + step // 2 + step * k for k in range(4 * every, count - 4 * every, every)]
            targets = _spread([self._along(p) for p in mine], nodes)
            if targets is None:
                raise PnrError(f"no room for {len(mine)} ports on the core's {side} edge", where="frame")
            jogs = _jogs(self, side, room[side], level)
            for port, to in zip(mine, targets, strict=True):
                jog = next(jogs, None)
                if jog is None:
                    raise PnrError(
                        f"{len(mine)} wires do not fit the {room[side] / 1e3:g} um from the core to the {side} edge",
                        where="frame", hint="a smaller design or a higher utilisation leaves more room",
                    )  # fmt: skip
                self.leads[port] = Lead(port, side, self._along(port), to, jog)

    def _along(self, port: str) -> int:
        return _middle(self.frame.pins[port])

    def pin_places(self) -> dict[str, PinSpot]:
        """Where the ports are on the core's edge."""
        return {
            lead.port: PinSpot(lead.side, (lead.to - self.origin[0 if lead.side in ("south", "north") else 1]) / 1e3)
            for lead in self.leads.values()
        }

    def hang_up(self, plan: Floorplan, blocks: Sequence[Rect], technology: Technology) -> None:
        """Join the straps to supply wires over the core; the wires themselves are drawn when the core has its place.

        A place where another wire on that layer is too near stays free, and so do straps over `blocks` (outlines, nm).
        """
        cross = technology.config.straps.cross
        assert cross is not None
        half, strap_half = cross.width // 2, technology.config.straps.width // 2
        space = technology.lef.layers[cross.layer].spacing
        taken = sorted((r[1] - space, r[3] + space) for layer, r, _ in plan.hooks.metal if layer == cross.layer)
        cut = technology.lef.layers[cross.cut].width // 2
        power = True
        for y in range(plan.core[1] + CROSS_PITCH // 2, plan.core[3] - CROSS_PITCH // 4, CROSS_PITCH):
            free = next((v for v in range(y, y + CROSS_PITCH // 2, 500) if _apart(v - half, v + half, taken)), None)
            if free is None:
                continue
            self.crossings.append((free, power))
            for strap in plan.straps:
                over = any(_covers(block, strap.x, free, half) for block in blocks)
                if strap.power == power and _passes(strap, free, half) and not over:
                    lower = around(strap.x, free, (max(cross.lower[0], strap_half), cross.lower[1]))
                    plan.hooks.metal.append((technology.config.straps.layer, lower, power))
                    plan.hooks.cuts.append((cross.cut, around(strap.x, free, (cut, cut)), power))
            power = not power

    def extend(self, geometries: Sequence[NetGeometry], technology: Technology) -> None:
        """Add to every port's net its way to the pin; places are those of the core before it is moved."""
        for geometry in geometries:
            for landing in geometry.landings:
                if isinstance(landing.pin, Port):
                    lead = self.leads[landing.pin.name]
                    wires, vias, end = self._way(lead, (landing.x, landing.y), technology)
                    geometry.wires += wires
                    geometry.vias += vias
                    landing.layer, landing.x, landing.y = end

    def _way(
        self, lead: Lead, port: tuple[int, int], technology: Technology
    ) -> tuple[list[Wire], list[ViaAt], tuple[int, int, int]]:
        """Wires and vias from a port's place to its pin, and the layer and place where they end."""
        width, height = self.die
        x0, y0 = self.origin
        config = technology.config.pins
        upright, level = (technology.layer_index(n) for n in (config.vertical, config.horizontal))
        if lead.side in ("south", "north"):
            at, to = lead.at - x0, lead.to - x0
            end, jog = (INSIDE - y0, lead.jog - y0) if lead.side == "south" else (
                height - INSIDE - y0, height - lead.jog - y0
            )  # fmt: skip
            wires = [
                _wire(upright, at, end, at, jog), _wire(level, at, jog, to, jog), _wire(upright, to, jog, *port)
            ]  # fmt: skip
            return wires, [ViaAt(upright, at, jog), ViaAt(upright, to, jog)], (upright, at, end)
        at, to = lead.at - y0, lead.to - y0
        end, jog = (INSIDE - x0, lead.jog - x0) if lead.side == "west" else (
            width - INSIDE - x0, width - lead.jog - x0
        )  # fmt: skip
        wires = [_wire(level, end, at, jog, at), _wire(level + 1, jog, at, jog, to), _wire(level, jog, to, *port)]
        return wires, [ViaAt(level, jog, at), ViaAt(level, jog, to)], (level, end, at)

    def figures(self) -> dict[str, object]:
        """What `layout.json` says of the frame: the core's corner on the die in um, wires per side, idle pins."""
        return {
            "core_at_um": [v / 1e3 for v in self.origin],
            "wires": {side: sum(lead.side == side for lead in self.leads.values()) for side in SIDES},
            "idle_pins": len(self.idle),
        }


def open_frame(netlist: Netlist, frame: FixedFrame, technology: Technology) -> FramePlan:
    """Plan the frame: take the ports that nothing inside uses out of the netlist.

    Raises
    ------
    PnrError
        If ports and fixed pins differ, or the process has no wires above its straps.
    """
    if odd := sorted(set(netlist.ports) ^ set(frame.pins)):
        raise PnrError(f"ports of netlist and frame differ: {', '.join(odd[:4])}", where="frame")
    config = technology.config
    upright, level = (technology.layer_index(n) for n in (config.pins.vertical, config.pins.horizontal))
    if config.straps.cross is None or level != upright + 1 or not technology.layers[level + 1].wires:
        raise PnrError(
            "a frame needs wires above the straps, and a layer above those of the pins, which follow each other",
            where="route",
        )
    tied = {port.name for port, _ in netlist.constant_ports}
    idle = {p.name: p for net in netlist.nets.values() for p in idle_ports(net) if p.name not in tied}
    for name, port in idle.items():
        del netlist.ports[name]
        del netlist.nets[port.net.name]
    return FramePlan(frame, idle)


def receive_ports(buffering: Buffering, clock: str) -> None:
    """Put a buffer of the strongest kind behind every input port but the clock, near it.

    What drives it is far away: a large gate stands the charge of a long wire.
    """
    for port in list(buffering.netlist.ports.values()):
        members = buffering.sinks(port.net)
        if port.direction == "output" or port.name == clock or not members:
            continue
        buffering.buffer_at(port.net, members, buffering.source(port.net), f"in_{port.bus}")


def close_frame(
    plan: FramePlan, netlist: Netlist, floorplan: Floorplan, geometries: Sequence[NetGeometry], technology: Technology
) -> list[NetGeometry]:
    """Turn the routed core into the design on its die: move it, put the pins where they have to be, draw the supplies.

    Changes netlist and floorplan; returns the geometries of all nets.
    """
    moved(floorplan, plan.origin)
    floorplan.width, floorplan.height = plan.die
    for instance in netlist.instances.values():
        instance.x, instance.y = instance.x + plan.origin[0], instance.y + plan.origin[1]
    made = [moved_geometry(g, plan.origin) for g in geometries]
    for name, port in plan.idle.items():
        netlist.ports[name] = port
        netlist.nets[port.net.name] = port.net
    for name, pin in plan.frame.pins.items():
        floorplan.pins[name] = PinPlace(technology.layer_index(pin.layer), 0, 0, pin.rect)
    _draw_supplies(plan, floorplan, technology)
    return made


def _draw_supplies(plan: FramePlan, floorplan: Floorplan, technology: Technology) -> None:
    """All rings outside the die, and the wires over the core from ring to ring."""
    cross = technology.config.straps.cross
    assert cross is not None
    upper, lower = cross.layer, technology.config.straps.layer
    for name, pieces in plan.frame.rings.items():
        if name not in (plan.frame.power, plan.frame.ground):
            floorplan.idle_supplies[name] = [(lower if up else upper, rect) for up, rect in pieces]
            floorplan.idle_supplies[name] += [(cross.cut, r) for r in _corner_cuts(pieces, technology)]
            continue
        power = name == plan.frame.power
        rings = [(lower if up else upper, rect, power) for up, rect in pieces]
        floorplan.rings += rings
        floorplan.hooks.metal += rings
        floorplan.supplies += [(power, rect) for up, rect in pieces if up]
        floorplan.hooks.cuts += [(cross.cut, r, power) for r in _corner_cuts(pieces, technology)]
        columns = [rect for up, rect in pieces if up]
        left, right = min(r[0] for r in columns), max(r[2] for r in columns)
        for y, is_power in plan.crossings:
            if is_power == power:
                at = y + plan.origin[1]
                wire = (left, at - cross.width // 2, right, at + cross.width // 2)
                floorplan.hooks.metal.append((upper, wire, power))
                for column in columns:
                    area = (column[0], wire[1], column[2], wire[3])
                    floorplan.hooks.cuts += [(cross.cut, r, power) for r in _cuts(area, technology)]


def _corner_cuts(pieces: Sequence[tuple[bool, Rect]], technology: Technology) -> Iterator[Rect]:
    columns = [rect for up, rect in pieces if up]
    rows = [rect for up, rect in pieces if not up]
    for c in columns:
        for r in rows:
            yield from _cuts((c[0], r[1], c[2], r[3]), technology)


def _cuts(area: Rect, technology: Technology) -> Iterator[Rect]:
    """As many cuts in rows and columns as an area holds, in its middle."""
    cross = technology.config.straps.cross
    assert cross is not None
    size = technology.lef.layers[cross.cut].width
    pitch, rim = 2 * size, cross.lower[1] - size // 2
    axes = []
    for low, high in ((area[0], area[2]), (area[1], area[3])):
        count = max((high - low - 2 * rim - size) // pitch + 1, 1)
        first = (low + high - (count - 1) * pitch) // 2
        axes.append([first + pitch * n for n in range(count)])
    return (around(x, y, (size // 2, size // 2)) for x in axes[0] for y in axes[1])


def _spread(pins: Sequence[int], nodes: Sequence[int]) -> list[int] | None:
    """A node for each pin, in order, :data:`JOG_PITCH` apart and :data:`CLEAR` from every pin; None when too few."""
    usable = [n for n in nodes if all(abs(n - p) >= CLEAR for p in _near(pins, n))]
    found: list[int] = []
    latest = _latest(len(pins), usable)
    if latest is None:
        return None
    for at, last in zip(pins, latest, strict=True):
        least = found[-1] + JOG_PITCH if found else usable[0]
        found.append(min((n for n in usable if least <= n <= last), key=lambda n: abs(n - at)))
    return found


def _latest(count: int, usable: Sequence[int]) -> list[int] | None:
    """The last node that each of so many ports in order may have; None when there are too few nodes."""
    found: list[int] = []
    for node in reversed(usable):
        if len(found) < count and (not found or node <= found[-1] - JOG_PITCH):
            found.append(node)
    return found[::-1] if len(found) == count else None


def _near(pins: Sequence[int], node: int) -> Sequence[int]:
    k = bisect_left(pins, node)
    return pins[max(k - 1, 0) : k + 1]


def _jogs(plan: FramePlan, side: str, room: int, level: Sequence[int]) -> Iterator[int]:
    """Distances of free tracks for jogs from the die's edge, the nearest first."""
    height = plan.die[1]
    for away in range(FIRST_JOG, room - 2 * JOG_PITCH, JOG_PITCH):
        y = {"south": away, "north": height - away}.get(side)
        if y is None or all(abs(y - pin) >= PIN_CLEAR for pin in level):
            yield away


def _apart(low: int, high: int, taken: Sequence[tuple[int, int]]) -> bool:
    return all(high <= a or low >= b for a, b in taken)


def _covers(block: Rect, x: int, y: int, rim: int) -> bool:
    return block[0] - rim <= x <= block[2] + rim and block[1] - rim <= y <= block[3] + rim


def _passes(strap: Strap, y: int, half: int) -> bool:
    return strap.bottom <= y - half and y + half <= strap.top


def _middle(pin: FixedPin) -> int:
    axis = 0 if pin.side in ("south", "north") else 1
    return (pin.rect[axis] + pin.rect[axis + 2]) // 2


def _wire(layer: int, x1: int, y1: int, x2: int, y2: int) -> Wire:
    return Wire(layer, min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
