"""The system table in lockstep with its model."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from ahb_lockstep import ahb_lockstep

MUTANTS = {
    "everything legal": ".legal_i     ( «legal → 1'b1»       )",
    "another entry": "    .addr_i   ( «addr → addr ^ 6'd1»     )",
    "another magic": "32'h«41534653 → 41534654»",
}  # fmt: skip


def test_it_does_what_the_model_does(tmp_path: Path) -> None:
    assert ahb_lockstep("system_table", tmp_path) == ""


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_error_is_found(tmp_path: Path, name: str) -> None:
    assert ahb_lockstep("system_table", tmp_path, mutant=MUTANTS[name]), name
