"""The float network in plain numpy, straight from the Keras file.

Independent of hls4ml's parsing and quantised arithmetic: the reference for
accuracy, and the source of the ranges from which number formats are chosen.
Formulas are those of the Keras 2 API documentation of each layer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from asicflow.errors import UserError
from asicflow.model.keras_file import KerasLayer, KerasNetwork

FloatArray = npt.NDArray[np.float64]


def forward(network: KerasNetwork, x: npt.ArrayLike) -> dict[str, FloatArray]:
    """Run the float network.

    Parameters
    ----------
    network : KerasNetwork
        The network.
    x : (N, ...) array
        Inputs; the axes after the first are the input shape, or its flat form.

    Returns
    -------
    dict of str to (N, ...) float64
        Results in order: ``"<layer>"`` before its activation, and
        ``"<layer>_<activation>"`` after it when a Dense layer has one.  A softmax
        is left out: the last entry holds the logits.
    """
    values = np.asarray(x, dtype=np.float64).reshape(-1, *network.input_shape)
    results: dict[str, FloatArray] = {}
    for layer in network.layers:
        if layer.class_name == "Dense":
            values = results[layer.name] = dense(layer, values)
            if layer.activation not in ("linear", "softmax"):
                values = results[f"{layer.name}_{layer.activation}"] = activate(layer, values)
        elif layer.class_name == "BatchNormalization":
            scale, bias = batchnorm_terms(layer)
            values = results[layer.name] = values * scale + bias
        elif layer.class_name in ("Flatten", "Reshape"):
            values = results[layer.name] = _reshape(layer, values)
        elif layer.activation != "softmax":
            values = results[layer.name] = activate(layer, values)
    return results


def dense(layer: KerasLayer, x: FloatArray) -> FloatArray:
    """``x @ kernel + bias`` on the last axis."""
    kernel = layer.weights["kernel"]
    if x.shape[-1] != kernel.shape[0]:
        raise UserError(f"layer '{layer.name}' takes {kernel.shape[0]} values, the one before gives {x.shape[-1]}")
    return x @ kernel + layer.weights.get("bias", np.zeros(kernel.shape[1]))


def batchnorm_terms(layer: KerasLayer) -> tuple[FloatArray, FloatArray]:
    """Scale and bias that a batch normalisation is in inference."""
    mean, variance = layer.weights["moving_mean"], layer.weights["moving_variance"]
    scale = layer.weights.get("gamma", np.ones_like(mean)) / np.sqrt(variance + float(layer.config["epsilon"]))
    return scale, layer.weights.get("beta", np.zeros_like(mean)) - scale * mean


def activate(layer: KerasLayer, x: FloatArray) -> FloatArray:
    """The layer's activation function."""
    match layer.activation:
        case "relu":
            return np.maximum(x, 0)
        case "leaky_relu":
            return np.where(x > 0, x, layer.leak * x)
        case "hard_sigmoid":
            return np.clip(0.2 * x + 0.5, 0, 1)
        case _:
            return x


def _reshape(layer: KerasLayer, x: FloatArray) -> FloatArray:
    target = layer.config.get("target_shape", (-1,))
    try:
        return x.reshape(len(x), *target)
    except ValueError as error:
        raise UserError(f"layer '{layer.name}' cannot reshape {x.shape[1:]} to {tuple(target)}") from error
