"""A small chip for GF180: a shift register between pads, as a mapped netlist."""

from __future__ import annotations

from pathlib import Path

from asicflow.pdk import load_pdk
from asicflow.pdk.config import Pdk
from asicflow.pdk.pads import PadRing, need_pads, pad_block

LIBRARY = "gf180mcu_fd_sc_mcu7t5v0__"
IO = "gf180mcu_fd_io__"
BITS = 6
DIE_UM = (1250.0, 1300.0)


def pad_names() -> tuple[str, ...]:
    """Instances in ring order."""
    return ("i_pad_clk", "i_pad_d", *(f"i_pad_q_{k}" for k in range(BITS)), "i_pad_io")


def netlist() -> str:
    """A register chain from pad d over BITS outputs to a bidirectional pad, which the last bit enables."""
    lines = [
        f"module chip (clk, d, q, io);\n  input clk, d;\n  output [{BITS - 1}:0] q;\n  inout io;",
        f"  wire clk_i, d_i, io_i, ie, mixed;\n  wire [{BITS - 1}:0] s;",
        f"  {IO}in_s i_pad_clk (.PAD(clk), .Y(clk_i), .PU(1'b0), .PD(1'b0));",
        f"  {IO}in_c i_pad_d (.PAD(d), .Y(d_i), .PU(1'b1), .PD(1'b0));",
        f"  {LIBRARY}inv_1 u_ie (.I(s[{BITS - 1}]), .ZN(ie));",
        f"  {LIBRARY}xor2_1 u_mix (.A1(d_i), .A2(io_i), .Z(mixed));",
    ]
    for k in range(BITS):
        source = "mixed" if k == 0 else f"s[{k - 1}]"
        lines.append(f"  {LIBRARY}dffq_1 u_s{k} (.CLK(clk_i), .D({source}), .Q(s[{k}]));")
        lines.append(
            f"  {IO}bi_24t i_pad_q_{k} (.PAD(q[{k}]), .A(s[{k}]), .OE(1'b1), .IE(1'b0), .CS(1'b0), .SL(1'b0),"
            " .PU(1'b0), .PD(1'b0));"
        )
    lines.append(
        f"  {IO}bi_24t i_pad_io (.PAD(io), .A(s[0]), .OE(s[{BITS - 1}]), .IE(ie), .CS(1'b0), .SL(1'b0),"
        " .PU(1'b0), .PD(1'b1), .Y(io_i));"
    )
    return "\n".join([*lines, "endmodule", ""])


def small_ring(pdk: Pdk, die_um: tuple[float, float] = DIE_UM) -> PadRing:
    """The ring of the small chip."""
    return PadRing(pad_names(), die_um, need_pads(pdk), pad_block(pdk, pdk.library().corners))


def gf180(root: Path) -> Pdk:
    """The process."""
    return load_pdk("gf180", root)
