"""Fitting the cells of a row: order kept, no overlap, and no better placement by moving any cluster."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asicflow.flow.pnr.row_fit import Wish, fit_row

WISHES = st.lists(
    st.builds(Wish, st.floats(-10, 120), st.integers(1, 8), st.sampled_from([1.0, 50.0])), max_size=12
).map(lambda wishes: sorted(wishes, key=lambda w: w.left))


@settings(deadline=None)
@given(WISHES)
def test_cells_stay_inside_in_order_and_apart(wishes: list[Wish]) -> None:
    places = fit_row(wishes, 0, 100)
    edges = [0, *(e for p, w in zip(places, wishes, strict=True) for e in (p, p + w.width)), 100]
    assert edges == sorted(edges)


def cost(wishes: list[Wish], places: list[int]) -> float:
    return sum(w.weight * (p - w.left) ** 2 for w, p in zip(wishes, places, strict=True))


@settings(deadline=None)
@given(WISHES)
def test_no_single_move_improves_it(wishes: list[Wish]) -> None:
    places = fit_row(wishes, 0, 100)
    best = cost(wishes, places)
    for k, w in enumerate(wishes):
        for step in (-1, 1):
            moved = [*places]
            moved[k] += step
            low = moved[k - 1] + wishes[k - 1].width if k else 0
            high = moved[k + 1] if k + 1 < len(moved) else 100
            if low <= moved[k] and moved[k] + w.width <= high:
                assert cost(wishes, moved) >= best - w.weight


def test_heavy_cells_hardly_move_and_full_rows_are_refused() -> None:
    assert fit_row([Wish(10, 4), Wish(10, 2, 50.0), Wish(11, 4)], 0, 40) == [6, 10, 12]
    assert fit_row([Wish(0, 5), Wish(0, 5)], 0, 10) == [0, 5]
    with pytest.raises(ValueError, match="11 sites in a row of 10"):
        fit_row([Wish(0, 5), Wish(0, 6)], 0, 10)
