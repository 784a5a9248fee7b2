"""What the architecture demands of exception entry and return, checked on a trace."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from armv6m_bench import (
    BENCH,
    CYCLE,
    DATA,
    ENTER,
    IRQ,
    KIND,
    LEAVE,
    LR,
    MASK,
    MSP,
    NUMBER,
    PSP,
    R0,
    RETURN,
    START,
    TAIL,
    XPSR,
    Answer,
    Job,
    image,
)  # fmt: skip
from armv6m_program import branch_halves
from numpy.typing import NDArray

STACKED = (0, 1, 2, 3, 12)
SETTLED = 6  # cycles after which a raised line must be known to the choice
Row = NDArray[np.uint32]


def handler(number: int) -> int:
    """Return where the handler of an exception is placed."""
    return 0x2000 + 0x80 * number


class Code:
    """A small assembler: halfwords from ``start`` on, literals far behind."""

    def __init__(self, start: int = 0x100) -> None:
        self.at, self.pool = start, (start & ~0x7F) + (0x300 if start < 0x2000 else 0x60)
        self.halves: dict[int, int] = {}

    def put(self, *halves: int) -> Code:
        """Append halfwords."""
        for half in halves:
            self.halves[self.at] = half
            self.at += 2
        return self

    def ldr(self, reg: int, value: int) -> Code:
        """Load a 32-bit literal into a low register."""
        offset = self.pool - (self.at + 4 & ~3)
        self.halves[self.pool], self.halves[self.pool + 2] = value & 0xFFFF, value >> 16
        self.pool += 4
        return self.put(0x4800 | reg << 8 | offset >> 2)

    def store(self, address: int, value: int) -> Code:
        """Store a word; uses R4 and R5."""
        return self.ldr(4, address).ldr(5, value).put(0x6025)

    def finish(self, value: int = 0) -> Code:
        """End the run."""
        return self.store(BENCH + 0xC, value)

    def jump(self, target: int) -> Code:
        """Branch to an address."""
        return self.put(*branch_halves("b", target - self.at - 4))


def job(main: Code, handlers: dict[int, Code] | None = None, **options: int) -> Job:
    """Return a job with vectors; an exception without handler ends the run with its number + 0x100."""
    halves = dict(main.halves)
    table = {0: DATA + 0x8000, 1: 0x101}
    for number in range(2, 48):
        code = (handlers or {}).get(number) or Code(handler(number)).finish(0x100 + number)
        halves |= code.halves
        table[number] = handler(number) | 1
    for number, value in table.items():
        halves[4 * number], halves[4 * number + 2] = value & 0xFFFF, value >> 16
    return Job(image(halves, 0x4000), **options)


def sp_of(row: Row) -> int:
    """Return the stack pointer in use."""
    return int(row[PSP] if row[MASK] & 2 else row[MSP])


@dataclass
class Seen:
    """How often each situation occurred."""

    entries: int = 0
    returns: int = 0
    tails: int = 0
    late: int = 0
    depth: int = 0
    latency: list[int] = field(default_factory=list)


class Checker:
    """Follows a trace; ``priorities`` are those of the lines, by exception number."""

    def __init__(self, answer: Answer, priorities: dict[int, int] | None = None) -> None:
        self.answer, self.priorities = answer, priorities or {}
        self.seen = Seen()
        self.saved: list[tuple[Row, int, int, int]] = []
        self.active: list[int] = []
        self.pending: dict[int, int] = {}
        self.start: tuple[int, Row, Row] | None = None
        self.link = 0

    def run(self) -> Seen:
        """Check every event; AssertionError names the first that is wrong."""
        records = self.answer.records
        for i, row in enumerate(records):
            kind, number = int(row[KIND]), int(row[NUMBER])
            if kind == IRQ:
                for line in range(32):
                    if number >> line & 1:
                        self.pending.setdefault(16 + line, int(row[CYCLE]))
            elif kind == START:
                self.start = (i, records[i - 1], row)
            elif kind == ENTER:
                self.enter(i, row, number)
            elif kind == LEAVE:
                self.seen.returns += 1
                assert self.active, "a return without a handler"
                self.active.pop()
            elif kind == TAIL:
                self.seen.tails += 1
                self.link = 1
            elif kind == RETURN:
                self.back(row)
        return self.seen

    def enter(self, i: int, row: Row, number: int) -> None:
        if self.start is not None:
            self.frame(i)
        else:
            assert self.link, f"exception {number} entered without stacking or tail-chaining"
        self.link = 0
        _, expected = self.saved[-1][1], self.saved[-1][3]
        assert row[LR] == expected, f"LR {row[LR]:#x} in exception {number}, expected {expected:#x}"
        assert row[XPSR] & 0x3F == number and not row[MASK] & 2
        self.priority(number, int(row[CYCLE]))
        self.active.append(number)
        self.seen.entries += 1
        self.seen.depth = max(self.seen.depth, len(self.active))

    def frame(self, i: int) -> None:
        """Compare the stacked words with the state before."""
        assert self.start is not None
        begin, before, at = self.start
        self.start = None
        stack = sp_of(before)
        base = (stack - 32) & ~7
        xpsr = int(before[XPSR]) | (stack & 4) << 7
        words = [*(int(at[R0 + k]) for k in STACKED), int(at[LR]), int(at[NUMBER]), xpsr]
        writes = self.answer.writes
        mine = writes[(writes[:, 0] > begin) & (writes[:, 0] <= i)]
        got = dict(zip(mine[:, 1].tolist(), mine[:, 3].tolist(), strict=True))
        want = {base + 4 * k: word for k, word in enumerate(words)}
        assert got == want, f"frame {got}, expected {want}"
        thread = not before[XPSR] & 0x3F
        link = 0xFFFF_FFF1 | (8 if thread else 0) | (4 if before[MASK] & 2 else 0)
        self.saved.append((at, stack, int(at[NUMBER]), link))

    def priority(self, number: int, cycle: int) -> None:
        """No line that was raised in time goes before ``number``; it goes before what is active."""
        mine = (self.priorities.get(number, -1), number)
        for other, since in self.pending.items():
            if other in self.priorities and cycle - since > SETTLED:
                theirs = (self.priorities[other], other)
                assert theirs >= mine, f"exception {number} was entered while {other} was pending"
        if self.active and number in self.priorities and self.active[-1] in self.priorities:
            assert mine[0] < self.priorities[self.active[-1]], f"{number} interrupted {self.active[-1]}"
        if (since := self.pending.pop(number, -1)) >= 0 and number in self.priorities:
            self.seen.latency.append(cycle - since)

    def back(self, row: Row) -> None:
        """Compare the state after a return with the one that was saved."""
        at, stack, _, _ = self.saved.pop()
        for k in STACKED:
            assert row[R0 + k] == at[R0 + k], f"R{k} changed over an exception"
        assert row[LR] == at[LR] and row[XPSR] == at[XPSR] and sp_of(row) == stack
