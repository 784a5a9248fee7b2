"""The flip-flop memory beside a reference model."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from asicflow.soc.ip import load_ip

sys.path.insert(0, str(Path(__file__).parents[1]))
from lockstep import Pins, difference, simulate

WORDS = 64

MUTANTS = {
    "a byte too many": "if (en_i & «we_i[2] → (we_i[2] | we_i[3])»)",
    "bytes swapped": "words[addr_i][15:8]  <= «wdata_i[15:8] → wdata_i[7:0]»;",
    "written without enable": "if («en_i & we_i[0] → we_i[0]»)",
    "read without enable": "if («en_i & (we_i == 4'd0) → we_i == 4'd0»)",
    "a write shows": "& «(we_i == 4'd0) → 1'b1») rdata_q",
    "read without a clock": "assign rdata_o = «rdata_q → words[addr_i]»;",
}


def accesses(seed: int) -> tuple[list[Pins], list[Pins]]:
    """Return the inputs and the known outputs of each cycle; every word is written first."""
    rng = random.Random(seed)
    words, shown = [0] * WORDS, None
    stimulus: list[Pins] = []
    expected: list[Pins] = []
    for cycle in range(4000):
        fill = cycle < WORDS
        enable = 1 if fill else rng.getrandbits(1)
        strobes = 15 if fill else rng.choice([0, rng.getrandbits(4)])
        address = cycle if fill else rng.randrange(WORDS)
        data = rng.getrandbits(32)
        stimulus.append({"en_i": enable, "we_i": strobes, "addr_i": address, "wdata_i": data})
        expected.append({} if shown is None else {"rdata_o": shown})
        if enable and not strobes:
            shown = words[address]
        if enable:
            mask = sum(0xFF << 8 * k for k in range(4) if strobes >> k & 1)
            words[address] = words[address] & ~mask | data & mask
    return stimulus, expected


def compare(work: Path, seed: int, mutant: str | None = None) -> str:
    stimulus, expected = accesses(seed)
    return difference(expected, simulate(load_ip("soc_ram"), work, stimulus, mutant))


@pytest.mark.parametrize("seed", [1, 2])
def test_it_does_what_the_model_does(tmp_path: Path, seed: int) -> None:
    assert compare(tmp_path, seed) == ""


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_error_is_found(tmp_path: Path, name: str) -> None:
    assert compare(tmp_path, 1, MUTANTS[name]), name
