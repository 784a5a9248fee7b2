"""The plan of a time-multiplexed engine for an integer network.

The engine has ``outputs`` x ``inputs`` multipliers.  Each step reads one row of
``inputs`` operands, multiplies it with the weights of ``outputs`` results and adds
the products to as many accumulators; the last step of a group hands the
accumulators to a rounding stage, whose results go into the operand store.

The steps of a stage are loops in loops (:class:`Loop`): over the rows of a pixel,
the pixels of the window, the groups of results, the positions of the window.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from asicflow.errors import UserError
from asicflow.hls.layout import Layout, Slot, lay_out, rows_of
from asicflow.hls.ranges import Fit, Interval
from asicflow.hls.stages import MatrixStage, StageList, build_stages
from asicflow.model.spec import NETWORK_INPUT, Spec

PIPELINE_GAP = 3
"""Idle steps between two stages: operand, sum and accumulator registers drain."""

LOOPS = ("depth", "tap_x", "tap_y", "share", "group", "x", "y")
"""The loops of a stage, innermost first: rows of a pixel; pixels and lines of the window; groups of
results that read the same rows, and that read others; positions of the window."""
WINDOW_LOOPS = 3
"""So many of them are inside one result."""
GROUP_LOOPS = 5
"""So many are inside one position of the window."""

_MAX_INPUTS = 32
_MAX_MULTIPLIERS = 16384


@dataclass(frozen=True)
class Loop:
    """Repetitions, and by how much one more moves the row that is read, its place in the line, and the line."""

    count: int = 1
    row: int = 0
    x: int = 0
    y: int = 0


@dataclass(frozen=True)
class Walk:
    """How a stage reads: its loops, innermost first, and where it begins.

    ``width`` rows make a line and ``height`` lines the input; rows outside are padding.
    ``members``: for every group of one position, the filter of every result lane (None: no result).
    """

    loops: tuple[Loop, ...]
    row: int
    x: int
    y: int
    width: int
    height: int
    padded: bool
    members: list[list[int | None]]
    pixel: list[list[int | None]]

    @property
    def steps(self) -> int:
        """Steps of the stage."""
        return math.prod(loop.count for loop in self.loops)

    @property
    def words(self) -> int:
        """Steps of one position of the window: words of weights."""
        return math.prod(loop.count for loop in self.loops[:GROUP_LOOPS])

    def first_row(self, group: int) -> int:
        """The row of the pixel that a group reads first."""
        share = self.loops[LOOPS.index("share")].count
        return group // share * self.loops[LOOPS.index("group")].row


@dataclass
class EnginePlan:
    """Everything that the RTL needs.

    ``reloadable``: the weights lie in a memory that is written at run time; the widths hold for all of their types.
    """

    spec: Spec
    outputs: int
    inputs: int
    network: StageList
    layout: Layout
    walks: list[Walk]
    operand_bits: int
    weight_bits: int
    sum_bits: int
    accum_bits: int
    bias_bits: int
    slots: list[Slot] = field(default_factory=list)
    reloadable: bool = False

    @property
    def stages(self) -> list[MatrixStage]:
        """The stages in order."""
        return self.network.stages

    @property
    def multipliers(self) -> int:
        """Multipliers of the engine."""
        return self.outputs * self.inputs

    @property
    def words(self) -> int:
        """Words of weights."""
        return sum(walk.words for walk in self.walks)

    @property
    def groups(self) -> int:
        """Groups of results that have biases of their own."""
        return sum(len(walk.members) for walk in self.walks)

    @property
    def cycles(self) -> int:
        """Clock cycles from ``start_i`` to ``done_o``."""
        return cycles(self.walks)

    @cached_property
    def slot_numbers(self) -> dict[tuple[int, int], int]:
        """Index into ``slots`` by row and column of the store."""
        return {place: number for number, place in enumerate(self.layout.slots)}

    def slot(self, tensor: str, element: int) -> int:
        """The slot of an element of a tensor."""
        return self.slot_numbers[self.layout.place(tensor, element)]

    def writes(self, index: int) -> Iterator[list[tuple[int, int, int]]]:
        """For every group of results of a stage in time: (element of the target, result lane, slot)."""
        stage, walk = self.stages[index], self.walks[index]
        for pixel in range(stage.window.pixels):
            for members in walk.members:
                elements = [
                    (stage.place.of(pixel * stage.filters + member), lane)
                    for lane, member in enumerate(members)
                    if member is not None
                ]
                yield [(element, lane, self.slot(stage.target, element)) for element, lane in elements]


def cycles(walks: list[Walk]) -> int:
    """Clock cycles of an inference, from ``start_i`` to ``done_o``."""
    return 1 + sum(walk.steps + PIPELINE_GAP for walk in walks)


def walk_of(stages: StageList, stage: MatrixStage, outputs: int, inputs: int, layout: Layout | None = None) -> Walk:
    """The walk of a stage; without a layout the rows are counted from 0."""
    window, tensor = stage.window, stages.tensors[stage.sources[0]]
    channels = window.shape[2]
    pixel = _pixel_rows(channels, min(tensor.channels, channels), inputs)
    depth, share, group_row = len(pixel), 1, 0
    if stage.depthwise and inputs % outputs == 0:
        depth, share, group_row = 1, inputs // outputs, 1
    elif stage.depthwise and outputs % inputs == 0:
        depth = group_row = outputs // inputs
    members = _members(stage, pixel, outputs, depth if group_row else None, share)
    rows, base = len(pixel), layout.bases[stage.sources[0]] if layout else 0
    line = rows * window.shape[1]
    if len(stage.sources) > 1 and layout:
        line = layout.bases[stage.sources[1]] - base
    right, down = window.strides[1] * rows, window.strides[0]
    loops = (
        Loop(depth, 1, 1),
        Loop(window.kernel[1], rows, rows),
        Loop(window.kernel[0], line, 0, 1),
        Loop(share),
        Loop(len(members) // share, group_row, group_row),
        Loop(window.out[1], right, right),
        Loop(window.out[0], down * line, 0, down),
    )
    return Walk(
        loops=loops,
        row=base - window.pad_top * line - window.pad_left * rows,
        x=-window.pad_left * rows,
        y=-window.pad_top,
        width=rows * window.shape[1],
        height=window.shape[0],
        padded=window.padded,
        members=members,
        pixel=pixel,
    )


def _pixel_rows(channels: int, together: int, columns: int) -> list[list[int | None]]:
    """The channels in every row of a pixel whose rows begin anew after ``together`` channels."""
    rows: list[list[int | None]] = []
    for start in range(0, channels, together):
        for row in range(rows_of(together, columns)):
            found = [row * columns + column for column in range(columns)]
            rows.append([start + channel if channel < together else None for channel in found])
    return rows


def _members(
    stage: MatrixStage, pixel: list[list[int | None]], outputs: int, depth: int | None, share: int
) -> list[list[int | None]]:
    if depth is None:
        lanes = [list(range(start, start + outputs)) for start in range(0, stage.filters, outputs)]
        return [[f if f < stage.filters else None for f in group] for group in lanes]
    groups: list[list[int | None]] = []
    for start in range(0, len(pixel), depth):
        found = [channel for row in pixel[start : start + depth] for channel in row]
        for part in range(share):
            group = found[part * outputs : (part + 1) * outputs]
            groups.append(group + [None] * (outputs - len(group)))
    return groups


def plan_engine(spec: Spec, outputs: int, inputs: int, reloadable: bool = False) -> EnginePlan:
    """Plan an engine of ``outputs`` x ``inputs`` multipliers for a network, with weights that stay or are reloadable.

    Raises
    ------
    UserError
        If the counts are not positive, or a saturating accumulator needs
        ``inputs`` = 1 because its products must be added in order.
    """
    if outputs < 1 or inputs < 1 or outputs * inputs > _MAX_MULTIPLIERS:
        raise UserError(
            f"an engine of {outputs} x {inputs} multipliers is not possible",
            hint=f"use 1 to {_MAX_MULTIPLIERS}",
        )
    found = build_stages(spec, reloadable)
    stages = found.stages
    if inputs > 1 and any(stage.saturate for stage in stages):
        raise UserError(
            "a saturating accumulator adds its products one by one; the engine must take one input per step",
            hint="give 'accum: auto' for the layer, which never saturates",
        )
    layout = lay_out(found, inputs, math.lcm(inputs, outputs) // inputs)
    sums = max(_sum_bits(stage, inputs) for stage in stages)
    accum = max(_accum_bits(stage) for stage in stages)
    return EnginePlan(
        spec=spec,
        outputs=outputs,
        inputs=inputs,
        network=found,
        layout=layout,
        walks=[walk_of(found, stage, outputs, inputs, layout) for stage in stages],
        operand_bits=max(stage.operand.signed_bits for stage in stages),
        weight_bits=max(stage.weight_range.signed_bits for stage in stages),
        sum_bits=min(sums, accum),
        accum_bits=accum,
        bias_bits=max(stage.bias_range.signed_bits for stage in stages),
        slots=list(layout.slots.values()),
        reloadable=reloadable,
    )


def _sum_bits(stage: MatrixStage, inputs: int) -> int:
    """Bits of the sum of one step's products, before the left shift, at most those of the whole sum.

    Any weights can fill the sum of ``inputs`` products; given ones are bounded by the whole sum alone.
    """
    product = stage.products
    for step in stage.product_steps:
        product = step.apply(product)
    if stage.saturate:
        return product.signed_bits
    bias = stage.bias_range
    ends = (bias.low, bias.high) if stage.free else (bias.high, bias.low)
    total = Interval(stage.total.low - ends[0], stage.total.high - ends[1])
    bits = Interval(min(total.low, 0), max(total.high, 0)).signed_bits
    if stage.free:
        bits = min(bits, Interval(inputs * product.low, inputs * product.high).signed_bits)
    return max(bits, product.signed_bits)


def _accum_bits(stage: MatrixStage) -> int:
    """Bits of the accumulator: of the exact sums, or of the wrapping type when they may wrap."""
    if stage.saturate:
        assert stage.accum is not None
        return stage.accum.width + int(not stage.accum.signed) + 1
    if stage.finish and isinstance(stage.finish[0], Fit) and stage.finish[0].kind == stage.accum:
        return stage.finish[0].kind.width + int(not stage.finish[0].kind.signed)
    return (stage.total | stage.bias_range | Interval(0, 0)).signed_bits


def choose_split(spec: Spec, multipliers: int, reloadable: bool = False) -> tuple[int, int]:
    """Split multipliers into (outputs, inputs) with the fewest cycles, then the fewest accumulators.

    Depthwise stages want one count to be a multiple of the other; an accumulator that may
    saturate wants one input.
    """
    stages = build_stages(spec, reloadable)
    widest_in = max(stage.window.shape[2] for stage in stages.stages)
    widest_out = max(stage.filters for stage in stages.stages)
    saturate = any(stage.saturate for stage in stages.stages)
    depthwise = any(stage.depthwise for stage in stages.stages)
    best: tuple[int, int, int, int] | None = None
    for outputs in range(1, min(widest_out, multipliers) + 1):
        for inputs in range(1, min(widest_in, multipliers // outputs, _MAX_INPUTS) + 1):
            if inputs > 1 and (saturate or (depthwise and inputs % outputs and outputs % inputs)):
                continue
            walks = [walk_of(stages, stage, outputs, inputs) for stage in stages.stages]
            cost = (cycles(walks), outputs * inputs, outputs, inputs)
            best = cost if best is None or cost < best else best
    assert best is not None
    return best[2], best[3]


def network_input(plan: EnginePlan) -> Iterator[tuple[int, int]]:
    """(element, slot) of every element of the network's input."""
    for element in range(plan.spec.input.size):
        yield element, plan.slot(NETWORK_INPUT, element)
