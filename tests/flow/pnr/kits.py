"""Small mapped netlists for the place-and-route tests, written without a synthesis tool."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from asicflow.pdk.config import Library, load_pdk


@dataclass(frozen=True)
class Kit:
    """Cells of one library by role: name, inputs, output."""

    library: Library
    flop: str
    flop_pins: dict[str, str]
    gates: list[tuple[str, list[str], str]]


def make_kit(pdk: str, root: Path) -> Kit:
    """The cells that the generated netlists use."""
    library = load_pdk(pdk, root).library()
    if pdk == "sky130":
        p = "sky130_fd_sc_hd__"
        pins = {"d": "D", "ck": "CLK", "rn": "RESET_B", "q": "Q"}
        gates = [
            (p + "nand2_1", ["A", "B"], "Y"),
            (p + "xor2_1", ["A", "B"], "X"),
            (p + "a21oi_1", ["A1", "A2", "B1"], "Y"),
            (p + "inv_1", ["A"], "Y"),
        ]
        return Kit(library, p + "dfrtp_1", pins, gates)
    p = "gf180mcu_fd_sc_mcu7t5v0__"
    pins = {"d": "D", "ck": "CLK", "rn": "RN", "q": "Q"}
    gates = [
        (p + "nand2_1", ["A1", "A2"], "ZN"),
        (p + "xor2_1", ["A1", "A2"], "Z"),
        (p + "aoi21_1", ["A1", "A2", "B"], "ZN"),
        (p + "inv_1", ["I"], "ZN"),
    ]
    return Kit(library, p + "dffrnq_1", pins, gates)


def random_netlist(kit: Kit, flops: int, gates: int, seed: int = 1) -> str:
    """A module `dut`: registers in a ring of random gates, a constant pin, a tied and a passed-on port."""
    rng = random.Random(seed)
    known = [f"q[{k}]" for k in range(flops)] + ["en"]
    lines = [
        "module dut (clk, rst_n, en, q, en_o, one_o);",
        f"  input clk; input rst_n; input en; output [{flops - 1}:0] q; output en_o; output one_o;",
        "  wire \\odd.name[0] ;",
        "  assign en_o = en;",
        "  assign one_o = 1'b1;",
    ]
    for k in range(gates):
        cell, inputs, output = rng.choice(kit.gates)
        pins = [f".{pin}({rng.choice(known)})" for pin in inputs]
        if k == 3:
            pins[0] = pins[0].split("(")[0] + "(1'b0)"
        name = "\\odd.name[0] " if k == 5 else f"n{k}"
        known.append(name)
        lines.append(f"  {cell} g{k} ({', '.join(pins)}, .{output}({name}));")
    for k in range(flops):
        d = known[-1 - rng.randrange(min(gates, flops))]
        p = kit.flop_pins
        ports = f".{p['d']}({d}), .{p['ck']}(clk), .{p['rn']}(rst_n), .{p['q']}(q[{k}])"
        lines.append(f"  {kit.flop} \\ff[{k}] ({ports});")
    return "\n".join([*lines, "endmodule", ""])
