"""Proofs of the assertions in the core, by induction with Yosys' SAT solver.

The induction starts from any state, reachable or not, and the base case from reset with all other registers
unknown, so what is proven holds for every program, every memory and every interrupt.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from armv6m_bench import rtl

from asicflow.errors import StageError
from asicflow.flow.yosys import run_yosys

# What: module, macro, constant inputs, shortest and longest induction.
PROOFS = {
    "the kinds of instructions exclude each other": ("armv6m_decode", "", "", 1, 1),
    "no state lasts for ever": ("armv6m_control", "FORMAL_ALONE", "-set ready_i 1 -set blocked_i 0", 73, 74),
    "the next instruction arrives": ("cpu_armv6m", "FORMAL_READY", "", 4, 5),
    "the master keeps to AHB-Lite": ("cpu_armv6m", "", "", 1, 3),
}
# Proof, file, right text, wrong text.
MUTANTS = {
    "the link is written for ever": (
        "no state lasts for ever",
        "armv6m_control.sv",
        "        state_d     = armv6m_pkg::StExecute;\n      end\n      armv6m_pkg::StMultiply",
        "        state_d     = armv6m_pkg::StLink;\n      end\n      armv6m_pkg::StMultiply",
    ),
    "no fetch behind an odd halfword": (
        "the next instruction arrives",
        "armv6m_fetch.sv",
        "req_o = done_i ? odd : (~count_q[1]",
        "req_o = done_i ? odd : (empty",
    ),
    "transfer in the second cycle of ERROR": (
        "the master keeps to AHB-Lite",
        "armv6m_bus.sv",
        "& ~internal & ~second_q, 1'b0}",
        "& ~internal, 1'b0}",
    ),
    "address moves without HREADY": (
        "the master keeps to AHB-Lite",
        "armv6m_datapath.sv",
        "if (ready_i & keep_i) begin",
        "if (keep_i) begin",
    ),
}


def prepare(sources: list[Path], top: str, macro: str) -> str:
    """Return the commands that read a module and leave plain gates and flip-flops."""
    define = f"-D{macro}" if macro else ""
    few = f"chparam -set NumIrq 2 {top}\n" if top == "cpu_armv6m" else ""
    return f"""read_verilog -formal {define} -sv {" ".join(map(str, sources))}
{few}hierarchy -top {top}
proc -norom
flatten
async2sync
dffunmap
opt_clean
"""


def prove(name: str, sources: list[Path], folder: Path) -> None:
    """Prove, or raise StageError."""
    top, macro, inputs, least, steps = PROOFS[name]
    common = f"sat -prove-asserts -set-assumes -verify {inputs}"
    reset = "" if top == "armv6m_decode" else "-set rst_ni 1"
    lengths = f"-tempinduct -tempinduct-inductonly -tempinduct-skip {least - 1} -maxsteps {steps}"
    induction = f"{common} {reset} -seq 1 {lengths} {top}"
    sequence = " ".join(f"-set-at {step} rst_ni {int(step > 1)}" for step in range(1, steps + 2)) if reset else ""
    base = f"{common} {sequence} -seq {steps + 1} -prove-skip 1 {top}" if reset else ""
    run_yosys(f"{prepare(sources, top, macro)}{induction}\n{base}\n", folder / "proof.log")


@pytest.mark.slow
@pytest.mark.parametrize("name", PROOFS)
def test_proof(tmp_path: Path, name: str) -> None:
    prove(name, rtl(), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_error_has_no_proof(tmp_path: Path, name: str) -> None:
    proof, file, right, wrong = MUTANTS[name]
    sources = []
    for path in rtl():
        text = path.read_text()
        if path.name == file:
            assert right in text
            text = text.replace(right, wrong)
        (tmp_path / path.name).write_text(text)
        sources.append(tmp_path / path.name)
    with pytest.raises(StageError, match="proof did fail"):
        prove(proof, sources, tmp_path)


def test_no_bus_output_depends_on_an_input_of_the_same_cycle(tmp_path: Path) -> None:
    outputs = "o:haddr_o o:htrans_o o:hsize_o o:hwrite_o o:hprot_o o:hwdata_o"
    script = f"""{prepare(rtl(), "cpu_armv6m", "")}
select -set cone {outputs} %ci*:-$dff
select -assert-any @cone %ci t:$dff %i
select -assert-none @cone i:* %i i:clk_i i:rst_ni %u %d
select -assert-any o:txev_o %ci*:-$dff i:hready_i %i
"""
    run_yosys(script, tmp_path / "cone.log")
