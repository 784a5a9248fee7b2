"""Drawing the metal of a net: gaps within it that are too small are filled, on the grid."""

from __future__ import annotations

import klayout.db as kdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asicflow.flow.pnr.gds import closed

SPACE, HOLE, GRID = 140, 140_000, 5


def metal(*boxes: tuple[int, int, int, int]) -> kdb.Region:
    region = kdb.Region()
    for box in boxes:
        region.insert(kdb.Box(*box))
    return region


def gaps(region: kdb.Region) -> int:
    return int(region.space_check(SPACE, metrics=kdb.Metrics.Euclidian).count())


def test_corners_across_a_pocket_are_joined() -> None:
    """A pad, a wire and a patch of one net whose corners come too near: seen in a layout."""
    shapes = metal(
        (0, 180, 320, 440), (160, 240, 620, 380), (460, 180, 780, 440), (365, -455, 780, 100), (460, 0, 780, 300)
    )
    assert gaps(shapes.merged())
    assert not gaps(closed(shapes, SPACE, HOLE, GRID))


PLACE = st.integers(0, 40).map(lambda k: 5 * k)
SIDE = st.integers(28, 60).map(lambda k: 5 * k)


@settings(deadline=None, max_examples=400)
@given(st.lists(st.tuples(PLACE, PLACE, SIDE, SIDE), min_size=1, max_size=9))
def test_nothing_is_lost_and_no_gap_is_left(rects: list[tuple[int, int, int, int]]) -> None:
    shapes = metal(*((x, y, x + w, y + h) for x, y, w, h in rects))
    filled = closed(shapes, SPACE, HOLE, GRID)
    assert (shapes - filled).is_empty()
    assert not gaps(filled)
    assert filled.grid_check(GRID, GRID).is_empty()


@pytest.mark.parametrize("distance", [140, 200])
def test_shapes_that_keep_the_spacing_stay_as_they_are(distance: int) -> None:
    shapes = metal((0, 0, 300, 140), (300 + distance, 0, 600 + distance, 140))
    assert (closed(shapes, SPACE, HOLE, GRID) ^ shapes.merged()).is_empty()
