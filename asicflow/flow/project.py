"""Build the SiliconCompiler project of a run."""

from __future__ import annotations

from pathlib import Path

from siliconcompiler import ASIC, Design

from asicflow.flow import synthesis
from asicflow.flow.graph import make_flow
from asicflow.flow.lint import VerilatorLint
from asicflow.flow.settings import FlowSettings
from asicflow.flow.task import FlowTask
from asicflow.pdk.block import BOXES
from asicflow.pdk.config import Library, Pdk
from asicflow.pdk.siliconcompiler import add_target


def make_project(
    settings: FlowSettings,
    files: list[Path],
    build: Path,
    engine: str,
    pdk: Pdk,
    library: Library,
    strategy: str = "area",
    job: str = "area",
) -> ASIC:
    """Return the project: design, process, flow and options.

    Parameters
    ----------
    settings : FlowSettings
        Settings of the run; kept in the build tree for the tasks.
    files : list of Path
        RTL in compilation order.
    build : Path
        SiliconCompiler's build tree.
    engine : str
        ``"open"`` or ``"openroad"``.
    pdk, library : Pdk, Library
        The process and its cells.
    strategy : str
        How synthesis maps.
    job : str
        Name of SiliconCompiler's job, a folder of the build tree.
    """
    project = ASIC(make_design(settings, files))
    project.add_fileset(["rtl", "sdc"])
    add_target(project, pdk, library, build / "openroad" if engine == "openroad" else None)
    project.set_flow(make_flow(engine))
    _set_options(project, build, job)
    for path in files:
        if path.name == BOXES:
            VerilatorLint.find_task(project).set_boxes(path)
    synthesis.configure(project, library, build / "bin", strategy, settings.clock_gates)
    path = settings.save(build / f"settings_{job}.json")
    _point_to_settings(project, path)
    if engine == "openroad":
        _set_floorplan(project, settings)
    return project


def make_design(settings: FlowSettings, files: list[Path]) -> Design:
    """Return the design: RTL and constraints as file sets ``rtl`` and ``sdc``."""
    design = Design(settings.top)
    with design.active_fileset("rtl"):
        design.set_topmodule(settings.top)
        for path in files:
            design.add_file(str(path))
    with design.active_fileset("sdc"):
        design.add_file(str(settings.sdc), filetype="sdc")
    return design


def _set_options(project: ASIC, build: Path, job: str) -> None:
    option = project.option
    option.set_jobname(job)
    option.set_builddir(str(build))
    option.set_nodashboard(True)
    option.set_nodisplay(True)
    option.set_quiet(True)
    option.set_hash(True)


def _point_to_settings(project: ASIC, path: Path) -> None:
    """Name the settings file for each node of asicflow's own.

    Per node, not for all at once: hashing a file makes SiliconCompiler write a
    node's entry, and an entry without a value would hide the common one.
    """
    flow = project.get_flow()
    for step, index in flow.get_nodes():
        tool, task = flow.get(step, index, "tool"), flow.get(step, index, "task")
        if tool == FlowTask.TOOL:
            project.set("tool", tool, "task", task, "var", "settings", str(path), step=step, index=index)


def _set_floorplan(project: ASIC, settings: FlowSettings) -> None:
    """Tell the stock floorplan step about density and shape."""
    area = project.constraint.area
    if settings.die_um is not None:
        area.set_diearea_rectangle(*settings.die_um, coremargin=10.0)
        return
    area.set_density(100.0 * settings.utilization, aspectratio=settings.aspect, coremargin=10.0)
