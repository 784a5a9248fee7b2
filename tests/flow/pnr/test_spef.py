"""Delays of wires by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicflow.flow.pnr.spef import elmore


def test_elmore_of_a_fork() -> None:
    """100 ohm from the driver (0) to a fork (1), from there 50 ohm to a small pin (2), 200 ohm to a large one (3)."""
    resistors = [(0, 1, 100.0), (1, 2, 50.0), (3, 1, 200.0)]
    loads = [0.5, 0.01, 0.02, 0.3]
    trunk = 100 * (0.01 + 0.02 + 0.3)
    assert elmore(resistors, loads, 0) == pytest.approx([0.0, trunk, trunk + 50 * 0.02, trunk + 200 * 0.3])


@given(st.lists(st.tuples(st.integers(0, 100), st.floats(1, 500), st.floats(0, 1)), min_size=1, max_size=12))
def test_elmore_is_the_sum_over_shared_paths(branches: list[tuple[int, float, float]]) -> None:
    """Random trees: every load counts with the resistance that its path shares with the point's."""
    resistors = [(at % (k + 1), k + 1, ohm) for k, (at, ohm, _) in enumerate(branches)]
    loads = [0.0, *(load for _, _, load in branches)]
    paths: list[dict[int, float]] = [{}]
    for k, (up, _, ohm) in enumerate(resistors):
        paths.append({**paths[up], k: ohm})
    expected = [
        sum(load * sum(ohm for k, ohm in mine.items() if k in other) for load, other in zip(loads, paths, strict=True))
        for mine in paths
    ]
    assert elmore(resistors, loads, 0) == pytest.approx(expected)
