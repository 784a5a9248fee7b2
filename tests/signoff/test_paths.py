"""Timing paths in words."""

from __future__ import annotations

import pytest

from asicflow.signoff.paths import read_paths

REPORT = """Startpoint: i_cpu_state
            (rising edge-triggered flip-flop clocked by clk)
Endpoint: i_imem_ram (rising edge-triggered flip-flop clocked by clk)
Path Group: clk
Path Type: max

     Cap     Slew    Delay     Time   Description
---------------------------------------------------------------------------
                     0.000    0.000   clock clk (rise edge)
   0.010    0.000    0.000    0.000 ^ clk_i (in)
            0.001    0.000    0.000 ^ clk_0/I (clkbuf_4)
   0.066    0.561    0.624    0.624 ^ clk_0/Z (clkbuf_4)
            0.789    0.018    0.642 ^ i_cpu_state/CLK (dffq_1)
   0.037    1.159    2.000    2.642 ^ i_cpu_state/Q (dffq_1)
            1.159    0.003    2.645 ^ _1_/I (inv_2)
   0.116    1.772    1.250    3.895 ^ _1_/ZN (inv_2)
            1.772    0.007    3.902 ^ i_imem_ram/A[3] (ram)
                              3.902   data arrival time

                     5.000    5.000   clock clk (rise edge)
   0.066    0.561    9.000   14.000 ^ clk_0/Z (clkbuf_4)
---------------------------------------------------------------------------
                     1.098   slack (MET)


Startpoint: start_i (input port clocked by clk)
Endpoint: done_o (output port clocked by clk)

                     2.000    2.000 ^ input external delay
   0.010    0.000    0.500    2.500 ^ start_i (in)
            0.000    0.001    2.501 ^ _2_/I (buf_1)
   0.020    0.100    0.250    2.751 ^ _2_/Z (buf_1)
            0.100    0.002    2.753 ^ done_o (out)
                              2.753   data arrival time
                    -0.253   slack (VIOLATED)
"""


def test_time_and_way_of_each_path() -> None:
    first, second = read_paths(REPORT, {"i_cpu_state": "cpu", "_1_": "bus", "i_imem_ram": "imem"})
    assert (first.slack_ns, first.start, first.end, first.cells) == (1.098, "i_cpu_state", "i_imem_ram", 2)
    assert first.through == ["cpu", "bus", "imem"]
    assert first.cells_ns == pytest.approx(3.25) and first.wires_ns == pytest.approx(0.010)
    assert (first.slowest, first.slowest_ns) == ("i_cpu_state/Q (dffq_1)", 2.0)
    assert (second.slack_ns, second.start, second.end) == (-0.253, "start_i", "done_o")
    assert second.through == [] and second.wires_ns == pytest.approx(0.003)
    assert str(second).startswith("from start_i to done_o: 2 cells take 0.75 ns and the wires between them 0.00 ns")


def test_no_path_in_what_is_no_report() -> None:
    assert list(read_paths("Startpoint: a\nError: no such corner\n", {})) == []
