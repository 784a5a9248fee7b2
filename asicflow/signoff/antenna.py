"""Antenna ratios from routed geometry, with the limits of the technology LEF.

Metal is deposited layer by layer. What counts for a gate is the metal (and the cuts) of one layer that is
connected to it through lower layers only, against the gate's area. Diffusion on the same piece drains the
charge: the LEF then states a higher limit, as a function of its area.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import klayout.db as kdb

from asicflow.pdk.lef import Antenna, Layer, Macro, Pwl, TechLef
from asicflow.signoff.extract import Cluster, Connectivity, Extraction, Mark


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
    marks = [m for m in found.connectivity.marks if m.pin[0] and sum(areas(found, macros, m)) > 0]
    shapes = _without_supplies(found, macros)
    stack = list(shapes)
    for top in range(1, len(stack) + 1, 2):
        layers = stack[: top + 1]
        below = [m for m in marks if m.layer in layers]
        connectivity = Connectivity({name: shapes[name] for name in layers}, below)
        for cluster in connectivity.clusters:
            gate, diffusion = _total(found, macros, cluster)
            if gate <= 0:
                continue
            gate_mark = max(cluster.marks, key=lambda m: areas(found, macros, m)[0])
            for name in layers[top - 1 :]:
                ratio, limit = _ratio(connectivity, cluster, tech.layers[name], gate, diffusion)
                if limit is not None:
                    yield AntennaRatio(name, gate_mark, ratio, limit, gate, diffusion)


def _without_supplies(found: Extraction, macros: dict[str, Macro]) -> dict[str, kdb.Region]:
    """The layout's shapes without the supply nets, which drive no gate and hold most cuts."""
    full = found.connectivity
    supplies = []
    for cluster in full.clusters:
        pins = [m.pin for m in cluster.marks if m.pin[0]]
        kinds = [macros[found.placed[i].cell].pins[p] for i, p in pins]
        if any(k.is_power for k in kinds) and not any(k.gate_area > 0 for k in kinds):
            supplies.append(cluster)
    left = {}
    for name, region in full.shapes.items():
        taken = kdb.Region()
        for cluster in supplies:
            taken += full.shapes_of(cluster, name)
        left[name] = region - taken
    return left


def areas(found: Extraction, macros: dict[str, Macro], mark: Mark) -> tuple[float, float]:
    """Gate and diffusion area of a pin in um2."""
    pin = macros[found.placed[mark.pin[0]].cell].pins[mark.pin[1]]
    return pin.gate_area, pin.diff_area


def _total(found: Extraction, macros: dict[str, Macro], cluster: Cluster) -> tuple[float, float]:
    pins = {m.pin: areas(found, macros, m) for m in cluster.marks}
    return sum(g for g, _ in pins.values()), sum(d for _, d in pins.values())


def _ratio(
    connectivity: Connectivity, cluster: Cluster, layer: Layer, gate: float, diffusion: float
) -> tuple[float, float | None]:
    """(ratio, limit) on one layer: side walls of a metal where the LEF limits them, else the area."""
    antenna = layer.antenna
    side = antenna.side_area is not None or antenna.diff_side_area is not None
    plain = antenna.side_area if side else antenna.area
    drained = antenna.diff_side_area if side else antenna.diff_area
    limit = _limit(plain, drained, diffusion)
    if limit is None:
        return 0.0, None
    shapes = connectivity.shapes_of(cluster, layer.name).merged()
    metal = shapes.perimeter() * layer.thickness if side else shapes.area()
    return metal / 1e6 / (gate + _share(antenna) * diffusion), limit


def _share(antenna: Antenna) -> float:
    """How much of the diffusion counts as gate."""
    return antenna.gate_plus_diff


def _limit(plain: float | None, drained: Pwl | None, diffusion: float) -> float | None:
    """The plain limit without diffusion, the drained one with; the latter also stands in for the former."""
    if diffusion <= 0 and plain is not None:
        return plain
    return None if drained is None else _interpolate(drained, diffusion)


def _interpolate(points: Pwl, x: float) -> float:
    """Piecewise linear, constant beyond the ends."""
    if x <= points[0][0]:
        return points[0][1]
    for (x1, y1), (x2, y2) in pairwise(points):
        if x <= x2:
            return y1 + (y2 - y1) * (x - x1) / (x2 - x1)
    return points[-1][1]
