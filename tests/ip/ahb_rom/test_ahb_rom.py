"""The ROM controller in lockstep with its model."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from ahb_lockstep import ahb_lockstep

MUTANTS = {
    "writes accepted": ".legal_i     ( «~write → 1'b1»        )",
    "only words": ".WordOnly    ( «1'b0 → 1'b1»      )",
    "other data": "assign hrdata_o = «data_i → {data_i[7:0], data_i[31:8]}»;",
}  # fmt: skip


def test_it_does_what_the_model_does(tmp_path: Path) -> None:
    assert ahb_lockstep("ahb_rom", tmp_path) == ""


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_error_is_found(tmp_path: Path, name: str) -> None:
    assert ahb_lockstep("ahb_rom", tmp_path, mutant=MUTANTS[name]), name
