"""Synthesis: SiliconCompiler's stock Yosys step, started through asicflow's path to Yosys."""

from __future__ import annotations

from pathlib import Path

from siliconcompiler import ASIC
from siliconcompiler.tools.yosys.syn_asic import ASICSynthesis

from asicflow.flow import yosys
from asicflow.pdk.config import Library
from asicflow.pdk.siliconcompiler import corner_name

STRATEGIES: dict[str, str | None] = {"area": None, "speed": "AREA3"}
"""Names of asicflow's two ways to map, and SiliconCompiler's abc script for each (None: abc's own).

``AREA3`` of the stock scripts maps for delay and then recovers area: measured on a small network, half
the delay for 11 % more area.
"""


def configure(project: ASIC, library: Library, bin_dir: Path, strategy: str) -> None:
    """Set the options of the synthesis step.

    The netlist is flat: the place-and-route engine works on one level.  Names
    keep their hierarchy with a dot, which needs no escape in SPEF or SDC.
    Mapping aims at half of the SDC's clock period in the slowest corner; the other
    half is for what abc does not see: flip-flops, wires, uncertainty, port delays.
    A tighter aim costs almost no area (0.3 % on a small network).  Full-adder cells
    are not mapped: they save 5 % of the area but ripple, at twice the delay.

    Parameters
    ----------
    project : ASIC
        Project with a flow that has a synthesis step.
    library : Library
        Gives the corner to map for.
    bin_dir : Path
        Receives the executable that starts Yosys.
    strategy : str
        A key of :data:`STRATEGIES`.
    """
    task = ASICSynthesis.find_task(project)
    task.set_path(str(yosys.launcher(bin_dir).parent))
    task.set_yosys_flatten(True)
    task.set_yosys_hierarchyseparator(".")
    task.add_yosys_synthesiscorner(corner_name(library, library.slowest), clobber=True)
    task.set_yosys_abcclockderating(0.5)
    task.set_yosys_mapadders(False)
    script = STRATEGIES[strategy]
    if script is not None:
        task.set_yosys_strategy(script)
