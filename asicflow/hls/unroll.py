"""The plan of an unrolled engine: every layer an adder graph, every position of a window a copy of it.

The inputs stand still while an inference runs, so every value settles and stays: a register is only there
to keep the paths short, and a value that is read in several cycles needs no more than one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from asicflow.errors import UserError
from asicflow.hls.adder_graph import Graph, Output, extreme_graph, join, matrix_graph
from asicflow.hls.ranges import Fit, Interval, Shift
from asicflow.hls.stages import Element, MatrixStage, StageList, build_stages
from asicflow.model.fixed import IntArray
from asicflow.model.golden import windows
from asicflow.model.spec import NETWORK_INPUT, Spec

Place = tuple[str, int]
"""A tensor and an element of it."""

_HINT = "give the layer 'accum: auto' in model.precision.layers, or use hls.engine: time-multiplexed"


@dataclass(frozen=True, order=True)
class Time:
    """When a value is valid: so many registers behind the inputs, and so many levels behind those."""

    cycle: int = 0
    level: int = 0


@dataclass
class UnrolledStage:
    """A stage as a module.

    ``positions``: for every copy, where its inputs come from (None: padding, which is ``padding``).
    ``shifts``: low bits of every input that are always 0, which the graph's inputs do not have.
    ``times``: of every value of the graph, and of every result.  ``begin`` is the cycle in which the inputs
    are valid.  ``registered``: a register holds the results.  ``elements``: what the elements of the target keep
    of the results, where they do not keep all.
    """

    stage: MatrixStage
    graph: Graph
    positions: list[list[Place | None]]
    padding: int
    shifts: list[int]
    times: list[Time]
    results: list[Time]
    begin: int
    registered: bool
    elements: list[Element] | None = None

    def kept_bits(self, number: int) -> tuple[int, int]:
        """The lowest bit of a result that some element of the target keeps, and the one behind the highest."""
        if self.elements is None:
            return 0, self.stage.result.bits
        places = (self.stage.place.of(k * self.stage.filters + number) for k in range(len(self.positions)))
        found = [self.elements[place] for place in places]
        kept = [element for element in found if element.seen != Interval(0, 0)]
        return min((e.shift for e in kept), default=0), max((e.seen.bits for e in kept), default=0)

    @property
    def cycles(self) -> int:
        """Registers between the inputs and what reads the results."""
        return max(time.cycle for time in self.results) + int(self.registered)

    @property
    def ready(self) -> int:
        """The cycle in which the results are valid."""
        return self.begin + self.cycles

    @cached_property
    def kept(self) -> set[int]:
        """Values that a later cycle reads; inputs come from registers and need none."""
        first, found = len(self.graph.inputs), set()
        for index, node in enumerate(self.graph.nodes):
            found |= {v for v in (node.left, node.right) if self.times[v].cycle < self.times[first + index].cycle}
        for output, time in zip(self.graph.outputs, self.results, strict=True):
            if output.value is not None and self.times[output.value].cycle < time.cycle:
                found.add(output.value)
        return {value for value in found if value >= first}

    def total(self, number: int) -> Interval:
        """Interval of a result before its last steps, as coarse as its bits: few results differ in it."""
        found = self.graph.total(number)
        shift, bias = self.stage.sum_shift, int(self.stage.bias[number])
        exact = Interval((found.low << shift) + bias, (found.high << shift) + bias)
        half = 1 << (exact.signed_bits - 1)
        whole = self.stage.total | exact
        return Interval(max(-half, whole.low), min(half - 1, whole.high))


@dataclass
class UnrolledPlan:
    """Everything that the RTL needs."""

    spec: Spec
    levels: int | None
    network: StageList
    stages: list[UnrolledStage]

    @property
    def ready(self) -> int:
        """The cycle in which the output is valid, counted from the first one of ``busy_o``."""
        return max(stage.ready for stage in self.stages if stage.stage.target == self.network.output)

    @property
    def cycles(self) -> int:
        """Clock cycles from ``start_i`` to ``done_o``."""
        return self.ready + 2


def plan_unrolled(
    spec: Spec, levels: int | None = None, check: Callable[[MatrixStage], None] = lambda stage: None
) -> UnrolledPlan:
    """Plan an unrolled engine.

    Parameters
    ----------
    spec : Spec
        The integer network.
    levels : int, optional
        Most adders, one behind the other, between two registers; None: a register only behind each layer.
    check : callable
        Sees every stage before the long search for its graph; may raise.

    Raises
    ------
    UserError
        If an accumulator rounds or saturates after every product, or ``levels`` is not positive.
    ToolMissing
        If da4ml is not installed.
    """
    if levels is not None and levels < 1:
        raise UserError(
            f"{levels} adder levels between registers are not possible",
            where="hls.levels",
            hint="give 1 or more, or leave it out for registers behind layers only",
        )
    network = build_stages(spec)
    weights = [exact_weights(stage, input_shifts(network, stage)) for stage in network.stages]
    ready: dict[str, int] = {NETWORK_INPUT: 0}
    stages = []
    for stage, weight in zip(network.stages, weights, strict=True):
        check(stage)
        made = _unroll(network, stage, weight, levels)
        made.begin = max(ready[source] for source in stage.sources)
        made.registered = stage.target != network.output and not _is_wire(made)
        ready[stage.target] = max(ready.get(stage.target, 0), made.ready)
        stages.append(made)
    return UnrolledPlan(spec, levels, network, stages)


def input_shifts(network: StageList, stage: MatrixStage) -> list[int]:
    """For every value of a window, how many of its low bits are 0 at each of its positions.

    Types per element (HGQ) leave such bits. Values that are compared keep theirs.
    """
    columns = zip(*window_places(stage), strict=True)
    if stage.maximum:
        return [0 for _ in columns]
    elements = ([network.tensors[p[0]].elements[p[1]] for p in places if p is not None] for places in columns)
    return [min((e.shift for e in found if e.seen != Interval(0, 0)), default=0) for found in elements]


def exact_weights(stage: MatrixStage, shifts: list[int]) -> IntArray:
    """The weights of inputs without their ``shifts`` low bits, in units of the accumulator.

    Raises
    ------
    UserError
        If a product is no whole number of them, or the accumulator saturates.
    """
    if stage.saturate or any(isinstance(step, Fit) for step in stage.product_steps):
        raise UserError(
            f"layer '{stage.name}' saturates its sum after every product ({stage.accum}); an adder graph adds in "
            "another order and has no single products",
            hint=_HINT,
        )
    rows = stage.weight.reshape(len(shifts), -1) if not stage.depthwise else stage.weight.reshape(-1, 1)
    weight = (rows << np.array(shifts, dtype=np.int64)[:, None]).reshape(stage.weight.shape)
    for step in stage.product_steps:
        assert isinstance(step, Shift)
        if step.right > 0 and np.any(weight & ((1 << step.right) - 1)):
            raise UserError(
                f"layer '{stage.name}' rounds every product to its accumulator ({stage.accum}); an adder graph "
                "has no single products",
                hint=_HINT,
            )
        weight = weight >> step.right if step.right > 0 else weight << -step.right
    return weight


def _unroll(network: StageList, stage: MatrixStage, weight: IntArray, levels: int | None) -> UnrolledStage:
    positions = window_places(stage)
    padding = min(network.tensors[source].seen.low for source in stage.sources) if stage.maximum else 0
    shifts, inputs = input_shifts(network, stage), []
    for shift, places in zip(shifts, zip(*positions, strict=True), strict=True):
        seen = [Interval(padding, padding) if p is None else network.tensors[p[0]].elements[p[1]].seen for p in places]
        inputs.append(Interval(min(i.low for i in seen) >> shift, max(i.high for i in seen) >> shift))
    graph = _graph(stage, weight, inputs)
    times = [Time()] * len(inputs)
    for node in graph.nodes:
        times.append(_after([times[node.left], times[node.right]], levels))
    results = []
    for number, output in enumerate(graph.outputs):
        before = Time() if output.value is None else times[output.value]
        results.append(_after([before], levels) if _has_end(stage, number, output) else before)
    elements = network.tensors[stage.target].elements if stage.elementwise else None
    return UnrolledStage(stage, graph, positions, padding, shifts, times, results, 0, True, elements)


def _after(operands: list[Time], levels: int | None) -> Time:
    """One level behind operands: in the cycle of the latest, unless that is full."""
    latest = max(operands)
    if levels is not None and latest.level >= levels:
        return Time(latest.cycle + 1, 1)
    return Time(latest.cycle, latest.level + 1)


def _has_end(stage: MatrixStage, number: int, output: Output) -> bool:
    return bool(stage.finish) or bool(stage.bias[number]) or output.negative


def _is_wire(made: UnrolledStage) -> bool:
    """True when no gate stands between the inputs and the results."""
    ends = (_has_end(made.stage, i, output) for i, output in enumerate(made.graph.outputs))
    return not made.graph.nodes and not any(ends)


def window_places(stage: MatrixStage) -> list[list[Place | None]]:
    """Where the values of every window come from, in the order of its pixels and their channels."""
    size = stage.n_in
    seen = windows(np.arange(stage.window.size)[None], stage.window, -1)[0].reshape(stage.window.pixels, -1)
    return [
        [None if index < 0 else (stage.sources[index // size], int(index % size)) for index in row]
        for row in seen.tolist()
    ]


def _graph(stage: MatrixStage, weight: IntArray, inputs: list[Interval]) -> Graph:
    if not stage.depthwise:
        return matrix_graph(weight.reshape(len(inputs), stage.filters), inputs)
    channels, graphs, picks = stage.filters, [], []
    for channel in range(channels):
        picks.append(range(channel, len(inputs), channels))
        column, mine = weight[:, channel], [inputs[i] for i in picks[-1]]
        if stage.maximum:
            smallest = bool(np.any(column < 0))
            shifts = [abs(w).bit_length() - 1 if w else None for w in column.tolist()]
            graph = extreme_graph(shifts, mine, smallest)
            graph.outputs = [Output(o.value, o.shift, smallest) for o in graph.outputs]
        else:
            graph = matrix_graph(column[:, None], mine)
        graphs.append(graph)
    return join(graphs, picks, inputs)
