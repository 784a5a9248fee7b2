"""The gate on a chip's slot finds what a frame does not expect: die, moved or missing pins, broken rings."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import klayout.db as kdb
import pytest

from asicflow.config import parse_config
from asicflow.pdk import load_pdk
from asicflow.pdk.frame import fixed_frame
from asicflow.signoff.context import GateContext
from asicflow.signoff.gates.slot import SlotGate
from asicflow.signoff.verdict import GateResult, Verdict

sys.path.insert(0, str(Path(__file__).parents[1] / "flow" / "pnr"))
from small_frame import TOP, small_frame

Damage = Callable[[kdb.Layout], None]
LABEL2, PIN2, MET2, MET3, MET4, MET5 = (69, 5), (69, 16), (69, 20), (70, 20), (71, 20), (72, 20)


@pytest.fixture(scope="module")
def empty(pdk_root: Path) -> kdb.Layout:
    """Pins and rings of the frame, drawn from its figures without a design."""
    _, fixed, library = small_frame(pdk_root)
    layout = kdb.Layout()
    layout.dbu = 0.001
    top = layout.create_cell(TOP)

    def draw(name: str, layer: str, rect: tuple[int, int, int, int], pin: bool = True) -> None:
        pairs, box = library.layers[layer], kdb.Box(*rect)
        top.shapes(layout.layer(*pairs.drawing)).insert(box)
        if pin and pairs.pin and pairs.label:
            top.shapes(layout.layer(*pairs.pin)).insert(box)
            top.shapes(layout.layer(*pairs.label)).insert(kdb.Text(name, kdb.Trans(box.center())))

    for name, pin in fixed.pins.items():
        draw(name, pin.layer, pin.rect)
    for name, pieces in fixed.rings.items():
        for upright, rect in pieces:
            draw(name, "met4" if upright else "met5", rect, upright)
    top.shapes(layout.layer(*library.boundary)).insert(kdb.Box(0, 0, 2_920_000, 3_520_000))
    return layout


def judged(pdk_root: Path, layout: kdb.Layout, folder: Path, damage: Damage | None = None) -> GateResult:
    """The gate's verdict on a damaged copy."""
    copy = layout.dup()
    if damage:
        damage(copy)
    (folder / "layout").mkdir()
    copy.write(str(folder / "layout" / f"{TOP}.gds"))
    config = parse_config(
        {"top": "chip", "pdk": {"name": "sky130"}, "layout": {"slot": TOP}, "soc": {"ram": "flipflops"}}
    )
    pdk = load_pdk("sky130", pdk_root)
    return SlotGate().run(GateContext(folder, config, pdk, pdk.library()))


def test_the_frames_own_figures_pass(pdk_root: Path, empty: kdb.Layout, tmp_path: Path) -> None:
    result = judged(pdk_root, empty, tmp_path)
    assert result.verdict is Verdict.PASS, result.findings
    assert result.figures["pins"] == 637 and result.figures["supply_rings"] == 8


def erase(layer: tuple[int, int], at: tuple[int, int]) -> Damage:
    """Take every shape at a point away."""

    def damage(layout: kdb.Layout) -> None:
        shapes = layout.top_cell().shapes(layout.layer(*layer))
        for shape in [s for s in shapes.each() if s.bbox().contains(kdb.Point(*at))]:
            shape.delete()

    return damage


def move(layer: tuple[int, int], at: tuple[int, int], by: int) -> Damage:
    def damage(layout: kdb.Layout) -> None:
        shapes = layout.top_cell().shapes(layout.layer(*layer))
        for shape in [s for s in shapes.each() if s.bbox().contains(kdb.Point(*at))]:
            shape.transform(kdb.Trans(by, 0))

    return damage


def all_of(*damages: Damage) -> Damage:
    def damage(layout: kdb.Layout) -> None:
        for one in damages:
            one(layout)

    return damage


def rename(name: str, layer: tuple[int, int]) -> Damage:
    def damage(layout: kdb.Layout) -> None:
        for shape in layout.top_cell().shapes(layout.layer(*layer)).each():
            if shape.text_string == name:
                shape.text_string = "other"

    return damage


def outline(layout: kdb.Layout) -> None:
    shapes = layout.top_cell().shapes(layout.layer(235, 4))
    shapes.clear()
    shapes.insert(kdb.Box(0, 0, 2_920_000, 3_519_000))


def draw(layer: tuple[int, int], box: kdb.Box) -> Damage:
    return lambda layout: layout.top_cell().shapes(layout.layer(*layer)).insert(box)


CLOCK = (2990, -1200)


@pytest.mark.parametrize(
    ("damage", "rule", "text"),
    [
        (outline, "size", "the outline is"),
        (all_of(*(move(layer, CLOCK, 460) for layer in (LABEL2, PIN2, MET2))), "pins", "pin wb_clk_i has no label"),
        (all_of(*(erase(layer, CLOCK) for layer in (LABEL2, PIN2, MET2))), "pins", "there is none"),
        (move(PIN2, CLOCK, 5), "pins", "no pin shape of its place and size"),
        (erase(MET2, CLOCK), "pins", "no metal over its whole shape"),
        (rename("wb_clk_i", LABEL2), "pins", "label other is none"),
        (erase(MET4, (-8480, 1_000_000)), "rings", "the ring of vccd1 has a gap"),
        (erase(MET5, (1_000_000, -7920)), "rings", "the ring of vssd1 has a gap"),
        (rename("vccd1", (71, 5)), "rings", "the ring of vccd1 has no label"),
        (draw(MET3, kdb.Box(-6000, 1_000_000, -5500, 1_002_000)), "edge", "outside the die"),
        (draw(MET2, kdb.Box(1_000_000, -2000, 1_000_500, 2000)), "edge", "outside the die"),
    ],
)
def test_damage_is_found(
    pdk_root: Path, empty: kdb.Layout, tmp_path: Path, damage: Damage, rule: str, text: str
) -> None:
    result = judged(pdk_root, empty, tmp_path, damage)
    assert result.verdict is Verdict.FAIL
    assert any(f.rule == rule and text in f.text for f in result.findings), [f.text for f in result.findings][:4]


def test_a_frame_is_that_of_a_chips_slot(pdk_root: Path) -> None:
    pdk = load_pdk("sky130", pdk_root)
    assert fixed_frame(pdk, "soc", None) is None
    found = fixed_frame(pdk, "chip", TOP)
    assert found is not None and found.die_um == (2920.0, 3520.0)
    assert fixed_frame(load_pdk("gf180", pdk_root), "chip", "1x1") is None
    left, right, lower, upper = (rect for _, rect in found.rings["vccd1"])
    assert left[::2] == (-10030, -6930) and right[::2] == (2_926_550, 2_929_650)
    assert lower[1::2] == (-4670, -1570) and upper[1::2] == (3_521_250, 3_524_350)
    assert found.rings["vdda1"][0][1][0] == -29_230 and found.rings["vssa1"][1][1][2] == 2_953_650
