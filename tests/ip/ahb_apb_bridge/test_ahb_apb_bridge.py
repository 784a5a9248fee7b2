"""The bridge between a random AHB-Lite bus and random APB peripherals."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench import Bench, build

MUTANTS = {
    "HREADY ignored": "assign accept = «hready_i → 1'b1» &",
    "HSEL ignored": "& «hsel_i → 1'b1» &",
    "IDLE is a transfer": "& «htrans_i[1] → 1'b1»;",
    "every size accepted": "assign legal  = «(hsize_i == SizeWord) → 1'b1» &",
    "unaligned accepted": "& «(haddr_i[1:0] == 2'b00) → 1'b1»",
    "hangs on an empty slot": "& «(select != '0) → 1'b1»;",
    "slots alias": "= «{3'b000, haddr_i[16:12]} → {4'b0000, haddr_i[15:12]}» ==",
    "any peripheral is ready": "assign ready  = «(select_q & pready_i) → pready_i» !=",
    "any peripheral fails": "assign failed = «(select_q & pslverr_i) → pslverr_i» !=",
    "PSLVERR ignored": "& ready & «~failed → 1'b1»;",
    "no setup cycle": "state_q <= legal ? «Setup → Access» : Error1;",
    "ERROR in one cycle": "hresp_o     = «(state_q == Error1) → 1'b0» |",
    "enabled in the setup cycle": "penable_o = «state_q == Access → psel_o != '0»;",
    "read data of another": "if («psel_o[s] → 1'b1» | Quiet[s]) hrdata_o",
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return build("ahb_apb_bridge", tmp_path_factory.mktemp("bench"), MUTANTS)


@pytest.mark.parametrize("seed", [1, 2])
def test_accesses_reach_their_peripherals(bench: Bench, seed: int) -> None:
    answer = bench.run(seed, 50_000, 0)
    assert answer["failure"] == ""
    assert answer["legal"] >= 50_000 and min(answer["refused"], answer["slave_errors"]) > 1000


@pytest.mark.parametrize(("number", "name"), list(enumerate(MUTANTS, start=1)))
def test_planted_error_is_found(bench: Bench, number: int, name: str) -> None:
    assert bench.run(1, 50_000, 0, mutant=number)["failure"], name


def test_quiet_peripherals_need_no_choice_of_their_read_data(tmp_path: Path) -> None:
    quiet = build("ahb_apb_bridge", tmp_path, parameters={"Quiet": 0b1111})
    assert quiet.run(1, 50_000, 1)["failure"] == ""
    assert "read data" in quiet.run(1, 50_000, 0)["failure"]  # those that say anything do
