"""A floorplan and routed shapes at another place: a core that becomes part of a larger die."""

from __future__ import annotations

from dataclasses import replace

from asicflow.flow.pnr.floorplan import Floorplan
from asicflow.flow.pnr.geometry import NetGeometry, PinLanding, ViaAt, Wire
from asicflow.pdk.lef import Rect


def moved(plan: Floorplan, by: tuple[int, int]) -> None:
    """Move a floorplan; its size is the caller's."""
    x, y = by
    plan.origin = by
    plan.core = _rect(plan.core, by)
    plan.straps = [replace(s, x=s.x + x, bottom=s.bottom + y, top=s.top + y) for s in plan.straps]
    plan.segments = [[(a + x, b + x) for a, b in row] for row in plan.segments]
    plan.pins = {name: replace(p, rect=_rect(p.rect, by)) for name, p in plan.pins.items()}
    plan.hooks.metal = [(layer, _rect(r, by), power) for layer, r, power in plan.hooks.metal]
    plan.hooks.cuts = [(layer, _rect(r, by), power) for layer, r, power in plan.hooks.cuts]
    plan.rings = [(layer, _rect(r, by), power) for layer, r, power in plan.rings]


def _rect(rect: Rect, by: tuple[int, int]) -> Rect:
    return rect[0] + by[0], rect[1] + by[1], rect[2] + by[0], rect[3] + by[1]


def moved_geometry(geometry: NetGeometry, by: tuple[int, int]) -> NetGeometry:
    """A net's shapes elsewhere."""
    x, y = by
    return NetGeometry(
        geometry.net,
        [Wire(w.layer, w.x1 + x, w.y1 + y, w.x2 + x, w.y2 + y) for w in geometry.wires],
        [ViaAt(v.layer, v.x + x, v.y + y) for v in geometry.vias],
        [(layer, _rect(r, by)) for layer, r in geometry.pads],
        [
            PinLanding(
                p.pin, p.layer, p.x + x, p.y + y, [_rect(r, by) for r in p.patches],
                (p.cut[0] + x, p.cut[1] + y) if p.cut else None,
            )
            for p in geometry.landings
        ],
    )  # fmt: skip
