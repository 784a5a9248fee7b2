"""The timer in lockstep with its model."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from lockstep import lockstep

MUTANTS = {
    "one cycle too many": "& (count_q == «32'd0 → 32'hFFFF_FFFF»);",
    "counts while disabled": "end else if («enable → 1'b1») begin",
    "a load is a turn": "assign turn  = enable & «~load → 1'b1» &",
    "load ignored": "if («load | turn → turn») begin",
    "no start again": "if («load | turn → load») begin",
    "interrupt not maskable": "assign irq_o = «expired & irq_enable → expired»;",
    "expired cannot be cleared": "& ~(commit_i & «sel_status → 1'b0» & wdata_i[0]));",
    "unaligned accepted": "legal & «(paddr_i[1:0] == 2'b00) → 1'b1»;",
    "written in the setup cycle": "assign access    = psel_i & «penable_i → 1'b1»;",
    "refused without an error": "assign pslverr_o = «access & ~good → 1'b0»;",
    "a register without reset": "      count_q <= «32'd0 → count_q»;",
}  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
def test_it_does_what_the_model_does(tmp_path: Path, seed: int) -> None:
    assert lockstep("apb_timer", tmp_path, seed=seed) == ""


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_error_is_found(tmp_path: Path, name: str) -> None:
    assert lockstep("apb_timer", tmp_path, mutant=MUTANTS[name]), name
