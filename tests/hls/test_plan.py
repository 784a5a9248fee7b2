"""The engine's plan: split of multipliers, cycles, slots, errors."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicflow.errors import UserError
from asicflow.hls.choose import plan_for_reuse
from asicflow.hls.plan import choose_split, plan_engine
from asicflow.hls.stage import engine_report
from asicflow.hls.stages import build_stages
from asicflow.model.fixed import FixedType
from asicflow.model.spec import Activation, Dense, Layer, OutputPort, Port, Spec

from .networks import networks


def dense_network(*sizes: int, accum: str = "fixed<24,16>") -> Spec:
    """Dense layers with ReLU, 8 bits, random weights."""
    rng, kind = np.random.default_rng(0), FixedType(width=8, frac=4, saturation="SAT")
    small = FixedType(width=8, frac=8)  # keeps most results from saturating
    layers: list[Layer] = []
    for i, (n_in, n_out) in enumerate(pairwise(sizes)):
        layers.append(
            Dense(name=f"d{i}", n_in=n_in, n_out=n_out,
                  weight=rng.integers(-128, 128, (n_in, n_out)).tolist(),
                  weight_type=small, bias=[0] * n_out, bias_type=kind, accum=FixedType.parse(accum),
                  result=FixedType.parse(accum))
        )  # fmt: skip
        layers.append(Activation(name=f"a{i}", n_in=n_out, function="relu", result=kind))
    source = Port(shape=[sizes[0]], size=sizes[0], type=kind)
    sink = OutputPort(shape=[sizes[-1]], size=sizes[-1], type=kind)
    return Spec(name="dense", input=source, output=sink, layers=layers)


@pytest.mark.parametrize(
    ("multipliers", "split", "cycles"),
    [(16, (1, 16), 64 + 128 + 64 + 10 + 13), (4, (1, 4), 256 + 512 + 256 + 40 + 13), (1, (1, 1), 4256 + 13)],
)
def test_jet_tagger(multipliers: int, split: tuple[int, int], cycles: int) -> None:
    spec = dense_network(16, 64, 32, 32, 5)
    assert choose_split(spec, multipliers) == split
    assert plan_engine(spec, *split).cycles == cycles


def test_reuse() -> None:
    spec = dense_network(16, 64, 32, 32, 5)
    assert plan_for_reuse(spec, 128).multipliers == 16
    assert plan_for_reuse(spec, None).multipliers == 4
    report = engine_report(plan_for_reuse(spec, 300), 300, [])
    assert report["reuse"] == {"requested": 300, "effective": pytest.approx(2048 / 7)}


def test_slots_are_shared_and_narrow() -> None:
    plan = plan_engine(dense_network(16, 64, 32, 32, 5), 1, 16)
    assert len(plan.slots) == 32 + 64
    source = [plan.slots[plan.slot("input", i)] for i in range(16)]
    assert {slot.width for slot in source} == {8}, "the input has a sign"
    others = set(range(96)) - {plan.slot("input", i) for i in range(16)}
    assert {plan.slots[i].width for i in others} == {7}, "a ReLU's result needs no sign"


@given(spec=networks(), outputs=st.integers(1, 4), inputs=st.integers(1, 5))
def test_tensors_never_overlap_while_both_live(spec: Spec, outputs: int, inputs: int) -> None:
    inputs = 1 if any(stage.saturate for stage in build_stages(spec).stages) else inputs
    plan = plan_engine(spec, outputs, inputs)
    used = {name: {plan.slot(name, i) for i in range(tensor.size)} for name, tensor in plan.network.tensors.items()}
    assert all(len(used[name]) == tensor.size for name, tensor in plan.network.tensors.items())
    assert set().union(*used.values()) == set(range(len(plan.slots)))
    assert not used["input"] & used[plan.network.output], "outputs stay readable while inputs are written"
    needed = {plan.network.output}
    for stage in reversed(plan.stages):
        for name in needed - {stage.target}:
            assert not used[stage.target] & used[name], "a tensor that is still needed is overwritten"
        first_write = next(other for other in plan.stages if other.target == stage.target) is stage
        needed = (needed - {stage.target} if first_write else needed) | set(stage.sources)


def test_saturating_accumulator_takes_one_input() -> None:
    spec = dense_network(6, 5, 3, accum="fixed<10,4,TRN,SAT>")
    assert choose_split(spec, 3) == (3, 1)
    with pytest.raises(UserError, match="one input per step"):
        plan_engine(spec, 2, 2)


def test_saturation_that_cannot_happen_costs_nothing() -> None:
    assert not any(stage.saturate for stage in build_stages(dense_network(6, 5, accum="fixed<30,20,TRN,SAT>")).stages)


@pytest.mark.parametrize(("outputs", "inputs"), [(0, 4), (4, 0), (1000, 1000)])
def test_impossible_counts(outputs: int, inputs: int) -> None:
    with pytest.raises(UserError, match="not possible"):
        plan_engine(dense_network(4, 4), outputs, inputs)
