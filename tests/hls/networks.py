"""Hypothesis strategies of small integer networks."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from asicflow.model.fixed import FixedType, IntArray
from asicflow.model.spec import Activation, BatchNorm, Dense, Layer, OutputPort, Port, Spec

ROUNDINGS = ("TRN", "TRN_ZERO", "RND", "RND_ZERO", "RND_INF", "RND_MIN_INF", "RND_CONV")
SATURATIONS = ("WRAP", "SAT", "SAT_ZERO", "SAT_SYM")


@st.composite
def types(draw: st.DrawFn, max_width: int = 8, signed: bool | None = None) -> FixedType:
    """Any fixed-point type of at most ``max_width`` bits, with the binary point inside or nearby."""
    width = draw(st.integers(2, max_width))
    return FixedType(
        width=width,
        frac=draw(st.integers(-2, width + 2)),
        signed=draw(st.booleans()) if signed is None else signed,
        rounding=draw(st.sampled_from(ROUNDINGS)),
        saturation=draw(st.sampled_from(SATURATIONS)),
    )


@st.composite
def accumulators(draw: st.DrawFn, n_in: int, operand: FixedType, weight: FixedType, bias: FixedType) -> FixedType:
    """A lossless accumulator, or any type of a few bits more than the operands."""
    if draw(st.booleans()):
        frac = max(operand.frac + weight.frac, bias.frac)
        whole = max(
            operand.width + weight.width - operand.frac - weight.frac + n_in.bit_length(),
            bias.width - bias.frac,
        )
        return FixedType(width=frac + whole + 2, frac=frac)
    return draw(types(max_width=12))


def values(draw: st.DrawFn, kind: FixedType, count: int) -> list[int]:
    """Integers of a type; extremes are as likely as the rest."""
    some = st.one_of(st.sampled_from([kind.low, kind.high, 0]), st.integers(kind.low, kind.high))
    return draw(st.lists(some, min_size=count, max_size=count))


@st.composite
def layers(draw: st.DrawFn, index: int, size: int, kind: FixedType) -> Layer:
    """One layer on ``size`` values of type ``kind``."""
    choice = draw(st.sampled_from(["dense", "dense", "dense", "batchnorm", "activation"]))
    result = draw(types())
    if choice == "dense":
        n_out = draw(st.integers(1, 6))
        weight, bias = draw(types(6)), draw(types(8))
        flat = values(draw, weight, size * n_out)
        return Dense(
            name=f"dense_{index}", n_in=size, n_out=n_out, weight_type=weight, bias_type=bias, result=result,
            weight=np.array(flat).reshape(size, n_out).tolist(), bias=values(draw, bias, n_out),
            accum=draw(accumulators(size, kind, weight, bias)),
        )  # fmt: skip
    if choice == "batchnorm":
        scale, bias = draw(types(6)), draw(types(8))
        return BatchNorm(
            name=f"norm_{index}", n_in=size, scale=values(draw, scale, size), scale_type=scale,
            bias=values(draw, bias, size), bias_type=bias, result=result,
        )  # fmt: skip
    function = draw(st.sampled_from(["linear", "relu", "relu", "leaky_relu", "hard_sigmoid", "hard_tanh"]))
    slope, shift = draw(types(6)), draw(types(4))
    parameters: dict[str, Any] = {}
    if function not in ("linear", "relu"):
        parameters = {"slope": values(draw, slope, 1)[0], "slope_type": slope}
    if function.startswith("hard"):
        parameters |= {"shift": values(draw, shift, 1)[0], "shift_type": shift}
    return Activation(name=f"act_{index}", n_in=size, function=function, result=result, **parameters)


@st.composite
def networks(draw: st.DrawFn) -> Spec:
    """A network of one to four layers."""
    size, kind = draw(st.integers(1, 9)), draw(types())
    source = Port(shape=[size], size=size, type=kind)
    chain: list[Layer] = []
    for index in range(draw(st.integers(1, 4))):
        chain.append(draw(layers(index, size, kind)))
        size, kind = chain[-1].n_out, chain[-1].result
    sink = OutputPort(shape=[size], size=size, type=kind, decision=None)
    return Spec(name="random", input=source, output=sink, layers=chain)


def random_inputs(spec: Spec, count: int, seed: int) -> IntArray:
    """Inputs (count, n_in): the extremes first, then uniform ones."""
    kind, n = spec.input.type, spec.input.size
    rng = np.random.default_rng(seed)
    ends = np.array([[kind.low] * n, [kind.high] * n], dtype=np.int64)
    return np.concatenate([ends, rng.integers(kind.low, kind.high, (count - 2, n), endpoint=True)])
