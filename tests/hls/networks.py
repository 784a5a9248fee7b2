"""Hypothesis strategies of small integer networks."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from asicflow.model.fixed import FixedType, IntArray
from asicflow.model.spec import (
    Activation,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    Layer,
    Merge,
    OutputPort,
    Pad,
    Pool,
    Port,
    Quantize,
    Spec,
    Window,
)

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


Shape = tuple[int, int, int]


@st.composite
def windows(draw: st.DrawFn, shape: Shape, kernel: tuple[int, int] | None = None, pads: bool = True) -> Window:
    """A window on a picture; some reach beyond it on any side."""
    kernel = kernel or (draw(st.integers(1, min(3, shape[0]))), draw(st.integers(1, min(3, shape[1]))))
    strides = (draw(st.integers(1, 2)), draw(st.integers(1, 3)))
    before = [draw(st.integers(0, size - 1)) if pads and size > 1 else 0 for size in kernel]
    after = [draw(st.integers(0, size - 1)) if pads and size > 1 else 0 for size in kernel]
    out = [(shape[i] + before[i] + after[i] - kernel[i]) // strides[i] + 1 for i in (0, 1)]
    return Window(shape=shape, kernel=kernel, strides=strides, pad_top=before[0], pad_left=before[1],
                  out=(out[0], out[1]))  # fmt: skip


@st.composite
def pads(draw: st.DrawFn, shape: Shape) -> Window:
    """Zero padding on every side."""
    top, bottom, left, right = (draw(st.integers(0, 1)) for _ in range(4))
    return Window(shape=shape, pad_top=top, pad_left=left, out=(shape[0] + top + bottom, shape[1] + left + right))


@st.composite
def convolutions(draw: st.DrawFn, name: str, shape: Shape, kind: FixedType) -> Conv:
    """A convolution, one in three depthwise."""
    window, depthwise = draw(windows(shape)), draw(st.integers(0, 2)) == 0
    filters = shape[2] if depthwise else draw(st.integers(1, 5))
    rows = window.taps * (1 if depthwise else shape[2])
    weight, bias = draw(types(6)), draw(types(8))
    flat = values(draw, weight, rows * filters)
    return Conv(
        name=name, window=window, filters=filters, depthwise=depthwise, weight_type=weight, bias_type=bias,
        weight=np.array(flat).reshape(rows, filters).tolist(), bias=values(draw, bias, filters),
        accum=draw(accumulators(rows, kind, weight, bias)), result=draw(types()),
    )  # fmt: skip


@st.composite
def pools(draw: st.DrawFn, name: str, shape: Shape, kind: FixedType) -> Pool:
    """A maximum of any window, or a mean of one without padding."""
    if draw(st.booleans()):
        window = draw(windows(shape, pads=kind.signed))
        return Pool(name=name, function="max", window=window, accum=draw(types()), result=draw(types()))
    window = draw(windows(shape, pads=False))
    accum = FixedType(width=draw(st.integers(4, 12)), frac=kind.frac, signed=draw(st.booleans()))
    return Pool(name=name, function="average", window=window, accum=accum, result=draw(types()))


@st.composite
def quantizers(draw: st.DrawFn, name: str, size: int) -> Quantize:
    """A type of its own for every element."""
    widths = draw(st.lists(st.integers(0, 5), min_size=size, max_size=size))
    fracs = draw(st.lists(st.integers(-1, 3), min_size=size, max_size=size))
    signs = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    return Quantize(name=name, n_in=size, widths=widths, fracs=fracs, signs=signs, result=FixedType(width=10, frac=3))


@st.composite
def layers(draw: st.DrawFn, name: str, shape: Shape, kind: FixedType) -> Layer:
    """One layer on a picture of values of type ``kind``."""
    size = int(np.prod(shape))
    choices = ["dense", "dense", "batchnorm", "activation", "conv", "conv", "pool", "pad", "quantize"]
    choice = draw(st.sampled_from(choices))
    result = draw(types())
    if choice == "conv":
        return draw(convolutions(name, shape, kind))
    if choice == "pool":
        return draw(pools(name, shape, kind))
    if choice == "pad":
        return Pad(name=name, window=draw(pads(shape)), result=result)
    if choice == "quantize":
        return draw(quantizers(name, size))
    if choice == "dense":
        n_out = draw(st.integers(1, 6))
        weight, bias = draw(types(6)), draw(types(8))
        flat = values(draw, weight, size * n_out)
        return Dense(
            name=name, n_in=size, n_out=n_out, weight_type=weight, bias_type=bias, result=result,
            weight=np.array(flat).reshape(size, n_out).tolist(), bias=values(draw, bias, n_out),
            accum=draw(accumulators(size, kind, weight, bias)),
        )  # fmt: skip
    if choice == "batchnorm":
        scale, bias, count = draw(types(6)), draw(types(8)), draw(st.sampled_from([size, shape[2]]))
        return BatchNorm(
            name=name, n_in=size, scale=values(draw, scale, count), scale_type=scale,
            bias=values(draw, bias, count), bias_type=bias, result=result,
        )  # fmt: skip
    functions = ["linear", "relu", "relu", "leaky_relu", "hard_sigmoid", "hard_tanh", "table", "table", "table"]
    function = draw(st.sampled_from(functions))
    slope, shift = draw(types(6)), draw(types(4))
    parameters: dict[str, Any] = {}
    if function not in ("linear", "relu", "table"):
        parameters = {"slope": values(draw, slope, 1)[0], "slope_type": slope}
    if function.startswith("hard"):
        parameters |= {"shift": values(draw, shift, 1)[0], "shift_type": shift}
    if function == "table":
        entries = values(draw, shift, 2 ** draw(st.integers(1, 5)))
        parameters = {"table": entries, "table_type": shift, "span": draw(st.sampled_from([8, 16]))}
    return Activation(name=name, n_in=size, function=function, result=result, **parameters)


def shape_after(layer: Layer, shape: Shape) -> Shape:
    """The picture that a layer gives."""
    if isinstance(layer, Conv):
        return (*layer.window.out, layer.filters)
    if isinstance(layer, Pool | Pad):
        return (*layer.window.out, shape[2])
    return (1, 1, layer.n_out) if isinstance(layer, Dense) else shape


@st.composite
def networks(draw: st.DrawFn) -> Spec:
    """A network of one to four layers on a picture or a vector; one in two branches and joins again."""
    flat = draw(st.booleans())
    if flat:
        shape: Shape = (1, 1, draw(st.integers(1, 9)))
    else:
        shape = (draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 3)))
    kind = draw(types())
    source = Port(shape=list(shape), size=int(np.prod(shape)), type=kind)
    chain: list[Layer] = []
    for index in range(draw(st.integers(1, 4))):
        chain.append(draw(layers(f"layer_{index}", shape, kind)))
        shape, kind = shape_after(chain[-1], shape), chain[-1].result
    if draw(st.booleans()):
        shape, kind = draw(_branches(chain, shape, kind))
    size = int(np.prod(shape))
    sink = OutputPort(shape=list(shape), size=size, type=kind, decision=None)
    return Spec(name="random", input=source, output=sink, layers=chain)


@st.composite
def _branches(draw: st.DrawFn, chain: list[Layer], shape: Shape, kind: FixedType) -> tuple[Shape, FixedType]:
    """Two activations on the end of the chain, joined: adds the layers, returns shape and type of the end."""
    size, root = int(np.prod(shape)), chain[-1].name
    names = [f"{root}_a", f"{root}_b"]
    for name in names:
        chain.append(Activation(name=name, inputs=[root], n_in=size, function="relu", result=draw(types())))
    if draw(st.booleans()):
        sources = draw(st.sampled_from([names, [root, names[0]]]))
        function = draw(st.sampled_from(["add", "subtract", "average", "maximum", "minimum"]))
        chain.append(Merge(name="join", inputs=sources, n_in=size, function=function, result=draw(types())))
        return shape, chain[-1].result
    outer, sizes = shape[0] * shape[1], [shape[2], shape[2]]
    chain.append(Concat(name="join", inputs=names, outer=outer, sizes=sizes, result=draw(types())))
    return (shape[0], shape[1], 2 * shape[2]), chain[-1].result


def random_inputs(spec: Spec, count: int, seed: int) -> IntArray:
    """Inputs (count, n_in): the extremes first, then uniform ones."""
    kind, n = spec.input.type, spec.input.size
    rng = np.random.default_rng(seed)
    ends = np.array([[kind.low] * n, [kind.high] * n], dtype=np.int64)
    return np.concatenate([ends, rng.integers(kind.low, kind.high, (count - 2, n), endpoint=True)])


def other_weights(spec: Spec, seed: int) -> Spec:
    """The same network with other weights and biases, anything that their types hold."""
    rng = np.random.default_rng(seed)

    def some(kind: FixedType, like: Any) -> Any:
        return rng.integers(kind.low, kind.high, np.shape(like), endpoint=True).tolist()

    made: list[Layer] = []
    for layer in spec.layers:
        match layer:
            case Dense() | Conv():
                new = {"weight": some(layer.weight_type, layer.weight), "bias": some(layer.bias_type, layer.bias)}
            case BatchNorm():
                new = {"scale": some(layer.scale_type, layer.scale), "bias": some(layer.bias_type, layer.bias)}
            case _:
                new = {}
        made.append(layer.model_copy(update=new))
    return spec.model_copy(update={"layers": made})
