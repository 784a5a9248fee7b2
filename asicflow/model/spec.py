"""``spec.json``: the integer network, free of any framework.

A network is a chain of layers on a flat vector.  Integers are those of the
types beside them: a weight ``w`` of type ``t`` means ``w * 2**-t.frac``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from asicflow.errors import UserError
from asicflow.model.fixed import FixedType, IntArray

ActivationFunction = Literal["linear", "relu", "leaky_relu", "hard_sigmoid", "hard_tanh"]


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


class Dense(_Model):
    """``y[j] = result(accum(b[j]) + sum_i accum(x[i] * w[i][j]))``, every step in ``accum``.

    Each product is cast to ``accum`` before it is added, and each sum is cast
    to ``accum``; the inputs are added in order (this matters when ``accum``
    saturates).  ``weight`` has shape (n_in, n_out).
    """

    kind: Literal["dense"] = "dense"
    name: str
    n_in: int = Field(ge=1)
    n_out: int = Field(ge=1)
    weight: list[list[int]]
    weight_type: FixedType
    bias: list[int]
    bias_type: FixedType
    accum: FixedType
    result: FixedType
    reuse_factor: int = 1

    @model_validator(mode="after")
    def _shapes(self) -> Dense:
        if self.weights().shape != (self.n_in, self.n_out) or len(self.bias) != self.n_out:
            raise ValueError(f"layer {self.name}: weights do not have the shape ({self.n_in}, {self.n_out})")
        return self

    def weights(self) -> IntArray:
        """Weights, shape (n_in, n_out)."""
        return np.array(self.weight, dtype=np.int64).reshape(self.n_in, self.n_out)


class BatchNorm(_Model):
    """``y[i] = result(x[i] * scale[i] + bias[i])``, exact up to the one cast."""

    kind: Literal["batchnorm"] = "batchnorm"
    name: str
    n_in: int = Field(ge=1)
    scale: list[int]
    scale_type: FixedType
    bias: list[int]
    bias_type: FixedType
    result: FixedType

    @model_validator(mode="after")
    def _shapes(self) -> BatchNorm:
        if len(self.scale) != self.n_in or len(self.bias) != self.n_in:
            raise ValueError(f"layer {self.name}: scale and bias do not have {self.n_in} values")
        return self

    @property
    def n_out(self) -> int:
        """Outputs, as many as inputs."""
        return self.n_in


class Activation(_Model):
    """A function of each value, exact up to the one cast to ``result``.

    ``leaky_relu``: ``x`` if positive, else ``slope * x``.
    ``hard_sigmoid``: ``s = clip(slope * x + shift, 0, 1)``; ``hard_tanh``: ``2 * s - 1``.
    """

    kind: Literal["activation"] = "activation"
    name: str
    n_in: int = Field(ge=1)
    function: ActivationFunction
    slope: int = 0
    slope_type: FixedType | None = None
    shift: int = 0
    shift_type: FixedType | None = None
    result: FixedType

    @model_validator(mode="after")
    def _parameters(self) -> Activation:
        if self.function in ("leaky_relu", "hard_sigmoid", "hard_tanh") and self.slope_type is None:
            raise ValueError(f"layer {self.name}: {self.function} without a slope")
        if self.function in ("hard_sigmoid", "hard_tanh") and self.shift_type is None:
            raise ValueError(f"layer {self.name}: {self.function} without a shift")
        return self

    @property
    def n_out(self) -> int:
        """Outputs, as many as inputs."""
        return self.n_in


Layer = Annotated[Dense | BatchNorm | Activation, Field(discriminator="kind")]


class Spec(_Model):
    """The whole network."""

    schema_: Literal["asicflow.spec/1"] = Field("asicflow.spec/1", alias="schema")
    name: str
    input: Port
    output: OutputPort
    layers: list[Layer] = Field(min_length=1)

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True)

    @model_validator(mode="after")
    def _chain(self) -> Spec:
        size = self.input.size
        for layer in self.layers:
            if layer.n_in != size:
                raise ValueError(f"layer {layer.name} takes {layer.n_in} values, the one before gives {size}")
            size = layer.n_out
        if size != self.output.size or self.layers[-1].result != self.output.type:
            raise ValueError("the output does not match the last layer")
        return self

    @property
    def multiplications(self) -> int:
        """Multiplications of one inference."""
        return sum(layer_multiplications(layer) for layer in self.layers)

    @property
    def largest_layer(self) -> int:
        """Multiplications of the largest layer (1 when no layer multiplies)."""
        return max(1, *(layer_multiplications(layer) for layer in self.layers))

    def save(self, path: Path) -> None:
        """Write ``spec.json``."""
        path.write_text(self.model_dump_json(by_alias=True) + "\n")

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


def layer_multiplications(layer: Layer) -> int:
    """Multiplications by stored weights of one layer."""
    match layer:
        case Dense():
            return layer.n_in * layer.n_out
        case BatchNorm():
            return layer.n_in
        case Activation():
            return 0
