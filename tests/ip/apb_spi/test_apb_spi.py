"""The SPI master in lockstep with its model."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from lockstep import lockstep

MUTANTS = {
    "clock inverted": "assign sck_o    = «half_q[0] → ~half_q[0]»;",
    "select inverted": "assign cs_no    = «~select → select»;",
    "least significant bit first": "assign mosi_o   = «shift_q[7] → shift_q[0]»;",
    "bit taken when the clock rises": "if («half_q[0] → ~half_q[0]») shift_q <=",
    "a half too short": "assign half_end = left_q == «8'd0 → 8'd1»;",
    "divider ignored in a byte": "left_q <= half_end ? «divider → 8'd1» :",
    "never ends": "busy_q <= «~(&half_q) → 1'b1»;",
    "ends early": "busy_q <= ~(&«half_q → half_q[2:0]»);",
    "a busy master takes a byte": "end else if («!busy_q → !busy_q | push») begin",
    "lost not told": ".status_lost_set_i ( «push & busy_q → 1'b0»    )",
    "busy not told": ".status_busy_i     ( «busy_q → 1'b0»           )",
    "starts without a write": "busy_q <= «push → commit»;",
    "unaligned accepted": "legal & «(paddr_i[1:0] == 2'b00) → 1'b1»;",
    "a register without reset": "      shift_q <= «8'd0 → shift_q»;",
}  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
def test_it_does_what_the_model_does(tmp_path: Path, seed: int) -> None:
    assert lockstep("apb_spi", tmp_path, cycles=12000, seed=seed) == ""


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_error_is_found(tmp_path: Path, name: str) -> None:
    assert lockstep("apb_spi", tmp_path, cycles=12000, mutant=MUTANTS[name]), name
