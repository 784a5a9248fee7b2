"""Power: vertical straps with via stacks down to every rail of their net, and the hooks to blocks."""

from __future__ import annotations

from collections.abc import Iterator

from asicflow.flow.pnr.floorplan import Floorplan
from asicflow.flow.pnr.power_grid import Strap, joined_rails
from asicflow.flow.pnr.technology import Technology
from asicflow.pdk.lef import Rect


def rails(plan: Floorplan, technology: Technology, power: bool) -> Iterator[Rect]:
    """The centre lines of the power or ground rails, one per row segment and rail (flat rectangles, nm).

    Upright rows have ground below, power above.
    """
    for row, spans in enumerate(plan.segments):
        rail = row if (row % 2 == 1) == power else row + 1
        y = plan.row_y(rail, technology.row_height)
        for left, right in spans:
            yield left, y, right, y


def straps(plan: Floorplan, technology: Technology) -> Iterator[tuple[bool, Rect]]:
    """The straps as (is power, rectangle), from left to right."""
    for strap in plan.straps:
        yield strap.power, strap_rect(strap, technology)


def supply_pins(plan: Floorplan, technology: Technology) -> Iterator[tuple[bool, Rect]]:
    """The supplies' pins on the straps' layer as (is power, rectangle): bond pads, or else all straps."""
    yield from plan.supplies or straps(plan, technology)


def strap_rect(strap: Strap, technology: Technology) -> Rect:
    """The metal of a strap, nm."""
    half = technology.config.straps.width // 2
    return strap.x - half, strap.bottom, strap.x + half, strap.top


def stack_places(strap: Strap, plan: Floorplan, technology: Technology) -> list[int]:
    """Heights (nm) at which a strap is joined to a rail of its net."""
    rails_joined = joined_rails(strap, plan.segments, plan.core[1], technology)
    return [plan.row_y(rail, technology.row_height) for rail in rails_joined]


def strap_shapes(plan: Floorplan, technology: Technology) -> Iterator[tuple[str, Rect, bool]]:
    """All metal of straps, stacks and hooks: (layer name, rectangle, is power).

    A stack's metal on the rail's own layer lies inside the rail and is included.
    """
    config = technology.config.straps
    for strap in plan.straps:
        yield config.layer, strap_rect(strap, technology), strap.power
        x = strap.x
        for y in stack_places(strap, plan, technology):
            for name, (hx, hy) in config.stack.items():
                if name != config.layer:
                    yield name, (x - hx, y - hy, x + hx, y + hy), strap.power
    yield from plan.hooks.metal


def strap_cuts(plan: Floorplan, technology: Technology) -> Iterator[tuple[str, Rect]]:
    """All cuts of stacks and hooks: (cut layer name, rectangle)."""
    config = technology.config.straps
    bottom, top = technology.layer_index(config.rail_layer), technology.layer_index(config.layer)
    for strap in plan.straps:
        x = strap.x
        for y in stack_places(strap, plan, technology):
            for index in range(bottom, top):
                half = technology.cut(index).width // 2
                for column in config.cut_columns:
                    yield technology.vias[index].cut, (x + column - half, y - half, x + column + half, y + half)
    yield from ((layer, rect) for layer, rect, _ in plan.hooks.cuts)
