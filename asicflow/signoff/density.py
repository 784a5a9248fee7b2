"""Metal density in windows, with the limits that a technology LEF states."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import klayout.db as kdb
import numpy as np
from numpy.typing import NDArray

from asicflow.signoff.layout import Layout
from asicflow.signoff.verdict import Rows

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_LAYER = re.compile(r"^LAYER\s+(\S+)\s*$(.*?)^END\s+\1\s*$", re.MULTILINE | re.DOTALL)
_NUMBERS = r"\s+([\d.]+)(?:\s+([\d.]+))?\s*;"


@dataclass(frozen=True)
class DensityLimit:
    """Limits of one layer in percent, window and step in um."""

    layer: str
    minimum: float | None
    maximum: float | None
    window: float
    step: float


def read_density_limits(tech_lef: Path) -> list[DensityLimit]:
    """Read MINIMUMDENSITY, MAXIMUMDENSITY, DENSITYCHECKWINDOW and DENSITYCHECKSTEP of every layer."""
    text = re.sub(r"#[^\n]*", "", tech_lef.read_text())
    found = []
    for name, body in _LAYER.findall(text):
        values = {}
        for key in ("MINIMUMDENSITY", "MAXIMUMDENSITY", "DENSITYCHECKWINDOW", "DENSITYCHECKSTEP"):
            match = re.search(key + _NUMBERS, body)
            values[key] = float(match.group(1)) if match else None
        low, high, window, step = values.values()
        if low is not None or high is not None:
            size = window or 0.0
            found.append(DensityLimit(name, low, high, size, step or size))
    return found


def with_manual(limits: list[DensityLimit], manual: list[DensityLimit]) -> list[DensityLimit]:
    """The LEF's limits, completed by those of the design manual, which win."""
    found = {(x.layer, x.minimum is None): x for x in limits}
    for limit in manual:
        found[limit.layer, limit.minimum is None] = limit
    return list(found.values())


def density_rows(layout: Layout, limits: list[DensityLimit], which: str) -> Rows:
    """Mean and worst density per layer that has a limit of the kind; all layers when none has.

    Parameters
    ----------
    which : str
        ``"maximum"`` or ``"minimum"``: what the worst window is.
    """
    rows: Rows = []
    asked = [x for x in limits if getattr(x, which) is not None] or limits
    for limit in asked:
        if limit.layer not in layout.layers:
            continue
        windows = _windows(layout, limit)
        pick = max if which == "maximum" else min
        worst, centre = pick(windows, key=lambda w: w[0])
        metal = layout.filled(limit.layer).area()
        rows.append(
            {
                "layer": limit.layer,
                "mean_percent": round(100 * metal / (layout.die.area() or 1), 2),
                "worst_percent": round(100 * worst, 2),
                "limit_percent": getattr(limit, which),
                "window_um": limit.window or None,
                "windows": len(windows),
                "x_um": round(centre.x / 1000, 3),
                "y_um": round(centre.y / 1000, 3),
            }
        )
    return rows


def _windows(layout: Layout, limit: DensityLimit) -> list[tuple[float, kdb.Point]]:
    """(density, centre) of each window; one window over the die when the die is smaller.

    Windows overlap: the area left of and below each of their corners is measured once, the rest are differences.
    """
    die = layout.die
    size = round(limit.window * 1000) or max(die.width(), die.height())
    step = round(limit.step * 1000) or size
    lefts, bottoms = _starts(die.left, die.right, size, step), _starts(die.bottom, die.top, size, step)
    xs = sorted({*lefts, *(min(x + size, die.right) for x in lefts)})
    ys = sorted({*bottoms, *(min(y + size, die.top) for y in bottoms)})
    if len(xs) == len(ys) == 2:
        return [(layout.filled(limit.layer).area() / (die.area() or 1), die.center())]
    below = area_below(layout.filled(limit.layer), xs, ys)
    found = []
    for x in lefts:
        for y in bottoms:
            box = kdb.Box(x, y, x + size, y + size) & die
            (i, k), (j, m) = ((line.index(low), line.index(high)) for line, low, high in
                              ((xs, box.left, box.right), (ys, box.bottom, box.top)))  # fmt: skip
            area = int(below[k, m] - below[i, m] - below[k, j] + below[i, j])
            found.append((area / box.area(), box.center()))
    return found


def area_below(region: kdb.Region, xs: Sequence[int], ys: Sequence[int]) -> IntArray:
    """Area in nm2 of a merged region left of each x and below each y, in the frame that they span."""
    boxes, slanted = [], kdb.Region()
    for piece in region.decompose_trapezoids_to_region().each():
        if piece.is_box():
            box = piece.bbox()
            boxes.append((box.left, box.bottom, box.right, box.top))
        else:
            slanted.insert(piece)
    edges = np.array(boxes, np.float64).reshape(-1, 4)
    found = np.zeros((len(xs), len(ys)))  # whole numbers far below 2^53, so sums are exact
    for some in np.array_split(edges, len(edges) // 65536 + 1):
        wide, high = (_extent(some[:, k], some[:, k + 2], at) for k, at in ((0, xs), (1, ys)))
        found += wide.T @ high
    if not slanted.is_empty():
        tiles = [[(slanted & kdb.Region(kdb.Box(a, c, b, d))).area() for c, d in pairwise(ys)] for a, b in pairwise(xs)]
        found[1:, 1:] += np.array(tiles, np.float64).cumsum(0).cumsum(1)
    return found.astype(np.int64)


def _extent(low: FloatArray, high: FloatArray, at: Sequence[int]) -> FloatArray:
    """How much of each interval lies between the first edge and each, shape (intervals, edges)."""
    low, high = (np.maximum(end, at[0])[:, None] for end in (low, high))
    extent: FloatArray = np.clip(np.array(at, np.float64) - low, 0, high - low)
    return extent


def _starts(low: int, high: int, size: int, step: int) -> list[int]:
    """Lower edges of windows that cover low..high; the last one ends at high."""
    last = max(low, high - size)
    return sorted({*range(low, last + 1, step), last})
