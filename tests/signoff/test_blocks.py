"""Cells of a flat netlist and the blocks they came from."""

from __future__ import annotations

from pathlib import Path

from asicflow.signoff.blocks import TOP, blocks_of, read_blocks
from asicflow.signoff.netlist import read_netlist

OUTPUTS = {"inv": {"Y"}, "dff": {"Q"}, "ram": {"dout"}}


def blocks(folder: Path, body: str) -> dict[str, str]:
    path = folder / "top.v"
    path.write_text(f"module top (input a, output y);\n{body}\nendmodule\n")
    return blocks_of(read_netlist(path, "top"), OUTPUTS, {"i_cpu", "i_cpu_2", "i_bus", "i_imem", "gen_timer"})


def test_gates_belong_where_most_of_their_loads_do(tmp_path: Path) -> None:
    found = blocks(
        tmp_path,
        """inv _1_ (.A(a), .Y(n1));
        inv _2_ (.A(n1), .Y(n2));
        dff \\i_cpu.state[0] (.D(n2), .Q(q0));
        dff \\i_cpu.i_alu.flag[1] (.D(n2), .Q(q1));
        dff gen_timer_2__count (.D(n2), .Q(q2));
        dff i_cpu_2_state (.D(n2), .Q(q3));
        inv _3_ (.A(q0), .Y(y));""",
    )
    assert found == {
        "_1_": "cpu", "_2_": "cpu", "i_cpu.state[0]": "cpu", "i_cpu.i_alu.flag[1]": "cpu",
        "gen_timer_2__count": "gen_timer",
        "i_cpu_2_state": "cpu_2", "_3_": TOP,
    }  # fmt: skip


def test_the_name_of_the_net_that_it_drives_comes_before_its_loads(tmp_path: Path) -> None:
    found = blocks(
        tmp_path,
        """inv _1_ (.A(a), .Y(\\i_bus.grant ));
        dff \\i_cpu.state (.D(\\i_bus.grant ), .Q(y));""",
    )
    assert found["_1_"] == "bus"


def test_a_macro_keeps_its_name_and_the_bits_of_its_pins_are_outputs(tmp_path: Path) -> None:
    found = blocks(
        tmp_path,
        """wire [1:0] d;
        ram \\i_imem.i_ram (.dout(d), .a(n));
        inv _1_ (.A(d[0]), .Y(n));
        inv _2_ (.A(d[1]), .Y(y));""",
    )
    assert found == {"i_imem.i_ram": "imem", "_1_": "imem", "_2_": TOP}


def test_blocks_are_the_first_level_of_names_that_synthesis_flattened(tmp_path: Path) -> None:
    path = tmp_path / "mapped.v"
    path.write_text("dff \\i_cpu.i_alu.flag[1] (.D(\\gen_timer[2].count ), .Q(\\gpio[3] ));\ninv _1_ (.A(a.b));\n")
    assert read_blocks(path) == {"i_cpu", "gen_timer"}
