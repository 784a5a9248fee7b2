"""Area of an engine before synthesis, in two-input NANDs (NAND2 equivalents).

What stands in an engine is counted: flip-flops, bits of adders, bits of tables.  The sizes of these parts come
from SKY130 (sky130_fd_sc_hd, a NAND2 of 3.75 um2), mapped as `asicflow run` does;
``python -m benchmarks.engines`` compares the prediction with synthesis.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asicflow.hls.memory import memories
from asicflow.hls.plan import EnginePlan
from asicflow.hls.ranges import Affine, Clip, Divide, Fit, Interval, Leak, Relu, Shift, Step, Table
from asicflow.hls.stages import MatrixStage
from asicflow.hls.unroll import UnrolledPlan, UnrolledStage

FLIPFLOP = 5.3
"""A flip-flop that takes a new value every cycle."""
KEEPER = 8.6
"""A flip-flop and the multiplexer by which it keeps its value."""
SLOT = 10.3
"""A bit of the operand store: the same with its part of the multiplexer that reads the store."""
ADDER = 7.6
"""A bit of an adder of a lane, and the logic beside it."""
GRAPH_ADDER = 5.93
"""A bit of an adder in a graph of adders: 22.3 um2, with the biases and casts behind it counted as adders."""
BOOTH = 10.0
"""A bit of a row of a multiplier: its choice of the operand's multiple, and an adder."""
TABLE = 0.2
"""A bit of a constant table, in blocks that are mapped by themselves."""
MEMORY = 10.0
"""A bit of the memory of reloadable weights: a flip-flop that keeps its value, and its part of the multiplexer."""
CURVE = 0.08
"""A bit of the table of an activation, whose neighbours are alike (fitted to one sigmoid of 1024 entries)."""
CONTROL = 400.0
"""Sequence and addresses of a time-multiplexed engine."""
ENTRY = 4.0
"""What writes an entry of the memory of weights: the decoder of its address."""
_LEAST_SHARE = 0.3
_GOOD_SHARE = 0.6


def unrolled_nand2(plan: UnrolledPlan) -> float:
    """Predicted area of an unrolled engine in NAND2 equivalents."""
    ports = plan.spec.input.size * plan.spec.input.type.width + plan.spec.output.size * plan.spec.output.type.width
    return KEEPER * ports + sum(stage_nand2(made) for made in plan.stages)


def stage_nand2(made: UnrolledStage) -> float:
    """All copies of a stage of an unrolled engine."""
    graph, stage = made.graph, made.stage
    bits = float(graph.adder_bits)
    for number in range(len(graph.outputs)):
        total, (low, high) = made.total(number), made.kept_bits(number)
        if high <= low:
            continue
        share = (high - low) / max(stage.result.bits, 1)
        bits += share * ((total.signed_bits if stage.bias[number] else 0) + step_bits(stage.finish, total))
    flipflops = sum(graph.seen(value).signed_bits for value in made.kept)
    if made.registered:
        kept = (made.kept_bits(number) for number in range(len(graph.outputs)))
        flipflops += sum(high - low for low, high in kept)
    return len(made.positions) * (GRAPH_ADDER * bits + FLIPFLOP * flipflops)


def least_nand2(stage: MatrixStage) -> float:
    """What the adders of a stage take at least, without the search for its graph.

    Graphs of real layers have 0.66 to 0.94 adder bits for every digit of the weights and bit of an operand
    (digits of canonical signed-digit numbers); larger matrices share more.
    """
    return _LEAST_SHARE * _digit_nand2(stage)


def graph_nand2(stage: MatrixStage) -> float:
    """What the adders of a stage take in a good case, without the search for its graph."""
    return _GOOD_SHARE * _digit_nand2(stage)


def _digit_nand2(stage: MatrixStage) -> float:
    """An adder bit for every digit of the weights and bit of an operand."""
    magnitude = np.abs(stage.weight).ravel()
    digits: int = sum(value.bit_count() for value in (magnitude ^ (3 * magnitude)).tolist())
    operand: int = stage.operand.signed_bits
    return GRAPH_ADDER * digits * operand * stage.window.pixels


def time_multiplexed_nand2(plan: EnginePlan) -> float:
    """Predicted area of a time-multiplexed engine in NAND2 equivalents."""
    digits = -(-plan.weight_bits // 2)
    lane = plan.inputs * digits * (plan.operand_bits + 1) * BOOTH
    lane += (plan.inputs - 1) * plan.sum_bits * ADDER + plan.sum_bits * FLIPFLOP
    lane += plan.accum_bits * (ADDER + KEEPER)
    ends = {(tuple(stage.finish), stage.total) for stage in plan.stages}
    lane += ADDER * sum(step_bits(steps, seen) for steps, seen in ends)
    registers = plan.inputs * plan.operand_bits + plan.multipliers * plan.weight_bits
    store = SLOT * sum(slot.width for slot in plan.slots)
    if plan.reloadable:
        found = memories(plan)
        table = MEMORY * found.bits + ENTRY * found.words + FLIPFLOP * plan.outputs * plan.bias_bits
    else:
        table = TABLE * plan.words * plan.multipliers * plan.weight_bits
    return store + table + FLIPFLOP * registers + plan.outputs * lane + CONTROL


def step_bits(steps: Sequence[Step], seen: Interval) -> float:
    """What the steps of a cast are worth in bits of adders."""
    bits = 0.0
    for step in steps:
        after = step.apply(seen)
        match step:
            case Shift(right=right, rounding=rounding):
                bits += after.signed_bits if right > 0 and rounding != "TRN" else 0
            case Relu():
                bits += after.signed_bits / 6
            case Fit() | Clip():
                bits += after.signed_bits / 2
            case Leak(slope=factor) | Affine(factor=factor):
                bits += after.signed_bits * max(1, abs(factor).bit_count())
            case Divide():
                bits += after.signed_bits * seen.signed_bits
            case Table(values=values):
                bits += CURVE / ADDER * len(values) * after.signed_bits
        seen = after
    return bits
