"""The clock tree: equal levels of clock buffers over sinks halved by place.

All sinks see the same number of buffers of the same kind per level, and clusters of one level hold about
the same number of sinks, so the skew is what is left of wire and cluster differences.

A clock gate takes the place of a buffer of the lowest level: it drives its registers itself, copied where they are
too many for one, so registers behind gates see as many levels as the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from asicflow.flow.pnr.buffering import Buffering, Sink, middle, place_at, spread
from asicflow.flow.pnr.netlist import Instance, Net, Netlist, PnrError
from asicflow.pdk.config import ClockGate, Library

BRANCHES = 4
"""Buffers below one buffer."""


@dataclass
class ClockTree:
    """What was built: sinks, levels of buffers, buffers, clock gates with their copies, and all nets of the clock."""

    sinks: int
    levels: int
    buffers: int
    gates: int
    nets: list[Net]


def nets_of_clock(clock: Net, library: Library) -> list[Net]:
    """The clock before it has a tree: its net and those behind clock gates on it."""
    gate = library.cells.clock_gate
    return [clock, *(i.pins[gate.output] for i in _gates(clock, gate) if gate.output in i.pins)] if gate else [clock]


def _gates(net: Net, gate: ClockGate) -> list[Instance]:
    """The clock gates whose clock is `net`."""
    return [i for i, pin in net.pins if i.cell in gate.cells and pin == gate.clock]


def build_clock_tree(buffering: Buffering, clock: Net, leaf_sinks: int = 20) -> ClockTree:
    """Drive all sinks of `clock` through a balanced tree.

    PnrError when the library lists no clock buffer, or a clock gate is behind another.
    """
    library = buffering.models.library
    if not library.cells.clock_buffers:
        raise PnrError("the PDK file lists no clock buffer", where=f"library {library.name}")
    gates = _gated_groups(buffering, clock, leaf_sinks)
    heads = [_gate_head(buffering, gate, group) for gate, group in gates]
    leaders = {gate for gate, _ in gates}
    sinks = [s for s in buffering.sinks(clock) if not (isinstance(s.pin, tuple) and s.pin[0] in leaders)]
    ends = len(sinks) + sum(len(group) for _, group in gates)
    if not ends:
        return ClockTree(0, 0, 0, 0, [clock])
    plain = math.ceil(len(sinks) / leaf_sinks)
    leaves = plain + len(gates)
    depth = math.ceil(math.log(leaves, BRANCHES)) if leaves > 1 else 0
    if depth and plain:
        plain += _whole(leaves, depth) - leaves
    before = buffering.inserted
    nets = [clock, *(gate.pins[pin] for gate, pin in _outputs(leaders, library))]
    groups = halved(sinks, plain) if sinks else []
    for level in range(depth, -1, -1):
        cell = _cell(buffering, groups) if groups else ""
        for group in groups:
            net = buffering.buffer(clock, group, cell, f"clk_{level}")
            nets.append(net)
            heads.append(_head(buffering, net))
        groups = halved(heads, max(len(heads) // BRANCHES, 1))
        heads = []
    for net in nets:
        net.is_clock = True
    return ClockTree(ends, depth + 1, buffering.inserted - before, len(gates), nets)


def _outputs(gates: set[Instance], library: Library) -> list[tuple[Instance, str]]:
    gate = library.cells.clock_gate
    return [(i, gate.output) for i in sorted(gates, key=lambda i: i.name)] if gate else []


def _gated_groups(buffering: Buffering, clock: Net, leaf_sinks: int) -> list[tuple[Instance, list[Sink]]]:
    """Each clock gate with the sinks that it is to drive; a gate with too many gets copies."""
    gate = buffering.models.library.cells.clock_gate
    found: list[tuple[Instance, list[Sink]]] = []
    for instance in _gates(clock, gate) if gate else []:
        assert gate is not None
        behind = instance.pins.get(gate.output)
        if behind is None:
            continue
        if inner := _gates(behind, gate):
            raise PnrError("a clock gate is behind another", where=f"{inner[0].name} behind {instance.name}")
        members = buffering.sinks(behind)
        first, *others = halved(members, max(math.ceil(len(members) / leaf_sinks), 1))
        found.append((instance, first))
        found += [(_copy(buffering.netlist, instance, gate, group), group) for group in others]
    return found


def _copy(netlist: Netlist, gate: Instance, pins: ClockGate, group: Sequence[Sink]) -> Instance:
    """A second gate with the same inputs that drives `group`."""
    copy = netlist.add_instance(f"{gate.name}_copy", gate.cell)
    for pin, net in list(gate.pins.items()):
        if pin != pins.output:
            netlist.connect(copy, pin, net)
    behind = netlist.add_net(f"{gate.pins[pins.output].name}_copy")
    netlist.connect(copy, pins.output, behind)
    for sink in group:
        if not isinstance(sink.pin, tuple):
            raise PnrError("a gated clock leaves the design", where=f"port {sink.pin.name}")
        netlist.connect(*sink.pin, behind)
    return copy


def _gate_head(buffering: Buffering, instance: Instance, group: Sequence[Sink]) -> Sink:
    """Size and place a gate for its sinks; its clock pin as a sink."""
    gate = buffering.models.library.cells.clock_gate
    assert gate is not None
    load = _load(buffering, group)
    fits = (c for c in gate.cells if buffering.models.load_limit(c, gate.output, buffering.slew / 2) >= load)
    buffering.resize(instance, next(fits, gate.cells[-1]))
    width = buffering.macros[instance.cell].width
    place_at(instance, middle([s.place for s in group]), width, buffering.plan, buffering.tech)
    return _sink_of(buffering, instance, gate.clock)


def _whole(leaves: int, depth: int) -> int:
    """Leaves rounded up so that every buffer of every upper level has the same number below it."""
    below_top: int = BRANCHES ** (depth - 1)
    return math.ceil(leaves / below_top) * below_top


def _head(buffering: Buffering, net: Net) -> Sink:
    """The input pin of the buffer that drives `net`, as a sink."""
    instance = next(i for i, p in net.pins if p == buffering.output_pin and i.pins[p] is net)
    return _sink_of(buffering, instance, buffering.input_pin)


def _sink_of(buffering: Buffering, instance: Instance, pin: str) -> Sink:
    return next(s for s in buffering.sinks(instance.pins[pin]) if s.pin == (instance, pin))


def _load(buffering: Buffering, group: Sequence[Sink]) -> float:
    """Pins and estimated wire of a group, pF."""
    return sum(s.capacitance for s in group) + spread(group) * buffering.cap_per_um


def _cell(buffering: Buffering, groups: Sequence[Sequence[Sink]]) -> str:
    """The weakest clock buffer that drives the largest group at half the wanted transition."""
    load = max(_load(buffering, group) for group in groups)
    choices = buffering.models.library.cells.clock_buffers
    slew = buffering.slew / 2
    for cell in choices:
        if buffering.models.load_limit(cell, buffering.output_pin, slew) >= load:
            return cell
    return choices[-1]


def halved(members: Sequence[Sink], parts: int) -> list[list[Sink]]:
    """Split sinks by place into `parts` groups of equal size (within one)."""
    if parts <= 1:
        return [list(members)]
    xs, ys = [s.place[0] for s in members], [s.place[1] for s in members]
    axis = 0 if max(xs) - min(xs) >= max(ys) - min(ys) else 1
    ordered = sorted(members, key=lambda s: (s.place[axis], s.place[1 - axis]))
    left = parts // 2
    cut = round(len(ordered) * left / parts)
    return [*halved(ordered[:cut], left), *halved(ordered[cut:], parts - left)]
