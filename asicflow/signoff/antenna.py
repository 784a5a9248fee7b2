"""Antenna ratios from routed geometry, with the limits of the technology LEF.

Metal is deposited layer by layer. What counts for a gate is the metal (and the cuts) of one layer that is
connected to it through lower layers only, against the gate's area. Diffusion on the same piece drains the
charge: the LEF then states a higher limit, as a function of its area.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import klayout.db as kdb
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from asicflow.pdk.lef import Layer, Macro, TechLef
from asicflow.signoff.extract import Cluster, Extraction, Mark
from asicflow.signoff.netlist import Pin

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AntennaRatio:
    """The ratio of one piece of metal: where a gate of it is, what was measured, what is allowed."""

    layer: str
    mark: Mark
    ratio: float
    limit: float
    gate_um2: float
    diffusion_um2: float

    @property
    def is_violated(self) -> bool:
        """True above the limit."""
        return self.ratio > self.limit


def antenna_ratios(found: Extraction, macros: dict[str, Macro], tech: TechLef) -> Iterator[AntennaRatio]:
    """Ratios of every piece of metal and cut that is connected to a gate.

    Parameters
    ----------
    found : Extraction
        The layout's shapes and named pins.
    macros : dict
        Abstract views with gate and diffusion areas per pin, in um2.
    tech : TechLef
        Limits and thicknesses.
    """
    shapes = _with_gates(found, macros)
    stack = list(shapes)
    metals = [_Polygons(shapes[name]) for name in stack[::2]]
    start = np.cumsum([0, *(len(metal.area) for metal in metals)])
    pins: list[tuple[int, Mark, float, float]] = []
    for mark in found.connectivity.marks:
        if mark.pin[0] and sum(sizes := areas(found, macros, mark)) > 0:
            level = stack.index(mark.layer) // 2
            pins += [
                (start[level] + k, mark, *sizes) for k in metals[level].at(kdb.Box(mark.x, mark.y, mark.x, mark.y))
            ]
    links = np.zeros((0, 2), np.int64)
    for level, metal in enumerate(metals):
        gates = _Gates(pins, _pieces(int(start[level + 1]), links))
        here = gates.piece[start[level] : start[level + 1]]
        yield from gates.ratios(tech.layers[stack[2 * level]], here, metal.area, metal.perimeter)
        if level + 1 == len(metals):
            break
        below, up, area = _cuts(shapes[stack[2 * level + 1]], metal, metals[level + 1])
        yield from gates.ratios(tech.layers[stack[2 * level + 1]], here[below], area, np.zeros_like(area))
        links = np.concatenate([links, np.stack([start[level] + below, start[level + 1] + up], axis=1)])


class _Polygons:
    """The merged polygons of a layer: area in nm2 and perimeter in nm of each, and which of them a box touches."""

    def __init__(self, region: kdb.Region) -> None:
        self._layout = kdb.Layout()
        self._shapes = self._layout.create_cell("layer").shapes(self._layout.layer(1, 0))
        area, perimeter = [], []
        for number, polygon in enumerate(region.each_merged()):
            self._shapes.insert(polygon, self._layout.properties_id({0: number}))
            area.append(polygon.area())
            perimeter.append(polygon.perimeter())
        self.area, self.perimeter = np.array(area, np.float64), np.array(perimeter, np.float64)

    def at(self, box: kdb.Box) -> list[int]:
        """Numbers of the polygons that touch a box."""
        touching = self._shapes.each_touching(box)
        return [int(s.property(0)) for s in touching if s.polygon.touches(box)]


def _cuts(region: kdb.Region, below: _Polygons, above: _Polygons) -> tuple[IntArray, IntArray, FloatArray]:
    """Which polygons below and above each cut joins, and the cut's area in nm2 (a cut may join several)."""
    found = [
        (k, n, polygon.area())
        for polygon in region.each_merged()
        for k in below.at(polygon.bbox())
        for n in above.at(polygon.bbox())
    ]
    one, two, area = zip(*found, strict=True) if found else ((), (), ())
    return np.array(one, np.int64), np.array(two, np.int64), np.array(area, np.float64)


def _pieces(count: int, links: IntArray) -> IntArray:
    """The number of the connected piece that each polygon belongs to."""
    joined = coo_array((np.ones(len(links), np.int8), (links[:, 0], links[:, 1])), shape=(count, count))
    return np.asarray(connected_components(joined, directed=False)[1], np.int64)


class _Gates:
    """Gate and diffusion area of each piece, in um2; a pin counts once, however often it is met."""

    def __init__(self, pins: Sequence[tuple[int, Mark, float, float]], piece: IntArray) -> None:
        self.piece = piece
        names: dict[Pin, int] = {}
        pins = [item for item in pins if item[0] < len(piece)]
        number = np.array([names.setdefault(mark.pin, len(names)) for _, mark, _, _ in pins], np.int64)
        owner = piece[np.array([polygon for polygon, _, _, _ in pins], np.int64)]
        first = np.sort(np.unique(owner * max(1, len(names)) + number, return_index=True)[1])
        owner = owner[first]
        gate, diffusion = (np.array([item[k] for item in pins], np.float64)[first] for k in (2, 3))
        self.gate = np.bincount(owner, gate, len(piece)).astype(np.float64)
        self.diffusion = np.bincount(owner, diffusion, len(piece)).astype(np.float64)
        order = np.lexsort((-first, gate))  # the largest gate last; of equal ones the first
        self.mark = {int(owner[k]): pins[first[k]][1] for k in order}

    def ratios(self, layer: Layer, owner: IntArray, area: FloatArray, perimeter: FloatArray) -> Iterator[AntennaRatio]:
        """Ratios of the pieces whose polygons on ``layer`` have ``area`` and ``perimeter``; owner (N,), both (N,)."""
        antenna = layer.antenna
        size = np.bincount(owner, perimeter * layer.thickness if antenna.by_side else area, len(self.piece))
        pieces = np.flatnonzero(self.gate > 0)
        gate, diffusion = self.gate[pieces], self.diffusion[pieces]
        limit = antenna.limits(diffusion)
        ratio = size[pieces] / 1e6 / (gate + antenna.gate_plus_diff * diffusion)
        for k in np.flatnonzero(~np.isnan(limit)):
            mark = self.mark[int(pieces[k])]
            yield AntennaRatio(layer.name, mark, *(float(a[k]) for a in (ratio, limit, gate, diffusion)))


def _with_gates(found: Extraction, macros: dict[str, Macro]) -> dict[str, kdb.Region]:
    """The layout's shapes that are connected to any gate: not the supplies, which hold most cuts."""

    def has_gate(cluster: Cluster) -> bool:
        return any(areas(found, macros, mark)[0] > 0 for mark in cluster.marks if mark.pin[0])

    return found.connectivity.shapes_of_all([cluster for cluster in found.connectivity.clusters if has_gate(cluster)])


def areas(found: Extraction, macros: dict[str, Macro], mark: Mark) -> tuple[float, float]:
    """Gate and diffusion area of a pin in um2."""
    pin = macros[found.placed[mark.pin[0]].cell].pins[mark.pin[1]]
    return pin.gate_area, pin.diff_area
