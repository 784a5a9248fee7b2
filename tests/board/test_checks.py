"""The protocol checks find each breach, and nothing in legal traffic."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from asicflow.resources import resource

# Cycles of one port: (htrans, haddr, hsize, hwdata, hready, hresp); a write throughout
IDLE = (0, 0, 2, 0, 1, 0)
GOOD = [
    IDLE, (2, 4, 2, 0, 1, 0), (2, 8, 0, 7, 0, 0), (2, 8, 0, 7, 1, 0), (0, 0, 2, 9, 0, 1), (0, 0, 2, 9, 1, 1), IDLE,
]  # fmt: skip
BREACHES = {
    "HTRANS is BUSY or SEQ": [(3, 4, 2, 0, 1, 0), IDLE],
    "HSIZE is more than a word": [(2, 8, 3, 0, 1, 0), IDLE],
    "HADDR is not aligned": [(2, 5, 1, 0, 1, 0), IDLE],
    "the address phase changed": [(2, 4, 2, 0, 1, 0), (2, 8, 2, 0, 0, 0), (2, 12, 2, 0, 1, 0), IDLE],
    "HWDATA changed": [(2, 4, 2, 0, 1, 0), (0, 0, 2, 1, 0, 0), (0, 0, 2, 2, 1, 0), IDLE],
    "HREADYOUT is low without": [(0, 0, 2, 0, 0, 0), IDLE],
    "HRESP is ERROR without": [(0, 0, 2, 0, 1, 1), IDLE],
    "ERROR took one cycle": [(2, 4, 2, 0, 1, 0), (0, 0, 2, 0, 1, 1), IDLE],
    "ERROR did not end": [(2, 4, 2, 0, 1, 0), (0, 0, 2, 0, 0, 1), (0, 0, 2, 0, 1, 0), IDLE],
    "a data phase is too long": [(2, 4, 2, 0, 1, 0), *[(0, 0, 2, 0, 0, 0)] * 12, IDLE],
}


def run(folder: Path, cycles: list[tuple[int, ...]], steady: int = 0) -> list[str]:
    """Drive a port and return the messages; ``steady``: its address must stay in the data phase."""
    pins = "{htrans, haddr, hsize, hwdata, hready, hresp}"
    steps = "\n".join(
        f"    {pins} = {{2'd{t}, 32'd{a}, 3'd{s}, 32'd{d}, 1'd{r}, 1'd{e}}}; tick;" for t, a, s, d, r, e in cycles
    )
    (folder / "bench.sv").write_text(f"""
module bench;
  logic clk = 0, rst_n = 0, hready = 1, hresp = 0;
  logic [1:0] htrans = 0; logic [2:0] hsize = 2; logic [31:0] haddr = 0, hwdata = 0;
  ahb_checks #(.Name("p"), .Limit(8), .Steady({steady})) i_check (
    .clk_i(clk), .rst_ni(rst_n), .hsel_i(1'b1), .haddr_i(haddr), .htrans_i(htrans),
    .hsize_i(hsize), .hprot_i(4'd1), .hwrite_i(1'b1), .hwdata_i(hwdata), .hready_i(hready),
    .hreadyout_i(hready), .hresp_i(hresp));
  task tick; begin #1 clk = 1; #1 clk = 0; end endtask
  initial begin
    tick; rst_n = 1; tick;
{steps}
    $finish;
  end
endmodule
""")
    checks = resource("ip/ahb_matrix/tb/ahb_checks.sv")
    subprocess.run(["iverilog", "-g2012", "-s", "bench", "-o", "sim", str(checks), "bench.sv"], cwd=folder, check=True)
    done = subprocess.run(["vvp", "-n", "sim"], cwd=folder, capture_output=True, text=True, check=True)
    return done.stderr.splitlines()


def test_legal_traffic_passes(tmp_path: Path) -> None:
    assert run(tmp_path, GOOD) == []


@pytest.mark.parametrize("rule", BREACHES)
def test_breach_is_found(tmp_path: Path, rule: str) -> None:
    messages = run(tmp_path, [IDLE, *BREACHES[rule]])
    assert any(rule in message for message in messages), messages


@pytest.mark.parametrize("moving", [False, True])
def test_a_steady_port_keeps_its_address(moving: bool, tmp_path: Path) -> None:
    wait = (0, 8 if moving else 4, 2, 1, 0, 0)
    cycles = [IDLE, (2, 4, 2, 0, 1, 0), wait, (0, 4, 2, 1, 1, 0), IDLE]
    assert run(tmp_path, cycles) == []
    messages = run(tmp_path, cycles, steady=1)
    assert any("the address changed in the data phase" in message for message in messages) == moving
