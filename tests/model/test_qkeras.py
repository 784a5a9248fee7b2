"""QKeras' quantizers as fixed types."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asicflow.errors import UserError
from asicflow.model.fixed import FixedType, from_float, to_float
from asicflow.model.network import INPUT, KerasLayer
from asicflow.model.qkeras import plain_layer


def qdense(kernel: Any, **quantizer: Any) -> KerasLayer:
    config = {"name": "q", "units": 1, "activation": "linear", "kernel_quantizer": quantizer}
    return KerasLayer("q", "QDense", config, {"kernel": np.array(kernel, dtype=float)}, [INPUT])


def test_bits_round_half_to_even_and_saturate() -> None:
    layer = qdense([[0.125], [0.375], [2.0], [-2.0]], class_name="quantized_bits", config={"bits": 3, "integer": 0})
    plain = plain_layer(layer, "file")
    assert plain.class_name == "Dense" and "kernel_quantizer" not in plain.config
    assert plain.weights["kernel"].ravel().tolist() == [0.0, 0.5, 0.75, -1.0]
    assert plain.types == {"weight": "fixed<3,1,RND_CONV,SAT>"}


def test_symmetric_bits() -> None:
    layer = qdense([[-2.0]], class_name="quantized_bits", config={"bits": 3, "integer": 0, "symmetric": 1})
    assert plain_layer(layer, "file").weights["kernel"].tolist() == [[-0.75]]


def test_powers_of_two() -> None:
    layer = qdense([[0.0], [0.3], [-5.0], [1e-3]], class_name="quantized_po2", config={"bits": 4, "max_value": 1})
    plain = plain_layer(layer, "file")
    assert plain.weights["kernel"].ravel().tolist() == [2.0**-8, 0.25, -1.0, 2.0**-8]
    kind = FixedType.parse(plain.types["weight"])
    assert np.array_equal(to_float(from_float(plain.weights["kernel"], kind), kind), plain.weights["kernel"])


@pytest.mark.parametrize(
    "activation", ["quantized_relu(3,1)", {"class_name": "quantized_relu", "config": {"bits": 3, "integer": 1}}]
)
def test_relu(activation: Any) -> None:
    layer = KerasLayer("a", "QActivation", {"activation": activation}, {}, [INPUT])
    plain = plain_layer(layer, "file")
    assert plain.activation == "relu" and plain.types == {"result": "ufixed<3,1,RND_CONV,SAT>"}


@pytest.mark.parametrize(
    "quantizer",
    [
        {"class_name": "quantized_bits", "config": {"bits": 4, "alpha": "auto"}},
        {"class_name": "ternary", "config": {}},
    ],
)
def test_refused(quantizer: Any) -> None:
    with pytest.raises(UserError, match="layer 'q'"):
        plain_layer(qdense([[1.0]], **quantizer), "file")
