"""Graphs of adders: the products of the matrix, intervals that hold them, and what da4ml must not do."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asicflow.errors import ExitCode, StageError, ToolMissing, UserError
from asicflow.hls import adder_graph
from asicflow.hls.adder_graph import Graph, extreme_graph, join, matrix_graph
from asicflow.hls.ranges import Interval
from asicflow.model.fixed import IntArray


def evaluate(graph: Graph, x: IntArray) -> IntArray:
    """Outputs (N, n_out) of inputs (N, n_in); every value must lie in its interval."""
    values = list(x.T)
    operations = {"add": np.add, "subtract": np.subtract, "maximum": np.maximum, "minimum": np.minimum}
    for node in graph.nodes:
        operands = values[node.left] << node.left_shift, values[node.right] << node.right_shift
        values.append(operations[node.operation](*operands))
        assert node.seen.low <= values[-1].min() and values[-1].max() <= node.seen.high
    found = []
    for output in graph.outputs:
        value = np.zeros(len(x), dtype=np.int64) if output.value is None else values[output.value]
        value = value << output.shift if output.shift >= 0 else value >> -output.shift
        found.append(-value if output.negative else value)
    return np.stack(found, axis=1)


def intervals(draw: st.DrawFn, count: int) -> list[Interval]:
    ends = st.tuples(st.integers(-200, 200), st.integers(0, 300)).map(lambda pair: Interval(pair[0], sum(pair)))
    return draw(st.lists(ends, min_size=count, max_size=count))


def inputs_of(seen: list[Interval]) -> IntArray:
    """The ends of every interval, then values between."""
    low, high = np.array([s.low for s in seen]), np.array([s.high for s in seen])
    return np.concatenate([[low, high], np.random.default_rng(0).integers(low, high, (20, len(seen)), endpoint=True)])


@settings(max_examples=40)
@given(data=st.data(), rows=st.integers(1, 6), columns=st.integers(1, 5), bits=st.integers(1, 9))
def test_products(data: st.DataObject, rows: int, columns: int, bits: int) -> None:
    some = st.one_of(st.just(0), st.integers(-(1 << bits), 1 << bits), st.sampled_from([1, -1, 64, -64]))
    flat = data.draw(st.lists(some, min_size=rows * columns, max_size=rows * columns))
    matrix, seen = np.array(flat, dtype=np.int64).reshape(rows, columns), intervals(data.draw, rows)
    x, graph = inputs_of(seen), matrix_graph(matrix, seen)
    np.testing.assert_array_equal(evaluate(graph, x), x @ matrix)
    for column in range(columns):
        assert graph.total(column).low <= (x @ matrix)[:, column].min()
        assert (x @ matrix)[:, column].max() <= graph.total(column).high


@settings(max_examples=40)
@given(data=st.data(), count=st.integers(1, 7), smallest=st.booleans())
def test_extremes(data: st.DataObject, count: int, smallest: bool) -> None:
    seen = intervals(data.draw, count)
    shifts = data.draw(st.lists(st.one_of(st.none(), st.integers(0, 3)), min_size=count, max_size=count))
    x = inputs_of(seen)
    terms = [x[:, i] << shift for i, shift in enumerate(shifts) if shift is not None]
    expected = (np.min if smallest else np.max)(terms, axis=0) if terms else np.zeros(len(x))
    np.testing.assert_array_equal(evaluate(extreme_graph(shifts, seen, smallest), x)[:, 0], expected)


def test_side_by_side() -> None:
    seen = [Interval(-8, 7)] * 4
    parts = [matrix_graph(np.array([[3], [5]]), seen[:2]), matrix_graph(np.array([[7], [-9]]), seen[:2])]
    x = inputs_of(seen)
    whole = evaluate(join(parts, [[0, 2], [1, 3]], seen), x)
    np.testing.assert_array_equal(whole, np.stack([3 * x[:, 0] + 5 * x[:, 2], 7 * x[:, 1] - 9 * x[:, 3]], axis=1))


def test_products_are_shared() -> None:
    """Two equal columns cost what one does."""
    column = np.array([[37], [-91], [55]])
    seen = [Interval(-128, 127)] * 3
    assert len(matrix_graph(np.tile(column, 2), seen).nodes) == len(matrix_graph(column, seen).nodes)


def test_a_wrong_graph_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: da4ml answers for another matrix."""
    solve = adder_graph._solve
    monkeypatch.setattr(adder_graph, "_solve", lambda matrix, inputs: solve(matrix + 1, inputs))
    with pytest.raises(StageError, match="not that of the weights"):
        matrix_graph(np.array([[11, 13]]), [Interval(-4, 3)])


def test_too_wide_weights_are_refused() -> None:
    with pytest.raises(UserError, match="24 bits"):
        matrix_graph(np.array([[1 << 24]]), [Interval(0, 1)])


def test_without_da4ml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "da4ml.cmvm", None)
    with pytest.raises(ToolMissing, match="da4ml") as caught:
        matrix_graph(np.array([[1, 77]]), [Interval(0, 3)])
    assert caught.value.exit_code == ExitCode.TOOL_MISSING and "asicflow[adder-graph]" in str(caught.value)
