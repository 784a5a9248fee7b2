"""The memories, of flip-flops and of macros, beside a reference model."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from asicflow.pdk.memory import memory_rtl, memory_technologies
from asicflow.soc.ip import IpManifest, load_ip

sys.path.insert(0, str(Path(__file__).parents[1]))
from lockstep import Pins, difference, simulate


@dataclass(frozen=True)
class Variant:
    """One file with module soc_ram, the macros' models that it needs, and sizes to try (bits of the address)."""

    technology: str
    widths: tuple[int, ...]

    def manifest(self) -> IpManifest:
        rtl = memory_rtl(self.technology)
        return load_ip("soc_ram").model_copy(update={"rtl": [rtl.wrapper, *rtl.models]})


VARIANTS = {
    "flipflops": Variant("flipflops", (6,)),
    "gf180": Variant("gf180", (6, 7, 8, 9, 10)),
    "sky130": Variant("sky130", (8, 9, 10)),
}
SIZES = [(name, width) for name, variant in VARIANTS.items() for width in variant.widths]

MUTANTS = {
    "flipflops": {
        "a byte too many": "if (en_i & «we_i[2] → (we_i[2] | we_i[3])»)",
        "bytes swapped": "words[addr_i][15:8]  <= «wdata_i[15:8] → wdata_i[7:0]»;",
        "written without enable": "if («en_i & we_i[0] → we_i[0]»)",
        "read without enable": "if («en_i & (we_i == 4'd0) → we_i == 4'd0»)",
        "a write shows": "& «(we_i == 4'd0) → 1'b1») rdata_q",
        "read without a clock": "assign rdata_o = «rdata_q → words[addr_i]»;",
    },
    "gf180": {
        "CEN active high": "assign cen   = «~(select & {NumBanks{en_i}}) → select & {NumBanks{en_i}}»;",
        "CEN always active": "assign cen   = ~(select & {NumBanks{«en_i → 1'b1»}});",
        "every bank enabled": "assign cen   = ~(«select → '1» & {NumBanks{en_i}});",
        "GWEN active high": "assign gwen  = «~write → write»;",
        "WEN active high": "assign wen   = «~{{8{we_i[3]}} → {{8{we_i[3]}}», {8{we_i[2]}}",
        "bytes swapped": "{8{we_i[1]}}, {8{«we_i[0] → we_i[1]»}}};",
        "bank of the next access": "      if («shown_q[b] → select[b]») rdata_o",
        "a write changes the bank": "if (en_i & «~write → 1'b1») shown_q",
        "banks alias": "assign select[b] = «addr_i[AddrWidth-1:MacroWidth] == b → b == 0»;",
    },
    "sky130": {
        "csb active high": "assign csb   = «~(select & {NumBanks{en_i}}) → select & {NumBanks{en_i}}»;",
        "csb always active": "assign csb   = ~(select & {NumBanks{«en_i → 1'b1»}});",
        "web active high": "assign web   = «~write → write»;",
        "wmask active low": "_32x512_8 i_macro (\n        .clk0   ( clk_i            ),\n"
        "        .csb0   ( csb[b]           ),\n        .web0   ( web              ),\n"
        "        .wmask0 ( «we_i → ~we_i»",
        "the read is not kept": "assign rdata_o = «(fresh_q != '0) → 1'b1» ? fresh : kept_q;",
        "the read is used late": "assign rdata_o = «(fresh_q != '0) → 1'b0» ? fresh : kept_q;",
        "fresh after a write": "fresh_q <= select & {NumBanks{en_i & «~write → 1'b1»}};",
        "banks alias": "assign select[b] = «addr_i[AddrWidth-1:MacroWidth] == b → b == 0»;",
        "kept from the macro": "kept_q  <= «rdata_o → fresh»;",
    },
}


def accesses(width: int, seed: int) -> tuple[list[Pins], list[Pins]]:
    """Return the inputs and the known outputs of each cycle: idle cycles, some words written, then anything."""
    rng = random.Random(seed)
    used = rng.sample(range(1 << width), min(1 << width, 64))
    words, shown = dict.fromkeys(used, 0), None
    idle = {"en_i": 0, "we_i": 0, "addr_i": 0, "wdata_i": 0}
    stimulus: list[Pins] = [idle, idle]
    expected: list[Pins] = [{}, {}]
    for cycle in range(3000):
        fill = cycle < len(used)
        enable = 1 if fill else rng.getrandbits(1)
        strobes = 15 if fill else rng.choice([0, rng.getrandbits(4)])
        address = used[cycle] if fill else rng.choice(used)
        data = rng.getrandbits(32)
        stimulus.append({"en_i": enable, "we_i": strobes, "addr_i": address, "wdata_i": data})
        expected.append({} if shown is None else {"rdata_o": shown})
        if enable and not strobes:
            shown = words[address]
        if enable:
            mask = sum(0xFF << 8 * k for k in range(4) if strobes >> k & 1)
            words[address] = words[address] & ~mask | data & mask
    return stimulus, expected


def compare(work: Path, name: str, width: int, seed: int = 1, mutant: str | None = None) -> str:
    stimulus, expected = accesses(width, seed)
    answers = simulate(VARIANTS[name].manifest(), work, stimulus, mutant, {"AddrWidth": width})
    return difference(expected, answers)


def test_every_technology_is_tried() -> None:
    assert set(VARIANTS) == set(memory_technologies())


@pytest.mark.parametrize(("name", "width"), SIZES)
def test_it_does_what_the_model_does(tmp_path: Path, name: str, width: int) -> None:
    assert compare(tmp_path, name, width) == ""


@pytest.mark.parametrize(("name", "error"), [(name, error) for name, errors in MUTANTS.items() for error in errors])
def test_planted_error_is_found(tmp_path: Path, name: str, error: str) -> None:
    assert compare(tmp_path, name, VARIANTS[name].widths[-1], mutant=MUTANTS[name][error]), error


def test_a_macro_that_was_never_idle_does_not_work(tmp_path: Path) -> None:
    """gf180: CEN must have been 1 once; without the idle cycles nothing is read."""
    stimulus, expected = accesses(9, 1)
    busy = [{**pins, "en_i": 1} for pins in stimulus]
    assert difference(expected, simulate(VARIANTS["gf180"].manifest(), tmp_path, busy, None, {"AddrWidth": 9}))
