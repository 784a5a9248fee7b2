"""Power: vertical straps with via stacks down to every rail of their net."""

from __future__ import annotations

from collections.abc import Iterator

from asicflow.flow.pnr.floorplan import Floorplan
from asicflow.flow.pnr.technology import Technology
from asicflow.pdk.lef import Rect


def rail_lines(plan: Floorplan, technology: Technology, power: bool) -> list[int]:
    """Heights (nm) of the power or ground rails' centres. Upright rows have ground below, power above."""
    first = 1 if power else 0
    return [plan.row_y(r, technology.row_height) for r in range(first, plan.rows + 1, 2)]


def straps(plan: Floorplan, technology: Technology) -> Iterator[tuple[bool, Rect]]:
    """The straps as (is power, rectangle), from left to right."""
    config = technology.config.straps
    for power, x in plan.straps:
        bottom, top = plan.core[1] - config.overhang, plan.core[3] + config.overhang
        yield power, (x - config.width // 2, bottom, x + config.width // 2, top)


def strap_shapes(plan: Floorplan, technology: Technology) -> Iterator[tuple[int, Rect, bool]]:
    """All metal of straps and stacks on the routing layers: (layer index, rectangle, is power).

    A stack's metal on the rail's own layer lies inside the rail and is included.
    """
    config = technology.config.straps
    top = technology.layer_index(config.layer)
    for power, rect in straps(plan, technology):
        yield top, rect, power
        x = (rect[0] + rect[2]) // 2
        for y in rail_lines(plan, technology, power):
            for name, (hx, hy) in config.stack.items():
                index = technology.layer_index(name)
                if index != top:
                    yield index, (x - hx, y - hy, x + hx, y + hy), power


def strap_cuts(plan: Floorplan, technology: Technology) -> Iterator[tuple[int, Rect]]:
    """All cuts of the stacks: (index of the via's lower routing layer, rectangle)."""
    config = technology.config.straps
    bottom, top = technology.layer_index(config.rail_layer), technology.layer_index(config.layer)
    for power, x in plan.straps:
        for y in rail_lines(plan, technology, power):
            for index in range(bottom, top):
                half = technology.cut(index).width // 2
                for column in config.cut_columns:
                    yield index, (x + column - half, y - half, x + column + half, y + half)
