"""Exact intervals of integer values, and the hardware steps that a cast really needs.

A cast to a fixed-point type is up to two steps: a rounding shift, and a
treatment of values that do not fit.  Intervals show which of them can ever
matter; the rest costs no gate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asicflow.model.fixed import FixedType, Rounding, overflow, round_shift


@dataclass(frozen=True)
class Interval:
    """All integers from ``low`` to ``high``."""

    low: int
    high: int

    def __or__(self, other: Interval) -> Interval:
        return Interval(min(self.low, other.low), max(self.high, other.high))

    def within(self, other: Interval) -> bool:
        """True when no value lies outside ``other``."""
        return other.low <= self.low and self.high <= other.high

    @property
    def signed_bits(self) -> int:
        """Bits of the narrowest two's complement number that holds every value."""
        return max(self.high.bit_length(), (-self.low - 1).bit_length() if self.low < 0 else 0) + 1

    @property
    def bits(self) -> int:
        """Bits without a sign when no value is negative, else of a two's complement number."""
        return max(1, self.high.bit_length()) if self.low >= 0 else self.signed_bits


def type_interval(kind: FixedType) -> Interval:
    """All values of a type."""
    return Interval(kind.low, kind.high)


@dataclass(frozen=True)
class Shift:
    """Multiply by ``2**-right`` (left when negative) and round."""

    right: int
    rounding: Rounding = "TRN"

    def apply(self, seen: Interval) -> Interval:
        """Interval of the results (rounding is monotone)."""
        if self.right <= 0:
            return Interval(seen.low << -self.right, seen.high << -self.right)
        low, high = round_shift(np.array([seen.low, seen.high], dtype=np.int64), self.right, self.rounding)
        return Interval(int(low), int(high))


@dataclass(frozen=True)
class Fit:
    """Bring values into the range of a type, as its overflow mode says."""

    kind: FixedType

    def apply(self, seen: Interval) -> Interval:
        """Interval of the results."""
        if self.kind.saturation == "SAT" or (self.kind.saturation == "SAT_SYM" and not self.kind.signed):
            ends = overflow(np.array([seen.low, seen.high], dtype=np.int64), self.kind)
            return Interval(int(ends[0]), int(ends[1]))
        symmetric = self.kind.saturation == "SAT_SYM"
        return Interval(-self.kind.high if symmetric else self.kind.low, self.kind.high)


@dataclass(frozen=True)
class Relu:
    """Replace negative values by zero."""

    def apply(self, seen: Interval) -> Interval:
        """Interval of the results."""
        return Interval(max(seen.low, 0), max(seen.high, 0))


@dataclass(frozen=True)
class Leak:
    """Multiply negative values by ``slope`` and the others by ``2**frac``."""

    slope: int
    frac: int

    def apply(self, seen: Interval) -> Interval:
        """Interval of the results."""
        points = []
        if seen.low < 0:
            points += [seen.low * self.slope, min(seen.high, -1) * self.slope]
        if seen.high >= 0:
            points += [max(seen.low, 0) << self.frac, seen.high << self.frac]
        return Interval(min(points), max(points))


@dataclass(frozen=True)
class Affine:
    """``value * factor + offset``."""

    factor: int
    offset: int

    def apply(self, seen: Interval) -> Interval:
        """Interval of the results."""
        ends = [v * self.factor + self.offset for v in (seen.low, seen.high)]
        return Interval(min(ends), max(ends))


@dataclass(frozen=True)
class Clip:
    """Limit to ``low`` ... ``high``."""

    low: int
    high: int

    def apply(self, seen: Interval) -> Interval:
        """Interval of the results."""
        return Interval(min(max(seen.low, self.low), self.high), min(max(seen.high, self.low), self.high))


@dataclass(frozen=True)
class Divide:
    """Divide by ``by`` (at least 1) and drop the rest towards zero."""

    by: int

    def apply(self, seen: Interval) -> Interval:
        """Interval of the results."""
        low, high = (abs(v) // self.by * (1 if v >= 0 else -1) for v in (seen.low, seen.high))
        return Interval(low, high)


@dataclass(frozen=True)
class Table:
    """Entry ``value - first`` of ``values``; the values seen lie inside."""

    first: int
    values: tuple[int, ...]

    def apply(self, seen: Interval) -> Interval:
        """Interval of the entries that can be reached."""
        reached = self.values[seen.low - self.first : seen.high - self.first + 1]
        return Interval(min(reached), max(reached))


Step = Shift | Fit | Relu | Leak | Affine | Clip | Divide | Table


def cast_steps(seen: Interval, frac: int, kind: FixedType) -> list[Step]:
    """The steps that cast values with ``frac`` fractional bits in the interval ``seen`` to ``kind``."""
    steps: list[Step] = []
    if frac != kind.frac:
        steps.append(Shift(frac - kind.frac, kind.rounding if frac > kind.frac else "TRN"))
        seen = steps[-1].apply(seen)
    limit = type_interval(kind)
    if kind.saturation == "SAT_SYM" and kind.signed:
        limit = Interval(-kind.high, kind.high)
    if not seen.within(limit):
        steps.append(Fit(kind))
    return steps


def apply_steps(steps: list[Step], seen: Interval) -> Interval:
    """Interval after all steps."""
    for step in steps:
        seen = step.apply(seen)
    return seen
