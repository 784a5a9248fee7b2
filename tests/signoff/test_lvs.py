"""LVS by geometry: clean layout matches, every planted error is found at its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from asicflow.signoff.lvs import Comparison, compare
from asicflow.signoff.netlist import read_netlist
from asicflow.signoff.verdict import Finding

from .hand_made import HandMade, P, context_of

Place = tuple[float, ...] | None
"""(x, y) or a box (x1, y1, x2, y2) in um, or no place."""

Plant = Callable[[HandMade], tuple[str, Place]]


def run(made: HandMade, root: Path) -> Comparison:
    context = context_of(root, made)
    return compare(context.netlist, context.extraction, context.macros, made.library.power)


def test_clean_layout_matches_completely(made: HandMade, tmp_path: Path) -> None:
    found = run(made, tmp_path)
    assert not found.signal and not found.supply
    assert found.nets == found.matched_nets == 10
    assert found.pins == found.matched_pins == 20
    assert found.supply_nets == found.matched_supply_nets == 2
    assert found.supply_pins == found.matched_supply_pins > 100
    assert found.instances == 8 and found.physical > 40


def missing_via(made: HandMade) -> tuple[str, Place]:
    x, y = made.pins["u4", "Y"]
    assert made.erase("via", x - 100, y - 100, x + 100, y + 100) == 1
    return "open", (x / 1000, y / 1000)


def moved_via(made: HandMade) -> tuple[str, Place]:
    x, y = made.pins["u2", "A"][0], made.tracks["n1"]
    assert made.erase("via2", x - 150, y - 150, x + 150, y + 150) == 1
    made.cut("via2", x + 1000, y)
    return "open", (x / 1000, y / 1000)


def cut_wire(made: HandMade) -> tuple[str, Place]:
    y = made.tracks["q"]
    (x1, _), (x2, _) = made.pins["u3", "Q"], made.pins["u4", "A"]
    assert made.erase("met3", -1, y - 200, 30000, y + 200) == 1
    middle = (x1 + x2) // 2
    left, right = min(x1, x2) - 200, max(x1, x2) + 200
    made.box("met3", left, y - 165, middle - 300, y + 165)
    made.box("met3", middle + 300, y - 165, right, y + 165)
    return "open", (middle / 1000, y / 1000)


def short_signals(made: HandMade) -> tuple[str, Place]:
    y1, y2 = sorted((made.tracks["n2"], made.tracks["q"]))
    x = 9_900
    made.box("met3", x, y1, x + 330, y2)
    return "short", (x / 1000, y1 / 1000, x / 1000 + 0.33, y2 / 1000)


def short_to_supply(made: HandMade) -> tuple[str, Place]:
    y = made.tracks["y"]
    made.box("met4", 18_000, y - 165, 18_350, y + 165)
    made.cut("via3", 18_100, y)
    made.box("met3", 17_250, y - 165, 18_350, y + 165)
    made.box("met4", 18_000, 5_000, 18_330, y + 165)
    made.box("met4", 18_000, 5_000, 18_800, 5_330)
    return "short", (17.25, 5.0, 18.8, 13.5)


def short_straps(made: HandMade) -> tuple[str, Place]:
    made.box("met4", 18_800, 2_000, 21_000, 2_400)
    return "short", (19.9, 2.2)


def strap_without_vias(made: HandMade) -> tuple[str, Place]:
    assert made.erase("via3", 20_000, 0, 22_000, 6_000) == 2
    return "open", (21.0, 2.72)


def floating_strap(made: HandMade) -> tuple[str, Place]:
    made.box("met4", 2_000, 0, 2_900, 5_000)
    return "floating", (2.0, 0.0)


def missing_label(made: HandMade) -> tuple[str, Place]:
    assert made.erase_label("clk") == 1
    return "missing_label", None


def label_beside_metal(made: HandMade) -> tuple[str, Place]:
    assert made.erase_label("clk") == 1
    made.label("met3", "clk", 200, 30_000)
    return "pin_without_metal", (0.2, 30.0)


def swapped_labels(made: HandMade) -> tuple[str, Place]:
    assert made.erase_label("b[0]") == 1 and made.erase_label("b[1]") == 1
    made.label("met3", "b[1]", 200, made.tracks["b[0]"])
    made.label("met3", "b[0]", 200, made.tracks["b[1]"])
    return "wrong_net", None


def swapped_nets(made: HandMade) -> tuple[str, Place]:
    made.pin_nets["u6"]["A"], made.pin_nets["u6"]["B"] = "n4", "n3"
    return "wrong_net", (made.pins["u6", "A"][0] / 1000, made.pins["u6", "A"][1] / 1000)


def extra_label(made: HandMade) -> tuple[str, Place]:
    made.label("met3", "debug", 10_000, made.tracks["n2"])
    return "extra_label", (10.0, made.tracks["n2"] / 1000)


def removed_cell(made: HandMade) -> tuple[str, Place]:
    for instance in made.top.each_inst():
        if instance.cell.name == f"{P}buf_1":
            instance.delete()
            break
    return "missing_cell", (6.44, 2.72)


def wrong_cell(made: HandMade) -> tuple[str, Place]:
    made.pin_nets["u2"] = {"A": "n1", "B": "b[0]", "Y": "n2", "EXTRA": "n4"}
    return "unknown_pin", (5.06, 0.0)


SIGNAL = [missing_via, moved_via, cut_wire, short_signals, short_to_supply, missing_label, label_beside_metal,
          swapped_labels, swapped_nets, extra_label, removed_cell, wrong_cell]  # fmt: skip
SUPPLY = [short_straps, strap_without_vias, floating_strap, short_to_supply]


@pytest.mark.parametrize("plant", SIGNAL, ids=lambda p: p.__name__)
def test_planted_signal_error_is_found(made: HandMade, tmp_path: Path, plant: Plant) -> None:
    rule, place = plant(made)
    found = run(made, tmp_path)
    assert_found(found, found.signal, rule, place)
    if rule not in ("extra_label", "unknown_pin", "missing_label"):
        assert found.matched_pins < found.pins or found.matched_nets < found.nets


@pytest.mark.parametrize("plant", SUPPLY, ids=lambda p: p.__name__)
def test_planted_supply_error_is_found(made: HandMade, tmp_path: Path, plant: Plant) -> None:
    rule, place = plant(made)
    found = run(made, tmp_path)
    assert_found(found, found.supply, rule, place)


def assert_found(found: Comparison, findings: list[Finding], rule: str, place: Place) -> None:
    """A finding of the rule lies within 1 um of the place."""
    hits = [f for f in findings if f.rule == rule]
    assert hits, [f.text for f in found.signal + found.supply]
    if place is None:
        return
    x1, y1, x2, y2 = place if len(place) == 4 else (*place, *place)
    near = [f for f in hits if f.has_place and x1 - 1 <= f.x_um <= x2 + 1 and y1 - 1 <= f.y_um <= y2 + 1]
    assert near, [(f.text, f.x_um, f.y_um, f.layer) for f in hits]


def test_lying_def_cannot_hide_an_error(made: HandMade, tmp_path: Path) -> None:
    """Names come from the DEF: with two of them exchanged the comparison must fail."""
    made.write(tmp_path)
    path = tmp_path / "layout" / "accel.def"
    text = path.read_text()
    path.write_text(text.replace("- u1 sky130_fd_sc_hd__inv_1", "- uX sky130_fd_sc_hd__inv_1"))
    context = context_of(tmp_path, made)
    path.write_text(text.replace("- u1 sky130_fd_sc_hd__inv_1", "- uX sky130_fd_sc_hd__inv_1"))
    found = compare(context.netlist, context.extraction, context.macros, made.library.power)
    assert {f.rule for f in found.signal} >= {"missing_cell", "extra_cell"}


def test_netlist_reader_refuses_behaviour(tmp_path: Path) -> None:
    path = tmp_path / "n.v"
    path.write_text("module accel (a); input a; always @(posedge a) x <= 1; endmodule\n")
    with pytest.raises(Exception, match="structural"):
        read_netlist(path, "accel")
    path.write_text("module other (); endmodule\n")
    with pytest.raises(Exception, match="no module accel"):
        read_netlist(path, "accel")


def test_netlist_reader(tmp_path: Path) -> None:
    path = tmp_path / "n.v"
    path.write_text(
        "// header\nmodule accel (input clk, input [1:0] d, output [1:0] \\q.x );\n"
        "  wire \\a/b[3] ; wire w;\n  assign w = d[0];\n"
        "  X \\u/1 (.A({d[1], w}), .B(\\a/b[3] ), .C(), .Y(\\q.x [1]));\n"
        "  X u2 (.A(2'b10), .B(1'b0), .Y(\\q.x [0]));\nendmodule\n"
    )
    module = read_netlist(path, "accel")
    assert module.ports == {"clk": "input", "d[1]": "input", "d[0]": "input", "q.x[1]": "output",
                            "q.x[0]": "output"}  # fmt: skip
    assert module.instances["u/1"].pins == {"A[1]": "d[1]", "A[0]": "w", "B": "a/b[3]", "Y": "q.x[1]"}
    assert module.instances["u2"].pins == {"A[1]": "1'b1", "A[0]": "1'b0", "B": "1'b0", "Y": "q.x[0]"}
    assert ("u/1", "A[0]") in module.nets()["d[0]"] and ("", "d[0]") in module.nets()["d[0]"]
