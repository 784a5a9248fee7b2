"""Where wires will crowd, estimated from a placement, and how much room the cells there should get.

Every net spreads its expected wire evenly over its bounding box (RUDY: Spindler and Johannes, "Fast and
accurate routing demand estimation for efficient routability-driven placement", DATE 2007). Demand is
compared with what the routing layers offer; cells in crowded squares are widened before the next
global placement, so that the whitespace goes where the wires are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asicflow.flow.pnr.floorplan import Floorplan
from asicflow.flow.pnr.netlist import Instance, Netlist
from asicflow.flow.pnr.positions import net_points
from asicflow.flow.pnr.technology import Technology
from asicflow.pdk.lef import Macro

SQUARE = 20_000
"""Side of a square of the map, nm."""

DETOUR = 1.15
"""Routed length over half perimeter of a small net."""

PER_PIN = 0.03
"""Growth of that ratio with each pin beyond three (Steiner trees of larger nets)."""

COMFORT = 0.4
"""Share of the layers' tracks that wires may take before cells are moved apart."""

LARGEST = 2.5
"""Most that one round widens a cell."""


def demand_map(netlist: Netlist, macros: dict[str, Macro], plan: Floorplan) -> NDArray[np.float64]:
    """Expected wire length per area, um/um2, per square of `SQUARE` nm (indexed y, x)."""
    shape = (-(-plan.height // SQUARE), -(-plan.width // SQUARE))
    wire = np.zeros(shape)
    for net in netlist.nets.values():
        points = np.array(net_points(net, macros, plan))
        if len(points) < 2:
            continue
        (x1, y1), (x2, y2) = points.min(axis=0), points.max(axis=0)
        length = (x2 - x1 + y2 - y1) * (DETOUR + PER_PIN * max(0, len(points) - 3))
        cover_x = _cover(int(x1), int(x2), shape[1])
        cover_y = _cover(int(y1), int(y2), shape[0])
        wire += length * np.outer(cover_y, cover_x)
    per_area: NDArray[np.float64] = wire / 1e3 / (SQUARE / 1e3) ** 2
    return per_area


def _cover(low: int, high: int, count: int) -> NDArray[np.float64]:
    """Share of the span from `low` to `high` (nm) in each of `count` squares; a point lies in one."""
    edges = SQUARE * np.arange(count + 1)
    if high <= low:
        share = np.zeros(count)
        share[min(low // SQUARE, count - 1)] = 1.0
        return share
    inside = np.minimum(edges[1:], high) - np.maximum(edges[:-1], low)
    found: NDArray[np.float64] = np.maximum(inside, 0) / (high - low)
    return found


def supply(technology: Technology) -> float:
    """Wire length per area that the routing layers offer, um/um2."""
    total = 0.0
    for layer in technology.layers:
        if layer.wires:
            pitch = layer.every * (technology.dy if layer.horizontal else technology.dx)
            total += 1e3 / pitch
    return total


def widening(
    netlist: Netlist, macros: dict[str, Macro], plan: Floorplan, technology: Technology
) -> dict[Instance, float]:
    """Factor by which each movable cell should be widened: 1 where wires have room, up to `LARGEST`."""
    load = demand_map(netlist, macros, plan) / (COMFORT * supply(technology))
    found = {}
    for instance in netlist.instances.values():
        if not instance.fixed:
            j = min(instance.y // SQUARE, load.shape[0] - 1)
            i = min(instance.x // SQUARE, load.shape[1] - 1)
            found[instance] = float(np.clip(load[j, i], 1.0, LARGEST))
    return found
