"""Static IR drop: the resistances of a supply net's drawn metal, and the currents that its cells draw.

Every piece of metal is a line along its longer side, with its mean width; cuts connect lines. Labels of the
top cell are ideal sources. The drop is the solution of Kirchhoff's equations for constant currents.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import klayout.db as kdb
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from asicflow.signoff.extract import Point

PATCH = 4.0
"""Metal that is less than so many times as long as wide is one node."""


@dataclass
class Grid:
    """Nodes with their places, resistors between them, sources and current sinks."""

    places: list[Point] = field(default_factory=list)
    resistors: list[tuple[int, int, float]] = field(default_factory=list)
    sources: set[int] = field(default_factory=set)
    sinks: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    lost: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Drop:
    """The largest drop in V and where, the mean over cells, the current in A, nodes without a source."""

    worst: float
    place: Point
    mean: float
    current: float
    islands: int


class _Line:
    """One piece of metal with the nodes that were asked for along it."""

    def __init__(self, grid: Grid, layer: str, polygon: kdb.Polygon, ohm_per_square: float) -> None:
        box = polygon.bbox()
        self.grid, self.layer, self.box = grid, layer, box
        self.upright = box.height() > box.width()
        self.length = max(box.width(), box.height())
        self.width = polygon.area() / self.length
        self.patch = self.length < PATCH * self.width
        self.ohm_per_nm = ohm_per_square / self.width
        self.nodes: dict[int, int] = {}

    def node(self, x: int, y: int) -> int:
        """The node at a place on the metal."""
        at = 0 if self.patch else (y if self.upright else x)
        if at not in self.nodes:
            self.nodes[at] = len(self.grid.places)
            self.grid.places.append((self.layer, x, y))
        return self.nodes[at]

    def close(self) -> None:
        """Put the resistors between neighbours."""
        ordered = sorted(self.nodes)
        for low, high in pairwise(ordered):
            ohm = (high - low) * self.ohm_per_nm
            self.grid.resistors.append((self.nodes[low], self.nodes[high], max(ohm, 1e-6)))


def build_grid(
    shapes: Mapping[str, kdb.Region],
    sheets: Mapping[str, float],
    cuts: Mapping[str, float],
    sources: Iterable[Point],
    sinks: Iterable[tuple[str, Point, float]],
) -> Grid:
    """Build the network of one supply net.

    Parameters
    ----------
    shapes : mapping
        The net's merged shapes per layer from the lowest up; metals and cuts alternate.
    sheets : mapping
        Ohm per square of each metal.
    cuts : mapping
        Ohm per cut of each cut layer.
    sources : iterable of Point
        Places of ideal supply.
    sinks : iterable of (name, Point, ampere)
        What cells draw, at a place on the metal of their supply pin.
    """
    grid = Grid()
    stack = list(shapes)
    lines = {n: [_Line(grid, n, p, sheets[n]) for p in shapes[n].merged().each()] for n in stack if n in sheets}
    finders = {name: _Finder(found) for name, found in lines.items()}
    for below, cut, above in zip(stack, stack[1:], stack[2:], strict=False):
        if cut not in cuts or below not in finders or above not in finders:
            continue
        for polygon in shapes[cut].merged().each():
            at = polygon.bbox().center()
            one, two = finders[below].at(at.x, at.y), finders[above].at(at.x, at.y)
            if one is not None and two is not None:
                grid.resistors.append((one.node(at.x, at.y), two.node(at.x, at.y), max(cuts[cut], 1e-6)))
    for layer, x, y in sources:
        line = finders[layer].at(x, y) if layer in finders else None
        if line is not None:
            grid.sources.add(line.node(x, y))
    for name, (layer, x, y), ampere in sinks:
        line = finders[layer].at(x, y) if layer in finders else None
        if line is None:
            grid.lost.append(name)
        else:
            grid.sinks[line.node(x, y)] += ampere
    for found in lines.values():
        for line in found:
            line.close()
    return grid


class _Finder:
    """Finds the line whose box holds a point, the first of several, by tiles of the die."""

    TILE = 20_000

    def __init__(self, lines: list[_Line]) -> None:
        self.tiles: dict[tuple[int, int], list[_Line]] = defaultdict(list)
        for line in lines:
            box = line.box
            for column in range(box.left // self.TILE, box.right // self.TILE + 1):
                for row in range(box.bottom // self.TILE, box.top // self.TILE + 1):
                    self.tiles[column, row].append(line)

    def at(self, x: int, y: int) -> _Line | None:
        near = self.tiles.get((x // self.TILE, y // self.TILE), ())
        here = kdb.Point(x, y)
        return next((line for line in near if line.box.contains(here)), None)


def solve(grid: Grid) -> Drop:
    """Solve for the drop at every node.

    Raises
    ------
    ValueError
        If there is no source or no sink.
    """
    if not grid.sources or not grid.sinks:
        raise ValueError("the supply net has no source or no cell")
    count = len(grid.places)
    one, two, ohm = (np.array(c) for c in zip(*grid.resistors, strict=True))
    siemens = 1.0 / ohm.astype(float)
    adjacency = coo_matrix((siemens, (one, two)), shape=(count, count))
    _, label = connected_components(adjacency, directed=False)
    fed = np.isin(label, label[list(grid.sources)])
    islands = [n for n in grid.sinks if not fed[n]]
    current = np.zeros(count)
    for node, ampere in grid.sinks.items():
        current[node] = ampere
    free = fed.copy()
    free[list(grid.sources)] = False
    number = np.cumsum(free) - 1
    drop: NDArray[np.float64] = np.zeros(count)
    if free.any():
        drop[free] = spsolve(_laplacian(one, two, siemens, free, number), current[free])
    fed_sinks = [n for n in grid.sinks if fed[n]]
    if not fed_sinks:
        return Drop(0.0, grid.places[0], 0.0, float(current.sum()), len(islands))
    worst = max(fed_sinks, key=lambda n: drop[n])
    mean = float(np.mean([drop[n] for n in fed_sinks]))
    return Drop(float(drop[worst]), grid.places[worst], mean, float(current.sum()), len(islands))


def _laplacian(
    one: NDArray[np.int64], two: NDArray[np.int64], siemens: NDArray[np.float64], free: NDArray[np.bool_],
    number: NDArray[np.int64],
) -> object:  # fmt: skip
    """Conductance matrix of the nodes that are not sources."""
    rows, columns, values = [], [], []
    for a, b in ((one, two), (two, one)):
        inside = free[a]
        rows.append(number[a][inside])
        columns.append(number[a][inside])
        values.append(siemens[inside])
        both = inside & free[b]
        rows.append(number[a][both])
        columns.append(number[b][both])
        values.append(-siemens[both])
    size = int(free.sum())
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return coo_matrix(entries, shape=(size, size)).tocsc()
