"""Power rings: joined to every strap of their net, clear of all rules, and missed when a corner is cut."""

from __future__ import annotations

from pathlib import Path

import klayout.db as kdb
import pytest
from beol import violations
from kits import Kit, make_kit, random_netlist

from asicflow.errors import UserError
from asicflow.flow.pnr import Design, PnrOptions
from asicflow.flow.pnr.checks import check_layout
from asicflow.flow.pnr.power import straps
from asicflow.flow.pnr.technology import load_technology


@pytest.fixture(scope="module", params=["sky130", "gf180"])
def ringed(request: pytest.FixtureRequest, pdk_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Design:
    kit = make_kit(request.param, pdk_root)
    source = tmp_path_factory.mktemp("rings") / "dut.v"
    source.write_text(random_netlist(kit, flops=8, gates=24))
    design = Design(source, "dut", kit.library, PnrOptions("clk", 40.0, 0.4, rings=True))
    design.place()
    design.route()
    return design


def test_the_loops_enclose_the_core_and_obey_the_rules(ringed: Design) -> None:
    assert violations(ringed.layout, ringed.library) == {}
    plan = ringed.plan
    assert len(plan.rings) == 8
    for power in (True, False):
        rects = [rect for _, rect, is_power in plan.rings if is_power == power]
        x1, y1 = min(r[0] for r in rects), min(r[1] for r in rects)
        x2, y2 = max(r[2] for r in rects), max(r[3] for r in rects)
        assert 0 < x1 < plan.core[0] and 0 < y1 < plan.core[1]
        assert plan.core[2] < x2 < plan.width and plan.core[3] < y2 < plan.height
        for is_power, strap in straps(plan, ringed.technology):
            if is_power == power:
                assert strap[1] == y1 and strap[3] == y2


def test_a_loop_without_its_cuts_is_a_power_fault(ringed: Design) -> None:
    layout = kdb.Layout()
    layout.assign(ringed.layout)
    cut = ringed.technology.config.rings.cut  # type: ignore[union-attr]
    shapes = layout.top_cell().shapes(layout.layer(*ringed.library.layers[cut].drawing))
    piece = next(rect for _, rect, is_power in ringed.plan.rings if is_power)
    doomed = list(shapes.each_touching(kdb.Box(*piece)))
    assert doomed
    for shape in doomed:
        shapes.erase(shape)
    found = check_layout(
        layout, ringed.netlist, ringed.plan, ringed.geometries, ringed.technology, ringed.library, ringed.macros
    )
    assert any("falls into" in line and "ring" in line for line in found.power)


def test_a_pdk_file_without_rings_says_so(sky: Kit) -> None:
    route = {key: value for key, value in sky.library.route.items() if key != "rings"}
    with pytest.raises(UserError, match="no power rings"):
        load_technology(sky.library.model_copy(update={"route": route}), rings=True)
    assert load_technology(sky.library).config.rings is None
