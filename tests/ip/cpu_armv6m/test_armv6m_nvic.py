"""Interrupt lines that do not exist: nothing can make them pending, their registers read 0."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from asicflow.resources import resource

BENCH = """
module bench;
  reg clk = 0, rst_n = 0, iser = 0, ispr = 0;
  reg [7:0] ipr = 0;
  reg [31:0] irq = 0;
  wire [31:0] enabled, pending;
  wire [63:0] prios;
  armv6m_nvic #(.NumIrq(16), .IrqUsed(USED)) i_nvic (
    .clk_i(clk), .rst_ni(rst_n), .ready_i(1'b1), .hold_i(1'b0), .irq_i(irq), .nmi_i(1'b0), .iser_i(iser),
    .icer_i(1'b0), .ispr_i(ispr), .icpr_i(1'b0), .ipr_i(ipr), .icsr_i(1'b0), .shpr2_i(1'b0), .shpr3_i(1'b0),
    .wdata_i(32'hFFFF_FFFF), .enable_o(enabled), .pending_o(pending), .priority_o(prios), .systick_i(1'b0),
    .svc_i(1'b0), .enter_i(1'b0), .leave_i(1'b0), .num_i(6'd0));
  task tick; begin #1 clk = 1; #1 clk = 0; end endtask
  initial begin
    tick; rst_n = 1; irq = 32'hFFFF_FFFF; tick; irq = 0;
    $display("%h", pending);
    ispr = 1; tick; ispr = 0; iser = 1; tick; iser = 0; ipr = 8'hFF; tick;
    $display("%h\\n%h\\n%h", pending, enabled, prios);
  end
endmodule
"""


@pytest.mark.parametrize(
    ("used", "lines", "prios"), [("32'hFFFFFFFF", 0xFFFF, 0xFFFF_FFFF), ("32'h8001", 0x8001, 0xC000_0003)]
)
def test_only_lines_that_exist_have_registers(used: str, lines: int, prios: int, tmp_path: Path) -> None:
    (tmp_path / "bench.v").write_text(BENCH.replace("USED", used))
    rtl = resource("ip/cpu_armv6m") / "rtl" / "armv6m_nvic.sv"
    subprocess.run(["iverilog", "-g2012", "-s", "bench", "-o", "sim", str(rtl), "bench.v"], cwd=tmp_path, check=True)
    done = subprocess.run(["vvp", "-n", "sim"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [int(word, 16) for word in done.stdout.split()] == [lines, lines, lines, prios]
