"""The integer golden model: the executable specification of the engine.

Every build checks that it equals hls4ml's C simulation bit for bit, and that
RTL and netlists equal it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from asicflow.errors import UserError
from asicflow.model.fixed import MAX_BITS, FixedType, IntArray, cast, from_float, overflow
from asicflow.model.spec import (
    NETWORK_INPUT,
    Activation,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    Layer,
    Merge,
    Pad,
    Pool,
    Quantize,
    Spec,
    Window,
)

_CHUNK = 256

NumberArray = TypeVar("NumberArray", IntArray, npt.NDArray[np.float64])


@dataclass
class LayerStatistics:
    """What happened in one layer: extreme results, and values that did not fit their type."""

    low: int = np.iinfo(np.int64).max
    high: int = np.iinfo(np.int64).min
    values: int = 0
    saturated: int = 0
    wrapped: int = 0
    accumulator_overflows: int = 0

    def see(self, results: IntArray) -> None:
        """Take in results of the layer."""
        if results.size:
            self.low = min(self.low, int(results.min()))
            self.high = max(self.high, int(results.max()))
            self.values += results.size


@dataclass
class Profile:
    """Statistics per layer, by name; ``input`` is the network's input."""

    layers: dict[str, LayerStatistics] = field(default_factory=dict)

    def of(self, name: str) -> LayerStatistics:
        """The statistics of a layer, new at first use."""
        return self.layers.setdefault(name, LayerStatistics())


def quantize_input(spec: Spec, x: npt.ArrayLike, profile: Profile | None = None) -> IntArray:
    """Convert real inputs, shape (N, ...), to the input's integers, shape (N, n_in)."""
    values = np.asarray(x, dtype=np.float64).reshape(-1, spec.input.size)
    result = from_float(values, spec.input.type)
    if profile is not None:
        statistics = profile.of("input")
        statistics.see(result)
        scaled = np.ldexp(values, spec.input.type.frac)
        lost = int(np.count_nonzero((scaled > spec.input.type.high + 0.5) | (scaled < spec.input.type.low - 0.5)))
        _count(statistics, spec.input.type, lost)
    return result


def run(spec: Spec, x_int: IntArray, profile: Profile | None = None) -> IntArray:
    """Run the integer network.

    Parameters
    ----------
    spec : Spec
        The network.
    x_int : (N, n_in) int64
        Inputs, integers of the input's type.
    profile : Profile, optional
        Collects ranges and overflows.

    Returns
    -------
    (N, n_out) int64
        Integers of the output's type.
    """
    parts = [_run(spec, x_int[i : i + _CHUNK], profile) for i in range(0, len(x_int), _CHUNK)]
    return np.concatenate(parts) if parts else np.zeros((0, spec.output.size), dtype=np.int64)


def _run(spec: Spec, values: IntArray, profile: Profile | None) -> IntArray:
    tensors, types = {NETWORK_INPUT: values}, spec.types()
    for layer, sources in zip(spec.layers, spec.sources(), strict=True):
        statistics = profile.of(layer.name) if profile is not None else LayerStatistics()
        kinds = [types[name] for name in sources]
        exact, frac = _exact(layer, [tensors[name] for name in sources], kinds, statistics)
        values = _quantize(layer, exact, frac) if isinstance(layer, Quantize) else cast(exact, frac, layer.result)
        tensors[layer.name] = values
        statistics.see(values)
        if profile is not None:
            _count(statistics, layer.result, _overflows(exact, frac, layer.result))
    return values


def _exact(
    layer: Layer, inputs: list[IntArray], kinds: list[FixedType], statistics: LayerStatistics
) -> tuple[IntArray, int]:
    """A layer's values before the cast to its result, shape (N, n_out), and their fractional bits."""
    x, kind = inputs[0], kinds[0]
    match layer:
        case Dense():
            return _sums(layer, x, layer.weights(), kind, statistics), layer.accum.frac
        case Conv():
            return _conv(layer, x, kind, statistics), layer.accum.frac
        case BatchNorm():
            return _batchnorm(layer, x, kind)
        case Activation():
            return _activation(layer, x, kind)
        case Pool():
            return _pool(layer, x, kind, statistics)
        case Pad():
            return windows(x, layer.window, 0).reshape(len(x), -1), kind.frac
        case Merge():
            return _merge(layer, inputs, kinds)
        case Concat():
            frac = max(kind.frac for kind in kinds)
            parts = [
                _raise(layer.name, part.reshape(len(x), layer.outer, size), k, frac)
                for part, size, k in zip(inputs, layer.sizes, kinds, strict=True)
            ]
            return np.concatenate(parts, axis=2).reshape(len(x), -1), frac
        case Quantize():
            return x, kind.frac


def windows(x: NumberArray, window: Window, padding: float) -> NumberArray:
    """The values under the window, shape (N, pixels, taps, channels), from ``x`` of shape (N, size)."""
    height, width, channels = window.shape
    rows = np.arange(window.out[0])[:, None] * window.strides[0] + np.arange(window.kernel[0]) - window.pad_top
    columns = np.arange(window.out[1])[:, None] * window.strides[1] + np.arange(window.kernel[1]) - window.pad_left
    rows, columns = rows[:, None, :, None], columns[None, :, None, :]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    flat = np.where(inside, rows * width + columns, 0).reshape(window.pixels, window.taps)
    found = x.reshape(len(x), height * width, channels)[:, flat]
    return np.where(inside.reshape(window.pixels, window.taps, 1), found, x.dtype.type(padding))


def _conv(layer: Conv, x: IntArray, kind: FixedType, statistics: LayerStatistics) -> IntArray:
    seen = windows(x, layer.window, 0)
    if not layer.depthwise:
        flat = seen.reshape(len(x) * layer.window.pixels, -1)
        return _sums(layer, flat, layer.weights(), kind, statistics).reshape(len(x), layer.n_out)
    channels = [
        _sums(layer, seen[..., c].reshape(-1, layer.window.taps), layer.weights()[:, c : c + 1], kind, statistics, c)
        for c in range(layer.filters)
    ]
    return np.concatenate(channels, axis=1).reshape(len(x), layer.n_out)


def _pool(layer: Pool, x: IntArray, kind: FixedType, statistics: LayerStatistics) -> tuple[IntArray, int]:
    if layer.function == "max":
        largest = windows(x, layer.window, kind.low).max(axis=2).reshape(len(x), -1)
        return cast(largest, kind.frac, layer.accum), layer.accum.frac
    exact = windows(x, layer.window, 0).sum(axis=2).reshape(len(x), -1)
    total = cast(exact, kind.frac, layer.accum)
    statistics.accumulator_overflows += _overflows(exact, kind.frac, layer.accum)
    return np.sign(total) * (np.abs(total) // layer.window.taps), layer.accum.frac


def _merge(layer: Merge, inputs: list[IntArray], kinds: list[FixedType]) -> tuple[IntArray, int]:
    frac = max(kind.frac for kind in kinds)
    a, b = (_raise(layer.name, x, kind, frac) for x, kind in zip(inputs, kinds, strict=True))
    match layer.function:
        case "add":
            return a + b, frac
        case "subtract":
            return a - b, frac
        case "average":
            return a + b, frac + 1
        case "maximum":
            return np.maximum(a, b), frac
        case "minimum":
            return np.minimum(a, b), frac


def _raise(name: str, x: IntArray, kind: FixedType, frac: int) -> IntArray:
    """``x`` of type ``kind`` as integers with ``frac`` fractional bits, at least those of ``kind``."""
    _check_width(name, kind.width + frac - kind.frac + 1)
    return x << (frac - kind.frac)


def _quantize(layer: Quantize, exact: IntArray, frac: int) -> IntArray:
    """Cast each element to its own type; integers of ``result``."""
    columns = []
    for i, kind in enumerate(layer.types()):
        column = np.zeros(len(exact), dtype=np.int64) if kind is None else cast(exact[:, i], frac, kind)
        columns.append(column if kind is None else cast(column, kind.frac, layer.result))
    return np.stack(columns, axis=1)


def _sums(
    layer: Dense | Conv,
    x: IntArray,
    weights: IntArray,
    kind: FixedType,
    statistics: LayerStatistics,
    channel: int | None = None,
) -> IntArray:
    """Accumulators after the last product, shape (N, n_out), integers of ``accum``.

    ``channel``: the one whose bias belongs to the only column of ``weights``.
    """
    accum = layer.accum
    n_in, n_out = weights.shape
    frac = kind.frac + layer.weight_type.frac
    _check_width(layer.name, kind.width + layer.weight_type.width + n_in.bit_length())
    biases = layer.bias if channel is None else [layer.bias[channel]]
    bias = cast(np.array(biases, dtype=np.int64), layer.bias_type.frac, accum)
    if accum.saturation == "WRAP" and frac <= accum.frac:
        total = bias + _shift_sum(x @ weights, accum.frac - frac, accum)
        result = overflow(total, accum)
        statistics.accumulator_overflows += int(np.count_nonzero(result != total))
        return result
    total = np.broadcast_to(bias, (len(x), n_out))
    for i in range(n_in):
        total = total + cast(x[:, i, None] * weights[None, i, :], frac, accum)
        result = overflow(total, accum)
        statistics.accumulator_overflows += int(np.count_nonzero(result != total))
        total = result
    return total


def _shift_sum(total: IntArray, shift: int, accum: FixedType) -> IntArray:
    """Align a sum of products with the accumulator's binary point (wrapping, so high bits may go)."""
    return cast(total, 0, accum.model_copy(update={"frac": shift})) if shift else total


def _batchnorm(layer: BatchNorm, x: IntArray, kind: FixedType) -> tuple[IntArray, int]:
    scale, bias = np.resize(layer.scale, layer.n_in), np.resize(layer.bias, layer.n_in)
    return _affine(layer.name, x, kind, scale, layer.scale_type, bias, layer.bias_type)


def _affine(
    name: str, x: IntArray, kind: FixedType, a: IntArray, a_type: FixedType, b: IntArray, b_type: FixedType
) -> tuple[IntArray, int]:
    """``a * x + b`` exactly, and its fractional bits."""
    frac = max(kind.frac + a_type.frac, b_type.frac)
    up_x, up_b = frac - kind.frac - a_type.frac, frac - b_type.frac
    _check_width(name, max(kind.width + a_type.width + up_x, b_type.width + up_b) + 1)
    return ((x * a) << up_x) + (b << up_b), frac


def _activation(layer: Activation, x: IntArray, kind: FixedType) -> tuple[IntArray, int]:
    match layer.function:
        case "linear":
            return x, kind.frac
        case "relu":
            return np.maximum(x, 0), kind.frac
        case "leaky_relu":
            assert layer.slope_type is not None
            up = layer.slope_type.frac
            _check_width(layer.name, kind.width + layer.slope_type.width + max(up, 0))
            if up < 0:
                return np.where(x > 0, x, (layer.slope * x) << -up), kind.frac
            return np.where(x > 0, x << up, layer.slope * x), kind.frac + up
        case "hard_sigmoid" | "hard_tanh":
            assert layer.slope_type is not None and layer.shift_type is not None
            slope, shift = np.int64(layer.slope), np.int64(layer.shift)
            exact, frac = _affine(
                layer.name, x, kind, np.asarray(slope), layer.slope_type, np.asarray(shift), layer.shift_type
            )
            if frac < 0:
                exact, frac = exact << -frac, 0
            sigmoid = np.clip(exact, 0, 1 << frac)
            return (2 * sigmoid - (1 << frac) if layer.function == "hard_tanh" else sigmoid), frac
        case "table":
            assert layer.table_type is not None
            size = len(layer.table)
            _check_width(layer.name, kind.width + size.bit_length() + max(-kind.frac, 0))
            scaled = (x << max(-kind.frac, 0)) * size
            divisor = layer.span << max(kind.frac, 0)
            index = np.sign(scaled) * (np.abs(scaled) // divisor) + size // 2
            return np.array(layer.table, dtype=np.int64)[np.clip(index, 0, size - 1)], layer.table_type.frac


def _overflows(exact: IntArray, frac: int, kind: FixedType) -> int:
    """How many values do not fit ``kind`` after rounding."""
    wide = FixedType(width=MAX_BITS, frac=kind.frac, rounding=kind.rounding)
    rounded = cast(exact, frac, wide)
    return int(np.count_nonzero((rounded < kind.low) | (rounded > kind.high)))


def _count(statistics: LayerStatistics, kind: FixedType, lost: int) -> None:
    if kind.saturation == "WRAP":
        statistics.wrapped += lost
    else:
        statistics.saturated += lost


def _check_width(name: str, bits: int) -> None:
    if bits > MAX_BITS:
        raise UserError(
            f"layer '{name}' needs {bits}-bit intermediates; at most {MAX_BITS} are supported",
            hint="use narrower types",
        )
