"""Metal and cut rules of a technology LEF as KLayout checks: an independent look at drawn layouts."""

from __future__ import annotations

from pathlib import Path

import klayout.db as kdb

from asicflow.pdk.config import Library
from asicflow.pdk.lef import Layer, read_tech_lef


def violations(layout: kdb.Layout | Path, library: Library, skip: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """Violations per rule as texts with places; an empty dictionary is a clean layout."""
    if isinstance(layout, Path):
        read = kdb.Layout()
        read.read(str(layout))
        layout = read
    tech = read_tech_lef(library.tech_lef)
    names = [n for n in tech.layers if n in library.layers]
    metal = {}
    for name in names:
        index = layout.layer(*library.layers[name].drawing)
        metal[name] = kdb.Region(layout.top_cell().begin_shapes_rec(index)).merged()
    found: dict[str, list[str]] = {}

    def report(rule: str, items: object) -> None:
        places = [str(item) for item in items.each()]  # type: ignore[attr-defined]
        if places:
            found[rule] = places

    for name in (n for n in names if n not in skip):
        layer = tech.layers[name]
        if layer.kind == "ROUTING":
            _routing(layer, metal[name], report)
        else:
            above = names[names.index(name) + 1]
            below = names[names.index(name) - 1]
            _cut(layer, metal[name], metal[below], metal[above], report)
    return found


def _routing(layer: Layer, metal: kdb.Region, report: object) -> None:
    assert callable(report)
    report(f"{layer.name} width", metal.width_check(layer.min_width))
    report(f"{layer.name} space", metal.space_check(layer.spacing))
    for over, spacing in layer.spacing_table:
        if over:
            wide = metal.sized(-over // 2 - 1).sized(over // 2 + 1) & metal
            report(f"{layer.name} wide space", wide.separation_check(metal - wide, spacing))
            report(f"{layer.name} wide space", wide.merged().space_check(spacing))
    if layer.area_nm2:
        report(f"{layer.name} area", metal.with_area(0, layer.area_nm2, False))
    if layer.min_enclosed_area_nm2:
        holes = metal.holes()
        report(f"{layer.name} hole", holes.with_area(0, layer.min_enclosed_area_nm2, False))


def _cut(layer: Layer, cuts: kdb.Region, below: kdb.Region, above: kdb.Region, report: object) -> None:
    assert callable(report)
    square = cuts.with_bbox_width(layer.width, False).with_bbox_height(layer.width, False)
    report(f"{layer.name} size", cuts - square)
    report(f"{layer.name} space", cuts.space_check(layer.spacing))
    for where, metal, options in (
        ("below", below, layer.enclosure_below),
        ("above", above, layer.enclosure_above),
    ):
        good = kdb.Region()
        for a, b in options:
            for dx, dy in ((a, b), (b, a)):
                grown = cuts.sized(dx, dy, 2)
                inside = grown.inside(metal) if dx or dy else cuts.inside(metal)
                good += inside.sized(-dx, -dy, 2) if dx or dy else inside
        if options:
            report(f"{layer.name} enclosure {where}", cuts - good.merged())
