"""Where pins and nets lie on the die, once their cells are placed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asicflow.flow.pnr.netlist import Instance, Net, Netlist, PnrError
from asicflow.flow.pnr.orientation import point_to_die
from asicflow.pdk.lef import Macro, Rect

if TYPE_CHECKING:
    from asicflow.flow.pnr.floorplan import Floorplan


def pin_centre(macro: Macro, pin: str) -> tuple[int, int]:
    """Centre of a pin's shapes in the cell, nm."""
    rects = [r for shapes in macro.pins[pin].shapes.values() for r in shapes]
    if not rects:
        raise PnrError(f"pin {pin} of cell {macro.name} has no shape")
    return (
        (min(r[0] for r in rects) + max(r[2] for r in rects)) // 2,
        (min(r[1] for r in rects) + max(r[3] for r in rects)) // 2,
    )


def pin_position(instance: Instance, pin: str, macros: dict[str, Macro]) -> tuple[int, int]:
    """Centre of a placed instance's pin on the die, nm."""
    macro = macros[instance.cell]
    return point_to_die(*pin_centre(macro, pin), instance, macro)


def net_points(net: Net, macros: dict[str, Macro], plan: Floorplan) -> list[tuple[int, int]]:
    """Positions of all pins and ports of a net, nm; pins in order, then ports."""
    points = [pin_position(i, p, macros) for i, p in net.pins]
    for port in net.ports:
        if port.name in plan.pins:
            rect: Rect = plan.pins[port.name].rect
            points.append(((rect[0] + rect[2]) // 2, (rect[1] + rect[3]) // 2))
    return points


def half_perimeter(netlist: Netlist, macros: dict[str, Macro], plan: Floorplan) -> float:
    """Sum over nets of the half perimeter of the pins' bounding box, um."""
    total = 0
    for net in netlist.nets.values():
        points = net_points(net, macros, plan)
        if len(points) > 1:
            xs, ys = [p[0] for p in points], [p[1] for p in points]
            total += max(xs) - min(xs) + max(ys) - min(ys)
    return total / 1000
