"""Layout gates on the hand-made layout: PASS when clean, FAIL at the right place when damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import klayout.db as kdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicflow.signoff.density import DensityLimit, area_below, density_rows
from asicflow.signoff.gate import Gate, run_gate
from asicflow.signoff.gates import area, drc, layout, lvs, provenance
from asicflow.signoff.runner import run_gates
from asicflow.signoff.verdict import GateResult, Verdict

from .hand_made import HandMade, context_of


def prepare(made: HandMade, root: Path, conflicts: int | None = 0) -> None:
    """Write what the engine leaves beside the GDS."""
    cell = made.layout.cell("accel")
    frame = cell.bbox_per_layer(made.layout.layer(*made.library.boundary))
    box = (cell.bbox() if frame.empty() else frame).to_dtype(0.001)
    folder = root / "layout"
    folder.mkdir(parents=True, exist_ok=True)
    figures = {"die_um": [round(box.width(), 3), round(box.height(), 3)], "core_um": [22.08, 5.44]}
    if conflicts is not None:
        figures["conflicts"] = conflicts  # type: ignore[assignment]
    (folder / "layout.json").write_text(json.dumps(figures))
    nets = sorted({net for pins in made.pin_nets.values() for net in pins.values()})
    names = "\n".join(f"*{i} {net}" for i, net in enumerate(nets, 1))
    wires = "\n".join(f"*D_NET *{i} 0.01\n*END" for i in range(1, len(nets) + 1))
    (folder / "accel.spef").write_text(f'*SPEF "IEEE 1481"\n*NAME_MAP\n{names}\n*PORTS\n*1 I\n{wires}\n')


def judge(gate: type[Gate], made: HandMade, root: Path) -> GateResult:
    if not (root / "layout" / "layout.json").exists():
        prepare(made, root)
    record = run_gate(gate(), context_of(root, made))
    assert not isinstance(record, str)
    return record.result


GATES = [drc.DrcGate, drc.LefDrcGate, drc.DrcAgreementGate, layout.RoutingGate, area.AreaGate,
         layout.DensityMaxGate, lvs.TopLvsGate, lvs.PowerGridGate, lvs.AntennaGate,
         provenance.LfsGate]  # fmt: skip


@pytest.mark.parametrize("gate", GATES, ids=lambda g: g.id)
def test_clean_layout_passes(gate: type[Gate], made: HandMade, tmp_path: Path) -> None:
    result = judge(gate, made, tmp_path)
    assert result.verdict is Verdict.PASS, (result.summary, result.findings[:3])
    assert result.evidence


def test_lvs_demands_counts(made: HandMade, tmp_path: Path) -> None:
    result = judge(lvs.TopLvsGate, made, tmp_path)
    assert result.figures["nets_matched"] == result.figures["nets"] == 10
    assert lvs.demand(0, 0, "nets") and lvs.demand(3, 4, "nets") and not lvs.demand(4, 4, "nets")


def test_empty_netlist_does_not_match(made: HandMade, tmp_path: Path) -> None:
    """A comparison against nothing must not pass."""
    context = context_of(tmp_path, made)
    (tmp_path / "layout" / "accel.pg.v").write_text("module accel (); endmodule\n")
    result = run_gate(lvs.TopLvsGate(), context).result  # type: ignore[union-attr]
    assert result.verdict is Verdict.FAIL and "the checker broke" not in result.summary


def long_wire_on_gate(made: HandMade) -> tuple[float, float]:
    """300 um of met1 on a gate before the driver is connected: above the ratio of 400."""
    x, y = made.pins["u4", "A"]
    for k in range(12):
        made.box("met1", x - 165, 20_000 + 400 * k, x + 25_000, 20_140 + 400 * k)
        made.box("met1", x - 165, 20_000 + 400 * k, x - 25, 20_540 + 400 * k)
    made.box("met1", x - 165, y, x - 25, 20_000)
    return x / 1000, y / 1000


def test_antenna_is_found_at_the_gate(made: HandMade, tmp_path: Path) -> None:
    x, y = long_wire_on_gate(made)
    result = judge(lvs.AntennaGate, made, tmp_path)
    hits = [f for f in result.findings if f.rule == "met1.antenna" and "u4/A" in f.text]
    assert result.verdict is Verdict.FAIL and hits
    assert hits[0].x_um is not None and abs(hits[0].x_um - x) + abs((hits[0].y_um or 0) - y) < 2


def test_antenna_without_names_is_found_at_its_place(made: HandMade, tmp_path: Path) -> None:
    """A layout from elsewhere may come without the DEF that names its instances."""
    long_wire_on_gate(made)
    context = context_of(tmp_path, made)
    context.path("layout/{top}.def").unlink()
    record = run_gate(lvs.AntennaGate(), context)
    assert not isinstance(record, str) and record.result.verdict is Verdict.FAIL
    assert any("sky130_fd_sc_hd__inv_2@(3.68,2.72)/A" in f.text for f in record.result.findings), record.result.findings


def test_antenna_of_cuts_is_found_at_the_gate(made: HandMade, tmp_path: Path) -> None:
    """144 vias above one gate, made while nothing else is connected to it."""
    x, y = made.pins["u4", "A"]
    made.box("met1", x - 165, y, x - 25, 20_000)
    made.box("met1", x - 165, 20_000, x + 4_500, 24_500)
    made.box("met2", x - 165, 20_000, x + 4_500, 24_500)
    for k in range(144):
        made.cut("via", x + 100 + 350 * (k % 12), 20_300 + 350 * (k // 12))
    result = judge(lvs.AntennaGate, made, tmp_path)
    assert [f.text.partition(":")[0] for f in result.findings if f.rule == "via.antenna"] == ["u4/A"]
    assert not [f for f in result.findings if f.rule == "met1.antenna"]


def test_full_metal_exceeds_the_maximum(made: HandMade, tmp_path: Path) -> None:
    made.box("met4", 0, 0, 22_080, 14_000)
    result = judge(layout.DensityMaxGate, made, tmp_path)
    assert result.verdict is Verdict.FAIL and result.findings[0].layer == "met4"


def test_density_of_overlapping_windows(made: HandMade, tmp_path: Path) -> None:
    """Each window's density is that of the metal under it, whatever pieces it was added up from."""
    made.box("met1", 3_000, 6_000, 9_000, 12_000)
    corners = [kdb.Point(x, y) for x, y in ((12_000, 3_000), (15_000, 9_000), (20_000, 8_000), (14_000, 2_000))]
    made.top.shapes(made.index("met1")).insert(kdb.Polygon(corners))
    found = context_of(tmp_path, made).layout
    (row,) = density_rows(found, [DensityLimit("met1", None, 50.0, 6.0, 2.5)], "maximum")
    size, die = 6_000, found.die
    lefts = [*range(die.left, die.right - size, 2_500), die.right - size]
    bottoms = [*range(die.bottom, die.top - size, 2_500), die.top - size]
    boxes = [kdb.Box(x, y, x + size, y + size) for x in lefts for y in bottoms]
    metal = found.filled("met1")

    def covered(box: kdb.Box) -> int:
        return int((metal & kdb.Region(box)).area())

    worst = max(boxes, key=covered)
    assert row["windows"] == len(boxes) > 20
    assert row["worst_percent"] == round(100 * covered(worst) / worst.area(), 2)
    assert (row["x_um"], row["y_um"]) == (worst.center().x / 1000, worst.center().y / 1000)


@given(st.lists(st.lists(st.tuples(st.integers(-50, 150), st.integers(-50, 150)), min_size=3, max_size=5), max_size=6))
def test_area_below_every_corner(outlines: list[list[tuple[int, int]]]) -> None:
    """Slanted polygons and boxes, some outside of the frame; areas are whole nm2 up to rounding of slanted edges."""
    region = kdb.Region([kdb.Polygon([kdb.Point(x, y) for x, y in outline]) for outline in outlines])
    region += kdb.Region([kdb.Box(*outline[0], *outline[1]) for outline in outlines])
    region.merge()
    xs, ys = [0, 30, 70, 100], [0, 10, 99]
    found = area_below(region, xs, ys)
    for i, x in enumerate(xs):
        for j, y in enumerate(ys):
            assert found[i, j] == pytest.approx((region & kdb.Region(kdb.Box(0, 0, x, y))).area(), abs=200)


def test_minimum_density_without_a_rule_is_unverified(made: HandMade, tmp_path: Path) -> None:
    result = judge(layout.DensityMinGate, made, tmp_path)
    assert result.verdict is Verdict.UNVERIFIED and "met1_lowest_percent" in result.figures


def unrouted(made: HandMade, root: Path) -> None:
    prepare(made, root)
    path = root / "layout" / "accel.spef"
    path.write_text(path.read_text().replace("*D_NET *3 0.01\n", ""))


def conflicts(made: HandMade, root: Path) -> None:
    prepare(made, root, conflicts=2)


def no_count(made: HandMade, root: Path) -> None:
    prepare(made, root, conflicts=None)


@pytest.mark.parametrize(
    ("plant", "reason"),
    [(unrouted, "no extracted wire"), (conflicts, "left 2 conflicts"), (no_count, "states no count")],
)
def test_incomplete_routing_fails(
    plant: Callable[[HandMade, Path], None], reason: str, made: HandMade, tmp_path: Path
) -> None:
    plant(made, tmp_path)
    result = judge(layout.RoutingGate, made, tmp_path)
    assert result.verdict is Verdict.FAIL and any(reason in f.text for f in result.findings)


def test_unknown_cell_has_no_area(made: HandMade, tmp_path: Path) -> None:
    prepare(made, tmp_path)
    context = context_of(tmp_path, made)
    path = tmp_path / "layout" / "accel.pg.v"
    path.write_text(path.read_text().replace("sky130_fd_sc_hd__buf_1", "mystery"))
    result = run_gate(area.AreaGate(), context).result  # type: ignore[union-attr]
    assert result.verdict is Verdict.FAIL and "mystery" in result.findings[0].text


def test_prediction_of_the_engine_is_compared(made: HandMade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(made, tmp_path)
    monkeypatch.setattr(area.AreaGate, "_blocks", lambda *arguments: {"engine": 200.0, "socket": 50.0})
    figures = run_gate(area.AreaGate(), context_of(tmp_path, made)).result.figures  # type: ignore[union-attr]
    assert "engine_predicted_um2" not in figures
    (tmp_path / "accel").mkdir()
    (tmp_path / "accel/accel.json").write_text('{"area_mm2": 0.00025}')
    figures = run_gate(area.AreaGate(), context_of(tmp_path, made)).result.figures  # type: ignore[union-attr]
    assert figures["engine_predicted_um2"] == 250.0 and figures["prediction_error_percent"] == 25.0


def framed(made: HandMade) -> None:
    """A die box around everything, so that the sanity gate has nothing to say."""
    made.erase("met4", -1000, -1000, 30_000, 30_000)
    top = max(made.tracks.values()) + 1000
    made.top.shapes(made.layout.layer(*made.library.boundary)).insert(kdb.Box(0, -400, 22_540, top))
    made.layout.cell("accel").transform(kdb.Trans(0, 400))


def test_sane_layout(made: HandMade, tmp_path: Path) -> None:
    framed(made)
    result = judge(layout.SanityGate, made, tmp_path)
    assert result.verdict is Verdict.PASS, result.findings
    assert result.figures["width_um"] == 22.54


def second_top(made: HandMade) -> None:
    made.layout.create_cell("stray").shapes(made.index("met1")).insert(kdb.Box(0, 0, 500, 500))


def empty_cell(made: HandMade) -> None:
    made.top.insert(kdb.CellInstArray(made.layout.create_cell("void").cell_index(), kdb.Trans(0, 0)))


def moved_origin(made: HandMade) -> None:
    made.layout.cell("accel").transform(kdb.Trans(5, 0))


def zero_area(made: HandMade) -> None:
    made.box("met2", 5000, 7000, 5000, 8000)


def outside(made: HandMade) -> None:
    made.box("met3", 22_000, 3000, 24_000, 3400)


def stray_layer(made: HandMade) -> None:
    made.top.shapes(made.layout.layer(99, 0)).insert(kdb.Box(1000, 1000, 2000, 2000))


@pytest.mark.parametrize(
    ("plant", "rule"),
    [(second_top, "top"), (empty_cell, "empty"), (moved_origin, "origin"), (zero_area, "zero_area"),
     (outside, "outside"), (stray_layer, "layer")],
)  # fmt: skip
def test_odd_layout_is_found(plant: Callable[[HandMade], None], rule: str, made: HandMade, tmp_path: Path) -> None:
    framed(made)
    prepare(made, tmp_path)
    plant(made)
    result = judge(layout.SanityGate, made, tmp_path)
    assert result.verdict is Verdict.FAIL and rule in {f.rule for f in result.findings}, result.findings


def test_wrong_database_unit_and_die_size(made: HandMade, tmp_path: Path) -> None:
    framed(made)
    prepare(made, tmp_path)
    (tmp_path / "layout" / "layout.json").write_text('{"die_um": [10, 10]}')
    assert {f.rule for f in judge(layout.SanityGate, made, tmp_path).findings} == {"die"}
    made.layout.dbu = 0.002
    assert "dbu" in {f.rule for f in judge(layout.SanityGate, made, tmp_path).findings}
    result = judge(drc.LefDrcGate, made, tmp_path)
    assert result.verdict is Verdict.FAIL and "database unit" in result.summary


def test_lfs_pointer_is_found(made: HandMade, tmp_path: Path) -> None:
    context = context_of(tmp_path, made)
    gds = tmp_path / "layout" / "accel.gds"
    gds.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    result = run_gate(provenance.LfsGate(), context).result  # type: ignore[union-attr]
    assert result.verdict is Verdict.FAIL
    assert {f.rule for f in result.findings} == {"lfs", "header"}


def test_empty_layout_passes_nothing(made: HandMade, tmp_path: Path) -> None:
    made.top.clear()
    made.top.shapes(made.index("met1")).insert(kdb.Box(0, 0, 0, 0))
    for gate in (drc.LefDrcGate, lvs.TopLvsGate, lvs.PowerGridGate):
        assert judge(gate, made, tmp_path).verdict is Verdict.FAIL


def test_findings_get_pictures(made: HandMade, tmp_path: Path) -> None:
    prepare(made, tmp_path)
    made.box("met1", 21_000, 9000, 21_200, 9200)
    (record,), _ = run_gates(context_of(tmp_path, made), [drc.LefDrcGate()])
    pictures = [f.picture for f in record.result.findings if f.picture]
    assert pictures and all((tmp_path / p).read_bytes()[:4] == b"\x89PNG" for p in pictures)
    assert all(tmp_path / p in record.result.evidence for p in pictures)
