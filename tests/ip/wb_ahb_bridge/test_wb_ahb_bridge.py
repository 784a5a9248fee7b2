"""The bridge between a random Wishbone master and a random memory on AHB-Lite."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench import Bench, build

MUTANTS = {
    "CYC ignored": "assign access  = «wb_cyc_i → 1'b1» &",
    "STB ignored": "& «wb_stb_i → 1'b1»;",
    "every access is a word": "assign word  = «left_q == 4'b1111 → 1'b1»;",
    "no halves": "assign half  = «pair == 2'b11 → 1'b0»;",
    "the wrong byte": "~word & «~pair[0] → pair[0]»}",
    "the wrong half": "assign haddr_o  = {addr_q, «~low → low»",
    "lanes of the wrong half": ": 4'b0010) << {«~low → low», 1'b0};",
    "only the first part": "? 4'd0 : «left_q & ~lanes → 4'd0»;",
    "parts after an error": "left_q <= «hresp_i → 1'b0» ? 4'd0 :",
    "no lane is a transfer": "«(wb_sel_i == 4'd0) → 1'b0» ? Turn",
    "the address does not wait": "Address: if («hready_i → 1'b1») state_q <= Data;",
    "the data phase does not wait": "assign bus_end = (state_q == Data) & «hready_i → 1'b1»;",
    "a master that gave up is answered": "& «wanted_q → 1'b1»;",
    "an answer for another access": "wanted_q <= access & («wanted_q → 1'b1» |",
    "an answer between two parts": "assign wb_ack_o = (state_q == Turn) & «over → 1'b1»",
    "the error is not told": "else if (bus_end) error_q <= «hresp_i → 1'b0»;",
    "the error stays": "error_q <= error_q & «~access → 1'b1»;",
    "read data of a failed access": "if («hresp_i → 1'b0») data_q",
    "other lanes change": "else if («lanes[k] → 1'b1») data_q",
    "no cycle between transfers": "if (hready_i) state_q <= «Turn → (hresp_i | (left_q == lanes)) ? Turn : Address»;",
    "the access is not kept": "if («state_q == Idle → state_q != Data») begin",
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return build("wb_ahb_bridge", tmp_path_factory.mktemp("bench"), MUTANTS)


@pytest.mark.parametrize("seed", [1, 2])
def test_accesses_become_their_transfers(bench: Bench, seed: int) -> None:
    answer = bench.run(seed, 50_000)
    assert answer["failure"] == ""
    assert min(answer[kind] for kind in ("split", "empty", "errors", "given_up")) > 1000
    assert answer["shortest"] == 4


@pytest.mark.parametrize(("number", "name"), list(enumerate(MUTANTS, start=1)))
def test_planted_error_is_found(bench: Bench, number: int, name: str) -> None:
    assert bench.run(1, 50_000, mutant=number)["failure"], name
