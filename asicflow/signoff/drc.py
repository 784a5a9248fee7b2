"""Check a layout against derived rules with KLayout's geometry engine, and tell whose fault a marker is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import klayout.db as kdb

from asicflow.signoff.layout import Gallery, Layout
from asicflow.signoff.rules import Rule, RuleSet

Source = Callable[[str], kdb.Region]
"""Gives the merged flat shapes of a layer by name."""


@dataclass(frozen=True)
class Marker:
    """One violation: its rule, the box around it in nm, and what was measured."""

    rule: Rule
    box: tuple[int, int, int, int]
    text: str

    @property
    def centre_um(self) -> tuple[float, float]:
        """Middle of the box in um."""
        left, bottom, right, top = self.box
        return (left + right) / 2000, (bottom + top) / 2000

    @property
    def size_um(self) -> float:
        """Longer side of the box in um."""
        left, bottom, right, top = self.box
        return max(right - left, top - bottom) / 1000


@dataclass(frozen=True)
class DrcResult:
    """Markers of the layout, those that its cells show alone, and the shapes judged per layer."""

    markers: list[Marker]
    library: list[Marker]
    shapes: dict[str, int]


def check_layout(layout: Layout, rules: RuleSet) -> DrcResult:
    """Check a layout with everything in it.

    A marker counts as the library's only when the same rule marks the same place in the cell alone; it is
    then listed in ``library`` instead of ``markers``.
    """
    placed = layout.instances()
    gallery = Gallery(layout.db, {p.cell for p in placed}, layout.layers)
    alone: dict[str, list[Marker]] = {}
    for marker in check(gallery.region, rules.rules):
        cell = gallery.cell_at(marker.box[0])
        alone.setdefault(cell, []).append(_moved(marker, kdb.Trans(-gallery.offsets[cell], 0)))
    known = {(m.rule.id, _moved(m, p.trans).box) for p in placed for m in alone.get(p.cell, ())}
    markers: list[Marker] = []
    library: list[Marker] = []
    for marker in check(layout.region, rules.rules):
        (library if (marker.rule.id, marker.box) in known else markers).append(marker)
    return DrcResult(markers, library, {name: layout.region(name).count() for name in rules.stack})


def check(source: Source, rules: Iterable[Rule]) -> list[Marker]:
    """All markers of the rules on the shapes that ``source`` gives."""
    return [marker for rule in rules for marker in _CHECKS[rule.kind](source, rule)]


def _moved(marker: Marker, trans: kdb.Trans) -> Marker:
    box = trans * kdb.Box(*marker.box)
    return Marker(marker.rule, (box.left, box.bottom, box.right, box.top), marker.text)


def _width(source: Source, rule: Rule) -> list[Marker]:
    return _pairs(rule, source(rule.layer).width_check(rule.value), "width")


def _space(source: Source, rule: Rule) -> list[Marker]:
    """Spacing between shapes and inside notches; corners that touch count as spacing zero.

    Edges are compared, not polygons: a supply rail of a whole row is one polygon with thousands of edges,
    and polygon by polygon the check would take minutes.
    """
    return _pairs(rule, source(rule.layer).edges().space_check(rule.value), "spacing")


def _wide_space(source: Source, rule: Rule) -> list[Marker]:
    """Spacing from metal that is wider than ``extra`` in both directions."""
    metal = source(rule.layer)
    half = rule.extra // 2
    wide = metal.sized(-half).sized(half)
    if wide.is_empty():
        return []
    near = metal.edges()
    wide_edges = wide.edges() & near
    return _pairs(rule, wide_edges.separation_check(near, rule.value), "spacing")


def _area(source: Source, rule: Rule) -> list[Marker]:
    small = source(rule.layer).with_area(0, rule.value, False)
    return [_marker(rule, p.bbox(), f"area {p.area() / 1e6:.4f} um2") for p in small.each()]


def _enclosed_area(source: Source, rule: Rule) -> list[Marker]:
    holes = source(rule.layer).holes().with_area(0, rule.value, False)
    return [_marker(rule, p.bbox(), f"enclosed area {p.area() / 1e6:.4f} um2") for p in holes.each()]


def _cut_size(source: Source, rule: Rule) -> list[Marker]:
    cuts = source(rule.layer)
    boxes = cuts.rectangles()
    wrong = cuts.non_rectangles() + boxes.with_bbox_width(rule.value, True)
    wrong += boxes.with_bbox_width(rule.value, False).with_bbox_height(rule.value, True)
    found = []
    for polygon in wrong.each():
        box = polygon.bbox()
        found.append(_marker(rule, box, f"cut of {box.width() / 1000:g} x {box.height() / 1000:g} um"))
    return found


def _cut_array(source: Source, rule: Rule) -> list[Marker]:
    """Spacing inside arrays of at least ``extra`` rows and columns of cuts between the same two metals."""
    below, above = (source(name) for name in rule.others)
    half = rule.extent // 2 - 5
    room = (below & above).sized(-half).sized(half)
    cuts = source(rule.layer).interacting(room)
    arrays = kdb.Region()
    for group in (cuts.sized(rule.value // 2).merged() & below & above).merged().each():
        inside = cuts.interacting(kdb.Region(group))
        centres = [p.bbox().center() for p in inside.each()]
        if min(len({c.x for c in centres}), len({c.y for c in centres})) >= rule.extra:
            arrays += inside
    return _pairs(rule, arrays.space_check(rule.value), "spacing in an array")


def _enclosure(source: Source, rule: Rule) -> list[Marker]:
    """Cuts that no allowed pair of overhangs, in either direction, finds covered by metal."""
    cuts, metal = source(rule.layer), source(rule.others[0])
    bare = _one_by_one(cuts if rule.value else cuts - metal)
    for one, two in rule.pairs if rule.value else ():
        for dx, dy in sorted({(one, two), (two, one)}):
            grown = _one_by_one(bare.sized(dx, dy, 2))
            bare = _one_by_one(_one_by_one(grown.not_inside(metal)).sized(-dx, -dy, 2))
    return [_marker(rule, p.bbox(), f"not enclosed by {rule.others[0]} as required") for p in bare.each()]


def _one_by_one(region: kdb.Region) -> kdb.Region:
    """The same polygons, each treated alone."""
    alone = region.dup()
    alone.merged_semantics = False
    return alone


def _grid(source: Source, rule: Rule) -> list[Marker]:
    pairs = source(rule.layer).grid_check(rule.value, rule.value)
    return [_marker(rule, pair.bbox(), "vertex off the grid") for pair in pairs.each()]


def _angle(source: Source, rule: Rule) -> list[Marker]:
    edges = source(rule.layer).edges().with_angle(kdb.Edges.OrthoDiagonalEdges, True)
    return [_marker(rule, e.bbox(), f"edge at {_degrees(e):.1f} degrees") for e in edges.each()]


def _degrees(edge: kdb.Edge) -> float:
    return math.degrees(math.atan2(edge.dy(), edge.dx())) % 180


def _pairs(rule: Rule, pairs: Any, word: str) -> list[Marker]:
    found = []
    for pair in pairs.each():
        text = f"{word} {pair.distance() / 1000:.3f} um"
        found.append(_marker(rule, pair.bbox(), text))
    return found


def _marker(rule: Rule, box: kdb.Box, measured: str) -> Marker:
    if rule.kind in ("width", "space", "wide_space", "cut_array"):
        measured += f" < {rule.value_um:g} um"
    elif rule.kind in ("area", "enclosed_area"):
        measured += f" < {rule.value_um:g} um2"
    elif rule.kind == "cut_size":
        measured += f", not {rule.value_um:g} um"
    return Marker(rule, (box.left, box.bottom, box.right, box.top), measured)


_CHECKS: dict[str, Callable[[Source, Rule], list[Marker]]] = {
    "width": _width,
    "space": _space,
    "wide_space": _wide_space,
    "area": _area,
    "enclosed_area": _enclosed_area,
    "cut_size": _cut_size,
    "cut_array": _cut_array,
    "enclosure": _enclosure,
    "grid": _grid,
    "angle": _angle,
}
