"""The flowgraphs: engine ``open`` is asicflow's own, engine ``openroad`` SiliconCompiler's stock steps.

Both begin with elaboration, lint and synthesis and end with the same two steps::

    elaborate -> lint -> synthesis -> place_route -> finish -> timing            open
    elaborate -> lint -> synthesis -> floorplan ... write -> finish -> timing    openroad
"""

from __future__ import annotations

from siliconcompiler import Flowgraph
from siliconcompiler.flows.asicflow import CleanupSynthFlow, PNRFlow
from siliconcompiler.tools.slang.elaborate import Elaborate

from asicflow.flow.finish import FinishTask
from asicflow.flow.lint import VerilatorLint
from asicflow.flow.place_route import PlaceRouteTask
from asicflow.flow.synthesis import Synthesis
from asicflow.flow.timing import TimingTask


class FrontEnd(Flowgraph):  # type: ignore[misc]
    """Elaborate, lint, synthesis: the steps that both engines share."""

    def __init__(self, name: str = "asicflow-frontend") -> None:
        super().__init__(name)
        self.node("elaborate", Elaborate())
        self.node("lint", VerilatorLint())
        self.node("synthesis", Synthesis())
        self.edge("elaborate", "lint")
        self.edge("elaborate", "synthesis")
        self.edge("lint", "synthesis")


class OpenFlow(FrontEnd):
    """Place and route with the engine that comes with asicflow."""

    def __init__(self) -> None:
        super().__init__("asicflow-open")
        self.node("place_route", PlaceRouteTask())
        self.node("finish", FinishTask())
        self.node("timing", TimingTask())
        for before, after in (("synthesis", "place_route"), ("place_route", "finish"), ("finish", "timing")):
            self.edge(before, after)


class OpenRoadFlow(FrontEnd):
    """Place and route with SiliconCompiler's stock OpenROAD steps.

    The step that finishes reads the mapped netlist too, and draws the GDS itself:
    the stock export would need the KLayout application.
    """

    def __init__(self) -> None:
        super().__init__("asicflow-openroad")
        self.graph(CleanupSynthFlow(), name="cleanup")
        self.edge("synthesis", "cleanup.clean")
        backend = PNRFlow()
        backend.remove_node("write.gds")
        self.graph(backend)
        for step, index in backend.get_entry_nodes():
            self.edge("cleanup.clean", step, head_index=index)
        self.node("finish", FinishTask())
        self.node("timing", TimingTask())
        self.edge("write.views", "finish")
        self.edge("synthesis", "finish")
        self.edge("finish", "timing")


def make_flow(engine: str) -> Flowgraph:
    """Return the flowgraph of an engine, ``"open"`` or ``"openroad"``."""
    return OpenRoadFlow() if engine == "openroad" else OpenFlow()
