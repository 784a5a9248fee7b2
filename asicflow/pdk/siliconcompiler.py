"""PDK and cell library as SiliconCompiler objects, built from ``pdk_configs/*.yaml``.

asicflow defines these objects itself instead of taking lambdapdk's classes, so
the YAML file stays the one source of truth for synthesis, layout and checks.

Synthesis maps for one corner.  It is the slowest of the chosen supply: that
corner limits the clock, so gates are sized for the delays that decide.
"""

from __future__ import annotations

from pathlib import Path

from siliconcompiler import ASIC
from siliconcompiler.tools.klayout import KLayoutLibrary, KLayoutPDK
from siliconcompiler.tools.openroad import OpenROADPDK, OpenROADStdCellLibrary
from siliconcompiler.tools.yosys import YosysStdCellLibrary

from asicflow.pdk.config import Corner, Library, Pdk
from asicflow.resources import resource

DELAY_MODEL = "nldm"
_ABC_LOAD_FF = 10.0
"""Load that abc assumes at outputs: a few gate inputs of a 130 to 180 nm library, in fF."""


class FlowPdk(KLayoutPDK, OpenROADPDK):  # type: ignore[misc]
    """A process, with the parameters that the stock KLayout and OpenROAD steps read."""


class FlowLibrary(YosysStdCellLibrary, OpenROADStdCellLibrary, KLayoutLibrary):  # type: ignore[misc]
    """A cell library, with the parameters that the stock Yosys, OpenROAD and KLayout steps read."""


def corner_name(library: Library, corner: Corner) -> str:
    """Return the name under which a library lists a corner."""
    return next(name for name, entry in library.corners.items() if entry is corner)


def make_pdk(pdk: Pdk, library: Library) -> FlowPdk:
    """Return the SiliconCompiler PDK: technology LEF, stack, node and wire parasitics."""
    result = FlowPdk()
    result.set_name(pdk.name)
    result.set_node(float(pdk.node_nm))
    result.set_stackup(library.tech_lef.stem)
    with result.active_fileset("apr.tech"):
        result.add_file(str(library.tech_lef), filetype="lef")
        for tool in ("openroad", "klayout"):
            result.add_aprtechfileset(tool)
    if pdk.display is not None and pdk.display.is_file():
        with result.active_fileset("klayout.display"):
            result.add_file(str(pdk.display), filetype="display")
            result.add_displayfileset("klayout")
    for corner, values in library.parasitics.items():
        for layer, (ohm, picofarad) in values.wires.items():
            result.add_openroad_rclayer(corner, "routing", layer, ohm, picofarad * 1e-12)
        for layer, ohm in values.vias.items():
            result.add_openroad_rclayer(corner, "via", layer, ohm)
    return result


def make_library(library: Library, pdk: FlowPdk) -> FlowLibrary:
    """Return the SiliconCompiler cell library of one supply: views, special cells, corners."""
    result = FlowLibrary()
    result.set_name(library.name)
    result.add_asic_pdk(pdk)
    result.add_asic_site(library.site)
    _add_views(result, library)
    _add_cell_lists(result, library)
    _add_yosys(result, library)
    _add_openroad(result, library)
    return result


def _add_views(result: FlowLibrary, library: Library) -> None:
    for name, corner in library.corners.items():
        with result.active_fileset(f"timing.{name}"):
            result.add_file(str(corner.liberty), filetype="liberty")
            result.add_asic_libcornerfileset(name, DELAY_MODEL)
    with result.active_fileset("physical"):
        for path in library.lefs:
            result.add_file(str(path), filetype="lef")
        for path in library.gds:
            result.add_file(str(path), filetype="gds")
        result.add_asic_aprfileset()


def _add_cell_lists(result: FlowLibrary, library: Library) -> None:
    cells = library.cells
    ties = dict.fromkeys((cells.tie_high[0], cells.tie_low[0]))
    for kind, names in (
        ("tap", [cells.tap]),
        ("tie", list(ties)),
        ("filler", cells.fillers),
        ("decap", cells.decaps),
        ("clkbuf", cells.clock_buffers),
        ("clkgate", cells.clock_gate.cells if cells.clock_gate else []),
        ("hold", cells.hold_buffers),
        ("antenna", [cells.antenna_diode[0]]),
        ("physicalonly", physical_cells(library)),
        ("dontuse", cells.dont_use),
    ):
        if names:
            result.add_asic_celllist(kind, names)


def physical_cells(library: Library) -> list[str]:
    """Names of the cells without logic function: taps, end caps, fillers, decoupling, antenna diodes."""
    cells = library.cells
    end_cap = library.route.get("end_cap")
    names = [
        cells.tap,
        *cells.fillers,
        *cells.decaps,
        cells.antenna_diode[0],
        *([end_cap] if end_cap else []),
    ]
    return list(dict.fromkeys(names))


def _add_yosys(result: FlowLibrary, library: Library) -> None:
    cells = library.cells
    result.set_yosys_driver_cell(cells.driving_cell)
    result.set_yosys_buffer_cell(cells.buffers[0], *cells.buffer_pins)
    result.set_yosys_tiehigh_cell(*cells.tie_high)
    result.set_yosys_tielow_cell(*cells.tie_low)
    result.set_yosys_abc(1000, _ABC_LOAD_FF)  # the SDC counts in ns, abc in ps
    latches = techmap(library, "latches")
    if latches is not None:
        result.add_yosys_tech_map(str(latches))


def techmap(library: Library, kind: str) -> Path | None:
    """Return ``pdk_configs/<pdk>/<library>_<kind>.v``, or None when the library has none."""
    path = resource("pdk_configs") / library.pdk / f"{library.name}_{kind}.v"
    return path if path.is_file() else None


def _add_openroad(result: FlowLibrary, library: Library) -> None:
    result.set_openroad_tiehigh_cell(*library.cells.tie_high)
    result.set_openroad_tielow_cell(*library.cells.tie_low)
    result.set_openroad_placement_density(min(library.utilization["accel"] + 0.1, 0.95))
    result.set_openroad_macro_placement_halo(20.0, 20.0)


def add_target(project: ASIC, pdk: Pdk, library: Library, openroad_dir: Path | None = None) -> None:
    """Give a project its process, its library and one timing scenario per corner.

    Slow corners check setup, fast corners hold; the first setup scenario is the
    slowest corner, which is the one the stock synthesis step maps for.

    Parameters
    ----------
    project : ASIC
        The project.
    pdk, library : Pdk, Library
        The process and its cells.
    openroad_dir : Path, optional
        Folder for OpenROAD's set-up files; given only when that engine runs.
    """
    flow_pdk = make_pdk(pdk, library)
    flow_library = make_library(library, flow_pdk)
    if openroad_dir is not None:
        from asicflow.pdk import openroad

        openroad.configure(flow_pdk, flow_library, pdk, library, openroad_dir)
    project.set_pdk(flow_pdk)
    project.set_mainlib(flow_library)
    project.add_asiclib(library.name)
    project.set_asic_delaymodel(DELAY_MODEL)
    corners = sorted(library.corners.items(), key=lambda item: item[1] is not library.slowest)
    for name, corner in corners:
        scenario = project.constraint.timing.make_scenario(name)
        scenario.add_libcorner(name)
        scenario.set_pexcorner(corner.parasitics)
        scenario.set_temperature(corner.temperature)
        scenario.set_pin_voltage(library.power.power_net, corner.voltage)
        scenario.set_pin_voltage(library.power.ground_net, 0.0)
        scenario.add_check({"ss": "setup", "ff": "hold"}.get(corner.process, "power"))
