"""Synthesis: SiliconCompiler's stock Yosys step, started through asicflow's path to Yosys."""

from __future__ import annotations

from pathlib import Path

from siliconcompiler import ASIC
from siliconcompiler.schema import EditableSchema
from siliconcompiler.tools.yosys.syn_asic import ASICSynthesis

from asicflow.errors import UserError
from asicflow.flow import yosys
from asicflow.pdk.config import Library
from asicflow.pdk.siliconcompiler import corner_name

_SIZE = "buffer,-c;topo;upsize,{D};dnsize,{D};stime,-p"

STRATEGIES = {
    "area": f"+strash;ifraig;scorr;dc2;dc2;&get,-n;&dch,-f;&nf,-R,100,-F,10;&put;{_SIZE}",
    "speed": "AREA3",
}
"""Names of asicflow's two ways to map: an abc script (a comma is a space), or the name of one of
SiliconCompiler's.

``area`` takes 3 % less area than abc's own script on the jet tagger, and wires of 4 % less half perimeter:
few large cells need fewer nets than many small ones. ``AREA3`` maps for delay and then recovers area. With it
adders are prefix trees and stay it (``synthesis.tcl``): the processor core takes 30 % less time from
register to register for 6 % more area.
"""


class Synthesis(ASICSynthesis):  # type: ignore[misc]
    """The stock step; modules that were mapped by themselves are flattened afterwards.

    RTL marks such modules with ``keep_hierarchy``. Place and route works on one level.
    """

    def __init__(self) -> None:
        super().__init__()
        EditableSchema(self).remove("var", "strategy")
        self.add_parameter("strategy", "str", "ABC script, or the name of a stock one")

    def setup(self) -> None:
        """The stock settings; the fast strategy starts the stock script through asicflow's own."""
        super().setup()
        if self.get("var", "strategy") == STRATEGIES["speed"]:
            self.set_script(str(Path(__file__).with_name("synthesis.tcl")), clobber=True)

    def post_process(self) -> None:
        """Read the stock step's reports, then flatten its netlist in place."""
        super().post_process()
        netlist = Path("outputs") / f"{self.design_topmodule}.vg"
        yosys.flatten_netlist(netlist, self.design_topmodule, ".", Path("reports/flatten.log"))


PREFIX_ADDER = Path(__file__).with_name("prefix_adder.v")
"""Yosys technology map of the fast strategy (``synthesis.tcl``): adders of the fewest levels."""

GATED_REGISTERS = 8
"""Registers that share an enable from which on a clock gate stands for their multiplexers."""


def configure(project: ASIC, library: Library, bin_dir: Path, strategy: str, clock_gates: bool = False) -> None:
    """Set the options of the synthesis step.

    Names keep their hierarchy with a dot, which needs no escape in SPEF or SDC. Mapping aims at
    half of the SDC's clock period in the slowest corner; the other half is for what abc does not
    see: flip-flops, wires, uncertainty, port delays. A tighter aim costs almost no area (0.3 % on
    a small network). Full-adder cells are not mapped: they save 5 % of the area but ripple, at
    twice the delay.

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
    clock_gates : bool
        Stop the clock of registers that share an enable with an integrated clock gate.

    Raises
    ------
    UserError
        If clock gates are asked for and the PDK file names none.
    """
    if clock_gates and library.cells.clock_gate is None:
        raise UserError(
            f"the PDK file names no clock gate of {library.name}",
            where="layout.clock_gates",
            hint="add clock_gate to the library's cells, or set layout.clock_gates to false",
        )
    task = Synthesis.find_task(project)
    task.set_path(str(yosys.launcher(bin_dir).parent))
    task.set_yosys_flatten(True)
    task.set_yosys_hierarchyseparator(".")
    task.add_yosys_synthesiscorner(corner_name(library, library.slowest), clobber=True)
    task.set_yosys_abcclockderating(0.5)
    task.set_yosys_mapadders(False)
    task.set_yosys_mapclockgates(clock_gates)
    task.set_yosys_minclockgatefanout(GATED_REGISTERS)
    task.set_yosys_strategy(STRATEGIES[strategy])
