"""The float network in plain numpy.

Independent of hls4ml's parsing and quantised arithmetic: the reference for
accuracy, and the source of the ranges from which number formats are chosen.
Formulas are those of the Keras 2 API documentation of each layer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from asicflow.errors import UserError
from asicflow.model.fixed import FixedType, from_float, to_float
from asicflow.model.golden import windows
from asicflow.model.network import INPUT, KerasLayer, KerasNetwork, padding
from asicflow.model.spec import Window

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
        ``"<layer>_<activation>"`` after it when a layer with weights has one.  A softmax
        is left out: the last entry holds the logits.
    """
    values = {INPUT: np.asarray(x, dtype=np.float64).reshape(-1, *network.input_shape)}
    results: dict[str, FloatArray] = {}
    for layer in network.layers:
        found = values[layer.name] = _layer(layer, [values[name] for name in layer.inputs])
        if layer.class_name in ("Activation", "Softmax") and layer.activation == "softmax":
            continue
        results[layer.name] = found
        if layer.output_node != layer.name:
            values[layer.name] = results[layer.output_node] = activate(layer, found)
    return results


def _layer(layer: KerasLayer, inputs: list[FloatArray]) -> FloatArray:
    """A layer before the activation of its own weights."""
    x, kind = inputs[0], layer.class_name.removesuffix("1D").removesuffix("2D")
    match kind:
        case "Dense":
            return dense(layer, x)
        case "Conv" | "DepthwiseConv":
            return _conv(layer, x)
        case "BatchNormalization":
            scale, bias = batchnorm_terms(layer)
            return x * scale + bias
        case "Flatten" | "Reshape":
            return _reshape(layer, x)
        case "MaxPooling" | "AveragePooling":
            return _pool(layer, x)
        case "GlobalMaxPooling" | "GlobalAveragePooling":
            axes = tuple(range(1, x.ndim - 1))
            keep = bool(layer.config.get("keepdims"))
            return np.asarray(x.max(axis=axes, keepdims=keep) if "Max" in kind else x.mean(axis=axes, keepdims=keep))
        case "ZeroPadding":
            return np.pad(x, [(0, 0), *_pads(layer, x.ndim - 2), (0, 0)])
        case "Add" | "Subtract" | "Average" | "Maximum" | "Minimum":
            a, b = inputs
            sums = {"Add": a + b, "Subtract": a - b, "Average": (a + b) / 2}
            return sums[kind] if kind in sums else (np.maximum(a, b) if kind == "Maximum" else np.minimum(a, b))
        case "Concatenate":
            return np.concatenate(inputs, axis=int(layer.config.get("axis", -1)))
        case "FixedPointQuantizer":
            return quantise(layer, x)
        case "Embedding":
            return _embedding(layer, x)
    return x if layer.activation == "softmax" else activate(layer, x)


def dense(layer: KerasLayer, x: FloatArray) -> FloatArray:
    """``x @ kernel + bias`` on the last axis."""
    kernel = layer.weights["kernel"]
    if x.shape[-1] != kernel.shape[0]:
        raise UserError(f"layer '{layer.name}' takes {kernel.shape[0]} values, the one before gives {x.shape[-1]}")
    return x @ kernel + layer.weights.get("bias", np.zeros(kernel.shape[1]))


def _seen(layer: KerasLayer, x: FloatArray, size: list[int], fill: float) -> tuple[FloatArray, tuple[int, ...]]:
    """Values under a layer's window, shape (N, pixels, taps, channels), and the sizes of the output."""
    if x.ndim != len(size) + 2:
        raise UserError(f"layer '{layer.name}' takes {len(size)} axes and channels, the one before gives {x.shape[1:]}")
    strides = _sizes(layer.config.get("strides") or size, len(size))
    same = str(layer.config.get("padding", "valid")).lower() == "same"
    ends = [padding(n, k, s, same) for n, k, s in zip(x.shape[1:-1], size, strides, strict=True)]
    if any(out < 1 for out, _ in ends):
        raise UserError(f"layer '{layer.name}': the window {size} is larger than the input {x.shape[1:-1]}")
    one = [1] * (2 - len(size))
    (height, width), kernel, steps = ([*one, *values] for values in (x.shape[1:-1], size, strides))
    before = [0] * len(one) + [pad for _, pad in ends]
    out = [*one, *(n for n, _ in ends)]
    window = Window(
        shape=(height, width, x.shape[-1]),
        kernel=(kernel[0], kernel[1]),
        strides=(steps[0], steps[1]),
        pad_top=before[0],
        pad_left=before[1],
        out=(out[0], out[1]),
    )
    return windows(x.reshape(len(x), -1), window, fill), tuple(n for n, _ in ends)


def _sizes(value: int | list[int], axes: int) -> list[int]:
    return [int(value)] * axes if isinstance(value, int) else [int(v) for v in value]


def _conv(layer: KerasLayer, x: FloatArray) -> FloatArray:
    kernel = layer.kernel
    axes = kernel.ndim - 2
    seen, out = _seen(layer, x, list(kernel.shape[:axes]), 0)
    if kernel.shape[axes] != x.shape[-1]:
        raise UserError(f"layer '{layer.name}' takes {kernel.shape[axes]} channels, the one before gives {x.shape[-1]}")
    if layer.class_name.startswith("Depthwise"):
        found = np.einsum("nptc,tc->npc", seen, kernel.reshape(-1, kernel.shape[axes]))
    else:
        found = seen.reshape(*seen.shape[:2], -1) @ kernel.reshape(-1, kernel.shape[-1])
    found = found + layer.weights.get("bias", np.zeros(found.shape[-1]))
    return np.asarray(found.reshape(len(x), *out, -1))


def _pool(layer: KerasLayer, x: FloatArray) -> FloatArray:
    maximum = layer.class_name.startswith("Max")
    seen, out = _seen(layer, x, _sizes(layer.config["pool_size"], x.ndim - 2), -np.inf if maximum else 0)
    found = seen.max(axis=2) if maximum else seen.mean(axis=2)
    return np.asarray(found.reshape(len(x), *out, -1))


def _pads(layer: KerasLayer, axes: int) -> list[tuple[int, int]]:
    """Padding before and after, per axis."""
    given = layer.config["padding"]
    if isinstance(given, int):
        return [(given, given)] * axes
    if axes == 1:
        return [(int(given[0]), int(given[1]))]
    return [(p, p) if isinstance(p, int) else (int(p[0]), int(p[1])) for p in given]


def quantise(layer: KerasLayer, x: FloatArray) -> FloatArray:
    """Cast each element to its own type."""
    signs, widths, whole = (
        np.broadcast_to(layer.weights[name][0], x.shape[1:]).ravel().astype(int)
        for name in ("keep_negative", "bits", "integers")
    )
    flat, found = x.reshape(len(x), -1), np.zeros((len(x), widths.size))
    for kind in set(zip(signs.tolist(), widths.tolist(), whole.tolist(), strict=True)):
        sign, width, integer = kind
        if width:
            element = FixedType.model_validate(
                {
                    "width": width,
                    "frac": width - integer,
                    "signed": bool(sign),
                    "rounding": layer.config["RND"],
                    "saturation": layer.config["SAT"],
                }
            )
            mine = (signs == sign) & (widths == width) & (whole == integer)
            found[:, mine] = to_float(from_float(flat[:, mine], element), element)
    return found.reshape(x.shape)


def batchnorm_terms(layer: KerasLayer) -> tuple[FloatArray, FloatArray]:
    """Scale and bias that a batch normalisation is in inference."""
    mean, variance = layer.weights["moving_mean"], layer.weights["moving_variance"]
    scale = layer.weights.get("gamma", np.ones_like(mean)) / np.sqrt(variance + float(layer.config["epsilon"]))
    return scale, layer.weights.get("beta", np.zeros_like(mean)) - scale * mean


def activate(layer: KerasLayer, x: FloatArray) -> FloatArray:
    """The layer's activation function; where a type is fixed for its result, cast to it."""
    match layer.activation:
        case "relu":
            found = np.maximum(x, 0)
        case "leaky_relu":
            found = np.where(x > 0, x, layer.leak * x)
        case "hard_sigmoid":
            found = np.clip(0.2 * x + 0.5, 0, 1)
        case "sigmoid":
            found = 1 / (1 + np.exp(-x))
        case "tanh":
            found = np.tanh(x)
        case _:
            found = x
    if "result" in layer.types:
        kind = FixedType.parse(layer.types["result"])
        return to_float(from_float(found, kind), kind)
    return found


def _embedding(layer: KerasLayer, x: FloatArray) -> FloatArray:
    """The row of the table that each value names."""
    table, index = layer.weights["embeddings"], x.astype(np.int64)
    if np.any(index != x) or np.any((index < 0) | (index >= len(table))):
        raise UserError(
            f"layer '{layer.name}' has the entries 0 to {len(table) - 1}; the inputs hold other values",
            hint="give the data as whole numbers of this range",
        )
    return table[index]


def _reshape(layer: KerasLayer, x: FloatArray) -> FloatArray:
    target = layer.config.get("target_shape", (-1,))
    try:
        return x.reshape(len(x), *target)
    except ValueError as error:
        raise UserError(f"layer '{layer.name}' cannot reshape {x.shape[1:]} to {tuple(target)}") from error
