"""Check a layout against derived rules with KLayout's geometry engine, and tell whose fault a marker is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import klayout.db as kdb

from asicflow.pdk.config import GdsLayer
from asicflow.signoff.deck import Source, derive
from asicflow.signoff.layout import Gallery, Layout, Placed
from asicflow.signoff.rules import AREA_KINDS, Rule, RuleSet


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
    """Markers of the layout, those that its cells show alone, shapes per layer, seconds per rule."""

    markers: list[Marker]
    library: list[Marker]
    shapes: dict[str, int]
    seconds: dict[str, float] = field(default_factory=dict)


Outlines = dict[str, tuple[int, int, int, int]]
"""Cell name to the box in nm that its neighbours abut to."""


def check_file(
    layout: tuple[Path, str, dict[str, GdsLayer], dict[str, tuple[int, int]]],
    rule_sets: Sequence[RuleSet],
    outlines: Outlines,
    blocks: Collection[str],
    pads: Collection[str] = (),
) -> list[DrcResult]:
    """:func:`check_layout` with several rule sets on a GDS file that is opened with the arguments of :class:`Layout`.

    What two rule sets ask in the same words is checked once.
    """
    return _check_sets(Layout(*layout), rule_sets, outlines, blocks, pads)


def check_layout(
    layout: Layout,
    rules: RuleSet,
    outlines: Outlines | None = None,
    blocks: Collection[str] = (),
    pads: Collection[str] = (),
) -> DrcResult:
    """Check a layout with everything in it.

    A marker counts as the library's only when the same rule marks the same place in the cell alone, well
    inside the cell; it is then listed in ``library`` instead of ``markers``. What reaches the outline, and
    what a neighbour provides (taps), is a matter of placement.

    Hard macros (``blocks``) bring their own taps. What lies deep inside them is judged once, in the macro alone; not
    so for those that are ``pads``: only their rim is judged, their million shapes are their makers'.
    """
    (done,) = _check_sets(layout, [rules], outlines or {}, blocks, pads)
    return done


def _check_sets(
    layout: Layout,
    rule_sets: Sequence[RuleSet],
    outlines: Outlines,
    blocks: Collection[str],
    pads: Collection[str] = (),
) -> list[DrcResult]:
    placed = layout.instances()
    reach = max(_reach(rules.rules) for rules in rule_sets)
    layout, rim = layout.hollow(pads, reach) if pads else (layout, kdb.Region())
    whole, deep = layout.hollow({*blocks} - {*pads}, reach) if blocks else (layout, kdb.Region())
    deep += rim
    inside = kdb.Region([p.trans * layout.db.cell(p.cell).bbox() for p in placed if p.cell in blocks]).merged()
    asked: dict[Hashable, list[Marker]] = {}
    return [
        _check_set(whole, rules, placed, _library_markers(layout, rules, {p.cell for p in placed}, outlines, blocks),
                   {*blocks}, (inside, deep), asked)
        for rules in rule_sets
    ]  # fmt: skip


def _check_set(
    whole: Layout,
    rules: RuleSet,
    placed: list[Placed],
    alone: dict[str, list[Marker]],
    blocks: set[str],
    judged: tuple[kdb.Region, kdb.Region],
    asked: dict[Hashable, list[Marker]],
) -> DrcResult:
    """One rule set; ``asked`` holds what was checked before, and receives what is checked now."""
    known = {(m.rule.id, _moved(m, p.trans).box) for p in placed for m in alone.get(p.cell, ())}
    inside, deep = judged
    markers: list[Marker] = []
    first = {p.cell: p.trans for p in reversed(placed)}
    library: list[Marker] = [_moved(m, first[name]) for name in sorted(blocks) for m in alone.get(name, ())]
    listed = {(m.rule.id, m.box) for m in library}
    seconds: dict[str, float] = {}

    def drawn(name: str) -> kdb.Region:
        return whole.shapes(rules.layers[name].drawing)

    layers = _Layers(derive(drawn, rules.derived))
    for rule in rules.rules:
        start = time.monotonic()
        words = _words(rule, rules)
        if words is None or words not in asked:
            found = _CHECKS[rule.kind](layers, rule)
            if words is not None:
                asked[words] = found
        else:
            found = [replace(marker, rule=rule) for marker in asked[words]]
        for marker in _outside(found, inside if rule.kind in NEIGHBOUR_KINDS else deep):
            key = (marker.rule.id, marker.box)
            if key not in known:
                markers.append(marker)
            elif key not in listed:
                library.append(marker)
        seconds[rule.id] = time.monotonic() - start
    return DrcResult(markers, library, {name: drawn(name).count() for name in rules.stack}, seconds)


def _words(rule: Rule, rules: RuleSet) -> Hashable:
    """What a rule on drawn layers asks, whatever it is called; None for one on derived layers."""
    names = [rule.layer, *rule.others, *([rule.spare] if rule.spare else [])]
    if any(name in rules.derived for name in names):
        return None
    return replace(rule, id="", text=""), tuple(rules.layers[name].drawing for name in names)


def _reach(rules: Iterable[Rule]) -> int:
    """How far, in nm, a rule sees: beyond any distance that one limits, and at least 5 um."""
    blind = (*NEIGHBOUR_KINDS, *AREA_KINDS, "angle")
    return max([5_000, *(2 * max(rule.value, rule.extent) for rule in rules if rule.kind not in blind)])


def _outside(markers: list[Marker], judged: kdb.Region) -> list[Marker]:
    """The markers that do not lie inside what was judged elsewhere."""
    if not markers or judged.is_empty():
        return markers
    boxes = _one_by_one(kdb.Region([kdb.Box(*m.box).enlarged(1, 1) for m in markers]))
    gone = {(b.left, b.bottom, b.right, b.top) for b in (p.bbox() for p in boxes.inside(judged).each())}
    return [m for m in markers if (m.box[0] - 1, m.box[1] - 1, m.box[2] + 1, m.box[3] + 1) not in gone]


def _library_markers(
    layout: Layout, rules: RuleSet, cells: set[str], outlines: Outlines, blocks: Collection[str]
) -> dict[str, list[Marker]]:
    """Markers of each cell alone, in its own coordinates."""
    gallery = Gallery(layout.db, cells, rules.layers)
    found: dict[str, list[Marker]] = {}
    for marker in check(derive(gallery.region, rules.derived), rules.rules):
        cell = gallery.cell_at(marker.box[0])
        if marker.rule.kind in NEIGHBOUR_KINDS and cell not in blocks:
            continue
        own = _moved(marker, kdb.Trans(-gallery.offsets[cell], 0))
        outline = kdb.Box(*outlines[cell]) if cell in outlines else layout.db.cell(cell).bbox().enlarged(1, 1)
        left, bottom, right, top = own.box
        if outline.left < left and outline.bottom < bottom and right < outline.right and top < outline.top:
            found.setdefault(cell, []).append(own)
    return found


def check(source: Source, rules: Iterable[Rule]) -> list[Marker]:
    """All markers of the rules on the shapes that ``source`` gives."""
    layers = _Layers(source)
    return [marker for rule in rules for marker in _CHECKS[rule.kind](layers, rule)]


class _Layers:
    """The shapes of layers by name, and their edges; both are computed once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._edges: dict[str, kdb.Edges] = {}

    def __call__(self, name: str) -> kdb.Region:
        return self._source(name)

    def edges(self, name: str) -> kdb.Edges:
        """The edges of a layer's merged shapes; not to be changed."""
        if name not in self._edges:
            self._edges[name] = self(name).edges()
        return self._edges[name]


def _moved(marker: Marker, trans: kdb.Trans) -> Marker:
    box = trans * kdb.Box(*marker.box)
    return Marker(marker.rule, (box.left, box.bottom, box.right, box.top), marker.text)


def _width(source: _Layers, rule: Rule) -> list[Marker]:
    return _pairs(rule, source(rule.layer).width_check(rule.value).each(), "width")


def _space(source: _Layers, rule: Rule) -> list[Marker]:
    """Spacing between shapes and inside notches; corners that touch count as spacing zero.

    Edges are compared, not polygons: a supply rail of a whole row is one polygon with thousands of edges,
    and polygon by polygon the check would take minutes. Edges do not know that a shape lies between them
    (two inner corners of a bend): such pairs are dropped.
    """
    layer = source(rule.layer)
    pairs = list(source.edges(rule.layer).space_check(rule.value).each())
    middles = [_middle(pair) for pair in pairs]
    probes = kdb.Region([kdb.Box(p.x - 1, p.y - 1, p.x + 1, p.y + 1) for p in middles])
    solid = {p.bbox().center() for p in _one_by_one(probes).inside(layer).each()}
    return _pairs(rule, (p for p, at in zip(pairs, middles, strict=True) if at not in solid), "spacing")


def _middle(pair: kdb.EdgePair) -> kdb.Point:
    """The middle of the shortest way between both edges of a pair."""
    one, two = pair.first, pair.second
    ways = [(p, _nearest(two, p)) for p in (one.p1, one.p2)] + [(p, _nearest(one, p)) for p in (two.p1, two.p2)]
    shortest = min(a.distance(b) for a, b in ways)
    ends = [c for a, b in ways if a.distance(b) <= shortest + 1 for c in (a, b)]
    return kdb.Point(sum(p.x for p in ends) // len(ends), sum(p.y for p in ends) // len(ends))


def _nearest(edge: kdb.Edge, point: kdb.Point) -> kdb.Point:
    """The point of an edge that is nearest to a point."""
    length = edge.sq_length()
    if length == 0:
        return edge.p1
    share = ((point.x - edge.p1.x) * edge.dx() + (point.y - edge.p1.y) * edge.dy()) / length
    share = min(1.0, max(0.0, share))
    return kdb.Point(round(edge.p1.x + share * edge.dx()), round(edge.p1.y + share * edge.dy()))


def _isolated(source: _Layers, rule: Rule) -> list[Marker]:
    """Spacing between shapes that are not one."""
    return _pairs(rule, source(rule.layer).isolated_check(rule.value).each(), "spacing")


def _length(source: _Layers, rule: Rule) -> list[Marker]:
    """Width of the layer between edges that lie on edges of the other one, for example a channel's length."""
    edges = (source.edges(rule.layer) & source.edges(rule.others[0])).merged()
    return _pairs(rule, edges.width_check(rule.value, False, kdb.Metrics.Projection).each(), "length")


def _wide_space(source: _Layers, rule: Rule) -> list[Marker]:
    """Spacing from metal that is wider than ``extra`` in both directions."""
    metal = source(rule.layer)
    half = rule.extra // 2
    wide = metal.sized(-half).sized(half)
    if wide.is_empty():
        return []
    near = (metal & wide.sized(rule.value)).edges()  # the cut edges are as far away as the rule asks
    wide_edges = wide.edges() & near
    return _pairs(rule, wide_edges.separation_check(near, rule.value).each(), "spacing")


def _area(source: _Layers, rule: Rule) -> list[Marker]:
    small = source(rule.layer).with_area(0, rule.value, False)
    return [_marker(rule, p.bbox(), f"area {p.area() / 1e6:.4f} um2") for p in small.each()]


def _enclosed_area(source: _Layers, rule: Rule) -> list[Marker]:
    holes = source(rule.layer).holes().with_area(0, rule.value, False)
    return [_marker(rule, p.bbox(), f"enclosed area {p.area() / 1e6:.4f} um2") for p in holes.each()]


def _cut_size(source: _Layers, rule: Rule) -> list[Marker]:
    cuts = source(rule.layer)
    boxes = cuts.rectangles()
    wrong = cuts.non_rectangles() + boxes.with_bbox_width(rule.value, True)
    wrong += boxes.with_bbox_width(rule.value, False).with_bbox_height(rule.value, True)
    found = []
    for polygon in wrong.each():
        box = polygon.bbox()
        found.append(_marker(rule, box, f"cut of {box.width() / 1000:g} x {box.height() / 1000:g} um"))
    return found


def _cut_array(source: _Layers, rule: Rule) -> list[Marker]:
    """Spacing inside arrays of at least ``extra`` rows and columns of cuts between the same two metals."""
    below, above = (source(name) for name in rule.others)
    cuts = source(rule.layer)
    close = kdb.Region([pair.bbox() for pair in cuts.space_check(rule.value).each()])
    if close.is_empty():
        return []
    least = rule.extra * min(p.bbox().width() for p in cuts.each())
    dense = cuts.sized(rule.value // 2).merged().with_bbox_min(least, None, False).interacting(close)
    half = rule.extent // 2 - 5
    common = (below & dense.sized(rule.extent)) & above
    cuts = cuts.interacting(common.sized(-half).sized(half))
    groups = (dense & common).merged().with_bbox_min(least, None, False)
    index = kdb.Shapes()
    index.insert(cuts.interacting(groups))
    arrays: list[kdb.Box] = []
    for group in groups.each():
        inside = [shape.bbox() for shape in index.each_touching(group.bbox()) if group.touches(shape.bbox())]
        centres = [box.center() for box in inside]
        if min(len({c.x for c in centres}), len({c.y for c in centres})) >= rule.extra:
            arrays += inside
    return _pairs(rule, kdb.Region(arrays).space_check(rule.value).each(), "spacing in an array")


def _enclosure(source: _Layers, rule: Rule) -> list[Marker]:
    """Cuts that no allowed pair of overhangs, in either direction, finds covered by metal."""
    cuts, metal = source(rule.layer), source(rule.others[0])
    bare = _one_by_one(cuts if rule.value else cuts - metal)
    for one, two in rule.pairs if rule.value else ():
        for dx, dy in sorted({(one, two), (two, one)}):
            grown = _one_by_one(bare.sized(dx, dy, 2))
            bare = _one_by_one(_one_by_one(grown.not_inside(metal)).sized(-dx, -dy, 2))
    return [_marker(rule, p.bbox(), f"not enclosed by {rule.others[0]} as required") for p in bare.each()]


def _adjacent(source: _Layers, rule: Rule) -> list[Marker]:
    """Where a side of a cut is enclosed less than ``extra`` (else the limit), the sides it meets keep the limit."""
    cuts, sides, metal = source(rule.layer), source.edges(rule.layer), source.edges(rule.others[0])
    loose = _ends(sides, metal, rule.value)
    tight = _ends(sides, metal, rule.extra) if rule.extra else loose
    met = (tight[True] & loose[False]) | (tight[False] & loose[True])
    corners = kdb.Region([kdb.Box(x - 1, y - 1, x + 1, y + 1) for x, y in met])
    text = f"two sides that meet are enclosed less than {rule.value_um:g} um by {rule.others[0]}"
    return [_marker(rule, p.bbox(), text) for p in cuts.interacting(corners).each()]


def _ends(sides: kdb.Edges, metal: kdb.Edges, limit: int) -> dict[bool, set[tuple[int, int]]]:
    """Ends of the upright (True) and level (False) parts of sides that are enclosed less than a limit."""
    short = sides.enclosed_check(metal, limit, False, kdb.Metrics.Projection).first_edges().merged()
    ends: dict[bool, set[tuple[int, int]]] = {True: set(), False: set()}
    for edge in short.each():
        ends[edge.dx() == 0] |= {(edge.x1, edge.y1), (edge.x2, edge.y2)}
    return ends


def _line_end(source: _Layers, rule: Rule) -> list[Marker]:
    """Overhang of line ends (edges between two outer corners) narrower than ``extra`` beyond a cut."""
    ends = source(rule.others[0]).edges(kdb.EdgeMode.Convex).with_length(0, rule.extra, False)
    return _pairs(rule, source.edges(rule.layer).enclosed_check(ends, rule.value).each(), "line end")


def _one_by_one(region: kdb.Region) -> kdb.Region:
    """The same polygons, each treated alone."""
    alone = region.dup()
    alone.merged_semantics = False
    return alone


def _separation(source: _Layers, rule: Rule) -> list[Marker]:
    """Spacing between two layers that do not touch; overlaps are a ``forbidden`` rule's business."""
    edges, others = source.edges(rule.layer), source.edges(rule.others[0])
    if rule.spare:
        edges = edges - source.edges(rule.spare)
    return _pairs(rule, edges.separation_check(others, rule.value).each(), "spacing")


def _enclosed_by(source: _Layers, rule: Rule) -> list[Marker]:
    """The layer lies inside the other one with a margin; edges on ``spare`` are not judged."""
    inner, outer = source(rule.layer), source(rule.others[0])
    edges = source.edges(rule.layer)
    if rule.spare:
        edges = edges - source.edges(rule.spare)
    outline = source.edges(rule.others[0])
    found = _pairs(rule, edges.enclosed_check(outline, rule.value).each(), "enclosure") if rule.value else []
    bare = inner - outer
    return found + [_marker(rule, p.bbox(), f"not inside {rule.others[0]}") for p in bare.each()]


def _overhang(source: _Layers, rule: Rule) -> list[Marker]:
    """How far the layer reaches beyond the other one where both cross."""
    layer, other = source(rule.layer), source(rule.others[0])
    crossing = layer.interacting(other)
    return _pairs(rule, crossing.enclosing_check(other.interacting(layer), rule.value).each(), "overhang")


def _edge_length(source: _Layers, rule: Rule) -> list[Marker]:
    """Edges of the layer that lie on edges of the other one, for example a channel's width."""
    edges = (source.edges(rule.layer) & source.edges(rule.others[0])).merged()
    return [
        _marker(rule, e.bbox(), f"length {e.length() / 1000:.3f} um")
        for e in edges.with_length(0, rule.value, False).each()
    ]


def _forbidden(source: _Layers, rule: Rule) -> list[Marker]:
    return [_marker(rule, p.bbox(), "not allowed") for p in source(rule.layer).each()]


def _requires(source: _Layers, rule: Rule) -> list[Marker]:
    """Every shape touches the other layer."""
    bare = source(rule.layer).not_interacting(source(rule.others[0]))
    return [_marker(rule, p.bbox(), f"no {rule.others[0]} here") for p in bare.each()]


def _within(source: _Layers, rule: Rule) -> list[Marker]:
    """No point is farther from the other layer than the limit (a polygon of 64 corners stands for the circle)."""
    layer, other = source(rule.layer), source(rule.others[0])
    circle = kdb.Polygon.ellipse(kdb.Box(-rule.value, -rule.value, rule.value, rule.value), 64)
    far = layer - other.minkowski_sum(circle).merged()
    return [_marker(rule, p.bbox(), f"farther than {rule.value_um:g} um from {rule.others[0]}") for p in far.each()]


def _grid(source: _Layers, rule: Rule) -> list[Marker]:
    pairs = source(rule.layer).grid_check(rule.value, rule.value)
    return [_marker(rule, pair.bbox(), "vertex off the grid") for pair in pairs.each()]


def _angle(source: _Layers, rule: Rule) -> list[Marker]:
    allowed = kdb.Edges.OrthoEdges if rule.value == 90 else kdb.Edges.OrthoDiagonalEdges
    edges = source.edges(rule.layer).with_angle(allowed, True)
    return [_marker(rule, e.bbox(), f"edge at {_degrees(e):.1f} degrees") for e in edges.each()]


def _degrees(edge: kdb.Edge) -> float:
    return math.degrees(math.atan2(edge.dy(), edge.dx())) % 180


def _pairs(rule: Rule, pairs: Iterable[kdb.EdgePair], word: str) -> list[Marker]:
    found = []
    for pair in pairs:
        text = f"{word} {pair.distance() / 1000:.3f} um"
        found.append(_marker(rule, pair.bbox(), text))
    return found


def _marker(rule: Rule, box: kdb.Box, measured: str) -> Marker:
    if rule.kind in _LENGTH_KINDS:
        measured += f" < {rule.value_um:g} um"
    elif rule.kind in AREA_KINDS:
        measured += f" < {rule.value_um:g} um2"
    elif rule.kind == "cut_size":
        measured += f", not {rule.value_um:g} um"
    return Marker(rule, (box.left, box.bottom, box.right, box.top), measured)


NEIGHBOUR_KINDS = ("within", "requires")
"""Kinds that a cell alone cannot meet."""

_LENGTH_KINDS = ("width", "length", "space", "isolated", "wide_space", "cut_array", "separation", "overhang",
                 "edge_length", "line_end")  # fmt: skip

_CHECKS: dict[str, Callable[[_Layers, Rule], list[Marker]]] = {
    "width": _width,
    "space": _space,
    "isolated": _isolated,
    "length": _length,
    "wide_space": _wide_space,
    "area": _area,
    "enclosed_area": _enclosed_area,
    "cut_size": _cut_size,
    "cut_array": _cut_array,
    "enclosure": _enclosure,
    "adjacent": _adjacent,
    "line_end": _line_end,
    "separation": _separation,
    "overhang": _overhang,
    "enclosed_by": _enclosed_by,
    "edge_length": _edge_length,
    "forbidden": _forbidden,
    "requires": _requires,
    "within": _within,
    "grid": _grid,
    "angle": _angle,
}
