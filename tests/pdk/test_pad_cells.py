"""Pads: the roles of their pins against Liberty and transistors, slots, what a ring needs."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

from asicflow.errors import UserError
from asicflow.pdk import load_pdk
from asicflow.pdk.config import Pdk
from asicflow.pdk.lef import read_lef
from asicflow.pdk.liberty import LibertyCell, read_liberty
from asicflow.pdk.pads import PadCell, Pads, chip_slot, chip_slots, need_pads, pad_block, pads, slots

sys.path.insert(0, str(Path(__file__).parent))
from switches import settle


@pytest.fixture(scope="module")
def gf180(pdk_root: Path) -> Pdk:
    return load_pdk("gf180", pdk_root)


@pytest.fixture(scope="module")
def cells(gf180: Pdk) -> dict[str, LibertyCell]:
    return read_liberty(pad_block(gf180, ["slow_5v"]).liberty["slow_5v"]).cells


def bare(expression: str) -> str:
    return expression.replace("(", "").replace(")", "").replace(" ", "")


def wrong_role(kind: PadCell, cell: LibertyCell) -> str:
    """What the Liberty functions say against the roles of a pad's pins; empty when they agree."""
    pad = cell.pins[kind.pad]
    if kind.output and (bare(pad.function) != kind.output or bare(pad.three_state) != f"!{kind.enable}"):
        return f"{kind.pad} is {pad.function}, floats for {pad.three_state}"
    if kind.input:
        terms = set(bare(cell.pins[kind.input].function).split("*"))
        enabled = {name for name, value in kind.constants.items() if value == 1} | {kind.listen}
        if kind.pad not in terms or not terms - {kind.pad} <= enabled:
            return f"{kind.input} is {cell.pins[kind.input].function}"
    return ""


def test_roles_are_those_of_the_liberty_functions(gf180: Pdk, cells: dict[str, LibertyCell]) -> None:
    for name, kind in need_pads(gf180).kinds.items():
        assert wrong_role(kind, cells[kind.cell]) == "", name


@pytest.mark.parametrize(
    "change",
    [
        {"output": "IE", "enable": "A"},
        {"enable": "IE"},
        {"input": "A"},
        {"listen": None, "constants": {"IE": 0, "CS": 0, "SL": 0}},
        {"listen": "CS"},
    ],
)
def test_a_wrong_role_is_found(gf180: Pdk, cells: dict[str, LibertyCell], change: dict[str, object]) -> None:
    kind = need_pads(gf180).kinds["bidir"]
    assert wrong_role(kind.model_copy(update=change), cells[kind.cell]) != ""


@pytest.mark.parametrize("name", ["schmitt", "input", "output", "bidir"])
def test_resistors_are_those_of_the_transistors(gf180: Pdk, name: str) -> None:
    found = need_pads(gf180)
    kind, cdl = found.kinds[name], gf180.root / found.data / found.cdl
    for up, down in ((0, 0), (1, 0), (0, 1)):
        inputs = {kind.pull_up: up, kind.pull_down: down, **kind.constants, kind.listen or "none": 1}
        if kind.output and kind.enable:
            inputs |= {kind.enable: 0, kind.output: 1 - up}
        level = settle(cdl, kind.cell, inputs).get(kind.pad)
        assert level == {(0, 0): None, (1, 0): 1, (0, 1): 0}[up, down]


def test_transistors_drive_and_listen_as_the_roles_say(gf180: Pdk) -> None:
    found = need_pads(gf180)
    kind, cdl = found.kinds["bidir"], gf180.root / found.data / found.cdl
    assert kind.input and kind.output and kind.enable
    assert kind.listen == "IE"
    for value, slow, schmitt in itertools.product((0, 1), repeat=3):
        levels = {kind.output: value, kind.enable: 1, "PU": 0, "PD": 0, "IE": 1, "SL": slow, "CS": schmitt}
        assert settle(cdl, kind.cell, levels).get(kind.pad) == value
        heard = {**levels, kind.enable: 0, kind.pad: value}
        assert settle(cdl, kind.cell, heard).get(kind.input) == value
        assert settle(cdl, kind.cell, {**heard, "IE": 0}).get(kind.input) == 0


def test_every_pin_of_a_pad_has_a_role(gf180: Pdk) -> None:
    found = need_pads(gf180)
    views = read_lef(pad_block(gf180, []).lef)
    for kind in found.kinds.values():
        signals = {p.name for p in views[kind.cell].pins.values() if not p.is_power}
        roles = {kind.pad, kind.input, kind.output, kind.enable, kind.listen, kind.pull_up, kind.pull_down} - {None}
        assert signals == roles | set(kind.constants) | set(kind.open)
    depth = round(found.depth * 1000)
    names = {found.power, found.ground, *found.fillers, *(kind.cell for kind in found.kinds.values())}
    assert {views[name].height for name in names} == {depth}


def test_slots_of_chips(gf180: Pdk) -> None:
    found = chip_slots(gf180)
    assert [s.name for s in found] == ["0p5x0p5", "0p5x1", "1x0p5", "1x1"]
    whole, quarter = found[-1].die_um, found[0].die_um
    assert whole and quarter
    for a, b in zip(whole, quarter, strict=True):
        assert 2 * b + 60 == a  # a saw street between two
    for slot in found:
        assert slot.die_um and slot.width_um < slot.die_um[0] - 2 * need_pads(gf180).frame
    assert {s.name for s in slots(gf180)} - {s.name for s in found} == {"caravel"}


def test_errors_name_what_there_is(pdk_root: Path, gf180: Pdk) -> None:
    with pytest.raises(UserError, match="no slot '2x2'") as caught:
        chip_slot(gf180, "2x2")
    assert "0p5x1 (1936 x 5122 um)" in str(caught.value)
    with pytest.raises(UserError, match="needs the slot"):
        chip_slot(gf180, None)
    sky130 = load_pdk("sky130", pdk_root)
    assert pads(sky130) is None
    with pytest.raises(UserError, match="sky130 has no pad cells"):
        need_pads(sky130)
    with pytest.raises(UserError, match="sky130 has no slot '1x1'") as caught:
        chip_slot(sky130, "1x1")
    assert "user_project_wrapper (2920 x 3520 um)" in str(caught.value)


def test_files_must_be_there_and_missing_corners_take_the_stand_in(gf180: Pdk, tmp_path: Path) -> None:
    block = pad_block(gf180, ["slow_5v", "typical_5v"])
    assert block.liberty["typical_5v"] == block.liberty["slow_5v"]
    with pytest.raises(UserError, match="pad cells is missing"):
        pad_block(gf180.model_copy(update={"root": tmp_path}), ["slow_5v"])
    with pytest.raises(UserError, match="PDK file is not valid"):
        pads(gf180.model_copy(update={"raw": {"pads": {"edge": 1}}}))
    assert isinstance(need_pads(gf180), Pads)
