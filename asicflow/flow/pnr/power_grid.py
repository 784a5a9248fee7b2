"""Row segments between blocks and the power straps that reach them all.

Rows are cut where blocks and their halos stand. Straps run over a block where its metal leaves their layer
free, and otherwise end at its halo. Channels that no strap passes get straps of their own. What is then
still cut off from the rest of its net is given up: no cell is placed in a row without power.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from asicflow.flow.pnr.blocks import BlockPlan
from asicflow.flow.pnr.technology import Technology
from asicflow.pdk.lef import Rect

Span = tuple[int, int]
"""Left and right end, nm."""

SHORTEST = 12
"""Sites that a row segment has at least beside its tap and end-cap cells."""


@dataclass(frozen=True)
class Strap:
    """A vertical piece of a power strap: is it power (or ground), centre x and both ends, nm."""

    power: bool
    x: int
    bottom: int
    top: int


@dataclass
class PowerGrid:
    """Row segments (per row, from the left) and straps in a core of `rows` rows, nm."""

    technology: Technology
    core: Rect
    rows: int
    blocks: BlockPlan | None
    fixed_width: int
    segments: list[list[Span]]
    straps: list[Strap]
    _cache: list[list[Span]] | None = field(default=None, repr=False)

    def row_y(self, row: int) -> int:
        """Lower edge of a row."""
        return self.core[1] + row * self.technology.row_height

    def rail_spans(self, rail: int) -> list[Span]:
        """Where the rail below row `rail` (above the row before) runs: the union of both rows' segments."""
        spans = [s for row in (rail - 1, rail) if 0 <= row < self.rows for s in self.segments[row]]
        joined: list[Span] = []
        for left, right in sorted(spans):
            if joined and left <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], right))
            else:
                joined.append((left, right))
        return joined

    def crossings(self, strap: Strap) -> Iterator[tuple[int, int]]:
        """Rails of the strap's net that it can be joined to: (rail, number of the rail's span)."""
        for rail in joined_rails(strap, self.segments, self.core[1], self.technology):
            yield rail, bisect_right(self._spans(rail), (strap.x, 1 << 60)) - 1

    def _spans(self, rail: int) -> list[Span]:
        if self._cache is None:
            self._cache = [self.rail_spans(r) for r in range(self.rows + 1)]
        return self._cache[rail]

    @property
    def area(self) -> int:
        """Area of all row segments, nm2."""
        return sum(b - a for row in self.segments for a, b in row) * self.technology.row_height

    def build(self) -> None:
        """Cut rows and straps around the blocks, add straps in channels, drop what is cut off."""
        if self.blocks is None or not self.blocks.instances:
            return
        keepouts = [self.blocks.keepout(i) for i in self.blocks.instances]
        self.segments = [self._cut_row(row, keepouts) for row in range(self.rows)]
        config = self.technology.config.straps
        ends = (self.core[1] - config.overhang, self.core[3] + config.overhang)
        self.straps = [p for s in self.straps for p in self._pieces(s.power, s.x, *ends)]
        self._serve_channels()
        while self._drop_islands():
            pass
        self._cache = None
        self.straps = [s for s in (self._trimmed(s) for s in self.straps) if s is not None]

    def _cut_row(self, row: int, keepouts: Sequence[Rect]) -> list[Span]:
        site, left = self.technology.site_width, self.core[0]
        y1, y2 = self.row_y(row), self.row_y(row + 1)
        spans = [(self.core[0], self.core[2])]
        for k in keepouts:
            if k[1] < y2 and k[3] > y1:
                spans = [p for a, b in spans for p in ((a, min(b, k[0])), (max(a, k[2]), b)) if p[0] < p[1]]
        least = self.fixed_width + SHORTEST * site
        spans = [(left - (left - a) // site * site, left + (b - left) // site * site) for a, b in spans]
        return sorted(s for s in spans if s[1] - s[0] >= least)

    def _pieces(self, power: bool, x: int, bottom: int, top: int) -> list[Strap]:
        """A strap from `bottom` to `top`, cut where blocks have metal on its layer; joined to a rail at least."""
        assert self.blocks is not None
        config = self.technology.config.straps
        half = config.width // 2
        space = max(s for _, s in self.technology.lef.layers[config.layer].spacing_table)
        spans = [(bottom, top)]
        for instance in self.blocks.instances:
            keepout = self.blocks.keepout(instance)
            shapes = self.blocks.shapes(instance, config.layer)
            if any(r[0] < x + half + space and x - half - space < r[2] for _, r in shapes):
                spans = [p for a, b in spans for p in ((a, min(b, keepout[1])), (max(a, keepout[3]), b)) if p[0] < p[1]]
        pieces = [Strap(power, x, a, b) for a, b in spans]
        return [p for p in pieces if next(self.crossings(p), None)]

    def _trimmed(self, strap: Strap) -> Strap | None:
        """A cut strap runs a little past its last rails, so that their cuts are covered."""
        config = self.technology.config.straps
        ends = [self.row_y(rail) for rail, _ in self.crossings(strap)]
        if not ends:
            return None
        at_core = (self.core[1] - config.overhang, self.core[3] + config.overhang)
        bottom = strap.bottom if strap.bottom == at_core[0] else min(ends) - config.overhang
        top = strap.top if strap.top == at_core[1] else max(ends) + config.overhang
        return Strap(strap.power, strap.x, bottom, top)

    def _serve_channels(self) -> None:
        """Straps of their own for runs of equal row segments that lack one of a net."""
        for power in (True, False):
            served: set[tuple[int, int]] = set()
            for strap in self.straps:
                if strap.power == power:
                    for rail, _ in self.crossings(strap):
                        served |= {(row, k) for row in (rail - 1, rail) if 0 <= row < self.rows
                                   for k, s in enumerate(self.segments[row]) if s[0] <= strap.x < s[1]}  # fmt: skip
            runs: dict[Span, list[list[int]]] = {}
            for row, spans in enumerate(self.segments):
                for k, span in enumerate(spans):
                    if (row, k) not in served:
                        found = runs.setdefault(span, [])
                        if found and found[-1][-1] == row - 1:
                            found[-1].append(row)
                        else:
                            found.append([row])
            for span, groups in runs.items():
                for rows in groups:
                    bottom = max(self.row_y(rows[0] - 3), self.core[1] - self.technology.config.straps.overhang)
                    top = min(self.row_y(rows[-1] + 4), self.core[3] + self.technology.config.straps.overhang)
                    self.straps += self._extra(power, span, bottom, top)

    def _extra(self, power: bool, span: Span, bottom: int, top: int) -> list[Strap]:
        """A strap in a channel, as near to its middle as the others allow; none when there is no room."""
        config = self.technology.config.straps
        reach = config.stack[config.rail_layer][0] + self.technology.layers[0].spacing
        x = next(self._free_places((span[0] + reach, span[1] - reach), bottom, top), None)
        return [] if x is None else self._pieces(power, x, bottom, top)

    def _free_places(self, span: Span, bottom: int, top: int) -> Iterator[int]:
        """Centres of straps between the ends of a span, from its middle outwards, clear of all straps."""
        config, step = self.technology.config.straps, self.technology.dx
        space = max(s for _, s in self.technology.lef.layers[config.layer].spacing_table)
        clear = config.width + 2 * step + 2 * space
        first = self.core[0] + config.offset
        middle = first + ((span[0] + span[1]) // 2 - first) // step * step
        for away in range((span[1] - span[0]) // 2 // step + 1):
            for x in sorted({middle + away * step, middle - away * step}):
                near = any(abs(s.x - x) < clear and s.top >= bottom and s.bottom <= top for s in self.straps)
                if span[0] <= x <= span[1] and not near:
                    yield x

    def straps_over(self, power: bool, block: Rect) -> Iterator[Strap]:
        """Further straps that could run over a whole block (with its halo) to rails below or above it."""
        overhang = self.technology.config.straps.overhang
        bottom, top = self.core[1] - overhang, self.core[3] + overhang
        for x in self._free_places((block[0], block[2]), bottom, top):
            for strap in self._pieces(power, x, bottom, top):
                if strap.bottom <= block[1] and strap.top >= block[3]:
                    yield strap

    def _drop_islands(self) -> bool:
        """Drop straps and row segments that are not joined to the largest part of their net; any dropped?"""
        self._cache = None
        nodes = [(rail, k) for rail in range(self.rows + 1) for k in range(len(self._spans(rail)))]
        parent: dict[object, object] = {}

        def root(x: object) -> object:
            while parent.setdefault(x, x) != x:
                x = parent[x]
            return x

        for strap in self.straps:
            for node in self.crossings(strap):
                parent[root(node)] = root(strap)
        for power in (True, False):
            length: dict[object, int] = {}
            for rail, k in nodes:
                if rail % 2 == power:
                    a, b = self._spans(rail)[k]
                    length[root((rail, k))] = length.get(root((rail, k)), 0) + b - a
            if length:
                parent[("main", power)] = max(length, key=lambda r: length[r])
        live = {root(("main", power)) for power in (True, False)}
        straps = [s for s in self.straps if root(s) in live]

        def powered(row: int, span: Span) -> bool:
            for rail in (row, row + 1):
                k = bisect_right(self._spans(rail), (span[0], 1 << 60)) - 1
                if root((rail, k)) not in live:
                    return False
            return True

        segments = [[s for s in spans if powered(row, s)] for row, spans in enumerate(self.segments)]
        changed = straps != self.straps or segments != self.segments
        self.straps, self.segments = straps, segments
        return changed


def joined_rails(strap: Strap, segments: Sequence[Sequence[Span]], bottom: int, technology: Technology) -> list[int]:
    """Rails of the strap's net that a via stack can join it to; rail k lies below row k, `bottom` is row 0's.

    Upright rows have ground below, power above.
    """
    config, height = technology.config.straps, technology.row_height
    reach = config.stack[config.rail_layer][0]
    left, right = strap.x - reach, strap.x + reach
    first = max(-(-(strap.bottom - bottom) // height), 0)
    last = min((strap.top - bottom) // height, len(segments))
    return [
        rail
        for rail in range(first, last + 1)
        if (rail % 2 == 1) == strap.power
        and any(a <= left and right <= b for row in segments[max(rail - 1, 0) : rail + 1] for a, b in row)
    ]
