"""The router's inner loops, compiled with numba.

Grid nodes are numbered (layer * lines + line) * columns + column. Five counters per node say how many nets
use or deny it: `used` (metal), `pads` (via pads), `no_metal`, `no_pad` (denials) and `exclusive` (what
one net at most may hold: the surroundings of single-node pads and, numbered beyond the nodes, rival
candidates). A net's footprint lists its (node, counter) pairs; it is in conflict when, with its own
footprint taken out, a counter that excludes one of its entries is not zero. Moves are priced by exactly the
same counters.
"""

# mypy: allow-untyped-decorators, no-warn-return-any

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Counts = NDArray[np.int16]

USED, PADS, NO_METAL, NO_PAD, EXCLUSIVE = 0, 1, 2, 3, 4
"""Counters, as rows of `State.counts` and kinds of footprint entries."""

FREE, BLOCKED, OWNED = 0, 1, 2
"""Values of `Grid.access`."""

ESTIMATE_WEIGHT = 1.2
"""Weight of the remaining distance in the search: a little over 1 saves most of the search."""

FORBIDDEN = np.float32(1e5)


class Grid(NamedTuple):
    """What does not change while routing. Per layer: `stride` to the next node along a track, `across`
    (distance in nodes to the neighbouring track) where pads need it, flags and cost; per node: access."""

    columns: int
    lines: int
    layers: int
    xs: Ints
    ys: Ints
    horizontal: Bytes
    stride: Ints
    across: Ints
    cost: Floats
    wires: Bytes
    apart: Bytes
    single: Bytes
    via_cost: Floats
    via_ok: Bytes
    access: Bytes
    owner: Ints
    no_pad: Bytes
    no_step: Bytes


class Terminals(NamedTuple):
    """Pins of all nets, net by net, and the candidates of each pin with their claims."""

    net_pins: Ints
    pin_candidates: Ints
    node: Ints
    cost: Floats
    claims: Ints
    claim_node: Ints
    claim_kind: Bytes
    x: Ints
    y: Ints


class State(NamedTuple):
    """Counters, history, and each net's present solution in two arenas.

    `edges` holds pairs (node, neighbour or -1), `foot` pairs (node, counter). `span` has per net the
    start and length in both arenas, `used_up` their fill. `routed` is 1 for nets with a solution.
    """

    counts: Counts
    history: Floats
    edges: Ints
    foot: Ints
    span: Ints
    used_up: NDArray[np.int64]
    choice: Ints
    routed: Bytes
    tries: Ints


class Work(NamedTuple):
    """Scratch memory of the search, stamped so that it never needs clearing."""

    stamp: NDArray[np.int64]
    mark: Ints
    gain: Floats
    parent: Ints
    in_tree: Ints
    target: Ints
    heap_key: Floats
    heap_node: Ints
    tree: Ints
    list_node: Ints
    list_kind: Bytes
    seen: Ints
    flag: Ints


@njit(cache=True)
def _push(key: Floats, node: Ints, count: int, k: float, n: int) -> int:
    i = count
    while i > 0:
        up = (i - 1) >> 1
        if key[up] <= k:
            break
        key[i] = key[up]
        node[i] = node[up]
        i = up
    key[i] = k
    node[i] = n
    return count + 1


@njit(cache=True)
def _pop(key: Floats, node: Ints, count: int) -> int:
    """Remove the top entry; the new count."""
    count -= 1
    if count > 0:
        k = key[count]
        n = node[count]
        i = 0
        while True:
            c = 2 * i + 1
            if c >= count:
                break
            if c + 1 < count and key[c + 1] < key[c]:
                c += 1
            if key[c] >= k:
                break
            key[i] = key[c]
            node[i] = node[c]
            i = c
        key[i] = k
        node[i] = n
    return count


@njit(cache=True)
def add_footprint(state: State, net: int, sign: int) -> None:
    """Enter a net's footprint into the counters, or (sign -1) take it out."""
    start, length = state.span[net, 2], state.span[net, 3]
    for k in range(start, start + length):
        state.counts[state.foot[k, 1], state.foot[k, 0]] += sign


@njit(cache=True)
def _clash(counts: Counts, node: int, kind: int) -> bool:
    """Does an entry clash with what other nets hold? (The net itself must be taken out.)"""
    if kind == 0:
        return counts[0, node] > 0 or counts[2, node] > 0
    if kind == 1:
        return counts[3, node] > 0
    if kind == 2:
        return counts[0, node] > 0
    if kind == 3:
        return counts[1, node] > 0
    return counts[4, node] > 0


@njit(cache=True)
def count_conflicts(state: State, net: int) -> int:
    """Number of clashing entries of a net that is taken out of the counters."""
    start, length = state.span[net, 2], state.span[net, 3]
    found = 0
    for k in range(start, start + length):
        if _clash(state.counts, state.foot[k, 0], state.foot[k, 1]):
            found += 1
    return found


@njit(cache=True)
def _candidate_clashes(grid: Grid, terminals: Terminals, counts: Counts, candidate: int) -> float:
    """How many claims of a candidate clash with other nets."""
    total = 0.0
    for q in range(terminals.claims[candidate], terminals.claims[candidate + 1]):
        node = terminals.claim_node[q]
        kind = terminals.claim_kind[q]
        if kind == 0:
            total += counts[0, node]
        elif kind == 1:
            total += counts[1, node]
        else:
            total += counts[4, node]
    return total


@njit(cache=True)
def _keep_sound_part(
    grid: Grid, terminals: Terminals, state: State, work: Work, net: int, pins: int, connected: Bytes
) -> int:
    """Copy the conflict-free part of a net's tree that holds most pins to `work.tree`; its length.

    Pins of that part are marked in `connected`. Branches that then end nowhere are dropped.
    """
    first = terminals.net_pins[net]
    plane = grid.columns * grid.lines
    work.stamp[0] += 1
    bad = work.stamp[0]
    start, length = state.span[net, 2], state.span[net, 3]
    for k in range(start, start + length):
        node, kind = state.foot[k, 0], state.foot[k, 1]
        if (kind < 2 or kind == 4) and _clash(state.counts, node, kind):
            work.flag[node] = bad
            if kind == 4 and plane <= node < grid.access.shape[0]:
                stride = grid.stride[node // plane]
                work.flag[node - stride] = bad
                work.flag[node + stride] = bad
    e0, ne = state.span[net, 0], state.span[net, 1]
    count = 0
    for k in range(e0, e0 + ne):
        a, b = state.edges[k, 0], state.edges[k, 1]
        if work.flag[a] == bad or (b >= 0 and work.flag[b] == bad):
            continue
        work.tree[count, 0] = a
        work.tree[count, 1] = b
        count += 1
    # components: every node points to a smaller label until nothing changes
    work.stamp[0] += 1
    here = work.stamp[0]
    nodes = 0
    for k in range(count):
        for s in range(2):
            n = work.tree[k, s]
            if n >= 0 and work.in_tree[n] != here:
                work.in_tree[n] = here
                work.target[n] = nodes
                nodes += 1
    label = np.arange(nodes)
    changed = True
    while changed:
        changed = False
        for k in range(count):
            a, b = work.tree[k, 0], work.tree[k, 1]
            if b < 0:
                continue
            ia, ib = work.target[a], work.target[b]
            low = min(label[ia], label[ib])
            if label[ia] != low or label[ib] != low:
                label[ia] = low
                label[ib] = low
                changed = True
    votes = np.zeros(nodes + 1, np.int32)
    sound = np.zeros(pins, np.uint8)
    for p in range(pins):
        candidate = state.choice[first + p]
        n = terminals.node[candidate]
        if work.flag[n] == bad or work.in_tree[n] != here:
            continue
        if _candidate_clashes(grid, terminals, state.counts, candidate) > 0:
            continue
        sound[p] = 1
        votes[label[work.target[n]]] += 1
    best = 0
    for k in range(nodes):
        if votes[k] > votes[best]:
            best = k
    if nodes == 0 or votes[best] == 0:
        _forget_targets(work, count)
        return 0
    degree = np.zeros(nodes, np.int32)
    for p in range(pins):
        if sound[p]:
            n = terminals.node[state.choice[first + p]]
            if label[work.target[n]] == best:
                connected[p] = 1
                degree[work.target[n]] += 1000
    for k in range(count):
        a, b = work.tree[k, 0], work.tree[k, 1]
        if b >= 0:
            degree[work.target[a]] += 1
            degree[work.target[b]] += 1
    alive = np.ones(count, np.uint8)
    changed = True
    while changed:
        changed = False
        for k in range(count):
            if not alive[k]:
                continue
            a, b = work.tree[k, 0], work.tree[k, 1]
            ia = work.target[a]
            if label[ia] != best:
                alive[k] = 0
            elif b < 0:
                if degree[ia] == 0:
                    alive[k] = 0
            else:
                ib = work.target[b]
                if degree[ia] == 1 or degree[ib] == 1:
                    alive[k] = 0
                    degree[ia] -= 1
                    degree[ib] -= 1
                    changed = True
    _forget_targets(work, count)
    kept = 0
    for k in range(count):
        if alive[k]:
            work.tree[kept, 0] = work.tree[k, 0]
            work.tree[kept, 1] = work.tree[k, 1]
            kept += 1
    if kept == 0:
        for p in range(pins):
            if connected[p]:
                work.tree[0, 0] = terminals.node[state.choice[first + p]]
                work.tree[0, 1] = -1
                kept = 1
    return kept


@njit(cache=True)
def _forget_targets(work: Work, count: int) -> None:
    """`target` served as an index; make its entries harmless stamps again."""
    for k in range(count):
        for s in range(2):
            n = work.tree[k, s]
            if n >= 0:
                work.target[n] = 0


@njit(cache=True)
def _route_net(
    grid: Grid,
    terminals: Terminals,
    state: State,
    work: Work,
    net: int,
    kept: int,
    connected: Bytes,
    present: float,
    window: int,
) -> tuple[int, bool, int]:
    """Connect all pins of a net; (edges in `work.tree`, success, nodes searched)."""
    columns, lines = grid.columns, grid.lines
    plane = columns * lines
    xs, ys = grid.xs, grid.ys
    used, no_metal = state.counts[0], state.counts[2]
    no_pad, exclusive = state.counts[3], state.counts[4]
    history = state.history
    mark, gain, parent = work.mark, work.gain, work.parent
    key, heap = work.heap_key, work.heap_node
    first = terminals.net_pins[net]
    pins = terminals.net_pins[net + 1] - first
    count = kept
    pops = 0
    near = np.full(pins, 1 << 60, np.int64)
    near_x = np.zeros(pins, np.int32)
    near_y = np.zeros(pins, np.int32)
    empty = kept == 0
    work.stamp[0] += 1
    tree_stamp = work.stamp[0]
    if empty:
        connected[0] = 1
        for p in range(1, pins):
            near[p] = abs(terminals.x[first + p] - terminals.x[first]) + abs(
                terminals.y[first + p] - terminals.y[first]
            )
            near_x[p] = terminals.x[first]
            near_y[p] = terminals.y[first]
    else:
        for k in range(kept):
            for s in range(2):
                n = work.tree[k, s]
                if n < 0 or work.in_tree[n] == tree_stamp:
                    continue
                work.in_tree[n] = tree_stamp
                r = n % plane
                x, y = xs[r % columns], ys[r // columns]
                for p in range(pins):
                    if not connected[p]:
                        d = abs(terminals.x[first + p] - x) + abs(terminals.y[first + p] - y)
                        if d < near[p]:
                            near[p] = d
                            near_x[p] = x
                            near_y[p] = y
    while True:
        b = -1
        for p in range(pins):
            if not connected[p] and (b < 0 or near[p] < near[b]):
                b = p
        if b < 0:
            return count, True, pops
        pin = first + b
        work.stamp[0] += 1
        stamp = work.stamp[0]
        opened, closed = 2 * stamp, 2 * stamp + 1
        i1, i2, j1, j2 = 1 << 30, -1, 1 << 30, -1
        for a in range(terminals.pin_candidates[pin], terminals.pin_candidates[pin + 1]):
            n = terminals.node[a]
            work.target[n] = stamp
            r = n % plane
            i, j = r % columns, r // columns
            i1, i2, j1, j2 = min(i1, i), max(i2, i), min(j1, j), max(j2, j)
        tx1, tx2, ty1, ty2 = xs[i1], xs[i2], ys[j1], ys[j2]
        si = min(max((near_x[b] - xs[0]) // (xs[1] - xs[0]), 0), columns - 1)
        sj = min(max((near_y[b] - ys[0]) // (ys[1] - ys[0]), 0), lines - 1)
        wi1, wi2 = max(0, min(i1, si) - window), min(columns - 1, max(i2, si) + window)
        wj1, wj2 = max(0, min(j1, sj) - window), min(lines - 1, max(j2, sj) + window)
        size = 0
        if empty:
            for a in range(terminals.pin_candidates[first], terminals.pin_candidates[first + 1]):
                n = terminals.node[a]
                c = (
                    terminals.cost[a]
                    + present * (used[n] + no_metal[n] + no_pad[n])
                    + present * _candidate_clashes(grid, terminals, state.counts, a)
                    + history[n]
                )
                if mark[n] != opened or gain[n] > c:
                    mark[n] = opened
                    gain[n] = c
                    parent[n] = -2 - a
                    r = n % plane
                    x, y = xs[r % columns], ys[r // columns]
                    h = ESTIMATE_WEIGHT * (max(0, max(tx1 - x, x - tx2)) + max(0, max(ty1 - y, y - ty2)))
                    size = _push(key, heap, size, c + h, n)
        else:
            for k in range(count):
                for s in range(2):
                    n = work.tree[k, s]
                    if n < 0 or mark[n] == opened:
                        continue
                    r = n % plane
                    i, j = r % columns, r // columns
                    if i < wi1 or i > wi2 or j < wj1 or j > wj2:
                        continue
                    mark[n] = opened
                    gain[n] = 0.0
                    parent[n] = -1
                    x, y = xs[i], ys[j]
                    h = ESTIMATE_WEIGHT * (max(0, max(tx1 - x, x - tx2)) + max(0, max(ty1 - y, y - ty2)))
                    size = _push(key, heap, size, h, n)
        best = np.float32(1e30)
        found = -1
        while size > 0 and key[0] < best:
            n = heap[0]
            size = _pop(key, heap, size)
            if mark[n] == closed:
                continue
            mark[n] = closed
            pops += 1
            layer = n // plane
            r = n - layer * plane
            i, j = r % columns, r // columns
            x, y = xs[i], ys[j]
            g = gain[n]
            if work.target[n] == stamp:
                for a in range(terminals.pin_candidates[pin], terminals.pin_candidates[pin + 1]):
                    if terminals.node[a] == n:
                        c = (
                            g
                            + terminals.cost[a]
                            + present * no_pad[n]
                            + present * _candidate_clashes(grid, terminals, state.counts, a)
                        )
                        if c < best:
                            best = np.float32(c)
                            found = a
            if grid.wires[layer]:
                s = grid.stride[layer]
                for d in range(2):
                    if grid.horizontal[layer]:
                        ii, jj = (i + 1 if d else i - 1), j
                        if ii < wi1 or ii > wi2:
                            continue
                    else:
                        ii, jj = i, (j + 1 if d else j - 1)
                        if jj < wj1 or jj > wj2:
                            continue
                    m = n + s if d else n - s
                    if mark[m] == closed or grid.access[m] == 1:
                        continue
                    if grid.access[m] == 2 and grid.owner[m] != net:
                        continue
                    if grid.no_step[n if d else m]:
                        continue
                    length = abs(xs[ii] - x) + abs(ys[jj] - y)
                    c = g + length * grid.cost[layer] + present * (used[m] + no_metal[m]) + history[m]
                    if mark[m] != opened or c < gain[m] - 1e-3:
                        mark[m] = opened
                        gain[m] = c
                        parent[m] = n
                        mx, my = xs[ii], ys[jj]
                        h = ESTIMATE_WEIGHT * (max(0, max(tx1 - mx, mx - tx2)) + max(0, max(ty1 - my, my - ty2)))
                        size = _push(key, heap, size, c + h, m)
            for up in range(2):
                if up:
                    if layer + 1 >= grid.layers or not grid.via_ok[layer, r]:
                        continue
                    m = n + plane
                    low = layer
                else:
                    if layer == 0 or not grid.via_ok[layer - 1, r]:
                        continue
                    m = n - plane
                    low = layer - 1
                if mark[m] == closed or grid.access[m] == 1 or grid.no_pad[m] or grid.no_pad[n]:
                    continue
                if grid.access[m] == 2 and grid.owner[m] != net:
                    continue
                c = g + grid.via_cost[low] + present * (used[m] + no_metal[m] + no_pad[m] + no_pad[n]) + history[m]
                if grid.single[layer] and parent[n] >= 0 and abs(parent[n] - n) == plane:
                    s = grid.stride[layer]
                    c += present * (exclusive[n - s] + exclusive[n] + exclusive[n + s])
                if mark[m] != opened or c < gain[m] - 1e-3:
                    mark[m] = opened
                    gain[m] = c
                    parent[m] = n
                    h = ESTIMATE_WEIGHT * (max(0, max(tx1 - x, x - tx2)) + max(0, max(ty1 - y, y - ty2)))
                    size = _push(key, heap, size, c + h, m)
        if found < 0:
            return 0, False, pops
        state.choice[pin] = found
        connected[b] = 1
        n = terminals.node[found]
        while True:
            up_node = parent[n]
            if count + 2 >= work.tree.shape[0]:
                return 0, False, pops
            if up_node >= 0:
                work.tree[count, 0] = n
                work.tree[count, 1] = up_node
                count += 1
            elif up_node <= -2:
                state.choice[first] = -2 - up_node
                work.tree[count, 0] = n
                work.tree[count, 1] = -1
                count += 1
            r = n % plane
            x, y = xs[r % columns], ys[r // columns]
            work.in_tree[n] = tree_stamp
            for p in range(pins):
                if not connected[p]:
                    dist = abs(terminals.x[first + p] - x) + abs(terminals.y[first + p] - y)
                    if dist < near[p]:
                        near[p] = dist
                        near_x[p] = x
                        near_y[p] = y
            if up_node < 0:
                break
            n = up_node
        if count == 0:
            work.tree[0, 0] = terminals.node[found]
            work.tree[0, 1] = -1
            count = 1
        empty = False


@njit(cache=True)
def _list(work: Work, count: int, node: int, kind: int, stamp: int) -> int:
    """Append (node, kind) unless this net's list has it; `seen` remembers the kinds under a stamp."""
    code = work.seen[node]
    base = stamp * 32
    if code < base:
        code = base
    bit = 1 << kind
    if (code - base) & bit:
        return count
    work.seen[node] = code + bit
    work.list_node[count] = node
    work.list_kind[count] = kind
    return count + 1


@njit(cache=True)
def _footprint(grid: Grid, terminals: Terminals, state: State, work: Work, net: int, edges: int) -> int:
    """List the entries of the net whose tree is in `work.tree`; their number."""
    plane = grid.columns * grid.lines
    work.stamp[1] += 1
    stamp = work.stamp[1]
    count = 0
    for k in range(edges):
        for s in range(2):
            n = work.tree[k, s]
            if n >= 0:
                count = _list(work, count, n, USED, stamp)
    metal = count
    work.stamp[0] += 1
    wired = work.stamp[0]
    for k in range(edges):
        a, b = work.tree[k, 0], work.tree[k, 1]
        if b >= 0:
            if abs(a - b) == plane:
                count = _list(work, count, a, PADS, stamp)
                count = _list(work, count, b, PADS, stamp)
            else:
                work.in_tree[a] = wired
                work.in_tree[b] = wired
    first = terminals.net_pins[net]
    for pin in range(first, terminals.net_pins[net + 1]):
        a = state.choice[pin]
        n = terminals.node[a]
        if n < plane:
            count = _list(work, count, n, PADS, stamp)
        else:
            work.in_tree[n] = wired
        for q in range(terminals.claims[a], terminals.claims[a + 1]):
            kind = terminals.claim_kind[q]
            count = _list(work, count, terminals.claim_node[q], NO_METAL + kind, stamp)
    pads = count
    for k in range(pads):
        n = work.list_node[k]
        layer = n // plane
        if work.list_kind[k] == USED and k < metal:
            if grid.apart[layer]:
                s = grid.stride[layer]
                count = _list(work, count, n - s, NO_METAL, stamp)
                count = _list(work, count, n + s, NO_METAL, stamp)
            if grid.single[layer] and work.in_tree[n] != wired:
                s = grid.stride[layer]
                count = _list(work, count, n - s, EXCLUSIVE, stamp)
                count = _list(work, count, n, EXCLUSIVE, stamp)
                count = _list(work, count, n + s, EXCLUSIVE, stamp)
        elif work.list_kind[k] == PADS and grid.across[layer] > 0:
            count = _list(work, count, n - grid.across[layer], NO_PAD, stamp)
            count = _list(work, count, n + grid.across[layer], NO_PAD, stamp)
    # a net's own metal never bars itself: drop denials of metal at its own nodes
    kept = 0
    for k in range(count):
        n, kind = work.list_node[k], work.list_kind[k]
        if kind == NO_METAL and (work.seen[n] - stamp * 32) & 1:
            continue
        work.list_node[kept] = n
        work.list_kind[kept] = kind
        kept += 1
    return kept


@njit(cache=True)
def _store(state: State, work: Work, net: int, edges: int, entries: int) -> None:
    """Append a solution to the arenas; the caller made sure that there is room."""
    e0, f0 = state.used_up[0], state.used_up[1]
    for k in range(edges):
        state.edges[e0 + k, 0] = work.tree[k, 0]
        state.edges[e0 + k, 1] = work.tree[k, 1]
    for k in range(entries):
        state.foot[f0 + k, 0] = work.list_node[k]
        state.foot[f0 + k, 1] = work.list_kind[k]
    state.span[net, 0], state.span[net, 1] = e0, edges
    state.span[net, 2], state.span[net, 3] = f0, entries
    state.used_up[0] = e0 + edges
    state.used_up[1] = f0 + entries


@njit(cache=True)
def adopt(grid: Grid, terminals: Terminals, state: State, work: Work, net: int, edges: Ints) -> None:
    """Enter a known tree as a net's solution; its candidates are chosen, and there is room in the arenas."""
    for k in range(edges.shape[0]):
        work.tree[k, 0] = edges[k, 0]
        work.tree[k, 1] = edges[k, 1]
    entries = _footprint(grid, terminals, state, work, net, edges.shape[0])
    _store(state, work, net, edges.shape[0], entries)
    add_footprint(state, net, 1)
    state.routed[net] = 1


@njit(cache=True)
def route_pass(
    grid: Grid,
    terminals: Terminals,
    state: State,
    work: Work,
    nets: Ints,
    start: int,
    present: float,
    window: int,
    partial_from: int,
) -> tuple[int, int, int]:
    """Reroute those of `nets` (from index `start`) that are in conflict or have no route.

    Nets of `partial_from` pins or more keep the sound part of their tree, three times out of four. Returns
    (index reached, nets rerouted, nodes searched); an index below len(nets) means that an arena is full.
    """
    rerouted = 0
    pops = 0
    for index in range(start, nets.shape[0]):
        net = nets[index]
        if (
            state.used_up[0] + work.tree.shape[0] > state.edges.shape[0]
            or state.used_up[1] + work.list_node.shape[0] > state.foot.shape[0]
        ):
            return index, rerouted, pops
        pins = terminals.net_pins[net + 1] - terminals.net_pins[net]
        connected = np.zeros(pins, np.uint8)
        kept = 0
        if state.routed[net]:
            add_footprint(state, net, -1)
            if count_conflicts(state, net) == 0:
                add_footprint(state, net, 1)
                continue
            if pins >= partial_from and state.tries[net] % 4 != 3:
                kept = _keep_sound_part(grid, terminals, state, work, net, pins, connected)
            state.routed[net] = 0
        margin = window + 8 * min(state.tries[net], 12)
        state.tries[net] += 1
        rerouted += 1
        edges, ok = 0, False
        while True:
            edges, ok, searched = _route_net(grid, terminals, state, work, net, kept, connected, present, margin)
            pops += searched
            if ok or margin > max(grid.columns, grid.lines):
                break
            margin = 4 * margin
            kept = 0
            connected[:] = 0
        state.span[net, 1] = 0
        state.span[net, 3] = 0
        if ok:
            entries = _footprint(grid, terminals, state, work, net, edges)
            _store(state, work, net, edges, entries)
            add_footprint(state, net, 1)
            state.routed[net] = 1
    return nets.shape[0], rerouted, pops


@njit(cache=True)
def scan(grid: Grid, terminals: Terminals, state: State, increment: float, bad: Bytes, hot: Any) -> int:
    """Find all nets in conflict (marked in `bad`), raise the history of clashing nodes and candidates.

    `hot` counts clashes per layer, line and column of a coarse map. Returns the number of nets.
    """
    columns = grid.columns
    plane = columns * grid.lines
    total = 0
    nets = state.routed.shape[0]
    hot[:] = 0
    for net in range(nets):
        bad[net] = 0
        if not state.routed[net]:
            bad[net] = 1
            total += 1
            continue
        add_footprint(state, net, -1)
        start, length = state.span[net, 2], state.span[net, 3]
        clashes = 0
        for k in range(start, start + length):
            n = state.foot[k, 0]
            if _clash(state.counts, n, state.foot[k, 1]):
                clashes += 1
                state.history[n] += increment
                if n >= grid.access.shape[0]:
                    continue
                layer = n // plane
                r = n % plane
                if state.foot[k, 1] == EXCLUSIVE:  # the pad itself may lie beside the clash
                    state.history[n - grid.stride[layer]] += increment
                    state.history[n + grid.stride[layer]] += increment
                hot[layer, (r // columns) >> 5, (r % columns) >> 5] += 1
        if clashes:
            bad[net] = 1
            total += 1
            for pin in range(terminals.net_pins[net], terminals.net_pins[net + 1]):
                a = state.choice[pin]
                n = terminals.node[a]
                if (
                    state.counts[0, n] + state.counts[2, n] + state.counts[3, n] > 0
                    or _candidate_clashes(grid, terminals, state.counts, a) > 0
                ):
                    terminals.cost[a] += increment
        add_footprint(state, net, 1)
    return total
