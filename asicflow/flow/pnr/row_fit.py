"""Fit the cells of one row side by side, each as near as possible to where it wants to be.

Cells keep their order. Cells that touch form a cluster at the weighted mean of its members' wishes, and
clusters that would overlap are joined: the optimum of the weighted squared displacement in a row (Spindler,
Schlichtmann and Johannes, "Abacus", ISPD 2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Wish:
    """A cell's wanted left edge, its width (both in sites) and how much it minds being moved."""

    left: float
    width: int
    weight: float = 1.0


@dataclass
class _Cluster:
    """Consecutive touching cells: index of the first, total weight, weighted wish of its left edge, width."""

    first: int
    weight: float
    wish: float
    width: int

    def left(self, start: int, end: int) -> int:
        return min(max(round(self.wish / self.weight), start), end - self.width)


def fit_row(wishes: Sequence[Wish], start: int, end: int) -> list[int]:
    """Left edges (in sites) for cells in the order of `wishes` between `start` and `end`.

    Raises ValueError when the cells are wider than the row.
    """
    if sum(w.width for w in wishes) > end - start:
        raise ValueError(f"cells of {sum(w.width for w in wishes)} sites in a row of {end - start}")
    clusters: list[_Cluster] = []
    for k, wish in enumerate(wishes):
        cluster = _Cluster(k, wish.weight, wish.weight * wish.left, wish.width)
        while clusters:
            before = clusters[-1]
            if before.left(start, end) + before.width <= cluster.left(start, end):
                break
            # members of the later cluster want their left edge minus what lies before them
            before.wish += cluster.wish - cluster.weight * before.width
            before.weight += cluster.weight
            before.width += cluster.width
            cluster = clusters.pop()
        clusters.append(cluster)
    places: list[int] = []
    ends = [*(c.first for c in clusters), len(wishes)][1:]
    for cluster, after in zip(clusters, ends, strict=True):
        left = cluster.left(start, end)
        for wish in wishes[cluster.first : after]:
            places.append(left)
            left += wish.width
    return places
