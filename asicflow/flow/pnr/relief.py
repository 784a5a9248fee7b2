"""Relief of nets whose transitions or loads are near or beyond the library's limits, as timing finds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from asicflow.flow.pnr.buffering import Buffering, Point, Sink, middle
from asicflow.flow.pnr.netlist import Instance, Net, Port, drivers
from asicflow.flow.pnr.timing import CornerTiming

NEAR_UM = 40.0
"""A buffer this near to a block's output cannot be bettered by another."""


def relieve(buffering: Buffering, timings: Sequence[CornerTiming], clock: set[Net]) -> list[Instance]:
    """Put buffers into each net near or beyond a limit in any corner; the buffers.

    Blocks have no other strengths and ask for steep edges: a buffer close to the pins of each. Elsewhere one buffer
    halfway to the far sinks. Nets of the `clock` get buffers at blocks only, of its own kind; the nets behind join it.
    """
    strongest = buffering.models.library.cells.clock_buffers[-1] if clock else ""
    found = {net: None for t in timings for net, _, _ in (*t.slew, *t.capacitance)}
    buffers = []
    for net in found:
        if net not in clock:
            buffers += [buffering.buffer_at(net, group, at, "relief") for group, at in list(_cuts(buffering, net))]
            continue
        for group, at in list(_at_blocks(buffering, net, strongest)):
            buffers.append(buffering.buffer_at(net, group, at, "clk_relief", strongest))
            behind = buffers[-1].pins[buffering.output_pin]
            behind.is_clock = True
            clock.add(behind)
    return buffers


def _cuts(buffering: Buffering, net: Net) -> Iterator[tuple[list[Sink], Point]]:
    """Groups of a net's sinks that get a buffer, and where."""
    driver = drivers(net, buffering.macros)[0]
    source, members = buffering.source(net), buffering.sinks(net)
    if not isinstance(driver, Port) and driver[0].block:
        relieved = len(members) == 1 and buffering.is_buffer(members[0])
        if not relieved or _distance(source, members[0].place) > NEAR_UM * 1e3:
            yield members, source
    elif any(not isinstance(s.pin, Port) and s.pin[0].block for s in members):
        yield from _at_blocks(buffering, net, buffering.strongest())
    else:
        group = far_sinks(buffering, net)
        yield group, buffering.halfway(net, group)


def _at_blocks(buffering: Buffering, net: Net, strongest: str) -> Iterator[tuple[list[Sink], Point]]:
    """The sinks at each block, and their middle; not where a strong buffer of their own drives them."""
    driver = drivers(net, buffering.macros)[0]
    strong = not isinstance(driver, Port) and driver[0].cell == strongest
    members = buffering.sinks(net)
    groups: dict[Instance, list[Sink]] = {}
    for sink in members:
        if not isinstance(sink.pin, Port) and sink.pin[0].block:
            groups.setdefault(sink.pin[0], []).append(sink)
    for group in groups.values():
        if not strong or len(group) < len(members):
            yield group, middle([s.place for s in group])


def far_sinks(buffering: Buffering, net: Net) -> list[Sink]:
    """The sinks of a net at least half as far from its driver as the farthest."""
    source, members = buffering.source(net), buffering.sinks(net)
    away = [_distance(source, s.place) for s in members]
    return [s for s, d in zip(members, away, strict=True) if 2 * d >= max(away)]


def _distance(a: Point, b: Point) -> int:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])
