"""The LEF reader: hand-written fragments with known content, and the two technologies."""

from pathlib import Path

import pytest

from asicflow.errors import UserError
from asicflow.pdk.lef import Antenna, read_lef, read_tech_lef

TECH = """
VERSION 5.8 ;
UNITS
  DATABASE MICRONS 2000 ;
END UNITS
MANUFACTURINGGRID 0.005 ;
SITE core
  SYMMETRY Y ;
  SIZE 0.4 BY 2.0 ;
END core
LAYER m1
  TYPE ROUTING ;
  DIRECTION HORIZONTAL ;
  PITCH 0.4 0.5 ; # a comment with END m1
  OFFSET 0.2 ;
  WIDTH 0.2 ;
  SPACINGTABLE PARALLELRUNLENGTH 0.0 1.0
    WIDTH 0.0 0.2 0.2
    WIDTH 2.0 0.3 0.4 ;
  AREA 0.08 ;
  MINENCLOSEDAREA 0.14 ;
  RESISTANCE RPERSQ 0.1 ;
  CAPACITANCE CPERSQDIST 2e-5 ;
  EDGECAPACITANCE 4e-5 ;
  ANTENNAMODEL OXIDE1 ;
  ANTENNADIFFSIDEAREARATIO PWL ( ( 0 400 ) ( 0.0225 2609 ) ) ;
  PROPERTY LEF58_X "a ; b" ;
END m1
LAYER v1
  TYPE CUT ;
  SPACING 0.2 ;
  WIDTH 0.1 ;
  ENCLOSURE BELOW 0.00 0.06 ;
  ENCLOSURE ABOVE 0.01 0.06 ;
  ARRAYSPACING CUTSPACING 0.3 ARRAYCUTS 3 SPACING 0.36 ;
  ANTENNAAREARATIO 20.0 ;
END v1
LAYER m2
  TYPE ROUTING ;
  WIDTH 0.2 ;
  SPACING 0.25 ;
  SPACING 0.5 RANGE 10.005 999.0 ;
END m2
VIA v1_a DEFAULT
  LAYER v1 ;
  RECT -0.05 -0.05 0.05 0.05 ;
  LAYER m1 ;
  RECT -0.11 -0.05 0.11 0.05 ;
  RESISTANCE 4.5 ;
END v1_a
VIARULE v1_gen GENERATE
  LAYER m1 ;
  ENCLOSURE 0.06 0.06 ;
END v1_gen
END LIBRARY
"""

CELL = """
MACRO and2
  CLASS core ;
  ORIGIN 0 0 ;
  SIZE 1.2 BY 2.0 ;
  SYMMETRY X Y ;
  SITE core ;
  PIN A
    DIRECTION INPUT ;
    ANTENNAGATEAREA 0.25 ;
    PORT
      LAYER m1 ;
        POLYGON 0 0 1 0 1 0.2 0.2 0.2 0.2 1 0 1 ;
    END
  END A
  PIN VDD
    DIRECTION INOUT ;
    USE power ;
    PORT
      LAYER m1 ;
        RECT 0 1.9 1.2 2.1 ;
    END
  END VDD
  OBS
    LAYER m1 ;
      RECT 0.5 0.5 0.7 0.7 ;
  END
END and2
END LIBRARY
"""


@pytest.fixture
def tech_file(tmp_path: Path) -> Path:
    path = tmp_path / "tech.lef"
    path.write_text(TECH)
    return path


def test_layers_in_stack_order_with_rules_in_nm(tech_file: Path) -> None:
    tech = read_tech_lef(tech_file)
    assert list(tech.layers) == ["m1", "v1", "m2"]
    assert (tech.dbu_per_micron, tech.grid) == (2000, 5)
    m1 = tech.layers["m1"]
    assert (m1.kind, m1.direction, m1.pitch, m1.offset) == ("ROUTING", "HORIZONTAL", (400, 500), (200, 200))
    assert (m1.width, m1.min_width, m1.area_nm2, m1.min_enclosed_area_nm2) == (200, 200, 80000, 140000)
    assert m1.spacing_table == [(0, 200), (2000, 400)]
    assert (m1.resistance, m1.cap_area, m1.cap_edge) == (0.1, 2e-5, 4e-5)
    assert m1.antenna.diff_side_area == [(0.0, 400.0), (0.0225, 2609.0)]


def test_spacing_depends_on_width(tech_file: Path) -> None:
    tech = read_tech_lef(tech_file)
    m1, m2 = tech.layers["m1"], tech.layers["m2"]
    assert [m1.spacing_for(w) for w in (200, 2000, 2005)] == [200, 200, 400]
    assert [m2.spacing_for(w) for w in (200, 10000, 10005)] == [250, 250, 500]


def test_cut_layer_and_its_resistance_from_the_via(tech_file: Path) -> None:
    tech = read_tech_lef(tech_file)
    cut = tech.cut_between("m1", "m2")
    assert (cut.name, cut.spacing, cut.resistance, cut.antenna.area) == ("v1", 200, 4.5, 20.0)
    assert (cut.enclosure_below, cut.enclosure_above) == ([(0, 60)], [(10, 60)])
    assert [(a.cuts, a.spacing) for a in cut.array_spacing] == [(3, 360)]
    assert tech.vias["v1_a"].default
    with pytest.raises(UserError, match="unknown layer m9"):
        tech.cut_between("m1", "m9")


def test_macro_pins_polygon_and_obstruction(tmp_path: Path) -> None:
    path = tmp_path / "cell.lef"
    path.write_text(CELL)
    macro = read_lef(path)["and2"]
    assert (macro.width, macro.height, macro.cls, macro.site) == (1200, 2000, "CORE", "core")
    pin = macro.pins["A"]
    assert (pin.direction, pin.gate_area, pin.is_power) == ("INPUT", 0.25, False)
    assert macro.pins["VDD"].is_power
    area = sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in pin.shapes["m1"])
    assert area == 1000 * 200 + 200 * 800
    assert macro.obs == {"m1": [(500, 500, 700, 700)]}


def test_gate_area_per_layer_is_the_smallest(tmp_path: Path) -> None:
    path = tmp_path / "cell.lef"
    path.write_text(
        CELL.replace("ANTENNAGATEAREA 0.25 ;", "ANTENNAGATEAREA 4 LAYER m2 ; ANTENNAGATEAREA 0.5 LAYER m1 ;")
    )
    assert read_lef(path)["and2"].pins["A"].gate_area == 0.5


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("END LIBRARY", "LAYER m9", "ends inside"),
        ("WIDTH 0.2 ;", "WIDTH wide ;", "expected a number"),
        ("END v1\n", "END m3\n", "does not close v1"),
        ("PARALLELRUNLENGTH", "TWOWIDTHS", "PARALLELRUNLENGTH"),
    ],
)
def test_broken_file_is_refused_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "broken.lef"
    path.write_text(TECH.replace(old, new, 1))
    with pytest.raises(UserError, match=message) as caught:
        read_tech_lef(path)
    assert str(path) in str(caught.value)


def test_missing_or_foreign_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read"):
        read_lef(tmp_path / "none.lef")
    empty = tmp_path / "empty.lef"
    empty.write_text("VERSION 5.8 ;\nEND LIBRARY\n")
    with pytest.raises(UserError, match="no routing layer"):
        read_tech_lef(empty)


def test_sky130_technology_and_cells(pdk_root: Path) -> None:
    base = pdk_root / "lambdapdk/lambdapdk/sky130"
    tech = read_tech_lef(base / "base/apr/sky130_fd_sc.tlef")
    names = ["li1", "met1", "met2", "met3", "met4", "met5"]
    assert [layer.name for layer in tech.routing_layers()] == names
    assert tech.layers["met3"].spacing_table == [(0, 300), (3000, 400)]
    assert tech.layers["via2"].enclosure_below == [(40, 85)]
    assert tech.layers["mcon"].resistance == 9.3
    cells = read_lef(base / "libs/sky130hd/lef/sky130_fd_sc_hd_merged.lef")
    flop = cells["sky130_fd_sc_hd__dfrtp_1"]
    assert (flop.width, flop.height) == (9200, 2720)
    assert set(flop.pins["RESET_B"].shapes) == {"li1", "met1"}
    assert "mcon" in flop.obs


def test_gf180_technology_and_cells(pdk_root: Path) -> None:
    base = pdk_root / "lambdapdk/lambdapdk/gf180"
    tech = read_tech_lef(base / "base/apr/gf180mcu_5LM_1TM_9K_7t_tech.lef")
    assert tech.dbu_per_micron == 2000
    assert tech.layers["Metal5"].spacing_table == [(0, 460), (10000, 600)]
    assert tech.layers["Via2"].resistance == 4.5
    assert tech.layers["Metal2"].antenna.gate_plus_diff == 2
    name = "gf180mcu_fd_sc_mcu7t5v0"
    cells = read_lef(base / f"libs/{name}/lef/{name}.lef")
    assert cells[f"{name}__nand2_1"].pins["ZN"].diff_area == 0.9484
    assert cells[f"{name}__nand2_1"].pins["VSS"].is_power


@pytest.mark.parametrize(
    ("antenna", "diffusion", "expected"),
    [
        (Antenna(), 0.0, None),
        (Antenna(area=400.0, diff_area=[(0.0, 400.0), (1.0, 800.0)]), 0.0, 400.0),
        (Antenna(area=400.0, diff_area=[(0.0, 400.0), (1.0, 800.0)]), 0.5, 600.0),
        (Antenna(area=400.0, diff_area=[(0.0, 400.0), (1.0, 800.0)]), 2.0, 800.0),
        (Antenna(diff_area=[(0.0, 300.0), (1.0, 800.0)]), 0.0, 300.0),
        (Antenna(area=400.0, side_area=75.0), 0.0, 75.0),
        (Antenna(area=400.0, side_area=75.0), 0.5, None),
    ],
)
def test_antenna_limit(antenna: Antenna, diffusion: float, expected: float | None) -> None:
    """Side walls before area; the drained limit grows with the diffusion and stands in for a missing plain one."""
    assert antenna.limit(diffusion) == expected
