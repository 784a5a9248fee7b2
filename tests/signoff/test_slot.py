"""The gate on a chip's slot finds a wrong die, a missing pad, a gap in the ring and metal in the free edge."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import klayout.db as kdb
import pytest

from asicflow.config import parse_config
from asicflow.flow.pnr.netlist import read_netlist
from asicflow.flow.pnr.orientation import klayout_trans
from asicflow.flow.pnr.pad_ring import open_ring
from asicflow.flow.pnr.technology import load_technology
from asicflow.pdk.config import Pdk
from asicflow.pdk.lef import read_lef
from asicflow.pdk.pads import pad_block
from asicflow.signoff.context import GateContext
from asicflow.signoff.gates.slot import SlotGate
from asicflow.signoff.gates.timing import borrowed
from asicflow.signoff.verdict import GateResult, Verdict

sys.path.insert(0, str(Path(__file__).parents[1] / "flow" / "pnr"))
from small_chip import DIE_UM, gf180, netlist, pad_names, small_ring

Damage = Callable[[kdb.Layout], None]


@pytest.fixture(scope="module")
def pdk(pdk_root: Path) -> Pdk:
    """GF180 with a slot of the small chip's size."""
    known = gf180(pdk_root)
    slots = {**known.raw["slots"], "small": {"die_um": list(DIE_UM), "title": "small"}}
    return known.model_copy(update={"raw": {**known.raw, "slots": slots}})


@pytest.fixture(scope="module")
def ring_only(pdk: Pdk, tmp_path_factory: pytest.TempPathFactory) -> kdb.Layout:
    """The ring of pads of the small chip, without a core."""
    source = tmp_path_factory.mktemp("ring") / "in.v"
    source.write_text(netlist())
    ring, library = small_ring(pdk), pdk.library()
    macros = read_lef([*library.lefs, ring.block.lef])
    plan = open_ring(read_netlist(source, "chip", macros), ring, macros, load_technology(library, False), library)
    layout = kdb.Layout()
    layout.dbu = 0.001
    pads = kdb.Layout()
    pads.read(str(ring.block.gds))
    top = layout.create_cell("chip")
    for instance in (*plan.placed.values(), *plan.others):
        cell = layout.cell(instance.cell)
        if cell is None:
            cell = layout.create_cell(instance.cell)
            cell.copy_tree(pads.cell(instance.cell))
        top.insert(kdb.CellInstArray(cell.cell_index(), klayout_trans(instance, macros[instance.cell])))
    top.shapes(layout.layer(*library.boundary)).insert(kdb.Box(0, 0, plan.width, plan.height))
    return layout


def judged(pdk: Pdk, layout: kdb.Layout, folder: Path, damage: Damage | None = None, slot: str = "small") -> GateResult:
    """The gate's verdict on a damaged copy."""
    copy = layout.dup()
    if damage:
        damage(copy)
    (folder / "layout").mkdir()
    (folder / "soc").mkdir()
    copy.write(str(folder / "layout" / "chip.gds"))
    (folder / "soc" / "soc.json").write_text(json.dumps({"pads": list(pad_names())}))
    config = parse_config(
        {"top": "chip", "pdk": {"name": "gf180"}, "layout": {"slot": slot}, "soc": {"ram": "flipflops"}}
    )
    return SlotGate().run(GateContext(folder, config, pdk, pdk.library()))


def test_a_whole_ring_passes(pdk: Pdk, ring_only: kdb.Layout, tmp_path: Path) -> None:
    result = judged(pdk, ring_only, tmp_path)
    assert result.verdict is Verdict.PASS, result.findings
    assert result.figures["signal_pads"] == len(pad_names()) and result.figures["supply_pads"] == 8
    only_chips = GateContext(tmp_path, parse_config({"top": "soc"}))
    assert "top soc is no chip" in SlotGate().not_applicable(only_chips)


def remove(cell: str) -> Damage:
    def damage(layout: kdb.Layout) -> None:
        next(i for i in layout.top_cell().each_inst() if i.cell.name == f"gf180mcu_fd_io__{cell}").delete()

    return damage


def draw(layer: tuple[int, int], box: kdb.Box) -> Damage:
    return lambda layout: layout.top_cell().shapes(layout.layer(*layer)).insert(box)


@pytest.mark.parametrize(
    ("damage", "rules"),
    [
        (remove("in_c"), {"pads", "ring"}),
        (remove("cor"), {"pads", "ring"}),
        (remove("fill10"), {"ring"}),
        (draw((81, 0), kdb.Box(600_000, 5_000, 610_000, 15_000)), {"edge"}),
        (draw((0, 0), kdb.Box(0, 0, 1_250_100, 1_300_000)), {"size", "ring"}),
        (draw((34, 0), kdb.Box(-100, 0, 100, 100)), {"size", "edge", "ring"}),
    ],
)
def test_damage_is_found(pdk: Pdk, ring_only: kdb.Layout, tmp_path: Path, damage: Damage, rules: set[str]) -> None:
    result = judged(pdk, ring_only, tmp_path, damage)
    assert result.verdict is Verdict.FAIL
    assert {f.rule for f in result.findings} & rules and {f.rule for f in result.findings} <= rules


def test_the_die_of_another_slot_fails(pdk: Pdk, ring_only: kdb.Layout, tmp_path: Path) -> None:
    result = judged(pdk, ring_only, tmp_path, slot="0p5x0p5")
    assert result.verdict is Verdict.FAIL and "1936 x 2531 um" in result.findings[0].text


def test_corners_without_a_file_of_their_own_are_named(pdk: Pdk) -> None:
    assert borrowed([pad_block(pdk, pdk.library().corners)]) == ["gf180mcu_fd_io in slow_5v = typical_5v"]
    assert borrowed([pad_block(pdk, ["slow_5v", "fast_5v"])]) == []
