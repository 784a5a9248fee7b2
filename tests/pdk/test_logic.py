"""Logic functions of Liberty as truth tables."""

from __future__ import annotations

import pytest

from asicflow.errors import UserError
from asicflow.pdk.logic import names_in, truth_table


@pytest.mark.parametrize(
    ("expression", "names", "table"),
    [
        ("A", ["A"], 0b10),
        ("!A", ["A"], 0b01),
        ("(!A&B) | (A&!B)", ["A", "B"], 0b0110),
        ("A^B", ["A", "B"], 0b0110),
        ("A*B+C", ["A", "B", "C"], 0b11111000),
        ("A|B&C", ["A", "B", "C"], 0b11101010),
        ("!A^B", ["A", "B"], 0b1001),
        ("(A B')".replace(" ", "&"), ["A", "B"], 0b0010),
        ("((!A1)|(!A2))", ["A1", "A2"], 0b0111),
        ("1", [], 1),
        ("0", ["A"], 0),
        ("IQ_N", ["IQ", "IQ_N"], 0b1100),
    ],
)
def test_truth_table(expression: str, names: list[str], table: int) -> None:
    assert truth_table(expression, names) == table


@pytest.mark.parametrize("expression", ["", "A&", "(A", "A)", "A B", "A?B", "C", "A'('"])
def test_what_is_no_expression(expression: str) -> None:
    with pytest.raises(UserError, match="not understood"):
        truth_table(expression, ["A", "B"])


def test_too_many_inputs() -> None:
    with pytest.raises(UserError, match="7 inputs"):
        truth_table("A", list("ABCDEFG"))


def test_names() -> None:
    assert names_in("(A1&!B) | A1 | D[3]") == ["A1", "B", "D[3]"]
