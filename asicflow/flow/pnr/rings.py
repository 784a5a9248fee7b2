"""Power rings: one loop per supply around the core, which the straps run out to.

Ground lies inside, power outside. Horizontal pieces are on a layer of their own, vertical ones on the straps'
layer, so that the straps of the outer loop pass the inner one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from asicflow.flow.pnr.access import around
from asicflow.flow.pnr.floorplan import Floorplan
from asicflow.flow.pnr.power_grid import Strap
from asicflow.flow.pnr.technology import Ring, Technology
from asicflow.pdk.lef import Rect


def add_rings(plan: Floorplan, technology: Technology) -> None:
    """Draw both loops, extend the straps that reach the core's edge to their loop, and join them."""
    ring = technology.config.rings
    assert ring is not None
    layer, half = technology.config.straps.layer, ring.width // 2
    for level, power in enumerate((False, True)):
        x1, y1, x2, y2 = loop(plan.core, ring, level)
        plan.rings += [(ring.layer, (x1 - half, y - half, x2 + half, y + half), power) for y in (y1, y2)]
        plan.rings += [(layer, (x - half, y1 - half, x + half, y2 + half), power) for x in (x1, x2)]
        crossings = [(x, y) for x in (x1, x2) for y in (y1, y2)]
        plan.straps = [_extended(s, plan, technology, (y1, y2), half) if s.power == power else s for s in plan.straps]
        for strap in (s for s in plan.straps if s.power == power):
            crossings += [(strap.x, y) for y in (y1, y2) if strap.bottom <= y <= strap.top]
        for x, y in crossings:
            plan.hooks.metal.append((layer, around(x, y, ring.pad), power))
            plan.hooks.cuts += [(ring.cut, cut, power) for cut in _cuts(x, y, technology)]
    plan.hooks.metal += plan.rings


def loop(core: Rect, ring: Ring, level: int) -> Rect:
    """Centre lines of the loop number `level` from inside, nm."""
    away = ring.space + ring.width // 2 + level * (ring.width + ring.space)
    return core[0] - away, core[1] - away, core[2] + away, core[3] + away


def _extended(strap: Strap, plan: Floorplan, technology: Technology, ends: tuple[int, int], half: int) -> Strap:
    overhang = technology.config.straps.overhang
    bottom = ends[0] - half if strap.bottom == plan.core[1] - overhang else strap.bottom
    top = ends[1] + half if strap.top == plan.core[3] + overhang else strap.top
    return replace(strap, bottom=bottom, top=top)


def _cuts(x: int, y: int, technology: Technology) -> Iterator[Rect]:
    ring = technology.config.rings
    assert ring is not None
    half = technology.lef.layers[ring.cut].width // 2
    return (around(x + dx, y + dy, (half, half)) for dx in ring.offsets for dy in ring.offsets)
