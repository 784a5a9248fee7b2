"""The general-purpose pins in lockstep with their model."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from lockstep import lockstep

MUTANTS = {
    "one flip-flop less": "    sync_q <= «meta_q → in_i»;",
    "level for edge": "assign seen  = (sync_q & «~last_q → 16'hFFFF» & rise)",
    "falling is rising": "(«~sync_q & last_q → sync_q & ~last_q» & fall);",
    "interrupt of one pin": "assign irq_o = «status != 16'd0 → status[0]»;",
}  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
def test_it_does_what_the_model_does(tmp_path: Path, seed: int) -> None:
    assert lockstep("apb_gpio", tmp_path, seed=seed) == ""


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_error_is_found(tmp_path: Path, name: str) -> None:
    assert lockstep("apb_gpio", tmp_path, mutant=MUTANTS[name]), name
