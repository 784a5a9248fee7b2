"""Placement with coloquinte: global placement, and legalisation after the netlist was edited.

Coloquinte counts in sites; a row is given a whole number of them as its height and y is mapped back. What
routing needs is room around pins, not around area: cells are widened in proportion to their pins until the
core is almost full, placed, and given their real widths again. Cells where wires crowd are widened more, in
`CONGESTION_ROUNDS` rounds. Blocks take part as fixed cells outside the rows, which they cut into segments.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import sys
from collections.abc import Collection, Iterator, Sequence

import coloquinte

from asicflow.flow.pnr.congestion import widening
from asicflow.flow.pnr.floorplan import Floorplan
from asicflow.flow.pnr.netlist import Instance, Net, Netlist, PnrError
from asicflow.flow.pnr.orientation import point_to_die, size_of
from asicflow.flow.pnr.positions import half_perimeter, pin_centre
from asicflow.flow.pnr.power_grid import Span
from asicflow.flow.pnr.row_fit import Wish, fit_row
from asicflow.flow.pnr.technology import Technology
from asicflow.pdk.lef import Macro

log = logging.getLogger(__name__)

Snapshot = list[tuple[int, int, int, str, str]]
"""x, y, row, orientation and cell of every instance, in the netlist's order."""

CONGESTION_ROUNDS = 3

UNCROWDED = 1.01
"""Mean widening below which another round is not worth its time."""

LEGAL_SHARE = 0.8
"""How far legalisation widens the cells, over placement: rows full to the brim leave no free site near, and
cells that only grew a little would be moved far."""

FIXED_WEIGHT = 50.0
"""How much more a tap cell minds being moved than any other cell; it may give way by a few sites."""


class Placer:
    """Places one netlist on one floorplan.

    `density` is the share of the core that the widened cells fill; `seed` makes runs repeatable.
    """

    def __init__(
        self,
        netlist: Netlist,
        plan: Floorplan,
        macros: dict[str, Macro],
        technology: Technology,
        density: float,
        seed: int,
    ) -> None:
        self.netlist = netlist
        self.plan = plan
        self.macros = macros
        self.technology = technology
        self.density = density
        self.parameters = coloquinte.ColoquinteParameters(effort=3, seed=seed)
        self.widening: dict[Instance, float] = {}
        self.weights: dict[Net, float] = {}
        site = technology.site_width
        cells = [i for i in netlist.instances.values() if not i.block]
        self.home = {i: (i.x - plan.core[0]) // site for i in cells if i.fixed}
        self.row_units = max(round(technology.row_height / technology.site_width), 1)

    def place(self, skip: Sequence[Net] = ()) -> float:
        """Place all movable cells from nothing; nets in `skip` do not pull. Half-perimeter length in um."""
        self.widening = {}
        length = self._run(set(skip), fresh=True)
        for _ in range(CONGESTION_ROUNDS):
            more = widening(self.netlist, self.macros, self.plan, self.technology)
            if sum(more.values()) <= UNCROWDED * len(more):
                break
            self.widening = {i: f * self.widening.get(i, 1.0) for i, f in more.items()}
            length = self._run(set(skip), fresh=True)
        return length

    def place_again(self, weights: dict[Net, float]) -> float:
        """Place all movable cells anew, with the room that `place` gave them; nets pull by their weight (1
        unless given). Half-perimeter length in um."""
        self.weights = weights
        length = self._run(set(), fresh=True)
        self.weights = {}
        return length

    def legalise(self) -> float:
        """Move cells as little as needed onto free sites, then refine. Half-perimeter length in um."""
        return self._run(set(), fresh=False)

    def snapshot(self) -> Snapshot:
        """The places and strengths of all cells, for `restore` while the netlist has the same cells."""
        return [(i.x, i.y, i.row, i.orientation, i.cell) for i in self.netlist.instances.values()]

    def restore(self, state: Snapshot) -> None:
        """Make all cells again what they were at `snapshot`, and where."""
        for instance, place in zip(self.netlist.instances.values(), state, strict=True):
            instance.x, instance.y, instance.row, instance.orientation, instance.cell = place

    def _run(self, skip: set[Net], fresh: bool) -> float:
        """Place, spreading less where widened cells do not pack (few short rows)."""
        before = self.snapshot()
        full = self.density if fresh else LEGAL_SHARE * self.density
        for density in (full, 0.85 * full, 0.7 * full, 0.0):
            self.restore(before)
            try:
                with _silence():
                    self._attempt(skip, fresh, density)
            except RuntimeError as error:
                log.info("placement at density %.2f: %s", density, error)
                continue
            check_placement(self.netlist, self.plan, self.macros)
            return half_perimeter(self.netlist, self.macros, self.plan)
        raise PnrError(
            "the cells cannot be placed legally",
            where=f"die of {self.plan.width / 1e3:.0f} x {self.plan.height / 1e3:.0f} um",
            hint="lower the utilisation",
        )

    def _attempt(self, skip: set[Net], fresh: bool, density: float) -> None:
        """Place widened cells as if the fixed cells were not there, then fit real cells around the fixed."""
        circuit, cells = self._circuit(skip, fresh)
        ports = circuit.nb_cells - len(cells)
        circuit.cell_is_obstruction = [not i.fixed for i in cells] + [False] * ports
        self._widen(circuit, cells, density)
        if fresh:
            circuit.place_global(self.parameters)
        circuit.legalize(self.parameters)
        circuit.place_detailed(self.parameters)
        self._store(circuit, cells)

    def _widen(self, circuit: coloquinte.Circuit, cells: list[Instance], density: float) -> None:
        """Share the core's free space, up to `density`, among the movable cells by their pins."""
        site = self.technology.site_width
        widths = [self._size(c)[0] for c in cells]
        taken = sum(w for w, c in zip(widths, cells, strict=True) if not c.block)
        room = density * (self.plan.row_length // site) - taken
        weights = [0.0 if c.fixed else len(c.pins) * self.widening.get(c, 1.0) for c in cells]
        total = sum(weights)
        if room <= 0 or total <= 0:
            return
        owed = 0.0
        for k, weight in enumerate(weights):
            owed += room * weight / total
            extra = int(owed) if weight else 0
            owed -= extra
            widths[k] += extra
        circuit.cell_width = widths + [1] * (circuit.nb_cells - len(cells))

    def _store(self, circuit: coloquinte.Circuit, cells: list[Instance]) -> None:
        """Take rows and places over: each cell in the middle of its widened place, moved off the fixed."""
        site, left = self.technology.site_width, self.plan.core[0]
        xs, ys, slots = circuit.cell_x, circuit.cell_y, circuit.cell_width
        members: dict[tuple[int, Span], list[tuple[float, Instance]]] = {}
        for k, instance in enumerate(cells):
            if instance.block:
                continue
            width = self.macros[instance.cell].width // site
            if instance.fixed:
                row, middle = instance.row, self.home[instance] + width / 2
            else:
                row, middle = ys[k] // self.row_units, xs[k] + slots[k] / 2
            segment = self.plan.segment_at(row, left + int(middle * site))
            if segment is None:
                raise RuntimeError(f"row {row}: {instance.name} stands beside the row's segments")
            members.setdefault((row, segment), []).append((middle, instance))
        for (row, segment), entries in members.items():
            entries.sort(key=lambda m: (m[0], m[1].name))
            self._fit(row, entries, segment)

    def _fit(self, row: int, members: list[tuple[float, Instance]], segment: Span) -> None:
        """Put the cells of a row segment side by side; fixed cells at its ends do not move at all."""
        left, site = self.plan.core[0], self.technology.site_width
        start, end = (segment[0] - left) // site, (segment[1] - left) // site
        widths = {m: self.macros[m.cell].width // site for _, m in members}
        first = start
        for _, m in list(members):
            if m.fixed and self.home[m] == first:
                start = first + widths[m]
            elif m.fixed and self.home[m] + widths[m] == end:
                end -= widths[m]
            else:
                continue
            m.x = left + self.home[m] * site
            members = [x for x in members if x[1] is not m]
        wishes = [Wish(middle - widths[m] / 2, widths[m], FIXED_WEIGHT if m.fixed else 1.0) for middle, m in members]
        try:
            places = fit_row(wishes, start, end)
        except ValueError as error:
            raise RuntimeError(f"row {row}: {error}") from None
        for (_, instance), place in zip(members, places, strict=True):
            instance.x = left + place * site
            instance.row = row
            instance.y = self.plan.row_y(row, self.technology.row_height)
            instance.flipped = row % 2 == 1

    def _circuit(self, skip: set[Net], fresh: bool) -> tuple[coloquinte.Circuit, list[Instance]]:
        """The design in coloquinte's terms: instances first, then one pseudo cell per port."""
        cells = list(self.netlist.instances.values())
        ports = [p for p in self.netlist.ports.values() if p.name in self.plan.pins]
        circuit = coloquinte.Circuit(len(cells) + len(ports))
        site, units, left = self.technology.site_width, self.row_units, self.plan.core[0]
        columns = (self.plan.core[2] - left) // site
        fixed = [c.fixed for c in cells] + [True] * len(ports)
        sizes = [self._size(c) for c in cells]
        circuit.cell_width = [w for w, _ in sizes] + [1] * len(ports)
        circuit.cell_height = [h for _, h in sizes] + [units] * len(ports)
        xs, ys = self._positions(cells, fresh, columns)
        for port in ports:
            x1, y1, x2, y2 = self.plan.pins[port.name].rect
            xs.append(((x1 + x2) // 2 - left) // site)
            ys.append(self._to_units((y1 + y2) // 2))
        circuit.cell_x, circuit.cell_y = xs, ys
        circuit.cell_is_fixed = fixed
        circuit.cell_is_obstruction = [not c.block for c in cells] + [False] * len(ports)
        circuit.cell_orientation = [
            coloquinte.CellOrientation.FS if c.flipped and not c.block else coloquinte.CellOrientation.N for c in cells
        ] + [coloquinte.CellOrientation.N] * len(ports)
        north, south = coloquinte.CellOrientation.N, coloquinte.CellOrientation.FS
        circuit.rows = [
            coloquinte.Row(
                coloquinte.Rectangle((a - left) // site, (b - left) // site, r * units, (r + 1) * units),
                south if r % 2 else north,
            )
            for r, spans in enumerate(self.plan.segments)
            for a, b in spans
        ]
        circuit.cell_row_polarity = [coloquinte.CellRowPolarity.SAME] * (len(cells) + len(ports))
        self._add_nets(circuit, cells, {p.name: len(cells) + k for k, p in enumerate(ports)}, skip)
        return circuit, cells

    def _positions(self, cells: list[Instance], fresh: bool, columns: int) -> tuple[list[int], list[int]]:
        site, units = self.technology.site_width, self.row_units
        xs, ys = [], []
        for c in cells:
            if fresh and not c.fixed:
                xs.append(columns // 2)
                ys.append(self.plan.rows * units // 2)
            else:
                xs.append((c.x - self.plan.core[0]) // site)
                ys.append(self._to_units(c.y))
        return xs, ys

    def _size(self, cell: Instance) -> tuple[int, int]:
        """Width and height of a cell in coloquinte's units."""
        width, height = size_of(self.macros[cell.cell], cell.orientation)
        site = self.technology.site_width
        if not cell.block:
            return width // site, self.row_units
        return -(-width // site), max(round(height * self.row_units / self.technology.row_height), 1)

    def _to_units(self, y: int) -> int:
        return round((y - self.plan.core[1]) * self.row_units / self.technology.row_height)

    def _add_nets(
        self, circuit: coloquinte.Circuit, cells: list[Instance], port_index: dict[str, int], skip: set[Net]
    ) -> None:
        site, units, height = self.technology.site_width, self.row_units, self.technology.row_height
        index = {c.name: k for k, c in enumerate(cells)}
        for net in self.netlist.nets.values():
            ports = [p for p in net.ports if p.name in port_index]
            if net in skip or len(net.pins) + len(ports) < 2:
                continue
            members, dx, dy = [], [], []
            for instance, pin in net.pins:
                macro = self.macros[instance.cell]
                x, y = pin_centre(macro, pin)
                if instance.block:
                    x, y = point_to_die(x, y, instance, macro)
                    x, y = x - instance.x, y - instance.y
                members.append(index[instance.name])
                dx.append(x // site)
                dy.append(round(y * units / height))
            for port in ports:
                members.append(port_index[port.name])
                dx.append(0)
                dy.append(0)
            circuit.add_net(members, dx, dy, self.weights.get(net, 1.0))


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the library's progress lines, which it writes to file descriptor 1, off the terminal."""
    sys.stdout.flush()
    saved = os.dup(1)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 1)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(sink)


def check_placement(netlist: Netlist, plan: Floorplan, macros: dict[str, Macro]) -> None:
    """PnrError when cells overlap or leave their row."""
    rows: dict[int, list[tuple[int, int, str]]] = {}
    for instance in (i for i in netlist.instances.values() if not i.block):
        right = instance.x + macros[instance.cell].width
        rows.setdefault(instance.row, []).append((instance.x, right, instance.name))
        inside = 0 <= instance.row < plan.rows and plan.segment_at(instance.row, instance.x)
        if not inside or right > inside[1]:
            raise PnrError(f"cell {instance.name} lies outside the rows", where=f"row {instance.row}")
    for row, spans in rows.items():
        spans.sort()
        for (_, right, a), (left, _, b) in itertools.pairwise(spans):
            if left < right:
                raise PnrError(f"cells {a} and {b} overlap", where=f"row {row}, x {left / 1e3:.2f} um")


def add_fillers(netlist: Netlist, plan: Floorplan, macros: dict[str, Macro], technology: Technology,
                fillers: Sequence[str]) -> int:  # fmt: skip
    """Fill the gaps of all rows, the widest cell that fits first, of equal ones the first of `fillers`; the
    number added. Gaps that no filler fits raise PnrError, so wells and rails are continuous."""
    by_width = sorted(((macros[f].width, f) for f in fillers), key=lambda pair: -pair[0])
    added = 0
    for row, gaps in row_gaps(netlist, plan, macros).items():
        for x, right in gaps:
            while x < right:
                fits = next(((w, f) for w, f in by_width if w <= right - x), None)
                if fits is None:
                    raise PnrError(f"no filler fits a gap of {right - x} nm", where=f"row {row}, x {x} nm")
                filler = netlist.add_instance("fill", fits[1])
                filler.x, filler.row, filler.y = x, row, plan.row_y(row, technology.row_height)
                filler.flipped, filler.fixed = row % 2 == 1, True
                x += fits[0]
                added += 1
    return added


def row_gaps(
    netlist: Netlist, plan: Floorplan, macros: dict[str, Macro], fillers: Collection[Instance] = ()
) -> dict[int, list[Span]]:
    """Free spans of every row's segments, from left to right, nm; `fillers` count as free."""
    taken: dict[int, list[Span]] = {row: [] for row in range(plan.rows)}
    yielding = set(fillers)
    for instance in (i for i in netlist.instances.values() if not i.block and i not in yielding):
        taken[instance.row].append((instance.x, instance.x + macros[instance.cell].width))
    gaps: dict[int, list[Span]] = {}
    for row, spans in taken.items():
        gaps[row] = []
        spans.sort()
        for start, end in plan.segments[row]:
            x = start
            for left, right in [*(s for s in spans if start <= s[0] < end), (end, end)]:
                if left > x:
                    gaps[row].append((x, left))
                x = max(x, right)
    return gaps
