"""The finished layout as a LEF abstract, for whoever places it as a block on a chip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from asicflow.flow.pnr.floorplan import Floorplan
from asicflow.flow.pnr.netlist import Netlist
from asicflow.flow.pnr.power import supply_pins
from asicflow.flow.pnr.technology import Technology
from asicflow.pdk.config import Library
from asicflow.pdk.lef import Rect


def write_lef(path: Path, netlist: Netlist, plan: Floorplan, technology: Technology, library: Library) -> None:
    """Write a macro with the layout's size, its pins, its straps as supply pins, and the core as obstruction."""
    path.write_text("".join(_macro(netlist, plan, technology, library)))


def _macro(netlist: Netlist, plan: Floorplan, technology: Technology, library: Library) -> Iterator[str]:
    yield 'VERSION 5.8 ;\nBUSBITCHARS "[]" ;\nDIVIDERCHAR "/" ;\n\n'
    yield f"MACRO {netlist.top}\n  CLASS BLOCK ;\n  ORIGIN 0 0 ;\n"
    yield f"  FOREIGN {netlist.top} 0 0 ;\n  SIZE {_um(plan.width)} BY {_um(plan.height)} ;\n  SYMMETRY X Y R90 ;\n"
    for port in netlist.ports.values():
        place = plan.pins[port.name]
        use = "CLOCK" if port.net.is_clock else "SIGNAL"
        yield from _pin(port.name, port.direction.upper(), use, [(technology.layers[place.layer].name, place.rect)])
    for name, use, power in (
        (library.power.power_net, "POWER", True),
        (library.power.ground_net, "GROUND", False),
    ):
        rects = [rect for is_power, rect in supply_pins(plan, technology) if is_power == power]
        shapes = [(technology.config.straps.layer, rect) for rect in rects]
        shapes += [(layer, rect) for layer, rect, is_power in plan.rings if is_power == power]
        yield from _pin(name, "INOUT", use, shapes)
    for name, pieces in plan.idle_supplies.items():
        metal = [(layer, rect) for layer, rect in pieces if technology.lef.layers[layer].kind == "ROUTING"]
        yield from _pin(name, "INOUT", "POWER", metal)
    yield "  OBS\n"
    for layer in technology.layers:
        yield f"    LAYER {layer.name} ;\n      RECT {_rect(plan.core)} ;\n"
    yield f"  END\nEND {netlist.top}\n\nEND LIBRARY\n"


def _pin(name: str, direction: str, use: str, shapes: list[tuple[str, Rect]]) -> Iterator[str]:
    yield f"  PIN {name}\n    DIRECTION {direction} ;\n    USE {use} ;\n"
    for layer, rect in shapes:
        yield f"    PORT\n      LAYER {layer} ;\n        RECT {_rect(rect)} ;\n    END\n"
    yield f"  END {name}\n"


def _rect(rect: Rect) -> str:
    return " ".join(_um(v) for v in rect)


def _um(nm: int) -> str:
    return f"{nm / 1000:.3f}"
