"""The AHB-Lite side of simple slaves in lockstep with its model."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from ahb_lockstep import ahb_lockstep

MUTANTS = {
    "HREADY ignored": "if («hready_i → 1'b1» & htrans_i[1]) begin",
    "HSEL ignored": "assign accept = «hsel_i → 1'b1» &",
    "IDLE is a transfer": "& «htrans_i[1] → 1'b1»;",
    "the user is not asked": "& (malformed_q | «~legal_i → 1'b0»);",
    "every size accepted": "WordOnly & («(hsize_i != SizeWord) → 1'b0» |",
    "unaligned accepted": "| «(haddr_i[1:0] != 2'b00) → 1'b0»);",
    "ERROR in one cycle": "assign hreadyout_o = «~refuse → 1'b1»;",
    "ERROR without end": "assign refuse = data_phase_q & «~second_q → 1'b1» &",
    "ERROR not told at the end": "assign hresp_o     = refuse | «second_q → 1'b0»;",
    "refused writes happen": "assign done   = data_phase_q & ~second_q & «hready_i → 1'b1»;",
    "written after an ERROR": "assign done   = data_phase_q & «~second_q → 1'b1» &",
    "reads are writes": "assign commit_o    = done & «write_o → 1'b1»;",
    "address of the next transfer": "      addr_o      <= «haddr_i[AddrWidth-1:2] → ~haddr_i[AddrWidth-1:2]»;",
    "a register without reset": "      second_q     <= «1'b0 → second_q»;",
}  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
def test_it_does_what_the_model_does(tmp_path: Path, seed: int) -> None:
    assert ahb_lockstep("ahb_slave", tmp_path, seed=seed) == ""


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_error_is_found(tmp_path: Path, name: str) -> None:
    assert ahb_lockstep("ahb_slave", tmp_path, mutant=MUTANTS[name]), name
