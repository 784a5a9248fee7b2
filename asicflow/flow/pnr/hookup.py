"""Hooks: how the supply pins of blocks are joined to the power straps.

Where a strap passes over a pin of its net, a via stack joins them; where none does, a strap is added. Where
blocks let no strap pass, wires above the straps run from a strap beside the block over to pins on the straps'
layer (the PDK file's `route.straps.cross`). Everything drawn keeps its spacing from the block's other metal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from asicflow.flow.pnr.access import around, covers, distance2
from asicflow.flow.pnr.netlist import Instance, PnrError
from asicflow.flow.pnr.orientation import to_die
from asicflow.flow.pnr.technology import Technology
from asicflow.pdk.lef import Rect

if TYPE_CHECKING:
    from asicflow.flow.pnr.power_grid import PowerGrid, Strap

STACK_PITCH = 8_000
"""Distance (nm) of via stacks along a strap that runs over a long pin."""

CROSS_PITCH = 40_000
"""Distance (nm) of cross wires of one net over a block, and of their vias on a long pin."""


@dataclass
class Hooks:
    """Metal and cuts as (layer, rectangle, is power), and the number of contacts per (instance, pin)."""

    metal: list[tuple[str, Rect, bool]] = field(default_factory=list)
    cuts: list[tuple[str, Rect, bool]] = field(default_factory=list)
    contacts: dict[tuple[str, str], int] = field(default_factory=dict)


def hook_up(grid: PowerGrid, technology: Technology) -> Hooks:
    """Join every supply pin of every block; PnrError naming the pin that cannot be reached."""
    return _HookUp(grid, technology).run()


class _HookUp:
    def __init__(self, grid: PowerGrid, technology: Technology) -> None:
        assert grid.blocks is not None
        self.grid = grid
        self.blocks = grid.blocks
        self.tech = technology
        self.config = technology.config.straps
        self.hooks = Hooks()
        self.names = [layer.name for layer in technology.layers]
        self.top = technology.layer_index(self.config.layer)

    def run(self) -> Hooks:
        for instance in self.blocks.instances:
            for pin in self.blocks.macro(instance).pins.values():
                if pin.is_power:
                    self._pin(instance, pin.name, pin.use == "POWER")
        return self.hooks

    def _pin(self, instance: Instance, pin: str, power: bool) -> None:
        """Join one supply pin wherever it can be."""
        count = self._join(instance, pin, power)
        if not count:  # all straps miss the pin: try one more
            for strap in self.grid.straps_over(power, self.blocks.keepout(instance)):
                self.grid.straps.append(strap)
                if count := self._join(instance, pin, power):
                    break
                self.grid.straps.pop()
        if not count:
            shapes = self.blocks.macro(instance).pins[pin].shapes
            raise PnrError(
                f"supply pin {instance.name}.{pin} of block {instance.cell} cannot be joined to a power strap",
                where=f"x {instance.x / 1e3:.2f} y {instance.y / 1e3:.2f} um, pin on {', '.join(shapes) or 'no layer'}",
                hint="move the block so that straps of both nets pass over or beside it, or turn it",
            )
        self.hooks.contacts[instance.name, pin] = count

    def _join(self, instance: Instance, pin: str, power: bool) -> int:
        stacks = sum(1 for _ in self._stacks(instance, pin, power))
        return stacks or sum(1 for _ in self._crosses(instance, pin, power))

    def _rects(self, instance: Instance, pin: str, layer: str) -> list[Rect]:
        macro = self.blocks.macro(instance)
        return [to_die(r, instance, macro) for r in macro.pins[pin].shapes.get(layer, [])]

    def _stacks(self, instance: Instance, pin: str, power: bool) -> Iterator[None]:
        """Via stacks where straps run over the pin; each one that is drawn is yielded."""
        for level in range(self.top):
            rects = self._rects(instance, pin, self.names[level])
            hx, hy = self.config.stack.get(self.names[level], (0, 0))
            if not rects or not hx:
                continue
            others = {k: self._others(instance, pin, k) for k in range(level, self.top)}
            for strap in (s for s in self.grid.straps if s.power == power):
                used: list[int] = []
                for x1, y1, x2, y2 in sorted(rects):
                    bottom, top = max(y1, strap.bottom) + hy, min(y2, strap.top) - hy
                    if strap.x - hx < x1 or strap.x + hx > x2 or bottom > top:
                        continue
                    middle = self._on_grid((bottom + top) // 2)
                    places = (
                        [middle] if top - bottom < STACK_PITCH else range(self._on_grid(bottom + hy), top, STACK_PITCH)
                    )
                    for y in places:
                        if all(abs(y - u) >= STACK_PITCH for u in used) and self._stack(strap, y, level, others):
                            used.append(y)
                            yield

    def _on_grid(self, y: int) -> int:
        return y // self.tech.lef.grid * self.tech.lef.grid

    def _others(self, instance: Instance, pin: str, level: int) -> tuple[list[Rect], list[Rect]]:
        """Foreign metal of a block on a routing layer, and what it keeps free of cuts above that layer."""
        metal = [r for name, r in self.blocks.shapes(instance, self.names[level]) if name != pin]
        return metal, [r for _, r in self.blocks.shapes(instance, self.tech.vias[level].cut)]

    def _stack(self, strap: Strap, y: int, level: int, others: dict[int, tuple[list[Rect], list[Rect]]]) -> bool:
        """Draw a stack from a layer up to the strap unless something is in its way."""
        metal: list[tuple[str, Rect, bool]] = []
        cuts: list[tuple[str, Rect, bool]] = []
        for k in range(level, self.top):
            pad = around(strap.x, y, self.config.stack[self.names[k]])
            space = self.tech.layers[k].spacing
            if k > level and not _clear(pad, others[k][0], space):
                return False
            if k > level:
                metal.append((self.names[k], pad, strap.power))
            half = self.tech.cut(k).width // 2
            for column in self.config.cut_columns:
                cut = around(strap.x + column, y, (half, half))
                if not _clear(cut, others[k][1], self.tech.cut(k).spacing):
                    return False
                cuts.append((self.tech.vias[k].cut, cut, strap.power))
        self.hooks.metal += metal
        self.hooks.cuts += cuts
        return True

    def _crosses(self, instance: Instance, pin: str, power: bool) -> Iterator[None]:
        """Wires above the straps from the nearest strap beside the block to pins on the straps' layer."""
        cross = self.config.cross
        if cross is None:
            return
        rects = self._rects(instance, pin, self.config.layer)
        metal = [r for name, r in self.blocks.shapes(instance, cross.layer)]
        cuts = [r for _, r in self.blocks.shapes(instance, cross.cut)]
        used: list[int] = []
        for y in self._heights(rects):
            if any(abs(y - u) < CROSS_PITCH for u in used):
                continue
            wire = self._cross(y, rects, power)
            if wire is None:
                continue
            xs, straps = wire
            body = (min(*xs, *straps) - cross.upper[0], y - cross.width // 2,
                    max(*xs, *straps) + cross.upper[0], y + cross.width // 2)  # fmt: skip
            rules = self.tech.lef.layers
            half = rules[cross.cut].width // 2
            mine = [around(x, y, (half, half)) for x in (*xs, *straps)]
            drawn = [r for layer, r, _ in self.hooks.metal if layer == cross.layer]
            if not _clear(body, metal + drawn, rules[cross.layer].spacing):
                continue
            if not all(_clear(c, cuts, rules[cross.cut].spacing) for c in mine):
                continue
            pads = [around(x, y, cross.lower) for x in straps]
            if not all(_clear(p, self._foreign(power), rules[self.config.layer].spacing) for p in pads):
                continue
            used.append(y)
            self.hooks.metal.append((cross.layer, body, power))
            self.hooks.metal += [(self.config.layer, pad, power) for pad in pads]
            self.hooks.cuts += [(cross.cut, c, power) for c in mine]
            yield from (None for _ in xs)

    def _heights(self, rects: Sequence[Rect]) -> list[int]:
        """Heights to try for cross wires: all along the pins."""
        assert self.config.cross is not None
        hy = self.config.cross.lower[1]
        step = 4 * self.config.cross.width
        return sorted(
            {self._on_grid(y) for r in rects for y in [*range(r[1] + hy, r[3] - hy + 1, step), (r[1] + r[3]) // 2]}
        )

    def _cross(self, y: int, rects: Sequence[Rect], power: bool) -> tuple[list[int], list[int]] | None:
        """Places of the vias on the pin's shapes and on the nearest straps to both sides at height `y`."""
        assert self.config.cross is not None
        hx, hy = self.config.cross.lower
        xs = []
        for x1, y1, x2, y2 in rects:
            long = x2 - x1 > CROSS_PITCH
            for x in range(x1 + 2 * hx, x2 - 2 * hx, CROSS_PITCH) if long else [(x1 + x2) // 2]:
                x = self._on_grid(x)
                if y1 <= y <= y2 and covers(rects, around(x, y, (hx, hy))):
                    xs.append(x)
        if not xs:
            return None
        live = [s.x for s in self.grid.straps if s.power == power and s.bottom + hy <= y <= s.top - hy]
        left = [x for x in live if x < min(xs)]
        right = [x for x in live if x > max(xs)]
        ends = [max(left)] if left else []
        ends += [min(right)] if right else []
        return (self._apart(xs), ends) if ends else None

    def _apart(self, xs: Sequence[int]) -> list[int]:
        """Places that leave room between the cuts of cross wires."""
        assert self.config.cross is not None
        cut = self.tech.lef.layers[self.config.cross.cut]
        kept: list[int] = []
        for x in sorted(xs):
            if not kept or x - kept[-1] >= cut.width + cut.spacing:
                kept.append(x)
        return kept

    def _foreign(self, power: bool) -> list[Rect]:
        """Straps of the other net, and the blocks' metal on their layer."""
        half = self.config.width // 2
        rects = [(s.x - half, s.bottom, s.x + half, s.top) for s in self.grid.straps if s.power != power]
        for instance in self.blocks.instances:
            rects += [r for _, r in self.blocks.shapes(instance, self.config.layer)]
        return rects


def _clear(rect: Rect, others: Sequence[Rect], space: int) -> bool:
    """Does a rectangle keep its spacing from all others?"""
    return all(distance2(rect, other) >= space * space for other in others)
