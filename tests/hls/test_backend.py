"""The plugin, reached from plain hls4ml: C simulation, golden model and RTL agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import hls4ml
import numpy as np
import pytest

from asicflow.errors import UserError
from asicflow.hls.backend import convert_keras_file
from asicflow.hls.simulate import run_engine
from asicflow.model import golden
from asicflow.model.fixed import to_float
from asicflow.model.keras_file import load_keras
from asicflow.model.lower import lower
from asicflow.model.spec import Activation, BatchNorm, Conv, Dense, Spec
from tests.model.networks import batchnorm, dense, functional, input_layer, layer, sequential, write_h5


def digits_config(project_root: Path, folder: Path, precision: str) -> dict[str, Any]:
    config: dict[str, Any] = hls4ml.utils.config.create_config(backend="AsicFlow", output_dir=str(folder))
    config["KerasH5"] = str(project_root / "examples" / "digits" / "model.h5")
    config["HLSConfig"] = {"Model": {"Precision": precision, "ReuseFactor": 64, "Strategy": "Resource"}}
    return config


def test_registered() -> None:
    assert "asicflow" in hls4ml.backends.get_available_backends()


def test_plain_hls4ml(project_root: Path, tmp_path: Path) -> None:
    """Convert, compile, predict and build with hls4ml's own functions."""
    model = hls4ml.converters.keras_v2_to_hls(digits_config(project_root, tmp_path, "fixed<10,4>"))
    model.compile()
    x = np.load(project_root / "examples" / "digits" / "test.npz")["x"]
    predicted = np.asarray(model.predict(np.ascontiguousarray(x)))
    assert predicted.shape == (360, 10)

    report = model.build()
    folder = tmp_path / "asicflow"
    spec = Spec.load(folder / "spec.json")
    assert json.loads((folder / "accel.json").read_text()) == report
    assert report["reuse"] == {"requested": 64, "effective": 64.0} and spec.output.decision == "argmax"
    assert isinstance(spec.layers[0], Dense) and str(spec.layers[0].accum) == "fixed<10,4>"

    x_int = golden.quantize_input(spec, x)
    y_int = golden.run(spec, x_int)
    np.testing.assert_array_equal(to_float(y_int, spec.output.type), predicted)
    sources = [folder / name for name in report["files"]]
    run = run_engine(spec, sources, x_int, tmp_path / "sim")
    np.testing.assert_array_equal(run.y_int, y_int)
    assert run.cycles == report["cycles"]


def every_layer() -> list[dict[str, Any]]:
    """A network with every supported kind of layer."""
    rng = np.random.default_rng(3)

    def norm(name: str, size: int) -> dict[str, Any]:
        return batchnorm(name, rng.uniform(0.5, 2, size), rng.normal(size=size), rng.normal(size=size) / 2,
                         rng.uniform(0.5, 2, size))  # fmt: skip

    return [
        input_layer(3, 2),
        layer("Flatten", "flat"),
        norm("first_norm", 6),
        dense("merged", rng.normal(size=(6, 7)) / 2, rng.normal(size=7)),
        norm("merged_norm", 7),
        layer("ReLU", "relu", max_value=None),
        dense("leaking", rng.normal(size=(7, 6)) / 2),
        layer("LeakyReLU", "leak", alpha=0.2),
        norm("apart_norm", 6),
        layer("Dropout", "drop", rate=0.5),
        dense("hard", rng.normal(size=(6, 5)) / 2, rng.normal(size=5), "hard_sigmoid"),
        layer("Reshape", "shape", target_shape=[5]),
        dense("logits", rng.normal(size=(5, 4)), rng.normal(size=4)),
        layer("Softmax", "soft", axis=-1),
    ]


TYPES = {
    "input_layer": {"result": "fixed<9,3,RND_CONV,SAT>"},
    "first_norm": {"scale": "fixed<7,3,RND,SAT>", "bias": "fixed<8,3>",
                   "result": "fixed<9,4,TRN_ZERO,SAT_SYM>"},
    "merged": {"weight": "fixed<8,2,RND,SAT>", "bias": "fixed<9,3>", "accum": "auto", "result": "auto"},
    "relu": {"result": "ufixed<6,3,RND_INF,SAT>"},
    "leaking": {"weight": "fixed<6,1>", "bias": "fixed<5,1>", "accum": "fixed<12,5,RND,WRAP>",
                "result": "fixed<11,5>"},
    "leak": {"param": "fixed<6,1,RND>", "result": "fixed<8,4,RND_MIN_INF,WRAP>"},
    "apart_norm": {"scale": "ufixed<6,2>", "bias": "fixed<6,3>", "result": "fixed<8,4,RND_ZERO,SAT_ZERO>"},
    "hard": {"weight": "fixed<7,2>", "bias": "fixed<7,2>", "accum": "fixed<11,4,TRN,SAT>",
             "result": "fixed<9,4>"},
    "hard_hard_sigmoid": {"result": "ufixed<7,1,RND,SAT>"},
    "logits": {"weight": "fixed<8,3,RND>", "bias": "fixed<8,3>", "accum": "fixed<16,8>",
               "result": "fixed<12,6,RND,SAT>"},
}  # fmt: skip


def test_every_layer_and_mode(tmp_path: Path) -> None:
    """C simulation, golden and RTL agree on all layers and all modes of rounding and overflow."""
    layers = every_layer()
    file = write_h5(tmp_path / "m.h5", functional(layers), layers)
    hls_config = {"Model": {"Precision": {"default": "fixed<16,6>"}, "ReuseFactor": 7},
                  "LayerName": {name: {"Precision": types} for name, types in TYPES.items()}}  # fmt: skip
    model = convert_keras_file(file, hls_config=hls_config, output_dir=tmp_path / "prj")
    model.compile()
    x = np.random.default_rng(0).normal(scale=2, size=(300, 6)).astype(np.float32)
    predicted = np.asarray(model.predict(x))
    report = model.build()
    folder = tmp_path / "prj" / "asicflow"
    spec = Spec.load(folder / "spec.json")
    kinds = [type(item) for item in spec.layers]
    assert kinds.count(BatchNorm) == 2, "one of three batch normalisations is merged into its Dense layer"
    functions = [item.function for item in spec.layers if isinstance(item, Activation)]
    assert {"relu", "leaky_relu", "hard_sigmoid"} <= set(functions)

    x_int = golden.quantize_input(spec, x)
    y_int = golden.run(spec, x_int)
    np.testing.assert_array_equal(to_float(y_int, spec.output.type), predicted)
    run = run_engine(spec, [folder / name for name in report["files"]], x_int, tmp_path / "sim")
    np.testing.assert_array_equal(run.y_int, y_int)


def test_nodes_are_refused_by_name(tmp_path: Path) -> None:
    layers = [input_layer(4), dense("a", np.eye(4), activation="softsign"), dense("b", np.eye(4))]
    config = hls4ml.utils.config.create_config(backend="AsicFlow", output_dir=str(tmp_path / "prj"))
    config["KerasH5"] = str(write_h5(tmp_path / "m.h5", sequential(layers), layers))
    config["HLSConfig"] = {"Model": {"Precision": "fixed<16,6>", "ReuseFactor": 1}}
    model = hls4ml.converters.keras_v2_to_hls(config)
    with pytest.raises(UserError) as caught:
        lower(model)
    assert "'a_softsign'" in str(caught.value) and "supported: Dense" in str(caught.value)


def test_dense_on_several_axes_is_a_convolution(tmp_path: Path) -> None:
    layers = [input_layer(3, 4), dense("a", np.eye(4))]
    model = convert_keras_file(write_h5(tmp_path / "m.h5", sequential(layers), layers), output_dir=tmp_path / "prj")
    layer = lower(model).layers[0]
    assert isinstance(layer, Conv) and layer.window.pixels == 3 and layer.filters == 4


def test_build_takes_no_options(project_root: Path, tmp_path: Path) -> None:
    model = hls4ml.converters.keras_v2_to_hls(digits_config(project_root, tmp_path, "fixed<10,4>"))
    with pytest.raises(TypeError, match="synth"):
        model.build(synth=True)


def test_auto_reuse(project_root: Path, tmp_path: Path) -> None:
    """hls4ml's default reuse factor of 1 aims at four multipliers."""
    config = digits_config(project_root, tmp_path, "fixed<10,4>")
    config["HLSConfig"]["Model"]["ReuseFactor"] = 1
    report = hls4ml.converters.keras_v2_to_hls(config).build()
    assert report["reuse"] == {"requested": "auto", "effective": 320.0}
    assert report["macs"] == {"no": 1, "ni": 4}


def test_keras_file_helper_reads_what_the_stage_reads(project_root: Path) -> None:
    network = load_keras(project_root / "examples" / "digits" / "model.h5")
    assert [item.name for item in network.layers] == ["hidden", "output"]
