"""From the integer network to the plan of a time-multiplexed engine.

The engine has ``outputs`` x ``inputs`` multipliers.  Each step multiplies one
block of ``inputs`` operands with the weights of ``outputs`` results and adds
the products to as many accumulators; the last step of a group hands the
accumulators to a rounding stage, whose results go into the operand slots.

A matrix stage is a layer that multiplies, with everything up to the next one.
Slots hold the vectors between stages; a vector's slots are reused as soon as
it is dead, except that the engine's output never overlaps its input.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from asicflow.errors import UserError
from asicflow.hls.ranges import (
    Affine,
    Clip,
    Fit,
    Interval,
    Leak,
    Relu,
    Shift,
    Step,
    apply_steps,
    cast_steps,
    type_interval,
)
from asicflow.model.fixed import FixedType, IntArray, cast
from asicflow.model.spec import Activation, BatchNorm, Dense, Spec

PIPELINE_GAP = 3
"""Idle steps between two stages: operand, sum and accumulator registers drain."""

_MAX_INPUTS = 32
_NOTHING = Interval(0, 0)
_MAX_MULTIPLIERS = 16384


@dataclass
class MatrixStage:
    """One pass of the multipliers: ``finish(bias + shift(sum_i trim(x[i] * weight[i][j])))``."""

    name: str
    weight: IntArray
    bias: IntArray
    diagonal: bool
    operand: Interval
    product_steps: list[Step]
    sum_shift: int
    accum: FixedType | None
    saturate: bool = False
    finish: list[Step] = field(default_factory=list)
    total: Interval = _NOTHING
    result: Interval = _NOTHING
    source: int = 0
    target: int = 0

    @property
    def n_in(self) -> int:
        """Operands."""
        return int(self.weight.shape[0])

    @property
    def n_out(self) -> int:
        """Results."""
        return int(self.weight.shape[1])


@dataclass
class Slot:
    """One element of the operand store: its bits, whether it has a sign, and which result lane writes it."""

    width: int
    signed: bool
    lane: int


@dataclass
class EnginePlan:
    """Everything that the RTL needs."""

    spec: Spec
    outputs: int
    inputs: int
    stages: list[MatrixStage]
    slots: list[Slot]
    output_base: int
    operand_bits: int
    weight_bits: int
    sum_bits: int
    accum_bits: int

    @property
    def multipliers(self) -> int:
        """Multipliers of the engine."""
        return self.outputs * self.inputs

    def groups(self, stage: MatrixStage) -> int:
        """Groups of results that are computed together."""
        return -(-stage.n_out // self.outputs)

    def steps_per_group(self, stage: MatrixStage) -> int:
        """Steps that one group takes."""
        return 1 if self.skips(stage) else -(-stage.n_in // self.inputs)

    def skips(self, stage: MatrixStage) -> bool:
        """True for a diagonal stage of which only the blocks on the diagonal are visited."""
        return stage.diagonal and self.inputs % self.outputs == 0

    def steps(self, stage: MatrixStage) -> int:
        """Steps of a stage."""
        return self.groups(stage) * self.steps_per_group(stage)

    @property
    def cycles(self) -> int:
        """Clock cycles from ``start_i`` to ``done_o``."""
        return 1 + sum(self.steps(stage) + PIPELINE_GAP for stage in self.stages)


def build_stages(spec: Spec) -> list[MatrixStage]:
    """Cut the network into matrix stages and find every interval.

    Raises
    ------
    UserError
        If an intermediate needs more bits than the golden model supports.
    """
    kind, seen = spec.input.type, type_interval(spec.input.type)
    stages: list[MatrixStage] = []
    frac = kind.frac
    for layer in spec.layers:
        match layer:
            case Dense():
                stages.append(_dense_stage(layer, seen, kind))
                frac = layer.accum.frac
            case BatchNorm():
                stages.append(_batchnorm_stage(layer, seen, kind))
                frac = max(kind.frac + layer.scale_type.frac, layer.bias_type.frac)
            case Activation():
                if not stages:
                    stages.append(_identity_stage(layer, seen))
                frac = _activation_steps(layer, stages[-1], kind)
        stage = stages[-1]
        stage.finish += cast_steps(apply_steps(stage.finish, stage.total), frac, layer.result)
        kind, frac = layer.result, layer.result.frac
        seen = stage.result = apply_steps(stage.finish, stage.total)
    for stage in stages:
        _simplify(stage)
    return stages


def _dense_stage(layer: Dense, seen: Interval, kind: FixedType) -> MatrixStage:
    weight, accum = layer.weights(), layer.accum
    frac = kind.frac + layer.weight_type.frac
    product = _product_interval(weight, seen)
    steps = cast_steps(product, frac, accum)
    if accum.saturation == "WRAP":
        steps = [step for step in steps if not isinstance(step, Fit)]
    shift = 0
    if frac < accum.frac and not any(isinstance(step, Fit) for step in steps):
        steps, shift = [], accum.frac - frac
    bias = cast(np.array(layer.bias, dtype=np.int64), layer.bias_type.frac, accum)
    stage = MatrixStage(layer.name, weight, bias, False, seen, steps, shift, accum)
    _set_total(stage)
    if not stage.total.within(type_interval(accum)):
        if accum.saturation == "WRAP":
            stage.finish.append(Fit(accum))
        else:
            stage.saturate = True
            stage.total = Fit(accum).apply(stage.total)
    return stage


def _batchnorm_stage(layer: BatchNorm, seen: Interval, kind: FixedType) -> MatrixStage:
    product_frac = kind.frac + layer.scale_type.frac
    frac = max(product_frac, layer.bias_type.frac)
    bias = np.array(layer.bias, dtype=np.int64) << (frac - layer.bias_type.frac)
    weight = np.diag(np.array(layer.scale, dtype=np.int64))
    stage = MatrixStage(layer.name, weight, bias, True, seen, [], frac - product_frac, None)
    _set_total(stage)
    return stage


def _identity_stage(layer: Activation, seen: Interval) -> MatrixStage:
    """A stage of weights 1, for an activation that follows no multiplication."""
    weight = np.eye(layer.n_in, dtype=np.int64)
    stage = MatrixStage(layer.name, weight, np.zeros(layer.n_in, dtype=np.int64), True, seen, [], 0, None)
    _set_total(stage)
    return stage


def _product_interval(weight: IntArray, seen: Interval) -> Interval:
    ends = [int(w) * v for w in (weight.min(), weight.max()) for v in (seen.low, seen.high)]
    return Interval(min(0, *ends), max(0, *ends))


def _set_total(stage: MatrixStage) -> None:
    """Exact interval of every partial sum, over all results and in any order of adding."""
    low = np.minimum(stage.weight * stage.operand.low, stage.weight * stage.operand.high)
    high = np.maximum(stage.weight * stage.operand.low, stage.weight * stage.operand.high)
    ends = []
    for bound in (low, high):
        values = bound
        for step in stage.product_steps:
            values = _apply_array(step, values)
        limited = np.minimum(values, 0) if bound is low else np.maximum(values, 0)
        ends.append((limited.sum(axis=0) << stage.sum_shift) + stage.bias)
    stage.total = Interval(int(ends[0].min()), int(ends[1].max()))
    if stage.total.signed_bits > 60:
        raise UserError(f"layer '{stage.name}' needs {stage.total.signed_bits}-bit sums", hint="use narrower types")


def _apply_array(step: Step, values: IntArray) -> IntArray:
    """Apply a monotone step of a product to an array of interval ends."""
    from asicflow.model.fixed import overflow, round_shift

    match step:
        case Shift(right=right, rounding=rounding):
            return round_shift(values, right, rounding) if right > 0 else values << -right
        case Fit(kind=kind):
            return overflow(values, kind)
        case _:
            raise AssertionError("a product is only shifted and fitted")


def _activation_steps(layer: Activation, stage: MatrixStage, kind: FixedType) -> int:
    """Append the activation to a stage; return the fractional bits of its exact result."""
    match layer.function:
        case "linear":
            return kind.frac
        case "relu":
            stage.finish.append(Relu())
            return kind.frac
        case "leaky_relu":
            assert layer.slope_type is not None
            up = layer.slope_type.frac
            slope = layer.slope << max(-up, 0)
            stage.finish.append(Leak(slope, max(up, 0)))
            return kind.frac + max(up, 0)
        case "hard_sigmoid" | "hard_tanh":
            assert layer.slope_type is not None and layer.shift_type is not None
            product = kind.frac + layer.slope_type.frac
            frac = max(product, layer.shift_type.frac, 0)
            factor, offset = layer.slope << (frac - product), layer.shift << (frac - layer.shift_type.frac)
            stage.finish += [Affine(factor, offset), Clip(0, 1 << frac)]
            if layer.function == "hard_tanh":
                stage.finish.append(Affine(2, -(1 << frac)))
            return frac


def _simplify(stage: MatrixStage) -> None:
    """Move ReLU behind the first shift, and the half of a rounding into the biases.

    Both leave every result as it is: rounding is monotone and keeps zero, and
    adding a half before the floor is what RND means.
    """
    steps = stage.finish
    for i in range(len(steps) - 1):
        if isinstance(steps[i], Relu) and isinstance(steps[i + 1], Shift):
            steps[i], steps[i + 1] = steps[i + 1], steps[i]
    first = steps[0] if steps else None
    if isinstance(first, Shift) and first.right > 0 and first.rounding == "RND" and not stage.saturate:
        half = 1 << (first.right - 1)
        stage.bias = stage.bias + half
        stage.total = Interval(stage.total.low + half, stage.total.high + half)
        steps[0] = Shift(first.right, "TRN")


def plan_engine(spec: Spec, outputs: int, inputs: int) -> EnginePlan:
    """Plan an engine of ``outputs`` x ``inputs`` multipliers for a network.

    Raises
    ------
    UserError
        If the counts are not positive, or a saturating accumulator needs
        ``inputs`` = 1 because its products must be added in order.
    """
    if outputs < 1 or inputs < 1 or outputs * inputs > _MAX_MULTIPLIERS:
        raise UserError(
            f"an engine of {outputs} x {inputs} multipliers is not possible",
            hint=f"use 1 to {_MAX_MULTIPLIERS}",
        )
    stages = build_stages(spec)
    if inputs > 1 and any(stage.saturate for stage in stages):
        raise UserError(
            "a saturating accumulator adds its products one by one; the engine must take one input per step",
            hint="give 'accum: auto' for the layer, which never saturates",
        )
    slots, output_base = _place_vectors(spec, stages, outputs, inputs)
    operand = max(stage.operand.signed_bits for stage in stages)
    weight = max(Interval(int(s.weight.min()), int(s.weight.max())).signed_bits for s in stages)
    sums = max(_sum_bits(stage) for stage in stages)
    accum = max(_accum_bits(stage) for stage in stages)
    return EnginePlan(
        spec=spec,
        outputs=outputs,
        inputs=inputs,
        stages=stages,
        slots=slots,
        output_base=output_base,
        operand_bits=operand,
        weight_bits=weight,
        sum_bits=min(sums, accum),
        accum_bits=accum,
    )


def _sum_bits(stage: MatrixStage) -> int:
    """Bits of the sum of one step's products, before the left shift, at most those of the whole sum."""
    total = Interval(stage.total.low - int(stage.bias.max()), stage.total.high - int(stage.bias.min()))
    product = apply_steps(stage.product_steps, _product_interval(stage.weight, stage.operand))
    if stage.saturate:
        return product.signed_bits
    return max(Interval(min(total.low, 0), max(total.high, 0)).signed_bits, product.signed_bits)


def _accum_bits(stage: MatrixStage) -> int:
    """Bits of the accumulator: of the exact sums, or of the wrapping type when they may wrap."""
    if stage.saturate:
        assert stage.accum is not None
        return stage.accum.width + int(not stage.accum.signed) + 1
    if stage.finish and isinstance(stage.finish[0], Fit) and stage.finish[0].kind == stage.accum:
        return stage.finish[0].kind.width + int(not stage.finish[0].kind.signed)
    bias = Interval(min(int(stage.bias.min()), 0), max(int(stage.bias.max()), 0))
    return (stage.total | bias).signed_bits


def _place_vectors(spec: Spec, stages: list[MatrixStage], outputs: int, inputs: int) -> tuple[list[Slot], int]:
    """Give every vector its slots; return the slots and the first slot of the output.

    Vectors lie in turn at the bottom and behind the longest one of the bottom;
    bases are multiples of a block, so that operands of a block share a slot row.
    """
    align = math.lcm(inputs, outputs)
    sizes = [spec.input.size, *(stage.n_out for stage in stages)]
    seen = [type_interval(spec.input.type), *(stage.result for stage in stages)]
    upper = _align(max(sizes[0::2]), align)
    bases = [0 if i % 2 == 0 else upper for i in range(len(sizes))]
    if len(sizes) % 2 == 1:
        bases[-1] = _align(sizes[0], align)
        if bases[-1] + sizes[-1] > upper:
            upper = _align(bases[-1] + sizes[-1], align)
            bases = [base if base <= bases[-1] and i % 2 == 0 else upper for i, base in enumerate(bases)]
    slots: dict[int, Interval] = {}
    for base, size, interval in zip(bases, sizes, seen, strict=True):
        for index in range(base, base + size):
            slots[index] = slots.get(index, interval) | interval
    for i, stage in enumerate(stages):
        stage.source, stage.target = bases[i], bases[i + 1]
    order = sorted(slots)
    compact = {old: new for new, old in enumerate(order)}
    for stage in stages:
        stage.source, stage.target = compact[stage.source], compact[stage.target]
    return [Slot(slots[i].bits, slots[i].low < 0, i % outputs) for i in order], compact[bases[-1]]


def _align(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def choose_split(spec: Spec, multipliers: int) -> tuple[int, int]:
    """Split multipliers into (outputs, inputs) with the fewest cycles, then the fewest accumulators.

    Diagonal stages want ``inputs`` to be a multiple of ``outputs``; an accumulator that may
    saturate wants one input.
    """
    stages = build_stages(spec)
    widest_in = max(stage.n_in for stage in stages)
    widest_out = max(stage.n_out for stage in stages)
    best: tuple[int, int, int, int] | None = None
    for outputs in range(1, min(widest_out, multipliers) + 1):
        for inputs in range(1, min(widest_in, multipliers // outputs, _MAX_INPUTS) + 1):
            if inputs > 1 and any(stage.saturate for stage in stages):
                continue
            if any(stage.diagonal for stage in stages) and inputs % outputs and inputs > 1:
                continue
            plan = EnginePlan(spec, outputs, inputs, stages, [], 0, 0, 0, 0, 0)
            cost = (plan.cycles, plan.multipliers, outputs, inputs)
            best = cost if best is None or cost < best else best
    assert best is not None
    return best[2], best[3]
