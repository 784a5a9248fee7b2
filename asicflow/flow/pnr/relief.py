"""Relief of nets whose transitions or loads are beyond the library's limits, as timing finds them."""

from __future__ import annotations

from collections.abc import Sequence

from asicflow.flow.pnr.buffering import Buffering, Sink
from asicflow.flow.pnr.netlist import Instance, Net
from asicflow.flow.pnr.timing import CornerTiming


def relieve(buffering: Buffering, timings: Sequence[CornerTiming], skip: set[Net]) -> list[Instance]:
    """Put a buffer halfway to the far sinks of each net beyond a limit in any corner, but those in `skip`."""
    found = {net: None for t in timings for net, _, _ in (*t.slew, *t.capacitance) if net not in skip}
    return [buffering.halfway(net, far_sinks(buffering, net), "relief") for net in found]


def far_sinks(buffering: Buffering, net: Net) -> list[Sink]:
    """The sinks of a net at least half as far from its driver as the farthest."""
    x, y = buffering.source(net)
    members = buffering.sinks(net)
    away = [abs(s.place[0] - x) + abs(s.place[1] - y) for s in members]
    return [s for s, d in zip(members, away, strict=True) if 2 * d >= max(away)]
