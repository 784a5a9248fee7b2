"""The choice of an engine by the cost model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from asicflow.config import HlsConfig, parse_config
from asicflow.errors import ToolMissing, UserError
from asicflow.hls import choose
from asicflow.hls.area import time_multiplexed_nand2, unrolled_nand2
from asicflow.hls.choose import Budget, better_graph, choose_engine, plan_for_reuse
from asicflow.hls.simulate import run_engine
from asicflow.hls.stage import run_hls, write_chosen
from asicflow.model import golden
from asicflow.model.fixed import FixedType
from asicflow.model.spec import Dense, Quantize, Spec
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
    *_, shared, graph = report["choice"]["considered"]
    assert shared["cycles"] == report["cycles"] and "why_not" in graph
    assert report["area_mm2"] == pytest.approx(shared["area_mm2"], abs=1e-4)
    assert "at most 400 cycles" in report["choice"]["why"] and report["choice"]["why"] in said[-1]


def sparse_network() -> Spec:
    """Small weights, most of them 0, and types per element that leave low bits 0."""
    spec = dense_network(8, 16, 8, accum="fixed<24,8>")
    kind = FixedType(width=8, frac=4, rounding="TRN")
    for layer in spec.layers:
        if isinstance(layer, Dense):
            kept = np.random.default_rng(1).integers(0, 8, (layer.n_in, layer.n_out))
            layer.weight = np.where(kept == 0, 32, 0).tolist()
    first = Quantize(name="q", n_in=8, widths=[3] * 8, fracs=[2] * 8, signs=[True] * 8, result=kind)
    return spec.model_copy(update={"layers": [first, *spec.layers]})


def test_graph_of_sparse_weights_is_better() -> None:
    spec = sparse_network()
    choice = choose_engine(spec, None, None, LARGE)
    plan = better_graph(spec, choice, None, None, LARGE)
    assert plan is not None and plan.cycles < choice.plan.cycles
    assert LARGE.area_mm2(unrolled_nand2(plan)) <= 2 * choice.considered[0]["area_mm2"]
    assert choice.why.startswith("adder graph:") and choice.considered[-1]["cycles"] == plan.cycles


def test_graph_of_dense_weights_is_not(spec: Spec) -> None:
    choice = choose_engine(spec, 128, None, LARGE)
    assert better_graph(spec, choice, 128, None, LARGE) is None
    assert "more than" in choice.considered[-1]["why_not"] and "128 was asked" in choice.why


def test_graph_that_is_not_exact_is_not(spec: Spec) -> None:
    rounding = dense_network(6, 6, 3, accum="fixed<9,5>")
    choice = choose_engine(rounding, 1, None, LARGE)
    assert better_graph(rounding, choice, 1, None, LARGE) is None
    assert "rounds every product" in choice.considered[-1]["why_not"]


def test_graph_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*arguments: object) -> None:
        raise ToolMissing("da4ml", "pip install da4ml")

    monkeypatch.setattr(choose, "plan_unrolled", missing)
    spec = sparse_network()
    choice = choose_engine(spec, None, None, LARGE)
    assert better_graph(spec, choice, None, None, LARGE) is None
    assert choice.considered[-1]["why_not"] == "da4ml is not installed"


def test_engine_that_the_stage_writes(tmp_path: Path) -> None:
    spec = sparse_network()
    report, _ = write_chosen(spec, HlsConfig(), None, tmp_path / "auto", LARGE)
    assert report["engine"] == "adder-graph" and "macs" not in report
    x_int = np.random.default_rng(0).integers(-128, 128, (200, 8))
    run = run_engine(spec, [tmp_path / "auto" / name for name in report["files"]], x_int, tmp_path / "sim")
    assert np.array_equal(run.y_int, golden.run(spec, x_int)) and run.cycles == report["cycles"]
    report, _ = write_chosen(spec, HlsConfig(engine="time-multiplexed"), None, tmp_path / "shared", LARGE)
    assert report["engine"] == "time-multiplexed"
