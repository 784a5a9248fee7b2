"""Synthesis: SiliconCompiler's stock Yosys step, started through asicflow's path to Yosys."""

from __future__ import annotations

from pathlib import Path

from siliconcompiler import ASIC
from siliconcompiler.tools.yosys.syn_asic import ASICSynthesis

from asicflow.flow import yosys
from asicflow.pdk.config import Library
from asicflow.pdk.siliconcompiler import corner_name, techmap


def configure(project: ASIC, library: Library, bin_dir: Path) -> None:
    """Set the options of the synthesis step.

    The netlist is flat: the place-and-route engine works on one level.  Names
    keep their hierarchy with a dot, which needs no escape in SPEF or SDC.
    Mapping aims at the clock period of the SDC in the slowest corner.

    Parameters
    ----------
    project : ASIC
        Project with a flow that has a synthesis step.
    library : Library
        Gives the corner to map for.
    bin_dir : Path
        Receives the executable that starts Yosys.
    """
    task = ASICSynthesis.find_task(project)
    task.set_path(str(yosys.launcher(bin_dir).parent))
    task.set_yosys_flatten(True)
    task.set_yosys_hierarchyseparator(".")
    task.add_yosys_synthesiscorner(corner_name(library, library.slowest), clobber=True)
    task.set_yosys_mapadders(techmap(library, "adders") is not None)
