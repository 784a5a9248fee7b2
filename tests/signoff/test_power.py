"""Power estimate and static IR drop: known resistors give known drops; a weak or cut grid fails."""

from __future__ import annotations

import json
from pathlib import Path

import klayout.db as kdb
import pytest

from asicflow.signoff.gate import Gate, run_gate
from asicflow.signoff.gates.power import ASSUMED, IrDropGate, PowerEstimateGate
from asicflow.signoff.irdrop import build_grid, solve
from asicflow.signoff.verdict import GateResult, Verdict

from .hand_made import HandMade, context_of


def box(*sides: int) -> kdb.Region:
    return kdb.Region(kdb.Box(*sides))


def test_a_bar_drops_by_its_resistance() -> None:
    """100 um of 1 um wide metal at 0.1 ohm per square are 10 ohm; 1 mA in the middle and 1 mA at the end."""
    sinks = [("middle", ("m", 50_000, 500), 1e-3), ("end", ("m", 100_000, 500), 1e-3)]
    grid = build_grid({"m": box(0, 0, 100_000, 1000)}, {"m": 0.1}, {}, [("m", 0, 500)], sinks)
    found = solve(grid)
    assert found.worst == pytest.approx(5 * 2e-3 + 5 * 1e-3)
    assert found.mean == pytest.approx((10e-3 + 15e-3) / 2)
    assert found.place == ("m", 100_000, 500) and found.current == pytest.approx(2e-3) and not found.islands


def test_cuts_in_parallel_share_the_current() -> None:
    shapes = {"a": box(0, 0, 1000, 1000), "v": box(100, 100, 200, 200) + box(400, 100, 500, 200),
              "b": box(0, 0, 1000, 1000)}  # fmt: skip
    grid = build_grid(shapes, {"a": 0.1, "b": 0.1}, {"v": 8.0}, [("b", 500, 500)], [("x", ("a", 500, 500), 1e-3)])
    assert solve(grid).worst == pytest.approx(4e-3)


def test_metal_without_source_is_an_island() -> None:
    shapes = {"m": box(0, 0, 100_000, 1000) + box(0, 5000, 100_000, 6000)}
    sinks = [("a", ("m", 50_000, 500), 1e-3), ("b", ("m", 50_000, 5500), 1e-3)]
    found = solve(build_grid(shapes, {"m": 0.1}, {}, [("m", 0, 500)], sinks))
    assert found.islands == 1 and found.worst == pytest.approx(5e-3)
    with pytest.raises(ValueError, match="no source"):
        solve(build_grid(shapes, {"m": 0.1}, {}, [("m", 0, 3000)], sinks))


def test_a_cell_beside_the_metal_is_told() -> None:
    sinks = [("a", ("m", 50_000, 500), 1e-3), ("lost", ("m", 50_000, 9000), 1e-3)]
    assert build_grid({"m": box(0, 0, 99_000, 1000)}, {"m": 0.1}, {}, [("m", 0, 1)], sinks).lost == ["lost"]


def judge(gate: type[Gate], made: HandMade, root: Path, load_pf: float = 0.01, period: float = 40.0) -> GateResult:
    context = context_of(root, made)
    nets = sorted({net for pins in made.pin_nets.values() for net in pins.values()})
    names = "\n".join(f"*{i} {net}" for i, net in enumerate(nets, 1))
    wires = "\n".join(f"*D_NET *{i} {load_pf}\n*END" for i in range(1, len(nets) + 1))
    text = f'*SPEF "IEEE 1481"\n*C_UNIT 1 PF\n*NAME_MAP\n{names}\n*PORTS\n*1 I\n{wires}\n'
    (root / "layout" / "accel.spef").write_text(text)
    (root / "soc").mkdir(exist_ok=True)
    (root / "soc" / "soc.json").write_text(json.dumps({"clock": {"port": "clk", "period_ns": period}}))
    record = run_gate(gate(), context)
    assert not isinstance(record, str)
    assert "the checker broke" not in record.result.summary, record.result.summary
    return record.result


def test_estimate_is_the_sum_of_its_loads(made: HandMade, tmp_path: Path) -> None:
    result = judge(PowerEstimateGate, made, tmp_path, load_pf=100.0)
    driven = 6  # n1 n2 n3 n4 q y
    switching = driven * 0.5 * ASSUMED * 100e-12 * 1.8**2 * 25e6
    assert result.verdict is Verdict.PASS
    assert result.figures["power_mw"] == pytest.approx(2 * switching * 1e3, rel=0.01)


def test_no_load_is_no_estimate(made: HandMade, tmp_path: Path) -> None:
    made.pin_nets = {}
    assert judge(PowerEstimateGate, made, tmp_path).verdict is Verdict.FAIL


def test_clean_grid_passes(made: HandMade, tmp_path: Path) -> None:
    result = judge(IrDropGate, made, tmp_path)
    assert result.verdict is Verdict.PASS, result.findings
    assert 0 < float(result.figures["drop_mv"] or 0) < 1


def test_too_much_current_fails_at_the_worst_cell(made: HandMade, tmp_path: Path) -> None:
    result = judge(IrDropGate, made, tmp_path, load_pf=100.0, period=0.1)
    assert result.verdict is Verdict.FAIL and result.findings[0].rule == "drop" and result.findings[0].has_place


def test_cut_strap_leaves_cells_unfed(made: HandMade, tmp_path: Path) -> None:
    assert made.erase("via3", 18_000, -500, 19_500, 500) == 2
    result = judge(IrDropGate, made, tmp_path)
    assert result.verdict is Verdict.FAIL and "not fed" in result.findings[0].text


def test_supply_without_label_fails(made: HandMade, tmp_path: Path) -> None:
    made.erase_label("VPWR")
    result = judge(IrDropGate, made, tmp_path)
    assert result.verdict is Verdict.FAIL and "no labelled source" in result.findings[0].text
