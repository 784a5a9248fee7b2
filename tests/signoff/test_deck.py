"""Rule files: every rule finds its planted violation, none cries wolf over the foundry's cells."""

from __future__ import annotations

from pathlib import Path

import klayout.db as kdb
import pytest

from asicflow.errors import UserError
from asicflow.pdk import load_pdk
from asicflow.signoff.deck import Deck, derive, load_deck, read_deck
from asicflow.signoff.drc import NEIGHBOUR_KINDS, check, check_layout
from asicflow.signoff.layout import Gallery, Layout

from .hand_made import ROW, SITE, HandMade, P

Box = tuple[int, int, int, int]
Shapes = dict[str, list[Box]]
PROCESSES = ("sky130", "gf180")


def marks(deck: Deck, rule_id: str, shapes: Shapes, polygons: dict[str, kdb.Polygon]) -> int:
    """How many places of a drawing of drawn layers a rule marks."""
    rules = deck.rule_set()
    drawn = {n: kdb.Region([kdb.Box(*b) for b in shapes.get(n, [])]) for n in rules.stack}
    for name, polygon in polygons.items():
        drawn[name].insert(polygon)
    merged = {n: r.merged() for n, r in drawn.items()}
    judged = [r for r in rules.rules if r.id == rule_id]
    return len(check(derive(merged.__getitem__, rules.derived), judged))


# What each rule must find, by the rule's kind where its layers are drawn ones, else by its id.
SKY: dict[str, Shapes] = {
    "nwell.4": {"nwell": [(0, 0, 2000, 2000)]},
    "hvtp.3": {"nwell": [(0, 0, 4000, 4000)], "diff": [(1000, 1000, 2000, 2000)], "poly": [(1400, 800, 1550, 2200)],
               "hvtp": [(1300, 900, 1700, 2100)]},
    "hvtp.4": {"nwell": [(0, 0, 4000, 4000)], "diff": [(1000, 1000, 2000, 2000)], "poly": [(1400, 800, 1550, 2200)],
               "hvtp": [(1700, 900, 2500, 2100)]},
    "difftap.2b": {"diff": [(0, 0, 1000, 350)], "poly": [(400, -200, 550, 600)]},
    "difftap.3": {"diff": [(0, 0, 1000, 1000)], "tap": [(1265, 0, 2000, 1000)]},
    "difftap.8": {"nwell": [(0, 0, 2000, 2000)], "diff": [(170, 500, 900, 900)]},
    "difftap.9": {"nwell": [(0, 0, 2000, 2000)], "diff": [(2335, 500, 2900, 900)]},
    "difftap.10": {"nwell": [(0, 0, 2000, 2000)], "tap": [(170, 500, 900, 900)]},
    "difftap.11": {"nwell": [(0, 0, 2000, 2000)], "tap": [(2125, 500, 2900, 900)]},
    "LU.2": {"diff": [(0, 0, 1000, 1000)], "tap": [(16_200, 0, 17_000, 1000)]},
    "LU.3": {"nwell": [(-500, -500, 18_000, 1500)], "diff": [(0, 0, 1000, 1000)], "tap": [(16_200, 0, 17_000, 1000)]},
    "poly.4": {"diff": [(0, 0, 1000, 1000)], "poly": [(1070, 0, 1300, 1000)]},
    "poly.5": {"tap": [(0, 0, 1000, 1000)], "poly": [(1050, 0, 1300, 1000)]},
    "poly.7": {"diff": [(0, 0, 1000, 1000)], "poly": [(240, -300, 390, 1300)]},
    "poly.8": {"diff": [(0, 0, 1000, 1000)], "poly": [(400, -125, 550, 1300)]},
    "npc.4": {"diff": [(0, 0, 1000, 1000)], "poly": [(400, -300, 550, 1300)], "npc": [(635, 0, 1000, 400)]},
    "nsd.5a": {"diff": [(0, 0, 1000, 1000)], "nsdm": [(-120, -200, 1200, 1200)]},
    "nsd.7": {"nwell": [(-500, -500, 1500, 1500)], "diff": [(0, 0, 1000, 1000)], "nsdm": [(1125, 0, 1600, 1000)]},
    "psd.5a": {"nwell": [(-500, -500, 1500, 1500)], "diff": [(0, 0, 1000, 1000)], "psdm": [(-120, -200, 1200, 1200)]},
    "psd.7": {"diff": [(0, 0, 1000, 1000)], "psdm": [(1125, 0, 1600, 1000)]},
    "nsd.8": {"diff": [(0, 0, 1000, 1000)], "psdm": [(-200, -200, 1200, 1200)]},
    "nsd.9": {"diff": [(0, 0, 1000, 1000)]},
    "licon.4": {"licon": [(0, 0, 170, 170)], "li1": [(-100, -100, 300, 300)]},
    "licon.5a": {"diff": [(0, 0, 1000, 1000)], "licon": [(35, 400, 205, 570)]},
    "licon.5c": {"diff": [(0, 0, 1000, 1000)], "licon": [(45, 50, 215, 220)]},
    "licon.7": {"tap": [(0, 0, 400, 400)], "licon": [(110, 110, 280, 280)]},
    "licon.8": {"poly": [(0, 0, 400, 400)], "licon": [(45, 110, 215, 280)]},
    "licon.8a": {"poly": [(0, 0, 400, 400)], "licon": [(60, 70, 230, 240)]},
    "licon.9": {"poly": [(0, 0, 400, 400)], "licon": [(100, 100, 270, 270)], "psdm": [(375, 0, 900, 400)]},
    "licon.11a": {"diff": [(0, 0, 2000, 1000)], "poly": [(400, -300, 550, 1300)], "licon": [(595, 100, 765, 270)]},
    "licon.13": {"diff": [(0, 0, 1000, 1000)], "licon": [(100, 100, 270, 270)], "npc": [(355, 0, 800, 400)]},
    "licon.14": {"poly": [(0, 0, 400, 400)], "licon": [(200, 100, 370, 270)], "diff": [(555, 0, 1000, 400)]},
    "licon.15": {"poly": [(0, 0, 400, 400)], "licon": [(100, 100, 270, 270)], "npc": [(5, 0, 400, 400)]},
    "licon.16.tap": {"tap": [(0, 0, 400, 400)]},
    "licon.17": {"poly": [(0, 0, 400, 400)], "diff": [(200, 0, 900, 400)], "licon": [(100, 100, 270, 270)]},
    "li.5": {"licon": [(0, 0, 170, 170)], "li1": [(-75, -75, 245, 245)]},
    "ct.4": {"mcon": [(0, 0, 170, 170)], "li1": [(0, 0, 165, 170)]},
}  # fmt: skip
GATE: Shapes = {"comp": [(0, 0, 3000, 1000)], "poly2": [(1000, -300, 1600, 1300)],
                "dualgate": [(-500, -500, 3500, 1500)], "nplus": [(-200, -200, 3200, 1200)]}  # fmt: skip
PGATE: Shapes = {**GATE, "nwell": [(-900, -900, 3900, 1900)], "pplus": GATE["nplus"], "nplus": []}
GF: dict[str, Shapes] = {
    "NW.2b": {"nwell": [(0, 0, 2000, 2000), (3690, 0, 6000, 2000)]},
    "NW.4": {"nwell": [(0, 0, 2000, 2000)], "lvpwell": [(1900, 0, 4000, 2000)]},
    "DV.4": {**GATE, "dualgate": [(-500, -500, 1500, 1500)]},
    "DF.2a": {**GATE, "comp": [(0, 0, 3000, 295)]},
    "DF.4c": {**PGATE, "nwell": [(-590, -900, 3900, 1900)]},
    "DF.4d": {**GATE, "nwell": [(-155, -900, 3900, 1900)]},
    "DF.6": {**GATE, "comp": [(605, 0, 3000, 1000)]},
    "DF.12": {**GATE, "nplus": [(200, -200, 3200, 1200)]},
    "DF.12x": {**GATE, "pplus": [(2000, -200, 3200, 1200)]},
    "DF.13": {**PGATE, "nwell": [(-900, -900, 25_000, 1900)]},
    "DF.14": {**GATE, "pplus": [(19_000, -200, 21_000, 1200)],
              "comp": [(0, 0, 3000, 1000), (19_200, 0, 20_000, 1000)]},
    "PL.2n": {**GATE, "poly2": [(1000, -300, 1595, 1300)]},
    "PL.2p": {**PGATE, "poly2": [(1000, -300, 1495, 1300)]},
    "PL.4": {**GATE, "poly2": [(1000, -215, 1600, 1300)]},
    "PL.5": {**GATE, "poly2": [(1000, -300, 1600, 1300), (3295, 0, 3600, 1000)]},
    "NP.3a": {**PGATE, "nplus": [(3155, 0, 4000, 1000)]},
    "NP.5a": {**GATE, "nplus": [(-200, -225, 3200, 1200)]},
    "NP.5b": {**GATE, "nplus": [(-155, -300, 3200, 1300)]},
    "PP.3a": {**GATE, "pplus": [(3155, 0, 4000, 1000)]},
    "PP.5a": {**PGATE, "pplus": [(-200, -225, 3200, 1200)]},
    "PP.5b": {**PGATE, "pplus": [(-155, -300, 3200, 1300)]},
    "CO.3": {"poly2": [(0, 0, 1000, 1000)], "contact": [(65, 300, 285, 520)]},
    "CO.4": {"comp": [(0, 0, 1000, 1000)], "contact": [(65, 300, 285, 520)]},
    "CO.6a": {"contact": [(0, 0, 220, 220)], "Metal1": [(0, -100, 400, 400)]},
    "CO.6b": {"contact": [(0, 0, 220, 220)], "Metal1": [(-50, -50, 2000, 270)]},
    "CO.6c": {"contact": [(0, 0, 220, 220)], "Metal1": [(-35, -55, 2000, 800)]},
    "CO.7": {**GATE, "contact": [(1745, 300, 1965, 520)]},
    "CO.8": {"poly2": [(0, 0, 500, 500)], "contact": [(200, 100, 420, 320)], "comp": [(585, 0, 1000, 500)]},
    "CO.10": {**GATE, "contact": [(1100, 300, 1320, 520)]},
    "CO.11": {"contact": [(0, 0, 220, 220)], "Metal1": [(-100, -100, 400, 400)]},
}  # fmt: skip
RECIPES = {"sky130": SKY, "gf180": GF}


def recipe(deck: Deck, rule_id: str) -> tuple[Shapes, dict[str, kdb.Polygon]]:
    """A drawing that breaks a rule."""
    made = RECIPES[deck.process].get(rule_id)
    if made is not None:
        return made, {}
    rule = next(r for r in deck.rule_set().rules if r.id == rule_id)
    assert rule.layer in deck.layers, f"{rule_id} has no negative control"
    one, v, name = 5, rule.value, rule.layer
    match rule.kind:
        case "width":
            return {name: [(0, 0, v - one, 20 * v)]}, {}
        case "space":
            return {name: [(0, 0, 9000, 9000), (9000 + v - one, 0, 18_000, 9000)]}, {}
        case "wide_space":
            wide = rule.extra + 100
            return {name: [(0, 0, wide, wide), (wide + v - one, 0, 2 * wide, wide)]}, {}
        case "area":
            side = int(v**0.5) - one
            return {name: [(0, 0, side, side)]}, {}
        case "enclosed_area":
            side = int(v**0.5) - one
            frame = [(-900, -900, side + 900, 0), (-900, side, side + 900, side + 900)]
            return {name: [*frame, (-900, 0, 0, side), (side, 0, side + 900, side)]}, {}
        case "cut_size":
            return {name: [(0, 0, v + one, v)]}, {}
        case "cut_array":
            pitch = 260 + v - one
            cuts = [(1000 + i * pitch, 1000 + j * pitch, 1260 + i * pitch, 1260 + j * pitch)
                    for i in range(rule.extra) for j in range(rule.extra)]  # fmt: skip
            return {name: cuts} | {other: [(0, 0, 6000, 6000)] for other in rule.others}, {}
        case "enclosed_by":
            return {name: [(0, 0, 200, 200)], rule.others[0]: [(one - v, -900, 1200, 1200)]}, {}
        case "adjacent":
            tight = -(rule.extra or v) + one
            return {name: [(0, 0, 200, 200)], rule.others[0]: [(tight, one - v, 1200, 1200)]}, {}
        case "line_end":
            return {name: [(0, 0, 260, 260)], rule.others[0]: [(one - v, -30, 2000, 290)]}, {}
        case "grid":
            return {name: [(3, 0, 5000, 5000)]}, {}
        case "angle":
            far = (6000, 500) if rule.value == 45 else (6000, 6000)
            points = [kdb.Point(*p) for p in ((0, 0), (5000, 0), far, (0, far[1]))]
            if rule.value == 90:
                points = [kdb.Point(*p) for p in ((0, 0), (5000, 0), (0, 5000))]
            return {}, {name: kdb.Polygon(points)}
    raise AssertionError(f"{rule_id} has no negative control")


def decks() -> list[tuple[Deck, str]]:
    return [(deck, rule.id) for deck in map(load_deck, PROCESSES) for rule in deck.rules]


@pytest.mark.parametrize(("deck", "rule"), decks(), ids=lambda v: v if isinstance(v, str) else v.process)
def test_every_rule_finds_its_violation(deck: Deck, rule: str) -> None:
    shapes, polygons = recipe(deck, rule)
    assert marks(deck, rule, shapes, polygons)


def library_markers(process: str, gds: Path) -> set[tuple[str, str]]:
    db = kdb.Layout()
    db.read(str(gds))
    rules = load_deck(process).rule_set()
    gallery = Gallery(db, [c.name for c in db.each_cell() if "__" in c.name], rules.layers)
    judged = [r for r in rules.rules if r.kind not in NEIGHBOUR_KINDS]
    found = check(derive(gallery.region, rules.derived), judged)
    return {(m.rule.id, gallery.cell_at(m.box[0]).split("__")[1]) for m in found}


def test_sky130_cells_are_clean(pdk_root: Path) -> None:
    """All cells of the foundry; only tap cells alone lack the area that their neighbours add."""
    taps = ("tap_1", "tapvgnd_1", "tapvgnd2_1", "tapvpwrvgnd_1")
    expected = {(rule, cell) for rule in ("nsd.10a", "psd.10b") for cell in taps}
    expected |= {("m1.6", cell) for cell in ("tapvgnd_1", "tapvgnd2_1")}
    assert library_markers("sky130", load_pdk("sky130", pdk_root).library().gds[0]) == expected


@pytest.mark.parametrize("tracks", ["7t", "9t"])
def test_gf180_cells_are_clean(tracks: str, pdk_root: Path) -> None:
    gds = str(load_pdk("gf180", pdk_root).library().gds[0])
    assert library_markers("gf180", Path(gds.replace("mcu7t", f"mcu{tracks}"))) == set()


# -- what a placement can break, on real cells --------------------------------------------------------


def placed(made: HandMade, root: Path) -> set[str]:
    made.write(root)
    deck = load_deck("sky130")
    layout = Layout(root / "layout" / "accel.gds", "accel", deck.rule_set().layers)
    outlines = {n: (0, 0, m.width, m.height) for n, m in made.macros.items()}
    return {m.rule.id for m in check_layout(layout, deck.rule_set(), outlines).markers}


def test_rows_of_cells_are_clean(made: HandMade, tmp_path: Path) -> None:
    assert placed(made, tmp_path) == set()


def move(made: HandMade, cell: str, dx: int, dy: int) -> None:
    """Move the one instance of a cell."""
    (instance,) = [i for i in made.top.each_inst() if i.cell.name == f"{P}{cell}"]
    instance.transform(kdb.Trans(dx, dy))


@pytest.mark.parametrize(
    ("cell", "dx", "dy", "rules"),
    [
        ("inv_1", 460, 0, {"nwell.2a"}),  # a gap of one site on one side, an overlap on the other
        ("inv_1", 0, ROW + 1200, {"nwell.2a"}),
        ("dfxtp_1", 2, 0, {"x.1b.poly"}),
        ("nand2_1", 230, 0, {"nsd.2"}),
        ("buf_1", 0, 100, {"li.3"}),
    ],
)
def test_misplaced_cell_is_found(made: HandMade, tmp_path: Path, cell: str, dx: int, dy: int, rules: set[str]) -> None:
    move(made, cell, dx, dy)
    found = placed(made, tmp_path)
    assert found & rules, found


def test_lost_tap_is_found(made: HandMade, tmp_path: Path) -> None:
    for instance in list(made.top.each_inst()):
        if instance.cell.name == f"{P}tapvpwrvgnd_1":
            instance.delete()
    assert {"LU.2", "LU.3", "nwell.4"} <= placed(made, tmp_path)


def test_far_tap_is_found(made: HandMade, tmp_path: Path) -> None:
    move(made, "nor2_1", 40 * SITE, 0)
    assert {"LU.2", "LU.3"} <= placed(made, tmp_path)


# -- the files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: width, layer: nwell", "kind: widht, layer: nwell", "kind"),
        ("layer: nwell, value", "layer: nwel, value", "unknown nwel"),
        ("nwell.2a", "nwell.1", "twice"),
        ("ndiff: diff - nwell", "ndiff: diff - nvell", "unknown nvell"),
        ("ndiff: diff - nwell", "ndiff: open(diff)", "no layer expression"),
        ("ndiff: diff - nwell", "ndiff: diff.size(3)", "no layer expression"),
    ],
)
def test_a_damaged_rule_file_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    from asicflow.resources import resource

    text = resource("signoff/rules/sky130.yaml").read_text()
    assert old in text
    path = tmp_path / "rules.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        read_deck(path)
