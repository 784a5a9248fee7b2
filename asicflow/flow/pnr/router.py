"""Detailed routing by negotiated congestion.

All nets are routed at once, sharing nodes at a price that rises from pass to pass; nets in conflict are
rerouted until none is left. The result of a run with conflicts left is never handed out: `route` raises
`PnrError` with the places where it got stuck.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from asicflow.flow.pnr.grid import Problem
from asicflow.flow.pnr.kernel import State, Work, add_footprint, adopt, route_pass, scan
from asicflow.flow.pnr.netlist import PnrError

log = logging.getLogger(__name__)

FIRST_PRICE = 300.0
LATER_PRICE = 2000.0
"""First price beside routes that are free of conflicts already: new nets go round them instead of across."""
PRICE_GROWTH = 1.3
PRICE_LIMIT = 4000.0
HISTORY_SHARE = 0.25
HISTORY_LIMIT = 1000.0
HISTORY_DECAY = 0.97
FIRST_WINDOW = 12
PARTIAL_FROM = 6
HOPELESS = {10: 0.18, 15: 0.09, 25: 0.06}
"""Passes after which a run is given up when more than this share of all nets is still in conflict."""
DEAR = 1e6
"""Cost of an access to a pin that has turned out not to be drawable."""
BLOCK = 32
"""Nodes per side of a square of the conflict map."""


class RoutingStuck(PnrError):
    """Negotiation stopped making progress with `left` nets in conflict.

    `spots` counts the clashes per square of the die (lowest row first), `square_um` is a square's size.
    """

    def __init__(
        self,
        left: int,
        what: str,
        *,
        where: str,
        hint: str,
        spots: NDArray[np.int64],
        square_um: tuple[float, float],
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.left = left
        self.spots = spots
        self.square_um = square_um


@dataclass
class Routes:
    """A conflict-free routing: per net its tree edges (node, node or -1) and per pin its candidate.

    The problem's grid has lost its maps of single nodes, which take most of its memory.
    """

    problem: Problem
    edges: list[NDArray[np.int32]]
    choice: NDArray[np.int32]
    iterations: int
    searched: int


class Router:
    """Routes one problem; `progress` gets a line per pass."""

    def __init__(self, problem: Problem, seed: int, progress: Callable[[str], None]) -> None:
        self.problem = problem
        self.progress = progress
        self.random = random.Random(seed)
        self.state = _new_state(problem)
        self.work = _new_work(problem)
        grid = problem.grid
        self.bad = np.zeros(len(problem.nets), np.uint8)
        self.hot = np.zeros((grid.layers, (grid.lines >> 5) + 1, (grid.columns >> 5) + 1), np.int64)
        self.searched = 0
        self.first_cost = problem.terminals.cost.copy()

    def route(self, max_iterations: int, patience: int = 100) -> Routes:
        """Route to zero conflicts.

        RoutingStuck after `max_iterations` passes, `patience` passes without a new best, or when `HOPELESS`.
        """
        if not self.problem.nets:
            return Routes(self.problem, [], self.state.choice, 0, 0)
        todo = self._by_size()
        price = LATER_PRICE if self.state.routed.any() else FIRST_PRICE
        fewest, since = len(todo) + 1, 0
        for iteration in range(1, max_iterations + 1):
            self._reroute(todo, price)
            left = scan(
                self.problem.grid,
                self.problem.terminals,
                self.state,
                min(max(60.0, HISTORY_SHARE * price), HISTORY_LIMIT),
                self.bad,
                self.hot,
            )
            self.progress(f"route: iteration {iteration}, {left} nets in conflict")
            if left == 0:
                return self._routes(iteration)
            since = 0 if left < fewest else since + 1
            fewest = min(fewest, left)
            if since >= patience or left > HOPELESS.get(iteration, 1.0) * len(self.problem.nets):
                break
            todo = np.flatnonzero(self.bad).astype(np.int32)
            self.random.shuffle(todo)  # type: ignore[arg-type]
            price = min(price * PRICE_GROWTH, PRICE_LIMIT)
            self._forget_a_little()
        raise self._stuck(int(self.bad.sum()))

    def _forget_a_little(self) -> None:
        """Let history fade, so that old quarrels do not outweigh present conflicts."""
        self.state.history[:] *= HISTORY_DECAY
        cost = self.problem.terminals.cost
        cost[:] = self.first_cost + (cost - self.first_cost) * HISTORY_DECAY

    def adopt(self, old: Routes) -> int:
        """Start from the routes of an earlier problem on the same grid; the number of nets kept.

        A net is kept when its pins and the candidates of each are the same as before. Nets that are in
        conflict with what is new are rerouted as usual.
        """
        before = {net: k for k, net in enumerate(old.problem.nets)}
        kept = 0
        for number, net in enumerate(self.problem.nets):
            past = before.get(net)
            if past is None or not len(old.edges[past]) or not self._same_access(number, old.problem, past):
                continue
            first, first_past = self.problem.terminals.net_pins[number], old.problem.terminals.net_pins[past]
            for pin in range(self.problem.terminals.net_pins[number + 1] - first):
                offset = old.problem.terminals.pin_candidates[first_past + pin]
                relative = old.choice[first_past + pin] - offset
                self.state.choice[first + pin] = self.problem.terminals.pin_candidates[first + pin] + relative
            if self.state.used_up[0] + len(self.work.tree) > len(self.state.edges) or self.state.used_up[1] + len(
                self.work.list_node
            ) > len(self.state.foot):
                self.state = _compacted(self.state, self.work)
            adopt(self.problem.grid, self.problem.terminals, self.state, self.work, number, old.edges[past])
            kept += 1
        return kept

    def find_other_ways(self, pins: Iterable[tuple[int, int]]) -> None:
        """Make the present access of (net, pin of the net) pairs dear, and drop the routes of their nets."""
        terminals, state = self.problem.terminals, self.state
        for net, pin in pins:
            choice = state.choice[terminals.net_pins[net] + pin]
            terminals.cost[choice] += DEAR
            self.first_cost[choice] += DEAR
            if state.routed[net]:
                add_footprint(state, net, -1)
                state.span[net, 1] = state.span[net, 3] = 0
                state.routed[net] = 0

    def _same_access(self, number: int, old: Problem, past: int) -> bool:
        """Has net `number` the same pins and candidate nodes as net `past` of the old problem?"""
        new, was = self.problem.terminals, old.terminals
        a, b = new.net_pins[number], new.net_pins[number + 1]
        c, d = was.net_pins[past], was.net_pins[past + 1]
        if self.problem.pins[a:b] != old.pins[c:d]:
            return False
        mine = new.node[new.pin_candidates[a] : new.pin_candidates[b]]
        theirs = was.node[was.pin_candidates[c] : was.pin_candidates[d]]
        counts = np.diff(new.pin_candidates[a : b + 1]), np.diff(was.pin_candidates[c : d + 1])
        return bool(np.array_equal(mine, theirs) and np.array_equal(*counts))

    def _by_size(self) -> NDArray[np.int32]:
        """All nets, the shortest first."""
        terminals = self.problem.terminals
        sizes = []
        for net in range(len(self.problem.nets)):
            a, b = terminals.net_pins[net], terminals.net_pins[net + 1]
            sizes.append(int(np.ptp(terminals.x[a:b]) + np.ptp(terminals.y[a:b])))
        return np.argsort(np.array(sizes), kind="stable").astype(np.int32)

    def _reroute(self, nets: NDArray[np.int32], price: float) -> None:
        at = 0
        while True:
            at, _, searched = route_pass(
                self.problem.grid,
                self.problem.terminals,
                self.state,
                self.work,
                nets,
                at,
                price,
                FIRST_WINDOW,
                PARTIAL_FROM,
            )
            self.searched += searched
            if at == len(nets):
                return
            self.state = _compacted(self.state, self.work)

    def _routes(self, iterations: int) -> Routes:
        edges = [self.state.edges[start : start + count].copy() for start, count in self.state.span[:, :2].tolist()]
        return Routes(_without_maps(self.problem), edges, self.state.choice.copy(), iterations, self.searched)

    def _stuck(self, left: int) -> RoutingStuck:
        """The error of a run that does not converge: where it is worst, and what may help."""
        per_layer = self.hot.sum(axis=(1, 2))
        spots = self.hot.sum(axis=0)
        line, column = np.unravel_index(int(spots.argmax()), spots.shape)
        grid = self.problem.grid
        dx, dy = int(grid.xs[1] - grid.xs[0]) * BLOCK / 1e3, int(grid.ys[1] - grid.ys[0]) * BLOCK / 1e3
        names = ", ".join(self.problem.nets[k].name for k in np.flatnonzero(self.bad)[:5])
        share = ", ".join(f"layer {k}: {n}" for k, n in enumerate(per_layer) if n)
        return RoutingStuck(
            left,
            f"{left} nets stay in conflict (for example {names}); clashes per routing layer: {share}",
            where=f"worst around x {column * dx:.0f}-{(column + 1) * dx:.0f} um,"
            f" y {line * dy:.0f}-{(line + 1) * dy:.0f} um",
            hint="lower the utilisation or change the aspect ratio",
            spots=spots,
            square_um=(dx, dy),
        )


def _without_maps(problem: Problem) -> Problem:
    maps = ("via_ok", "access", "owner", "no_pad", "no_step")
    return replace(
        problem, grid=problem.grid._replace(**{name: getattr(problem.grid, name)[:0].copy() for name in maps})
    )


def _new_state(problem: Problem) -> State:
    terminals = problem.terminals
    nodes = problem.grid.access.size + problem.rivals
    nets = len(terminals.net_pins) - 1
    pins = len(terminals.pin_candidates) - 1
    room = max(1 << 20, 200 * nets)
    return State(
        counts=np.zeros((5, nodes), np.int16),
        history=np.zeros(nodes, np.float32),
        edges=np.zeros((room, 2), np.int32),
        foot=np.zeros((4 * room, 2), np.int32),
        span=np.zeros((nets, 4), np.int32),
        used_up=np.zeros(2, np.int64),
        choice=np.zeros(pins, np.int32),
        routed=np.zeros(nets, np.uint8),
        tries=np.zeros(nets, np.int32),
    )


def _new_work(problem: Problem) -> Work:
    nodes = problem.grid.access.size + problem.rivals
    longest = min(max(nodes, 1000), 100_000)

    def ints(size: int) -> NDArray[np.int32]:
        return np.zeros(size, np.int32)

    return Work(
        stamp=np.ones(2, np.int64),
        mark=ints(nodes),
        gain=np.zeros(nodes, np.float32),
        parent=ints(nodes),
        in_tree=ints(nodes),
        target=ints(nodes),
        heap_key=np.zeros(2 * nodes, np.float32),
        heap_node=ints(2 * nodes),
        tree=np.zeros((longest, 2), np.int32),
        list_node=ints(8 * longest),
        list_kind=np.zeros(8 * longest, np.uint8),
        seen=ints(nodes),
        flag=ints(nodes),
    )


def _compacted(state: State, work: Work) -> State:
    """The same state with the arenas' gaps closed, and grown when they are still more than half full."""
    spans = state.span.copy()
    live_edges, live_foot = int(spans[:, 1].sum()), int(spans[:, 3].sum())
    edges_room = max(len(state.edges), 2 * live_edges + 2 * len(work.tree))
    foot_room = max(len(state.foot), 2 * live_foot + 2 * len(work.list_node))
    edges, foot = np.zeros((edges_room, 2), np.int32), np.zeros((foot_room, 2), np.int32)
    at = [0, 0]
    for net in range(len(spans)):
        e0, ne, f0, nf = state.span[net]
        edges[at[0] : at[0] + ne] = state.edges[e0 : e0 + ne]
        foot[at[1] : at[1] + nf] = state.foot[f0 : f0 + nf]
        spans[net] = (at[0], ne, at[1], nf)
        at = [at[0] + int(ne), at[1] + int(nf)]
    return state._replace(edges=edges, foot=foot, span=spans, used_up=np.array(at, np.int64))
