"""The bus matrix under random traffic, judged by a scoreboard."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench import Bench, build

MUTANTS = {
    "no patience": "{held_q & («waited_q >= Patience → 1'b0»)}};",
    "patience is not heard": "assign field    = («urgent_i != '0 → 1'b0») ?",
    "a held transfer changes its target": "target_q  <= «request_o → chosen»;",
    "the last address covers another": "if («grant[i] → 1'b0») pick",
    "others are not counted": "else if («(request_o & take_i) != '0 → 1'b0») waited_q",
    "two at once": "assign grant    = «field & ~(field - 1'b1) → field»;",
    "no time limit": "~hreadyout_i & «(left_q == '0) → 1'b0»;",
    "a target is given up for good": "(given_up_q | time_over) & «~hreadyout_i → 1'b1»;",
    "a stuck target is used again": "assign hsel_o   = «take & ~given_up_q → take»;",
    "time out in one cycle": "assign ready_o = «~first_q → 1'b1» & (second_q",
    "an address for a busy target": "take     = «ready_o → 1'b1» &",
    "write data of the next initiator": "owner_q    <= «ready_o → (request_i != '0)» ?",
    "a held transfer is lost": "held_q <= «request & ~accepted → 1'b0»;",
    "a held address changes": "assign address_o = («held_q → 1'b0» & ~Steady) ?",
    "no wait for a held transfer": "assign hready_o = «~held_q → 1'b1» &",
    "a transfer in a wait state": "(chosen & {(NumTargets+1){htrans_i[1] & «hready_o → 1'b1»}});",
    "an error is not passed on": "hresp_o  = «(owner_q & resp_i) != '0 → 1'b0»;",
    "every region is in the map": "match[r] = «region_i[r] → 1'b1» &",
    "the last region wins": "first = Disjoint ? match : «match & ~(match - 1'b1) → match»;",
    "no answer outside the map": "assign chosen[NumTargets] = (Rest == NumTargets) & «(match == '0) → 1'b0»;",
    "ERROR in one cycle": "assign ready[NumTargets]         = «~first_q → 1'b1»;",
    "size lost": "assign hsize_o  = «address[35:33] → 3'd2»;",
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return build("ahb_matrix", tmp_path_factory.mktemp("bench"), MUTANTS)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_transfer_finds_its_target_and_its_answer(bench: Bench, seed: int) -> None:
    answer = bench.run(seed, 200_000)
    assert answer["failure"] == ""
    assert answer["transfers"] >= 200_000
    assert min(answer["time_outs"], answer["outside"], answer["parallel"]) > 1000
    assert 10 < answer["most_others"] <= 16


@pytest.mark.parametrize(("number", "name"), list(enumerate(MUTANTS, start=1)))
def test_planted_error_is_found(bench: Bench, number: int, name: str) -> None:
    assert bench.run(1, 200_000, mutant=number)["failure"], name
