"""Pin access: where the router may reach each pin of a library cell, and what the cell blocks.

For every cell, in its own coordinates and upright, this module lists grid nodes of the first routing layer
from which a pin can be reached, the shapes that reaching it takes, and the neighbouring nodes that these
shapes deny to other nets. Shapes stay half a spacing inside the cell, so abutting cells never interact.

Two kinds of library are known: pins on a layer below the first routing layer, reached by a cut that
may lie anywhere inside the pin (with a patch of first-layer metal), and pins on the first routing layer
itself, reached by a via whose pad the pin's metal covers.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import klayout.db as kdb

from asicflow.flow.pnr.technology import Half, Technology
from asicflow.pdk.config import Library
from asicflow.pdk.lef import Macro, Rect

log = logging.getLogger(__name__)

VERSION = 6
"""Raise when the tables' meaning changes: cached tables of other versions are not read."""

NO_METAL, NO_PAD, EXCLUSIVE = 0, 1, 2
"""What a claim denies: any metal at a node, a via pad at a node, or the use of a rival candidate."""

VARIANTS = (1, 6)
"""Ways kept per node: normally, and in cells whose pins cannot otherwise be reached all at once."""


@dataclass
class Candidate:
    """One way to reach a pin: at node (`column`, `line`) of the cell, by drawing `shapes` and a cut
    centred on `cut`. `claims` are (columns away, lines away, NO_METAL or NO_PAD); `rivals` are numbers,
    unique in the cell, that at most one chosen candidate may carry."""

    column: int
    line: int
    cost: int
    shapes: list[Rect]
    cut: tuple[int, int] | None = None
    claims: list[tuple[int, int, int]] = field(default_factory=list)
    rivals: list[int] = field(default_factory=list)
    own_metal: bool = False


@dataclass
class CellAccess:
    """Access to one cell: candidates per pin, and the nodes its metal blocks on the first layer.

    `blocked` nodes take no metal, `no_pad` nodes no via pad, `no_step` nodes no wire to the next node
    along the layer. Nodes may lie one outside the cell. `rival_count` is the number of rival numbers.
    """

    pins: dict[str, list[Candidate]]
    blocked: list[tuple[int, int]]
    no_pad: list[tuple[int, int]]
    no_step: list[tuple[int, int]]
    rival_count: int = 0


def access_tables(library: Library, macros: dict[str, Macro], technology: Technology,
                  cells: Iterable[str]) -> dict[str, CellAccess]:  # fmt: skip
    """Access of the named cells, from the cache or computed (and then cached)."""
    path = _cache_file(library, technology)
    known = _load(path)
    missing = sorted(set(cells) - set(known))
    if missing:
        log.info("computing pin access of %d cells", len(missing))
        cuts = _library_cuts(library, technology, missing)
        for name in missing:
            known[name] = cell_access(macros[name], technology, cuts.get(name, []))
        _save(path, known)
    return {name: known[name] for name in cells}


def cell_access(macro: Macro, technology: Technology, cuts: Sequence[Rect]) -> CellAccess:
    """Compute the access of one cell; `cuts` are the pin cuts that its layout holds already."""
    return _CellStudy(macro, technology, list(cuts)).access()


class _CellStudy:
    """One cell under study; first-layer wires run horizontally."""

    def __init__(self, macro: Macro, technology: Technology, cuts: list[Rect]) -> None:
        self.macro = macro
        self.tech = technology
        self.layer = technology.layers[0]
        self.space = self.layer.spacing
        self.half = self.layer.width // 2
        self.pad: Half = technology.vias[0].lower
        self.columns = macro.width // technology.dx
        self.lines = macro.height // technology.dy
        self.cuts = cuts
        self.signals = [p for p in macro.pins.values() if not p.is_power]
        supplies = [p for p in macro.pins.values() if p.is_power]
        name = self.layer.name
        self.fixed = [r for p in supplies for r in p.shapes.get(name, [])] + macro.obs.get(name, [])
        self.own = {p.name: p.shapes.get(name, []) for p in self.signals}

    def node(self, column: int, line: int) -> tuple[int, int]:
        """Position of a node in the cell, nm."""
        return self.tech.dx // 2 + self.tech.dx * column, self.tech.dy // 2 + self.tech.dy * line

    def pad_at(self, column: int, line: int) -> Rect:
        """The via pad at a node."""
        x, y = self.node(column, line)
        return around(x, y, self.pad)

    def access(self) -> CellAccess:
        """All tables of the cell."""
        blocked, no_pad, no_step = self.obstructions()
        pins: dict[str, list[Candidate]] = {}
        for pin in self.signals:
            if self.tech.config.pin_cut:
                pins[pin.name] = self.patched(pin.name, VARIANTS[0])
            else:
                pins[pin.name] = self.covered(pin.name)
        rivals = self.number_rivals(list(pins.values()))
        if self.tech.config.pin_cut and not jointly_accessible(pins):
            pins = {name: self.patched(name, VARIANTS[1]) for name in pins}
            rivals = self.number_rivals(list(pins.values()))
        return CellAccess(pins, blocked, no_pad, no_step, rivals)

    def number_rivals(self, pins: list[list[Candidate]]) -> int:
        """Give numbers to candidates of different pins whose patches are too close; how many."""
        beyond = [[self.beyond_pad(c) for c in candidates] for candidates in pins]
        count = 0
        for p, first in enumerate(pins):
            for q in range(p + 1, len(pins)):
                for a, candidate in enumerate(first):
                    close = [
                        other
                        for b, other in enumerate(pins[q])
                        if any(self.near(piece, beyond[q][b]) for piece in beyond[p][a])
                    ]
                    if close:
                        for rival in [candidate, *close]:
                            rival.rivals.append(count)
                        count += 1
        return count

    def beyond_pad(self, candidate: Candidate) -> list[Rect]:
        """The parts of a candidate's shapes outside the via pad at its node."""
        pad = self.pad_at(candidate.column, candidate.line)
        return [piece for r in candidate.shapes for piece in subtract(r, pad)]

    def obstructions(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]], list[tuple[int, int]]]:
        """Nodes that the cell's first-layer metal blocks; none where that layer takes no wires."""
        blocked, no_pad, no_step = [], [], []
        if not self.layer.wires:
            return [], [], []
        metal = self.fixed + [r for rects in self.own.values() for r in rects]
        for column in range(-1, self.columns + 1):
            for line in range(-1, self.lines + 1):
                x, y = self.node(column, line)
                step = (x - self.half, y - self.half, x + self.tech.dx + self.half, y + self.half)
                if self.near(around(x, y, (self.half, self.half)), metal):
                    blocked.append((column, line))
                elif self.near(around(x, y, self.pad), metal):
                    no_pad.append((column, line))
                if self.near(step, metal):
                    no_step.append((column, line))
        return blocked, no_pad, no_step

    def near(self, rect: Rect, others: Iterable[Rect]) -> bool:
        """True when `rect` lies closer than the spacing to any of `others`."""
        return any(distance2(rect, other) < self.space**2 for other in others)

    def covered(self, pin: str) -> list[Candidate]:
        """Nodes whose via pad the pin's own metal covers, either way round."""
        found = []
        turned = (self.pad[1], self.pad[0])
        for column in range(self.columns):
            for line in range(self.lines):
                x, y = self.node(column, line)
                for half in (self.pad, turned):
                    rect = around(x, y, half)
                    if covers(self.own[pin], rect):
                        found.append(Candidate(column, line, 0, [rect], own_metal=True))
                        break
        return found

    def patched(self, pin: str, variants: int) -> list[Candidate]:
        """Nodes reached over a cut inside the pin, or over the pin's own first-layer metal.

        Up to `variants` ways per node are kept: the cheapest, and dearer ones that take other space.
        """
        kept: dict[tuple[int, int], list[Candidate]] = {}
        others = self.fixed + [r for name, rects in self.own.items() if name != pin for r in rects]
        for candidate in [*self.over_own_metal(pin), *self.over_cut(pin, variants > 1)]:
            if not self.legal(candidate, others, self.own[pin]):
                continue
            candidate.claims = self.claims(candidate)
            candidate.cost += sum(40 if kind == NO_METAL else 15 for *_, kind in candidate.claims)
            kept.setdefault((candidate.column, candidate.line), []).append(candidate)
        found = [c for ways in kept.values() for c in self.different(ways, variants)]
        return sorted(found, key=lambda c: (c.cost, c.column, c.line))

    def different(self, ways: list[Candidate], most: int) -> list[Candidate]:
        """The cheapest of several ways to use a node, without those that only take more space."""
        chosen: list[Candidate] = []
        for way in sorted(ways, key=lambda c: c.cost):
            if not any(all(covers(way.shapes, r) for r in other.shapes) for other in chosen):
                chosen.append(way)
            if len(chosen) == most:
                break
        return chosen

    def over_own_metal(self, pin: str) -> Iterable[Candidate]:
        """Straight bars of wire width from a node's pad to the pin's own first-layer metal."""
        reach = 2 * self.tech.dy
        for column in range(self.columns):
            for line in range(self.lines):
                x, y = self.node(column, line)
                for x1, y1, x2, y2 in self.own[pin]:
                    cx = min(max(x, x1 + self.half), x2 - self.half)
                    cy = min(max(y, y1 + self.half), y2 - self.half)
                    length = abs(cx - x) + abs(cy - y)
                    if length <= reach and (cx == x or cy == y):
                        corners = (
                            around(x, y, (self.half, self.half)),
                            around(cx, cy, (self.half, self.half)),
                        )
                        shapes = [self.pad_at(column, line), union(*corners)]
                        yield Candidate(column, line, length, shapes, own_metal=True)

    def over_cut(self, pin: str, everywhere: bool) -> Iterable[Candidate]:
        """Cuts inside the pin's shapes near each node, with both turns of their upper pad.

        The cut nearest to the node, or (`everywhere`) also cuts at the edges and corners of the pin.
        """
        cut = self.tech.config.pin_cut
        assert cut is not None
        rules = self.tech.lef.layers[cut.layer]
        half = rules.width // 2
        for area in self.cut_areas(pin, half):
            for column in range(self.columns):
                for line in range(self.lines):
                    x, y = self.node(column, line)
                    for cx, cy in cut_places(x, y, area, everywhere):
                        if abs(cx - x) > cut.reach[0] or abs(cy - y) > cut.reach[1]:
                            continue
                        if not self.cut_is_free(around(cx, cy, (half, half)), rules.spacing):
                            continue
                        cost = (abs(cx - x) + abs(cy - y)) // 4
                        for pad in cut.pads:
                            ends = self.pad_at(column, line), around(cx, cy, pad)
                            yield Candidate(column, line, cost, self.joined(*ends), (cx, cy))
                            if everywhere:
                                yield Candidate(column, line, cost + 30, self.bent(*ends, False), (cx, cy))
                                yield Candidate(column, line, cost + 30, self.bent(*ends, True), (cx, cy))

    def cut_areas(self, pin: str, half: int) -> list[Rect]:
        """Rectangles in which the centre of a cut may lie so that the pin covers the cut."""
        rects = self.macro.pins[pin].shapes.get(self.tech.config.pin_layer, [])
        metal = kdb.Region()
        for r in rects:
            metal.insert(kdb.Box(*r))
        around_all = kdb.Region(metal.bbox().enlarged(1000, 1000))
        outside = around_all - metal.merged()
        square = kdb.Box(-half + 1, -half + 1, half - 1, half - 1)
        legal = (kdb.Region(metal.bbox()) - outside.minkowski_sum(square)).merged()
        grid = self.tech.lef.grid
        areas = set()
        for mode in (kdb.Polygon.TD_htrapezoids, kdb.Polygon.TD_vtrapezoids):
            for piece in legal.decompose_trapezoids_to_region(mode).each():
                b = piece.bbox()
                left, bottom = -(-b.left // grid) * grid, -(-b.bottom // grid) * grid
                right, top = b.right // grid * grid, b.top // grid * grid
                if left <= right and bottom <= top:
                    areas.add((left, bottom, right, top))
        return sorted(areas)

    def cut_is_free(self, cut: Rect, spacing: int) -> bool:
        """True when a new cut keeps clear of the cell's own cuts and of those that neighbours may hold."""
        margin = -(-spacing // 2 // 5) * 5
        if cut[0] < margin or cut[2] > self.macro.width - margin:
            return False
        for other in self.cuts:
            if cut != other and distance2(cut, other) < spacing**2:
                return False
            on_rail = other[1] < 0 < other[3] or other[1] < self.macro.height < other[3]
            if on_rail and max(other[1] - cut[3], cut[1] - other[3]) < spacing:
                return False
        return True

    def joined(self, pad: Rect, patch: Rect) -> list[Rect]:
        """Pad and patch as two rectangles where they overlap by a wire's width, else as one."""
        width = min(pad[2], patch[2]) - max(pad[0], patch[0])
        height = min(pad[3], patch[3]) - max(pad[1], patch[1])
        if min(width, height) >= self.layer.width:
            return [pad, patch]
        return [union(pad, patch)]

    def bent(self, pad: Rect, patch: Rect, up_first: bool) -> list[Rect]:
        """Pad and patch joined by a bent wire between their centres, notches closed."""
        x1, y1, x2, y2 = *centre(pad), *centre(patch)
        corner = (x1, y2) if up_first else (x2, y1)
        wire = (self.half, self.half)
        metal = kdb.Region()
        for r in (pad, patch):
            metal.insert(kdb.Box(*r))
        for end in ((x1, y1), (x2, y2)):
            metal.insert(kdb.Box(*union(around(*end, wire), around(*corner, wire))))
        gap = self.space // 2 - 1
        closed = (metal.merged().sized(gap, 2).sized(-gap, 2) + metal).merged()
        boxes = [p.bbox() for p in closed.decompose_trapezoids_to_region().each()]
        return [(b.left, b.bottom, b.right, b.top) for b in boxes]

    def legal(self, candidate: Candidate, others: list[Rect], own: list[Rect]) -> bool:
        """True when the shapes keep clear of everything else and form legal metal with the pin's own."""
        edge = self.space // 2
        if any(r[0] < edge or r[2] > self.macro.width - edge for r in candidate.shapes):
            return False
        if any(self.near(r, others) for r in candidate.shapes):
            return False
        if not own:
            return True
        metal = kdb.Region()
        for r in own + candidate.shapes:
            metal.insert(kdb.Box(*r))
        metal.merge()
        return not (
            metal.width_check(self.layer.width).count()
            or metal.space_check(self.space).count()
            or metal.notch_check(self.space).count()
        )

    def claims(self, candidate: Candidate) -> list[tuple[int, int, int]]:
        """What other nets may not do at the nodes around a candidate's shapes."""
        x, y = self.node(candidate.column, candidate.line)
        shapes = candidate.shapes
        dx, dy, half = self.tech.dx, self.tech.dy, self.half
        found = []
        for i in (-2, -1, 0, 1, 2):
            for j in (-2, -1, 0, 1, 2):
                if not i and not j:
                    continue
                cx, cy = x + dx * i, y + dy * j
                reach = dx // 2 if j else self.pad[0]
                if self.near((cx - reach, cy - half, cx + reach, cy + half), shapes):
                    found.append((i, j, NO_METAL))
                elif (i or abs(j) > 1) and self.near(around(cx, cy, self.pad), shapes):
                    found.append((i, j, NO_PAD))
        return found


def cut_places(x: int, y: int, area: Rect, everywhere: bool) -> list[tuple[int, int]]:
    """Places for a cut's centre in `area`: the nearest to (x, y), or also edges and corners."""
    nearest = (min(max(x, area[0]), area[2]), min(max(y, area[1]), area[3]))
    if not everywhere:
        return [nearest]
    xs = sorted({nearest[0], area[0], area[2]})
    ys = sorted({nearest[1], area[1], area[3]})
    return [(cx, cy) for cx in xs for cy in ys]


def compatible(a: Candidate, b: Candidate) -> bool:
    """Can two pins of a cell be reached by these candidates at once?"""
    if set(a.rivals) & set(b.rivals) or (a.column == b.column and abs(a.line - b.line) <= 1):
        return False
    return not any(
        (u.column + i, u.line + j) == (v.column, v.line) for u, v in ((a, b), (b, a)) for i, j, _ in u.claims
    )


def jointly_accessible(pins: dict[str, list[Candidate]]) -> bool:
    """Is there a choice of one candidate per pin that are all compatible?"""
    order = sorted(pins.values(), key=len)
    chosen: list[Candidate] = []

    def extend() -> bool:
        if len(chosen) == len(order):
            return True
        for candidate in order[len(chosen)]:
            if all(compatible(candidate, other) for other in chosen):
                chosen.append(candidate)
                if extend():
                    return True
                chosen.pop()
        return False

    return extend()


def around(x: int, y: int, half: Half) -> Rect:
    """The rectangle of half extents `half` around a point."""
    return x - half[0], y - half[1], x + half[0], y + half[1]


def centre(r: Rect) -> tuple[int, int]:
    """Centre of a rectangle."""
    return (r[0] + r[2]) // 2, (r[1] + r[3]) // 2


def union(a: Rect, b: Rect) -> Rect:
    """The bounding box of two rectangles."""
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def overlap(a: Rect, b: Rect) -> bool:
    """True when two rectangles share area."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def distance2(a: Rect, b: Rect) -> int:
    """Square of the distance between two rectangles, 0 when they touch or overlap."""
    dx = max(a[0] - b[2], b[0] - a[2], 0)
    dy = max(a[1] - b[3], b[1] - a[3], 0)
    return dx * dx + dy * dy


def subtract(r: Rect, o: Rect) -> list[Rect]:
    """The parts of `r` outside `o`."""
    x1, y1, x2, y2 = r
    if not overlap(r, o):
        return [r]
    parts = []
    if x1 < o[0]:
        parts.append((x1, y1, o[0], y2))
        x1 = o[0]
    if x2 > o[2]:
        parts.append((o[2], y1, x2, y2))
        x2 = o[2]
    if y1 < o[1]:
        parts.append((x1, y1, x2, o[1]))
    if y2 > o[3]:
        parts.append((x1, o[3], x2, y2))
    return parts


def covers(rects: Sequence[Rect], target: Rect) -> bool:
    """True when the union of `rects` covers `target`."""
    rest = [target]
    for r in rects:
        rest = [piece for part in rest for piece in subtract(part, r)]
    return not rest


def _library_cuts(library: Library, technology: Technology, cells: list[str]) -> dict[str, list[Rect]]:
    """The pin cuts in the cells' layouts (the LEF does not list them all)."""
    cut = technology.config.pin_cut
    if cut is None:
        return {}
    layout = kdb.Layout()
    for path in library.gds:
        layout.read(str(path))
    index = layout.layer(*library.layers[cut.layer].drawing)
    found = {}
    for name in cells:
        cell = layout.cell(name)
        if cell is not None:
            region = kdb.Region(cell.begin_shapes_rec(index)).merged()
            boxes = [p.bbox() for p in region.each()]
            found[name] = [(b.left, b.bottom, b.right, b.top) for b in boxes]
    return found


def cache_dir() -> Path:
    """The user's cache folder (ASICFLOW_CACHE overrides the platform's)."""
    if chosen := os.environ.get("ASICFLOW_CACHE"):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "asicflow"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "asicflow"


def _cache_file(library: Library, technology: Technology) -> Path:
    """A file name that changes with the library's content, the routing facts and this module's version."""
    digest = hashlib.sha256(f"{VERSION} {technology.config.model_dump_json()}".encode())
    for path in [library.tech_lef, *library.lefs, *library.gds]:
        digest.update(path.read_bytes())
    return cache_dir() / "access" / f"{library.name}-{digest.hexdigest()[:20]}.json.gz"


def _load(path: Path) -> dict[str, CellAccess]:
    try:
        data = json.loads(gzip.decompress(path.read_bytes()))
        return {name: _from_json(entry) for name, entry in data.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        log.warning("ignoring the damaged cache file %s: %s", path, error)
        return {}


def _save(path: Path, tables: dict[str, CellAccess]) -> None:
    data = json.dumps({name: asdict(entry) for name, entry in tables.items()})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_bytes(gzip.compress(data.encode(), 3))
        temporary.replace(path)
    except OSError as error:
        log.warning("cannot cache pin access: %s", error)


def _from_json(entry: dict[str, object]) -> CellAccess:
    pins, lists = entry["pins"], [entry[k] for k in ("blocked", "no_pad", "no_step")]
    assert isinstance(pins, dict)
    candidates = {
        pin: [
            Candidate(
                column=c["column"],
                line=c["line"],
                cost=c["cost"],
                shapes=[(r[0], r[1], r[2], r[3]) for r in c["shapes"]],
                cut=None if c["cut"] is None else (c["cut"][0], c["cut"][1]),
                claims=[(a, b, k) for a, b, k in c["claims"]],
                rivals=c["rivals"],
                own_metal=c["own_metal"],
            )
            for c in found
        ]
        for pin, found in pins.items()
    }
    nodes = [[(a, b) for a, b in rows] for rows in lists if isinstance(rows, list)]
    count = entry["rival_count"]
    assert isinstance(count, int)
    return CellAccess(candidates, nodes[0], nodes[1], nodes[2], count)
