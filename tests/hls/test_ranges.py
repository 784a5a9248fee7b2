"""Intervals and cast steps: no value escapes, and no step is kept that does nothing."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from asicflow.hls.ranges import Affine, Clip, Fit, Interval, Leak, Relu, Shift, apply_steps, cast_steps
from asicflow.model.fixed import FixedType, cast

from .networks import types


@given(low=st.integers(-500, 500), size=st.integers(0, 300), frac=st.integers(-3, 9), kind=types())
def test_cast_steps_bound_the_cast(low: int, size: int, frac: int, kind: FixedType) -> None:
    seen = Interval(low, low + size)
    results = cast(np.arange(seen.low, seen.high + 1), frac, kind)
    bound = apply_steps(list(cast_steps(seen, frac, kind)), seen)
    assert bound.low <= results.min() and results.max() <= bound.high


def test_needless_steps_are_left_out() -> None:
    kind = FixedType(width=8, frac=4, saturation="SAT")
    assert cast_steps(Interval(-128, 127), 4, kind) == []
    assert cast_steps(Interval(-128, 128), 4, kind) == [Fit(kind)]
    assert cast_steps(Interval(-2048, 2047), 8, kind) == [Shift(4, "TRN")]


@given(low=st.integers(-50, 50), size=st.integers(0, 80), a=st.integers(-5, 5), b=st.integers(-9, 9))
def test_steps_bound_their_results(low: int, size: int, a: int, b: int) -> None:
    seen = Interval(low, low + size)
    values = range(seen.low, seen.high + 1)
    cases = {
        Relu(): [max(v, 0) for v in values],
        Affine(a, b): [v * a + b for v in values],
        Clip(-3, 7): [min(max(v, -3), 7) for v in values],
        Leak(a, 2): [v * a if v < 0 else v * 4 for v in values],
    }
    for step, results in cases.items():
        assert step.apply(seen) == Interval(min(results), max(results))


def test_bits() -> None:
    assert [Interval(0, v).bits for v in (0, 1, 127, 128)] == [1, 1, 7, 8]
    assert [Interval(-v, 0).signed_bits for v in (1, 128, 129)] == [1, 8, 9]
