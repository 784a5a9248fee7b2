"""Fixed-point arithmetic against exact fractions, and against hls4ml's ap_fixed."""

from __future__ import annotations

import itertools
import math
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicflow.errors import UserError
from asicflow.model.fixed import FixedType, cast, from_float, to_float

ROUNDINGS = ("TRN", "TRN_ZERO", "RND", "RND_ZERO", "RND_INF", "RND_MIN_INF", "RND_CONV")
SATURATIONS = ("WRAP", "SAT", "SAT_ZERO", "SAT_SYM")


@st.composite
def kinds(draw: st.DrawFn) -> FixedType:
    width = draw(st.integers(1, 20))
    return FixedType(
        width=width,
        frac=draw(st.integers(-6, 26)),
        signed=draw(st.booleans()),
        rounding=draw(st.sampled_from(ROUNDINGS)),
        saturation=draw(st.sampled_from(SATURATIONS)),
    )


def exact_cast(value: Fraction, kind: FixedType) -> int:
    """The integer that a real number becomes, from the definitions, with exact fractions."""
    scaled = value * Fraction(2) ** kind.frac
    floor, rest = math.floor(scaled), scaled - math.floor(scaled)
    half = Fraction(1, 2)
    up = {
        "TRN": False,
        "TRN_ZERO": scaled < 0 and rest > 0,
        "RND": rest >= half,
        "RND_ZERO": rest > half or (rest == half and scaled < 0),
        "RND_INF": rest > half or (rest == half and scaled > 0),
        "RND_MIN_INF": rest > half,
        "RND_CONV": rest > half or (rest == half and floor % 2 == 1),
    }[kind.rounding]
    whole = floor + int(up)
    if kind.saturation == "WRAP":
        wrapped = whole % (1 << kind.width)
        return wrapped - (1 << kind.width) if wrapped > kind.high else wrapped
    low = -kind.high if kind.saturation == "SAT_SYM" and kind.signed else kind.low
    if low <= whole <= kind.high:
        return whole
    return 0 if kind.saturation == "SAT_ZERO" else (low if whole < low else kind.high)


@given(kind=kinds(), values=st.lists(st.integers(-(2**40), 2**40), min_size=1), frac=st.integers(-10, 40))
def test_cast_is_exact(kind: FixedType, values: list[int], frac: int) -> None:
    found = cast(np.array(values, dtype=np.int64), frac, kind)
    assert found.tolist() == [exact_cast(v * Fraction(2) ** -frac, kind) for v in values]


@given(
    kind=kinds(),
    values=st.lists(st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False), min_size=1),
)
def test_from_float_is_exact(kind: FixedType, values: list[float]) -> None:
    assert from_float(values, kind).tolist() == [exact_cast(Fraction(v), kind) for v in values]


@given(kind=kinds(), data=st.data())
def test_values_of_a_type_survive(kind: FixedType, data: st.DataObject) -> None:
    low = kind.low + (kind.saturation == "SAT_SYM" and kind.signed)  # symmetric: the lowest code is no value
    value = data.draw(st.integers(low, kind.high)) if low <= kind.high else 0
    assert from_float(to_float(np.array([value]), kind), kind).tolist() == [value]


@pytest.mark.parametrize(
    ("text", "width", "frac", "signed"),
    [("fixed<8,2>", 8, 6, True), ("ap_ufixed< 8 , 3 , RND , SAT >", 8, 5, False), ("int<4>", 4, 0, True),
     ("fixed<8,-1,AP_RND_CONV,AP_SAT_SYM>", 8, 9, True)],
)  # fmt: skip
def test_parse(text: str, width: int, frac: int, signed: bool) -> None:
    kind = FixedType.parse(text)
    assert (kind.width, kind.frac, kind.signed) == (width, frac, signed)
    assert FixedType.parse(str(kind)) == kind


@pytest.mark.parametrize("text", ["", "float", "fixed<8>", "fixed<0,0>", "fixed<8,2,UP>", "fixed<99,2>", "fixed<a,b>"])
def test_parse_refuses(text: str) -> None:
    with pytest.raises(UserError):
        FixedType.parse(text, "here")


def test_equals_ap_fixed(tmp_path: Path) -> None:
    """One C++ program casts the same numbers through every pair of modes."""
    import hls4ml

    headers = Path(hls4ml.__file__).parent / "templates" / "vivado" / "ap_types"
    source = FixedType(width=12, frac=6)
    targets = [
        FixedType(width=width, frac=frac, signed=signed, rounding=r, saturation=s)
        for (width, frac), signed, r, s in itertools.product(
            ((6, 2), (5, 0), (7, 8)), (True, False), ROUNDINGS, SATURATIONS
        )
    ]
    lines = ["#include <cstdio>", '#include "ap_fixed.h"', "int main() {",
             "  for (int i = -2048; i < 2048; i += 7) {",
             "    ap_fixed<12,6> x; x.range(11, 0) = i;"]  # fmt: skip
    for t in targets:
        modes = f"AP_{t.rounding},AP_{t.saturation}"
        name = f"ap_{'' if t.signed else 'u'}fixed<{t.width},{t.width - t.frac},{modes}>"
        lines.append(f'    {{ {name} y = x; printf("%d ", (int)y.range({t.width - 1}, 0)); }}')
    lines += ['    printf("\\n");', "  }", "}"]
    (tmp_path / "casts.cpp").write_text("\n".join(lines))
    subprocess.run(
        ["g++", "-O0", "-std=c++14", "-w", f"-I{headers}", "casts.cpp", "-o", "casts"],
        cwd=tmp_path,
        check=True,
    )
    text = subprocess.run(["./casts"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    found = np.array([[int(word) for word in line.split()] for line in text.splitlines()])
    values = np.arange(-2048, 2048, 7)
    for n, t in enumerate(targets):
        wanted = cast(values, source.frac, t) & ((1 << t.width) - 1)
        np.testing.assert_array_equal(found[:, n], wanted, err_msg=str(t))
