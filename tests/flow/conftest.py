"""A small design, and a stand-in for the place-and-route engine that is quick and knows nothing."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import klayout.db as db
import pytest

from asicflow.config import Config
from asicflow.pdk.block import Block
from asicflow.pdk.config import Library
from asicflow.workspace import Workspace

RTL = """
module counter #(parameter int unsigned Width = 4) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             en_i,
  output logic [Width-1:0] count_o
);
  counter_core #(.Width(Width)) i_core (.*);
endmodule
"""
CORE = """
module counter_core #(parameter int unsigned Width = 4) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             en_i,
  output logic [Width-1:0] count_o
);
  logic [Width-1:0] count_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni)   count_q <= '0;
    else if (en_i) count_q <= count_q + 1'b1;
  end
  assign count_o = count_q;
endmodule
"""
SDC = """
create_clock -name clk -period 20.0 [get_ports clk_i]
set_input_delay 4.0 -clock clk [get_ports {rst_ni en_i}]
set_output_delay 4.0 -clock clk [get_ports {count_o}]
"""


@pytest.fixture
def run_dir(tmp_path: Path) -> Workspace:
    """A run directory whose soc stage is done; the design is a counter."""
    ws = Workspace(tmp_path / "run")
    (ws.soc / "rtl").mkdir(parents=True)
    (ws.soc / "rtl" / "counter_core.sv").write_text(CORE)
    (ws.soc / "rtl" / "counter.sv").write_text(RTL)
    (ws.soc / "counter.sdc").write_text(SDC)
    soc = {
        "schema": "asicflow.soc/1",
        "top": "counter",
        "files": ["rtl/counter_core.sv", "rtl/counter.sv"],
        "sdc": "counter.sdc",
        "clock": {"port": "clk_i", "period_ns": 20.0},
    }
    (ws.soc / "soc.json").write_text(json.dumps(soc))
    return ws


@pytest.fixture(params=["sky130", "gf180"])
def config(request: pytest.FixtureRequest, pdk_root: Path) -> Config:
    """A configuration for each process."""
    return Config.model_validate({"pdk": {"name": request.param, "root": pdk_root}})


@dataclass
class FakeOptions:
    clock_port: str
    clock_period_ns: float
    utilization: float
    aspect: float
    seed: int
    hold_margin_ns: float
    rings: bool
    fill: bool
    blocks: tuple[Block, ...]
    die_area: tuple[float, float] | None = None
    pad_ring: object = None
    frame: object = None
    input_slew_ns: float = 0.1


@dataclass
class FakeResult:
    metrics: dict[str, Any] = field(default_factory=dict)


def fake_implement(
    netlist: Path, top: str, library: Library, options: FakeOptions, outdir: Path, progress: Any
) -> FakeResult:
    """Put the cells in one row and connect nothing; parasitics are a small star per net."""
    progress("pretending to place")
    text = re.sub(r"\(\*.*?\*\)", "", netlist.read_text(), flags=re.S)
    cells = re.findall(r"^\s+([a-z]\w+__\w+) (\\\S+ |\w+) \(\n(.*?)\);", text, re.S | re.M)
    _write_gds(outdir / f"{top}.gds", top, library, [master for master, _, _ in cells])
    for ending in ("spef", *(f"{corner}.spef" for corner in library.parasitics)):
        (outdir / f"{top}.{ending}").write_text(_spef(top, text, cells))
    for ending in ("v", "pg.v"):
        (outdir / f"{top}.{ending}").write_text(netlist.read_text())
    (outdir / f"{top}.def").write_text(f"VERSION 5.8 ;\nDESIGN {top} ;\nEND DESIGN\n")
    (outdir / f"{top}.lef").write_text("VERSION 5.8 ;\nEND LIBRARY\n")
    metrics = {"cells": len(cells), "wirelength_um": 1.0, "seed": options.seed}
    (outdir / "layout.json").write_text(json.dumps(metrics))
    return FakeResult(metrics)


def _write_gds(path: Path, top: str, library: Library, masters: list[str]) -> None:
    cells = db.Layout()
    cells.read(str(library.gds[0]))
    layout = db.Layout()
    row, x = layout.create_cell(top), 0
    for master in masters:
        cell = layout.cell(master) or layout.create_cell(master)
        if cell.is_empty():
            cell.copy_tree(cells.cell(master))
        row.insert(db.CellInstArray(cell.cell_index(), db.Trans(x, 0)))
        x += cell.bbox().width()
    layout.write(str(path))


def _spef(top: str, text: str, cells: list[tuple[str, str, str]]) -> str:
    header = (
        f'*SPEF "IEEE 1481-1998"\n*DESIGN "{top}"\n*DATE "-"\n*VENDOR "-"\n*PROGRAM "-"\n*VERSION "0"\n'
        '*DESIGN_FLOW "NETLIST_TYPE_VERILOG"\n*DIVIDER /\n*DELIMITER :\n*BUS_DELIMITER [ ]\n'
        "*T_UNIT 1 NS\n*C_UNIT 1 PF\n*R_UNIT 1 OHM\n*L_UNIT 1 HENRY\n\n"
    )
    nets: dict[str, list[str]] = {}
    for _, instance, pins in cells:
        for pin, net in re.findall(r"\.(\w+)\((\\\S+ |[\w\[\]]+)\)", pins):
            node = _escaped(instance) + ":" + pin
            direction = "O" if pin in ("X", "Y", "Q", "Q_N", "Z", "ZN", "HI", "LO", "COUT", "SUM") else "I"
            nets.setdefault(net, []).append(f"*I {node} {direction}")
    for kind, width, name in re.findall(r"^\s+(input|output) (?:\[(\d+):0\] )?(\w+);", text, re.M):
        for port in [f"{name}[{i}]" for i in range(int(width) + 1)] if width else [name]:
            nets.setdefault(port, []).append(f"*P {port} {kind[0].upper()}")
    parts = [header]
    for net, pins in nets.items():
        name = net if net in text and not net.startswith("\\") else _escaped(net)
        arms = "\n".join(f"{i} {name}:1 {p.split()[1]} 1.0" for i, p in enumerate(pins, 1))
        joined = "\n".join(pins)
        parts.append(f"*D_NET {name} 0.001\n*CONN\n{joined}\n*CAP\n1 {name}:1 0.001\n*RES\n{arms}\n*END\n\n")
    return "".join(parts)


def _escaped(name: str) -> str:
    return re.sub(r"([^\w])", r"\\\1", name[1:].strip()) if name.startswith("\\") else name


@pytest.fixture
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the engine; nodes run in forked processes, which inherit the replacement."""
    import asicflow.flow.pnr

    monkeypatch.setattr(asicflow.flow.pnr, "PnrOptions", FakeOptions, raising=False)
    monkeypatch.setattr(asicflow.flow.pnr, "implement", fake_implement, raising=False)
