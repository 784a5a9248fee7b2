"""Arrays of cuts inside a cell are joined for extraction; what they connect stays the same."""

from __future__ import annotations

from pathlib import Path

import klayout.db as kdb

from asicflow.pdk.config import GdsLayer
from asicflow.signoff.extract import Connectivity, Mark
from asicflow.signoff.layout import JOINED, Layout

LAYERS = {
    "low": GdsLayer(name="low", drawing=(1, 0), label=(1, 10)),
    "cut": GdsLayer(name="cut", drawing=(2, 0)),
    "high": GdsLayer(name="high", drawing=(3, 0), label=(3, 10)),
}
CUT, PITCH = 260, 710


def write_pad(path: Path, gap: int) -> None:
    """A cell with two stripes of two layers `gap` nm apart, an array of cuts on each; a crossing without a cut."""
    layout = kdb.Layout()
    layout.dbu = 0.001
    pad, top = layout.create_cell("pad"), layout.create_cell("chip")
    low, cut, high = (layout.layer(*layer.drawing) for layer in LAYERS.values())
    for start in (0, 4_000 + gap):
        for layer in (low, high):
            pad.shapes(layer).insert(kdb.Box(start, 0, start + 4_000, 10_000))
        for x in range(start + 100, start + 4_000 - CUT, PITCH):
            for y in range(100, 10_000 - CUT, PITCH):
                pad.shapes(cut).insert(kdb.Box(x, y, x + CUT, y + CUT))
    pad.shapes(high).insert(kdb.Box(-400, 3_000, 100, 6_000))  # the first stripe's upper metal over a third's lower
    pad.shapes(low).insert(kdb.Box(-3_000, 3_000, -300, 6_000))
    pad.shapes(cut).insert(kdb.Box(-460, 4_000, -420, 4_260))  # on the lower one only, beside that crossing
    pad.shapes(low).insert(kdb.Box(20_000, 0, 21_000, 5_000))
    pad.shapes(high).insert(kdb.Box(19_000, 2_000, 22_000, 3_000))  # crosses without a cut
    top.insert(kdb.CellInstArray(pad.cell_index(), kdb.Trans(kdb.Trans.R90, 50_000, 0)))
    top.shapes(low).insert(kdb.Box(0, 0, 500, 500))
    layout.write(str(path))


def pieces(layout: Layout) -> int:
    """Separate pieces of connected metal in the cell."""
    shapes = {name: layout.region(name) for name in LAYERS}
    marks = [
        Mark(("pad", f"{name}{k}"), name, box.center().x, box.center().y)
        for name in ("low", "high")
        for k, box in enumerate(p.bbox() for p in shapes[name].each())
        if box.width() > 600
    ]
    found = Connectivity(shapes, marks)
    assert not found.loose
    return len(found.clusters)


def test_arrays_join_and_connections_stay(tmp_path: Path) -> None:
    path = tmp_path / "pad.gds"
    write_pad(path, gap=300)
    before = Layout(path, "chip", LAYERS)
    after = before.with_joined_cuts({"pad"}, list(LAYERS))
    assert before.region("cut").count() > 100 and after.region("cut").count() == 3
    for metal in ("low", "high"):
        assert (before.region(metal) ^ after.region(metal)).is_empty()
    assert (before.region("cut") - after.region("cut")).is_empty()
    assert pieces(before) == pieces(after) == 5


def test_far_cuts_and_other_cells_stay(tmp_path: Path) -> None:
    path = tmp_path / "pad.gds"
    write_pad(path, gap=300)
    before = Layout(path, "chip", LAYERS)
    assert 2 * JOINED > PITCH - CUT, "an array's gap is bridged"
    untouched = before.with_joined_cuts({"other"}, list(LAYERS))
    assert untouched.region("cut").count() == before.region("cut").count()
    assert before.region("cut").count() > 100, "the original is left alone"
