"""From the integer network to the passes of an engine: matrix stages and the tensors between them.

A matrix stage is a layer that multiplies, with every activation that follows it
and that nothing else reads.  Layers without weights are stages too: a pooling
adds or compares values times 1, a merge is a window of two lines, one from each
of its inputs.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from asicflow.errors import UserError
from asicflow.hls.ranges import (
    Affine,
    Clip,
    Divide,
    Fit,
    Interval,
    Leak,
    Relu,
    Shift,
    Step,
    Table,
    apply_steps,
    cast_steps,
    type_interval,
)
from asicflow.model.fixed import FixedType, IntArray, cast, overflow, round_shift
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

_NOTHING = Interval(0, 0)
_MAX_SUM_BITS = 60


@dataclass(frozen=True)
class Element:
    """What an element of a tensor can be: a multiple of ``2**shift`` in ``seen``."""

    seen: Interval
    shift: int = 0


@dataclass
class Tensor:
    """A vector in the operand store, ``channels`` values per pixel."""

    size: int
    channels: int
    elements: list[Element] = field(default_factory=list)

    @property
    def seen(self) -> Interval:
        """All values of all elements."""
        found = self.elements[0].seen
        for element in set(self.elements):
            found = found | element.seen
        return found


@dataclass(frozen=True)
class Place:
    """Where a stage's results go: result i to ``i // size * total + offset + i % size`` of the target."""

    size: int
    total: int
    offset: int

    def of(self, index: int) -> int:
        """The element of the target."""
        return index // self.size * self.total + self.offset + index % self.size


@dataclass(frozen=True)
class Free:
    """What weights and biases may become that are written at run time."""

    weight: Interval
    bias: Interval


@dataclass
class MatrixStage:
    """One pass: ``finish(bias + shift(sum over the window of trim(x * weight)))``.

    ``weight`` has the shape (taps, channels, filters), depthwise (taps, channels).
    ``sources`` are two for a merge, whose window has one line of each.  ``maximum``:
    the largest product instead of the sum, without bias; weights of 0 take no part.
    ``elementwise``: of each result only the bits of its element are kept.
    ``free``: weights and biases are written at run time, within these limits; None: they stay as they are.
    """

    name: str
    window: Window
    weight: IntArray
    bias: IntArray
    sources: list[str]
    target: str
    operands: list[Interval]
    place: Place
    product_steps: list[Step] = field(default_factory=list)
    sum_shift: int = 0
    accum: FixedType | None = None
    maximum: bool = False
    saturate: bool = False
    finish: list[Step] = field(default_factory=list)
    total: Interval = _NOTHING
    elementwise: bool = False
    free: Free | None = None

    @property
    def weight_range(self) -> Interval:
        """All weights that the stage can have."""
        return self.free.weight if self.free else _span(self.weight)

    @property
    def bias_range(self) -> Interval:
        """All biases that the stage can have."""
        return self.free.bias if self.free else _span(self.bias)

    @property
    def depthwise(self) -> bool:
        """Every result comes from one channel."""
        return self.weight.ndim == 2

    @property
    def filters(self) -> int:
        """Results per position of the window."""
        return int(self.weight.shape[-1])

    @property
    def n_in(self) -> int:
        """Values of a source."""
        return self.window.size // len(self.sources)

    @property
    def n_out(self) -> int:
        """Results."""
        return self.window.pixels * self.filters

    @property
    def operand(self) -> Interval:
        """All operands."""
        found = self.operands[0]
        for seen in self.operands[1:]:
            found = found | seen
        return found

    @property
    def result(self) -> Interval:
        """All results."""
        return apply_steps(self.finish, self.total)

    @property
    def products(self) -> Interval:
        """All products, and 0."""
        found = _NOTHING
        for weight, seen in zip(self.weight, self._operands_by_tap(), strict=True):
            found = found | _product_interval(self.free.weight if self.free else _span(weight), seen)
        return found

    def _operands_by_tap(self) -> list[Interval]:
        return self.operands if len(self.operands) > 1 else self.operands * len(self.weight)

    def set_total(self) -> None:
        """Find the exact interval of every partial sum, over all results and in any order of adding."""
        low, high = np.zeros_like(self.bias), np.zeros_like(self.bias)
        least_bias, most_bias = self.bias, self.bias
        weights = [self.weight]
        if self.free:
            weights = [np.full_like(self.weight, end) for end in (self.free.weight.low, self.free.weight.high)]
            least_bias, most_bias = low + self.free.bias.low, high + self.free.bias.high
        for tap, seen in enumerate(self._operands_by_tap()):
            ends = np.sort([weight[tap] * end for weight in weights for end in (seen.low, seen.high)], axis=0)
            for step in self.product_steps:
                ends = _apply_array(step, ends)
            below, above = np.minimum(ends[0], 0), np.maximum(ends[-1], 0)
            if self.maximum:
                low, high = np.minimum(low, below), np.maximum(high, above)
            else:
                low = low + (below if self.depthwise else below.sum(axis=0))
                high = high + (above if self.depthwise else above.sum(axis=0))
        shift = self.sum_shift
        self.total = Interval(int(((low << shift) + least_bias).min()), int(((high << shift) + most_bias).max()))
        if self.total.signed_bits > _MAX_SUM_BITS:
            raise UserError(f"layer '{self.name}' needs {self.total.signed_bits}-bit sums", hint="use narrower types")


@dataclass
class StageList:
    """The stages in order, and the tensors by name."""

    stages: list[MatrixStage]
    tensors: dict[str, Tensor]

    @property
    def output(self) -> str:
        """The tensor of the network's output."""
        return self.stages[-1].target


def build_stages(spec: Spec, reloadable: bool = False) -> StageList:
    """Cut the network into matrix stages and find every interval.

    Parameters
    ----------
    spec : Spec
        The network.
    reloadable : bool
        The intervals hold for all weights and biases of the network's types, not just for those it has.

    Raises
    ------
    UserError
        If an intermediate needs more bits than the golden model supports, or two
        layers read one tensor in different shapes.
    """
    builder = _Builder(spec, reloadable)
    for layer, sources in zip(spec.layers, spec.sources(), strict=True):
        builder.add(layer, sources)
    for stage in builder.stages:
        _simplify(stage)
    return StageList(builder.stages, builder.tensors)


def tensor_channels(spec: Spec) -> dict[str, int]:
    """Values per pixel of every tensor, as the layers that read it want them.

    The two inputs of a merge are alike.  A tensor that nobody reads in pixels is one pixel.
    """
    sizes = {NETWORK_INPUT: spec.input.size} | {layer.name: layer.n_out for layer in spec.layers}
    alike = {name: {name} for name in sizes}
    for layer, sources in zip(spec.layers, spec.sources(), strict=True):
        if isinstance(layer, Merge):
            together = alike[sources[0]] | alike[sources[1]]
            alike |= dict.fromkeys(together, together)
    wanted: dict[str, int] = {}
    for layer, sources in zip(spec.layers, spec.sources(), strict=True):
        channels = _channels_read(layer)
        for name in alike[sources[0]] if channels is not None else ():
            if wanted.setdefault(name, channels or 0) != channels:
                raise UserError(
                    f"two layers read '{name}' in different shapes, one of them '{layer.name}'",
                    hint="reshape both branches alike",
                )
    return {name: wanted.get(name, size) for name, size in sizes.items()}


def _channels_read(layer: Layer) -> int | None:
    """Values per pixel in which a layer reads its input; None when it does not care."""
    match layer:
        case Conv() | Pool() | Pad():
            return layer.window.shape[2]
        case BatchNorm() if len(layer.scale) < layer.n_in:
            return len(layer.scale)
        case _:
            return None


class _Builder:
    """Adds layer after layer."""

    def __init__(self, spec: Spec, reloadable: bool) -> None:
        self.reloadable = reloadable
        self.types = spec.types()
        self.channels = tensor_channels(spec)
        self.readers = Counter(name for sources in spec.sources() for name in sources)
        self.stages: list[MatrixStage] = []
        kind = Element(type_interval(spec.input.type))
        size = spec.input.size
        self.tensors = {NETWORK_INPUT: Tensor(size, self.channels[NETWORK_INPUT], [kind] * size)}
        self.fracs: dict[str, int] = {}

    def add(self, layer: Layer, sources: list[str]) -> None:
        """Add one layer."""
        kinds = [self.types[name] for name in sources]
        match layer:
            case Activation() | Quantize():
                self._follow(layer, sources[0], kinds[0])
            case Concat():
                self._concat(layer, sources, kinds)
            case Dense() | Conv():
                self._matrix(layer, sources[0], kinds[0])
            case BatchNorm():
                self._batchnorm(layer, sources[0], kinds[0])
            case Pool():
                self._pool(layer, sources[0], kinds[0])
            case Pad():
                stage = self._plain(layer.name, layer.name, sources, layer.window)
                self._cast(stage, kinds[0].frac, layer.result)
            case Merge():
                self._merge(layer, sources, kinds)

    # -- layers that multiply ---------------------------------------------------------------------
    def _matrix(self, layer: Dense | Conv, source: str, kind: FixedType) -> None:
        accum, weight = layer.accum, layer.weights()
        if isinstance(layer, Conv):
            window = layer.window
            if not layer.depthwise:
                weight = weight.reshape(window.taps, window.shape[2], layer.filters)
        else:
            window, weight = Window(shape=(1, 1, layer.n_in), out=(1, 1)), weight[None]
        seen = self.tensors[source].seen
        frac = kind.frac + layer.weight_type.frac
        free = self._free(layer.weight_type, layer.bias_type, accum)
        steps = cast_steps(_product_interval(free.weight if free else _span(weight), seen), frac, accum)
        if accum.saturation == "WRAP":
            steps = [step for step in steps if not isinstance(step, Fit)]
        shift = 0
        if frac < accum.frac and not any(isinstance(step, Fit) for step in steps):
            steps, shift = [], accum.frac - frac
        bias = cast(np.array(layer.bias, dtype=np.int64), layer.bias_type.frac, accum)
        place = Place(layer.n_out, layer.n_out, 0)
        stage = MatrixStage(
            layer.name, window, weight, bias, [source], layer.name, [seen], place, steps, shift, accum, free=free
        )
        self._open(stage)
        if not stage.total.within(type_interval(accum)):
            if accum.saturation == "WRAP":
                stage.finish.append(Fit(accum))
            else:
                stage.saturate = True
                stage.total = Fit(accum).apply(stage.total)
        self._cast(stage, accum.frac, layer.result)

    def _batchnorm(self, layer: BatchNorm, source: str, kind: FixedType) -> None:
        product_frac = kind.frac + layer.scale_type.frac
        frac = max(product_frac, layer.bias_type.frac)
        bias = np.array(layer.bias, dtype=np.int64) << (frac - layer.bias_type.frac)
        window = _pixels(layer.n_in, len(layer.scale))
        weight = np.array([layer.scale], dtype=np.int64)
        wide = layer.bias_type.model_copy(update={"width": _MAX_SUM_BITS, "frac": frac, "signed": True})
        free = self._free(layer.scale_type, layer.bias_type, wide)
        stage = self._plain(layer.name, layer.name, [source], window, weight, bias, frac - product_frac, free=free)
        self._cast(stage, frac, layer.result)

    def _free(self, weight: FixedType, bias: FixedType, accum: FixedType) -> Free | None:
        """What weights and biases of these types may become; biases as they are added, in ``accum``."""
        if not self.reloadable:
            return None
        biases = type_interval(bias)
        return Free(type_interval(weight), apply_steps(cast_steps(biases, bias.frac, accum), biases))

    # -- layers without weights -------------------------------------------------------------------
    def _pool(self, layer: Pool, source: str, kind: FixedType) -> None:
        stage = self._plain(layer.name, layer.name, [source], layer.window, maximum=layer.function == "max")
        if stage.maximum:
            stage.finish = cast_steps(stage.total, kind.frac, layer.accum)
        else:
            stage.finish = cast_steps(stage.total, kind.frac, layer.accum)
            taps = layer.window.taps
            if taps & (taps - 1):
                stage.finish.append(Divide(taps))
            elif taps > 1:
                stage.finish.append(Shift(taps.bit_length() - 1, "TRN_ZERO"))
        self._cast(stage, layer.accum.frac, layer.result)

    def _merge(self, layer: Merge, sources: list[str], kinds: list[FixedType]) -> None:
        frac = max(kind.frac for kind in kinds)
        channels = self.channels[sources[0]]
        signs = {"subtract": (1, -1), "minimum": (-1, -1)}.get(layer.function, (1, 1))
        weight = np.array(
            [[sign << (frac - kind.frac)] * channels for sign, kind in zip(signs, kinds, strict=True)], dtype=np.int64
        )
        pixels = layer.n_in // channels
        window = Window(shape=(2, pixels, channels), kernel=(2, 1), out=(1, pixels))
        maximum = layer.function in ("maximum", "minimum")
        stage = self._plain(layer.name, layer.name, sources, window, weight, maximum=maximum)
        if layer.function == "minimum":
            stage.finish.append(Affine(-1, 0))
        self._cast(stage, frac + int(layer.function == "average"), layer.result)

    def _concat(self, layer: Concat, sources: list[str], kinds: list[FixedType]) -> None:
        total, offset = sum(layer.sizes), 0
        for number, (source, size, kind) in enumerate(zip(sources, layer.sizes, kinds, strict=True)):
            name = layer.name if number + 1 == len(sources) else f"{layer.name}_{number}"
            window = _pixels(layer.outer * size, self.tensors[source].channels)
            stage = self._plain(name, layer.name, [source], window)
            stage.place = Place(size, total, offset)
            self._cast(stage, kind.frac, layer.result)
            offset += size

    def _follow(self, layer: Activation | Quantize, source: str, kind: FixedType) -> None:
        """Append an activation to the stage before it, or to a stage of weights 1."""
        stage = next((s for s in reversed(self.stages) if s.target == source), None)
        if stage is None or self.readers[source] > 1 or stage.elementwise or stage.place.total != stage.place.size:
            stage = self._plain(layer.name, layer.name, [source], _pixels(layer.n_in, self.channels[source]))
        else:
            del self.tensors[source]
            stage.target = layer.name
        if isinstance(layer, Activation):
            self._cast(stage, _activation_steps(layer, stage, kind), layer.result)
        else:
            self._quantize(stage, layer, kind)

    def _quantize(self, stage: MatrixStage, layer: Quantize, kind: FixedType) -> None:
        """Leave the result on the finest binary point; each slot keeps the bits of its element's type."""
        if (layer.result.rounding, layer.result.saturation) != ("TRN", "WRAP"):
            raise UserError(
                f"layer '{layer.name}' casts each element to its own type with "
                f"{layer.result.rounding} and {layer.result.saturation}",
                hint="the engine does so with TRN and WRAP only",
            )
        wide = layer.result.model_copy(update={"width": _MAX_SUM_BITS, "signed": True})
        stage.finish += cast_steps(stage.result, kind.frac, wide)
        stage.elementwise = True
        elements = []
        for element_type in layer.types():
            if element_type is None:
                elements.append(Element(_NOTHING))
            else:
                shift = layer.result.frac - element_type.frac
                ends = type_interval(element_type)
                elements.append(Element(Interval(ends.low << shift, ends.high << shift), shift))
        self.tensors[layer.name] = Tensor(layer.n_in, self.channels[layer.name], elements)

    # -- stages -----------------------------------------------------------------------------------
    def _plain(
        self,
        name: str,
        target: str,
        sources: list[str],
        window: Window,
        weight: IntArray | None = None,
        bias: IntArray | None = None,
        sum_shift: int = 0,
        maximum: bool = False,
        free: Free | None = None,
    ) -> MatrixStage:
        """A stage with a sum per channel, of weights 1 unless given."""
        channels = window.shape[2]
        stage = MatrixStage(
            name,
            window,
            np.ones((window.taps, channels), dtype=np.int64) if weight is None else weight,
            np.zeros(channels, dtype=np.int64) if bias is None else bias,
            sources,
            target,
            [self.tensors[source].seen for source in sources],
            Place(window.pixels * channels, window.pixels * channels, 0),
            sum_shift=sum_shift,
            maximum=maximum,
            free=free,
        )
        return self._open(stage)

    def _open(self, stage: MatrixStage) -> MatrixStage:
        stage.set_total()
        self.stages.append(stage)
        return stage

    def _cast(self, stage: MatrixStage, frac: int, kind: FixedType) -> None:
        """End a layer in its result type, and note what its elements can be."""
        stage.finish += cast_steps(stage.result, frac, kind)
        size = stage.n_out // stage.place.size * stage.place.total
        tensor = self.tensors.setdefault(stage.target, Tensor(size, self.channels[stage.target]))
        if not tensor.elements:
            tensor.elements = [Element(stage.result)] * size
        for index in range(stage.n_out):
            tensor.elements[stage.place.of(index)] = Element(stage.result)


def _pixels(size: int, channels: int) -> Window:
    """A window that visits every pixel of a vector."""
    return Window(shape=(1, size // channels, channels), out=(1, size // channels))


def _span(values: IntArray) -> Interval:
    return Interval(int(values.min()), int(values.max()))


def _product_interval(weight: Interval, seen: Interval) -> Interval:
    ends = [w * v for w in (weight.low, weight.high) for v in (seen.low, seen.high)]
    return Interval(min(0, *ends), max(0, *ends))


def _apply_array(step: Step, values: IntArray) -> IntArray:
    """Apply a step of a product to an array of interval ends; the results enclose what the step gives."""
    match step:
        case Shift(right=right, rounding=rounding):
            return round_shift(values, right, rounding) if right > 0 else values << -right
        case Fit(kind=kind) if kind.saturation == "SAT_ZERO":
            return np.clip(values, kind.low, kind.high)
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
        case "table":
            stage.finish += _table_steps(layer, stage.result, kind)
            return layer.result.frac


def _table_steps(layer: Activation, seen: Interval, kind: FixedType) -> list[Step]:
    """The entry of the table, cast to the result: by the value if it has few bits, else by the index."""
    assert layer.table_type is not None
    size = len(layer.table)
    entries = cast(np.array(layer.table, dtype=np.int64), layer.table_type.frac, layer.result)
    right = layer.span.bit_length() - 1 + kind.frac - (size.bit_length() - 1)
    to_index: list[Step] = [Shift(right, "TRN_ZERO")] if right else []
    to_index += [Affine(1, size // 2), Clip(0, size - 1)]
    if seen.high - seen.low >= size:
        return [*to_index, Table(0, tuple(entries.tolist()))]
    indices = [apply_steps(to_index, Interval(v, v)).low for v in range(seen.low, seen.high + 1)]
    return [Table(seen.low, tuple(entries[indices].tolist()))]


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
    plain_sum = not stage.saturate and not stage.maximum
    if isinstance(first, Shift) and first.right > 0 and first.rounding == "RND" and plain_sum:
        half = 1 << (first.right - 1)
        stage.bias = stage.bias + half
        if stage.free:
            biases = stage.free.bias
            stage.free = Free(stage.free.weight, Interval(biases.low + half, biases.high + half))
        stage.total = Interval(stage.total.low + half, stage.total.high + half)
        steps[0] = Shift(first.right, "TRN")
