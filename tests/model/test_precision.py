"""Number formats: the automatic choice and the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicflow.config import LayerPrecision, PrecisionConfig
from asicflow.errors import UserError
from asicflow.model.fixed import FixedType, from_float, to_float
from asicflow.model.keras_file import load_keras
from asicflow.model.network import KerasNetwork
from asicflow.model.precision import PrecisionPlan, choose_type, plan_precision
from asicflow.model.reference import forward

from .networks import sequential, small_layers, write_h5


@pytest.fixture
def network(tmp_path: Path) -> KerasNetwork:
    return load_keras(write_h5(tmp_path / "m.h5", sequential(small_layers()), small_layers()))


def plan(network: KerasNetwork, x: Any = None, **config: Any) -> PrecisionPlan:
    x = np.random.default_rng(0).normal(size=(100, 6)).astype(np.float32) if x is None else x
    return plan_precision(network, PrecisionConfig(**config), x, forward(network, x), real=True)


@given(st.lists(st.floats(-1000, 1000), min_size=1), st.integers(2, 12), st.booleans())
def test_chosen_type_is_best(values: list[float], width: int, trim: bool) -> None:
    """No binary point of the same width is better."""

    def error(kind: FixedType) -> float:
        return float(np.sum((to_float(from_float(values, kind), kind) - values) ** 2))

    chosen = choose_type(values, width, signed=True, trim=trim)
    assert chosen.width <= width
    others = [chosen.model_copy(update={"width": width, "frac": chosen.frac + i}) for i in (-2, -1, 1, 2)]
    assert error(chosen) <= min(error(other) for other in others) * (1 + 1e-9)


def test_trim_drops_unused_bits() -> None:
    pixels = np.arange(17) / 16
    assert choose_type(pixels, 8, signed=False, trim=True) == FixedType(
        width=5, frac=4, signed=False, rounding="RND", saturation="SAT"
    )


def test_auto_covers_every_tensor(network: KerasNetwork) -> None:
    nodes = plan(network).nodes
    assert nodes["hidden"]["accum"] == "auto" and nodes["hidden"]["result"] == "auto"
    assert FixedType.parse(nodes["hidden"]["weight"]).width == 8
    assert FixedType.parse(nodes["hidden_relu"]["result"]).signed
    assert FixedType.parse(nodes["output"]["result"]).width == 12


def test_unsigned_inputs_give_unsigned_activations(network: KerasNetwork) -> None:
    x = np.random.default_rng(0).uniform(0, 1, (100, 6)).astype(np.float32)
    assert not FixedType.parse(plan(network, x).nodes["hidden_relu"]["result"]).signed


def test_bias_shares_the_products_binary_point(network: KerasNetwork) -> None:
    nodes = plan(network).nodes
    operand, weight = (
        FixedType.parse(nodes["input_layer"]["result"]),
        FixedType.parse(nodes["hidden"]["weight"]),
    )
    assert FixedType.parse(nodes["hidden"]["bias"]).frac == operand.frac + weight.frac


def test_width(network: KerasNetwork) -> None:
    assert FixedType.parse(plan(network, width=6).nodes["output"]["weight"]).width == 6


def test_layers_win_over_the_default(network: KerasNetwork) -> None:
    given_types = {
        "hidden": LayerPrecision(weight="fixed<4,1>", result="ufixed<5,2>"),
        "input": LayerPrecision(result="fixed<9,4>"),
    }
    found = plan(network, default="fixed<16,6>", layers=given_types)
    assert found.default == "fixed<16,6>"
    assert found.nodes == {
        "hidden": {"weight": "fixed<4,1>"},
        "hidden_relu": {"result": "ufixed<5,2>"},
        "input_layer": {"result": "fixed<9,4>"},
    }
    assert "hidden" in found.reason


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ({"default": "fixed<16>"}, "fixed<16>"),
        ({"layers": {"hiden": LayerPrecision(weight="fixed<4,1>")}}, "did you mean 'hidden'"),
        ({"layers": {"hidden": LayerPrecision(weight="bfloat16")}}, "bfloat16"),
        ({"layers": {"hidden": LayerPrecision(weight="auto")}}, "only accum"),
    ],
)
def test_refused(network: KerasNetwork, config: dict[str, Any], names: str) -> None:
    with pytest.raises(UserError) as caught:
        plan(network, **config)
    assert names in str(caught.value)
