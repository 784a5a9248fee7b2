"""Metal inside hard macros: what no pin reaches goes, unless something outside touches it."""

from __future__ import annotations

from pathlib import Path

import klayout.db as kdb
import pytest

from asicflow.pdk import load_pdk
from asicflow.pdk.lef import Macro, Pin
from asicflow.signoff.inner import without_inner_metal
from asicflow.signoff.layout import Layout

STACK = ["met1", "via", "met2", "via2", "met3"]
PIN = (0, 0, 20_000, 500)  # met1, with a via to met2
MACRO = Macro("ram", 60_000, 60_000, pins={"a": Pin("a", shapes={"met1": [PIN]})})
Box = tuple[str, int, int, int, int]
INSIDE: list[Box] = [
    ("met1", *PIN),
    ("via", 1_000, 200, 1_150, 350),
    ("met2", 900, 100, 1_300, 9_000),
    ("met1", 30_000, 30_000, 40_000, 30_500),
    ("via", 31_000, 30_200, 31_150, 30_350),
    ("met2", 30_900, 30_000, 31_300, 40_000),
]


def die(root: Path, pdk_root: Path, over: list[Box], spot: kdb.Trans) -> Layout:
    """A macro at a spot, and what the top cell draws over it, in the macro's own coordinates."""
    library = load_pdk("sky130", pdk_root).library()
    db = kdb.Layout()
    db.dbu = 0.001
    ram, top = db.create_cell("ram"), db.create_cell("die")
    top.insert(kdb.CellInstArray(ram, spot))
    for cell, boxes, trans in ((ram, INSIDE, kdb.Trans()), (top, over, spot)):
        for layer, *box in boxes:
            cell.shapes(db.layer(*library.layers[layer].drawing)).insert(trans * kdb.Box(*box))
    db.write(str(root / "die.gds"))
    return Layout(root / "die.gds", "die", library.layers)


def left(layout: Layout) -> dict[str, int]:
    """Polygons per layer inside the macro."""
    found = without_inner_metal(layout, {"ram"}, {"ram": MACRO}, STACK)
    return {
        name: kdb.Region(found.db.cell("ram").begin_shapes_rec(found.db.layer(*found.layers[name].drawing))).count()
        for name in STACK
    }


WHOLE = {"met1": 2, "via": 2, "met2": 2, "via2": 0, "met3": 0}
REACHED = {"met1": 1, "via": 1, "met2": 1, "via2": 0, "met3": 0}


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ([], REACHED),
        ([("met1", -5_000, 0, 100, 500)], REACHED),
        ([("met3", 0, 35_000, 60_000, 35_400)], REACHED),
        ([("met1", 39_900, 30_000, 70_000, 30_200)], WHOLE),
        ([("met1", 40_000, 30_000, 70_000, 30_200)], WHOLE),
        ([("via2", 31_000, 39_000, 31_200, 39_200), ("met3", 30_900, 38_900, 31_300, 50_000)], WHOLE),
        ([("met2", 20_000, 20_000, 20_300, 50_000)], REACHED),
    ],
    ids=["alone", "wire to the pin", "wire above", "short", "abutting", "via on it", "free track"],
)
@pytest.mark.parametrize("spot", [kdb.Trans(0, 10_000, 10_000), kdb.Trans(kdb.Trans.M90, 90_000, 5_000)], ids=str)
def test_inner_metal_goes_unless_touched(
    tmp_path: Path, pdk_root: Path, over: list[Box], expected: dict[str, int], spot: kdb.Trans
) -> None:
    assert left(die(tmp_path, pdk_root, over, spot)) == expected


def test_layout_without_macros_is_the_same(tmp_path: Path, pdk_root: Path) -> None:
    layout = die(tmp_path, pdk_root, [], kdb.Trans())
    assert without_inner_metal(layout, {"rom"}, {"ram": MACRO}, STACK) is layout
