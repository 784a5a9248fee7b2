"""The watchdog in lockstep with its model."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from lockstep import lockstep

MUTANTS = {
    "can be switched off": "enabled_q <= «enabled_q | enable → enable»;",
    "reset at the first time out": "reset_q | («turn & warning → turn»);",
    "the reset goes away": "reset_q   <= «reset_q | → 1'b0 |» (turn",
    "kick ignored": "(«~enabled_q | kick | turn → ~enabled_q | turn»)",
    "a kick comes too late": "assign turn    = enabled_q & «~kick → 1'b1» &",
    "no interrupt": "assign irq_o   = «warning → 1'b0»;",
}  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
def test_it_does_what_the_model_does(tmp_path: Path, seed: int) -> None:
    assert lockstep("apb_watchdog", tmp_path, seed=seed) == ""


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_error_is_found(tmp_path: Path, name: str) -> None:
    assert lockstep("apb_watchdog", tmp_path, mutant=MUTANTS[name]), name
