"""The generated bus: its text, its map, the faults it refuses."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asicflow.errors import UserError
from asicflow.soc.ip import load_ip
from asicflow.soc.matrix import Matrix, Region, write_matrix

BUS = Matrix(
    name="soc_bus",
    initiators=["debug", "dma", "cpu"],
    regions=[
        Region("imem", 0x0000_0000, 0x1000, enable="remap"),
        Region("rom", 0x0000_0000, 0x0800),
        Region("rom", 0x0800_0000, 0x0800),
        Region("imem", 0x1000_0000, 0x1000),
        Region("apb", 0x4000_0000, 0x20000),
    ],
)

# Reads every address of PROBES as the cpu, once without and once with remap; each target answers its number.
PROBES = [0x0, 0x7FC, 0x800, 0xFFC, 0x1000, 0x0800_0000, 0x0800_0800, 0x1000_0FFC, 0x4001_FFFC, 0x4002_0000]
PLAIN = ["rom", "rom", "-", "-", "-", "rom", "-", "imem", "apb", "-"]
REMAPPED = ["imem", "imem", "imem", "imem", "-", "rom", "-", "imem", "apb", "-"]


def bench() -> str:
    idle = "".join(
        f".{i}_haddr_i(32'h0), .{i}_htrans_i(2'b00), .{i}_hsize_i(3'd2), .{i}_hprot_i(4'd0), "
        f".{i}_hwrite_i(1'b0), .{i}_hwdata_i(32'h0), "
        for i in ("debug", "dma")
    )
    targets = "".join(
        f".{t}_hrdata_i(32'h{number}), .{t}_hreadyout_i(1'b1), .{t}_hresp_i(1'b0), "
        for number, t in enumerate(BUS.targets)
    )
    reads = "".join(f"    look(32'h{address:x});\n" for address in PROBES)
    return f"""
module bench;
  logic clk = 0, rst_n = 1, remap = 0, ready, resp;
  logic [31:0] addr = 0, rdata;
  logic [1:0] trans = 0;
  soc_bus dut (.clk_i(clk), .rst_ni(rst_n), .remap_i(remap), {idle} {targets}
    .cpu_haddr_i(addr), .cpu_htrans_i(trans), .cpu_hsize_i(3'd2), .cpu_hprot_i(4'd0), .cpu_hwrite_i(1'b0),
    .cpu_hwdata_i(32'h0), .cpu_hrdata_o(rdata), .cpu_hready_o(ready), .cpu_hresp_o(resp));
  task tick; begin #1 clk = 1; #1 clk = 0; #1; end endtask
  task look(input logic [31:0] a); begin
    addr = a; trans = 2; #1; while (!ready) tick;
    tick; trans = 0; #1; while (!ready) tick;
    $display("%0d", resp ? 32'd99 : rdata);
    tick; end
  endtask
  initial begin
    #1 rst_n = 0; #1 rst_n = 1; #1;
{reads}    remap = 1;
{reads}  end
endmodule
"""


JOINED = replace(BUS, joined=frozenset({"debug", "dma"}), steady=frozenset({"debug", "dma"}))
SHARED = replace(BUS, shared=frozenset({"rom", "apb"}), steady=frozenset({"debug"}))


@pytest.mark.parametrize("bus", [BUS, SHARED, JOINED], ids=["layers", "shared", "joined"])
def test_the_map_leads_to_the_targets(bus: Matrix, tmp_path: Path) -> None:
    assert read_map(write_matrix(bus), tmp_path) == [*PLAIN, *REMAPPED]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("32'hfffff800, 32'hfffff800})", "32'hfffff800, 32'hfffff000})"),  # too large a region
        (".RegionSlave({8'h01, 8'h00, 8'h00})", ".RegionSlave({8'h01, 8'h01, 8'h00})"),
        (".Rest(1)", ".Rest(2)"),
    ],
)
def test_a_wrong_shared_map_is_noticed(right: str, wrong: str, tmp_path: Path) -> None:
    text = write_matrix(SHARED)
    assert text.count(right) == 1
    assert read_map(text.replace(right, wrong), tmp_path) != [*PLAIN, *REMAPPED]


def read_map(text: str, tmp_path: Path) -> list[str]:
    """Return the targets that answer at PROBES, without and with remap."""
    text += bench()
    (tmp_path / "bus.sv").write_text(text)
    manifest = load_ip("ahb_matrix")
    sources = [str(manifest.path(f)) for f in manifest.rtl] + [str(tmp_path / "bus.sv")]
    command = ["iverilog", "-g2012", "-s", "bench", "-o", str(tmp_path / "sim"), *sources]
    subprocess.run(command, check=True)
    done = subprocess.run(["vvp", "-n", str(tmp_path / "sim")], capture_output=True, text=True, check=True)
    return ["-" if n == "99" else BUS.targets[int(n)] for n in done.stdout.split()]


@pytest.mark.parametrize("bus", [BUS, SHARED, JOINED], ids=["layers", "shared", "joined"])
def test_the_wrapper_is_clean(bus: Matrix, tmp_path: Path) -> None:
    (tmp_path / "soc_bus.sv").write_text(write_matrix(bus))
    manifest = load_ip("ahb_matrix")
    sources = [str(manifest.path(f)) for f in manifest.rtl] + [str(tmp_path / "soc_bus.sv")]
    command = ["verilator", "--lint-only", "-Wall", "--top-module", "soc_bus", *sources]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        ([Region("a", 0x100, 0x200)], "not aligned"),
        ([Region("a", 0x0, 0x180)], "not aligned"),
        ([Region("a", 0x0, 0x200), Region("b", 0x100, 0x100)], "overlap at 0x100"),
        ([Region("a", 0x0, 0x200), Region("b", 0x0, 0x200, enable="on")], "overlap"),
        ([Region("cpu", 0x0, 0x200)], "name of its own"),
        ([Region("A-1", 0x0, 0x200)], "name of its own"),
    ],
)
def test_a_wrong_map_is_refused(regions: list[Region], message: str) -> None:
    with pytest.raises(UserError, match=message):
        write_matrix(replace(BUS, regions=regions))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shared": frozenset({"rom"})}, "shares a port with none"),
        ({"shared": frozenset({"rom", "flash"})}, "has no flash"),
        ({"steady": frozenset({"gpu"})}, "has no gpu"),
        ({"shared": frozenset({"imem", "apb"})}, "imem shares a port"),
        ({"quiet": frozenset({"flash"})}, "has no flash"),
        ({"joined": frozenset({"debug"}), "steady": frozenset({"debug"})}, "shares a port with no other"),
        ({"joined": frozenset({"debug", "cpu"}), "steady": frozenset({"debug"})}, "cpu is joined with others"),
    ],
)
def test_a_wrong_share_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        write_matrix(replace(BUS, **changes))


@pytest.mark.parametrize("limit", [1, 65536])
def test_a_wrong_time_limit_is_refused(limit: int) -> None:
    with pytest.raises(UserError, match="2 to 65535"):
        write_matrix(replace(BUS, timeout=limit))


def test_targets_that_end_by_themselves_have_no_time_limit() -> None:
    assert ".Guarded({1'b1, 1'b1, 1'b1})" in write_matrix(BUS)
    assert ".Guarded({1'b1, 1'b0, 1'b0})" in write_matrix(replace(BUS, bounded=frozenset({"rom", "imem"})))
