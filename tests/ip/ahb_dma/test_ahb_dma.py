"""The DMA controller, slave and master side, in lockstep with its model."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from ahb_lockstep import ahb_lockstep

CYCLES = 20_000

MUTANTS = {
    "registers change under a copy": "assign legal = map_legal & ~(«write & busy → 1'b0» & (sel_src",
    "count cannot be read in a copy": "~(«write & busy → busy» & (sel_src",
    "done stays at a start": ".status_done_clr_i  ( «start → 1'b0»            )",
    "requests ignored": "assign wanted   = («request == 2'd0 → 1'b1»)",
    "the wrong request": "(request == 2'd1) & «req_in_i → req_out_i»)",
    "stop ignored": "| «stop_q → 1'b0»;",
    "an old stop stops": "stop_q   <= «busy & (stop | stop_q) → stop | stop_q»;",
    "a read's error is missed": "ReadData:  if (m_hready_i) state_q <= «m_hresp_i → 1'b0» ?",
    "a write's error is missed": "default:   if (m_hready_i) state_q <= «m_hresp_i → 1'b0» ?",
    "error not told": "assign fail     = «((state_q == ReadData) | (state_q == WriteData)) → 1'b0» &",
    "an element that failed counts": "assign copied   = (state_q == WriteData) & m_hready_i & «~m_hresp_i → 1'b1»;",
    "the source does not step": "else if (copied_q & «~fix_src → 1'b0») src_q",
    "the source steps early": "else if («copied_q → copied» & ~fix_src) src_q",
    "a fixed destination steps": "else if (copied & «~fix_dst → 1'b1») dst_q",
    "steps of words only": "assign step     = «size[1] → 1'b1» ?",
    "wrong half": "assign half  = («src_q[1] → ~src_q[1]» & ~size[1]) ?",
    "wrong byte": "assign octet = («src_q[0] → 1'b0» & (size",
    "read data taken early": "if («state_q == ReadData → state_q == ReadAddr») data_q",
    "the address does not wait": "ReadAddr:  if («m_hready_i → 1'b1») state_q <= ReadData",
    "done not told": "assign end_copy = «(state_q == Request) & over → 1'b0»;",
    "interrupt of errors missing": "assign irq_o = irq_enable & (done | «error → 1'b0»);",
    "a copy of nothing copies": "assign over     = («count_q == 16'd0 → 1'b0») |",
    "a register without reset": "      count_q <= «16'd0 → count_q»;",
}  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
def test_it_does_what_the_model_does(tmp_path: Path, seed: int) -> None:
    assert ahb_lockstep("ahb_dma", tmp_path, cycles=CYCLES, seed=seed) == ""


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_error_is_found(tmp_path: Path, name: str) -> None:
    assert ahb_lockstep("ahb_dma", tmp_path, cycles=CYCLES, mutant=MUTANTS[name]), name
