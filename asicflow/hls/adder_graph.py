"""Constant matrices as shift-and-add graphs: every product shares what it can with the others.

The package da4ml finds the graph; its list of operations is all that is taken from it.  It becomes a list of
:class:`Node` on integers, is checked against the matrix, and gets exact intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from asicflow.errors import StageError, ToolMissing, UserError
from asicflow.hls.ranges import Interval
from asicflow.model.fixed import IntArray

Operation = Literal["add", "subtract", "maximum", "minimum"]

INSTALL = "pip install 'asicflow[adder-graph]'"

_INPUT, _ADD, _SUBTRACT = -1, 0, 1
"""Operation codes of da4ml: a copy of an input, a sum, a difference."""
_MAX_WEIGHT = 1 << 24
"""da4ml takes matrices of 32-bit floats, which hold smaller integers exactly."""


@dataclass(frozen=True)
class Node:
    """``(left << left_shift) op (right << right_shift)`` of two earlier values; ``maximum`` keeps the larger."""

    operation: Operation
    left: int
    left_shift: int
    right: int
    right_shift: int
    seen: Interval


@dataclass(frozen=True)
class Output:
    """``+- value * 2**shift``; ``value`` None is 0.  A negative shift drops bits that are always 0."""

    value: int | None
    shift: int = 0
    negative: bool = False


@dataclass
class Graph:
    """Values are numbered: first the inputs, whose intervals are ``inputs``, then ``nodes`` in order."""

    inputs: list[Interval]
    nodes: list[Node]
    outputs: list[Output]

    def seen(self, value: int) -> Interval:
        """Interval of a value."""
        return self.inputs[value] if value < len(self.inputs) else self.nodes[value - len(self.inputs)].seen

    def total(self, number: int) -> Interval:
        """Interval of an output."""
        output = self.outputs[number]
        if output.value is None:
            return Interval(0, 0)
        found = self.seen(output.value)
        low, high = (_shift(end, output.shift) for end in (found.low, found.high))
        return Interval(-high, -low) if output.negative else Interval(low, high)

    @property
    def adder_bits(self) -> int:
        """Full adders of all nodes: bits of each result but those that one operand alone gives."""
        return sum(node.seen.signed_bits - max(node.left_shift, node.right_shift) for node in self.nodes)


def _shift(value: int, shift: int) -> int:
    return value << shift if shift >= 0 else value >> -shift


def matrix_graph(matrix: IntArray, inputs: Sequence[Interval]) -> Graph:
    """The graph of ``x @ matrix``.

    Parameters
    ----------
    matrix : (n_in, n_out) int64
        Constants, below 2**24 in magnitude.
    inputs : sequence of n_in Interval
        What each ``x`` can be.

    Raises
    ------
    UserError
        If a constant is too large.
    StageError
        If da4ml's graph is not that of the matrix.
    ToolMissing
        If da4ml is not installed.
    """
    if np.abs(matrix).max(initial=0) >= _MAX_WEIGHT:
        raise UserError("weights of more than 24 bits have no adder graph", hint="use narrower weights")
    zero = np.array([seen == Interval(0, 0) for seen in inputs])
    used = np.where(zero[:, None], 0, matrix).astype(np.int64)
    return _cached(used.shape, used.tobytes(), tuple(inputs))


@lru_cache(maxsize=64)
def _cached(shape: tuple[int, int], data: bytes, inputs: tuple[Interval, ...]) -> Graph:
    matrix = np.frombuffer(data, dtype=np.int64).reshape(shape)
    builder = _Builder(list(inputs))
    values: list[_Scaled] = [_Scaled(i) for i in range(shape[0])]
    for part in _solve(matrix, inputs):
        values = builder.run(part, values)
    outputs = [Output(v.value, v.exponent if v.value is not None else 0, v.negative) for v in values]
    builder.check(matrix, outputs)
    return Graph(list(inputs), builder.nodes, outputs)


def _solve(matrix: IntArray, inputs: Sequence[Interval]) -> Sequence[Any]:
    """da4ml's parts, one behind the other.  Cost and delay count single full adders."""
    try:
        from da4ml.cmvm import QInterval, solve
    except ImportError as error:
        raise ToolMissing("the package da4ml", INSTALL) from error
    ranges = [QInterval(float(seen.low), float(seen.high), 1.0) for seen in inputs]
    found = solve(
        matrix.astype(np.float32), qintervals=ranges, adder_size=1, carry_size=-1, search_all_decompose_dc=False
    )
    parts: Sequence[Any] = found.solutions
    return parts


@dataclass(frozen=True)
class _Scaled:
    """``+- value * 2**exponent``; ``value`` None is 0."""

    value: int | None
    exponent: int = 0
    negative: bool = False


class _Builder:
    """Turns da4ml's operations on scaled numbers into nodes on integers."""

    def __init__(self, inputs: list[Interval]) -> None:
        self.low = np.array([seen.low for seen in inputs], dtype=np.int64)
        self.high = np.array([seen.high for seen in inputs], dtype=np.int64)
        self.factors = list(np.identity(len(inputs), dtype=np.int64))
        self.nodes: list[Node] = []

    def run(self, part: Any, inputs: list[_Scaled]) -> list[_Scaled]:
        """Add the nodes of one part; its outputs."""
        buffer: list[_Scaled] = []
        for operation in part.ops:
            if operation.opcode == _INPUT:
                source, shift = inputs[operation.id0], int(part.inp_shifts[operation.id0])
                buffer.append(_Scaled(source.value, source.exponent + shift, source.negative))
            elif operation.opcode in (_ADD, _SUBTRACT):
                right = buffer[operation.id1]
                flip = right.negative != (operation.opcode == _SUBTRACT)
                buffer.append(
                    self._add(buffer[operation.id0], _Scaled(right.value, right.exponent + int(operation.data), flip))
                )
            else:
                raise StageError(f"da4ml gave operation {operation.opcode}, which is no sum", where="adder graph")
        found = []
        for index, shift, negative in zip(part.out_idxs, part.out_shifts, part.out_negs, strict=True):
            value = buffer[index] if index >= 0 else _Scaled(None)
            found.append(_Scaled(value.value, value.exponent + int(shift), value.negative != bool(negative)))
        return found

    def _add(self, a: _Scaled, b: _Scaled) -> _Scaled:
        if a.value is None or b.value is None:
            return b if a.value is None else a
        exponent = min(a.exponent, b.exponent)
        if a.negative and not b.negative:
            a, b = b, a
        left_shift, right_shift = a.exponent - exponent, b.exponent - exponent
        assert a.value is not None and b.value is not None
        subtract = b.negative != a.negative
        right = self.factors[b.value] << right_shift
        factors = (self.factors[a.value] << left_shift) + (-right if subtract else right)
        ends = np.stack([factors * self.low, factors * self.high])
        seen = Interval(int(ends.min(axis=0).sum()), int(ends.max(axis=0).sum()))
        operation: Operation = "subtract" if subtract else "add"
        self.nodes.append(Node(operation, a.value, left_shift, b.value, right_shift, seen))
        self.factors.append(factors)
        return _Scaled(len(self.factors) - 1, exponent, a.negative)

    def check(self, matrix: IntArray, outputs: list[Output]) -> None:
        """The factors of every output are a column of the matrix."""
        for column, output in zip(matrix.T, outputs, strict=True):
            factors = np.zeros_like(column) if output.value is None else self.factors[output.value]
            scaled = factors << output.shift if output.shift >= 0 else factors >> -output.shift
            exact = output.shift >= 0 or not np.any(factors & ((1 << -output.shift) - 1))
            if not exact or not np.array_equal(-scaled if output.negative else scaled, column):
                raise StageError("da4ml's graph is not that of the weights", where="adder graph")


def extreme_graph(shifts: Sequence[int | None], inputs: Sequence[Interval], smallest: bool) -> Graph:
    """The graph of the largest, or the ``smallest``, of ``x[i] << shifts[i]``; None takes no part."""
    found = Graph(list(inputs), [], [])
    terms = [(index, shift) for index, shift in enumerate(shifts) if shift is not None]
    while len(terms) > 1:
        rest = [terms[-1]] if len(terms) % 2 else []
        terms = [_extreme(found, a, b, smallest) for a, b in zip(terms[::2], terms[1::2], strict=False)] + rest
    found.outputs = [Output(*terms[0])] if terms else [Output(None)]
    return found


def _extreme(graph: Graph, a: tuple[int, int], b: tuple[int, int], smallest: bool) -> tuple[int, int]:
    pick, low_shift = min if smallest else max, min(a[1], b[1])
    ends = [
        (graph.seen(value).low << (shift - low_shift), graph.seen(value).high << (shift - low_shift))
        for value, shift in (a, b)
    ]
    seen = Interval(pick(ends[0][0], ends[1][0]), pick(ends[0][1], ends[1][1]))
    operation: Operation = "minimum" if smallest else "maximum"
    graph.nodes.append(Node(operation, a[0], a[1] - low_shift, b[0], b[1] - low_shift, seen))
    return len(graph.inputs) + len(graph.nodes) - 1, low_shift


def join(graphs: Sequence[Graph], picks: Sequence[Sequence[int]], inputs: list[Interval]) -> Graph:
    """Graphs side by side: input i of graph g is input ``picks[g][i]`` of the whole."""
    found = Graph(inputs, [], [])
    for graph, pick in zip(graphs, picks, strict=True):
        number = [*pick, *range(len(inputs) + len(found.nodes), len(inputs) + len(found.nodes) + len(graph.nodes))]
        for node in graph.nodes:
            found.nodes.append(replace(node, left=number[node.left], right=number[node.right]))
        for output in graph.outputs:
            found.outputs.append(replace(output, value=None if output.value is None else number[output.value]))
    return found
