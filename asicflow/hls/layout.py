"""Where the tensors lie in the operand store.

The store has rows of as many elements as a step reads.  A pixel of a tensor
begins a new row.  Tensors share rows when they never live at the same time; a
slot has the bits that its elements need.
"""

from __future__ import annotations

from dataclasses import dataclass

from asicflow.hls.ranges import Interval
from asicflow.hls.stages import StageList, Tensor
from asicflow.model.spec import NETWORK_INPUT


@dataclass(frozen=True)
class Slot:
    """A register of the store: bits ``shift`` and up of its elements, ``width`` of them."""

    width: int
    signed: bool
    shift: int


@dataclass
class Layout:
    """Slots by (row, column), and the first row of every tensor."""

    columns: int
    rows: int
    bases: dict[str, int]
    slots: dict[tuple[int, int], Slot]
    tensors: dict[str, Tensor]

    def place(self, name: str, element: int) -> tuple[int, int]:
        """Row and column of an element of a tensor."""
        pixel, channel = divmod(element, self.tensors[name].channels)
        row = self.bases[name] + pixel * rows_of(self.tensors[name].channels, self.columns) + channel // self.columns
        return row, channel % self.columns


def rows_of(channels: int, columns: int) -> int:
    """Rows of a pixel."""
    return -(-channels // columns)


def tensor_rows(tensor: Tensor, columns: int) -> int:
    """Rows of a tensor."""
    return tensor.size // tensor.channels * rows_of(tensor.channels, columns)


def lay_out(stages: StageList, columns: int, align: int) -> Layout:
    """Give every tensor its rows, large ones first, each as low as what lives beside it allows.

    The output never lies on the input: it stays readable while the next input is written.

    Parameters
    ----------
    stages : StageList
        Stages and tensors.
    columns : int
        Elements of a row.
    align : int
        First rows are multiples of this, so that a slot is mostly written by one lane.
    """
    tensors = stages.tensors
    lives = _lives(stages)
    sizes = {name: tensor_rows(tensor, columns) for name, tensor in tensors.items()}
    bases: dict[str, int] = {}
    for name in sorted(tensors, key=lambda name: -sizes[name]):
        beside = [other for other in bases if _meet(name, other, lives, stages.output)]
        base = 0
        for other in sorted(beside, key=lambda other: bases[other]):
            if base + sizes[name] > bases[other]:
                base = max(base, -(-(bases[other] + sizes[other]) // align) * align)
        bases[name] = base
    layout = Layout(columns, max(bases[name] + sizes[name] for name in tensors), bases, {}, tensors)
    layout.slots = _slots(layout)
    return layout


def _lives(stages: StageList) -> dict[str, tuple[int, int]]:
    """The stages that write a tensor first and use it last."""
    lives = {NETWORK_INPUT: (-1, -1)}
    for index, stage in enumerate(stages.stages):
        for name in (*stage.sources, stage.target):
            lives[name] = (lives.get(name, (index, index))[0], index)
    lives[stages.output] = (lives[stages.output][0], len(stages.stages))
    return lives


def _meet(a: str, b: str, lives: dict[str, tuple[int, int]], output: str) -> bool:
    together = lives[a][0] <= lives[b][1] and lives[b][0] <= lives[a][1]
    return together or {a, b} == {NETWORK_INPUT, output}


def _slots(layout: Layout) -> dict[tuple[int, int], Slot]:
    seen: dict[tuple[int, int], tuple[Interval, int]] = {}
    for name, tensor in layout.tensors.items():
        for index, element in enumerate(tensor.elements):
            place = layout.place(name, index)
            interval, shift = seen.get(place, (element.seen, element.shift))
            seen[place] = (interval | element.seen, min(shift, element.shift))
    return {
        place: Slot(max(interval.bits - shift, 1), interval.low < 0, shift)
        for place, (interval, shift) in sorted(seen.items())
    }
