"""The choice of an engine by the cost model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asicflow.config import parse_config
from asicflow.errors import UserError
from asicflow.hls.area import time_multiplexed_nand2
from asicflow.hls.choose import Budget, choose_engine, plan_for_reuse
from asicflow.hls.stage import run_hls
from asicflow.model.spec import Spec
from asicflow.workspace import Workspace

from .test_plan import dense_network

LARGE = Budget(10.0, 3.75)


@pytest.fixture(scope="module")
def spec() -> Spec:
    return dense_network(16, 64, 32, 32, 5)


def area(spec: Spec, multipliers: int) -> float:
    plan = plan_for_reuse(spec, -(-spec.largest_layer // multipliers))
    assert plan.multipliers == multipliers
    return LARGE.area_mm2(time_multiplexed_nand2(plan))


def test_reuse_that_is_asked_for_stands(spec: Spec) -> None:
    choice = choose_engine(spec, 128, None, LARGE)
    assert choice.plan.multipliers == 16 and "128 was asked for" in choice.why
    assert [entry["cycles"] for entry in choice.considered] == [choice.plan.cycles]


def test_auto_takes_four_and_fewer_where_they_do_not_fit(spec: Spec) -> None:
    assert choose_engine(spec, None, None, LARGE).plan.multipliers == 4
    tight = Budget((area(spec, 2) + area(spec, 4)) / 2, LARGE.nand2_um2)
    choice = choose_engine(spec, None, None, tight)
    assert choice.plan.multipliers == 2 and "most that" in choice.why
    assert [e["no"] * e["ni"] for e in choice.considered] == [4, 2]


def test_nothing_fits(spec: Spec) -> None:
    with pytest.raises(UserError, match="with 1 multiplier needs about") as caught:
        choose_engine(spec, None, None, Budget(0.9 * area(spec, 1), LARGE.nand2_um2))
    assert caught.value.where == "hls.budget_mm2" and "largest map has 64 values" in str(caught.value.hint)


def test_reuse_that_does_not_fit_names_one_that_does(spec: Spec) -> None:
    tight = Budget((area(spec, 8) + area(spec, 16)) / 2, LARGE.nand2_um2)
    with pytest.raises(UserError, match="a reuse factor of 64") as caught:
        choose_engine(spec, 64, None, tight)
    assert caught.value.hint == "a reuse factor of 256 fits"
    assert choose_engine(spec, 256, None, tight).plan.multipliers == 8


def test_limit_on_cycles(spec: Spec) -> None:
    choice = choose_engine(spec, None, 400, LARGE)
    assert choice.plan.cycles <= 400 < plan_for_reuse(spec, -(-spec.largest_layer // 8)).cycles
    assert choice.plan.multipliers == 16
    with pytest.raises(UserError, match="at most 100 are asked for"):
        choose_engine(spec, 128, 100, LARGE)
    with pytest.raises(UserError, match="in 100 cycles"):
        choose_engine(spec, None, 100, Budget(area(spec, 16), LARGE.nand2_um2))
    with pytest.raises(UserError, match="cycles at least"):
        choose_engine(spec, None, 3, LARGE)


def test_stage_records_the_choice(spec: Spec, tmp_path: Path, pdk_root: Path) -> None:
    ws = Workspace(tmp_path)
    ws.model.mkdir(parents=True)
    spec.save(ws.model / "spec.json")
    said: list[str] = []
    run_hls(parse_config({"pdk": {"root": str(pdk_root)}, "hls": {"max_cycles": 400}}), ws, said.append)
    report = json.loads((ws.accel / "accel.json").read_text())
    assert report["macs"]["no"] * report["macs"]["ni"] == 16 and report["reuse"]["requested"] == "auto"
    assert report["choice"]["considered"][-1]["cycles"] == report["cycles"]
    assert report["area_mm2"] == pytest.approx(report["choice"]["considered"][-1]["area_mm2"], abs=1e-4)
    assert "at most 400 cycles" in report["choice"]["why"] and report["choice"]["why"] in said[-1]
