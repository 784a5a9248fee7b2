"""The inner loops of the gate-level simulation, compiled with numba: 64 independent runs in the bits of a word.

In `simulate` every cell takes one unit of time. In a clock cycle events spread from the inputs and registers that
changed until nothing changes any more; a net may change several times (glitches) before it has its settled value.
`settle` finds the settled values alone, cell after cell behind the cells that it reads, in a fifth of the time.
"""

# mypy: allow-untyped-decorators, no-warn-return-any

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Ints = NDArray[np.int32]
Counts = NDArray[np.int64]

MOST_STEPS = 100000
"""More units of time than this in one cycle: the logic has a loop."""


class Gates(NamedTuple):
    """Combinational cells by output: truth table, output net, `width` inputs; `readers` of net n are the gates
    `reader[first[n]:first[n + 1]]`. A gate's `rank` is one more than those of the gates it reads; -1 in a loop."""

    table: Words
    output: Ints
    inputs: Ints
    width: Ints
    first: Ints
    reader: Ints
    rank: Ints


class Registers(NamedTuple):
    """Flip-flops: nets of the state, of the next state and of clear, preset and clock enable (-1: none)."""

    state: Ints
    following: Ints
    clear: Ints
    preset: Ints
    enable: Ints


@njit(cache=True)
def _count(word: np.uint64) -> int:
    """Bits of a word that are 1."""
    x = word
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(cache=True)
def _evaluate(tables: Words, inputs: Ints, widths: Ints, gate: int, values: Words, work: Words) -> np.uint64:
    """The output of a gate: its table folded input by input."""
    size = 1 << widths[gate]
    table = tables[gate]
    for k in range(size):
        work[k] = np.uint64(0) - ((table >> np.uint64(k)) & np.uint64(1))
    for i in range(widths[gate]):
        value = values[inputs[gate, i]]
        size >>= 1
        for k in range(size):
            work[k] = (work[2 * k] & ~value) | (work[2 * k + 1] & value)
    return work[0]


@njit(cache=True)
def _change(
    firsts: Ints,
    readers: Ints,
    net: int,
    value: np.uint64,
    values: Words,
    before: Words,
    touched: Ints,
    is_touched: NDArray[np.uint8],
    many: int,
    queue: Ints,
    queued: NDArray[np.uint8],
    waiting: int,
) -> tuple[int, int]:
    """Give a net a new value, queue its readers; the numbers of touched nets and of waiting gates."""
    if not is_touched[net]:
        before[net] = values[net]
        touched[many], is_touched[net] = net, 1
        many += 1
    values[net] = value
    for r in range(firsts[net], firsts[net + 1]):
        gate = readers[r]
        if not queued[gate]:
            queue[waiting], queued[gate] = gate, 1
            waiting += 1
    return many, waiting


@njit(cache=True)
def _end_cycle(
    registers: Registers, outputs: Ints, values: Words, following: Words, clocked: Counts, sample: Words, counts: bool
) -> None:
    """Sample the outputs; find what every register takes at the next edge."""
    for k in range(len(outputs)):
        sample[k] = values[outputs[k]]
    for k in range(len(registers.state)):
        value = values[registers.following[k]]
        enable = np.uint64(0xFFFFFFFFFFFFFFFF)
        if registers.enable[k] >= 0:
            enable = values[registers.enable[k]]
            value = (value & enable) | (values[registers.state[k]] & ~enable)
        if registers.clear[k] >= 0:
            value &= ~values[registers.clear[k]]
        if registers.preset[k] >= 0:
            value |= values[registers.preset[k]]
        following[k] = value
        if counts:
            clocked[k] += _count(enable)


@njit(cache=True)
def _settled(
    firsts: Ints,
    readers: Ints,
    ranks: Ints,
    net: int,
    value: np.uint64,
    values: Words,
    settled: Counts,
    begin: Ints,
    queue: Ints,
    queued: NDArray[np.uint8],
    waiting: Ints,
) -> None:
    """Give a net its value for this cycle, count the transitions, queue its readers at their rank."""
    settled[net] += _count(values[net] ^ value)
    values[net] = value
    for r in range(firsts[net], firsts[net + 1]):
        gate = readers[r]
        if not queued[gate]:
            queued[gate] = 1
            rank = ranks[gate]
            queue[begin[rank] + waiting[rank]] = gate
            waiting[rank] += 1


@njit(cache=True)
def settle(
    gates: Gates,
    registers: Registers,
    inputs: Ints,
    outputs: Ints,
    stimuli: Words,
    values: Words,
    following: Words,
    settled: Counts,
    clocked: Counts,
    samples: Words,
) -> None:
    """Run all cycles of `stimuli` as `simulate` does from cycle 0 on, but count settled values alone.

    No gate may be in a loop.
    """
    tables, ends, nets, widths, firsts, readers, ranks = gates
    count = len(tables)
    work = np.zeros(64, np.uint64)
    depth = (ranks.max() if count else 0) + 1
    begin = np.zeros(depth + 1, np.int32)
    for gate in range(count):
        begin[ranks[gate] + 1] += 1
    for rank in range(depth):
        begin[rank + 1] += begin[rank]
    queue, queued = np.zeros(count, np.int32), np.ones(count, np.uint8)
    waiting = np.zeros(depth, np.int32)
    for gate in range(count):
        queue[begin[ranks[gate]] + waiting[ranks[gate]]] = gate
        waiting[ranks[gate]] += 1
    for cycle in range(len(stimuli)):
        for part in range(2):
            for k in range(len(inputs) if part == 0 else len(registers.state)):
                net = inputs[k] if part == 0 else registers.state[k]
                value = stimuli[cycle, k] if part == 0 else following[k]
                if value != values[net]:
                    _settled(firsts, readers, ranks, net, value, values, settled, begin, queue, queued, waiting)
        for rank in range(depth):
            for k in range(begin[rank], begin[rank] + waiting[rank]):
                gate = queue[k]
                queued[gate] = 0
                net, value = ends[gate], _evaluate(tables, nets, widths, gate, values, work)
                if value != values[net]:
                    _settled(firsts, readers, ranks, net, value, values, settled, begin, queue, queued, waiting)
            waiting[rank] = 0
        _end_cycle(registers, outputs, values, following, clocked, samples[cycle], True)


@njit(cache=True)
def simulate(
    gates: Gates,
    registers: Registers,
    inputs: Ints,
    outputs: Ints,
    stimuli: Words,
    start: int,
    values: Words,
    following: Words,
    settled: Counts,
    glitches: Counts,
    clocked: Counts,
    samples: Words,
) -> int:
    """Run all cycles of `stimuli` (cycles, inputs); `values` holds every net's value, 64 runs in a word, and
    `following` what the registers take at the next edge: both are where a run begins and are left where it ends.

    From cycle `start` on, transitions are counted per net: of settled values, and of all values on the way;
    `clocked` counts for every register the edges that its clock enable lets through. `samples` (cycles,
    outputs) receives the outputs at the end of each cycle. Returns the longest time in units, or -1 when a cycle
    does not settle.
    """
    tables, ends, nets, widths, firsts, readers, _ = gates
    count = len(tables)
    work = np.zeros(64, np.uint64)
    before = values.copy()
    touched = np.zeros(len(values), np.int32)
    is_touched = np.zeros(len(values), np.uint8)
    queue, later = np.zeros(count, np.int32), np.zeros(count, np.int32)
    queued = np.zeros(count, np.uint8)
    fresh = np.zeros(count, np.uint64)
    longest = 0
    waiting = 0
    for gate in range(count):
        queue[gate], queued[gate] = gate, 1
    waiting = count
    for cycle in range(len(stimuli)):
        many = 0
        for part in range(2):
            for k in range(len(inputs) if part == 0 else len(registers.state)):
                net = inputs[k] if part == 0 else registers.state[k]
                value = stimuli[cycle, k] if part == 0 else following[k]
                if value == values[net]:
                    continue
                if cycle >= start:
                    glitches[net] += _count(values[net] ^ value)
                many, waiting = _change(
                    firsts, readers, net, value, values, before, touched, is_touched, many, queue, queued, waiting
                )
        steps = 0
        while waiting:
            steps += 1
            if steps > MOST_STEPS:
                return -1
            for k in range(waiting):
                queued[queue[k]] = 0
                fresh[k] = _evaluate(tables, nets, widths, queue[k], values, work)
            after = 0
            for k in range(waiting):
                net = ends[queue[k]]
                value = fresh[k]
                if value == values[net]:
                    continue
                if cycle >= start:
                    glitches[net] += _count(values[net] ^ value)
                many, after = _change(
                    firsts, readers, net, value, values, before, touched, is_touched, many, later, queued, after
                )
            queue, later = later, queue
            waiting = after
        longest = max(longest, steps)
        for k in range(many):
            net = touched[k]
            is_touched[net] = 0
            if cycle >= start:
                settled[net] += _count(values[net] ^ before[net])
        _end_cycle(registers, outputs, values, following, clocked, samples[cycle], cycle >= start)
    return longest
