"""Hold repair: delay cells in front of register pins that data reaches too early."""

from __future__ import annotations

import math
from collections.abc import Sequence

from asicflow.flow.pnr.buffering import Buffering
from asicflow.flow.pnr.netlist import Instance
from asicflow.flow.pnr.timing import Check, CornerTiming

BLOCK_MARGIN_NS = 0.2
"""More for pins of blocks: their hold times grow steeply with the clock's transition, which the estimate knows less."""

LONGEST_CHAIN = 12
"""Delay cells in one repair at most."""


def repair_hold(buffering: Buffering, timings: Sequence[CornerTiming], margin: float) -> list[Instance]:
    """Insert delay cells so that every hold check has at least `margin` ns; the cells inserted.

    `timings` are the corners' analyses. Hold goes before setup: a late path only slows the clock, an early one
    fails at any clock.
    """
    need: dict[tuple[str, str], tuple[Check, dict[str, float]]] = {}
    for timing in timings:
        for check in timing.hold:
            wanted = margin + (BLOCK_MARGIN_NS if check.instance.block else 0.0)
            if check.slack < wanted:
                entry = need.setdefault((check.instance.name, check.pin), (check, {}))
                entry[1][check.corner] = wanted - check.slack
    inserted: list[Instance] = []
    for check, lacking in need.values():
        cell, count = _chain(buffering, timings, lacking)
        inserted += insert_delays(buffering, check, cell, count)
    return inserted


def insert_delays(buffering: Buffering, check: Check, cell: str, count: int) -> list[Instance]:
    """Put a chain of `count` delay cells directly before the pin of a check."""
    chain = []
    for _ in range(count):
        net = check.instance.pins[check.pin]
        sink = next(s for s in buffering.sinks(net) if s.pin == (check.instance, check.pin))
        chain.append(buffering.driver_of(buffering.buffer(net, [sink], cell, "hold")))
    return chain


def _chain(buffering: Buffering, timings: Sequence[CornerTiming], lacking: dict[str, float]) -> tuple[str, int]:
    """The delay cell and the number of them that take the least area for all corners' needs."""
    best: tuple[int, str, int] | None = None
    for cell in buffering.models.library.cells.hold_buffers:
        count = 1
        for timing in timings:
            short = lacking.get(timing.corner.name, 0.0)
            if short > 0:
                count = max(count, math.ceil(short / _delay(buffering, timing, cell)))
        count = min(count, LONGEST_CHAIN)
        area = count * buffering.macros[cell].width
        if best is None or area < best[0]:
            best = (area, cell, count)
    assert best is not None
    return best[1], best[2]


def _delay(buffering: Buffering, timing: CornerTiming, cell: str) -> float:
    """Delay (ns) that one delay cell adds at least, with a small load."""
    view = timing.corner.liberty.cells[cell]
    arcs = [a for p in view.outputs() for a in p.arcs if not a.is_constraint]
    return max(min(a.best("delay", 0.05, 0.004) for a in arcs), 0.01)
