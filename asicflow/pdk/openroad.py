"""What SiliconCompiler's stock OpenROAD steps need of a process beyond the common views.

OpenROAD is set up with Tcl files.  They are written into the run directory from
the ``route`` section of ``pdk_configs/*.yaml``, so both engines build the same
power grid and use the same tap pitch and pin layers.
"""

from __future__ import annotations

from pathlib import Path

from asicflow.pdk.config import Library, Pdk
from asicflow.pdk.siliconcompiler import FlowLibrary, FlowPdk


def configure(flow_pdk: FlowPdk, flow_library: FlowLibrary, pdk: Pdk, library: Library, folder: Path) -> None:
    """Add layers, extraction rules, power grid, tap cells and supply connections.

    Parameters
    ----------
    flow_pdk, flow_library : FlowPdk, FlowLibrary
        Objects to complete, before the project takes them.
    pdk, library : Pdk, Library
        Where the facts come from.
    folder : Path
        Receives the Tcl files.
    """
    route = library.route
    layers = [layer["name"] for layer in route["layers"]]
    flow_pdk.set_aprroutinglayers(min=layers[0], max=layers[-1])
    flow_pdk.set_openroad_rclayers(signal=layers[len(layers) // 2], clock=layers[-1])
    flow_pdk.add_openroad_pinlayers(horizontal=route["pins"]["horizontal"], vertical=route["pins"]["vertical"])
    for corner, rules in pdk.raw.get("openrcx", {}).items():
        path = pdk.root / pdk.raw["data"] / rules
        if path.is_file():
            with flow_pdk.active_fileset(f"openrcx.{corner}"):
                flow_pdk.add_file(str(path), filetype="openrcx")
                flow_pdk.add_pexmodelfileset("openroad", corner)
    scripts = {
        "global_connect": global_connect(library),
        "power_grid": power_grid(library),
        "tapcells": tapcells(library),
    }
    paths = {name: _write(folder / f"{name}.tcl", text) for name, text in scripts.items()}
    with flow_library.active_fileset("openroad.powergrid"):
        flow_library.add_file(str(paths["power_grid"]), filetype="tcl")
        flow_library.add_openroad_powergridfileset()
    with flow_library.active_fileset("openroad.globalconnect"):
        flow_library.add_file(str(paths["global_connect"]), filetype="tcl")
        flow_library.add_openroad_globalconnectfileset()
    flow_library.set_openroad_tapcells_file(str(paths["tapcells"]))


def global_connect(library: Library) -> str:
    """Tcl that ties every supply pin of every cell to its net."""
    power = library.power
    lines = []
    for net, pins, kind in (
        (power.power_net, power.power_pins, "power"),
        (power.ground_net, power.ground_pins, "ground"),
    ):
        for index, pin in enumerate(pins):
            flag = f" -{kind}" if index == 0 else ""
            lines.append(f"add_global_connection -net {net} -inst_pattern .* -pin_pattern ^{pin}$" + flag)
    return "\n".join([*lines, "global_connect", ""])


def power_grid(library: Library) -> str:
    """Tcl that draws rails along the rows and straps across them.

    The engine ``open`` alternates power and ground straps at ``pitch``; OpenROAD
    counts its pitch between straps of one net, hence the factor of two.
    """
    straps, power = library.route["straps"], library.power
    width, pitch, offset = (straps[key] / 1000 for key in ("width", "pitch", "offset"))
    rail, layer = straps["rail_layer"], straps["layer"]
    return f"""set_voltage_domain -name CORE -power {power.power_net} -ground {power.ground_net}
define_pdn_grid -name core -voltage_domains CORE -pins {layer}
add_pdn_stripe -grid core -layer {rail} -followpins
add_pdn_stripe -grid core -layer {layer} -width {width:g} -spacing {pitch - width:g} -pitch {2 * pitch:g} \\
  -offset {offset:g} -extend_to_boundary
add_pdn_connect -grid core -layers {{{rail} {layer}}}
"""


def tapcells(library: Library) -> str:
    """Tcl that places well taps at the process's pitch."""
    return f"tapcell -distance {library.route['tap_pitch'] / 1000:g} -tapcell_master {library.cells.tap}\n"


def _write(path: Path, text: str) -> Path:
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return path
