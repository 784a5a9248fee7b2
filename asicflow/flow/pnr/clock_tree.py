"""The clock tree: equal levels of clock buffers over sinks halved by place.

All sinks see the same number of buffers of the same kind per level, and clusters of one level hold about
the same number of sinks, so the skew is what is left of wire and cluster differences.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from asicflow.flow.pnr.buffering import Buffering, Sink
from asicflow.flow.pnr.netlist import Net, PnrError

BRANCHES = 4
"""Buffers below one buffer."""


@dataclass
class ClockTree:
    """What was built: sinks, levels of buffers, buffers, and all nets of the clock."""

    sinks: int
    levels: int
    buffers: int
    nets: list[Net]


def build_clock_tree(buffering: Buffering, clock: Net, leaf_sinks: int = 20) -> ClockTree:
    """Drive all sinks of `clock` through a balanced tree. PnrError when the library lists no clock buffer."""
    library = buffering.models.library
    if not library.cells.clock_buffers:
        raise PnrError("the PDK file lists no clock buffer", where=f"library {library.name}")
    sinks = buffering.sinks(clock)
    if not sinks:
        return ClockTree(0, 0, 0, [clock])
    leaves = max(math.ceil(len(sinks) / leaf_sinks), 1)
    depth = max(math.ceil(math.log(leaves, BRANCHES)), 0) if leaves > 1 else 0
    before = buffering.inserted
    nets = [clock]
    clock.is_clock = True
    groups = halved(sinks, leaves if depth == 0 else _whole(leaves, depth))
    for level in range(depth, -1, -1):
        cell = _cell(buffering, groups, level, depth)
        heads: list[Sink] = []
        for group in groups:
            net = buffering.buffer(clock, group, cell, f"clk_{level}")
            net.is_clock = True
            nets.append(net)
            heads.append(_head(buffering, net))
        groups = halved(heads, max(len(groups) // BRANCHES, 1))
    return ClockTree(len(sinks), depth + 1, buffering.inserted - before, nets)


def _whole(leaves: int, depth: int) -> int:
    """Leaves rounded up so that every buffer of every upper level has the same number below it."""
    below_top: int = BRANCHES ** (depth - 1)
    return math.ceil(leaves / below_top) * below_top


def _head(buffering: Buffering, net: Net) -> Sink:
    """The input pin of the buffer that drives `net`, as a sink."""
    instance = next(i for i, p in net.pins if p == buffering.output_pin and i.pins[p] is net)
    return next(
        s
        for s in buffering.sinks(instance.pins[buffering.input_pin])
        if isinstance(s.pin, tuple) and s.pin[0] is instance
    )


def _cell(buffering: Buffering, groups: Sequence[Sequence[Sink]], level: int, depth: int) -> str:
    """The weakest clock buffer that drives the largest group at half the wanted transition."""
    from asicflow.flow.pnr.buffering import spread

    load = max(sum(s.capacitance for s in g) + spread(g) * buffering.cap_per_um for g in groups)
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
