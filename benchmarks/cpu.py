"""Area, speed, cycles and lockstep of the Armv6-M core: ``python -m benchmarks.cpu``.

The area is Yosys' for sky130_fd_sc_hd in the typical corner, in units of its NAND2 (nand2_1, 3.7536 um2); the
speed is OpenSTA's for the same netlist. Needs ASICFLOW_PDK_ROOT and OpenSTA for these, arm-none-eabi-gcc for
the program, unicorn and Verilator for the rest.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from asicflow.flow.yosys import run_yosys

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "ip" / "cpu_armv6m"))
from armv6m_bench import build, rtl
from armv6m_cycles import measure
from armv6m_gcc import cycles_per_iteration
from armv6m_lockstep import Outcome, lockstep

NAND2_UM2 = 3.7536
LIBERTY = "lambdapdk/lambdapdk/sky130/libs/sky130hd/nldm/sky130_fd_sc_hd__tt_025C_1v80.lib.gz"
DONT_USE = ("lpflow", "probe", "clkbuf", "clkinv", "clkdly", "dlygate", "dlymetal", "dlclkp")
PERIOD_NS = 10
CHUNK = 400  # programs in one run of the testbench
LEVELS = ("-Os", "-O2", "-O3")

CONSTRAINTS = """set_driving_cell sky130_fd_sc_hd__buf_4
set_load 15.0
"""
STA = """read_liberty {liberty}
read_verilog {folder}/net.v
link_design cpu_armv6m
create_clock -name clk -period {period} [get_ports clk_i]
set_driving_cell -lib_cell sky130_fd_sc_hd__buf_4 [all_inputs]
set_load 0.015 [all_outputs]
set_output_delay 0 -clock clk [all_outputs]
foreach ends [list [all_registers -data_pins] [all_outputs]] {{
  set path [lindex [find_timing_paths -from [all_registers -clock_pins] -to $ends] 0]
  puts "worst [get_property $path slack]"
}}
exit
"""


def implement(folder: Path, liberty: Path, clock_gates: bool, **parameters: int) -> tuple[float, float, float]:
    """Synthesise; return NAND2 equivalents, and ns from flip-flop to flip-flop and to the outputs.

    The netlist is buffered and sized for 70 % of the period (the rest is what abc does not see); wires have no
    load, the clock is ideal.
    """
    settings = " ".join(f"-set {key} {value}" for key, value in parameters.items())
    gates = f"clockgate -liberty {liberty} -min_net_size 8" if clock_gates else ""
    dont_use = " ".join(f"-dont_use *{word}*" for word in DONT_USE)
    log, constraints = folder / "area.log", folder / "constraints"
    constraints.write_text(CONSTRAINTS)
    run_yosys(
        f"""read_verilog -sv {" ".join(map(str, rtl()))}
chparam {settings} cpu_armv6m
synth -top cpu_armv6m -flatten
{gates}
dfflibmap -liberty {liberty}
opt
abc -D {700 * PERIOD_NS} -constr {constraints} -liberty {liberty} {dont_use}
setundef -zero
splitnets
opt_clean -purge
stat -liberty {liberty}
write_verilog -noattr -noexpr -nohex -nodec {folder / "net.v"}
""",
        log,
    )
    (found,) = re.findall(r"Chip area for .*: ([\d.]+)", log.read_text())
    script = folder / "sta.tcl"
    script.write_text(STA.format(liberty=liberty, folder=folder, period=PERIOD_NS))
    done = subprocess.run(["sta", "-no_splash", "-exit", str(script)], capture_output=True, text=True, check=True)
    inside, outputs = (PERIOD_NS - float(slack) for slack in re.findall(r"^worst (\S+)", done.stdout, re.M))
    return float(found) / NAND2_UM2, inside, outputs


def implementations(console: Console, folder: Path) -> None:
    """Print area and speed of some configurations."""
    root = os.environ.get("ASICFLOW_PDK_ROOT")
    if not root:
        console.print("area and speed: set ASICFLOW_PDK_ROOT")
        return
    if shutil.which("sta") is None:
        console.print("area and speed: OpenSTA is missing (apt-get install opensta)")
        return
    liberty = folder / "tt.lib"
    liberty.write_bytes(gzip.decompress((Path(root) / LIBERTY).read_bytes()))
    table = Table("multiplier", "interrupt lines", "clock gates", "NAND2 equivalents", "ns inside", "ns to outputs")
    for fast, lines, gated in (
        (0, 8, True),
        (0, 16, True),
        (0, 32, True),
        (1, 32, True),
        (0, 8, False),
        (0, 32, False),
    ):
        area, inside, outputs = implement(folder, liberty, gated, FastMul=fast, NumIrq=lines)
        cells = (f"{area:.0f}", f"{inside:.2f}", f"{outputs:.2f}")
        table.add_row("1 cycle" if fast else "32 cycles", str(lines), "yes" if gated else "no", *cells)
    console.print(table)


def cycles(console: Console, folder: Path) -> None:
    """Print the cycles of each class of instruction."""
    table = Table("class", "cycles", "allowed")
    for name, (got, most) in measure(build(folder / "cycles", Vtor=1), folder / "run", 32).items():
        table.add_row(name, f"{got:.2f}", str(most))
    console.print(table)


def iterations(console: Console, folder: Path) -> None:
    """Print how often one second at 1 MHz runs the program ``mix.c``."""
    table = Table("multiplier", *LEVELS, title="iterations of mix.c per second and MHz")
    for fast in (0, 1):
        core = build(folder / f"mix{fast}", FastMul=fast)
        counts = (1e6 / cycles_per_iteration(core, folder / "run", level) for level in LEVELS)
        table.add_row("1 cycle" if fast else "32 cycles", *(f"{count:.2f}" for count in counts))
    console.print(table)


def locked(console: Console, folder: Path, instructions: int, first: int) -> bool:
    """Run lockstep until so many instructions have been compared; True if all were equal."""
    executable, total, seed, start = build(folder / "lockstep"), Outcome(), first, time.monotonic()
    while total.instructions < instructions:
        part = lockstep(executable, range(seed, seed + CHUNK), folder / "run")
        seed += CHUNK
        total.instructions += part.instructions
        total.writes += part.writes
        total.programs += part.programs
        if part.mismatch:
            console.print(part.mismatch)
            return False
    console.print(
        f"lockstep: {total.instructions} instructions, {total.writes} memory writes, "
        f"{total.programs} programs equal in {time.monotonic() - start:.0f} s"
    )
    return True


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instructions", type=int, default=2_000_000, help="lockstep, at least")
    parser.add_argument("--seed", type=int, default=1_000_000, help="of the first program")
    args = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        equal = locked(console, folder, args.instructions, args.seed)
        cycles(console, folder)
        iterations(console, folder)
        implementations(console, folder)
    raise SystemExit(not equal)


if __name__ == "__main__":
    main()
