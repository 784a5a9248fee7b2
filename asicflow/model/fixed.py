"""Fixed-point types and their exact arithmetic on integers.

A value of type ``fixed<W,I>`` is an integer of ``W`` bits times ``2**-(W-I)``.
Rounding and overflow follow AMD's ``ap_fixed`` (UG1399, "Quantization modes"
and "Overflow modes"), which hls4ml's C simulation implements.
"""

from __future__ import annotations

import re
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from asicflow.errors import UserError

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

Rounding = Literal["TRN", "TRN_ZERO", "RND", "RND_ZERO", "RND_INF", "RND_MIN_INF", "RND_CONV"]
Saturation = Literal["WRAP", "SAT", "SAT_ZERO", "SAT_SYM"]

MAX_BITS = 62
"""Widest intermediate that the 64-bit integers of the golden model hold with room to spare."""

_NOTATION = re.compile(r"^(?:ap_)?(u?)(fixed|int)<([^<>]+)>$")


class FixedType(BaseModel):
    """A fixed-point type: ``width`` bits, of which ``frac`` lie right of the binary point.

    ``frac`` may be negative or larger than ``width``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(ge=1, le=MAX_BITS)
    frac: int
    signed: bool = True
    rounding: Rounding = "TRN"
    saturation: Saturation = "WRAP"

    @classmethod
    def parse(cls, text: str, where: str | None = None) -> FixedType:
        """Read hls4ml's notation, for example ``ufixed<8,3,RND,SAT>`` or ``int<4>``.

        Raises
        ------
        UserError
            If the text is no such type, or asks for a mode that is not supported.
        """
        match = _NOTATION.match(text.replace(" ", ""))
        if match is None:
            raise UserError(
                f"'{text}' is no number format",
                where=where,
                hint="write for example fixed<8,3,RND,SAT> or auto",
            )
        unsigned, kind, arguments = match.groups()
        fields = [field.upper().removeprefix("AP_") for field in arguments.split(",")]
        try:
            width = int(fields[0])
            integer = int(fields[1]) if kind == "fixed" else width
            modes = fields[2:] if kind == "fixed" else []
            return cls.model_validate(
                {
                    "width": width,
                    "frac": width - integer,
                    "signed": not unsigned,
                    "rounding": modes[0] if modes else "TRN",
                    "saturation": modes[1] if len(modes) > 1 else "WRAP",
                }
            )
        except (ValueError, IndexError) as error:
            raise UserError(
                f"'{text}' is no number format that is supported",
                where=where,
                hint=f"widths 1 to {MAX_BITS}; rounding {', '.join(get_args(Rounding))}; "
                f"saturation {', '.join(get_args(Saturation))}",
            ) from error

    @classmethod
    def from_hls4ml(cls, precision: Any, where: str | None = None) -> FixedType:
        """Convert one of hls4ml's precision objects (``FixedPrecisionType`` or ``IntegerPrecisionType``)."""
        classes = {base.__name__ for base in type(precision).__mro__}
        known = bool(classes & {"FixedPrecisionType", "IntegerPrecisionType"})
        if not known or getattr(precision, "saturation_bits", None):
            raise UserError(
                f"the number format {precision} is not supported",
                where=where,
                hint="use fixed<> or ufixed<> types",
            )
        return cls.parse(
            f"{'' if precision.signed else 'u'}fixed<{precision.width},{precision.integer},"
            f"{precision.rounding_mode},{precision.saturation_mode}>",
            where,
        )

    def __str__(self) -> str:
        head = f"{'' if self.signed else 'u'}fixed<{self.width},{self.width - self.frac}"
        if (self.rounding, self.saturation) == ("TRN", "WRAP"):
            return head + ">"
        return f"{head},{self.rounding},{self.saturation}>"

    @property
    def low(self) -> int:
        """Smallest integer of the type."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest integer of the type."""
        return (1 << (self.width - self.signed)) - 1

    @property
    def step(self) -> float:
        """Weight of the least significant bit."""
        return 2.0**-self.frac


def round_shift(values: IntArray, shift: int, rounding: Rounding) -> IntArray:
    """Divide integers by ``2**shift`` (``shift >= 0``) and round as ``rounding`` says."""
    if shift == 0:
        return values
    if shift > MAX_BITS:
        return round_shift(round_shift_sticky(values, shift - MAX_BITS), MAX_BITS, rounding)
    floor = values >> shift
    rest = values - (floor << shift)
    half = 1 << (shift - 1)
    return floor + _round_up(floor, rest, half, values < 0, rounding)


def round_shift_sticky(values: IntArray, shift: int) -> IntArray:
    """Shift right, and keep in the least significant bit whether anything was lost.

    A later rounding by at least two more bits then sees the same side of every threshold.
    """
    if shift > MAX_BITS:
        return np.where(values < 0, -1, (values > 0).astype(np.int64))
    floor = values >> shift
    return np.asarray(floor | (values != (floor << shift)), dtype=np.int64)


def _round_up(
    floor: Any, rest: Any, half: float, negative: npt.NDArray[np.bool_], rounding: Rounding
) -> npt.NDArray[np.int64]:
    """0 or 1 to add to the floor; ``rest`` in [0, 2*half) is what the floor left over."""
    match rounding:
        case "TRN":
            up = np.zeros(np.shape(rest), dtype=bool)
        case "TRN_ZERO":
            up = negative & (rest > 0)
        case "RND":
            up = rest >= half
        case "RND_MIN_INF":
            up = rest > half
        case "RND_ZERO":
            up = (rest > half) | ((rest == half) & negative)
        case "RND_INF":
            up = (rest > half) | ((rest == half) & ~negative)
        case "RND_CONV":
            up = (rest > half) | ((rest == half) & (np.mod(floor, 2) == 1))
    return np.asarray(up).astype(np.int64)


def overflow(values: IntArray, kind: FixedType) -> IntArray:
    """Bring integers into the range of a type, as its overflow mode says."""
    match kind.saturation:
        case "WRAP":
            wrapped = values & ((1 << kind.width) - 1)
            return np.asarray(np.where(wrapped > kind.high, wrapped - (1 << kind.width), wrapped), dtype=np.int64)
        case "SAT":
            return np.asarray(np.clip(values, kind.low, kind.high), dtype=np.int64)
        case "SAT_SYM":
            return np.clip(values, -kind.high if kind.signed else 0, kind.high)
        case "SAT_ZERO":
            return np.where((values < kind.low) | (values > kind.high), 0, values)


def cast(values: IntArray, frac: int, kind: FixedType) -> IntArray:
    """Convert integers with ``frac`` fractional bits to ``kind``; exact, any shape."""
    shift = frac - kind.frac
    if shift >= 0:
        moved = round_shift(values, shift, kind.rounding)
    else:
        moved = _shift_left(values, -shift, kind)
    return overflow(moved, kind)


def _shift_left(values: IntArray, shift: int, kind: FixedType) -> IntArray:
    """Multiply by ``2**shift``; where 64 bits do not suffice, keep what decides the overflow's result."""
    largest = int(np.max(np.abs(values), initial=0))
    if largest.bit_length() + shift <= MAX_BITS:
        return values << shift
    if kind.saturation == "WRAP":
        return (values & ((1 << max(kind.width - shift, 0)) - 1)) << shift
    limit = 1 << (kind.width + 1)
    exact = [max(-limit, min(limit, int(v) << shift)) for v in values.ravel()]
    return np.array(exact, dtype=np.int64).reshape(values.shape)


def from_float(values: npt.ArrayLike, kind: FixedType) -> IntArray:
    """Convert finite floating-point values to integers of type ``kind``; exact, any shape."""
    scaled = np.ldexp(np.asarray(values, dtype=np.float64), kind.frac)
    floor = np.floor(scaled)
    up = _round_up(floor, scaled - floor, 0.5, scaled < 0, kind.rounding)
    if kind.saturation == "WRAP":
        whole = np.fmod(floor, 2.0**kind.width).astype(np.int64)
    else:
        bound = 2.0 ** (kind.width + 1)
        whole = np.clip(floor, -bound, bound).astype(np.int64)
    return overflow(whole + up, kind)


def to_float(values: IntArray, kind: FixedType) -> FloatArray:
    """The real numbers that integers of type ``kind`` stand for."""
    return np.ldexp(values.astype(np.float64), -kind.frac)
