"""A small design with clock gates from RTL to layout, on both processes."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from siliconcompiler import ASIC, Design

from asicflow.config import Config
from asicflow.errors import StageError, UserError
from asicflow.flow import sta, stage, synthesis
from asicflow.flow.settings import wants_clock_gates
from asicflow.flow.yosys import clock_gate_script, functional_netlist
from asicflow.pdk.config import Library
from asicflow.pdk.siliconcompiler import physical_cells
from asicflow.signoff.formal import Proof, network, prove, read_netlist_script
from asicflow.workspace import Workspace

RTL = """
module bank (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic [1:0]  we_i,
  input  logic [11:0] d_i,
  output logic [11:0] a_o,
  output logic [23:0] b_o,
  output logic [3:0]  c_o
);
  logic [11:0] a_q;
  logic [23:0] b_q;
  logic [3:0]  c_q;
  logic        we_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      a_q  <= '0;
      c_q  <= '0;
      we_q <= 1'b0;
    end else begin
      if (we_i[0]) a_q <= d_i;
      c_q  <= c_q + 4'd1;
      we_q <= we_i[1];
    end
  end
  always_ff @(posedge clk_i) if (we_q) b_q <= {b_q[11:0], a_q ^ d_i};
  assign {a_o, b_o, c_o} = {a_q, b_q, c_q};
endmodule
"""
SDC = """
create_clock -name clk -period 20.0 [get_ports clk_i]
set_input_delay 4.0 -clock clk [get_ports {rst_ni we_i d_i}]
set_output_delay 4.0 -clock clk [get_ports {a_o b_o c_o}]
"""
BENCH = """
module bench;
  reg clk = 0, rst_n = 1;
  reg [1:0] we;
  reg [11:0] d;
  wire [39:0] want, got;
  integer i, wrong = 0, known = 0;
  bank_rtl i_rtl (clk, rst_n, we, d, want[11:0], want[35:12], want[39:36]);
  bank i_cells (clk, rst_n, we, d, got[11:0], got[35:12], got[39:36]);
  initial begin
    #1 rst_n = 0;
    #4 rst_n = 1;
    for (i = 0; i < 500; i = i + 1) begin
      we = $random; d = $random;
      #5 if (want !== got) wrong = wrong + 1;
      if (^got !== 1'bx) known = known + 1;
      clk = 1;
      #5 clk = 0;
    end
    $display("RESULT %0d %0d", wrong, known);
  end
endmodule
"""


@dataclass
class Gated:
    """A finished layout."""

    ws: Workspace
    library: Library


@pytest.fixture(scope="module", params=["sky130", "gf180"])
def gated(request: pytest.FixtureRequest, pdk_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Gated:
    ws = Workspace(tmp_path_factory.mktemp(request.param) / "run")
    ws.soc.mkdir(parents=True)
    (ws.soc / "bank.sv").write_text(RTL)
    (ws.soc / "bank.sdc").write_text(SDC)
    soc = {"schema": "asicflow.soc/1", "top": "bank", "files": ["bank.sv"], "sdc": "bank.sdc"}
    (ws.soc / "soc.json").write_text(json.dumps(soc | {"clock": {"port": "clk_i", "period_ns": 20.0}}))
    layout = {"clock_gates": True, "utilization": 0.4}
    config = Config.model_validate({"pdk": {"name": request.param, "root": pdk_root}, "layout": layout})
    stage.run_flow(config, ws, lambda line: None)
    return Gated(ws, stage.load_target(config, print)[1])


def clock_pins(library: Library, netlist: Path) -> dict[str, list[str]]:
    """The nets of the gates' pins in a netlist, by pin."""
    gate = library.cells.clock_gate
    assert gate is not None
    cells = re.findall(r"^\s+(\w+__\w+) (?:\\\S+ |\w+) \((.*?)\);", netlist.read_text(), re.S | re.M)
    pins = [dict(re.findall(r"\.(\w+)\s*\(\s*(.*?)\s*\)", text, re.S)) for cell, text in cells if cell in gate.cells]
    return {pin: [found[pin] for found in pins] for pin in (gate.clock, gate.enable, gate.output, *gate.low)}


def test_registers_that_share_an_enable_get_gates(gated: Gated) -> None:
    gate = gated.library.cells.clock_gate
    assert gate is not None
    mapped = clock_pins(gated.library, gated.ws.layout / "bank.mapped.v")
    assert len(mapped[gate.clock]) == 2 and set(mapped[gate.clock]) == {"clk_i"}
    routed = clock_pins(gated.library, gated.ws.layout / "bank.v")
    assert len(set(routed[gate.output])) == 3, "24 registers are too many for one gate"
    assert len(set(routed[gate.enable])) == 2
    metrics = json.loads((gated.ws.layout / "layout.json").read_text())
    assert metrics["clock"]["sinks"] == 41 and metrics["clock"]["gates"] == 3


def test_registers_behind_gates_see_the_clock_with_the_others(gated: Gated) -> None:
    timing = json.loads((gated.ws.layout / "timing.json").read_text())
    for corner in timing["corners"].values():
        assert corner["setup_slack_ns"] > 0 and corner["hold_slack_ns"] > 0 and corner["unconstrained"] == 0
    assert len(timing["corners"]) == 3


@pytest.mark.parametrize(("kind", "constraint"), [("setup", "-max 30.0"), ("hold", "-min -5.0")], ids=["setup", "hold"])
def test_an_enable_at_the_wrong_time_is_a_violation(gated: Gated, kind: str, constraint: str, tmp_path: Path) -> None:
    gate, layout = gated.library.cells.clock_gate, gated.ws.layout
    assert gate is not None
    for name, text in (("good", SDC), ("bad", f"{SDC}set_input_delay {constraint} -clock clk [get_ports we_i]\n")):
        (tmp_path / f"{name}.sdc").write_text(text)
        corner = gated.library.typical
        spef = layout / f"bank.{corner.parasitics}.spef"
        found = sta.analyse(layout / "bank.v", spef, tmp_path / f"{name}.sdc", "bank", "tt", corner, tmp_path / name)
        paths = found.setup_violations if kind == "setup" else found.hold_violations
        assert any(path.end.endswith(f"/{gate.enable}") for path in paths) == (name == "bad")


def compare(gated: Gated, one: str, two: str, folder: Path) -> Proof:
    """Formal comparison of two sides: RTL, or a netlist below the layout folder."""
    folder.mkdir()
    sides = []
    for name in (one, two):
        if name == "rtl":
            read = f"read_verilog -sv {gated.ws.soc}/bank.sv"
        else:
            path = folder / name if (folder / name).is_file() else gated.ws.layout / name
            read = read_netlist_script([path], gated.library.typical.liberty, physical_cells(gated.library)) + "\n"
            read += clock_gate_script(gated.library.cells.clock_gate, folder / f"{name}.gates.v", black_box=True)
        sides.append(network(read, "bank", folder, name))
    return prove(*sides, folder)


@pytest.mark.parametrize("sides", [("rtl", "bank.mapped.v"), ("bank.mapped.v", "bank.v")])
def test_formal_comparison_sees_through_gates(gated: Gated, sides: tuple[str, str], tmp_path: Path) -> None:
    proof = compare(gated, *sides, tmp_path / "formal")
    assert proof.equal and proof.registers == 41


def test_gate_that_is_always_open_is_disproved(gated: Gated, tmp_path: Path) -> None:
    gate = gated.library.cells.clock_gate
    assert gate is not None
    enable = "we_i[0]"
    text = (gated.ws.layout / "bank.mapped.v").read_text()
    open_gate = re.sub(rf"\.{gate.enable}\s*\(\s*{re.escape(enable)}\s*\)", f".{gate.enable}(1'b1)", text, count=1)
    assert open_gate != text
    path = gated.ws.layout / "open.v"
    path.write_text(open_gate)
    proof = compare(gated, "rtl", path.name, tmp_path / "formal")
    path.unlink()
    assert proof.differing and all(name.startswith("a_o_") for name in proof.differing)


def test_gated_clock_that_is_data_is_refused(gated: Gated, tmp_path: Path) -> None:
    text = (gated.ws.layout / "bank.mapped.v").read_text()
    gate = gated.library.cells.clock_gate
    assert gate is not None
    net = clock_pins(gated.library, gated.ws.layout / "bank.mapped.v")[gate.output][0]
    path = gated.ws.layout / "stray.v"
    path.write_text(text.replace("endmodule", f"assign c_o[0] = {net} ;\nendmodule"))
    with pytest.raises(StageError, match="gated clock is used as data"):
        compare(gated, "rtl", path.name, tmp_path / "formal")
    path.unlink()


@pytest.mark.parametrize("netlist", ["bank.mapped.v", "bank.v"])
def test_cells_do_what_the_rtl_does_from_power_up(gated: Gated, netlist: str, tmp_path: Path) -> None:
    flat, library = tmp_path / "flat.v", gated.library
    functional_netlist(
        gated.ws.layout / netlist, "bank", library.typical.liberty, flat,
        physical_cells=physical_cells(library), clock_gate=library.cells.clock_gate,
    )  # fmt: skip
    (tmp_path / "rtl.sv").write_text(RTL.replace("module bank", "module bank_rtl"))
    (tmp_path / "bench.v").write_text(BENCH)
    files = [str(tmp_path / name) for name in ("rtl.sv", "bench.v", "flat.v")]
    subprocess.run(["iverilog", "-g2012", "-o", str(tmp_path / "sim"), "-s", "bench", *files], check=True)
    done = subprocess.run(["vvp", str(tmp_path / "sim")], capture_output=True, text=True, check=True)
    wrong, known = map(int, re.search(r"RESULT (\d+) (\d+)", done.stdout).groups())  # type: ignore[union-attr]
    assert wrong == 0 and 400 < known < 500, "the cells start unknown, and only what was written becomes known"


def test_gates_are_the_default_of_a_whole_system() -> None:
    assert wants_clock_gates(Config(top="soc")) and not wants_clock_gates(Config(top="accel"))
    for asked in (True, False):
        assert wants_clock_gates(Config.model_validate({"top": "soc", "layout": {"clock_gates": asked}})) is asked


def test_library_without_gates_says_so(gated: Gated, tmp_path: Path) -> None:
    cells = gated.library.cells.model_copy(update={"clock_gate": None})
    library = gated.library.model_copy(update={"cells": cells})
    with pytest.raises(UserError, match="names no clock gate"):
        synthesis.configure(ASIC(Design("bank")), library, tmp_path, "area", clock_gates=True)
