"""Metal rules: derivation, each rule catches its planted violation, library cells are told apart."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import klayout.db as kdb
import pytest

from asicflow.errors import UserError
from asicflow.pdk import load_pdk
from asicflow.pdk.config import Library
from asicflow.pdk.lef import TechLef, read_tech_lef
from asicflow.signoff.drc import check, check_layout
from asicflow.signoff.layout import Layout
from asicflow.signoff.rules import Rule, RuleSet, derive_rules

from .hand_made import HandMade, context_of

Box = tuple[int, int, int, int]
Shapes = dict[str, list[Box]]


def rules_of(pdk_root: Path, name: str) -> RuleSet:
    library = load_pdk(name, pdk_root).library()
    return derive_rules(read_tech_lef(library.tech_lef), library.layers)


@pytest.fixture(scope="module")
def sky(pdk_root: Path) -> RuleSet:
    return rules_of(pdk_root, "sky130")


@pytest.fixture(scope="module")
def gf(pdk_root: Path) -> RuleSet:
    return rules_of(pdk_root, "gf180")


def marked(rules: RuleSet, shapes: Shapes, polygons: dict[str, list[kdb.Polygon]] | None = None) -> set[str]:
    """Ids of the rules that mark something in the drawing."""
    regions = {n: kdb.Region([kdb.Box(*b) for b in shapes.get(n, [])]) for n in rules.stack}
    for name, found in (polygons or {}).items():
        regions[name] += kdb.Region(found)
    merged = {n: r.merged() for n, r in regions.items()}
    return {m.rule.id for m in check(merged.__getitem__, rules.rules)}


def wire(x: int = 0, y: int = 0, width: int = 300, length: int = 2000) -> Box:
    return (x, y, x + length, y + width)


CLEAN: Shapes = {"met1": [(0, 0, 2000, 300), (0, 500, 2000, 800)], "via": [(500, 75, 650, 225)],
                 "met2": [(300, 0, 900, 300)]}  # fmt: skip


def test_clean_drawing_has_no_marker(sky: RuleSet) -> None:
    assert marked(sky, CLEAN) == set()


@pytest.mark.parametrize(
    ("rule", "shapes"),
    [
        ("met1.width", {"met1": [wire(width=135)]}),
        ("met1.space", {"met1": [wire(), wire(y=435)]}),
        ("met1.space", {"met1": [wire(), (2000, 300, 4000, 600)]}),
        ("met1.space", {"met1": [(0, 0, 2000, 300), (0, 300, 300, 900), (430, 300, 800, 900)]}),
        ("met1.wide_space", {"met1": [(0, 0, 4000, 4000), (0, 4200, 4000, 4500)]}),
        ("met1.area", {"met1": [(0, 0, 250, 330)]}),
        ("met1.hole", {"met1": [(0, 0, 900, 300), (0, 600, 900, 900), (0, 0, 300, 900), (600, 0, 900, 900)]}),
        ("met1.grid", {"met1": [(3, 0, 2000, 300)]}),
        ("via.size", {**CLEAN, "via": [(500, 75, 655, 225)]}),
        ("via.size", {**CLEAN, "via": [(500, 75, 650, 225), (600, 75, 750, 225)]}),
        ("via.space", {**CLEAN, "via": [(400, 75, 550, 225), (715, 75, 865, 225)]}),
        ("via.in_met1", {**CLEAN, "via": [(500, 50, 650, 200)]}),
        ("via.in_met2", {**CLEAN, "met2": [(430, 0, 900, 300)]}),
        ("via.in_met1", {"via": [(500, 75, 650, 225)], "met2": [(300, 0, 900, 300)]}),
        ("met5.width", {"met5": [(0, 0, 1500, 9000)]}),
        ("mcon.in_met1", {"li1": [(0, 0, 900, 900)], "mcon": [(300, 300, 470, 470)],
                          "met1": [(275, 200, 1000, 600)]}),
    ],
)  # fmt: skip
def test_each_rule_finds_its_violation(sky: RuleSet, rule: str, shapes: Shapes) -> None:
    assert rule in marked(sky, shapes)


@pytest.mark.parametrize(
    "shapes",
    [
        {"met1": [wire(width=140)]},
        {"met1": [wire(), wire(y=440)]},
        {"met1": [(0, 0, 3000, 3000), (0, 3140, 3000, 3440)]},
        {"met1": [(0, 0, 4000, 4000), (0, 4280, 4000, 4580)]},
        {"met1": [(0, 0, 250, 335)]},
        {**CLEAN, "via": [(500, 55, 650, 205)]},
        {**CLEAN, "met2": [(445, -10, 705, 310), (300, -300, 445, 900)]},
    ],
)
def test_limits_themselves_are_allowed(sky: RuleSet, shapes: Shapes) -> None:
    assert marked(sky, shapes) == set()


def test_odd_angles_are_found(sky: RuleSet) -> None:
    slanted = kdb.Polygon([kdb.Point(0, 0), kdb.Point(2000, 0), kdb.Point(2600, 1000), kdb.Point(0, 1000)])
    straight = kdb.Polygon([kdb.Point(0, 0), kdb.Point(2000, 0), kdb.Point(3000, 1000), kdb.Point(0, 1000)])
    assert "met1.angle" in marked(sky, {}, {"met1": [slanted]})
    assert "met1.angle" not in marked(sky, {}, {"met1": [straight]})


def array(count: int, pitch: int, plate: int) -> Shapes:
    cuts = [(1000 + i * pitch, 1000 + j * pitch, 1260 + i * pitch, 1260 + j * pitch)
            for i in range(count) for j in range(count)]  # fmt: skip
    return {"Metal2": [(0, 0, plate, plate)], "Via2": cuts, "Metal3": [(0, 0, plate, plate)]}


def test_dense_cut_array_is_found_only_when_large(gf: RuleSet) -> None:
    assert "Via2.array" in marked(gf, array(4, 560, 5000))
    assert marked(gf, array(4, 620, 5000)) == set()
    assert marked(gf, array(3, 560, 5000)) == set()


def test_cuts_on_separate_wires_are_no_array(gf: RuleSet) -> None:
    shapes = array(4, 560, 5000)
    shapes["Metal2"] = [(0, y - 10, 5000, y + 270) for y in (1000, 1560, 2120, 2680)]
    assert marked(gf, shapes) == set()


def test_enclosure_equals_brute_force(sky: RuleSet) -> None:
    """Random metal around one cut: the rule must say what trying both orientations by hand says."""
    rule = next(r for r in sky.rules if r.id == "via.in_met1")
    random.seed(3)
    cut = kdb.Box(-75, -75, 75, 75)
    seen = set()
    for _ in range(400):
        metal = kdb.Region()
        for _ in range(random.choice((1, 1, 2))):
            metal.insert(kdb.Box(*(s * random.choice(range(100, 180, 5)) for s in (-1, -1, 1, 1))))
        if random.random() < 0.3:
            metal -= kdb.Region(kdb.Box(120, 120, 180, 180))
        metal = metal.merged()
        ((small, large),) = rule.pairs
        fits = any((kdb.Region(cut.enlarged(dx, dy)) - metal).is_empty()
                   for dx, dy in ((small, large), (large, small)))  # fmt: skip
        found = check({"via": kdb.Region(cut), "met1": metal}.__getitem__, [rule])
        assert bool(found) is not fits
        seen.add(fits)
    assert seen == {True, False}


def test_rules_come_from_the_lef(sky: RuleSet, gf: RuleSet) -> None:
    values = {r.id: r.value_um for r in sky.rules}
    assert values["met1.width"] == 0.14 and values["met3.wide_space"] == 0.4 and values["met1.area"] == 0.083
    assert sky.unmapped == ["licon"] and gf.unmapped == ["CON"]
    kinds = {r.kind for r in gf.rules}
    assert {"width", "space", "wide_space", "area", "cut_size", "cut_array", "enclosure", "grid"} <= kinds


def test_a_lef_without_layers_is_refused() -> None:
    with pytest.raises(UserError, match="share no routing layer"):
        derive_rules(TechLef(1000, 5, {}, {}, {}), {})


def test_hand_made_layout_is_clean(made: HandMade, tmp_path: Path) -> None:
    context = context_of(tmp_path, made)
    done = check_layout(context.layout, derive_rules(context.tech, made.library.layers))
    assert not done.markers and not done.library
    assert done.shapes["met1"] > 10 and done.shapes["via3"] == 6


def spacing(made: HandMade) -> tuple[str, tuple[float, float]]:
    y = made.tracks["n2"]
    made.box("met3", 4000, y + 165 + 200, 6000, y + 165 + 500)
    return "met3.space", (5.0, (y + 265) / 1000)


def off_grid(made: HandMade) -> tuple[str, tuple[float, float]]:
    made.box("met2", 21_502, 9000, 21_800, 10_000)
    return "met2.grid", (21.502, 9.5)


def moved_via(made: HandMade) -> tuple[str, tuple[float, float]]:
    x, y = made.pins["u4", "Y"]
    assert made.erase("via", x - 100, y - 100, x + 100, y + 100) == 1
    made.cut("via", x + 60, y)
    return "via.in_met1", ((x + 60) / 1000, y / 1000)


def small_area(made: HandMade) -> tuple[str, tuple[float, float]]:
    made.box("met1", 21_000, 9000, 21_200, 9200)
    return "met1.area", (21.1, 9.1)


@pytest.mark.parametrize("plant", [spacing, off_grid, moved_via, small_area], ids=lambda p: p.__name__)
def test_planted_violation_is_found_at_its_place(
    made: HandMade, tmp_path: Path, plant: Callable[[HandMade], tuple[str, tuple[float, float]]]
) -> None:
    rule, place = plant(made)
    context = context_of(tmp_path, made)
    done = check_layout(context.layout, derive_rules(context.tech, made.library.layers))
    hits = [m.centre_um for m in done.markers if m.rule.id == rule]
    assert hits, {m.rule.id for m in done.markers}
    assert min(abs(x - place[0]) + abs(y - place[1]) for x, y in hits) < 1.0


def test_library_markers_are_told_apart_not_dropped(made: HandMade, tmp_path: Path) -> None:
    """The same flaw drawn into a cell is the library's; drawn in the top cell it is ours."""
    cell = made.layout.cell("sky130_fd_sc_hd__inv_2")
    cell.shapes(made.index("met1")).insert(kdb.Box(500, 400, 700, 600))
    context = context_of(tmp_path, made)
    rules = derive_rules(context.tech, made.library.layers)
    done = check_layout(context.layout, rules)
    assert not done.markers
    (marker,) = [m for m in done.library if m.rule.id == "met1.area"]
    assert abs(marker.centre_um[0] - (3.68 + 0.6)) < 0.01
    made.box("met1", 10_000, 9000, 10_200, 9200)
    context = context_of(tmp_path, made)
    again = check_layout(context.layout, rules)
    assert [m.rule.id for m in again.markers] == ["met1.area"] and len(again.library) == 1


def test_every_library_is_as_clean_as_known(pdk_root: Path) -> None:
    """No rule cries wolf over the foundry's cells: two SKY130 tap cells alone fall short of met1's area."""
    from asicflow.pdk.lef import read_lef
    from asicflow.signoff.layout import Gallery

    found: dict[str, set[tuple[str, str]]] = {}
    for name in ("sky130", "gf180"):
        library: Library = load_pdk(name, pdk_root).library()
        db = kdb.Layout()
        db.read(str(library.gds[0]))
        gallery = Gallery(db, read_lef(library.lefs), library.layers)
        rules: list[Rule] = derive_rules(read_tech_lef(library.tech_lef), library.layers).rules
        found[name] = {(m.rule.id, gallery.cell_at(m.box[0])) for m in check(gallery.region, rules)}
    taps = {("met1.area", f"sky130_fd_sc_hd__{cell}") for cell in ("tapvgnd_1", "tapvgnd2_1")}
    assert found == {"sky130": taps, "gf180": set()}


def with_block(tmp_path: Path, library: Library, over: list[Box]) -> Layout:
    """A die with a macro of 60 x 60 um at (10, 10) um that has a narrow gap in its middle and a wire at its edge."""
    db = kdb.Layout()
    db.dbu = 0.001
    met1 = db.layer(*library.layers["met1"].drawing)
    ram, top = db.create_cell("ram"), db.create_cell("die")
    for box in ((0, 0, 60_000, 300), (29_000, 30_000, 31_000, 30_300), (29_000, 30_400, 31_000, 30_700)):
        ram.shapes(met1).insert(kdb.Box(*box))
    ram.shapes(met1).insert(kdb.Box(0, 59_000, 60_000, 60_000))
    top.insert(kdb.CellInstArray(ram, kdb.Trans(kdb.Trans.R0, 10_000, 10_000)))
    for box in over:
        top.shapes(met1).insert(kdb.Box(*box))
    db.write(str(tmp_path / "die.gds"))
    return Layout(tmp_path / "die.gds", "die", library.layers)


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ([(10_000, 80_000, 60_000, 80_300)], set()),
        ([(10_000, 70_100, 60_000, 70_400)], {"met1.space"}),
        ([(39_000, 39_500, 41_000, 39_900)], {"met1.space"}),
    ],
)
def test_macros_are_judged_once_and_at_their_borders(
    pdk_root: Path, sky: RuleSet, tmp_path: Path, over: list[Box], expected: set[str]
) -> None:
    library = load_pdk("sky130", pdk_root).library()
    layout = with_block(tmp_path, library, over)
    done = check_layout(layout, sky, blocks={"ram"})
    assert {m.rule.id for m in done.markers} == expected
    assert [(m.rule.id, m.centre_um) for m in done.library] == [("met1.space", (40.0, 40.35))]
    whole = check_layout(layout, sky)
    assert {(m.rule.id, m.box) for m in whole.markers} == {(m.rule.id, m.box) for m in done.markers}


@pytest.mark.parametrize(("x", "found"), [(40_000, False), (1_000, True)])
def test_only_the_rim_of_a_pad_is_judged(x: int, found: bool, gf: RuleSet, pdk_root: Path, tmp_path: Path) -> None:
    library = load_pdk("gf180", pdk_root).library()
    db = kdb.Layout()
    db.dbu = 0.001
    top, pad = db.create_cell("chip"), db.create_cell("pad")
    metal = db.layer(*library.layers["Metal2"].drawing)
    pad.shapes(metal).insert(kdb.Box(0, 0, 80_000, 1_000))
    pad.shapes(metal).insert(kdb.Box(0, 79_000, 80_000, 80_000))
    pad.shapes(metal).insert(kdb.Box(x, 40_000, x + 100, 45_000))  # too narrow
    top.insert(kdb.CellInstArray(pad.cell_index(), kdb.Trans(100_000, 0)))
    near = kdb.Box(99_700, 40_000, 99_900, 45_000)  # too near to the pad's narrow wire only where that is at the rim
    top.shapes(metal).insert(kdb.Box(near.left - 500, near.bottom, near.right, near.top))
    path = tmp_path / "chip.gds"
    db.write(str(path))
    outlines = {"pad": (0, 0, 80_000, 80_000)}
    layout = Layout(path, "chip", library.layers)
    in_pad = [
        [m for m in [*done.markers, *done.library] if m.box[0] >= 100_000 and "width" in m.rule.kind]
        for done in (check_layout(layout, gf, outlines, {"pad"}, {"pad"}), check_layout(layout, gf, outlines, {"pad"}))
    ]
    assert bool(in_pad[0]) == found, "the rim alone"
    assert in_pad[1], "a hard macro that is no pad is judged as a whole"
