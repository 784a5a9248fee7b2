"""A design in a frame: pins and rings where they have to be, a whole and clean layout, and what is refused."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path

import klayout.db as kdb
import pytest
from beol import violations
from small_frame import BITS, TOP, netlist, small_frame

from asicflow.flow.pnr import Design, PnrError, PnrOptions
from asicflow.flow.pnr.checks import check_layout
from asicflow.flow.pnr.fixed_frame import CLEAR, JOG_PITCH, FramePlan, _latest, _spread
from asicflow.flow.pnr.floorplan import Floorplan
from asicflow.flow.pnr.netlist import read_netlist
from asicflow.flow.pnr.power_grid import Strap
from asicflow.pdk.frame import FixedPin


@pytest.fixture(scope="module")
def design(pdk_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Design:
    """The small design, routed and closed."""
    found, fixed, library = small_frame(pdk_root)
    source = tmp_path_factory.mktemp("frame") / "in.v"
    source.write_text(netlist(found))
    made = Design(source, TOP, library, PnrOptions("wb_clk_i", 50.0, frame=fixed), print)
    made.place()
    made.route()
    return made


def plan_of(design: Design) -> FramePlan:
    assert design.frame
    return design.frame


def test_the_layout_is_whole_and_clean(design: Design, tmp_path: Path) -> None:
    assert design.connectivity.clean and design.connectivity.pins > 600
    files = design.write(tmp_path).files
    assert violations(files["gds"], design.library) == {}
    assert design.metrics()["antenna"]["gates_above_limit"] == 0
    assert design.metrics()["die_um"] == [2920.0, 3520.0]
    asked = read_netlist(design.source, TOP, design.macros)
    made = read_netlist(files["v"], TOP, design.macros)
    assert set(made.ports) == set(asked.ports)
    powered = files["pg.v"].read_text()
    for supply in plan_of(design).frame.rings:
        assert f"inout {supply};" in powered
    text = files["def"].read_text()
    assert "DIEAREA ( 0 0 ) ( 2920000 3520000 ) ;" in text
    assert re.search(
        r"- wb_clk_i \+ NET wb_clk_i .*\n  \+ LAYER met2 \( -280 -3600 \) \( 280 3600 \) \+ PLACED \( 2990 -1200 \)",
        text,
    )
    lef = files["lef"].read_text()
    assert "SIZE 2920.000 BY 3520.000" in lef and "PIN vssa2" in lef and "RECT 2.710 -4.800 3.270 2.400" in lef


def test_pins_are_those_of_the_frame(design: Design) -> None:
    for name, pin in plan_of(design).frame.pins.items():
        place = design.plan.pins[name]
        assert place.rect == pin.rect and design.technology.layers[place.layer].name == pin.layer


def test_wires_of_a_side_have_a_track_each_and_keep_apart(design: Design) -> None:
    plan = plan_of(design)
    assert len(plan.leads) + len(plan.idle) == len(plan.frame.pins)
    for side in ("west", "south", "east", "north"):
        mine = sorted((lead for lead in plan.leads.values() if lead.side == side), key=lambda lead: lead.at)
        jogs = sorted(lead.jog for lead in mine)
        assert mine and all(b - a >= JOG_PITCH for a, b in itertools.pairwise(jogs))
        ports = [lead.to for lead in mine]
        assert all(b - a >= JOG_PITCH for a, b in itertools.pairwise(ports)), "the order of the pins"
        assert all(abs(lead.at - to) >= CLEAR for lead in mine for to in ports)


def test_only_unused_pins_have_no_wire(design: Design) -> None:
    idle = plan_of(design).idle
    assert "analog_io[3]" in idle and "user_clock2" in idle and "la_oenb[0]" in idle
    assert not set(idle) & {"wb_clk_i", "io_in[36]", f"wbs_dat_i[{BITS - 1}]", "la_data_out[5]"}


def test_inputs_have_buffers_and_all_outputs_drivers(design: Design) -> None:
    for port in design.netlist.ports.values():
        cells = {i.cell for i, _ in port.net.pins}
        if port.name in plan_of(design).idle:
            assert not cells
        elif port.direction == "output":
            assert any("buf_8" in cell or "conb" in cell for cell in cells), port.name
        elif port.name != "wb_clk_i":
            assert any("buf_8" in cell for cell in cells), port.name


def damaged(design: Design, layer: str, box: tuple[int, int, int, int], remove: bool) -> bool:
    """Whether the engine's own check passes a layout with metal drawn or erased."""
    layout = design.layout.dup()
    shapes = layout.top_cell().shapes(layout.layer(*design.library.layers[layer].drawing))
    if remove:
        left = kdb.Region(shapes) - kdb.Region(kdb.Box(*box))
        shapes.clear()
        shapes.insert(left)
    else:
        shapes.insert(kdb.Box(*box))
    return check_layout(
        layout, design.netlist, design.plan, design.geometries, design.technology, design.library, design.macros
    ).clean


def test_planted_faults_are_found(design: Design) -> None:
    plan = plan_of(design)
    lead = plan.leads["wbs_dat_i[0]"]
    assert damaged(design, "met2", (0, 0, 0, 0), True)
    assert not damaged(design, "met2", (lead.at - 200, lead.jog - 3000, lead.at + 200, lead.jog - 2000), True), "open"
    neighbour = plan.leads["wbs_dat_i[1]"]
    low = min(lead.jog, neighbour.jog) - 1000
    assert not damaged(design, "met2", (lead.at, low - 140, neighbour.at, low), False), "short"
    y, power = plan.crossings[0]
    x = plan.origin[0] - 100_000
    y += plan.origin[1]
    assert power and damaged(design, "met5", (x, y - 2000, x + 5000, y + 2000), True), "another wire holds the supply"
    ring = plan.frame.rings[plan.frame.ground]
    wide = (ring[0][1][0] - 1000, -20_000, plan.frame.rings[plan.frame.power][0][1][2], -1_000)
    assert not damaged(design, "met4", wide, False), "rings joined"


def test_supply_wires_keep_off_blocks_and_other_wires(design: Design) -> None:
    straps = [Strap(k % 2 == 0, 10_000 + 18_400 * k, 0, 400_000) for k in range(20)]
    plan = Floorplan(400_000, 400_000, (0, 0, 400_000, 400_000), 10, 1, 1, straps, [])
    other, block = (0, 70_000, 400_000, 80_000), (100_000, 100_000, 300_000, 300_000)
    plan.hooks.metal.append(("met5", other, True))
    frame = FramePlan(plan_of(design).frame, {})
    frame.hang_up(plan, [block], design.technology)
    assert len(frame.crossings) == 8 and [power for _, power in frame.crossings] == [True, False] * 4
    assert all(abs(y - 75_000) >= 5_000 + 800 + 1_600 for y, _ in frame.crossings)
    for cut, rect, power in plan.hooks.cuts:
        x, y = (rect[0] + rect[2]) // 2, (rect[1] + rect[3]) // 2
        assert cut == "via4" and (y, power) in frame.crossings and (x - 10_000) // 18_400 % 2 == (not power)
        assert not (block[0] <= x <= block[2] and block[1] <= y <= block[3])
    joined = {(rect[0] + rect[2]) // 2 for _, rect, _ in plan.hooks.cuts}
    assert joined == {strap.x for strap in straps}


def test_ports_stay_away_from_pins_and_in_order() -> None:
    nodes = list(range(0, 100_000, 460))
    pins = [1000, 1500, 50_000, 50_700]
    found = _spread(pins, nodes)
    assert found and all(b - a >= JOG_PITCH for a, b in itertools.pairwise(found))
    assert all(abs(n - p) >= CLEAR for n in found for p in pins)
    assert _spread(list(range(0, 90_000, 900)), nodes[:60]) is None
    assert _latest(3, nodes[:4]) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("pins", "ports of netlist and frame differ: io_in"),
        ("die", "is larger than its die"),
        ("room", "wires do not fit the"),
    ],
)
def test_what_cannot_be_is_refused(pdk_root: Path, tmp_path: Path, change: str, says: str) -> None:
    found, fixed, library = small_frame(pdk_root)
    source = tmp_path / "in.v"
    source.write_text(netlist(found))
    if change == "pins":
        fixed = replace(fixed, pins={n: p for n, p in fixed.pins.items() if n != "io_in[0]"})
    else:
        height = 120.0 if change == "die" else 400.0
        shrunk = {
            n: FixedPin(p.side, p.layer, p.rect)
            if p.side == "south"
            else replace(p, side="south", rect=(k * 900, 0, k * 900 + 560, 2400))
            for k, (n, p) in enumerate(fixed.pins.items())
        }
        fixed = replace(fixed, die_um=(2920.0, height), pins=shrunk if change == "room" else fixed.pins)
    with pytest.raises(PnrError, match=says):
        Design(source, TOP, library, PnrOptions("wb_clk_i", 50.0, frame=fixed), print).place()


def test_a_frame_decides_on_die_and_pins(pdk_root: Path, tmp_path: Path) -> None:
    found, fixed, library = small_frame(pdk_root)
    (tmp_path / "in.v").write_text(netlist(found))
    options = PnrOptions("wb_clk_i", 50.0, frame=fixed, die_area=(2920, 3520))
    with pytest.raises(PnrError, match="a frame decides"):
        Design(tmp_path / "in.v", TOP, library, options, print).place()
