"""Area of the SoC's logic and speed of its simulation: ``python -m benchmarks.soc``.

Area: Yosys for sky130_fd_sc_hd, in units of its NAND2 (nand2_1, 3.7536 um2), without memories, boot ROM contents
and inference engine; per block and in all, without and with clock gates. Speed: simulated clock cycles per second of
processor time, a small engine in the system, the processor running, with and without the protocol checks.

Needs ASICFLOW_PDK_ROOT, Verilator and arm-none-eabi-gcc.
"""

from __future__ import annotations

import gzip
import os
import re
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from asicflow.board.checks import write_checks
from asicflow.board.simulated import SimulatedBoard, build_board
from asicflow.board.stage import soc_sources
from asicflow.flow.yosys import run_yosys
from asicflow.soc.system import load_system
from asicflow.workspace import Workspace

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "soc"))
from tiny_chip import build_chip, write_chip

NAND2_UM2 = 3.7536
LIBERTY = "lambdapdk/lambdapdk/sky130/libs/sky130hd/nldm/sky130_fd_sc_hd__tt_025C_1v80.lib.gz"
NOT_LOGIC = ("soc_ram", "bootrom", "accel_engine")
BLOCKS = (
    "cpu_armv6m", "adp", "soc_bus", "ahb_dma", "accel_socket", "apb_timer", "apb_uart", "apb_spi", "apb_gpio",
    "apb_stdio", "apb_watchdog", "sysctrl", "ahb_apb_bridge", "ahb_ram", "system_table", "soc_reset", "soc",
)  # fmt: skip
CYCLES = 2_000_000


def area(sources: list[Path], top: str, liberty: Path, log: Path, gated: bool) -> float:
    """Return NAND2 equivalents of a module after synthesis, :data:`NOT_LOGIC` left out; ``gated``: clock gates."""
    run_yosys(
        f"""read_verilog -sv {" ".join(map(str, sources))}
hierarchy -top {top}
blackbox {" ".join(f"=*{name}*" for name in NOT_LOGIC)}
synth -top {top} -flatten
{f"clockgate -liberty {liberty} -min_net_size 8" if gated else ""}
dfflibmap -liberty {liberty}
opt
abc -D 10000 -liberty {liberty} -dont_use *lpflow* -dont_use *probe*
opt_clean -purge
stat -liberty {liberty}
""",
        log,
    )
    found = re.findall(r"Chip area for .*: ([\d.]+)", log.read_text())
    return float(found[-1]) / NAND2_UM2


def speed(ws: Workspace, folder: Path, checks: bool) -> float:
    """Return kilohertz of simulation while the processor waits for the host in the boot ROM."""
    extra = write_checks(load_system(ws.soc / "map.json"), ws.sim) if checks else []
    with SimulatedBoard(build_board(soc_sources(ws.soc, ws.firmware), folder, checks=extra)) as board:
        board.reset()
        board.run(10_000)
        cycles, seconds = board.cycles, board.seconds
        board.run(CYCLES)
        return (board.cycles - cycles) / (board.seconds - seconds) / 1e3


def main() -> None:
    """Measure and print."""
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ws = write_chip(folder / "run")
        build_chip(ws)
        for checks in (True, False):
            figure = speed(ws, folder / f"build_{checks}", checks)
            console.print(f"simulation {'with' if checks else 'without'} protocol checks: {figure:.0f} kHz")
        root = os.environ.get("ASICFLOW_PDK_ROOT")
        if not root:
            console.print("area: set ASICFLOW_PDK_ROOT")
            return
        liberty = folder / "tt.lib"
        liberty.write_bytes(gzip.decompress((Path(root) / LIBERTY).read_bytes()))
        sources = soc_sources(ws.soc, ws.firmware)
        table = Table("block", "NAND2 equivalents", "with clock gates")
        for module in BLOCKS:
            figures = [area(sources, module, liberty, folder / "area.log", gated) for gated in (False, True)]
            table.add_row("[bold]all[/]" if module == "soc" else module, *(f"{figure:.0f}" for figure in figures))
        console.print(table)


if __name__ == "__main__":
    main()
