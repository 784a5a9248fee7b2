"""Gaps within a net are filled on the grid; nets are never joined, and what cannot be filled is reported."""

from __future__ import annotations

import klayout.db as kdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kits import Kit

from asicflow.flow.pnr import notches
from asicflow.flow.pnr.geometry import NetGeometry, PinLanding
from asicflow.flow.pnr.netlist import Instance, Net
from asicflow.flow.pnr.notches import Closed, NetShapes, closed, on_grid, pins_with_near_cuts
from asicflow.flow.pnr.technology import load_technology
from asicflow.pdk.lef import Rect

SPACE, WIDTH, HOLE, GRID = 140, 140, 140_000, 5


def metal(*boxes: Rect) -> kdb.Region:
    region = kdb.Region()
    for box in boxes:
        region.insert(kdb.Box(*box))
    return region


def filled(*nets: list[Rect]) -> Closed:
    shapes = NetShapes((rect, number) for number, rects in enumerate(nets) for rect in rects)
    return closed(shapes, metal(*(r for rects in nets for r in rects)), SPACE, WIDTH, HOLE, GRID)


def gaps(region: kdb.Region) -> int:
    """Places below the spacing or the width."""
    found = region.space_check(SPACE, metrics=kdb.Metrics.Euclidian).count() + region.width_check(WIDTH).count()
    return int(found)


PADS = [(0, 180, 320, 440), (460, 180, 780, 440)]
POCKET = [*PADS, (160, 240, 620, 380), (365, -455, 780, 100), (460, 0, 780, 300)]
"""Two pads, a wire and patches of one net whose corners come too near: seen in a layout."""


def test_corners_across_a_pocket_are_joined() -> None:
    assert gaps(metal(*POCKET).merged())
    found = filled(POCKET)
    assert not gaps(found.metal) and not found.faults


def test_a_gap_beside_another_net_is_reported_and_the_nets_stay_apart() -> None:
    """A fill of the corner gap would come too near to the other net's pad."""
    other = [(85, -100, 225, 40)]
    assert not gaps(metal(*other, *POCKET).merged() & metal(*other))
    found = filled(POCKET, other)
    assert found.faults
    assert found.metal.interacting(metal(*other)).count() == 1
    assert (found.metal.interacting(metal(*other)) ^ metal(*other)).is_empty()


@pytest.mark.parametrize(("rounds", "closes"), [(64, True), (1, False)])
def test_what_is_left_after_the_last_round_is_reported(
    monkeypatch: pytest.MonkeyPatch, rounds: int, closes: bool
) -> None:
    """Six wires whose fills leave smaller gaps beside them."""
    wires = [(440, 165, 770, 1535), (790, 1715, 1335, 2045), (475, 410, 1135, 740), (435, 310, 765, 675),
             (1325, 45, 1655, 1365), (1510, 1650, 1840, 1980)]  # fmt: skip
    monkeypatch.setattr(notches, "ROUNDS", rounds)
    found = closed(NetShapes((wire, 0) for wire in wires), metal(*wires), 300, 300, 0, GRID)
    left = found.metal.space_check(300, metrics=kdb.Metrics.Euclidian).count() + found.metal.width_check(300).count()
    assert (left == 0) == closes and bool(found.faults) != closes


PLACE = st.integers(0, 60).map(lambda k: 5 * k)
SIDE = st.integers(28, 60).map(lambda k: 5 * k)
RECTS = st.lists(st.tuples(PLACE, PLACE, SIDE, SIDE), min_size=1, max_size=9).map(
    lambda rects: [(x, y, x + w, y + h) for x, y, w, h in rects]
)


@settings(deadline=None, max_examples=300)
@given(RECTS)
def test_one_net_loses_nothing_and_keeps_no_gap(rects: list[Rect]) -> None:
    found = filled(rects)
    assert (metal(*rects) - found.metal).is_empty()
    assert not gaps(found.metal) and not found.faults
    assert found.metal.grid_check(GRID, GRID).is_empty()


@settings(deadline=None, max_examples=300)
@given(RECTS, RECTS, st.integers(-80, 80), st.integers(-80, 80))
def test_two_nets_are_never_joined(a: list[Rect], b: list[Rect], i: int, j: int) -> None:
    b = [(x1 + 5 * i, y1 + 5 * j, x2 + 5 * i, y2 + 5 * j) for x1, y1, x2, y2 in b]
    near = metal(*a).merged().separation_check(metal(*b).merged(), SPACE, metrics=kdb.Metrics.Euclidian)
    if near.count() or not (metal(*a) & metal(*b)).is_empty() or metal(*a).interacting(metal(*b)).count():
        return
    found = filled(a, b)
    assert not found.metal.interacting(metal(*a)).interacting(metal(*b)).count()
    if not found.faults:
        assert not gaps(found.metal)


@pytest.mark.parametrize("distance", [140, 200])
def test_shapes_that_keep_the_spacing_stay_as_they_are(distance: int) -> None:
    shapes = [(0, 0, 300, 140), (300 + distance, 0, 600 + distance, 140)]
    assert (filled(shapes).metal ^ metal(*shapes).merged()).is_empty()


def test_boxes_shrink_to_the_grid_but_never_to_nothing() -> None:
    assert on_grid(kdb.Box(1, 1, 19, 9), 5) == kdb.Box(5, 0, 15, 10)
    assert on_grid(kdb.Box(1, 6, 4, 14), 5) == kdb.Box(0, 5, 5, 15)


@pytest.mark.parametrize(("apart", "near"), [(355, True), (360, False), (0, False)])
def test_two_pins_of_one_net_keep_their_cuts_apart(sky: Kit, apart: int, near: bool) -> None:
    """mcon is 170 nm wide and wants 190 nm; the same cut for both pins is no gap."""
    cell = Instance("g", "sky130_fd_sc_hd__nand2_1")
    landings = [PinLanding((cell, pin), 0, x, 0, cut=(x, 0)) for pin, x in (("A", 0), ("B", apart))]
    geometry = NetGeometry(Net("n"), [], [], [], landings)
    assert pins_with_near_cuts([geometry], load_technology(sky.library)) == ([(0, 1)] if near else [])
