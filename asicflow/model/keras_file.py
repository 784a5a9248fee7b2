"""Read Keras files with h5py alone: a whole model in one .h5 or .keras, or an architecture .json and weights .h5.

Files written by Keras 2 and by Keras 3 are brought to one form.  Layers of QKeras
become plain ones with fixed types (`asicflow.model.qkeras`); the quantizers of an
HGQ proxy model stay, hls4ml reads them.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
import numpy.typing as npt

from asicflow.errors import UserError
from asicflow.model.network import (
    ACTIVATION_LAYERS,
    EMBEDDINGS,
    GLOBAL_POOLS,
    INPUT,
    LINEAR,
    MERGES,
    PADS,
    POOLS,
    QUANTIZERS,
    RESHAPES,
    KerasLayer,
    KerasNetwork,
)
from asicflow.model.qkeras import QKERAS_LAYERS, plain_layer

T = TypeVar("T")

ACTIVATIONS = ("linear", "relu", "leaky_relu", "hard_sigmoid", "sigmoid", "tanh", "softmax")
_SEPARABLE = ("SeparableConv1D", "SeparableConv2D")
_NO_COMPUTATION = ("InputLayer", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise")
_LAYERS = (
    *LINEAR, *_SEPARABLE, "BatchNormalization", *ACTIVATION_LAYERS, *POOLS, *GLOBAL_POOLS, *PADS, *MERGES,
    "Concatenate", *RESHAPES, *QUANTIZERS, *EMBEDDINGS, *_NO_COMPUTATION,
)  # fmt: skip
SUPPORTED = (
    "Dense, BatchNormalization, Conv, DepthwiseConv and SeparableConv 1D/2D, pooling, ZeroPadding, Add, Subtract, "
    "Average, Maximum, Minimum, Concatenate, Activation (relu, linear, leaky_relu, hard_sigmoid, sigmoid, tanh, "
    "softmax at the end), ReLU, LeakyReLU, Softmax (at the end), Embedding (of the input), Flatten, Reshape, Dropout; "
    "of QKeras: "
    f"{', '.join(QKERAS_LAYERS)}"
)
_WEIGHTS = {
    "Dense": ("kernel", "bias"),
    "Conv": ("kernel", "bias"),
    "DepthwiseConv": ("depthwise_kernel", "bias"),
    "SeparableConv": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "Embedding": ("embeddings",),
    "FixedPointQuantizer": ("keep_negative", "bits", "integers"),
}


def load_keras(file: Path, weights: Path | None = None) -> KerasNetwork:
    """Load a trained Keras network.

    Parameters
    ----------
    file : Path
        ``.h5`` or ``.keras`` with the whole model, or ``.json`` with the architecture.
    weights : Path, optional
        ``.h5`` with the weights; needed with a ``.json``.

    Raises
    ------
    UserError
        If a file is missing, damaged or of another kind, a layer is not
        supported, the layers form no graph of one input and one output, or a weight is missing or not finite.
    """
    for path in (file, weights):
        if path is not None and not path.is_file():
            raise UserError("model file not found", where=str(path), hint="check the path")
    if file.suffix.lower() == ".keras":
        return _load_keras3(file, weights)
    architecture, weights_file = _read_architecture(file, weights)
    name, input_shape, layers = _graph(architecture, file)
    _open_h5(weights_file, lambda h5: _read_weights(h5, layers, weights_file))
    return _finish(file, name, input_shape, layers)


def _finish(file: Path, name: str, input_shape: tuple[int, ...], layers: list[KerasLayer]) -> KerasNetwork:
    """The network of layers with their weights, in layers that hls4ml and the engine know."""
    split = [part for layer in layers for part in _split_separable(layer)]
    network = KerasNetwork(file, name, input_shape, [plain_layer(layer, str(file)) for layer in split])
    ends = network.outputs()
    if len(ends) != 1:
        raise _unsupported(f"the model has {len(ends)} outputs: {', '.join(end.name for end in ends)}", file)
    network.layers.sort(key=lambda layer: layer is ends[0])
    readers = network.readers(INPUT)
    if any(layer.class_name in EMBEDDINGS for layer in readers) and (len(readers) > 1 or len(input_shape) != 1):
        raise _unsupported("an embedding is supported as the only reader of an input of one axis", file)
    for layer in network.layers:
        _check_layer(layer, file)
        if layer.activation == "softmax" and layer is not ends[0]:
            raise _unsupported(f"layer '{layer.name}': softmax is supported at the end only", file)
    return network


def _split_separable(layer: KerasLayer) -> list[KerasLayer]:
    """A separable convolution as a depthwise and one of single pixels, which takes its name."""
    if layer.class_name not in _SEPARABLE:
        return [layer]
    axes, config = layer.class_name[-2:], layer.config
    depthwise = KerasLayer(
        f"{layer.name}_depthwise",
        f"DepthwiseConv{axes}",
        {**config, "activation": "linear", "use_bias": False},
        {"depthwise_kernel": layer.weights["depthwise_kernel"]},
        layer.inputs,
    )
    depthwise.config.pop("filters")
    ones = [1] * int(axes[0])
    pointwise = KerasLayer(
        layer.name,
        f"Conv{axes}",
        {**config, "kernel_size": ones, "strides": ones, "padding": "valid"},
        {"kernel": layer.weights["pointwise_kernel"]} | {k: w for k, w in layer.weights.items() if k == "bias"},
        [depthwise.name],
    )
    return [depthwise, pointwise]


def _load_keras3(file: Path, weights: Path | None) -> KerasNetwork:
    """A ``.keras`` archive: ``config.json`` and ``model.weights.h5``."""
    if weights is not None:
        raise UserError("a .keras file holds its weights", where=str(file), hint="leave --weights out")
    try:
        with zipfile.ZipFile(file) as archive:
            text, data = archive.read("config.json").decode(), archive.read("model.weights.h5")
    except (zipfile.BadZipFile, KeyError) as error:
        raise UserError(f"this is no .keras archive: {error}", where=str(file), hint="save it again") from error
    name, input_shape, layers = _graph(_parse_json(text, file), file, numbered=True)
    with h5py.File(io.BytesIO(data), "r") as h5:
        _read_weights(h5, layers, file)
    return _finish(file, name, input_shape, layers)


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
            hint="Keras .h5 or .keras (model.save('model.h5')), .json with --weights, or .onnx",
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


def _graph(
    architecture: dict[str, Any], file: Path, numbered: bool = False
) -> tuple[str, tuple[int, ...], list[KerasLayer]]:
    """Name, input shape and the layers in an order in which they can be computed.

    ``numbered``: the layers' configurations get the key ``_group``, their name in a ``.keras`` file's weights.
    """
    kind, config = architecture["class_name"], architecture["config"]
    if kind not in ("Sequential", "Model", "Functional"):
        raise UserError(f"a model of class {kind} is not supported", where=str(file), hint="use a graph of layers")
    entries = config["layers"] if isinstance(config, dict) else config
    shape: tuple[int, ...] | None = None
    sources: dict[str, list[str]] = {}
    layers: list[KerasLayer] = []
    counts: dict[str, int] = {}
    alias: dict[str, str] = {}
    before = INPUT
    for entry in entries:
        given = dict(entry["config"])
        class_name = entry["class_name"].removeprefix("HGQ>")
        layer = KerasLayer(given.get("name", entry.get("name", "")), class_name, given)
        if numbered:
            layer.config["_group"] = _numbered(class_name, counts)
        size = given.get("batch_input_shape", given.get("batch_shape"))
        if size is not None and shape is None:
            shape = _fixed_shape(size, layer.name, file)
        if class_name not in (*_LAYERS, *QKERAS_LAYERS):
            raise _unsupported(f"layer '{layer.name}' is a {class_name}", file)
        layer.inputs = _sources(entry.get("inbound_nodes") or []) if kind != "Sequential" else [before]
        before = layer.name
        if class_name == "InputLayer":
            if INPUT in alias.values():
                raise _unsupported("the model has several inputs", file)
            alias[layer.name] = INPUT
        elif class_name in _NO_COMPUTATION:
            alias[layer.name] = layer.inputs[0]
        else:
            layers.append(layer)
        sources[layer.name] = layer.inputs
    if shape is None:
        raise UserError("the model does not state its input shape", where=str(file), hint="build it before saving")
    if not layers:
        raise UserError("the model has no layers that compute", where=str(file))
    for layer in layers:
        layer.inputs = [_resolved(name, alias) for name in layer.inputs]
    name = config.get("name", "model") if isinstance(config, dict) else "model"
    return str(name), shape, _sorted(layers, file)


def _resolved(name: str, alias: dict[str, str]) -> str:
    while name in alias:
        name = alias[name]
    return name


def _numbered(class_name: str, counts: dict[str, int]) -> str:
    """The name of a layer's group in a ``.keras`` file: its class in snake case, counted."""
    snake = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", class_name)).lower()
    counts[snake] = counts.get(snake, -1) + 1
    return f"{snake}_{counts[snake]}" if counts[snake] else snake


def _sorted(layers: list[KerasLayer], file: Path) -> list[KerasLayer]:
    """The layers in an order in which they can be computed."""
    ready, left, found = {INPUT}, list(layers), []
    while left:
        now = [layer for layer in left if set(layer.inputs) <= ready]
        if not now:
            raise _unsupported(f"layer '{left[0].name}' reads {', '.join(left[0].inputs)}, which is not computed", file)
        ready |= {layer.name for layer in now}
        found += now
        left = [layer for layer in left if layer not in now]
    return found


def _fixed_shape(given: list[int | None], name: str, file: Path) -> tuple[int, ...]:
    if any(size is None for size in given[1:]):
        raise UserError(f"layer '{name}': the input shape {given} is open", where=str(file), hint="fix every size")
    return tuple(int(size) for size in given[1:] if size is not None)


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
    inputs = 2 if layer.class_name in (*MERGES, "Concatenate") else 1
    if len(layer.inputs) != inputs:
        raise _unsupported(f"layer '{layer.name}' ({layer.class_name}) has {len(layer.inputs)} inputs", file)
    if layer.config.get("data_format", "channels_last") != "channels_last":
        raise _unsupported(f"layer '{layer.name}': channels come first", file)
    if str(layer.config.get("padding", "valid")) not in ("valid", "same") and layer.class_name not in PADS:
        raise _unsupported(f"layer '{layer.name}': padding {layer.config['padding']}", file)
    if layer.class_name in EMBEDDINGS:
        if layer.inputs != [INPUT]:
            raise _unsupported(f"layer '{layer.name}' embeds what another layer gives", file)
        if layer.config.get("mask_zero"):
            raise _unsupported(f"layer '{layer.name}' masks zeros", file)
    if layer.class_name in GLOBAL_POOLS:
        layer.config.setdefault("keepdims", False)
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
    return UserError(f"not supported: {what}", where=str(file), hint=f"a graph of these layers works: {SUPPORTED}")


def _read_weights(h5: Any, layers: list[KerasLayer], file: Path) -> None:
    """Fill in the weights; a Keras 3 archive numbers them in the order of :data:`_WEIGHTS`."""
    root = h5.get("model_weights", h5)
    for layer in layers:
        wanted = _WEIGHTS.get(layer.class_name.removeprefix("Q").removesuffix("1D").removesuffix("2D"), ())
        if not wanted:
            continue
        where, group = str(file), layer.config.pop("_group", None)
        needed = [name for name in wanted if _needed(layer, name)]
        source = f"layers/{group}/vars" if group else layer.name
        if source not in root:
            raise UserError(f"no weights of layer '{layer.name}'", where=where, hint="give the matching weights file")
        found: dict[str, npt.NDArray[np.float64]] = {}

        def visit(path: str, item: Any, found: dict[str, npt.NDArray[np.float64]] = found) -> None:
            if isinstance(item, h5py.Dataset):
                found[path.rsplit("/", 1)[-1].split(":")[0]] = np.asarray(item, dtype=np.float64)

        root[source].visititems(visit)
        if group:
            found = {name: found[str(i)] for i, name in enumerate(needed) if str(i) in found}
        if layer.class_name.startswith(("DepthwiseConv", "QDepthwiseConv")) and "kernel" in found:
            found["depthwise_kernel"] = found.pop("kernel")
        for name in wanted:
            if name in found:
                _check_finite(found[name], layer.name, name, where)
                layer.weights[name] = found[name]
            elif name in needed:
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
