"""Read Keras files with h5py alone: a whole model in one .h5, or an architecture .json and weights .h5.

The result is a plain chain of layers.  Files written by Keras 2 and by Keras 3
(``model.save("x.h5")``) are brought to one form.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
import numpy.typing as npt

from asicflow.errors import UserError

T = TypeVar("T")

SUPPORTED = (
    "InputLayer, Dense, BatchNormalization, Activation (relu, linear, leaky_relu, hard_sigmoid, softmax at "
    "the end), ReLU, LeakyReLU, Softmax (at the end), Flatten, Reshape, Dropout"
)
ACTIVATIONS = ("linear", "relu", "leaky_relu", "hard_sigmoid", "softmax")
_LAYERS = ("InputLayer", "Dense", "BatchNormalization", "Activation", "ReLU", "LeakyReLU", "Softmax",
           "Flatten", "Reshape", "Dropout")  # fmt: skip
_NO_COMPUTATION = ("InputLayer", "Dropout")
_WEIGHTS = {
    "Dense": ("kernel", "bias"),
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
}


@dataclass
class KerasLayer:
    """One layer: its class, its Keras configuration and its weights by name."""

    name: str
    class_name: str
    config: dict[str, Any]
    weights: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)

    @property
    def activation(self) -> str:
        """The activation the layer applies, ``"linear"`` when none."""
        by_class = {"ReLU": "relu", "LeakyReLU": "leaky_relu", "Softmax": "softmax"}
        return by_class.get(self.class_name) or str(self.config.get("activation") or "linear")

    @property
    def leak(self) -> float:
        """Slope of a leaky ReLU for negative inputs."""
        default = 0.3 if self.class_name == "LeakyReLU" else 0.2
        return float(self.config.get("negative_slope", self.config.get("alpha", default)))


@dataclass
class KerasNetwork:
    """A chain of Keras layers without input and dropout layers; shapes without the batch axis."""

    file: Path
    weights_file: Path
    name: str
    input_shape: tuple[int, ...]
    layers: list[KerasLayer]

    @property
    def input_size(self) -> int:
        """Values of one input."""
        return int(np.prod(self.input_shape))

    @property
    def classifier(self) -> bool:
        """True when the network ends in a softmax."""
        return self.layers[-1].activation == "softmax"

    def architecture(self) -> dict[str, Any]:
        """The chain as a Keras 2 ``Sequential`` configuration, which hls4ml parses."""
        first = {"name": "input_layer", "batch_input_shape": [None, *self.input_shape], "dtype": "float32"}
        layers: list[dict[str, Any]] = [{"class_name": "InputLayer", "config": first}]
        layers += [{"class_name": layer.class_name, "config": layer.config} for layer in self.layers]
        return {"class_name": "Sequential", "config": {"name": self.name, "layers": layers}}


def load_keras(file: Path, weights: Path | None = None) -> KerasNetwork:
    """Load a trained Keras network.

    Parameters
    ----------
    file : Path
        ``.h5`` with the whole model, or ``.json`` with the architecture.
    weights : Path, optional
        ``.h5`` with the weights; needed with a ``.json``.

    Raises
    ------
    UserError
        If a file is missing, damaged or of another kind, a layer is not
        supported, the layers form no chain, or a weight is missing or not finite.
    """
    for path in (file, weights):
        if path is not None and not path.is_file():
            raise UserError("model file not found", where=str(path), hint="check the path")
    architecture, weights_file = _read_architecture(file, weights)
    name, input_shape, layers = _chain(architecture, file)
    network = KerasNetwork(file, weights_file, name, input_shape, layers)
    _open_h5(weights_file, lambda h5: _read_weights(h5, network))
    return network


def _read_architecture(file: Path, weights: Path | None) -> tuple[dict[str, Any], Path]:
    suffix = file.suffix.lower()
    if suffix == ".json":
        if weights is None:
            raise UserError(
                "a .json holds the architecture only",
                where=str(file),
                hint="give the weights file with --weights",
            )
        return _parse_json(file.read_text(errors="replace"), file), weights
    if suffix not in (".h5", ".hdf5"):
        raise UserError(
            f"'{suffix or file.name}' is no model format that is supported",
            where=str(file),
            hint="save the Keras model as HDF5: model.save('model.h5'); or give a .json and --weights",
        )
    if weights is not None:
        raise UserError(
            "--weights goes with a .json architecture",
            where=str(file),
            hint="leave --weights out, or give the .json",
        )

    def read(h5: Any) -> dict[str, Any]:
        text = h5.attrs.get("model_config")
        if text is None:
            raise UserError(
                "the file holds weights but no architecture",
                where=str(file),
                hint="save the whole model with model.save('model.h5'), or give the architecture .json as "
                "the model and this file with --weights",
            )
        return _parse_json(text.decode() if isinstance(text, bytes) else text, file)

    return _open_h5(file, read), file


def _parse_json(text: str, file: Path) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"the architecture is no valid JSON: {error}", where=str(file)) from error
    if not isinstance(data, dict) or "class_name" not in data or "config" not in data:
        raise UserError("this is no Keras architecture", where=str(file), hint="write it with model.to_json()")
    return data


def _open_h5(file: Path, read: Callable[[Any], T]) -> T:
    try:
        with h5py.File(file, "r") as h5:
            return read(h5)
    except OSError as error:
        raise UserError(f"the HDF5 file cannot be read: {error}", where=str(file), hint="save it again") from error


def _chain(architecture: dict[str, Any], file: Path) -> tuple[str, tuple[int, ...], list[KerasLayer]]:
    """Name, input shape and the layers in the order of the data."""
    kind, config = architecture["class_name"], architecture["config"]
    if kind not in ("Sequential", "Model", "Functional"):
        raise UserError(f"a model of class {kind} is not supported", where=str(file), hint="use a chain of layers")
    entries = config["layers"] if isinstance(config, dict) else config
    if kind != "Sequential":
        entries = _order(entries, file)
    shape: tuple[int, ...] | None = None
    layers = []
    for entry in entries:
        layer = KerasLayer(entry["config"].get("name", entry.get("name", "")), entry["class_name"], entry["config"])
        given = layer.config.get("batch_input_shape", layer.config.get("batch_shape"))
        if given is not None and shape is None:
            shape = _fixed_shape(given, layer.name, file)
        _check_layer(layer, file)
        if layer.class_name not in _NO_COMPUTATION:
            layers.append(layer)
    if shape is None:
        raise UserError("the model does not state its input shape", where=str(file), hint="build it before saving")
    if not layers:
        raise UserError("the model has no layers that compute", where=str(file))
    for layer in layers[:-1]:
        if layer.activation == "softmax":
            raise _unsupported(f"layer '{layer.name}': softmax is supported at the end only", file)
    name = config.get("name", "model") if isinstance(config, dict) else "model"
    return str(name), shape, layers


def _fixed_shape(given: list[int | None], name: str, file: Path) -> tuple[int, ...]:
    if any(size is None for size in given[1:]):
        raise UserError(f"layer '{name}': the input shape {given} is open", where=str(file), hint="fix every size")
    return tuple(int(size) for size in given[1:] if size is not None)


def _order(entries: list[dict[str, Any]], file: Path) -> list[dict[str, Any]]:
    """Order the layers of a functional model along its one path."""
    following: dict[str | None, dict[str, Any]] = {}
    for entry in entries:
        sources = _sources(entry.get("inbound_nodes") or [])
        if len(sources) > 1:
            raise _unsupported(f"layer '{entry['name']}' ({entry['class_name']}) has {len(sources)} inputs", file)
        source = sources[0] if sources else None
        if source in following:
            what = "the model has several inputs" if source is None else f"several layers read layer '{source}'"
            raise _unsupported(what, file)
        following[source] = entry
    chain: list[dict[str, Any]] = []
    name: str | None = None
    while name in following:
        chain.append(following.pop(name))
        name = chain[-1]["name"]
    if following:
        raise _unsupported("the layers form no single chain", file)
    return chain


def _sources(nodes: list[Any]) -> list[str]:
    """Names of the layers that a layer reads, in Keras 2's and Keras 3's notation."""
    if len(nodes) > 1:
        return [name for node in nodes for name in _sources([node])]
    found: list[str] = []

    def visit(item: Any) -> None:
        if isinstance(item, dict) and item.get("class_name") == "__keras_tensor__":
            found.append(item["config"]["keras_history"][0])
        elif isinstance(item, dict):
            for value in item.values():
                visit(value)
        elif isinstance(item, list) and len(item) in (3, 4) and isinstance(item[0], str):
            found.append(item[0])
        elif isinstance(item, list):
            for value in item:
                visit(value)

    visit(nodes)
    return found


def _check_layer(layer: KerasLayer, file: Path) -> None:
    if layer.class_name not in _LAYERS:
        raise _unsupported(f"layer '{layer.name}' is a {layer.class_name}", file)
    if not isinstance(layer.config.get("activation", ""), str):
        raise _unsupported(f"layer '{layer.name}' has a custom activation", file)
    if layer.activation not in ACTIVATIONS:
        raise _unsupported(f"layer '{layer.name}' has the activation {layer.activation}", file)
    plain = {"max_value": (None,), "negative_slope": (None, 0, 0.0), "threshold": (None, 0, 0.0)}
    if layer.class_name == "ReLU":
        for key, values in plain.items():
            if layer.config.get(key) not in values:
                raise _unsupported(f"layer '{layer.name}': ReLU with {key}={layer.config[key]}", file)
    if layer.class_name == "Softmax" and layer.config.get("axis", -1) != -1:
        raise _unsupported(f"layer '{layer.name}': softmax along axis {layer.config['axis']}", file)


def _unsupported(what: str, file: Path) -> UserError:
    return UserError(f"not supported: {what}", where=str(file), hint=f"a chain of these layers works: {SUPPORTED}")


def _read_weights(h5: Any, network: KerasNetwork) -> None:
    root = h5.get("model_weights", h5)
    for layer in network.layers:
        wanted = _WEIGHTS.get(layer.class_name, ())
        if not wanted:
            continue
        where = str(network.weights_file)
        if layer.name not in root:
            raise UserError(f"no weights of layer '{layer.name}'", where=where, hint="give the matching weights file")
        found: dict[str, npt.NDArray[np.float64]] = {}

        def visit(path: str, item: Any, found: dict[str, npt.NDArray[np.float64]] = found) -> None:
            if isinstance(item, h5py.Dataset):
                found[path.rsplit("/", 1)[-1].split(":")[0]] = np.asarray(item, dtype=np.float64)

        root[layer.name].visititems(visit)
        for name in wanted:
            if name in found:
                _check_finite(found[name], layer.name, name, where)
                layer.weights[name] = found[name]
            elif _needed(layer, name):
                raise UserError(f"layer '{layer.name}' has no weight '{name}'", where=where, hint="save it again")


def _needed(layer: KerasLayer, name: str) -> bool:
    switch = {"bias": "use_bias", "gamma": "scale", "beta": "center"}.get(name)
    return switch is None or bool(layer.config.get(switch, True))


def _check_finite(values: npt.NDArray[np.float64], layer: str, name: str, where: str) -> None:
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        raise UserError(
            f"layer '{layer}': {bad} of {values.size} values of '{name}' are NaN or infinite",
            where=where,
            hint="the training diverged, or the file is damaged; train again",
        )
