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


def use_map(netlist: Netlist, macros: dict[str, Macro], plan: Floorplan, technology: Technology) -> NDArray[np.float64]:
    """Share of the tracks that wires are expected to take, per square of `SQUARE` nm (indexed y, x).

    Horizontal and vertical wires are compared with the layers of their direction; the scarcer one counts.
    """
    shape = (-(-plan.height // SQUARE), -(-plan.width // SQUARE))
    horizontal, vertical = np.zeros(shape), np.zeros(shape)
    for net in netlist.nets.values():
        points = np.array(net_points(net, macros, plan))
        if len(points) < 2:
            continue
        (x1, y1), (x2, y2) = points.min(axis=0), points.max(axis=0)
        detour = DETOUR + PER_PIN * max(0, len(points) - 3)
        cover = np.outer(_cover(int(y1), int(y2), shape[0]), _cover(int(x1), int(x2), shape[1]))
        horizontal += (x2 - x1) * detour * cover
        vertical += (y2 - y1) * detour * cover
    across, up = supply(technology)
    area = SQUARE**2 / 1e6
    use: NDArray[np.float64] = np.maximum(horizontal / across, vertical / up) / 1e3 / area
    return use


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


def supply(technology: Technology) -> tuple[float, float]:
    """Horizontal and vertical wire length per area that the routing layers offer, um/um2."""
    across = up = 0.0
    for layer in technology.layers:
        if layer.wires and layer.horizontal:
            across += 1e3 / (layer.every * technology.dy)
        elif layer.wires:
            up += 1e3 / (layer.every * technology.dx)
    return across, up


def crowding(netlist: Netlist, macros: dict[str, Macro], plan: Floorplan, technology: Technology) -> float:
    """Share of the tracks that wires need in the most crowded twentieth of the die."""
    return float(np.percentile(use_map(netlist, macros, plan, technology), 95))


def widening(
    netlist: Netlist, macros: dict[str, Macro], plan: Floorplan, technology: Technology
) -> dict[Instance, float]:
    """Factor by which each movable cell should be widened: 1 where wires have room, up to `LARGEST`."""
    load = use_map(netlist, macros, plan, technology) / COMFORT
    found = {}
    for instance in netlist.instances.values():
        if not instance.fixed:
            j = min(instance.y // SQUARE, load.shape[0] - 1)
            i = min(instance.x // SQUARE, load.shape[1] - 1)
            found[instance] = float(np.clip(load[j, i], 1.0, LARGEST))
    return found
