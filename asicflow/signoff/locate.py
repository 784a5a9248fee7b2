"""Find the place of an open or a short inside extracted metal."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import klayout.db as kdb

from asicflow.signoff.extract import Cluster, Connectivity, Mark, Point

REACH_NM = (50, 200, 500, 1000, 3000, 10_000, 50_000)
MAX_PIECES = 200_000
MAX_TRIES = 400


def find_gap(
    connectivity: Connectivity,
    part: Sequence[Cluster],
    rest: Sequence[Cluster],
    near: tuple[int, int],
) -> Point | None:
    """Where two pieces of one net should meet.

    A crossing of neighbouring metals without a cut is taken first (a missing or moved via), else the
    closest approach on one metal. Of several places the one nearest to ``near`` (nm) is given.
    """
    metals = list(connectivity.shapes)[::2]
    one = {m: _shapes(connectivity, part, m) for m in metals}
    two = {m: _shapes(connectivity, rest, m) for m in metals}
    crossings: list[Point] = []
    for low, high in pairwise(metals):
        for a, b in ((one[low], two[high]), (one[high], two[low])):
            crossings += [(high, *_centre(p)) for p in (a & b).each()]
    if crossings:
        return min(crossings, key=lambda c: _distance(c, near))
    for reach in REACH_NM:
        found = [(m, *_centre(p)) for m in metals for p in (one[m].sized(reach) & two[m]).each()]
        if found:
            return min(found, key=lambda c: _distance(c, near))
    return None


def find_bridge(
    connectivity: Connectivity, clusters: Sequence[Cluster], one: Sequence[Mark], two: Sequence[Mark]
) -> Point | None:
    """The piece of metal that joins the pins of two nets.

    Of the pieces on a shortest way between the two nets, the one is given without which the nets are apart
    while each holds together; failing that, one without which they are apart; failing that the middle.
    """
    graph = _Graph.of(connectivity, clusters)
    if graph is None:
        return None
    starts, ends = graph.at(one), graph.at(two)
    way = graph.way(starts, ends)
    if not way:
        return None
    apart = []
    for node in way[:MAX_TRIES]:
        reached = graph.reach(starts - {node}, node)
        if ends & reached - {node}:
            continue
        apart.append(node)
        first = next(iter(starts - {node}), None)
        last = next(iter(ends - {node}), None)
        whole = first is None or starts - {node} <= graph.reach({first}, node)
        if whole and (last is None or ends - {node} <= graph.reach({last}, node)) and node not in starts | ends:
            return graph.place(node)
    chosen = apart[len(apart) // 2] if apart else way[len(way) // 2]
    return graph.place(chosen)


@dataclass
class _Graph:
    """Touching rectangles of metal and cuts."""

    layers: list[str]
    boxes: list[kdb.Box] = field(default_factory=list)
    layer: list[int] = field(default_factory=list)
    index: list[kdb.Shapes] = field(default_factory=list)

    @staticmethod
    def of(connectivity: Connectivity, clusters: Sequence[Cluster]) -> _Graph | None:
        graph = _Graph(list(connectivity.shapes))
        for number, name in enumerate(graph.layers):
            shapes = kdb.Shapes()
            for box in _pieces(_shapes(connectivity, clusters, name)):
                shapes.insert(kdb.BoxWithProperties(box, len(graph.boxes)))
                graph.boxes.append(box)
                graph.layer.append(number)
            graph.index.append(shapes)
            if len(graph.boxes) > MAX_PIECES:
                return None
        return graph

    def at(self, marks: Iterable[Mark]) -> set[int]:
        """Pieces under the marks."""
        found = set()
        for mark in marks:
            point = kdb.Box(mark.x, mark.y, mark.x, mark.y)
            found |= set(self._touching(self.layers.index(mark.layer), point))
        return found

    def neighbours(self, node: int) -> list[int]:
        """Pieces that touch on the same layer, or overlap on the layer above or below."""
        layer = self.layer[node]
        found: list[int] = []
        for other in (layer - 1, layer, layer + 1):
            if 0 <= other < len(self.index):
                found += self._touching(other, self.boxes[node])
        return found

    def way(self, starts: set[int], ends: set[int]) -> list[int]:
        """A shortest way from the one set to the other."""
        before: dict[int, int] = dict.fromkeys(starts, -1)
        queue = deque(starts)
        while queue:
            node = queue.popleft()
            if node in ends:
                way = []
                while node >= 0:
                    way.append(node)
                    node = before[node]
                return way[::-1]
            for other in self.neighbours(node):
                if other not in before:
                    before[other] = node
                    queue.append(other)
        return []

    def reach(self, starts: set[int], without: int) -> set[int]:
        """All pieces connected with ``starts`` when one piece is gone."""
        seen = set(starts) | {without}
        queue = deque(starts)
        while queue:
            for other in self.neighbours(queue.popleft()):
                if other not in seen:
                    seen.add(other)
                    queue.append(other)
        return seen

    def place(self, node: int) -> Point:
        """The middle of a piece."""
        centre = self.boxes[node].center()
        return self.layers[self.layer[node]], centre.x, centre.y

    def _touching(self, layer: int, box: kdb.Box) -> list[int]:
        return [shape.prop_id for shape in self.index[layer].each_touching(box)]


def _pieces(region: kdb.Region) -> list[kdb.Box]:
    """Cut metal at its corners in both directions, so that a bridge between wires is a piece of its own."""
    rows = kdb.Shapes()
    for polygon in region.decompose_trapezoids_to_region(kdb.Polygon.TD_htrapezoids).each():
        rows.insert(polygon.bbox())
    found = []
    for polygon in region.decompose_trapezoids_to_region(kdb.Polygon.TD_vtrapezoids).each():
        column = polygon.bbox()
        found += [column & row.box for row in rows.each_overlapping(column)]
    return found


def _shapes(connectivity: Connectivity, clusters: Iterable[Cluster], layer: str) -> kdb.Region:
    found = kdb.Region()
    for cluster in clusters:
        found += connectivity.shapes_of(cluster, layer)
    return found.merged()


def _centre(polygon: kdb.Polygon) -> tuple[int, int]:
    centre = polygon.bbox().center()
    return centre.x, centre.y


def _distance(place: Point, near: tuple[int, int]) -> int:
    return abs(place[1] - near[0]) + abs(place[2] - near[1])
