"""The vectorised golden model against one written value by value with exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asicflow.errors import UserError
from asicflow.model import golden
from asicflow.model.fixed import FixedType
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
from tests.hls.networks import networks, random_inputs

from .test_fixed import exact_cast


def real(value: int, kind: FixedType) -> Fraction:
    return value * Fraction(2) ** -kind.frac


def slow_run(spec: Spec, inputs: list[int]) -> list[int]:
    tensors, types = {"input": [real(v, spec.input.type) for v in inputs]}, spec.types()
    for layer, sources in zip(spec.layers, spec.sources(), strict=True):
        exact = slow_layer(layer, [tensors[name] for name in sources], [types[name] for name in sources])
        values = [exact_cast(v, layer.result) for v in exact]
        tensors[layer.name] = [real(v, layer.result) for v in values]
    return values


def slow_layer(layer: Layer, inputs: list[list[Fraction]], kinds: list[FixedType]) -> list[Fraction]:
    x = inputs[0]
    if isinstance(layer, Dense):
        return [slow_sum(layer, x, [row[j] for row in layer.weight], j) for j in range(layer.n_out)]
    if isinstance(layer, Conv):
        return [slow_filter(layer, x, pixel, f) for pixel in pixels(layer.window) for f in range(layer.filters)]
    if isinstance(layer, Pool):
        return [slow_pool(layer, x, pixel, c) for pixel in pixels(layer.window) for c in range(layer.window.shape[2])]
    if isinstance(layer, Pad):
        window = layer.window
        return [(under(x, window, p, c)[0] or Fraction(0)) for p in pixels(window) for c in range(window.shape[2])]
    if isinstance(layer, Merge):
        half = Fraction(1, 2)
        function = {
            "add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "average": lambda a, b: (a + b) * half,
            "maximum": max, "minimum": min,
        }[layer.function]  # fmt: skip
        return [function(a, b) for a, b in zip(*inputs, strict=True)]
    if isinstance(layer, Concat):
        parts = [[v[o * n : (o + 1) * n] for v, n in zip(inputs, layer.sizes, strict=True)] for o in range(layer.outer)]
        return [value for row in parts for part in row for value in part]
    if isinstance(layer, Quantize):
        kept = [(v, kind) for v, kind in zip(x, layer.types(), strict=True)]
        return [Fraction(0) if kind is None else real(exact_cast(v, kind), kind) for v, kind in kept]
    if isinstance(layer, BatchNorm):
        scales, count = list(zip(layer.scale, layer.bias, strict=True)), len(layer.scale)
        terms = [scales[i % count] for i in range(len(x))]
        kinds = [layer.scale_type, layer.bias_type]
        return [v * real(s, kinds[0]) + real(b, kinds[1]) for v, (s, b) in zip(x, terms, strict=True)]
    return [slow_activation(layer, v) for v in x]


def pixels(window: Window) -> list[tuple[int, int]]:
    return [(y, x) for y in range(window.out[0]) for x in range(window.out[1])]


def under(x: list[Fraction], window: Window, pixel: tuple[int, int], channel: int) -> list[Fraction | None]:
    """What lies under the window, None for padding."""
    height, width, channels = window.shape
    found: list[Fraction | None] = []
    for ky in range(window.kernel[0]):
        for kx in range(window.kernel[1]):
            row = pixel[0] * window.strides[0] + ky - window.pad_top
            column = pixel[1] * window.strides[1] + kx - window.pad_left
            inside = 0 <= row < height and 0 <= column < width
            found.append(x[(row * width + column) * channels + channel] if inside else None)
    return found


def slow_filter(layer: Conv, x: list[Fraction], pixel: tuple[int, int], f: int) -> Fraction:
    channels = [f] if layer.depthwise else list(range(layer.window.shape[2]))
    seen = [under(x, layer.window, pixel, channel) for channel in channels]
    values = [v[tap] or Fraction(0) for tap in range(layer.window.taps) for v in seen]
    return slow_sum(layer, values, [row[f] for row in layer.weight], f)


def slow_sum(layer: Dense | Conv, x: list[Fraction], weights: list[int], j: int) -> Fraction:
    total = exact_cast(real(layer.bias[j], layer.bias_type), layer.accum)
    for v, w in zip(x, weights, strict=True):
        product = exact_cast(v * real(w, layer.weight_type), layer.accum)
        total = exact_cast(real(total + product, layer.accum), layer.accum)
    return real(total, layer.accum)


def slow_pool(layer: Pool, x: list[Fraction], pixel: tuple[int, int], channel: int) -> Fraction:
    seen = [v for v in under(x, layer.window, pixel, channel) if v is not None]
    if layer.function == "max":
        return real(exact_cast(max(seen), layer.accum), layer.accum)
    total = exact_cast(sum(seen, Fraction(0)), layer.accum)
    return real(int(Fraction(total, layer.window.taps)), layer.accum)


def slow_activation(layer: Activation, x: Fraction) -> Fraction:
    if layer.function == "linear":
        return x
    if layer.function == "relu":
        return max(x, Fraction(0))
    if layer.function == "table":
        assert layer.table_type is not None
        index = int(x * len(layer.table) / layer.span) + len(layer.table) // 2
        return real(layer.table[min(max(index, 0), len(layer.table) - 1)], layer.table_type)
    assert layer.slope_type is not None
    slope = real(layer.slope, layer.slope_type)
    if layer.function == "leaky_relu":
        return x if x > 0 else slope * x
    assert layer.shift_type is not None
    sigmoid = min(max(slope * x + real(layer.shift, layer.shift_type), Fraction(0)), Fraction(1))
    return 2 * sigmoid - 1 if layer.function == "hard_tanh" else sigmoid


@settings(deadline=None)
@given(spec=networks(), seed=st.integers(0, 100))
def test_equals_the_definition(spec: Spec, seed: int) -> None:
    x_int = random_inputs(spec, 6, seed)
    assert golden.run(spec, x_int).tolist() == [slow_run(spec, row) for row in x_int.tolist()]


def one_layer(accum: str, result: str) -> Spec:
    kind, out = FixedType(width=4, frac=0), FixedType.parse(result)
    layer = Dense(name="d", n_in=2, n_out=1, weight=[[7], [7]], weight_type=kind, bias=[0], bias_type=kind,
                  accum=FixedType.parse(accum), result=out)  # fmt: skip
    return Spec(
        name="n",
        input=Port(shape=[2], size=2, type=kind),
        output=OutputPort(shape=[1], size=1, type=out),
        layers=[layer],
    )


def test_profile_counts_what_does_not_fit() -> None:
    spec = one_layer("fixed<6,6>", "fixed<5,5,TRN,SAT>")
    profile = golden.Profile()
    x = golden.quantize_input(spec, [[7.0, 7.0], [1.0, 1.0], [99.0, 0.0]], profile)
    assert golden.run(spec, x, profile).tolist() == [[-16], [14], [15]]
    assert profile.layers["input"].wrapped == 1
    assert profile.layers["d"].accumulator_overflows == 1
    assert profile.layers["d"].saturated == 2


def test_too_wide() -> None:
    wide = FixedType(width=40, frac=0)
    spec = one_layer("fixed<6,6>", "fixed<5,5>").model_copy(deep=True)
    layer = spec.layers[0].model_copy(update={"weight_type": wide})
    spec = spec.model_copy(update={"layers": [layer], "input": Port(shape=[2], size=2, type=wide)})
    with pytest.raises(UserError, match="intermediates"):
        golden.run(spec, np.ones((1, 2), dtype=np.int64))


def test_spec_round_trip(tmp_path) -> None:  # type: ignore[no-untyped-def]
    spec = one_layer("fixed<6,6>", "fixed<5,5>")
    spec.save(tmp_path / "spec.json")
    assert Spec.load(tmp_path / "spec.json") == spec
    (tmp_path / "spec.json").write_text('{"schema": "other/1"}')
    with pytest.raises(UserError):
        Spec.load(tmp_path / "spec.json")
    with pytest.raises(UserError):
        Spec.load(tmp_path / "none.json")


def test_spec_refuses_shapes_that_do_not_fit() -> None:
    data = one_layer("fixed<6,6>", "fixed<5,5>").model_dump()
    data["layers"][0]["weight"] = [[1], [2], [3]]
    with pytest.raises(ValueError, match="shape"):
        Spec.model_validate(data)
