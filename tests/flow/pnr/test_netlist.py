"""Reading, editing and writing netlists."""

from __future__ import annotations

from pathlib import Path

import pytest

from asicflow.flow.pnr.netlist import Netlist, PnrError, plain, read_netlist, write_verilog
from asicflow.pdk.lef import Macro, Pin

MACROS = {
    "nand": Macro("nand", pins={p: Pin(p, "INPUT" if p != "Y" else "OUTPUT") for p in ("A", "B", "Y")}),
    "ram": Macro("ram", pins={f"D[{i}]": Pin(f"D[{i}]", "INPUT") for i in range(3)}),
}


def read(tmp_path: Path, text: str) -> Netlist:
    path = tmp_path / "in.v"
    path.write_text(text)
    return read_netlist(path, "t", MACROS)


def body(statements: str, ports: str = "input a; input [2:0] b; output y;") -> str:
    return f"/* head */ (* top = 1 *) module t(a, b, y); {ports}\n{statements}\nendmodule\n"


def test_pins_buses_constants_and_escaped_names(tmp_path: Path) -> None:
    netlist = read(
        tmp_path,
        body(
            "wire [1:0] w; wire \\x.y[3] ;\n"
            "nand \\u[0].g (.A(a), .B(b[2]), .Y(w[0]));\n"
            "nand g1 (.A(w[0]), .B(1'b1), .Y(\\x.y[3] ));\n"
            "nand g2 (.A(\\x.y[3] ), .B(2'h1), .Y(y));".replace("2'h1", "1'h0")
        ),
    )
    assert set(netlist.instances) == {"u_0__g", "g1", "g2"}
    assert {(i.name, p, v) for i, p, v in netlist.constants} == {("g1", "B", 1), ("g2", "B", 0)}
    assert netlist.instances["u_0__g"].pins["B"].name == "b[2]"
    assert netlist.instances["g2"].pins["A"] is netlist.instances["g1"].pins["Y"]
    assert [p.name for p in netlist.ports.values()] == ["a", "b[2]", "b[1]", "b[0]", "y"]


def test_assigns_join_nets_and_the_port_names_them(tmp_path: Path) -> None:
    netlist = read(tmp_path, body("wire w; assign y = w; nand g (.A(a), .B(b[0]), .Y(w));"))
    net = netlist.instances["g"].pins["Y"]
    assert net.name == "y" and [p.name for p in net.ports] == ["y"]


def test_concatenations_are_taken_bit_by_bit(tmp_path: Path) -> None:
    netlist = read(
        tmp_path,
        body("wire w; assign {y, w} = {b[1], 1'b0}; ram r (.D({a, b[2:1]})); nand g (.A(w), .B(a), .Y());"),
    )
    pins = {p: n.name for p, n in netlist.instances["r"].pins.items()}
    assert pins == {"D[0]": "b[1]", "D[1]": "b[2]", "D[2]": "a"}
    assert [(i.name, p, v) for i, p, v in netlist.constants] == [("g", "A", 0)]
    assert {p.name for p in netlist.ports["y"].net.ports} == {"b[1]", "y"}


def test_constant_output_port_is_noted(tmp_path: Path) -> None:
    netlist = read(tmp_path, body("assign y = 1'h1;"))
    assert [(p.name, v) for p, v in netlist.constant_ports] == [("y", 1)]


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        ("nand g (.A(a), .B(a), .Y(y)); nand h (.A(a), .B(a), .Y(y));", "net y has 2 drivers"),
        ("nand g (.A(q), .B(a), .Y(y)); wire q;", "nothing drives net q"),
        ("nor g (.A(a), .B(a), .Y(y));", "cell nor is not in the library"),
        ("nand g (.A(a), .C(a), .Y(y));", "no pin C"),
        ("assign y = {a, a};", "different widths"),
        ("nand g (.A(a) .B(a));", "expected ','"),
        ("always @(posedge a) y <= 1;", "in the netlist|not in the library"),
    ],
)
def test_bad_netlists_are_refused(tmp_path: Path, statements: str, message: str) -> None:
    with pytest.raises(PnrError, match=message) as caught:
        read(tmp_path, body(statements))
    assert caught.value.where


def test_missing_module_and_file(tmp_path: Path) -> None:
    path = tmp_path / "in.v"
    path.write_text("module other(); endmodule\n")
    with pytest.raises(PnrError, match="no module t"):
        read_netlist(path, "t", MACROS)
    with pytest.raises(PnrError, match="cannot read"):
        read_netlist(tmp_path / "none.v", "t", MACROS)


def test_written_netlist_reads_back_the_same(tmp_path: Path) -> None:
    first = read(tmp_path, body("wire w; nand g (.A(a), .B(b[0]), .Y(w)); nand h (.A(w), .B(b[1]), .Y(y));"))
    out = tmp_path / "out.v"
    write_verilog(first, out, None)
    second = read_netlist(out, "t", MACROS)
    assert {i.name: {p: n.name for p, n in i.pins.items()} for i in second.instances.values()} == {
        i.name: {p: n.name for p, n in i.pins.items()} for i in first.instances.values()
    }
    write_verilog(first, out, ("VP", "VG", {"nand": [("VPWR", "VP")]}))
    assert "inout VP;" in out.read_text() and ".VPWR(VP)" in out.read_text()


def test_edits_keep_both_sides_in_step(tmp_path: Path) -> None:
    netlist = read(tmp_path, body("wire w; nand g (.A(a), .B(b[0]), .Y(w)); nand h (.A(w), .B(b[1]), .Y(y));"))
    g, h = netlist.instances["g"], netlist.instances["h"]
    netlist.connect(h, "A", netlist.ports["a"].net)
    assert netlist.nets["w"].pins == [(g, "Y")]
    netlist.remove_instance(h)
    assert "h" not in netlist.instances and netlist.ports["a"].net.pins == [(g, "A")]
    assert netlist.add_instance("g", "nand").name == "g_0"


@pytest.mark.parametrize(("name", "clean"), [("a[3]", "a_3"), ("x.y", "x_y"), ("1a", "_1a"), ("$0", "_0")])
def test_plain_names(name: str, clean: str) -> None:
    assert plain(name).strip("_") == clean.strip("_")
    assert plain(name)[0].isalpha() or plain(name)[0] == "_"
