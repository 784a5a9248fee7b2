"""Small Keras files, written by h5py as Keras writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Weights = dict[str, Any]


def input_layer(*shape: int) -> dict[str, Any]:
    """Keras 2's InputLayer entry."""
    config = {"batch_input_shape": [None, *shape], "dtype": "float32", "name": "in"}
    return {"class_name": "InputLayer", "config": config}


def layer(class_name: str, name: str, weights: Weights | None = None, **config: Any) -> dict[str, Any]:
    """A layer's entry; ``_weights`` is taken out again before writing."""
    return {"class_name": class_name, "config": {"name": name, **config}, "_weights": weights or {}}


def dense(name: str, kernel: Any, bias: Any = None, activation: str = "linear") -> dict[str, Any]:
    """A Dense layer with its weights."""
    kernel = np.asarray(kernel, dtype=np.float32)
    weights = {"kernel": kernel}
    if bias is not None:
        weights["bias"] = np.asarray(bias, dtype=np.float32)
    return layer("Dense", name, weights, units=kernel.shape[1], activation=activation, use_bias=bias is not None)


def batchnorm(name: str, gamma: Any, beta: Any, mean: Any, variance: Any) -> dict[str, Any]:
    """A BatchNormalization layer with its weights."""
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    weights = {n: np.asarray(v, dtype=np.float32) for n, v in zip(names, (gamma, beta, mean, variance), strict=True)}
    return layer("BatchNormalization", name, weights, axis=[1], epsilon=1e-3, scale=True, center=True)


def _entries(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in entry.items() if k != "_weights"} for entry in layers]


def sequential(layers: list[dict[str, Any]]) -> dict[str, Any]:
    """Architecture of a Sequential model."""
    return {"class_name": "Sequential", "config": {"name": "net", "layers": _entries(layers)}}


def functional(layers: list[dict[str, Any]], keras3: bool = False) -> dict[str, Any]:
    """Architecture of a functional model, one path, in Keras 2's or Keras 3's notation."""
    entries = []
    for i, entry in enumerate(_entries(layers)):
        before = layers[i - 1]["config"]["name"] if i else None
        tensor = {"class_name": "__keras_tensor__", "config": {"keras_history": [before, 0, 0]}}
        node: Any = {"args": [tensor], "kwargs": {}} if keras3 else [[before, 0, 0, {}]]
        config = dict(entry["config"])
        if keras3 and "batch_input_shape" in config:
            config["batch_shape"] = config.pop("batch_input_shape")
        entries.append({**entry, "config": config, "name": config["name"], "inbound_nodes": [node] if i else []})
    return {"class_name": "Functional", "config": {"name": "net", "layers": entries}}


def write_h5(path: Path, architecture: dict[str, Any] | None, layers: list[dict[str, Any]]) -> Path:
    """Write a whole model, or weights only when ``architecture`` is None."""
    with h5py.File(path, "w") as file:
        root = file
        if architecture is not None:
            file.attrs["model_config"] = json.dumps(architecture)
            root = file.create_group("model_weights")
        for entry in layers:
            name = entry["config"]["name"]
            group = root.create_group(name)
            for weight, values in entry.get("_weights", {}).items():
                group.create_dataset(f"{name}/{weight}:0", data=values)
    return path


def small_layers(seed: int = 0) -> list[dict[str, Any]]:
    """Input 6, Dense 5 with ReLU, Dense 3 with softmax."""
    rng = np.random.default_rng(seed)
    return [
        input_layer(6),
        dense("hidden", rng.normal(size=(6, 5)), rng.normal(size=5), "relu"),
        dense("output", rng.normal(size=(5, 3)), rng.normal(size=3), "softmax"),
    ]


def graph(layers: list[dict[str, Any]], reads: dict[str, list[str]]) -> dict[str, Any]:
    """Architecture of a functional model; ``reads``: what each layer but the first reads."""
    architecture = functional(layers)
    for entry in architecture["config"]["layers"][1:]:
        entry["inbound_nodes"] = [[[name, 0, 0, {}] for name in reads[entry["name"]]]]
    return architecture


def every_layer(path: Path, seed: int = 1) -> Path:
    """A file of one network with every kind of layer, on a picture of 6 x 5 x 2, four results."""
    rng = np.random.default_rng(seed)
    layers, reads = [input_layer(6, 5, 2)], {}
    last: dict[str, Any] = {"data_format": "channels_last"}

    def weights(*shape: int) -> Any:
        return rng.normal(size=shape, scale=0.6).astype(np.float32)

    def add(entry: dict[str, Any], *names: str) -> str:
        layers.append(entry)
        reads[entry["config"]["name"]] = list(names)
        return str(entry["config"]["name"])

    def convolution(class_name: str, activation: str, size: list[int], **given: Any) -> dict[str, Any]:
        config = {"strides": [1, 1], "padding": "same", "filters": 3, "use_bias": True, "depth_multiplier": 1}
        found = {**given, "bias": weights(3)}
        return layer(class_name, class_name.lower(), found, kernel_size=size, activation=activation, **config, **last)

    conv = add(convolution("Conv2D", "relu", [3, 3], kernel=weights(3, 3, 2, 3)), "in")
    kernels = {"depthwise_kernel": weights(3, 2, 3, 1), "pointwise_kernel": weights(1, 1, 3, 3)}
    separable = add(convolution("SeparableConv2D", "tanh", [3, 2], **kernels), conv)
    sigmoid = add(layer("Activation", "table", activation="sigmoid"), conv)
    less = add(layer("Subtract", "less"), separable, sigmoid)
    more = add(layer("Maximum", "more"), less, separable)
    both = add(layer("Concatenate", "both", axis=-1), more, sigmoid)
    config = {"pool_size": [2, 2], "strides": [2, 2], "padding": "same", **last}
    pool = add(layer("MaxPooling2D", "largest", **config), both)
    pad = add(layer("ZeroPadding2D", "pad", padding=[[1, 0], [0, 2]], **last), pool)
    config = {"pool_size": [3, 2], "strides": [1, 2], "padding": "valid", **last}
    mean = add(layer("AveragePooling2D", "mean", **config), pad)
    norm = add(batchnorm("norm", weights(6), weights(6), weights(6), np.abs(weights(6)) + 0.2), mean)
    whole = add(layer("GlobalAveragePooling2D", "whole", keepdims=False, **last), norm)
    add(dense("decision", weights(6, 4), weights(4), "softmax"), whole)
    return write_h5(path, graph(layers, reads), layers)
