"""Negative controls: the protocol run finds every planted error in the socket.

All mutants are built into one simulator, beside the correct design; a wrapper
passes on the outputs of the one that ``+mutant=N`` chooses.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tiny import Tiny, write_tiny

from asicflow.soc.testbench import ProtocolResult, rtl_sources, run_protocol

# name: (text of the RTL, what the error makes of it)
MUTANTS = {
    "no second ERROR cycle": ("= refuse | second_q;", "= refuse;"),
    "hangs on a bad access": ("data_phase_q & ~second_q & (malformed_q", "data_phase_q & (malformed_q"),
    "done cannot be cleared": ("& ~(commit_i & sel_status & wdata_i[1])", ""),
    "ERROR in one cycle": ("hreadyout_o = ~refuse", "hreadyout_o = 1'b1"),
    "start leaves done set": (".status_done_clr_i        ( start ", ".status_done_clr_i        ( 1'b0 "),
    "every size accepted": ("(hsize_i != SizeWord) | ", ""),
    "unaligned accepted": (" | (haddr_i[1:0] != 2'b00)", ""),
    "buffers open while busy": ("((sel_in | sel_out | sel_load) & busy) | ", ""),
    "output readable before a result": (" | (sel_out & ~result_q)", ""),
    "start while busy is not ignored": ("= start_request & ~busy & loaded_i;", "= start_request & loaded_i;"),
    "start while busy is not reported": ("( start_request & (busy | ~loaded_i) )", "( start_request & ~loaded_i )"),
    "HREADY ignored": ("hready_i ? accept : data_phase_q", "hsel_i & htrans_i[1]"),
    "BUSY taken for a transfer": ("hsel_i & htrans_i[1]", "hsel_i & (|htrans_i)"),
    "HSEL ignored": ("accept = hsel_i & htrans_i[1]", "accept = htrans_i[1]"),
    "counter starts at one": ("cycles_q <= '0;\n      end else if", "cycles_q <= 1;\n      end else if"),
    "counter goes on from the last run": ("if (start) begin\n        cycles_q <= '0;", "if (1'b0) begin"),
    "interrupt not maskable": ("= done & irq_enable;", "= done;"),
    "DMA writes while busy": ("req_in_o  = ~busy;", "req_in_o  = 1'b1;"),
    "DMA reads before a result": ("req_out_o = ~busy & result_q;", "req_out_o = ~busy;"),
    "sign lost": ("= OutSigned & out_data_i[OutWidth-1];", "= 1'b0;"),
    "a register without reset": ("      result_q  <= 1'b0;\n", ""),
    "refused writes are performed": (
        "data_phase_q & ~second_q & hready_i;",
        "data_phase_q & ~second_q;",
    ),
    "bus errors are not remembered": ("( ~hreadyout_o         )", "( 1'b0                 )"),
    "window one element too long": ("3'd5", "3'd6"),
    "busy falls early": ("= running_q | busy_i;", "= busy_i;"),
    "reads of the input buffer allowed": ("sel_cycles |", "sel_cycles | sel_input_buffer |"),
    "interrupt enable stuck": ("? wdata_i[1] : ctrl_irq_enable_q", "? 1'b1 : ctrl_irq_enable_q"),
    "starts without weights": ("= start_request & ~busy & loaded_i;", "= start_request & ~busy;"),
    "start without weights is not reported": ("( start_request & (busy | ~loaded_i) )", "( start_request & busy )"),
    "weights taken while busy": ("(sel_in | sel_out | sel_load) & busy", "(sel_in | sel_out) & busy"),
    "weights beyond the image are no error": (" | (sel_load & loaded_i)", ""),
    "load is not begun anew": (".load_clear_i( load_clear   )", ".load_clear_i( 1'b0         )"),
    "CRC is not begun anew": ("else if (load_clear_o) crc_q <= '1;", "else if (1'b0) crc_q <= '1;"),
    "another CRC": ("32'hEDB88320", "32'hEDB88321"),
    "CRC of every write": ("else if (load_we_o)    crc_q", "else if (commit)       crc_q"),
}


MODULES = ("accel", "accel_engine", "accel_socket", "accel_socket_regs", "ahb_slave")
OUTPUTS = {"hrdata_o": 32, "hreadyout_o": 1, "hresp_o": 1, "irq_o": 1, "req_in_o": 1, "req_out_o": 1}


def plant(rtl: str, right: str, wrong: str) -> str:
    assert rtl.count(right) == 1, f"{right!r} occurs {rtl.count(right)} times in the RTL"
    return rtl.replace(right, wrong)


def rename(rtl: str, suffix: str) -> str:
    """Give every module of a design a name of its own."""
    return re.sub(rf"^(module|  )\b( ?)({'|'.join(MODULES)})\b(?= [#(i])", rf"\1\2\3{suffix}", rtl, flags=re.MULTILINE)


def wrapper(rtl: str, count: int) -> str:
    """Return module accel that contains ``count`` designs and shows the outputs of one."""
    head = re.search(r"^module accel \(.*?^\);$", rtl, re.DOTALL | re.MULTILINE)
    assert head
    lines = [head[0], "  integer chosen;", '  initial if (!$value$plusargs("mutant=%d", chosen)) chosen = 0;']
    inputs = re.findall(r"\b(\w+_n?i)\b,? *//", head[0])
    for name, width in OUTPUTS.items():
        lines += [
            f"  logic [{width - 1}:0] {name}_all [0:{count - 1}];",
            f"  assign {name} = {name}_all[chosen];",
        ]
    for k in range(count):
        pins = [f".{p}({p})" for p in inputs] + [f".{p}({p}_all[{k}])" for p in OUTPUTS]
        lines.append(f"  accel_m{k} i_m{k} ({', '.join(pins)});")
    return "\n".join([*lines, "endmodule"])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose engine has reloadable weights: the socket of constant ones is the same without a part."""
    root = tmp_path_factory.mktemp("run")
    write_tiny(root, Tiny(n_weights=4))
    return root


@pytest.fixture(scope="module")
def zoo(run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The Verilog of all designs, number 0 the correct one, and a build folder."""
    rtl = "\n".join(p.read_text() for p in rtl_sources(run / "soc"))
    designs = [rtl] + [plant(rtl, right, wrong) for right, wrong in MUTANTS.values()]
    texts = [rename(text, f"_m{k}") for k, text in enumerate(designs)]
    folder = tmp_path_factory.mktemp("zoo")
    (folder / "zoo.sv").write_text("\n".join([*texts, wrapper(rtl, len(designs))]))
    return folder / "zoo.sv", folder / "build"


def hostile(run: Path, zoo: tuple[Path, Path], number: int) -> ProtocolResult:
    soc, vectors = run / "soc", run / "model" / "vectors.npz"
    return run_protocol([zoo[0]], soc, vectors, 20_000, zoo[1], plusargs=[f"+mutant={number}"])


def test_the_correct_design_passes(run: Path, zoo: tuple[Path, Path]) -> None:
    assert hostile(run, zoo, 0).passed


@pytest.mark.parametrize(("number", "name"), list(enumerate(MUTANTS, start=1)))
def test_error_is_found(run: Path, zoo: tuple[Path, Path], number: int, name: str) -> None:
    result = hostile(run, zoo, number)
    assert not result.passed and result.messages, name
