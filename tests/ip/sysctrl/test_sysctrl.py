"""The system control in lockstep with its model."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from lockstep import lockstep

MUTANTS = {
    "the reset goes away": "reset_q <= «reset_q | request → request»;",
    "another clock": "( «ClkHz → 32'd25000000» )",
    "remap stuck": "remap_imem_d = «(commit_i & sel_remap) ? wdata_i[0] : remap_imem_q → remap_imem_q»;",
    "cause from the boot pins": "( «reset_cause_i → {1'b0, boot_cfg_i}» )",
}  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
def test_it_does_what_the_model_does(tmp_path: Path, seed: int) -> None:
    assert lockstep("sysctrl", tmp_path, seed=seed) == ""


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_error_is_found(tmp_path: Path, name: str) -> None:
    assert lockstep("sysctrl", tmp_path, mutant=MUTANTS[name]), name
