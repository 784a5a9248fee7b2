"""The RTL register block: every kind of field, simulated."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from asicflow.errors import UserError
from asicflow.soc.rdl import RegisterMap, compile_map
from asicflow.soc.regblock import write_regblock

BLOCK = """
addrmap block {
    default regwidth = 32;
    reg { field { sw = r;  hw = na; } c[31:16] = 0xA55A;
          field { sw = rw; hw = r; } s[7:0] = 0x3C; } MIXED @ 0x0;
    reg { field { sw = rw; hw = r; onwrite = woclr; hwset; hwclr; } e[5:2] = 0; } STICKY @ 0x4;
    reg { field { sw = r; hw = w; } v[12:1]; } WIRE @ 0x8;
    reg { field { sw = w; hw = r; singlepulse; } go[3:3] = 0; } PULSE @ 0xC;
    external mem { mementries = 3; memwidth = 32; sw = rw; } ram @ 0x40;
};
"""

BENCH = """
module bench;
  logic clk = 0, rst_n = 1, write = 0, commit = 0, read = 1, legal, go, ram_sel;
  logic [5:0] addr = 0;
  logic [31:0] wdata = 0, rdata;
  logic [7:0] s;
  logic [3:0] e, set = 0, clr = 0;
  block_regs dut (.clk_i(clk), .rst_ni(rst_n), .addr_i(addr), .write_i(write), .commit_i(commit), .read_i(read),
    .wdata_i(wdata), .rdata_o(rdata), .legal_o(legal), .mixed_s_o(s),
    .sticky_e_o(e), .sticky_e_set_i(set), .sticky_e_clr_i(clr),
    .wire_v_i(12'hABC), .pulse_go_o(go), .ram_sel_o(ram_sel), .ram_rdata_i(32'hCAFE0000));
  integer errors = 0;
  task check(input string what, input logic [31:0] got, input logic [31:0] want);
    if (got !== want) begin errors = errors + 1; $display("FAIL %s: %h, expected %h", what, got, want); end
  endtask
  task tick; begin #1 clk = 1; #1 clk = 0; #1; end endtask
  task put(input [5:0] a, input [31:0] d); begin
    addr = a; wdata = d; write = 1; commit = 1; tick; write = 0; commit = 0; #1; end
  endtask
  initial begin
    #1 rst_n = 0; #1 rst_n = 1; #1;
    check("reset", rdata, 32'hA55A003C);
    put(0, 32'hFFFFFF81);
    check("storage keeps its bits, constants theirs", rdata, 32'hA55A0081);
    check("storage output", s, 8'h81);
    addr = 0; wdata = 0; write = 1; tick; write = 0; #1;
    check("no commit, no write", rdata, 32'hA55A0081);
    set = 4'b1010; tick; set = 0; addr = 1; #1;
    check("set", rdata, 32'h28);
    put(1, 32'h08);
    check("write one clears one", rdata, 32'h20);
    set = 4'b1000; clr = 4'b1111; put(1, 32'h3C); set = 0; clr = 0;
    check("set wins over clears", rdata, 32'h20);
    clr = 4'b1000; tick; clr = 0; #1;
    check("hardware clear", e, 0);
    addr = 2; #1 check("wire", rdata, 32'h1578);
    check("wire read is legal", legal, 1);
    write = 1; #1 check("wire write is not", legal, 0);
    addr = 3; wdata = 8; #1 check("no pulse without commit", go, 0);
    commit = 1; #1 check("pulse", go, 1);
    check("pulse write is legal", legal, 1);
    write = 0; commit = 0; #1 check("pulse read is not", legal, 0);
    addr = 16; #1 check("window", rdata, 32'hCAFE0000); check("window select", ram_sel, 1);
    read = 0; #1 check("nothing is shown unless read", rdata, 0); check("but judged", legal, 1); read = 1;
    addr = 18; #1 check("last word", {legal, ram_sel}, 3);
    addr = 19; #1 check("behind it", {legal, ram_sel}, 0);
    addr = 48; #1 check("alias", {legal, ram_sel}, 0);
    addr = 4; #1 check("hole", legal, 0);
    if (errors == 0) $display("ALL GOOD");
  end
endmodule
"""


@pytest.fixture
def block(tmp_path: Path) -> RegisterMap:
    path = tmp_path / "block.rdl"
    path.write_text(BLOCK)
    return compile_map(path)


def simulate(tmp_path: Path, rtl: str) -> str:
    (tmp_path / "block_regs.sv").write_text(rtl)
    (tmp_path / "bench.sv").write_text(BENCH)
    files = [str(tmp_path / "block_regs.sv"), str(tmp_path / "bench.sv")]
    subprocess.run(["iverilog", "-g2012", "-o", str(tmp_path / "sim"), "-s", "bench", *files], check=True)
    return subprocess.run(["vvp", str(tmp_path / "sim")], capture_output=True, text=True, check=True).stdout


def test_every_kind_of_field_behaves(block: RegisterMap, tmp_path: Path) -> None:
    assert simulate(tmp_path, write_regblock(block, 256)).strip() == "ALL GOOD"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("sticky_e_set_i |", "~sticky_e_set_i |"),
        ("commit_i & sel_mixed", "write_i & sel_mixed"),
        ("2'd3", "2'd2"),
        ("8'h3c", "8'h3d"),
    ],
)
def test_the_bench_sees_wrong_blocks(block: RegisterMap, tmp_path: Path, right: str, wrong: str) -> None:
    rtl = write_regblock(block, 256)
    assert right in rtl
    assert "FAIL" in simulate(tmp_path, rtl.replace(right, wrong))


def test_a_map_larger_than_its_bus_window_is_refused(block: RegisterMap) -> None:
    with pytest.raises(UserError, match="bus window"):
        write_regblock(block, 64)
