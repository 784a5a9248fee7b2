"""Device-level LVS: every cell of the libraries matches its CDL; planted errors are found by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import klayout.db as kdb
import pytest

from asicflow.errors import UserError
from asicflow.pdk import load_pdk
from asicflow.pdk.lef import read_lef
from asicflow.signoff.cdl import Subcircuit, add_circuit, read_subcircuits
from asicflow.signoff.device_lvs import Match, compare_cells, compare_top
from asicflow.signoff.devices import load_devices
from asicflow.signoff.gate import run_gate
from asicflow.signoff.gates import devices
from asicflow.signoff.gates.devices import CellDevicesGate, TopDevicesGate
from asicflow.signoff.netlist import read_netlist
from asicflow.signoff.verdict import GateResult, Verdict

from .hand_made import HandMade, P, access, context_of, pin_stack, put


def judge(gate: type[CellDevicesGate] | type[TopDevicesGate], made: HandMade, root: Path) -> GateResult:
    record = run_gate(gate(), context_of(root, made))
    assert not isinstance(record, str)
    assert "the checker broke" not in record.result.summary
    return record.result


def shapes(made: HandMade, cell: str, pair: tuple[int, int]) -> kdb.Shapes:
    return made.layout.cell(f"{P}{cell}").shapes(made.layout.layer(*pair))


@pytest.mark.parametrize("gate", [CellDevicesGate, TopDevicesGate], ids=lambda g: g.id)
def test_clean_layout_matches(gate: type[CellDevicesGate], made: HandMade, tmp_path: Path) -> None:
    result = judge(gate, made, tmp_path)
    assert result.verdict is Verdict.PASS, result.findings[:5]
    assert all(p.is_file() for p in result.evidence)


def test_counts_are_those_of_the_netlist(made: HandMade, tmp_path: Path) -> None:
    result = judge(TopDevicesGate, made, tmp_path)
    assert result.figures["instances_matched"] == result.figures["instances"] == 6
    assert result.figures["transistors"] == 2 + 4 + 24 + 2 + 4 + 4
    assert "match uniquely" in result.summary


POLY, DIFF, LICON, LI1, NSDM, HVTP, LI_LABEL = (66, 20), (65, 20), (66, 44), (67, 20), (93, 44), (78, 44), (67, 5)


def cut_gate(made: HandMade) -> str:
    """The p transistor of an inverter loses its gate."""
    found = shapes(made, "inv_1", POLY)
    cut = kdb.Region(found) - kdb.Region(kdb.Box(0, 1300, 2000, 2700))
    found.clear()
    found.insert(cut)
    return "inv_1"


def wider_diffusion(made: HandMade) -> str:
    """The n transistor of an inverter grows."""
    shapes(made, "inv_1", DIFF).insert(kdb.Box(340, 235, 1010, 985))
    return "inv_1"


def other_implant(made: HandMade) -> str:
    """The p transistors of the nand lose their high-Vt implant."""
    shapes(made, "nand2_1", HVTP).clear()
    return "nand2_1"


def lost_contact(made: HandMade) -> str:
    """The contacts of an inverter's output are gone."""
    found = shapes(made, "inv_1", LICON)
    for shape in [s for s in found.each() if s.bbox().left > 750]:
        found.erase(shape)
    return "inv_1"


def swapped_labels(made: HandMade) -> str:
    """The labels of a nand's inputs change places: the transistors still match."""
    found = shapes(made, "nand2_1", LI_LABEL)
    for shape in list(found.each()):
        if shape.text_string in "AB":
            shape.text_string = "B" if shape.text_string == "A" else "A"
    return "nand2_1"


@pytest.mark.parametrize("damage", [cut_gate, wider_diffusion, other_implant, lost_contact, swapped_labels])
def test_damaged_cell_is_named(damage: Callable[[HandMade], str], made: HandMade, tmp_path: Path) -> None:
    cell = damage(made)
    result = judge(CellDevicesGate, made, tmp_path)
    assert result.verdict is Verdict.FAIL
    assert {f.text.split(":")[0] for f in result.findings if ":" in f.text} == {f"{P}{cell}"}
    if damage is not swapped_labels:
        assert judge(TopDevicesGate, made, tmp_path / "top").verdict is Verdict.FAIL


def lost_tap(made: HandMade) -> None:
    for instance in list(made.top.each_inst()):
        if instance.cell.name == f"{P}tapvpwrvgnd_1":
            instance.delete()


def lost_via(made: HandMade) -> None:
    x, y = made.pins["u4", "Y"]
    assert made.erase("via", x - 100, y - 100, x + 100, y + 100) == 1


def swapped_nets(made: HandMade) -> None:
    pins = made.pin_nets["u6"]
    pins["A"], pins["Y"] = pins["Y"], pins["A"]


def wrong_cell(made: HandMade) -> None:
    """A nor of the layout stands where the netlist has a nand."""
    for instance in list(made.top.each_inst()):
        if instance.cell.name == f"{P}nand2_1":
            instance.cell = made.layout.cell(f"{P}nor2_1")


def short_to_supply(made: HandMade) -> None:
    x, y = made.pins["u4", "Y"]
    made.box("met1", x - 70, y, x + 70, 2 * 2720)


def port_without_wire(made: HandMade) -> None:
    """The only via of an input port's pin is gone: nothing else is on that net."""
    x, y = made.pins["u1", "A"]
    assert made.erase("via", x - 100, y - 100, x + 100, y + 100) == 1


def swapped_ports(made: HandMade) -> None:
    for text, other in (("a", "y"), ("y", "a")):
        made.erase_label(text)
        made.label("met3", text, 200, made.tracks[other])


@pytest.mark.parametrize(
    "damage", [port_without_wire, swapped_ports, lost_tap, lost_via, swapped_nets, wrong_cell, short_to_supply]
)
def test_damaged_layout_fails(damage: Callable[[HandMade], None], made: HandMade, tmp_path: Path) -> None:
    damage(made)
    assert judge(TopDevicesGate, made, tmp_path).verdict is Verdict.FAIL


def test_nothing_matches_nothing(made: HandMade, tmp_path: Path) -> None:
    """An empty netlist, and a layout without devices, must not pass."""
    context = context_of(tmp_path, made)
    (tmp_path / "layout" / "accel.pg.v").write_text("module accel (); endmodule\n")
    record = run_gate(TopDevicesGate(), context)
    assert not isinstance(record, str) and record.result.verdict is Verdict.FAIL
    for cell in made.layout.each_cell():
        cell.shapes(made.layout.layer(*POLY)).clear()
    assert judge(CellDevicesGate, made, tmp_path / "bare").verdict is Verdict.FAIL


def test_missing_cdl_is_a_failure(made: HandMade, tmp_path: Path) -> None:
    cdl = tmp_path / "short.cdl"
    cdl.write_text(".SUBCKT x A\n.ENDS\n")
    context = context_of(tmp_path, made)
    assert context.maybe_library is not None
    context.maybe_library = context.maybe_library.model_copy(update={"cdl": [cdl]})
    record = run_gate(CellDevicesGate(), context)
    assert not isinstance(record, str) and record.result.verdict is Verdict.FAIL
    assert "has no CDL" in record.result.findings[0].text


def test_unknown_device_is_refused(tmp_path: Path) -> None:
    cell = Subcircuit("x", ["A"], tmp_path / "x.cdl", [(7, ["C1", "A", "B", "mimcap"])])
    with pytest.raises(UserError, match="no known device"):
        add_circuit(kdb.Netlist(), cell, load_devices("sky130"))


NOT_USABLE = ("lpflow", "probe", "macro_sparecell")
"""Cells that a library does not offer to synthesis (their CDL has taps or other cells inside)."""


@pytest.mark.slow
@pytest.mark.parametrize(("process", "tracks"), [("sky130", ""), ("gf180", "7t"), ("gf180", "9t")])
def test_every_cell_of_the_library_matches(process: str, tracks: str, pdk_root: Path) -> None:
    library = load_pdk(process, pdk_root).library()
    devices = load_devices(process)
    swap = ("mcu7t", f"mcu{tracks}")
    cells = read_subcircuits([Path(str(p).replace(*swap)) for p in library.cdl])
    db = kdb.Layout()
    db.read(str(library.gds[0]).replace(*swap))
    names = [n for n in sorted(cells) if not any(word in n for word in NOT_USABLE)]
    matches = compare_cells(db, [cells[n] for n in names], devices, library.power.ground_pins).values()
    assert len(matches) == len(names)
    assert [f.text for m in matches for f in m.findings] == []
    assert sum(m.devices for m in matches) > 1500


def test_limit_of_time_makes_it_unverified(made: HandMade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_long(*_: object, limit: int) -> None:
        raise TimeoutError(f"not finished after {limit} processor seconds")

    monkeypatch.setattr(devices, "run_apart", too_long)
    result = judge(TopDevicesGate, made, tmp_path)
    assert result.verdict is Verdict.UNVERIFIED and "were not compared in 300 s" in result.summary


def test_cells_that_only_drive_a_macro_match_in_any_order(made: HandMade, tmp_path: Path) -> None:
    """Two tie cells, one's high and the other's low output at a macro that is left out: nothing tells them apart."""
    source = kdb.Layout()
    source.read(str(made.library.gds[0]))
    macro = read_lef(made.library.lefs)[f"{P}conb_1"]
    for row, pin in enumerate(("HI", "LO")):
        put(made, source, macro.name, row, 42)
        pin_stack(made, *access(made, macro, pin, row, 42))
    made.write(tmp_path)
    netlist = tmp_path / "layout" / "accel.pg.v"
    supply = ".VPWR(VPWR), .VGND(VGND), .VPB(VPWR), .VNB(VGND)"
    more = [
        "wire h, l; ram mem (.d({h, l}));",
        f"{P}conb_1 high (.HI(h), {supply}); {P}conb_1 low (.LO(l), {supply});",
        "endmodule",
    ]
    netlist.write_text(netlist.read_text().replace("endmodule", "\n".join(more)))
    library = made.library

    def compared(blocks: set[str]) -> Match:
        given = read_subcircuits(library.cdl), load_devices("sky130"), library.power, blocks
        return compare_top(made.layout, "accel", read_netlist(netlist, "accel"), *given)

    match = compared({"ram"})
    assert match.matched and match.subcircuits == 8, match.findings[:5]
    netlist.write_text(netlist.read_text().replace(".HI(h)", ".HI(n1)"))  # negative control: high drives an inner net
    assert not compared({"ram"}).matched
