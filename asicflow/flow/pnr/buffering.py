"""Buffers, drive strengths and tie cells: every driver gets a load it can drive.

Works on a placed netlist. Sinks of a net that is too large are gathered by place into clusters, each behind
a buffer, level by level, until the driver's load fits; then the driver is exchanged for the weakest cell of
its family that drives the load at the wanted transition.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

from asicflow.flow.pnr.floorplan import Floorplan
from asicflow.flow.pnr.netlist import Instance, Net, Netlist, PnrError, Port, drivers, sinks
from asicflow.flow.pnr.parasitics import PlacementWires
from asicflow.flow.pnr.positions import pin_position
from asicflow.flow.pnr.technology import Technology
from asicflow.flow.pnr.timing import CellModels

log = logging.getLogger(__name__)

Point = tuple[int, int]


@dataclass
class Sink:
    """Something a net drives: an input pin, or an output port (then `pin` is the port)."""

    pin: tuple[Instance, str] | Port
    place: Point
    capacitance: float


class Buffering:
    """Edits one placed netlist; counts what it inserted."""

    def __init__(
        self,
        netlist: Netlist,
        models: CellModels,
        plan: Floorplan,
        technology: Technology,
        wires: PlacementWires,
    ) -> None:
        self.netlist = netlist
        self.models = models
        self.macros = models.macros
        self.plan = plan
        self.tech = technology
        self.wires = wires
        self.slew = technology.config.max_slew
        self.fanout = technology.config.max_fanout
        self.input_pin, self.output_pin = models.library.cells.buffer_pins
        self.cap_per_um = max(r.capacitance for r in wires.rates.values())
        self.inserted = 0
        self.resized = 0
        self.ties = 0

    def limit(self, cell: str) -> float:
        """Load limit of a buffer cell, pF."""
        return self.models.load_limit(cell, self.output_pin, self.slew)

    def fix_all(self, skip: set[Net]) -> None:
        """Buffer and size every net but those in `skip`."""
        for net in list(self.netlist.nets.values()):
            if net not in skip:
                self.fix_net(net)

    def fix_net(self, net: Net) -> None:
        """Make one net drivable."""
        found = drivers(net, self.macros)
        if len(found) != 1 or not (net.pins or net.ports):
            return
        self.split_by_fanout(net)
        driver = found[0]
        load = self.load(net)
        if isinstance(driver, Port):
            if load > self.limit(self.models.library.cells.buffers[-1]):
                self.insert_buffers(net, [self.sinks(net)], self.strongest())
            return
        instance, pin = driver
        if instance.block:
            self.relieve_block(net, instance, pin)
            return
        for cell in self.models.family(instance.cell):
            fits = self.models.load_limit(cell, pin, self.slew) >= load
            if fits and self.macros[cell].width >= self.macros[instance.cell].width:
                if cell != instance.cell:
                    self.resize(instance, cell)
                return
        self.buffer_weak_driver(net, instance, pin)

    def buffer_weak_driver(self, net: Net, instance: Instance, pin: str) -> None:
        """No cell of the driver's family is strong enough: strongest of the family, and buffers behind it."""
        family = self.models.family(instance.cell)
        best = max(family, key=lambda c: self.models.load_limit(c, pin, self.slew))
        if best != instance.cell and self.models.load_limit(best, pin, self.slew) > 1.2 * self.models.load_limit(
            instance.cell, pin, self.slew
        ):
            self.resize(instance, best)
            if self.models.load_limit(best, pin, self.slew) >= self.load(net):
                return
        members = self.sinks(net)
        if len(members) == 1 and self.is_buffer(members[0]):
            return
        limit = self.limit(self.strongest())
        groups = clusters(members, self.fanout, 0.8 * limit, self.cap_per_um)
        self.insert_buffers(net, groups, self.strongest())

    def relieve_block(self, net: Net, instance: Instance, pin: str) -> None:
        """Put a buffer close to a block's output that cannot drive its load: blocks have no other strength."""
        members = self.sinks(net)
        if self.load(net) <= self.models.load_limit(instance.cell, pin, self.slew):
            return
        if len(members) == 1 and self.is_buffer(members[0]):
            return
        buffer = self.driver_of(self.buffer(net, members, self.strongest(), f"buf_{net.name.split('[')[0]}"))
        at = pin_position(instance, pin, self.macros)
        place_at(buffer, at, self.macros[buffer.cell].width, self.plan, self.tech)

    def buffer_at(self, net: Net, group: Sequence[Sink], at: Point, stem: str, cell: str = "") -> Instance:
        """Put a buffer, the strongest unless given, before a group of a net's sinks, at a place of its own."""
        buffer = self.driver_of(self.buffer(net, group, cell or self.strongest(), stem))
        place_at(buffer, at, self.macros[buffer.cell].width, self.plan, self.tech)
        return buffer

    def halfway(self, net: Net, group: Sequence[Sink]) -> Point:
        """The place halfway from a net's driver to the middle of a group of its sinks."""
        return middle([self.source(net), middle([s.place for s in group])])

    def source(self, net: Net) -> Point:
        """Where a net's driver is: an output pin or an input port."""
        driver = drivers(net, self.macros)[0]
        if isinstance(driver, Port):
            left, bottom, right, top = self.plan.pins[driver.name].rect
            return (left + right) // 2, (bottom + top) // 2
        return pin_position(*driver, self.macros)

    def driver_of(self, net: Net) -> Instance:
        """The buffer that drives a net."""
        return next(i for i, p in net.pins if p == self.output_pin)

    def is_buffer(self, sink: Sink) -> bool:
        """Is the sink one of the library's buffers?"""
        return not isinstance(sink.pin, Port) and sink.pin[0].cell in self.models.library.cells.buffers

    def split_by_fanout(self, net: Net) -> None:
        """Put clusters of sinks behind buffers until the net has at most `fanout` sinks."""
        while len(members := self.sinks(net)) > self.fanout:
            limit = self.limit(self.strongest())
            groups = clusters(members, self.fanout, 0.8 * limit, self.cap_per_um)
            if len(groups) >= len(members):
                raise PnrError(f"net {net.name} cannot be buffered", where=f"{len(members)} sinks")
            self.insert_buffers(net, groups, None)

    def insert_buffers(self, net: Net, groups: Sequence[Sequence[Sink]], cell: str | None) -> None:
        """Put a buffer before each group; the weakest fitting one unless `cell` is given."""
        for group in groups:
            if not group:
                continue
            load = sum(s.capacitance for s in group) + spread(group) * self.cap_per_um
            chosen = cell or next(
                (b for b in self.models.library.cells.buffers[1:] if self.limit(b) >= load), self.strongest()
            )
            self.buffer(net, group, chosen, f"buf_{net.name.split('[')[0]}")

    def buffer(self, net: Net, group: Sequence[Sink], cell: str, stem: str) -> Net:
        """Insert one buffer at the middle of `group`; the group's new net."""
        instance = self.netlist.add_instance(stem, cell)
        place_at(instance, middle([s.place for s in group]), self.macros[cell].width, self.plan, self.tech)
        behind = self.netlist.add_net(f"{stem}_net")
        for sink in group:
            if isinstance(sink.pin, Port):
                # the port keeps the name of its net: swap the names of both nets
                net.ports.remove(sink.pin)
                behind.ports.append(sink.pin)
                sink.pin.net = behind
                if net.name == sink.pin.name:
                    self._swap_names(net, behind)
            else:
                self.netlist.connect(*sink.pin, behind)
        self.netlist.connect(instance, self.input_pin, net)
        self.netlist.connect(instance, self.output_pin, behind)
        self.wires.forget([net, behind])
        self.inserted += 1
        return behind

    def _swap_names(self, a: Net, b: Net) -> None:
        a.name, b.name = b.name, a.name
        self.netlist.nets[a.name], self.netlist.nets[b.name] = a, b

    def resize(self, instance: Instance, cell: str) -> None:
        """Exchange a cell for another of its family."""
        instance.cell = cell
        self.wires.forget(list(set(instance.pins.values())))
        self.resized += 1

    def strongest(self) -> str:
        """The strongest buffer of the library's list."""
        return self.models.library.cells.buffers[-1]

    def load(self, net: Net) -> float:
        """Pins, ports and estimated wire (most pessimistic corner), pF."""
        wire = max(self.wires(net, name).capacitance for name in self.wires.rates)
        return sum(s.capacitance for s in self.sinks(net)) + wire

    def sinks(self, net: Net) -> list[Sink]:
        """Input pins and output ports of a net."""
        found = [
            Sink((i, p), pin_position(i, p, self.macros), self.models.pin_capacitance(i.cell, p))
            for i, p in sinks(net, self.macros)
        ]
        for port in net.ports:
            if port.direction == "output":
                rect = self.plan.pins[port.name].rect
                found.append(Sink(port, ((rect[0] + rect[2]) // 2, (rect[1] + rect[3]) // 2), 0.02))
        return found

    def separate_ports(self) -> None:
        """A net on several ports gets a buffer per further output port, so each port has its own net."""
        for net in list(self.netlist.nets.values()):
            outputs = [p for p in net.ports if p.direction == "output"]
            driven_by_port = any(p.direction != "output" for p in net.ports)
            named = next((p for p in outputs if p.name == net.name and not driven_by_port), None)
            keep = named or (None if driven_by_port or not outputs else outputs[0])
            for sink in self.sinks(net):
                if isinstance(sink.pin, Port) and sink.pin is not keep:
                    behind = self.buffer(net, [sink], self.models.library.cells.buffers[1], f"out_{sink.pin.bus}")
                    self.rename(behind, sink.pin.name)
            if keep and net.name != keep.name:
                self.rename(net, keep.name)

    def drive_ports(self) -> None:
        """Put a buffer of the strongest kind before every output port: what is behind it is large and wants it fast."""
        tied = {port.name for port, _ in self.netlist.constant_ports}
        for port in list(self.netlist.ports.values()):
            if port.direction == "output" and port.name not in tied:
                (sink,) = [s for s in self.sinks(port.net) if s.pin is port]
                self.rename(self.buffer(port.net, [sink], self.strongest(), f"out_{port.bus}"), port.name)

    def rename(self, net: Net, name: str) -> None:
        """Give a net a name that is free or its own."""
        other = self.netlist.nets.get(name)
        if other is net:
            return
        if other is not None:
            self._swap_names(net, other)
            return
        del self.netlist.nets[net.name]
        net.name = name
        self.netlist.nets[name] = net

    def tie_constants(self) -> None:
        """Drive constant pins and ports by tie cells, each serving its neighbours."""
        for value in (0, 1):
            cell, pin = self.models.library.cells.tie_high if value else self.models.library.cells.tie_low
            members = [
                Sink((i, p), pin_position(i, p, self.macros), self.models.pin_capacitance(i.cell, p))
                for i, p, v in self.netlist.constants
                if v == value
            ]
            for group in clusters(
                members, self.fanout, self.models.load_limit(cell, pin, 10 * self.slew), self.cap_per_um
            ):
                self._tie(cell, pin, group, None)
            for port, v in self.netlist.constant_ports:
                if v == value:
                    rect = self.plan.pins[port.name].rect
                    self._tie(cell, pin, [Sink(port, (rect[0], rect[1]), 0.0)], port.net)
        self.netlist.constants.clear()
        self.netlist.constant_ports.clear()

    def _tie(self, cell: str, pin: str, group: Sequence[Sink], net: Net | None) -> None:
        instance = self.netlist.add_instance("tie", cell)
        place_at(instance, middle([s.place for s in group]), self.macros[cell].width, self.plan, self.tech)
        net = net or self.netlist.add_net(f"{instance.name}_net")
        self.netlist.connect(instance, pin, net)
        for sink in group:
            if not isinstance(sink.pin, Port):
                self.netlist.connect(*sink.pin, net)
        self.ties += 1


def remove_buffers(netlist: Netlist, models: CellModels) -> int:
    """Take out the buffers that synthesis put in without knowing any place; how many.

    A buffer whose output is an output port stays when its input is on a port or drives another port, so that
    every port keeps a net of its own.
    """
    removed = 0
    for instance in list(netlist.instances.values()):
        pins = _buffer_pins(instance, models)
        if pins is None:
            continue
        source, behind = instance.pins.get(pins[0]), instance.pins.get(pins[1])
        if source is None or behind is None or source is behind or (behind.ports and source.ports):
            continue
        netlist.remove_instance(instance)
        for sink, pin in list(behind.pins):
            netlist.connect(sink, pin, source)
        for port in behind.ports:
            port.net = source
        source.ports += behind.ports
        behind.ports = []
        del netlist.nets[behind.name]
        if source.ports and source.name not in netlist.ports:
            del netlist.nets[source.name]
            source.name = source.ports[0].name
            netlist.nets[source.name] = source
        removed += 1
    return removed


def _buffer_pins(instance: Instance, models: CellModels) -> tuple[str, str] | None:
    """(input, output) when a cell only repeats its input and is no delay cell, else None."""
    view = models.cell(instance.cell)
    if view is None or view.is_sequential or instance.cell in models.library.cells.hold_buffers:
        return None
    inputs, outputs = view.inputs(), view.outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        return None
    same = outputs[0].function.strip("() ") == inputs[0].name
    return (inputs[0].name, outputs[0].name) if same else None


def place_at(instance: Instance, at: Point, width: int, plan: Floorplan, technology: Technology) -> None:
    """Put a cell with its middle near a point, inside the core; legalisation follows."""
    x = min(max(at[0] - width // 2, plan.core[0]), plan.core[2] - width)
    row = min(max((at[1] - plan.core[1]) // technology.row_height, 0), plan.rows - 1)
    instance.x = plan.core[0] + (x - plan.core[0]) // technology.site_width * technology.site_width
    instance.row = row
    instance.y = plan.row_y(row, technology.row_height)
    instance.flipped = row % 2 == 1


def middle(points: Sequence[Point]) -> Point:
    """Mean of points."""
    return sum(p[0] for p in points) // len(points), sum(p[1] for p in points) // len(points)


def spread(group: Sequence[Sink]) -> float:
    """An estimate of the wire that joins a group, um."""
    xs, ys = [s.place[0] for s in group], [s.place[1] for s in group]
    span = max(xs) - min(xs) + max(ys) - min(ys)
    return span / 1e3 * max(1.0, math.sqrt(len(group)) / 2)


def clusters(members: Sequence[Sink], most: int, capacitance: float, cap_per_um: float) -> list[list[Sink]]:
    """Split sinks by place, halving the longer side, until each part is small enough (count and pF)."""
    if not members:
        return []
    load = sum(s.capacitance for s in members) + spread(members) * cap_per_um
    if len(members) == 1 or (len(members) <= most and load <= capacitance):
        return [list(members)]
    xs, ys = [s.place[0] for s in members], [s.place[1] for s in members]
    axis = 0 if max(xs) - min(xs) >= max(ys) - min(ys) else 1
    ordered = sorted(members, key=lambda s: (s.place[axis], s.place[1 - axis]))
    half = (len(ordered) + 1) // 2
    return [
        *clusters(ordered[:half], most, capacitance, cap_per_um),
        *clusters(ordered[half:], most, capacitance, cap_per_um),
    ]
