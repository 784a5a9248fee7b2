"""Gaps and necks within a net below the spacing and the width rule, and small holes: filled where that is legal.

Wires, pads and pin patches of one net may come nearer to each other than the rule allows, or just overlap; metal
that joins them mends that, unless it would come too near to another net. Such places are reported: another way to the
pin has to be found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import klayout.db as kdb

from asicflow.flow.pnr.access import around, distance2
from asicflow.flow.pnr.geometry import NetGeometry, layer_shapes
from asicflow.flow.pnr.technology import Technology
from asicflow.pdk.lef import Rect

ROUNDS = 64
"""Most rounds of filling: a fill may leave a smaller gap beside it. Nearly all metal needs less than eight."""


class NetShapes:
    """The rectangles of one layer with the number of the net that owns each."""

    def __init__(self, rects: Iterable[tuple[Rect, int]]) -> None:
        self._layout = kdb.Layout()
        self._shapes = self._layout.create_cell("nets").shapes(self._layout.layer(1, 0))
        for rect, net in rects:
            self.add(kdb.Box(*rect), net)

    def add(self, box: kdb.Box, net: int) -> None:
        """Enter a rectangle of a net."""
        self._shapes.insert(box, self._layout.properties_id({0: net}))

    def touching(self, box: kdb.Box) -> set[int]:
        """Nets with metal that touches a box."""
        return {shape.property(0) for shape in self._shapes.each_touching(box)}

    def nearer(self, box: kdb.Box, spacing: int) -> set[int]:
        """Nets with metal nearer to a box than `spacing` nm."""
        rect = (box.left, box.bottom, box.right, box.top)
        found = set()
        for shape in self._shapes.each_touching(box.enlarged(spacing, spacing)):
            b = shape.bbox()
            if distance2(rect, (b.left, b.bottom, b.right, b.top)) < spacing**2:
                found.add(shape.property(0))
        return found


def owned(layer: str, geometries: Iterable[NetGeometry], technology: Technology) -> NetShapes:
    """The shapes of all nets on a layer."""
    rects = (
        (rect, number)
        for number, geometry in enumerate(geometries)
        for name, rect in layer_shapes(geometry, technology)
        if name == layer
    )
    return NetShapes(rects)


def pins_at_faults(geometries: Sequence[NetGeometry], technology: Technology) -> list[tuple[int, int]]:
    """(net, pin) pairs, numbered as in `geometries`, whose patches make a gap that cannot be filled.

    Patches lie on the first routing layer, those of blocks' pins also on others.
    """
    layers = {landing.layer for g in geometries for landing in g.landings if landing.patches}
    if technology.config.pin_cut is None:  # the first layer takes no wires
        layers.discard(0)
    return [found for layer in sorted(layers) for found in _faults_on(layer, geometries, technology)]


def pins_with_near_cuts(geometries: Sequence[NetGeometry], technology: Technology) -> list[tuple[int, int]]:
    """(net, pin) pairs whose pin cut is nearer than the rule to that of another pin of the same net.

    Between nets the router keeps the cuts of a cell's pins apart; a net with two pins on one cell is on its own.
    """
    if technology.config.pin_cut is None:
        return []
    rules = technology.lef.layers[technology.config.pin_cut.layer]
    half = rules.width // 2
    found = []
    for number, geometry in enumerate(geometries):
        cuts = [(pin, landing.cut) for pin, landing in enumerate(geometry.landings) if landing.cut]
        for k, (pin, (x, y)) in enumerate(cuts):
            mine = around(x, y, (half, half))
            gaps = (distance2(mine, around(*other, (half, half))) for _, other in cuts[:k] if other != (x, y))
            if any(gap < rules.spacing**2 for gap in gaps):
                found.append((number, pin))
    return found


def _faults_on(index: int, geometries: Sequence[NetGeometry], technology: Technology) -> list[tuple[int, int]]:
    layer = technology.layers[index]
    shapes = owned(layer.name, geometries, technology)
    region = kdb.Region()
    for geometry in geometries:
        for name, rect in layer_shapes(geometry, technology):
            if name == layer.name:
                region.insert(kdb.Box(*rect))
    rules = technology.lef.layers[layer.name]
    hole = technology.config.min_hole.get(layer.name, rules.min_enclosed_area_nm2)
    faults = closed(shapes, region, rules.spacing, rules.min_width, hole, technology.lef.grid).faults
    near = [box.enlarged(rules.spacing, rules.spacing) for box in faults]
    return [
        (number, pin)
        for number, geometry in enumerate(geometries)
        for pin, landing in enumerate(geometry.landings)
        if landing.layer == index
        and near
        and any(box.touches(kdb.Box(*rect)) for rect in landing.patches for box in near)
    ]


@dataclass
class Closed:
    """Metal with its gaps filled, and the places (nm) that could not be filled."""

    metal: kdb.Region
    faults: list[kdb.Box]


def closed(nets: NetShapes, region: kdb.Region, spacing: int, width: int, min_hole: int, grid: int) -> Closed:
    """Fill gaps below `spacing` and necks below `width` (nm), holes below `min_hole` (nm2) of each net.

    `region` is the metal of `nets` (and of the supplies, which are no nets here), `grid` that of corners in nm.
    Growing and shrinking fills straight gaps; what is left are corners that face each other across a wider pocket.
    """
    reach = (spacing // 2 - 1) // grid * grid
    metal = region.merged()
    suspect = metal
    faults: list[kdb.Box] = []
    for _ in range(ROUNDS):
        fill = suspect.sized(reach, 2).sized(-reach, 2) - suspect + small_holes(suspect, min_hole)
        boxes = [piece.bbox() for piece in fill.decompose_trapezoids_to_region().each()]
        gaps = suspect.space_check(spacing, metrics=kdb.Metrics.Euclidian)
        boxes += [on_grid(gap.bbox(), grid) for gap in gaps.each()]
        boxes += [_thick(neck.bbox(), width, grid) for neck in suspect.width_check(width).each()]
        owners = [nets.touching(box) for box in boxes]
        legal = [len(o) <= 1 and nets.nearer(box, spacing) == o for o, box in zip(owners, boxes, strict=True)]
        filled = kdb.Region([box for box, ok in zip(boxes, legal, strict=True) if ok]) - suspect
        faults += [box for box, ok in zip(boxes, legal, strict=True) if not ok]
        for box, of, ok in zip(boxes, owners, legal, strict=True):
            for net in of if ok else ():  # a supply's gap has no owner
                nets.add(box, net)
        if filled.is_empty():
            break
        metal = (metal + filled).merged()
        suspect = metal.interacting(filled.sized(spacing))
    else:
        faults += [box for box, ok in zip(boxes, legal, strict=True) if ok]
    bad = kdb.Region([box.enlarged(1, 1) for box in faults])
    if bad.is_empty():
        return Closed(metal, [])
    left = metal.interacting(bad)
    found = [*left.space_check(spacing, metrics=kdb.Metrics.Euclidian).each(), *left.width_check(width).each()]
    return Closed(metal, [pair.bbox() for pair in found])


def _thick(neck: kdb.Box, width: int, grid: int) -> kdb.Box:
    """A neck, where shapes just overlap, grown to the width on the grid."""
    grow_x, grow_y = max(width - neck.width(), 0), max(width - neck.height(), 0)
    box = neck.enlarged(-(-grow_x // 10) * 5, -(-grow_y // 10) * 5)
    left, bottom = box.left // grid * grid, box.bottom // grid * grid
    return kdb.Box(left, bottom, -(-box.right // grid) * grid, -(-box.top // grid) * grid)


def on_grid(box: kdb.Box, grid: int) -> kdb.Box:
    """The largest box inside `box` with corners at multiples of `grid` nm, at least one grid step wide."""
    left, bottom = -(-box.left // grid) * grid, -(-box.bottom // grid) * grid
    right, top = box.right // grid * grid, box.top // grid * grid
    if right <= left:
        left, right = box.left // grid * grid, -(-box.right // grid) * grid
    if top <= bottom:
        bottom, top = box.bottom // grid * grid, -(-box.top // grid) * grid
    return kdb.Box(left, bottom, right, top)


def small_holes(metal: kdb.Region, limit: int) -> kdb.Region:
    """The holes below `limit` nm2 of merged metal."""
    holes = kdb.Region()
    for polygon in metal.each():
        for k in range(polygon.holes()):
            hole = kdb.Polygon(list(polygon.each_point_hole(k)))
            if hole.area() < limit:
                holes.insert(hole)
    return holes
