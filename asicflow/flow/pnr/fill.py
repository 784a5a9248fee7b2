"""Density fill: squares of dummy metal where a layer has room, on the process' fill layers.

Fill is connected to nothing and keeps its distance from all metal. It is not drawn over hard macros.
"""

from __future__ import annotations

from collections.abc import Iterable

import klayout.db as kdb

from asicflow.flow.pnr.technology import Fill
from asicflow.pdk.config import Library
from asicflow.pdk.lef import Rect


def add_fill(layout: kdb.Layout, library: Library, fill: Fill, keepouts: Iterable[Rect]) -> dict[str, int]:
    """Fill a finished layout in place; the number of squares per layer.

    `keepouts` are rectangles (nm) without fill on any layer.
    """
    top = layout.top_cell()
    die = kdb.Region(kdb.Box(top.bbox()).enlarged(-fill.clear, -fill.clear))
    die -= kdb.Region([kdb.Box(*rect) for rect in keepouts])
    counts = {}
    for name, pair in fill.layers.items():
        metal = kdb.Region(top.begin_shapes_rec(layout.layer(*library.layers[name].drawing))).merged()
        free = die - metal.sized(fill.clear)
        square = layout.create_cell(f"fill_{name}")
        square.shapes(layout.layer(*pair)).insert(kdb.Box(0, 0, fill.size, fill.size))
        step = fill.size + fill.gaps.get(name, fill.gap)
        top.fill_region(free, square.cell_index(), kdb.Box(0, 0, step, step), kdb.Point(0, 0))
        arrays = [i for i in top.each_inst() if i.cell_index == square.cell_index()]
        counts[name] = sum(max(i.na, 1) * max(i.nb, 1) for i in arrays)
    return counts
