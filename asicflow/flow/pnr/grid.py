"""The routing grid of a placed design: nodes, what blocks them, and the nets' terminals on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asicflow.flow.pnr.access import EXCLUSIVE, Candidate, CellAccess
from asicflow.flow.pnr.block_access import BlockAccess, BlockPin, StillMetal, number_rivals
from asicflow.flow.pnr.floorplan import Floorplan
from asicflow.flow.pnr.kernel import BLOCKED, OWNED, Grid, Terminals
from asicflow.flow.pnr.netlist import Instance, Net, Netlist, PnrError, Port, idle_ports
from asicflow.flow.pnr.orientation import to_die
from asicflow.flow.pnr.power import strap_shapes
from asicflow.flow.pnr.technology import LayerModel, Technology
from asicflow.pdk.lef import Macro, Rect

Pin = tuple[Instance, str] | Port
"""A terminal: an instance's pin or a top-level port."""


@dataclass
class Problem:
    """All that the router needs: the grid, the terminals, and what their numbers mean.

    `nets[k]` is net number k; `pins[p]` terminal p of all nets in order; `candidates[a]` the access that
    candidate a stands for (None for ports). Beyond the nodes there are `rivals` numbers that only one net
    at a time may hold.
    """

    grid: Grid
    terminals: Terminals
    nets: list[Net]
    pins: list[Pin]
    candidates: list[Candidate | None]
    rivals: int


def build_problem(
    netlist: Netlist,
    plan: Floorplan,
    macros: dict[str, Macro],
    technology: Technology,
    tables: dict[str, CellAccess],
) -> Problem:
    """The routing problem of a placed netlist; PnrError when a pin has no legal access.

    `tables` holds the access of all cells but blocks.
    """
    builder = _Builder(plan, technology, macros)
    builder.block_edges()
    for name, table in tables.items():
        builder.block_cell(table, [i for i in netlist.instances.values() if i.cell == name], macros[name])
    routing = {layer.name: layer.index for layer in technology.layers}
    special = [(routing[name], rect) for name, rect, _ in strap_shapes(plan, technology) if name in routing]
    for layer, rect in special:
        builder.block_rect(layer, rect)
    blocks = [i for i in netlist.instances.values() if i.block]
    builder.block_blocks(blocks)
    nets = [n for n in netlist.nets.values() if len(n.pins) + len(n.ports) > 1]
    builder.block_idle_ports(netlist)
    builder.own_ports(nets)
    builder.reach_blocks(blocks, special)
    terminals, pins, candidates = builder.terminals(nets, tables)
    return Problem(builder.grid(), terminals, nets, pins, candidates, builder.rivals)


class _Builder:
    """Fills the grid's arrays, indexed (layer, line, column)."""

    def __init__(self, plan: Floorplan, technology: Technology, macros: dict[str, Macro]) -> None:
        self.plan = plan
        self.tech = technology
        self.macros = macros
        shape = (len(technology.layers), plan.lines, plan.columns)
        self.access: NDArray[np.uint8] = np.zeros(shape, np.uint8)
        self.no_pad: NDArray[np.uint8] = np.zeros(shape, np.uint8)
        self.no_step: NDArray[np.uint8] = np.zeros(shape, np.uint8)
        self.owner: NDArray[np.int32] = np.zeros(shape, np.int32)  # of nodes that are OWNED
        dx, dy = technology.dx, technology.dy
        self.xs = (dx // 2 + dx * np.arange(plan.columns)).astype(np.int32)
        self.ys = (dy // 2 + dy * np.arange(plan.lines)).astype(np.int32)
        self.via_ok = self._via_places()
        self.rivals = 0
        self.rival_base: dict[Instance, int] = {}
        self.block_pins: dict[tuple[Instance, str], BlockPin] = {}
        self.block_rivals = 0

    def block_edges(self) -> None:
        """The outermost ring of nodes, and the lines that a layer does not use."""
        for a in (self.access[:, 0], self.access[:, -1], self.access[:, :, 0], self.access[:, :, -1]):
            a[:] = BLOCKED
        for layer in self.tech.layers:
            for phase in range(1, layer.every):
                if layer.horizontal:
                    self.access[layer.index, phase :: layer.every, :] = BLOCKED
                else:
                    self.access[layer.index, :, phase :: layer.every] = BLOCKED

    def cell_node(self, instance: Instance) -> tuple[int, int]:
        """Grid node (column, line) of an instance's lower left node."""
        return instance.x // self.tech.dx, instance.y // self.tech.dy

    def block_cell(self, table: CellAccess, instances: list[Instance], macro: Macro) -> None:
        """Block what the metal of all instances of one cell blocks."""
        lines = macro.height // self.tech.dy
        for flipped in (False, True):
            corners = [self.cell_node(i) for i in instances if i.flipped == flipped]
            if not corners:
                continue
            columns, rows = np.array(corners).T
            for nodes, array, value in (
                (table.blocked, self.access[0], BLOCKED),
                (table.no_pad, self.no_pad[0], 1),
                (table.no_step, self.no_step[0], 1),
            ):
                for column, line in nodes:
                    array[rows + (lines - 1 - line if flipped else line), columns + column] = value

    def block_rect(self, layer_index: int, rect: Rect, owner: int = -1) -> None:
        """Block the nodes of a layer whose metal would come too near to a rectangle (or own them)."""
        layer = self.tech.layers[layer_index]
        rules = self.tech.lef.layers[layer.name]
        space = rules.spacing_for(min(rect[2] - rect[0], rect[3] - rect[1]))
        halves = [*layer.pads, (layer.width // 2, layer.width // 2)]
        if layer.single:
            halves.append(layer.single)
        hx, hy = max(h[0] for h in halves), max(h[1] for h in halves)
        i1, i2 = np.searchsorted(self.xs, [rect[0] - hx - space, rect[2] + hx + space])
        j1, j2 = np.searchsorted(self.ys, [rect[1] - hy - space, rect[3] + hy + space])
        gap_x = np.maximum(np.maximum(rect[0] - self.xs[i1:i2] - hx, self.xs[i1:i2] - hx - rect[2]), 0)
        gap_y = np.maximum(np.maximum(rect[1] - self.ys[j1:j2] - hy, self.ys[j1:j2] - hy - rect[3]), 0)
        near = gap_y[:, None].astype(np.int64) ** 2 + gap_x[None, :].astype(np.int64) ** 2 < space**2
        access = self.access[layer_index, j1:j2, i1:i2]
        owners = self.owner[layer_index, j1:j2, i1:i2]
        if owner < 0:
            access[near] = BLOCKED
            return
        foreign = near & (access == OWNED) & (owners != owner)
        mine = near & (access != BLOCKED) & ~foreign
        access[foreign] = BLOCKED
        access[mine] = OWNED
        owners[mine] = owner

    def block_blocks(self, blocks: Sequence[Instance]) -> None:
        """Block all nodes near the obstructions and pins of blocks, and vias near obstructions on cut layers."""
        for instance in blocks:
            macro = self.macros[instance.cell]
            shapes = [macro.obs, *(p.shapes for p in macro.pins.values())]
            for layer in self.tech.layers:
                for rect in (r for s in shapes for r in s.get(layer.name, [])):
                    self.block_rect(layer.index, to_die(rect, instance, macro))
            for index, via in enumerate(self.tech.vias):
                cut = self.tech.cut(index)
                reach = cut.width // 2 + cut.spacing
                for rect in (r for s in shapes for r in s.get(via.cut, [])):
                    x1, y1, x2, y2 = to_die(rect, instance, macro)
                    i1, i2 = np.searchsorted(self.xs, [x1 - reach + 1, x2 + reach])
                    j1, j2 = np.searchsorted(self.ys, [y1 - reach + 1, y2 + reach])
                    self.via_ok[index, j1:j2, i1:i2] = 0

    def reach_blocks(self, blocks: Sequence[Instance], special: Sequence[tuple[int, Rect]]) -> None:
        """Find the access of all connected block pins; `special` is the metal of straps and hooks."""
        if not blocks:
            return
        owners = {(i, p): k for k, (i, p) in enumerate((i, p) for i in blocks for p in self.macros[i.cell].pins)}
        metal: list[list[tuple[Rect, int]]] = [[] for _ in self.tech.layers]
        for level, rect in special:
            metal[level].append((rect, -1))
        for instance in blocks:
            macro = self.macros[instance.cell]
            for layer in self.tech.layers:
                rects = [(r, -1) for r in macro.obs.get(layer.name, [])]
                rects += [
                    (r, owners[instance, p.name]) for p in macro.pins.values() for r in p.shapes.get(layer.name, [])
                ]
                metal[layer.index] += [(to_die(r, instance, macro), owner) for r, owner in rects]
        still = [
            StillMetal(np.array([r for r, _ in m], np.int64).reshape(-1, 4), np.array([o for _, o in m], np.int64))
            for m in metal
        ]
        finder = BlockAccess(self.tech, self.access == 0, self.no_pad, still)
        for instance in blocks:
            for pin in instance.pins:
                found = finder.find(instance, self.macros[instance.cell], pin, owners[instance, pin])
                self.block_pins[instance, pin] = found
        self.block_rivals = number_rivals(list(self.block_pins.values()), self.tech)
        self.rivals = self.block_rivals

    def block_idle_ports(self, netlist: Netlist) -> None:
        """Block the surroundings of ports that nothing inside is connected to: their shapes are drawn, too."""
        for net in netlist.nets.values():
            for port in idle_ports(net):
                if place := self.plan.pins.get(port.name):
                    self.block_rect(place.layer, place.rect)

    def own_ports(self, nets: list[Net]) -> None:
        """Keep the surroundings of every port's shape for its net."""
        for number, net in enumerate(nets):
            for port in net.ports:
                place = self.plan.pins[port.name]
                self.block_rect(place.layer, place.rect, number)
        for number, net in enumerate(nets):
            for port in net.ports:
                place = self.plan.pins[port.name]
                self.access[place.layer, place.line, place.column] = OWNED
                self.owner[place.layer, place.line, place.column] = number

    def terminals(
        self, nets: list[Net], tables: dict[str, CellAccess]
    ) -> tuple[Terminals, list[Pin], list[Candidate | None]]:
        """Candidates and claims of all pins; blocked nodes at a pin's own metal become its net's."""
        out = _TerminalLists()
        plane, columns = self.plan.lines * self.plan.columns, self.plan.columns
        for number, net in enumerate(nets):
            for instance, pin in net.pins:
                if instance.block:
                    self._block_pin(out, number, self.block_pins[instance, pin])
                else:
                    self._instance_pin(out, number, instance, pin, tables[instance.cell])
            for port in net.ports:
                place = self.plan.pins[port.name]
                out.begin(port, int(self.xs[place.column]), int(self.ys[place.line]))
                out.add(place.layer * plane + place.line * columns + place.column, 0, None, [])
            out.net_pins.append(len(out.pins))
        return out.arrays(), out.pins, out.candidates

    def _instance_pin(self, out: _TerminalLists, net: int, instance: Instance, pin: str, table: CellAccess) -> None:
        column0, line0 = self.cell_node(instance)
        last = self.tech.lines_per_row - 1
        found = table.pins.get(pin, [])
        usable = []
        for candidate in found:
            i = column0 + candidate.column
            j = line0 + (last - candidate.line if instance.flipped else candidate.line)
            if self._reachable(candidate, i, j):
                usable.append((candidate, i, j))
        if not usable:
            raise PnrError(
                f"pin {instance.name}.{pin} of cell {instance.cell} has no legal access",
                where=f"x {instance.x / 1e3:.2f} y {instance.y / 1e3:.2f} um",
                hint="a cell or strap beside it blocks every way in" if found else "the cell cannot be routed",
            )
        mean_i = sum(i for _, i, _ in usable) // len(usable)
        mean_j = sum(j for _, _, j in usable) // len(usable)
        out.begin((instance, pin), int(self.xs[mean_i]), int(self.ys[mean_j]))
        sign = -1 if instance.flipped else 1
        if instance not in self.rival_base:
            self.rival_base[instance] = self.access.size + self.rivals
            self.rivals += table.rival_count
        base = self.rival_base[instance]
        columns = self.plan.columns
        for candidate, i, j in usable:
            node = j * columns + i
            near_own_metal = self.access[0, j, i] == BLOCKED or self.no_pad[0, j, i]
            if candidate.own_metal and near_own_metal and self.tech.layers[0].wires:
                self.access[0, j, i] = OWNED
                self.owner[0, j, i] = net
                self.no_pad[0, j, i] = 0
            claims = [(node + sign * dj * columns + di, kind) for di, dj, kind in candidate.claims]
            claims += [(base + number, EXCLUSIVE) for number in candidate.rivals]
            out.add(node, candidate.cost, candidate, claims)

    def _block_pin(self, out: _TerminalLists, net: int, found: BlockPin) -> None:
        plane, columns = self.plan.lines * self.plan.columns, self.plan.columns
        _, first = found.ways[0]
        out.begin((found.instance, found.pin), int(self.xs[first.column]), int(self.ys[first.line]))
        for layer, way in found.ways:
            if way.own_metal:
                self.access[layer, way.line, way.column] = OWNED
                self.owner[layer, way.line, way.column] = net
            base = layer * plane
            claims = [(base + j * columns + i, kind) for i, j, kind in way.claims]
            claims += [(self.access.size + number, EXCLUSIVE) for number in way.rivals]
            out.add(base + way.line * columns + way.column, way.cost, way, claims)

    def _reachable(self, candidate: Candidate, i: int, j: int) -> bool:
        """Is the node free for the candidate? Nodes at the pin's own metal count as blocked by itself."""
        if candidate.own_metal:
            return True
        return not self.access[0, j, i] and not self.no_pad[0, j, i]

    def grid(self) -> Grid:
        """The arrays as the kernel takes them."""
        layers = self.tech.layers
        columns = self.plan.columns
        flags = {name: np.array([getattr(x, name) for x in layers], np.uint8) for name in _FLAGS}
        return Grid(
            columns=columns,
            lines=self.plan.lines,
            layers=len(layers),
            xs=self.xs,
            ys=self.ys,
            horizontal=flags["horizontal"],
            stride=np.array([1 if x.horizontal else columns for x in layers], np.int32),
            across=np.array([_across(x, columns) for x in layers], np.int32),
            cost=np.array([x.cost for x in layers], np.float32),
            wires=flags["wires"],
            apart=flags["apart"],
            single=flags["singles_apart"],
            via_cost=np.array([v.cost for v in self.tech.vias], np.float32),
            via_ok=self.via_ok.reshape(len(layers) - 1, -1),
            access=self.access.ravel(),
            owner=self.owner.ravel(),
            no_pad=self.no_pad.ravel(),
            no_step=self.no_step.ravel(),
        )

    def _via_places(self) -> NDArray[np.uint8]:
        ok = np.zeros((len(self.tech.vias), self.plan.lines, self.plan.columns), np.uint8)
        for k, via in enumerate(self.tech.vias):
            ok[k, :: via.every[1], :: via.every[0]] = 1
        return ok


_FLAGS = ("horizontal", "wires", "apart", "singles_apart")


def _across(layer: LayerModel, columns: int) -> int:
    """Distance in nodes to the neighbouring track where pads of two nets may not meet, else 0."""
    if not layer.pads_apart or not layer.wires:
        return 0
    return layer.every * (columns if layer.horizontal else 1)


class _TerminalLists:
    """Growing lists behind `Terminals`."""

    def __init__(self) -> None:
        self.net_pins = [0]
        self.pins: list[Pin] = []
        self.candidates: list[Candidate | None] = []
        self.first: list[int] = []
        self.x: list[int] = []
        self.y: list[int] = []
        self.node: list[int] = []
        self.cost: list[float] = []
        self.claims = [0]
        self.claim_node: list[int] = []
        self.claim_kind: list[int] = []

    def begin(self, pin: Pin, x: int, y: int) -> None:
        """Start a pin."""
        self.pins.append(pin)
        self.first.append(len(self.node))
        self.x.append(x)
        self.y.append(y)

    def add(self, node: int, cost: float, candidate: Candidate | None, claims: list[tuple[int, int]]) -> None:
        """Add a candidate to the pin that was begun last."""
        self.node.append(node)
        self.cost.append(cost)
        self.candidates.append(candidate)
        for claim_node, kind in claims:
            # kinds follow the footprint: NO_METAL, NO_PAD, EXCLUSIVE
            self.claim_node.append(claim_node)
            self.claim_kind.append(kind)
        self.claims.append(len(self.claim_node))

    def arrays(self) -> Terminals:
        """As numpy arrays."""
        return Terminals(
            net_pins=np.array(self.net_pins, np.int32),
            pin_candidates=np.array([*self.first, len(self.node)], np.int32),
            node=np.array(self.node, np.int32),
            cost=np.array(self.cost, np.float32),
            claims=np.array(self.claims, np.int32),
            claim_node=np.array([*self.claim_node, 0], np.int32),
            claim_kind=np.array([*self.claim_kind, 0], np.uint8),
            x=np.array(self.x, np.int32),
            y=np.array(self.y, np.int32),
        )
