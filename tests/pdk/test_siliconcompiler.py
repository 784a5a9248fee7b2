"""PDK files as SiliconCompiler objects."""

from pathlib import Path

import pytest
from siliconcompiler import ASIC, Design

from asicflow.pdk import Library, Pdk, load_pdk, siliconcompiler


@pytest.fixture(params=["sky130", "gf180"])
def target(request: pytest.FixtureRequest, pdk_root: Path) -> tuple[Pdk, Library]:
    pdk = load_pdk(request.param, pdk_root)
    return pdk, pdk.library()


@pytest.fixture
def project(target: tuple[Pdk, Library]) -> ASIC:
    project = ASIC(Design("empty"))
    siliconcompiler.add_target(project, *target)
    return project


def test_views_are_there_and_typed(project: ASIC, target: tuple[Pdk, Library]) -> None:
    _, library = target
    found = project.get_library(library.name)
    assert found.find_files("fileset", "physical", "file", "lef") == [str(p) for p in library.lefs]
    assert found.find_files("fileset", "physical", "file", "gds") == [str(p) for p in library.gds]
    for name, corner in library.corners.items():
        assert found.find_files("fileset", f"timing.{name}", "file", "liberty") == [str(corner.liberty)]


def test_first_setup_scenario_is_the_slowest_corner(project: ASIC, target: tuple[Pdk, Library]) -> None:
    _, library = target
    scenarios = list(project.constraint.timing.get_scenario().values())
    assert len(scenarios) == len(library.corners)
    first = next(s for s in scenarios if "setup" in s.get_check())
    slowest = siliconcompiler.corner_name(library, library.slowest)
    assert first.get_libcorner() == [slowest]
    assert library.slowest.process == "ss"
    assert first.get_pin_voltage(library.power.power_net) == library.slowest.voltage
    assert any("hold" in s.get_check() for s in scenarios)


def test_special_cells_exist_in_the_liberty(project: ASIC, target: tuple[Pdk, Library]) -> None:
    from asicflow.pdk.liberty import read_liberty

    _, library = target
    found = project.get_library(library.name)
    liberty = read_liberty(library.slowest.liberty)
    cell, a, y = found.get("tool", "yosys", "buffer_cell")
    assert {a, y} <= liberty.cells[cell].pins.keys()
    assert found.get("tool", "yosys", "driver_cell") in liberty.cells
    for key in ("tiehigh_cell", "tielow_cell"):
        cell, pin = found.get("tool", "yosys", key)
        assert pin in liberty.cells[cell].pins
    assert set(found.get("asic", "cells", "dontuse")) == set(library.cells.dont_use)


def test_another_supply_takes_other_corners(pdk_root: Path) -> None:
    pdk = load_pdk("gf180", pdk_root)
    high, low = pdk.library(), pdk.library(supply=3.3)
    assert low.slowest.voltage < high.slowest.voltage
    project = ASIC(Design("empty"))
    siliconcompiler.add_target(project, pdk, low)
    assert set(project.getkeys("constraint", "timing", "scenario")) == set(low.corners)


def test_openroad_files_follow_the_pdk_file(target: tuple[Pdk, Library], tmp_path: Path) -> None:
    pdk, library = target
    project = ASIC(Design("empty"))
    siliconcompiler.add_target(project, pdk, library, tmp_path)
    grid = (tmp_path / "power_grid.tcl").read_text()
    assert library.route["straps"]["layer"] in grid and library.power.power_net in grid
    connect = (tmp_path / "global_connect.tcl").read_text()
    for pin in (*library.power.power_pins, *library.power.ground_pins):
        assert f"^{pin}$" in connect
    assert library.cells.tap in (tmp_path / "tapcells.tcl").read_text()
    stamp = (tmp_path / "tapcells.tcl").stat().st_mtime_ns
    siliconcompiler.add_target(ASIC(Design("again")), pdk, library, tmp_path)
    assert (tmp_path / "tapcells.tcl").stat().st_mtime_ns == stamp


LATCHES = """
module top (input [1:0] e, d, output [1:0] q);
  \\$_DLATCH_P_ p (.E(e[0]), .D(d[0]), .Q(q[0]));
  \\$_DLATCH_N_ n (.E(e[1]), .D(d[1]), .Q(q[1]));
endmodule
"""


def test_latch_map_keeps_the_function(target: tuple[Pdk, Library], tmp_path: Path) -> None:
    from asicflow.flow.yosys import functional_netlist, run_yosys

    _, library = target
    latches = siliconcompiler.techmap(library, "latches")
    assert latches is not None
    (tmp_path / "top.v").write_text(LATCHES)
    run_yosys(
        f"""read_verilog -icells {tmp_path}/top.v
techmap -map {latches}
simplemap
abc -liberty {library.typical.liberty}
write_verilog {tmp_path}/mapped.v
""",
        tmp_path / "map.log",
    )
    functional_netlist(tmp_path / "mapped.v", "top", library.typical.liberty, tmp_path / "flat.v")
    run_yosys(
        f"""read_verilog -icells {tmp_path}/top.v
rename top gold
read_verilog {tmp_path}/flat.v
rename top gate
proc
miter -equiv -flatten -make_assert gold gate miter
clk2fflogic miter
sat -verify -prove-asserts -tempinduct -set-init-undef -seq 2 -show-public miter
""",
        tmp_path / "prove.log",
    )
