"""SystemVerilog of the weights: one table, cut into blocks that synthesis keeps apart.

Synthesis finds logic that distant bits of a large table share, and saves area by it; the price is wire, which
then crosses the whole table. Measured on the jet tagger's table of 1064 x 32 bits, placed alone at 50 % on
SKY130: blocks of 4 bits, each mapped by itself, take 36 % more cell area than the whole (26,193 to 19,212
um2) and 26 % less wire (half perimeter 129 to 174 mm), on a core a third larger.
"""

from __future__ import annotations

from collections.abc import Iterator

from asicflow.hls.plan import EnginePlan, Walk
from asicflow.hls.stages import MatrixStage
from asicflow.hls.verilog import Port, hexadecimal, index_bits, module, pack, table
from asicflow.model.fixed import IntArray

BLOCK = 4096
"""Bits of a block, about: whole lanes, or a part of one."""

KEEP = "(* keep_hierarchy *)\n"
"""The attribute by which Yosys maps a module by itself."""


def weights_rtl(plan: EnginePlan) -> dict[str, str]:
    """Modules ``accel_engine_weights`` and its blocks: name to text."""
    bits = plan.multipliers * plan.weight_bits
    steps = plan.words
    blocks = weight_blocks(steps, plan.multipliers, plan.weight_bits)
    ports = _ports(steps, bits, "Weights: lane 0, operand 0 in the lowest bits")
    about = [
        f"Weights of every step of a position: {plan.outputs} x {plan.inputs}, {plan.weight_bits} bits each, signed.",
        "Every block is mapped by itself, so that its wires stay short.",
    ]
    body = []
    for k, (low, high) in enumerate(blocks):
        body.append(f"  accel_engine_weights_{k} i_weights_{k} (")
        body.append("    .word_i    (word_i),")
        body.append(f"    .weights_o (weights_o[{high}:{low}])")
        body.append("  );")
    texts = {"accel_engine_weights": module("accel_engine_weights", about, ports, body)}
    for k, (low, high) in enumerate(blocks):
        texts[f"accel_engine_weights_{k}"] = _block(plan, k, low, high, steps)
    return texts


def weight_blocks(steps: int, count: int, bits: int) -> list[tuple[int, int]]:
    """The lowest and highest bit of every block of a word of ``count`` weights of ``bits`` bits."""
    pieces = max(1, round(bits * steps / BLOCK))
    if pieces > 1:
        edges = sorted({weight * bits + bits * k // pieces for weight in range(count) for k in range(pieces)})
    else:
        edges = [weight * bits for weight in range(0, count, max(1, round(BLOCK / (bits * steps))))]
    return [(low, high - 1) for low, high in zip(edges, [*edges[1:], count * bits], strict=True)]


def plan_words(plan: EnginePlan) -> Iterator[int]:
    """All words of weights."""
    for stage, walk in zip(plan.stages, plan.walks, strict=True):
        yield from weight_words(plan, stage, walk)


def bias_words(plan: EnginePlan) -> Iterator[int]:
    """The biases of every group of results, lane 0 in the lowest bits."""
    for stage, walk in zip(plan.stages, plan.walks, strict=True):
        for members in walk.members:
            yield pack([0 if f is None else int(stage.bias[f]) for f in members], plan.bias_bits)


def _block(plan: EnginePlan, number: int, low: int, high: int, steps: int) -> str:
    bits = high - low + 1
    lines, step = [], 0
    for stage, walk in zip(plan.stages, plan.walks, strict=True):
        lines.append(f"      // {stage.name}: {stage.n_in} to {stage.n_out}")
        for word in weight_words(plan, stage, walk):
            value = hexadecimal(word >> low, bits)
            lines.append(f"      {index_bits(steps)}'d{step}: weights_o = {value};")
            step += 1
    about = [f"Bits {high} to {low} of every word of weights."]
    ports = _ports(steps, bits, "These bits")
    return module(f"accel_engine_weights_{number}", about, ports, table("word_i", "weights_o", lines), KEEP)


def _ports(steps: int, bits: int, meaning: str) -> list[Port]:
    return [
        ("input", index_bits(steps), "word_i", "Word of weights"),
        ("output", bits, "weights_o", meaning),
    ]


def weight_words(plan: EnginePlan, stage: MatrixStage, walk: Walk) -> Iterator[int]:
    """The words of weights of a stage: for every group, tap and row of a pixel."""
    nothing: list[int | None] = [None] * plan.inputs
    for group, members in enumerate(walk.members):
        first = walk.first_row(group)
        rows = walk.pixel[first : first + walk.loops[0].count]
        rows += [nothing] * (walk.loops[0].count - len(rows))
        for tap in stage.weight:
            for row in rows:
                yield pack([_weight(tap, channel, member) for member in members for channel in row], plan.weight_bits)


def _weight(tap: IntArray, channel: int | None, member: int | None) -> int:
    """The weight between a channel of a pixel and a filter; depthwise, a channel is its own filter."""
    if channel is None or member is None:
        return 0
    if tap.ndim == 1:
        return int(tap[channel]) if channel == member else 0
    return int(tap[channel, member])
