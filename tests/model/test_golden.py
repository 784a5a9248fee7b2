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
from asicflow.model.spec import Activation, BatchNorm, Dense, OutputPort, Port, Spec
from tests.hls.networks import networks, random_inputs

from .test_fixed import exact_cast


def real(value: int, kind: FixedType) -> Fraction:
    return value * Fraction(2) ** -kind.frac


def slow_run(spec: Spec, inputs: list[int]) -> list[int]:
    values, kind = inputs, spec.input.type
    for layer in spec.layers:
        x = [real(v, kind) for v in values]
        if isinstance(layer, Dense):
            exact = []
            for j in range(layer.n_out):
                total = exact_cast(real(layer.bias[j], layer.bias_type), layer.accum)
                for i in range(layer.n_in):
                    product = exact_cast(x[i] * real(layer.weight[i][j], layer.weight_type), layer.accum)
                    total = exact_cast(real(total + product, layer.accum), layer.accum)
                exact.append(real(total, layer.accum))
        elif isinstance(layer, BatchNorm):
            exact = [
                v * real(s, layer.scale_type) + real(b, layer.bias_type)
                for v, s, b in zip(x, layer.scale, layer.bias, strict=True)
            ]
        else:
            exact = [slow_activation(layer, v) for v in x]
        values = [exact_cast(v, layer.result) for v in exact]
        kind = layer.result
    return values


def slow_activation(layer: Activation, x: Fraction) -> Fraction:
    if layer.function == "linear":
        return x
    if layer.function == "relu":
        return max(x, Fraction(0))
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
