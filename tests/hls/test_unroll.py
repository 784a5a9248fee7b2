"""The unrolled engine: equal to the integer golden in every bit, or refused with the reason."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from asicflow.config import parse_config
from asicflow.errors import UserError
from asicflow.hls import stage
from asicflow.hls.choose import Budget
from asicflow.hls.simulate import run_engine
from asicflow.hls.stage import write_engine, write_unrolled
from asicflow.hls.unroll import plan_unrolled
from asicflow.hls.unroll_rtl import unrolled_rtl
from asicflow.model import golden
from asicflow.model.spec import Dense, Spec
from asicflow.soc.assemble import load_engine
from asicflow.workspace import Workspace

from .icarus import run_texts
from .networks import networks, random_inputs
from .test_engine import run_protocol
from .test_plan import dense_network


def exact_network(*sizes: int) -> Spec:
    """Dense layers whose accumulators hold every product."""
    return dense_network(*sizes, accum="fixed<24,12>")


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(spec=networks(), levels=st.sampled_from([None, 1, 2, 3]), seed=st.integers(0, 1000))
def test_rtl_equals_golden(spec: Spec, levels: int | None, seed: int) -> None:
    """Any network, number format and depth of the pipeline that is not refused."""
    try:
        plan = plan_unrolled(spec, levels)
    except UserError:
        assume(False)
    x_int = random_inputs(spec, 12, seed)
    with tempfile.TemporaryDirectory() as folder:
        found, cycles = run_texts(spec, unrolled_rtl(plan), x_int, Path(folder))
    np.testing.assert_array_equal(found, golden.run(spec, x_int))
    assert cycles == plan.cycles


def test_thousand_vectors(tmp_path: Path) -> None:
    """A dense network in Verilator, with registers inside its layers."""
    spec = exact_network(8, 12, 6, 5)
    plan, x_int = plan_unrolled(spec, levels=2), random_inputs(spec, 1200, seed=3)
    run = run_engine(spec, write(unrolled_rtl(plan), tmp_path / "rtl"), x_int, tmp_path / "sim")
    np.testing.assert_array_equal(run.y_int, golden.run(spec, x_int))
    assert run.cycles == plan.cycles


def write(texts: dict[str, str], folder: Path) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return sorted(folder.glob("*.sv"))


@pytest.mark.parametrize(
    ("old", "new"),
    [(" + ", " - "), ("t0[1], t0[0]", "t0[0], t0[0]"), ("out_q[1] <= t2[1]", "out_q[1] <= t2[0]")],
    ids=["sum", "input", "output"],
)
def test_an_error_in_the_rtl_is_found(old: str, new: str, tmp_path: Path) -> None:
    """Negative control: a difference for a sum, an input and an output of another element."""
    spec = exact_network(6, 5, 4)
    plan, x_int = plan_unrolled(spec), random_inputs(spec, 30, seed=0)
    texts, expected = unrolled_rtl(plan), golden.run(spec, x_int)
    found, cycles = run_texts(spec, texts, x_int, tmp_path / "good")
    np.testing.assert_array_equal(found, expected)
    assert cycles == plan.cycles
    name = next(name for name in reversed(texts) if old in texts[name])
    texts[name] = texts[name].replace(old, new, 1)
    assert not np.array_equal(run_texts(spec, texts, x_int, tmp_path / "bad")[0], expected)


def test_protocol(tmp_path: Path) -> None:
    """The same rude bus as the time-multiplexed engine's; one adder a cycle makes the engine slow enough."""
    spec = exact_network(4, 12, 12, 4)
    plan = plan_unrolled(spec, levels=1)
    assert plan.cycles > 2 * (spec.input.size + 2)
    write(unrolled_rtl(plan), tmp_path)
    assert run_protocol(spec, plan.cycles, tmp_path).startswith("PASS")


def test_more_registers_cost_cycles_only(tmp_path: Path) -> None:
    spec = exact_network(8, 6, 4)
    plans = [plan_unrolled(spec, levels) for levels in (None, 3, 1)]
    assert plans[0].cycles < plans[1].cycles < plans[2].cycles
    for plan, levels in ((plans[1], 3), (plans[2], 1)):
        assert max(time.level for made in plan.stages for time in made.times + made.results) == levels
    assert len({made.graph.adder_bits for plan in plans for made in plan.stages}) == len(plans[0].stages)


@pytest.mark.parametrize(
    ("accum", "reason"),
    [
        ("fixed<9,5>", "layer 'd0' rounds every product"),
        ("fixed<16,4,TRN,SAT>", "layer 'd0' saturates its sum after every product"),
        ("fixed<14,2,TRN,WRAP>", None),
        ("fixed<40,20,TRN,SAT>", None),
    ],
)
def test_refusals(accum: str, reason: str | None) -> None:
    """What changes single products is refused; a sum that wraps, or cannot overflow, is exact."""
    spec = dense_network(6, 5, 4, accum=accum)
    if reason is None:
        plan_unrolled(spec)
        return
    with pytest.raises(UserError, match=reason) as caught:
        plan_unrolled(spec)
    assert "accum: auto" in str(caught.value) and "hls.engine: time-multiplexed" in str(caught.value)


def test_a_rounding_that_meets_no_product_is_exact() -> None:
    """All weights are multiples of what the accumulator drops."""
    spec = dense_network(6, 5, accum="fixed<22,12>")
    layer = spec.layers[0]
    assert isinstance(layer, Dense)
    with pytest.raises(UserError, match="rounds every product"):
        plan_unrolled(spec)
    layer.weight = (layer.weights() >> 2 << 2).tolist()
    plan = plan_unrolled(spec)
    assert plan.stages[0].graph.adder_bits > 0


def test_no_level_is_refused() -> None:
    with pytest.raises(UserError, match="0 adder levels"):
        plan_unrolled(exact_network(2, 2), 0)


def test_budget(tmp_path: Path) -> None:
    """Refused with the predicted area and the key; a layer that is hopeless alone before its graph is sought."""
    spec, nand2_um2 = exact_network(8, 6, 4), 3.75
    report = write_unrolled(spec, None, tmp_path / "accel", Budget(1.0, nand2_um2))
    assert report["area_mm2"] == pytest.approx(report["area_nand2"] * nand2_um2 / 1e6, rel=1e-4)
    with pytest.raises(UserError, match=r"the adder graph needs about 0\.0\d mm2") as caught:
        write_unrolled(spec, None, tmp_path / "none", Budget(0.9 * report["area_mm2"], nand2_um2))
    assert caught.value.where == "hls.budget_mm2"
    with pytest.raises(UserError, match="layer 'd0' alone needs"):
        write_unrolled(spec, None, tmp_path / "none", Budget(1e-4, nand2_um2))
    assert not (tmp_path / "none").exists()


def test_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hls stage takes the engine from the configuration; the socket's face is the other engine's."""
    spec, ws, lines = exact_network(6, 5, 4), Workspace(tmp_path / "run"), list[str]()
    ws.model.mkdir(parents=True)
    spec.save(ws.model / "spec.json")
    monkeypatch.setattr(stage, "nand2_um2", lambda library: 3.75)
    config = parse_config({"hls": {"engine": "adder-graph", "levels": 2}, "pdk": {"root": str(tmp_path)}})
    stage.run_hls(config, ws, lines.append)
    report = load_engine(ws.accel)
    assert report.cycles == plan_unrolled(spec, 2).cycles and "unrolled, about 0.0" in lines[-1]
    other = write_engine(spec, None, tmp_path / "other")
    face = report.model_dump(exclude={"files", "cycles", "area_nand2"}, exclude_none=True)
    assert face == {key: other[key] for key in face}
    config.model.reuse = 8
    with pytest.raises(UserError, match="reuse factor of 8"):
        stage.run_hls(config, ws, lines.append)
