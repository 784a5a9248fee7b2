"""Density fill: every layer gets denser, and no square comes near metal, a keepout or another square."""

from __future__ import annotations

import random
from pathlib import Path

import klayout.db as kdb
from kits import Kit

from asicflow.flow.pnr.fill import add_fill
from asicflow.flow.pnr.technology import load_technology
from asicflow.pdk.lef import read_tech_lef
from asicflow.signoff.density import DensityLimit, density_rows
from asicflow.signoff.layout import Layout

DIE, BLOCK = 120_000, (60_000, 60_000, 100_000, 90_000)


def sparse_layout(kit: Kit) -> kdb.Layout:
    """Metal of a tenth of the die's area or less on every layer, some of it inside a cell."""
    rng = random.Random(1)
    layout = kdb.Layout()
    layout.dbu = 0.001
    top, child = layout.create_cell("top"), layout.create_cell("child")
    for pairs in kit.library.layers.values():
        for _ in range(12):
            x, y = (rng.randrange(0, DIE - 12_000, 5) for _ in range(2))
            cell = rng.choice((top, child))
            cell.shapes(layout.layer(*pairs.drawing)).insert(kdb.Box(x, y, x + 10_000, y + 5 * rng.randrange(40, 900)))
    top.insert(kdb.CellInstArray(child.cell_index(), kdb.Trans()))
    top.shapes(layout.layer(*kit.library.boundary)).insert(kdb.Box(0, 0, DIE, DIE))
    return layout


def test_fill_keeps_its_distance_and_raises_the_density(kit: Kit, tmp_path: Path) -> None:
    fill = load_technology(kit.library).config.fill
    assert fill is not None
    layout, rules = sparse_layout(kit), read_tech_lef(kit.library.tech_lef).layers
    counts = add_fill(layout, kit.library, fill, [BLOCK])
    top = layout.top_cell()
    for name, pair in fill.layers.items():
        squares = kdb.Region(top.begin_shapes_rec(layout.layer(*pair)))
        metal = kdb.Region(top.begin_shapes_rec(layout.layer(*kit.library.layers[name].drawing)))
        assert squares.count() == counts[name] > 300
        assert squares.merged().space_check(rules[name].spacing).is_empty()
        assert squares.merged().width_check(rules[name].min_width).is_empty()
        assert squares.separation_check(metal, fill.clear).is_empty() and (squares & metal).is_empty()
        assert (squares & kdb.Region(kdb.Box(*BLOCK))).is_empty()
        assert squares.area() / DIE**2 > 0.15
    path = tmp_path / "top.gds"
    layout.write(str(path))
    limits = [DensityLimit(name, 0.0, None, 0.0, 0.0) for name in fill.layers]
    bare = density_rows(Layout(path, "top", kit.library.layers), limits, "minimum")
    full = density_rows(Layout(path, "top", kit.library.layers, fill.layers), limits, "minimum")
    for before, after in zip(bare, full, strict=True):
        assert float(after["mean_percent"] or 0) > float(before["mean_percent"] or 0) + 15


def test_a_square_beside_metal_would_be_seen(kit: Kit) -> None:
    """Negative control of the check above."""
    fill = load_technology(kit.library).config.fill
    assert fill is not None
    squares = kdb.Region(kdb.Box(0, 0, fill.size, fill.size))
    beside = kdb.Region(kdb.Box(fill.size + fill.clear - 5, 0, 2 * fill.size + fill.clear, fill.size))
    assert not squares.separation_check(beside, fill.clear).is_empty()
