"""Hard macros (blocks): their files, where they stand, and what they keep free of cells.

A block comes with a LEF view, Liberty files and, where there is one, its GDS. Instances of it are put where the
caller says, or packed along the core's edges with most of their pins towards the middle.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from asicflow.flow.pnr.access import overlap
from asicflow.flow.pnr.netlist import Instance, Netlist, PnrError
from asicflow.flow.pnr.orientation import ORIENTATIONS, outline, size_of, to_die
from asicflow.flow.pnr.positions import pin_centre
from asicflow.flow.pnr.technology import Technology
from asicflow.pdk.block import Block
from asicflow.pdk.lef import Macro, Rect, read_lef

FRONT_ROWS, FRONT_TRACKS = 10, 2
"""Rows at least, and tracks per pin, kept free before the side of a placed block that has most pins."""


@dataclass(frozen=True)
class BlockPlace:
    """Lower left corner on the die (um) and orientation (N S W E FN FS FW FE) of a block instance."""

    x: float
    y: float
    orientation: str = "N"


def read_blocks(blocks: Sequence[Block], corners: Sequence[str]) -> dict[str, Macro]:
    """The LEF views of all blocks; PnrError when a view is missing or defined twice."""
    found: dict[str, Macro] = {}
    for block in blocks:
        for name, macro in read_lef(block.lef).items():
            if name in found:
                raise PnrError(f"block {name} is defined twice", where=str(block.lef))
            found[name] = macro
        missing = [c for c in corners if c not in block.liberty]
        if missing:
            raise PnrError(
                f"a block has no Liberty file for the corner {missing[0]}",
                where=str(block.lef),
                hint=f"give one for each of: {', '.join(corners)}",
            )
    return found


@dataclass
class BlockPlan:
    """The block instances of a design. `halo` is the distance (nm) that cells keep from every block;
    `places` holds those that the caller placed."""

    instances: list[Instance]
    macros: dict[str, Macro]
    technology: Technology
    halo: int
    places: dict[str, BlockPlace] = field(default_factory=dict)
    _fronts: list[Rect] = field(default_factory=list, repr=False)

    def macro(self, instance: Instance) -> Macro:
        """The LEF view of an instance."""
        return self.macros[instance.cell]

    def outline(self, instance: Instance) -> Rect:
        """What a placed block covers, nm."""
        return outline(instance, self.macro(instance))

    def keepout(self, instance: Instance) -> Rect:
        """A block with its halo, nm."""
        return grown(self.outline(instance), self.halo)

    @property
    def area(self) -> int:
        """Area of all blocks with their halos, nm2."""
        sides = [(self.macro(i).width + 2 * self.halo, self.macro(i).height + 2 * self.halo) for i in self.instances]
        return sum(w * h for w, h in sides)

    @property
    def least(self) -> tuple[int, int]:
        """Width and height (nm) of a core that holds every single block: the fixed ones at their places."""
        margin = self.technology.config.margin
        width = height = 0
        for instance in self.instances:
            place = self.places.get(instance.name)
            w, h = size_of(self.macro(instance), place.orientation if place else "N")
            left, bottom = (_nm(place.x) - margin[0], _nm(place.y) - margin[1]) if place else (self.halo, self.halo)
            width = max(width, left + w + self.halo)
            height = max(height, bottom + h + self.halo + (0 if place else self._depth(self.macro(instance))))
        return width, height

    def fix(self) -> None:
        """Put the blocks that the caller placed; PnrError for an unknown instance or a place off the grid."""
        known = {i.name: i for i in self.instances}
        grid = self.technology.lef.grid
        for name, place in self.places.items():
            if name not in known:
                raise PnrError(
                    f"the design has no block instance {name}",
                    where="block_places",
                    hint=f"block instances: {', '.join(known) or 'none'}",
                )
            if place.orientation not in ORIENTATIONS:
                raise PnrError(
                    f"unknown orientation {place.orientation!r} of block {name}",
                    where="block_places",
                    hint=f"use one of {', '.join(ORIENTATIONS)}",
                )
            x, y = _nm(place.x), _nm(place.y)
            if x % grid or y % grid or abs(x - 1000 * place.x) > 0.01 or abs(y - 1000 * place.y) > 0.01:
                raise PnrError(
                    f"block {name} is off the manufacturing grid of {grid / 1e3} um",
                    where=f"x {place.x} y {place.y} um",
                    hint=f"try x {round(x / grid) * grid / 1e3} y {round(y / grid) * grid / 1e3}",
                )
            known[name].x, known[name].y, known[name].orientation = x, y, place.orientation

    def arrange(self, core: Rect) -> Instance | None:
        """Place the blocks without a place of their own in `core`; the first that does not fit, or None.

        PnrError when blocks that the caller placed overlap or leave the core.
        """
        done: list[Instance] = []
        self._fronts = []
        for instance in (i for i in self.instances if i.name in self.places):
            self._check_fixed(instance, core, done)
            done.append(instance)
        todo = [i for i in self.instances if i.name not in self.places]
        for instance in sorted(todo, key=lambda i: (-self.macro(i).height, -self.macro(i).width, i.name)):
            if not self._put(instance, core, done):
                return instance
            done.append(instance)
        return None

    def _check_fixed(self, instance: Instance, core: Rect, done: Sequence[Instance]) -> None:
        rect = self.outline(instance)
        where = f"x {instance.x / 1e3:.3f} y {instance.y / 1e3:.3f} um"
        if not _inside(rect, core):
            spans = [f"{core[k] / 1e3:.3f} to {(core[k + 2] - rect[k + 2] + rect[k]) / 1e3:.3f}" for k in (0, 1)]
            raise PnrError(
                f"block {instance.name} leaves the core",
                where=where,
                hint=f"x may be {spans[0]}, y {spans[1]} um; or enlarge the die",
            )
        for other in done:
            if overlap(rect, self.outline(other)):
                raise PnrError(f"blocks {other.name} and {instance.name} overlap", where=where, hint="move one of them")

    def _put(self, instance: Instance, core: Rect, done: Sequence[Instance]) -> bool:
        """Put one block at the best free corner: near the lower or upper edge, then near a side."""
        macro, gap = self.macro(instance), 2 * self.halo
        w, h = macro.width, macro.height
        rects = [self.outline(i) for i in done]
        xs = {core[0] + self.halo, core[2] - self.halo - w}
        ys = {core[1] + self.halo, core[3] - self.halo - h}
        deep = self._depth(macro)
        for r in [*rects, *self._fronts]:
            xs |= {r[2] + gap, r[0] - gap - w, r[2] + deep + gap, r[0] - deep - gap - w}
            ys |= {r[3] + gap, r[1] - gap - h, r[3] + deep + gap, r[1] - deep - gap - h}
        grid = self.technology.lef.grid
        best: tuple[tuple[int, int, int, int], int, int, str] | None = None
        for x in (x // grid * grid for x in xs):
            for y in (y // grid * grid for y in ys):
                rect = (x, y, x + w, y + h)
                south, north, west, east = y - core[1], core[3] - y - h, x - core[0], core[2] - x - w
                if min(south, north, west, east) < self.halo - grid:
                    continue
                if any(overlap(grown(rect, gap - grid), r) for r in rects):
                    continue
                turn = _facing(_pin_side(macro), south <= north, west <= east)
                front = self._front(rect, macro, turn)
                if not _inside(front, core) or any(overlap(front, r) for r in [*rects, *self._fronts]):
                    continue
                if any(overlap(rect, other) for other in self._fronts):
                    continue
                cost = (min(south, north), min(west, east), y, x)
                if best is None or cost < best[0]:
                    best = (cost, x, y, turn)
        if best is None:
            return False
        _, instance.x, instance.y, instance.orientation = best
        self._fronts.append(self._front(self.outline(instance), macro, instance.orientation))
        return True

    def _depth(self, macro: Macro) -> int:
        """How much room the wires of a block's pins need before the side with most of them, nm."""
        pins = sum(1 for p in macro.pins.values() if not p.is_power)
        return max(FRONT_ROWS * self.technology.row_height, FRONT_TRACKS * pins * self.technology.dy)

    def _front(self, rect: Rect, macro: Macro, turn: str) -> Rect:
        """The room for wires before the side with most pins of a block."""
        deep, side = self._depth(macro), _pin_side(macro)
        opposite = {"south": "north", "north": "south", "west": "east", "east": "west"}
        x1, y1, x2, y2 = rect
        return {
            "south": (x1, y1 - deep, x2, y1),
            "north": (x1, y2, x2, y2 + deep),
            "west": (x1 - deep, y1, x1, y2),
            "east": (x2, y1, x2 + deep, y2),
        }[side if turn == "N" else opposite[side]]

    def shapes(self, instance: Instance, layer: str) -> list[tuple[str, Rect]]:
        """Metal of a placed block on a layer as (pin or "" for obstructions, rectangle on the die)."""
        macro = self.macro(instance)
        found = [("", to_die(r, instance, macro)) for r in macro.obs.get(layer, [])]
        for pin in macro.pins.values():
            found += [(pin.name, to_die(r, instance, macro)) for r in pin.shapes.get(layer, [])]
        return found


def block_plan(
    netlist: Netlist,
    blocks: dict[str, Macro],
    technology: Technology,
    halo_um: float,
    places: Mapping[str, BlockPlace],
) -> BlockPlan:
    """The block instances of a netlist, marked as such; those with a place are put there."""
    if halo_um < 1:
        raise PnrError(f"a halo of {halo_um} um leaves no room for power straps", where="halo_um", hint="at least 1 um")
    instances = [i for i in netlist.instances.values() if i.cell in blocks]
    for instance in instances:
        instance.block = instance.fixed = True
    plan = BlockPlan(instances, blocks, technology, math.ceil(halo_um * 1000 / 5) * 5, dict(places))
    plan.fix()
    return plan


def grown(rect: Rect, by: int) -> Rect:
    """A rectangle enlarged on all sides."""
    return rect[0] - by, rect[1] - by, rect[2] + by, rect[3] + by


def _inside(rect: Rect, outer: Rect) -> bool:
    return rect[0] >= outer[0] and rect[1] >= outer[1] and rect[2] <= outer[2] and rect[3] <= outer[3]


def _nm(um: float) -> int:
    return round(um * 1000)


def _pin_side(macro: Macro) -> str:
    """The side that most signal pins are nearest to."""
    votes: Counter[str] = Counter()
    for pin in macro.pins.values():
        if not pin.is_power and pin.shapes:
            x, y = pin_centre(macro, pin.name)
            near = {"south": y, "north": macro.height - y, "west": x, "east": macro.width - x}
            votes[min(near, key=lambda side: near[side])] += 1
    return max(votes, key=lambda side: votes[side]) if votes else "south"


def _facing(side: str, low: bool, left: bool) -> str:
    """N, or the mirroring that turns the pin side towards the core's middle."""
    if side in ("south", "north"):
        return "FS" if (side == "south") == low else "N"
    return "FN" if (side == "west") == left else "N"
