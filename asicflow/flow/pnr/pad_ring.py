"""A ring of pads around a core: where everything stands, and the core's netlist with and without its pads.

The core is placed and routed in a box of its own, which keeps the routing grid small. Its netlist is the chip's with
every pad's pins turned into ports (:func:`open_ring`), which sit on the box's edge across from the pads
(:meth:`RingPlan.pin_places`). When it is routed, :meth:`RingPlan.close` moves it to its place on the die, puts the pads
back and joins both through the channel between them (:mod:`asicflow.flow.pnr.channel`). What follows, drawing, checks,
files, sees one flat chip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from asicflow.flow.pnr.floorplan import Floorplan, PinPlace, PinSpot
from asicflow.flow.pnr.geometry import NetGeometry, PinLanding
from asicflow.flow.pnr.moved import moved, moved_geometry
from asicflow.flow.pnr.netlist import Instance, Net, Netlist, PnrError, Port
from asicflow.flow.pnr.orientation import outline, to_die
from asicflow.flow.pnr.technology import Technology
from asicflow.pdk.config import Library
from asicflow.pdk.lef import Macro, Rect
from asicflow.pdk.pads import PadRing

TURNS = {"south": "N", "east": "W", "north": "S", "west": "E"}
"""Orientation of the pads of a side; the library draws them with the bond pad below."""

SUPPLY_PITCH_UM = 2000.0
"""A pair of supply pads at least per so much length of a side."""

PIN_PITCH = 1_120
"""Least distance of the ports of a pad on the box's edge, nm."""

PIN_SHIFT = 600
"""Least shift between a pad's pin and its port, nm: the vias at both ends of the jog keep apart."""


@dataclass(frozen=True)
class Strand:
    """One wire of the channel: pad instance and pin, the side it is on, places along that side in nm.

    `pin` is the pin's shape, `at` its middle, `to` the wished place of the port.
    """

    instance: str
    name: str
    side: str
    pin: Rect
    at: int
    to: int

    @property
    def port(self) -> str:
        """Name of the core's port."""
        return f"{self.instance}_{self.name}"


@dataclass
class RingPlan:
    """The ring in die coordinates (nm): `width` x `height` the die, `box` the core's place.

    `placed` are the pads, `others` supply pads, corners and fillers. `strands` are the wires to the core, `loose`
    the chip's ports with the pad pins behind them.
    """

    ring: PadRing
    macros: dict[str, Macro]
    width: int
    height: int
    box: Rect
    placed: dict[str, Instance] = field(default_factory=dict)
    others: list[Instance] = field(default_factory=list)
    sides: dict[str, str] = field(default_factory=dict)
    strands: list[Strand] = field(default_factory=list)
    loose: list[tuple[Port, Instance, str]] = field(default_factory=list)

    @property
    def core_um(self) -> tuple[float, float]:
        """Size of the box, um."""
        return (self.box[2] - self.box[0]) / 1e3, (self.box[3] - self.box[1]) / 1e3

    @property
    def inner(self) -> Rect:
        """The inner edges of the pads."""
        d = _nm(self.ring.cells.edge + self.ring.cells.depth)
        return d, d, self.width - d, self.height - d

    def pin_places(self) -> dict[str, PinSpot]:
        """Where the core's ports are, from the lower left corner of the box."""
        return {
            s.port: PinSpot(s.side, (s.to - self.box[0 if s.side in ("south", "north") else 1]) / 1e3)
            for s in self.strands
        }

    def behind(self, port: str) -> str:
        """The core's port that has the level of a port of the chip (PnrError when there is none)."""
        for known, instance, _ in self.loose:
            if known.name == port:
                return f"{instance.name}_{self._core_pin(instance)}"
        raise PnrError(
            f"the chip has no port {port}",
            where="clock_port",
            hint=f"ports: {', '.join(known.name for known, _, _ in self.loose[:8])}",
        )

    def inputs(self) -> dict[str, tuple[str, str, str]]:
        """Of each port of the core with a level from outside: the pad's cell, its bonded pin, its core pin."""
        pads = [(instance, bonded, self._core_pin(instance)) for _, instance, bonded in self.loose]
        return {f"{instance.name}_{pin}": (instance.cell, bonded, pin) for instance, bonded, pin in pads if pin}

    def _core_pin(self, pad: Instance) -> str:
        """The pin that brings a pad's level into the core, "" for an output."""
        return next((k.input for k in self.ring.cells.kinds.values() if k.cell == pad.cell and k.input), "")

    def figures(self) -> dict[str, object]:
        """What `layout.json` says of the ring: pads per side, supply pads, the box of the core in um."""
        supplies = [i.name for i in self.others if i.cell in (self.ring.cells.power, self.ring.cells.ground)]
        return {
            "sides": {side: [n for n in self.sides if self.sides[n] == side] for side in TURNS},
            "supplies": supplies,
            "core_box_um": [v / 1e3 for v in self.box],
        }

    def keepouts(self) -> list[Rect]:
        """Where no density fill belongs: the pads, and the edge that stays free for the seal ring."""
        edge = _nm(self.ring.cells.edge)
        w, h = self.width, self.height
        strips = [(0, 0, w, edge), (0, h - edge, w, h), (0, 0, edge, h), (w - edge, 0, w, h)]
        return strips + [outline(i, self.macros[i.cell]) for i in (*self.placed.values(), *self.others)]


def open_ring(
    netlist: Netlist, ring: PadRing, macros: dict[str, Macro], technology: Technology, library: Library
) -> RingPlan:
    """Plan the ring and turn the chip's netlist into that of its core.

    Pins of pads that synthesis tied to a supply by a cell are constants again: every one gets a tie cell near it.
    PnrError when the pads do not fit the sides, a pad of the ring is not in the netlist or the other way round, or a
    net joins a chip's port with anything but one pad.
    """
    cells = ring.cells
    width, height = (_nm(v) for v in ring.die_um)
    frame = _nm(cells.frame)
    plan = RingPlan(ring, macros, width, height, (frame, frame, width - frame, height - frame))
    own = {i.name for i in netlist.instances.values() if i.cell in {k.cell for k in cells.kinds.values()}}
    if own != set(ring.pads):
        odd = sorted(own ^ set(ring.pads))
        raise PnrError(f"pads of netlist and ring differ: {', '.join(odd[:4])}", where="pad_ring")
    for name in ring.pads:
        plan.placed[name] = netlist.instances[name]
        plan.placed[name].block = plan.placed[name].fixed = True
    _place(plan)
    _strands(plan, technology)
    ties = {library.cells.tie_low[0]: 0, library.cells.tie_high[0]: 1}
    _peel(plan, netlist, ties)
    for instance in [i for i in netlist.instances.values() if i.cell in ties]:
        nets = list(instance.pins.values())
        if all(len(net.pins) == 1 and not net.ports for net in nets):
            netlist.remove_instance(instance)
            for net in nets:
                del netlist.nets[net.name]
    return plan


def _nm(um: float) -> int:
    return round(um * 1000)


# -- places ----------------------------------------------------------------------------------------


def _place(plan: RingPlan) -> None:
    """Corners, pads with supply pads among them, fillers."""
    cells, macros = plan.ring.cells, plan.macros
    edge, corner = _nm(cells.edge), macros[cells.corner].width
    far_x, far_y = plan.width - edge, plan.height - edge
    spots = {
        "south": (edge, edge),
        "east": (far_x - corner, edge),
        "north": (far_x - corner, far_y - corner),
        "west": (edge, far_y - corner),
    }
    for side, (x, y) in spots.items():
        plan.others.append(_standing(f"corner_{side}", cells.corner, x, y, TURNS[side]))
    rooms = {s: (plan.width if s in ("south", "north") else plan.height) - 2 * (edge + corner) for s in TURNS}
    shares = _shares(len(plan.ring.pads), [rooms[s] for s in TURNS])
    waiting = list(plan.ring.pads)
    for side, count in zip(TURNS, shares, strict=True):
        mine, waiting = waiting[:count], waiting[count:]
        _fill_side(plan, side, rooms[side], mine)


def _shares(count: int, lengths: Sequence[int]) -> list[int]:
    """Split a number by the lengths."""
    ends = [round(count * sum(lengths[: k + 1]) / sum(lengths)) for k in range(len(lengths))]
    return [b - a for a, b in zip([0, *ends], ends, strict=False)]


def _fill_side(plan: RingPlan, side: str, room: int, names: Sequence[str]) -> None:
    cells, macros = plan.ring.cells, plan.macros
    pairs = max(round(room / 1000 / SUPPLY_PITCH_UM), 1)
    row: list[tuple[str, str]] = []
    for k in range(pairs):
        part = names[len(names) * k // pairs : len(names) * (k + 1) // pairs]
        middle = len(part) // 2
        supplies = [(f"pad_{net}_{side}_{k}", getattr(cells, net)) for net in ("ground", "power")]
        row += [(n, plan.placed[n].cell) for n in part[:middle]] + supplies
        row += [(n, plan.placed[n].cell) for n in part[middle:]]
    taken = sum(macros[cell].width for _, cell in row)
    if taken > room:
        raise PnrError(
            f"{len(row)} pads of {taken / 1e3:g} um do not fit the {side} side of {room / 1e3:g} um",
            where="pad_ring",
            hint="take a larger slot",
        )
    site = min(macros[name].width for name in cells.fillers)
    gap = (room - taken) // (len(row) + 1) // site * site
    at = (room - taken - gap * (len(row) - 1)) // 2 // site * site
    _fillers(plan, side, room, 0, at)
    for k, (name, cell) in enumerate(row):
        plan.sides[name] = side
        standing = _on_side(plan, side, room, name, cell, at)
        if name in plan.placed:
            known = plan.placed[name]
            known.x, known.y, known.orientation = standing.x, standing.y, standing.orientation
        else:
            plan.others.append(standing)
        at += macros[cell].width
        end = at + gap if k + 1 < len(row) else room
        _fillers(plan, side, room, at, end)
        at = end


def _fillers(plan: RingPlan, side: str, room: int, start: int, end: int) -> None:
    at = start
    for cell in plan.ring.cells.fillers:
        width = plan.macros[cell].width
        while at + width <= end:
            plan.others.append(_on_side(plan, side, room, f"fill_{side}_{at // 1000}", cell, at))
            at += width
    if at != end:
        raise PnrError(f"no pad filler is {(end - at) / 1e3:g} um wide", where=f"{side} side of the pad ring")


def _on_side(plan: RingPlan, side: str, room: int, name: str, cell: str, at: int) -> Instance:
    """A cell of a side, `at` nm from the side's beginning, counter-clockwise."""
    cells, macro = plan.ring.cells, plan.macros[cell]
    edge, first = _nm(cells.edge), _nm(cells.edge) + plan.macros[cells.corner].width
    back = room - at - macro.width
    x, y = {
        "south": (first + at, edge),
        "east": (plan.width - edge - macro.height, first + at),
        "north": (first + back, plan.height - edge - macro.height),
        "west": (edge, first + back),
    }[side]
    return _standing(name, cell, x, y, TURNS[side])


def _standing(name: str, cell: str, x: int, y: int, turn: str) -> Instance:
    return Instance(name, cell, x=x, y=y, orientation=turn, fixed=True, block=True)


# -- ports of the core -----------------------------------------------------------------------------


def _strands(plan: RingPlan, technology: Technology) -> None:
    """A port for every pin of a pad but the bond pad's, on the routing grid across from it, in the pins' order."""
    bonds = {kind.cell: kind.pad for kind in plan.ring.cells.kinds.values()}
    unused = {(kind.cell, pin) for kind in plan.ring.cells.kinds.values() for pin in kind.open}
    for name, instance in plan.placed.items():
        side, macro = plan.sides[name], plan.macros[instance.cell]
        along = 0 if side in ("south", "north") else 1
        step, origin = (technology.dx, technology.dy)[along], plan.box[along]
        pins = []
        for pin in macro.pins.values():
            idle = (instance.cell, pin.name) in unused and pin.name not in instance.pins
            if pin.is_power or pin.name == bonds[instance.cell] or idle:
                continue
            rect = to_die(next(r for rects in pin.shapes.values() for r in rects), instance, macro)
            pins.append(((rect[along] + rect[along + 2]) // 2, pin.name, rect))
        pins.sort()
        body = outline(instance, macro)
        low = max(body[along], origin + 4 * step)
        high = min(body[along + 2], plan.box[along + 2] - 4 * step)
        nodes = [
            origin + step // 2 + step * k for k in range((low - origin) // step + 1, (high - origin) // step - 1)
        ]  # fmt: skip
        taken = _columns([p[0] for p in pins], nodes)
        if taken is None:
            raise PnrError(f"no room for the pins of pad {name} at the core's edge", where=f"{side} side")
        plan.strands += [
            Strand(name, pin, side, rect, at, to) for (at, pin, rect), to in zip(pins, taken, strict=True)
        ]  # fmt: skip


def _columns(pins: Sequence[int], nodes: Sequence[int]) -> list[int] | None:
    """A node for each pin, in order, near it but not too near, PIN_PITCH apart; None when there are too few."""
    found: list[int] = []
    for k, at in enumerate(pins):
        left = (len(pins) - 1 - k) * PIN_PITCH
        least = found[-1] + PIN_PITCH if found else -(1 << 60)
        usable = [n for n in nodes if n >= least and abs(n - at) >= PIN_SHIFT and n + left <= nodes[-1]]
        if not usable:
            return None
        found.append(min(usable, key=lambda n: abs(n - at)))
    return found


def _peel(plan: RingPlan, netlist: Netlist, ties: Mapping[str, int]) -> None:
    """Take the pads out of the netlist: their pins become ports, the chip's own ports go."""
    constants = {(i.name, pin): value for i, pin, value in netlist.constants}
    netlist.constants = [c for c in netlist.constants if c[0].name not in plan.placed]
    bonds = {kind.cell: kind.pad for kind in plan.ring.cells.kinds.values()}
    for port in netlist.ports.values():
        pins = port.net.pins
        if len(pins) != 1 or len(port.net.ports) != 1 or pins[0][1] != bonds.get(pins[0][0].cell):
            raise PnrError(f"port {port.name} of the chip is not on one pad alone", where=port.net.name)
        plan.loose.append((port, *pins[0]))
    if len(plan.loose) != len(plan.placed):
        raise PnrError("a pad has no port of the chip", where="pad_ring")
    netlist.ports = {}
    for port, instance, pin in plan.loose:
        netlist.disconnect(instance, pin)
        del netlist.nets[port.net.name]
    for strand in plan.strands:
        instance = plan.placed[strand.instance]
        macro_pin = plan.macros[instance.cell].pins[strand.name]
        net = instance.pins.get(strand.name)
        value = constants.get((strand.instance, strand.name))
        if net is not None and (tied := [ties[i.cell] for i, _ in net.pins if i.cell in ties]):
            net, value = None, tied[0]
        if net is None and value is None:
            if macro_pin.direction == "INPUT":
                raise PnrError("an input of a pad is open", where=f"{strand.instance}.{strand.name}")
            net = netlist.add_net(strand.port)
        direction = "output" if macro_pin.direction == "INPUT" else "input"
        port = Port(strand.port, direction, net or netlist.add_net(strand.port), strand.port, None)
        port.net.ports.append(port)
        netlist.ports[port.name] = port
        if value is not None:
            netlist.constant_ports.append((port, value))
    for instance in plan.placed.values():
        netlist.remove_instance(instance)


# -- the whole chip --------------------------------------------------------------------------------


def reach_edges(plan: Floorplan, technology: Technology) -> None:
    """Let the straps that end at the core's edge run to the die's edge, before anything is routed there."""
    overhang = technology.config.straps.overhang
    ends = plan.core[1] - overhang, plan.core[3] + overhang
    plan.straps = [
        replace(s, bottom=0 if s.bottom == ends[0] else s.bottom, top=plan.height if s.top == ends[1] else s.top)
        for s in plan.straps
    ]


def close_ring(
    plan: RingPlan, netlist: Netlist, floorplan: Floorplan, geometries: Sequence[NetGeometry], technology: Technology
) -> list[NetGeometry]:
    """Turn the routed core into the chip: move it to its place, put the pads back, join both.

    Changes netlist and floorplan; returns the geometries of all nets.
    """
    from asicflow.flow.pnr.channel import draw_strands, draw_supplies

    by = (plan.box[0], plan.box[1])
    head = by[1] + floorplan.height
    moved(floorplan, by)
    floorplan.width, floorplan.height = plan.width, plan.height
    for instance in netlist.instances.values():
        instance.x, instance.y = instance.x + by[0], instance.y + by[1]
    made = [moved_geometry(g, by) for g in geometries]
    for instance in (*plan.placed.values(), *plan.others):
        netlist.instances[instance.name] = instance
    landings = {x.pin.name: (g, k) for g in made for k, x in enumerate(g.landings) if isinstance(x.pin, Port)}
    draw_strands(plan, landings, netlist, technology)
    made = [g for g in made if g.landings]
    made += [_bond(plan, netlist, floorplan, technology, port, i, pin) for port, i, pin in plan.loose]
    draw_supplies(plan, floorplan, technology, head)
    left, bottom, right, top = (_nm(v) for v in plan.ring.cells.bond)
    for instance in plan.others:
        if instance.cell in (plan.ring.cells.power, plan.ring.cells.ground):
            rect = to_die((left, bottom, right, top), instance, plan.macros[instance.cell])
            floorplan.supplies.append((instance.cell == plan.ring.cells.power, rect))
    for instance in (*plan.placed.values(), *plan.others):
        for pin in plan.macros[instance.cell].pins.values():
            if pin.is_power:
                floorplan.hooks.contacts[instance.name, pin.name] = 1
    return made


def _bond(
    plan: RingPlan, netlist: Netlist, floorplan: Floorplan, technology: Technology,
    port: Port, instance: Instance, pin: str,
) -> NetGeometry:  # fmt: skip
    """Give the chip its port back, on the bond pad."""
    macro = plan.macros[instance.cell]
    layer, rects = next(iter(macro.pins[pin].shapes.items()))
    rect = to_die(rects[0], instance, macro)
    net = Net(port.name)
    netlist.nets[net.name] = net
    netlist.connect(instance, pin, net)
    port.net = net
    net.ports = [port]
    netlist.ports[port.name] = port
    index = technology.layer_index(layer)
    floorplan.pins[port.name] = PinPlace(index, 0, 0, rect)
    x, y = (rect[0] + rect[2]) // 2, (rect[1] + rect[3]) // 2
    landings = [PinLanding(port, index, x, y), PinLanding((instance, pin), index, x, y, [rect])]
    return NetGeometry(net, [], [], [], landings)
