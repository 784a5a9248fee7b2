"""The XLS route of benchmarks.engines: what is given to XLS equals the integer network."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from asicflow.errors import ToolMissing, UserError
from asicflow.model import golden
from asicflow.model.fixed import FixedType, IntArray, overflow
from asicflow.model.spec import Conv, OutputPort, Pool, Port, Spec, Window
from benchmarks import xls_route

from .test_plan import dense_network
from .test_unroll import exact_network

_NODE = re.compile(r"\s+(?:ret )?(\w+): bits\[(\d+)\] = (\w+)\((.*)\)")


def evaluate(ir: str, x: int) -> int:
    """Run a function of XLS's intermediate representation on the bits of ``x``."""
    bits, values = {}, {"x": x}
    bits["x"] = int(re.findall(r"x: bits\[(\d+)\]", ir)[0])
    name = ""
    for found in map(_NODE.fullmatch, ir.splitlines()):
        if found is None:
            continue
        name, width, operation, text = found[1], int(found[2]), found[3], found[4]
        numbers = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", text)}
        names = re.findall(r"\b[vx]\d*\b", text)
        signed = [values[n] - (values[n] >> (bits[n] - 1) << bits[n]) for n in names]
        match operation:
            case "bit_slice":
                assert numbers["start"] + width <= bits[names[0]] and numbers["width"] == width
                value = values[names[0]] >> numbers["start"]
            case "literal":
                value = numbers["value"]
            case "zero_ext":
                value = values[names[0]]
            case "sign_ext":
                value = signed[0]
            case "smul":
                value = signed[0] * signed[1]
            case "add":
                assert bits[names[0]] == bits[names[1]] == width
                value = values[names[0]] + values[names[1]]
            case "slt":
                value = int(signed[0] < signed[1])
            case "sgt":
                value = int(signed[0] > signed[1])
            case "sel":
                value = values[names[1 + values[names[0]]]]
            case "concat":
                assert sum(bits[n] for n in names) == width
                value = 0
                for n in names:
                    value = value << bits[n] | values[n]
            case _:
                raise AssertionError(operation)
        bits[name], values[name] = width, value & ((1 << width) - 1)
    return values[name]


def outputs(spec: Spec, x_int: IntArray) -> IntArray:
    """The outputs that the written function gives for rows of inputs."""
    ir, width = xls_route.network_ir(spec), spec.input.type.width
    plain = FixedType(width=spec.output.type.width, frac=0, signed=spec.output.type.signed)
    rows = []
    for row in x_int.tolist():
        packed = sum((value & ((1 << width) - 1)) << (k * width) for k, value in enumerate(row))
        y = evaluate(ir, packed)
        rows.append([y >> (k * plain.width) & ((1 << plain.width) - 1) for k in range(spec.output.size)])
    return overflow(np.array(rows, dtype=np.int64), plain)


def conv_network() -> Spec:
    """A padded convolution on a picture without sign."""
    kind, wide = FixedType(width=6, frac=3, signed=False), FixedType(width=20, frac=6)
    window = Window(shape=(3, 4, 2), kernel=(2, 3), strides=(1, 2), pad_top=1, pad_left=1, out=(3, 2))
    rng = np.random.default_rng(4)
    layer = Conv(
        name="conv", window=window, filters=3, weight=rng.integers(-8, 8, (12, 3)).tolist(),
        weight_type=FixedType(width=4, frac=3), bias=[3, -7, 0], bias_type=wide, accum=wide,
        result=FixedType(width=7, frac=2, rounding="RND", saturation="SAT"),
    )  # fmt: skip
    return Spec(
        name="conv", input=Port(shape=[3, 4, 2], size=24, type=kind),
        output=OutputPort(shape=[3, 2, 3], size=18, type=layer.result), layers=[layer],
    )  # fmt: skip


@pytest.mark.parametrize("spec", [exact_network(5, 6, 4), conv_network()], ids=["dense", "conv"])
def test_function_equals_the_network(spec: Spec) -> None:
    kind = spec.input.type
    x_int = np.random.default_rng(2).integers(kind.low, kind.high, (40, spec.input.size), endpoint=True)
    found = outputs(spec, x_int)
    assert np.array_equal(found, golden.run(spec, x_int)) and len(np.unique(found)) > 10


def test_other_weights_differ() -> None:
    spec = conv_network()
    x_int = np.full((1, 24), 21)
    layer = spec.layers[0]
    assert isinstance(layer, Conv)
    layer.weight[4][1] += 4
    assert not np.array_equal(outputs(spec, x_int), golden.run(conv_network(), x_int))


def test_what_is_not_written_is_refused() -> None:
    window = Window(shape=(1, 4, 1), kernel=(1, 2), strides=(1, 2), out=(1, 2))
    kind = FixedType(width=6, frac=3)
    pool = Pool(name="pool", function="max", window=window, accum=kind, result=kind)
    spec = Spec(
        name="pool", input=Port(shape=[4, 1], size=4, type=kind),
        output=OutputPort(shape=[2, 1], size=2, type=kind), layers=[pool],
    )  # fmt: skip
    with pytest.raises(UserError, match="a maximum is not written for XLS"):
        xls_route.network_ir(spec)
    with pytest.raises(UserError, match=r"rounds every product|saturates its sum"):
        xls_route.network_ir(dense_network(6, 5, accum="fixed<12,8>"))


@pytest.mark.parametrize("python", [None, "/nowhere/python"])
def test_without_xls(python: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(xls_route.PYTHON, raising=False)
    monkeypatch.setattr(xls_route.importlib.util, "find_spec", lambda name: None)
    if python:
        monkeypatch.setenv(xls_route.PYTHON, python)
    with pytest.raises(ToolMissing, match="XLS is not installed") as caught:
        xls_route.write_xls(conv_network(), 40.0, tmp_path)
    assert "xls-python" in str(caught.value.hint)
