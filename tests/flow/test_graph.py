"""The flowgraphs, and the stock steps' demands on the PDK objects, without any of their tools."""

from pathlib import Path

import klayout.db as db
import pytest
from siliconcompiler import ASIC
from siliconcompiler.scheduler import SchedulerNode

from asicflow.config import Config
from asicflow.flow.graph import OpenFlow, OpenRoadFlow
from asicflow.flow.project import make_project
from asicflow.flow.settings import FlowSettings
from asicflow.flow.stage import load_target, read_soc
from asicflow.flow.stream import def_to_gds
from asicflow.workspace import Workspace


def build(config: Config, ws: Workspace, engine: str) -> ASIC:
    pdk, library = load_target(config, print)
    soc = read_soc(ws.soc)
    settings = FlowSettings.create(
        config,
        pdk,
        library,
        top=soc["top"],
        sdc=ws.soc / soc["sdc"],
        clock_port=soc["clock"]["port"],
        period_ns=soc["clock"]["period_ns"],
    )
    return make_project(settings, [ws.soc / f for f in soc["files"]], ws.layout / "sc", engine, pdk, library)


def order(flow: OpenFlow | OpenRoadFlow) -> list[str]:
    return [step for level in flow.get_execution_order() for step, _ in level]


def test_open_engine_order() -> None:
    assert OpenFlow().validate()
    assert order(OpenFlow()) == ["elaborate", "lint", "synthesis", "place_route", "finish", "timing"]


def test_openroad_engine_order() -> None:
    flow = OpenRoadFlow()
    assert flow.validate()
    steps = order(flow)
    assert steps[:3] == ["elaborate", "lint", "synthesis"] and steps[-2:] == ["finish", "timing"]
    for stock in (
        "floorplan.init",
        "place.global",
        "cts.clock_tree_synthesis",
        "route.detailed",
        "write.views",
    ):
        assert stock in steps
    assert "place_route" not in steps


@pytest.mark.parametrize("engine", ["open", "openroad"])
def test_every_node_can_be_set_up(run_dir: Workspace, config: Config, engine: str) -> None:
    project = build(config, run_dir, engine)
    assert project.check_manifest()
    for level in project.get_flow().get_execution_order():
        for step, index in level:
            node = SchedulerNode(project, step, index)
            if node.setup():
                assert node.check_required_values(), step
                assert node.check_required_paths(), step


def test_finish_takes_both_netlists_of_the_stock_steps(run_dir: Workspace, config: Config) -> None:
    project = build(config, run_dir, "openroad")
    for level in project.get_flow().get_execution_order():
        for step, index in level:
            SchedulerNode(project, step, index).setup()
    inputs = project.get("tool", "asicflow", "task", "finish", "input", step="finish", index="0")
    assert {"counter.synthesis0.vg", "counter.write.views0.vg", "counter.lvs.vg", "counter.def.gz"} <= set(inputs)
    assert "counter.typical.spef" in inputs
    outputs = project.get("tool", "asicflow", "task", "finish", "output", step="finish", index="0")
    assert "counter.maximum.spef" in outputs


DEF = """VERSION 5.8 ;
DIVIDERCHAR "/" ;
BUSBITCHARS "[]" ;
DESIGN tiny ;
UNITS DISTANCE MICRONS 1000 ;
DIEAREA ( 0 0 ) ( 20000 10000 ) ;
COMPONENTS 1 ;
- u1 sky130_fd_sc_hd__inv_1 + PLACED ( 4600 2720 ) N ;
END COMPONENTS
PINS 1 ;
- a + NET a + DIRECTION INPUT + USE SIGNAL + PORT + LAYER met2 ( -140 0 ) ( 140 485 ) + PLACED ( 5000 0 ) N ;
END PINS
NETS 1 ;
- a ( PIN a ) ( u1 A ) + ROUTED met1 ( 5000 4000 ) ( 9000 4000 ) NEW met1 ( 9000 4000 ) M1M2_PR ;
END NETS
END DESIGN
"""


@pytest.mark.parametrize("config", ["sky130"], indirect=True)
def test_def_becomes_gds_with_real_cells(config: Config, tmp_path: Path) -> None:
    _, library = load_target(config, print)
    (tmp_path / "tiny.def").write_text(DEF)
    def_to_gds(tmp_path / "tiny.def", library, tmp_path / "tiny.gds")
    layout = db.Layout()
    layout.read(str(tmp_path / "tiny.gds"))
    assert [cell.name for cell in layout.top_cells()] == ["tiny"]
    inverter = layout.cell("sky130_fd_sc_hd__inv_1")
    assert not inverter.shapes(layout.layer(*library.layers["li1"].drawing)).is_empty()

    def shapes(name: str, purpose: str) -> db.Region:
        pair = getattr(library.layers[name], purpose)
        return db.Region(layout.top_cell().shapes(layout.layer(*pair)))

    assert shapes("met1", "drawing").bbox() == db.Box(5000 - 70, 4000 - 70, 9000 + 70, 4000 + 70)
    assert shapes("met2", "pin").bbox() == db.Box(4860, 0, 5140, 485)
    texts = [s.text.string for s in layout.top_cell().shapes(layout.layer(*library.layers["met2"].label)).each()]
    assert texts == ["a"]
    cut = db.Region(layout.top_cell().begin_shapes_rec(layout.layer(*library.layers["via"].drawing)))
    assert cut.count() == 1
