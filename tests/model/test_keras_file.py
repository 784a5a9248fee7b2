"""Keras files: the forms that work, and one clear error for each that does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asicflow.errors import UserError
from asicflow.model.keras_file import load_keras

from .networks import dense, functional, input_layer, layer, sequential, small_layers, write_h5


@pytest.mark.parametrize("form", ["sequential", "keras2", "keras3"])
def test_whole_model(tmp_path: Path, form: str) -> None:
    layers = small_layers()
    layers.insert(2, layer("Dropout", "drop", rate=0.5))
    architecture = sequential(layers) if form == "sequential" else functional(layers, keras3=form == "keras3")
    network = load_keras(write_h5(tmp_path / "m.h5", architecture, layers))
    assert [x.name for x in network.layers] == ["hidden", "output"]
    assert network.input_shape == (6,) and network.classifier
    np.testing.assert_array_equal(network.layers[0].weights["kernel"], layers[1]["_weights"]["kernel"])


def test_architecture_and_weights(tmp_path: Path) -> None:
    layers = small_layers()
    (tmp_path / "m.json").write_text(json.dumps(functional(layers)))
    network = load_keras(tmp_path / "m.json", write_h5(tmp_path / "w.h5", None, layers))
    assert network.layers[1].weights["bias"].shape == (3,)


def refused(path: Path, weights: Path | None = None) -> str:
    with pytest.raises(UserError) as caught:
        load_keras(path, weights)
    assert caught.value.where
    return str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    assert "not found" in refused(tmp_path / "none.h5")


def test_damaged_file(tmp_path: Path) -> None:
    good = write_h5(tmp_path / "m.h5", sequential(small_layers()), small_layers())
    good.write_bytes(good.read_bytes()[:300])
    assert "cannot be read" in refused(good)
    (tmp_path / "text.h5").write_text("hello")
    assert "cannot be read" in refused(tmp_path / "text.h5")


def test_other_formats(tmp_path: Path) -> None:
    for name in ("m.pb", "m.pt", "model"):
        (tmp_path / name).write_bytes(b"x")
        assert "no model format" in refused(tmp_path / name)


def test_weights_only(tmp_path: Path) -> None:
    assert "no architecture" in refused(write_h5(tmp_path / "w.h5", None, small_layers()))


def test_json_without_weights(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(sequential(small_layers())))
    assert "--weights" in refused(tmp_path / "m.json")
    (tmp_path / "m.json").write_text("{")
    assert "no valid JSON" in refused(tmp_path / "m.json", write_h5(tmp_path / "w.h5", None, small_layers()))


def test_weights_of_another_model(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(sequential(small_layers())))
    other = [dense("elsewhere", np.eye(3))]
    assert "no weights of layer 'hidden'" in refused(tmp_path / "m.json", write_h5(tmp_path / "w.h5", None, other))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite(tmp_path: Path, value: float) -> None:
    layers = small_layers()
    layers[2]["_weights"]["kernel"][1, 2] = value
    text = refused(write_h5(tmp_path / "m.h5", sequential(layers), layers))
    assert "layer 'output'" in text and "1 of 15" in text


@pytest.mark.parametrize(
    ("entry", "names"),
    [
        (layer("LSTM", "cell", units=3), "'cell' is a LSTM"),
        (layer("Activation", "swish", activation="swish"), "activation swish"),
        (layer("ReLU", "six", max_value=6.0), "max_value=6.0"),
        (layer("Softmax", "soft", axis=-1), "softmax is supported at the end"),
        (layer("QActivation", "q", activation="quantized_tanh(4)"), "layer 'q' has the quantizer quantized_tanh(4)"),
        (layer("Activation", "custom", activation={"class_name": "quantized_relu"}), "custom activation"),
    ],
)
def test_unsupported_layers(tmp_path: Path, entry: dict[str, Any], names: str) -> None:
    layers = small_layers()
    layers.insert(2, entry)
    text = refused(write_h5(tmp_path / "m.h5", sequential(layers), layers))
    assert names in text and ("Dense, BatchNormalization" in text or "quantized_relu" in text)


def test_branches(tmp_path: Path) -> None:
    layers = small_layers()
    architecture = functional(layers)
    architecture["config"]["layers"][2]["inbound_nodes"] = [[["hidden", 0, 0, {}], ["in", 0, 0, {}]]]
    assert "has 2 inputs" in refused(write_h5(tmp_path / "m.h5", architecture, layers))
    architecture["config"]["layers"][2]["inbound_nodes"] = [[["in", 0, 0, {}]]]
    assert "2 outputs: hidden, output" in refused(write_h5(tmp_path / "m.h5", architecture, layers))
    architecture["config"]["layers"][2]["inbound_nodes"] = [[["elsewhere", 0, 0, {}]]]
    assert "reads elsewhere, which is not computed" in refused(write_h5(tmp_path / "m.h5", architecture, layers))


def test_open_shape(tmp_path: Path) -> None:
    layers = small_layers()
    layers[0] = input_layer(None)  # type: ignore[arg-type]
    assert "is open" in refused(write_h5(tmp_path / "m.h5", sequential(layers), layers))
