"""Area, speed, cycles and lockstep of the Armv6-M core: ``python -m benchmarks.cpu``.

The area is Yosys' for sky130_fd_sc_hd, in units of its NAND2 (nand2_1, 3.7536 um2).
Needs ASICFLOW_PDK_ROOT for the area; unicorn and Verilator for the rest.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
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
from armv6m_lockstep import Outcome, lockstep

NAND2_UM2 = 3.7536
LIBERTY = "lambdapdk/lambdapdk/sky130/libs/sky130hd/nldm/sky130_fd_sc_hd__tt_025C_1v80.lib.gz"
CHUNK = 400  # programs in one run of the testbench


def area(folder: Path, liberty: Path, clock_gates: bool, **parameters: int) -> float:
    """Return NAND2 equivalents after synthesis."""
    settings = " ".join(f"-set {key} {value}" for key, value in parameters.items())
    gates = f"clockgate -liberty {liberty} -min_net_size 8" if clock_gates else ""
    log = folder / "area.log"
    run_yosys(
        f"""read_verilog -sv {" ".join(map(str, rtl()))}
chparam {settings} cpu_armv6m
synth -top cpu_armv6m -flatten
{gates}
dfflibmap -liberty {liberty}
opt
abc -D 10000 -liberty {liberty} -dont_use *lpflow* -dont_use *probe*
opt_clean -purge
stat -liberty {liberty}
""",
        log,
    )
    (found,) = re.findall(r"Chip area for .*: ([\d.]+)", log.read_text())
    return float(found) / NAND2_UM2


def areas(console: Console, folder: Path) -> None:
    """Print the area of some configurations."""
    root = os.environ.get("ASICFLOW_PDK_ROOT")
    if not root:
        console.print("area: set ASICFLOW_PDK_ROOT")
        return
    liberty = folder / "tt.lib"
    liberty.write_bytes(gzip.decompress((Path(root) / LIBERTY).read_bytes()))
    table = Table("multiplier", "interrupt lines", "clock gates", "NAND2 equivalents")
    for fast, lines, gated in (
        (0, 32, False),
        (0, 32, True),
        (0, 8, False),
        (0, 8, True),
        (0, 1, True),
        (1, 32, False),
    ):
        figure = area(folder, liberty, gated, FastMul=fast, NumIrq=lines)
        table.add_row("1 cycle" if fast else "32 cycles", str(lines), "yes" if gated else "no", f"{figure:.0f}")
    console.print(table)


def cycles(console: Console, folder: Path) -> None:
    """Print the cycles of each class of instruction."""
    table = Table("class", "cycles", "allowed")
    for name, (got, most) in measure(build(folder / "cycles", Vtor=1), folder / "run", 32).items():
        table.add_row(name, f"{got:.2f}", str(most))
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
        areas(console, folder)
    raise SystemExit(not equal)


if __name__ == "__main__":
    main()
