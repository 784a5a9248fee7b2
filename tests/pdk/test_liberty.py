"""The Liberty reader: a hand-written library with known numbers, and the PDKs' corners."""

import gzip
from pathlib import Path

import pytest

from asicflow.errors import UserError
from asicflow.pdk.liberty import read_liberty

LIB = """
/* a comment with } and { */
library ("tiny") {
  time_unit : "1ps";
  capacitive_load_unit (10, "ff");
  leakage_power_unit : "1uW";
  nom_voltage : 1.8; nom_temperature : 25;
  default_max_transition : 1500;
  lu_table_template ("t22") {
    variable_1 : input_net_transition;
    index_1 ("10, 20"); index_2 ("1, 2");
  }
  cell ("inv") {
    area : 3.5; cell_leakage_power : 2;
    pin (A) { direction : input; capacitance : 0.2; rise_capacitance : 0.3; max_fanout : 4 }
    pin ("Y") {
      direction : output; function : "(!A)"; max_capacitance : 5;
      internal_power () { rise_power (t22) { values ("9, 9", "9, 9"); } }
      timing () {
        related_pin : "A"; timing_sense : negative_unate;
        cell_rise (t22) { values ("100, 200", \\
                                  "110, 210"); }
        cell_fall (t22) { index_1 ("10, 30"); values ("50, 60", "70, 80"); }
      }
    }
  }
  cell (flop) {
    dont_use : true;
    ff (IQ, IQN) { clocked_on : "CK"; next_state : "D"; clear : "(!RN)"; }
    pin (CK) { direction : input; clock : true; }
    pin (D) { direction : input;
      timing () { related_pin : CK; timing_type : setup_rising;
        rise_constraint (scalar) { values ("40"); } } }
    bundle (Q) { direction : output; pin (Q0) { function : IQ; } }
  }
}
"""


@pytest.fixture
def lib_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.lib.gz"
    path.write_bytes(gzip.compress(LIB.encode()))
    return path


def test_units_are_normalised(lib_file: Path) -> None:
    lib = read_liberty(lib_file)
    assert (lib.name, lib.voltage, lib.temperature, lib.default_max_transition) == ("tiny", 1.8, 25.0, 1.5)
    inv = lib.cells["inv"]
    assert (inv.area, inv.leakage) == (3.5, 2000.0)
    assert inv.pins["A"].capacitance == pytest.approx(0.003)
    assert inv.pins["A"].max_fanout == 4
    assert inv.pins["A"].max_transition == 1.5
    assert inv.pins["Y"].max_capacitance == pytest.approx(0.05)
    assert inv.pins["Y"].function == "(!A)"


def test_tables_interpolate_and_extrapolate(lib_file: Path) -> None:
    arc = read_liberty(lib_file).cells["inv"].pins["Y"].arcs[0]
    assert (arc.related_pin, arc.timing_sense, arc.is_constraint) == ("A", "negative_unate", False)
    rise = arc.tables["cell_rise"]
    assert rise.at(0.010, 0.01) == pytest.approx(0.100)
    assert rise.at(0.015, 0.015) == pytest.approx(0.155)
    assert rise.at(0.010, 0.03) == pytest.approx(0.300)
    assert arc.tables["cell_fall"].index_1 == pytest.approx([0.01, 0.03])
    assert arc.worst("delay", 0.01, 0.01) == pytest.approx(0.1)
    assert arc.best("delay", 0.01, 0.01) == pytest.approx(0.05)


def test_sequential_cells(lib_file: Path) -> None:
    flop = read_liberty(lib_file).cells["flop"]
    assert flop.is_sequential and flop.sequential == "ff" and flop.dont_use
    assert flop.state["clear"] == "(!RN)"
    assert flop.pins["CK"].clock
    assert flop.pins["D"].arcs[0].worst("constraint", 0.1, 0.1) == pytest.approx(0.04)
    assert flop.pins["Q0"].direction == "output"


MEMORY = """
library (ram_tt) {
  time_unit : "1ns"; capacitive_load_unit (1, pf);
  default_max_transition : 0.5;
  lu_table_template (slew) { variable_1 : total_output_net_capacitance; index_1 ("0.1, 0.3"); }
  lu_table_template (turned) {
    variable_1 : total_output_net_capacitance; variable_2 : input_net_transition;
    index_1 ("0.1, 0.3"); index_2 ("1, 2");
  }
  type (word) { base_type : array; bit_width : 4; bit_from : 3; bit_to : 0; }
  cell (ram) {
    memory () { type : ram; address_width : 2; }
    pin (CLK) { direction : input; clock : true; capacitance : 0.3; }
    bus (Q) {
      bus_type : word; direction : output; max_capacitance : 1.5;
      memory_read () { address : A; }
      timing () {
        related_pin : "CLK"; timing_type : rising_edge;
        cell_rise (turned) { values ("4, 5", "6, 7"); }
        rise_transition (slew) { values ("1, 3"); }
      }
    }
    bus (D) {
      bus_type : word; direction : input; capacitance : 0.02;
      pin (D[3:2]) {
        max_transition : 0.2;
        timing () { related_pin : "CLK"; timing_type : setup_rising; rise_constraint (scalar) { values ("0.4"); } }
      }
    }
  }
}
"""


def test_buses_of_a_memory(tmp_path: Path) -> None:
    path = tmp_path / "ram.lib"
    path.write_text(MEMORY)
    ram = read_liberty(path).cells["ram"]
    assert ram.sequential == "block" and ram.is_sequential
    assert {p for p in ram.pins if p[0] in "QD"} == {f"{bus}[{k}]" for bus in "QD" for k in range(4)}
    q = ram.pins["Q[2]"]
    assert (q.direction, q.max_capacitance, q.max_transition) == ("output", 1.5, 0.5)
    arc = q.arcs[0]
    assert arc.worst("transition", 9.9, 0.2) == pytest.approx(2.0)  # a table of the load alone
    assert arc.worst("delay", 1.0, 0.3) == pytest.approx(6.0) and arc.worst("delay", 2.0, 0.1) == pytest.approx(5.0)
    assert [ram.pins[f"D[{k}]"].max_transition for k in range(4)] == [0.5, 0.5, 0.2, 0.2]
    assert [len(ram.pins[f"D[{k}]"].arcs) for k in range(4)] == [0, 0, 1, 1]
    assert ram.pins["D[3]"].capacitance == 0.02 and ram.pins["D[3]"].direction == "input"


@pytest.mark.parametrize("text", ["", "cell (a) { }", LIB[:-40], "library (x) { }", LIB.replace("1ps", "1h")])
def test_broken_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.lib"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_liberty(path)
    assert str(path) in str(caught.value)


def test_truncated_gzip_is_refused(lib_file: Path) -> None:
    lib_file.write_bytes(lib_file.read_bytes()[:100])
    with pytest.raises(UserError, match="cannot read"):
        read_liberty(lib_file)


def test_sky130_corner(pdk_root: Path) -> None:
    nldm = pdk_root / "lambdapdk/lambdapdk/sky130/libs/sky130hd/nldm"
    lib = read_liberty(nldm / "sky130_fd_sc_hd__tt_025C_1v80.lib.gz")
    buf = lib.cells["sky130_fd_sc_hd__buf_4"]
    assert buf.area == pytest.approx(7.5072)
    assert buf.pins["X"].max_capacitance == pytest.approx(0.5612281)
    assert buf.pins["A"].max_transition == pytest.approx(1.5)
    assert 0.05 < buf.pins["X"].arcs[0].worst("delay", 0.05, 0.02) < 0.5
    flop = lib.cells["sky130_fd_sc_hd__dfrtp_1"]
    assert flop.sequential == "ff" and flop.pins["CLK"].clock
    assert {a.timing_type for a in flop.pins["D"].arcs} >= {"setup_rising", "hold_rising"}


def test_gf180_corner(pdk_root: Path) -> None:
    name = "gf180mcu_fd_sc_mcu7t5v0"
    nldm = pdk_root / f"lambdapdk/lambdapdk/gf180/libs/{name}/nldm"
    lib = read_liberty(nldm / f"{name}__ss_125C_4v50.lib.gz")
    pin = lib.cells[f"{name}__buf_4"].pins["Z"]
    assert lib.cells[f"{name}__buf_4"].leakage == pytest.approx(0.768, abs=0.01)
    assert (pin.max_capacitance, pin.max_transition) == (pytest.approx(0.9887), pytest.approx(7.0))
    assert lib.cells[f"{name}__dffrnq_1"].is_sequential


def test_what_transition_times_stand_for(pdk_root: Path, lib_file: Path) -> None:
    """20 to 80 %, and 30 to 70 % doubled; Liberty's own default without thresholds."""
    sky130 = read_liberty(
        pdk_root / "lambdapdk/lambdapdk/sky130/libs/sky130hd/nldm/sky130_fd_sc_hd__tt_025C_1v80.lib.gz"
    )
    name = "gf180mcu_fd_sc_mcu9t5v0"
    gf180 = read_liberty(pdk_root / f"lambdapdk/lambdapdk/gf180/libs/{name}/nldm/{name}__tt_025C_5v00.lib.gz")
    assert [lib.slew_span for lib in (sky130, gf180, read_liberty(lib_file))] == pytest.approx([0.6, 0.8, 0.6])
