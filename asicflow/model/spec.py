"""``spec.json``: the integer network, free of any framework.

Layers stand in an order in which they can be computed.  Each one reads the
layers that ``inputs`` names (:data:`NETWORK_INPUT` is the network's input); without
names it reads the layer before.  Tensors are flat vectors in C order, channels
last; a layer that needs a shape states it as (height, width, channels), height 1
in one dimension.  Integers are those of the types beside them: a weight ``w`` of
type ``t`` means ``w * 2**-t.frac``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from asicflow.errors import UserError
from asicflow.model.fixed import FixedType, IntArray

ActivationFunction = Literal["linear", "relu", "leaky_relu", "hard_sigmoid", "hard_tanh", "table"]
MergeFunction = Literal["add", "subtract", "average", "maximum", "minimum"]

NETWORK_INPUT = "input"
"""Name by which layers read the network's input."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Port(_Model):
    """The network's input: ``size`` values, flattened from ``shape`` in C order."""

    shape: list[int]
    size: int = Field(ge=1)
    type: FixedType


class OutputPort(Port):
    """The network's output; ``decision`` is what the removed softmax was for."""

    decision: Literal["argmax"] | None = None


class _Layer(_Model):
    name: str
    inputs: list[str] = Field(default_factory=list)
    result: FixedType


class _Elementwise(_Layer):
    n_in: int = Field(ge=1)

    @property
    def n_out(self) -> int:
        """Outputs, as many as inputs."""
        return self.n_in


class Window(_Model):
    """A window that moves over (height, width, channels); what lies outside is padding.

    The first window begins ``pad_top`` lines above and ``pad_left`` pixels left of the input.
    """

    shape: tuple[int, int, int]
    kernel: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    pad_top: int = Field(0, ge=0)
    pad_left: int = Field(0, ge=0)
    out: tuple[int, int]

    @model_validator(mode="after")
    def _positive(self) -> Window:
        if min(*self.shape, *self.kernel, *self.strides, *self.out) < 1:
            raise ValueError("a window with a size below 1")
        return self

    @property
    def pixels(self) -> int:
        """Positions of the window."""
        return self.out[0] * self.out[1]

    @property
    def taps(self) -> int:
        """Pixels in the window."""
        return self.kernel[0] * self.kernel[1]

    @property
    def size(self) -> int:
        """Values of the input."""
        height, width, channels = self.shape
        return height * width * channels

    @property
    def padded(self) -> bool:
        """True when some window reaches beyond the input."""
        ends = [(self.out[i] - 1) * self.strides[i] + self.kernel[i] for i in (0, 1)]
        outside = ends[0] - self.pad_top > self.shape[0] or ends[1] - self.pad_left > self.shape[1]
        return self.pad_top > 0 or self.pad_left > 0 or outside


class Dense(_Layer):
    """``y[j] = result(accum(b[j]) + sum_i accum(x[i] * w[i][j]))``, every step in ``accum``.

    Each product is cast to ``accum`` before it is added, and each sum is cast
    to ``accum``; the inputs are added in order (this matters when ``accum``
    saturates).  ``weight`` has shape (n_in, n_out).
    """

    kind: Literal["dense"] = "dense"
    n_in: int = Field(ge=1)
    n_out: int = Field(ge=1)
    weight: list[list[int]]
    weight_type: FixedType
    bias: list[int]
    bias_type: FixedType
    accum: FixedType
    reuse_factor: int = 1

    @model_validator(mode="after")
    def _shapes(self) -> Dense:
        if self.weights().shape != (self.n_in, self.n_out) or len(self.bias) != self.n_out:
            raise ValueError(f"layer {self.name}: weights do not have the shape ({self.n_in}, {self.n_out})")
        return self

    def weights(self) -> IntArray:
        """Weights, shape (n_in, n_out)."""
        return np.array(self.weight, dtype=np.int64).reshape(self.n_in, self.n_out)


class Conv(_Layer):
    """A convolution: at every position of the window what ``Dense`` is to its values.

    ``weight`` has the shape (taps * channels, filters), the window's values in C
    order.  ``depthwise``: (taps, channels); each channel has its own sum.
    """

    kind: Literal["conv"] = "conv"
    window: Window
    filters: int = Field(ge=1)
    depthwise: bool = False
    weight: list[list[int]]
    weight_type: FixedType
    bias: list[int]
    bias_type: FixedType
    accum: FixedType
    reuse_factor: int = 1

    @model_validator(mode="after")
    def _shapes(self) -> Conv:
        channels = self.window.shape[2]
        if self.depthwise and self.filters != channels:
            raise ValueError(f"layer {self.name}: a depthwise convolution with {self.filters} filters")
        wanted = (self.window.taps * (1 if self.depthwise else channels), self.filters)
        if np.shape(self.weight) != wanted or len(self.bias) != self.filters:
            raise ValueError(f"layer {self.name}: weights do not have the shape {wanted}")
        return self

    def weights(self) -> IntArray:
        """Weights, shape (taps * channels, filters) or, depthwise, (taps, channels)."""
        return np.array(self.weight, dtype=np.int64)

    @property
    def n_in(self) -> int:
        """Values of the input."""
        return self.window.size

    @property
    def n_out(self) -> int:
        """Values of the output."""
        return self.window.pixels * self.filters


class Pool(_Layer):
    """The largest or the mean of the window's values, per channel; padding takes no part in a maximum.

    ``y = result(accum(max(x)))``; ``y = result(trunc(sum(x) / taps))``, where the sum is
    exact in ``accum`` and the division drops the rest towards zero.
    """

    kind: Literal["pool"] = "pool"
    function: Literal["max", "average"]
    window: Window
    accum: FixedType

    @property
    def n_in(self) -> int:
        """Values of the input."""
        return self.window.size

    @property
    def n_out(self) -> int:
        """Values of the output."""
        return self.window.pixels * self.window.shape[2]


class Pad(_Layer):
    """``y = result(x)`` inside the window of one pixel, 0 in the padding."""

    kind: Literal["pad"] = "pad"
    window: Window

    @property
    def n_in(self) -> int:
        """Values of the input."""
        return self.window.size

    @property
    def n_out(self) -> int:
        """Values of the output."""
        return self.window.pixels * self.window.shape[2]


class Merge(_Elementwise):
    """``y[i] = result(f(a[i], b[i]))`` of two inputs, exact up to the one cast.

    ``average`` is half the sum; ``maximum`` and ``minimum`` compare before the cast.
    """

    kind: Literal["merge"] = "merge"
    function: MergeFunction

    @model_validator(mode="after")
    def _two(self) -> Merge:
        if len(self.inputs) != 2:
            raise ValueError(f"layer {self.name}: {self.function} of {len(self.inputs)} inputs; it takes 2")
        return self


class Concat(_Layer):
    """Inputs side by side: input k is (outer, sizes[k]), the output (outer, sum of sizes)."""

    kind: Literal["concat"] = "concat"
    outer: int = Field(ge=1)
    sizes: list[int] = Field(min_length=2)

    @model_validator(mode="after")
    def _counts(self) -> Concat:
        if len(self.inputs) != len(self.sizes):
            raise ValueError(f"layer {self.name}: {len(self.inputs)} inputs and {len(self.sizes)} sizes")
        return self

    @property
    def n_in(self) -> int:
        """Values of all inputs."""
        return self.n_out

    @property
    def n_out(self) -> int:
        """Values of the output."""
        return self.outer * sum(self.sizes)


class Quantize(_Elementwise):
    """Casts each element to a type of its own: ``width`` bits, ``frac`` right of the point; 0 bits mean 0.

    The binary points and signs differ from element to element, rounding and
    overflow are those of ``result``, a type that holds every element.
    """

    kind: Literal["quantize"] = "quantize"
    widths: list[int]
    fracs: list[int]
    signs: list[bool]

    @model_validator(mode="after")
    def _counts(self) -> Quantize:
        if not len(self.widths) == len(self.fracs) == len(self.signs) == self.n_in:
            raise ValueError(f"layer {self.name}: types do not belong to {self.n_in} values")
        return self

    def types(self) -> list[FixedType | None]:
        """The type of each element, None for one that is always 0."""
        return [
            self.result.model_copy(update={"width": width, "frac": frac, "signed": signed}) if width else None
            for width, frac, signed in zip(self.widths, self.fracs, self.signs, strict=True)
        ]


class BatchNorm(_Elementwise):
    """``y[i] = result(x[i] * scale[i % c] + bias[i % c])`` with ``c`` scales, exact up to the one cast."""

    kind: Literal["batchnorm"] = "batchnorm"
    scale: list[int]
    scale_type: FixedType
    bias: list[int]
    bias_type: FixedType

    @model_validator(mode="after")
    def _shapes(self) -> BatchNorm:
        if len(self.scale) != len(self.bias) or not self.scale or self.n_in % len(self.scale):
            raise ValueError(f"layer {self.name}: scale and bias do not fit {self.n_in} values")
        return self


class Activation(_Elementwise):
    """A function of each value, exact up to the one cast to ``result``.

    ``leaky_relu``: ``x`` if positive, else ``slope * x``.
    ``hard_sigmoid``: ``s = clip(slope * x + shift, 0, 1)``; ``hard_tanh``: ``2 * s - 1``.
    ``table``: entry ``clip(trunc(x * size / span) + size / 2, 0, size - 1)`` of ``table``, whose values
    have the type ``table_type``.
    """

    kind: Literal["activation"] = "activation"
    function: ActivationFunction
    slope: int = 0
    slope_type: FixedType | None = None
    shift: int = 0
    shift_type: FixedType | None = None
    table: list[int] = Field(default_factory=list)
    table_type: FixedType | None = None
    span: int = Field(16, ge=1)

    @model_validator(mode="after")
    def _parameters(self) -> Activation:
        if self.function in ("leaky_relu", "hard_sigmoid", "hard_tanh") and self.slope_type is None:
            raise ValueError(f"layer {self.name}: {self.function} without a slope")
        if self.function in ("hard_sigmoid", "hard_tanh") and self.shift_type is None:
            raise ValueError(f"layer {self.name}: {self.function} without a shift")
        size = len(self.table)
        if self.function == "table" and (self.table_type is None or size < 2 or size & (size - 1)):
            raise ValueError(f"layer {self.name}: a table of {size} entries; it needs a power of two")
        return self


Layer = Annotated[
    Dense | Conv | BatchNorm | Activation | Pool | Pad | Merge | Concat | Quantize, Field(discriminator="kind")
]


class Spec(_Model):
    """The whole network."""

    schema_: Literal["asicflow.spec/1"] = Field("asicflow.spec/1", alias="schema")
    name: str
    input: Port
    output: OutputPort
    layers: list[Layer] = Field(min_length=1)

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True)

    @model_validator(mode="after")
    def _graph(self) -> Spec:
        sizes = {NETWORK_INPUT: self.input.size}
        for layer, sources in zip(self.layers, self.sources(), strict=True):
            if layer.name in sizes:
                raise ValueError(f"two layers have the name {layer.name}")
            for source, wanted in zip(sources, input_sizes(layer), strict=True):
                if source not in sizes:
                    raise ValueError(f"layer {layer.name} reads {source}, which is not computed before")
                if sizes[source] != wanted:
                    raise ValueError(f"layer {layer.name} takes {wanted} values, {source} gives {sizes[source]}")
            sizes[layer.name] = layer.n_out
        if self.layers[-1].n_out != self.output.size or self.layers[-1].result != self.output.type:
            raise ValueError("the output does not match the last layer")
        return self

    def sources(self) -> list[list[str]]:
        """The names of what each layer reads."""
        before = [NETWORK_INPUT, *(layer.name for layer in self.layers)]
        return [layer.inputs or [name] for layer, name in zip(self.layers, before, strict=False)]

    def types(self) -> dict[str, FixedType]:
        """The type of every tensor by name."""
        return {NETWORK_INPUT: self.input.type} | {layer.name: layer.result for layer in self.layers}

    @property
    def multiplications(self) -> int:
        """Multiplications of one inference."""
        return sum(layer_multiplications(layer) for layer in self.layers)

    @property
    def largest_layer(self) -> int:
        """Multiplications of the largest layer (1 when no layer multiplies)."""
        return max(1, *(layer_multiplications(layer) for layer in self.layers))

    def text(self) -> str:
        """The content of ``spec.json``."""
        return self.model_dump_json(by_alias=True) + "\n"

    def save(self, path: Path) -> None:
        """Write ``spec.json``."""
        path.write_text(self.text())

    @classmethod
    def load(cls, path: Path) -> Spec:
        """Read ``spec.json``.

        Raises
        ------
        UserError
            If the file is missing or no such network.
        """
        try:
            return cls.model_validate_json(path.read_text())
        except OSError as error:
            raise UserError(f"cannot read the network: {error.strerror}", where=str(path)) from error
        except ValidationError as error:
            raise UserError(f"no valid integer network: {error.errors()[0]['msg']}", where=str(path)) from error


def input_sizes(layer: Layer) -> list[int]:
    """Values of each input of a layer."""
    match layer:
        case Merge():
            return [layer.n_in] * 2
        case Concat():
            return [layer.outer * size for size in layer.sizes]
        case _:
            return [layer.n_in]


def layer_multiplications(layer: Layer) -> int:
    """Multiplications by stored weights of one layer."""
    match layer:
        case Dense():
            return layer.n_in * layer.n_out
        case Conv():
            return layer.window.pixels * layer.weights().size
        case BatchNorm():
            return layer.n_in
        case _:
            return 0
