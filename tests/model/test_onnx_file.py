"""ONNX files against ONNX' own reference evaluator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from asicflow.errors import UserError
from asicflow.model.data import load_data
from asicflow.model.onnx_file import load_onnx
from asicflow.model.reference import forward

RNG = np.random.default_rng(0)


def write(path: Path, nodes: list[Any], shape: tuple[int, ...], n_out: int, constants: dict[str, Any]) -> Path:
    """A model from ``x`` to ``y``."""
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *shape])
    sink = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, n_out])
    items = [numpy_helper.from_array(np.asarray(v, dtype=np.float32), name) for name, v in constants.items()]
    graph = helper.make_graph(nodes, "net", [source], [sink], items)
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("qonnx.custom_op.general", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    onnx.save(model, str(path))
    return path


def test_picture(tmp_path: Path) -> None:
    """Channels first becomes channels last: picture, kernels, and the rows of the Dense layer behind Flatten."""
    constants = {
        "k": RNG.normal(size=(4, 2, 3, 3)), "kb": RNG.normal(size=4), "d": RNG.normal(size=(4, 1, 2, 2)),
        "w": RNG.normal(size=(3, 24)), "b": RNG.normal(size=3),
    }  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["x", "k", "kb"], ["c"], pads=[1, 1, 1, 1], strides=[1, 1], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Conv", ["r", "d"], ["e"], group=4, kernel_shape=[2, 2]),
        helper.make_node("MaxPool", ["e"], ["m"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["m"], ["f"]),
        helper.make_node("Gemm", ["f", "w", "b"], ["y"], transB=1),
    ]
    file = write(tmp_path / "m.onnx", nodes, (2, 7, 5), 3, constants)
    x = RNG.normal(size=(20, 2, 7, 5)).astype(np.float32)
    wanted = np.concatenate([ReferenceEvaluator(str(file)).run(None, {"x": row[None]})[0] for row in x])
    network = load_onnx(file)
    assert network.input_shape == (7, 5, 2)
    np.savez(tmp_path / "data.npz", x=x)
    results = forward(network, load_data(tmp_path / "data.npz", network, 3).x)
    np.testing.assert_allclose(results[list(results)[-1]], wanted, rtol=1e-4, atol=1e-4)


def quant(source: str, scale: str, target: str) -> Any:
    return helper.make_node(
        "Quant", [source, scale, "zero", "bits"], [target], domain="qonnx.custom_op.general",
        signed=1, narrow=0, rounding_mode="ROUND",
    )  # fmt: skip


@pytest.mark.parametrize(("scale", "works"), [(0.25, True), (0.3, False)])
def test_quant(tmp_path: Path, scale: float, works: bool) -> None:
    constants = {"w": RNG.normal(size=(4, 2)), "scale": scale, "zero": 0.0, "bits": 4.0}
    nodes = [quant("x", "scale", "q"), quant("w", "scale", "wq"), helper.make_node("MatMul", ["q", "wq"], ["y"])]
    file = write(tmp_path / "m.onnx", nodes, (4,), 2, constants)
    if not works:
        with pytest.raises(UserError, match="no power of two"):
            load_onnx(file)
        return
    layers = load_onnx(file).layers
    assert layers[0].types == {"result": "fixed<4,2,RND_CONV,SAT>"}
    assert layers[1].types == {"weight": "fixed<4,2,RND_CONV,SAT>"}
    assert np.array_equal(layers[1].weights["kernel"] * 4 % 1, np.zeros((4, 2)))


def test_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "m.onnx", [helper.make_node("Erf", ["x"], ["y"])], (4,), 4, {})
    with pytest.raises(UserError, match="operator Erf"):
        load_onnx(file)
    (tmp_path / "bad.onnx").write_bytes(b"hello")
    with pytest.raises(UserError, match="cannot be read"):
        load_onnx(tmp_path / "bad.onnx")


def test_large_input_is_refused_before_the_graph_is_cleaned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import qonnx.util.cleanup

    monkeypatch.setattr(qonnx.util.cleanup, "cleanup_model", lambda model: pytest.fail("it was cleaned"))
    file = write(tmp_path / "m.onnx", [helper.make_node("Relu", ["x"], ["y"])], (3, 256, 256), 4, {})
    with pytest.raises(UserError, match="196608 inputs; the accelerator's window holds 8192"):
        load_onnx(file)
