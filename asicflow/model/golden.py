"""The integer golden model: the executable specification of the engine.

Every build checks that it equals hls4ml's C simulation bit for bit, and that
RTL and netlists equal it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from asicflow.errors import UserError
from asicflow.model.fixed import MAX_BITS, FixedType, IntArray, cast, from_float, overflow
from asicflow.model.spec import Activation, BatchNorm, Dense, Spec

_CHUNK = 256


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
    kind = spec.input.type
    for layer in spec.layers:
        statistics = profile.of(layer.name) if profile is not None else LayerStatistics()
        match layer:
            case Dense():
                exact, frac = _dense(layer, values, kind, statistics), layer.accum.frac
            case BatchNorm():
                exact, frac = _batchnorm(layer, values, kind)
            case Activation():
                exact, frac = _activation(layer, values, kind)
        kind = layer.result
        values = cast(exact, frac, kind)
        statistics.see(values)
        if profile is not None:
            _count(statistics, kind, _overflows(exact, frac, kind))
    return values


def _dense(layer: Dense, x: IntArray, kind: FixedType, statistics: LayerStatistics) -> IntArray:
    """Accumulators after the last product, shape (N, n_out), integers of ``accum``."""
    weights, accum = layer.weights(), layer.accum
    frac = kind.frac + layer.weight_type.frac
    _check_width(layer.name, kind.width + layer.weight_type.width + layer.n_in.bit_length())
    bias = cast(np.array(layer.bias, dtype=np.int64), layer.bias_type.frac, accum)
    if accum.saturation == "WRAP" and frac <= accum.frac:
        total = bias + _shift_sum(x @ weights, accum.frac - frac, accum)
        result = overflow(total, accum)
        statistics.accumulator_overflows += int(np.count_nonzero(result != total))
        return result
    total = np.broadcast_to(bias, (len(x), layer.n_out))
    for i in range(layer.n_in):
        total = total + cast(x[:, i, None] * weights[None, i, :], frac, accum)
        result = overflow(total, accum)
        statistics.accumulator_overflows += int(np.count_nonzero(result != total))
        total = result
    return total


def _shift_sum(total: IntArray, shift: int, accum: FixedType) -> IntArray:
    """Align a sum of products with the accumulator's binary point (wrapping, so high bits may go)."""
    return cast(total, 0, accum.model_copy(update={"frac": shift})) if shift else total


def _batchnorm(layer: BatchNorm, x: IntArray, kind: FixedType) -> tuple[IntArray, int]:
    return _affine(layer.name, x, kind, np.array(layer.scale), layer.scale_type, np.array(layer.bias), layer.bias_type)


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
