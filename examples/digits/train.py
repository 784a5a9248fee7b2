"""Train the digits example and write model.h5 and test.npz.

A network 64-20-10 on scikit-learn's handwritten digits (8x8 pixels, 17 grey
levels), trained with scikit-learn and stored as a Keras 2 whole-model file, so
that neither TensorFlow nor Keras is needed.  Deterministic::

    pip install scikit-learn
    python examples/digits/train.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

FOLDER = Path(__file__).resolve().parent
HIDDEN = 20
KERAS_VERSION = "2.15.0"


def main() -> None:
    """Train, test and write both files beside this script."""
    digits = load_digits()
    pixels = (digits.data / 16).astype(np.float32)
    x_train, x_test, y_train, y_test = train_test_split(
        pixels, digits.target, test_size=0.2, random_state=0, stratify=digits.target
    )
    network = MLPClassifier((HIDDEN,), alpha=0.1, learning_rate_init=3e-3, max_iter=600, random_state=1)
    network.fit(x_train, y_train)
    accuracy = network.score(x_test, y_test)
    layers = list(zip(("hidden", "output"), network.coefs_, network.intercepts_, ("relu", "softmax"), strict=True))
    write_keras_model(FOLDER / "model.h5", "digits", layers)
    np.savez_compressed(FOLDER / "test.npz", x=x_test, y=y_test.astype(np.int64))
    print(f"accuracy on {len(y_test)} held-out digits: {accuracy:.4f}")


def write_keras_model(path: Path, name: str, layers: list[tuple[str, Any, Any, str]]) -> None:
    """Write Dense layers (name, kernel, bias, activation) as Keras 2's ``model.save(path)`` does."""
    n_in = layers[0][1].shape[0]
    config = {"class_name": "Sequential", "config": {"name": name, "layers": [_input_layer(n_in)]}}
    config["config"]["layers"] += [_dense_layer(layer, kernel.shape[1], act) for layer, kernel, _, act in layers]
    with h5py.File(path, "w", track_order=True) as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = KERAS_VERSION
        file.attrs["backend"] = "tensorflow"
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = np.array([layer[0] for layer in layers], dtype="S")
        weights.attrs["keras_version"] = KERAS_VERSION
        weights.attrs["backend"] = "tensorflow"
        for layer, kernel, bias, _ in layers:
            group = weights.create_group(layer)
            names = [f"{layer}/kernel:0", f"{layer}/bias:0"]
            group.attrs["weight_names"] = np.array(names, dtype="S")
            for weight_name, values in zip(names, (kernel, bias), strict=True):
                group.create_dataset(weight_name, data=values.astype(np.float32))


def _input_layer(size: int) -> dict[str, Any]:
    config = {
        "batch_input_shape": [None, size],
        "dtype": "float32",
        "sparse": False,
        "ragged": False,
        "name": "pixels",
    }
    return {"class_name": "InputLayer", "config": config}


def _dense_layer(name: str, units: int, activation: str) -> dict[str, Any]:
    config = {"name": name, "trainable": True, "dtype": "float32", "units": units, "activation": activation,
              "use_bias": True,
              "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
              "bias_initializer": {"class_name": "Zeros", "config": {}}, "kernel_regularizer": None,
              "bias_regularizer": None, "activity_regularizer": None, "kernel_constraint": None,
              "bias_constraint": None}  # fmt: skip
    return {"class_name": "Dense", "config": config}


if __name__ == "__main__":
    main()
