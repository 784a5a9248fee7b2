"""The characters to and from the debug port in lockstep with their model."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from lockstep import lockstep

MUTANTS = {
    "a full byte is overwritten": "if («push & ~out_full_q → push») out_data_q",
    "a byte is sent twice": "out_full_q <= out_full_q ? «~stdout_ready_i → ~stdout_ready_i | push» : push;",
    "a read does not take": "in_full_q  <= in_full_q ? «~pop → 1'b1» :",
    "any read takes": "& ~pwrite_i & good & «sel_data → 1'b1»;",
    "a write takes": "assign pop  = access & «~pwrite_i → 1'b1» &",
    "a received byte is overwritten": "if («~in_full_q & stdin_valid_i → stdin_valid_i») in_data_q",
    "ready when full": "assign stdin_ready_o  = «~in_full_q → 1'b1»;",
    "an overrun is not seen": ".status_overrun_set_i ( «push & out_full_q → 1'b0» )",
    "interrupt not maskable": "= «in_full_q & irq_enable → in_full_q»;",
}  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
def test_it_does_what_the_model_does(tmp_path: Path, seed: int) -> None:
    assert lockstep("apb_stdio", tmp_path, seed=seed) == ""


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_error_is_found(tmp_path: Path, name: str) -> None:
    assert lockstep("apb_stdio", tmp_path, mutant=MUTANTS[name]), name
