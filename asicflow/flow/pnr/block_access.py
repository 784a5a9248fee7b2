"""Access to the pins of blocks: nodes from which a pin can be reached, and the metal that leads there.

Blocks stand off the routing grid, so their access is found on the die. A node inside a pin reaches it as it is;
a free node near it reaches it over a straight or bent wire on the pin's own layer. That metal keeps its
spacing from everything that stands still: other pins, obstructions, straps. What other nets may not do beside
it becomes claims, as with cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import klayout.db as kdb
import numpy as np
from numpy.typing import NDArray

from asicflow.flow.pnr.access import NO_METAL, NO_PAD, Candidate, around, covers, distance2, union
from asicflow.flow.pnr.netlist import Instance, PnrError
from asicflow.flow.pnr.orientation import to_die
from asicflow.flow.pnr.technology import Half, LayerModel, Technology
from asicflow.pdk.lef import Macro, Rect

REACH = (7, 4)
"""How many nodes along a layer's direction, and across it, an access may lie away from its pin."""

WAYS = 12
"""Ways kept per pin."""

ENOUGH = 4
"""Ways with the next layer free above their node that make the others needless."""


@dataclass
class StillMetal:
    """Metal of one routing layer that does not move: rectangles (n, 4) and the owner's number of each."""

    rects: NDArray[np.int64]
    owners: NDArray[np.int64]

    def clear_of(self, rect: Rect, space: int, owner: int) -> bool:
        """Does a rectangle keep its spacing from all metal but the owner's?"""
        x1, y1, x2, y2 = self.rects.T
        dx = np.maximum(np.maximum(x1 - rect[2], rect[0] - x2), 0)
        dy = np.maximum(np.maximum(y1 - rect[3], rect[1] - y2), 0)
        near: NDArray[np.bool_] = (dx * dx + dy * dy < space * space) & (self.owners != owner)
        return not near.any()


@dataclass
class BlockPin:
    """The ways to reach one pin of a placed block: all on routing layer `layer`, in die coordinates; the
    columns and lines of the candidates, their claims and rivals count on the die too."""

    instance: Instance
    pin: str
    ways: list[tuple[int, Candidate]]


class BlockAccess:
    """Finds access on one die.

    `free` is the router's access array (layer, line, column; 0 where metal may be); `still` the unmoving metal
    per layer with the numbers that `owner` gives to pins.
    """

    def __init__(
        self, technology: Technology, free: NDArray[np.bool_], no_pad: NDArray[np.uint8], still: list[StillMetal]
    ) -> None:
        self.tech = technology
        self.free = free
        self.no_pad = no_pad
        self.still = still

    def find(self, instance: Instance, macro: Macro, pin: str, owner: int) -> BlockPin:
        """The ways to one pin, the shortest first; PnrError when there is none."""
        ways: list[tuple[int, Candidate]] = []
        for layer in self.tech.layers:
            rects = [to_die(r, instance, macro) for r in macro.pins[pin].shapes.get(layer.name, [])]
            if rects:
                ways += [(layer.index, c) for c in self._on_layer(layer, rects, owner)]
        if not ways:
            layers = ", ".join(macro.pins[pin].shapes) or "no layer"
            raise PnrError(
                f"pin {instance.name}.{pin} of block {instance.cell} has no legal access (its metal is on {layers})",
                where=f"block at x {instance.x / 1e3:.2f} y {instance.y / 1e3:.2f} um, {instance.orientation}",
                hint="turn the block, or move it away from what stands before this pin",
            )
        upward = [w for w in ways if self._leads_up(*w)]
        if len(upward) >= ENOUGH:  # a node that can only be left along the edge tempts a net to block all other pins
            ways = upward
        ways.sort(key=lambda w: (not self._leads_up(*w), w[1].cost))
        return BlockPin(instance, pin, ways[:WAYS])

    def _leads_up(self, layer: int, way: Candidate) -> bool:
        """Is the next layer free at the way's node?"""
        return layer + 1 < len(self.free) and bool(self.free[layer + 1, way.line, way.column])

    def _on_layer(self, layer: LayerModel, rects: Sequence[Rect], owner: int) -> Iterator[Candidate]:
        found: list[Candidate] = list(self._inside(layer, rects, owner))
        if layer.wires:
            wired = sorted(
                self._wired(layer, rects, owner),
                key=lambda c: (not self._leads_up(layer.index, c), c.cost, c.line, c.column),
            )
            own = kdb.Region([kdb.Box(*r) for r in rects])
            for candidate in wired:
                if len(found) >= WAYS:
                    break
                if self._is_legal_metal(layer, candidate, own):
                    found.append(candidate)
        for candidate in found:
            if not candidate.own_metal:
                candidate.claims = self._claims(layer, candidate)
        return iter(found)

    def _pad(self, layer: LayerModel) -> Half:
        """The largest metal that the router may put at a node."""
        halves = [*layer.pads, (layer.width // 2, layer.width // 2), *([layer.single] if layer.single else [])]
        return max(h[0] for h in halves), max(h[1] for h in halves)

    def _inside(self, layer: LayerModel, rects: Sequence[Rect], owner: int) -> Iterator[Candidate]:
        """Nodes whose pad lies inside the pin."""
        half = self._pad(layer)
        for i, j in self._nodes(rects, 0, 0):
            x, y = self._place(i, j)
            pad = around(x, y, half)
            if self._on_track(layer, i, j) and covers(rects, pad) and self._clear(layer, pad, owner):
                yield Candidate(i, j, 0, [pad], own_metal=True)

    def _wired(self, layer: LayerModel, rects: Sequence[Rect], owner: int) -> Iterator[Candidate]:
        """Free nodes joined to the pin by one or two straight pieces of wire."""
        half = (layer.width // 2, layer.width // 2)
        along, across = REACH
        across *= layer.every
        di, dj = (along, across) if layer.horizontal else (across, along)
        for rect in rects:
            for i, j in self._nodes([rect], di, dj):
                if not self.free[layer.index, j, i] or self.no_pad[layer.index, j, i]:
                    continue
                x, y = self._place(i, j)
                tx, ty = _into(x, rect[0], rect[2], half[0]), _into(y, rect[1], rect[3], half[1])
                ends = around(x, y, half), around(tx, ty, half)
                if tx == x or ty == y:
                    routes = [[union(*ends)]]
                else:
                    corners = around(tx, y, half), around(x, ty, half)
                    routes = [[union(ends[0], c), union(c, ends[1])] for c in corners]
                for bend, shapes in enumerate(routes):
                    cost = abs(tx - x) + abs(ty - y) + 100 * (len(shapes) - 1) + bend
                    if all(self._clear(layer, r, owner) for r in shapes):
                        yield Candidate(i, j, cost, shapes)

    def _nodes(self, rects: Sequence[Rect], di: int, dj: int) -> Iterator[tuple[int, int]]:
        """Nodes in and around rectangles, inside the die."""
        dx, dy = self.tech.dx, self.tech.dy
        _, lines, columns = self.free.shape
        for x1, y1, x2, y2 in rects:
            for j in range(max(y1 // dy - dj, 1), min(y2 // dy + dj + 1, lines - 1)):
                for i in range(max(x1 // dx - di, 1), min(x2 // dx + di + 1, columns - 1)):
                    yield i, j

    def _place(self, i: int, j: int) -> tuple[int, int]:
        return self.tech.dx // 2 + self.tech.dx * i, self.tech.dy // 2 + self.tech.dy * j

    def _on_track(self, layer: LayerModel, i: int, j: int) -> bool:
        return (j if layer.horizontal else i) % layer.every == 0

    def _clear(self, layer: LayerModel, rect: Rect, owner: int) -> bool:
        return self.still[layer.index].clear_of(rect, layer.spacing, owner)

    def _is_legal_metal(self, layer: LayerModel, candidate: Candidate, own: kdb.Region) -> bool:
        """Do pin, wire and the pads that the node may get form metal without necks and notches?"""
        x, y = self._place(candidate.column, candidate.line)
        wire = kdb.Region([kdb.Box(*r) for r in candidate.shapes])
        for pad in (*layer.pads, (layer.width // 2, layer.width // 2)):
            metal = own + wire
            metal.insert(kdb.Box(*around(x, y, pad)))
            metal.merge()
            if (
                metal.width_check(self.tech.lef.layers[layer.name].min_width).count()
                or metal.space_check(layer.spacing).count()
            ):
                return False
        return True

    def _claims(self, layer: LayerModel, candidate: Candidate) -> list[tuple[int, int, int]]:
        """What other nets may not do near the wire: (column, line, kind), on the die."""
        half, pad = (layer.width // 2, layer.width // 2), self._pad(layer)
        found = []
        space2 = layer.spacing**2
        di, dj = -(-(pad[0] + layer.spacing) // self.tech.dx), -(-(pad[1] + layer.spacing) // self.tech.dy)
        for i, j in sorted(set(self._nodes(candidate.shapes, di, dj))):
            if (i, j) == (candidate.column, candidate.line) or not self.free[layer.index, j, i]:
                continue
            at = self._place(i, j)
            if any(distance2(around(*at, half), r) < space2 for r in candidate.shapes):
                found.append((i, j, NO_METAL))
            elif any(distance2(around(*at, pad), r) < space2 for r in candidate.shapes):
                found.append((i, j, NO_PAD))
        return found


def _into(x: int, low: int, high: int, half: int) -> int:
    """The place nearest to x at which a wire of half width `half` lies inside a pin (or in its middle)."""
    if high - low < 2 * half:
        return (low + high) // 2
    return min(max(x, low + half), high - half)


def number_rivals(pins: Sequence[BlockPin], technology: Technology) -> int:
    """Number the ways of different pins whose wires come too near to each other; how many numbers."""
    count = 0
    boxes = [_bounds(p) for p in pins]
    for p, first in enumerate(pins):
        for q in range(p + 1, len(pins)):
            if distance2(boxes[p], boxes[q]) >= max(x.spacing for x in technology.layers) ** 2:
                continue
            for layer, way in first.ways:
                space2 = technology.layers[layer].spacing ** 2
                close = [
                    other
                    for level, other in pins[q].ways
                    if level == layer and any(distance2(a, b) < space2 for a in way.shapes for b in other.shapes)
                ]
                for rival in [way, *close] if close else []:
                    rival.rivals.append(count)
                count += bool(close)
    return count


def _bounds(pin: BlockPin) -> Rect:
    box = pin.ways[0][1].shapes[0]
    for _, way in pin.ways:
        for rect in way.shapes:
            box = union(box, rect)
    return box
