"""Layers of QKeras as plain layers with fixed types.

The quantizers are applied here, once, to the weights; what they say about results
becomes a type.  Formulas are those of ``qkeras/quantizers.py`` (QKeras 0.9.0):
``quantized_bits`` rounds half to even and saturates; ``quantized_po2`` takes the
nearest power of two on a logarithmic scale.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from asicflow.errors import UserError
from asicflow.model.fixed import FixedType, FloatArray, from_float, to_float
from asicflow.model.network import KerasLayer

QKERAS_LAYERS = ("QDense", "QConv1D", "QConv2D", "QDepthwiseConv2D", "QActivation")
_QUANTIZED = {"kernel": "weight", "depthwise_kernel": "weight", "bias": "bias"}
_EPSILON = 1e-7
"""``keras.backend.epsilon()``: smaller weights count as zero."""
_CALL = re.compile(r"^(\w+)(?:\((.*)\))?$")
_POSITIONAL = {"quantized_bits": ("bits", "integer", "keep_negative"), "quantized_relu": ("bits", "integer")}


def plain_layer(layer: KerasLayer, where: str) -> KerasLayer:
    """The layer without quantizers; other layers as they are.

    Raises
    ------
    UserError
        If a quantizer is none that has an exact fixed-point type.
    """
    if layer.class_name not in QKERAS_LAYERS:
        return layer
    place = f"layer '{layer.name}'"
    if layer.class_name == "QActivation":
        function, kind = _activation(layer.config["activation"], place, where)
        config = {"name": layer.name, "activation": function}
        return KerasLayer(layer.name, "Activation", config, {}, layer.inputs, {"result": str(kind)})
    weights, types = dict(layer.weights), {}
    for name, tensor in _QUANTIZED.items():
        quantizer = layer.config.get(f"{name.removesuffix('_kernel')}_quantizer")
        if quantizer is not None and name in weights:
            weights[name], kind = _quantise(weights[name], quantizer, place, where)
            types[tensor] = str(kind)
    if not isinstance(layer.config.get("activation") or "linear", str):
        raise _refused(f"{place} has a quantizer as its activation", where)
    config = {key: value for key, value in layer.config.items() if "quantizer" not in key}
    return KerasLayer(layer.name, layer.class_name.removeprefix("Q"), config, weights, layer.inputs, types)


def _quantise(values: FloatArray, quantizer: Any, place: str, where: str) -> tuple[FloatArray, FixedType]:
    """Weights as the quantizer gives them, and a type that holds them."""
    name, config = _parsed(quantizer, place, where)
    if name == "quantized_bits":
        kind = _bits(config, place, where)
        return to_float(from_float(values, kind), kind), kind
    if name == "quantized_po2":
        return _power_of_two(values, config)
    raise _refused(f"{place} has the quantizer {name}", where)


def _bits(config: dict[str, Any], place: str, where: str) -> FixedType:
    if config.get("alpha") not in (None, 1, 1.0):
        raise _refused(f"{place}: quantized_bits with alpha={config['alpha']}", where)
    signed = bool(config.get("keep_negative", True))
    bits, integer = int(config.get("bits", 8)), int(config.get("integer", 0))
    return FixedType(
        width=bits,
        frac=bits - integer - int(signed),
        signed=signed,
        rounding="RND_CONV",
        saturation="SAT_SYM" if config.get("symmetric") else "SAT",
    )


def _power_of_two(values: FloatArray, config: dict[str, Any]) -> tuple[FloatArray, FixedType]:
    largest = config.get("max_value")
    bits = int(config.get("bits", 8)) - 1 - int(largest is None or largest > 1)
    low, high = -(2**bits), 2**bits - 1
    size = np.maximum(np.abs(values), _EPSILON)
    if largest is not None:
        size = np.minimum(size, largest)
    exponents = np.where(np.abs(values) < _EPSILON, low, np.clip(np.round(np.log2(size)), low, high))
    top = int(exponents.max(initial=low))
    kind = FixedType(width=top - low + 2, frac=-low)
    return np.where(values < 0, -1.0, 1.0) * 2.0**exponents, kind


def _activation(quantizer: Any, place: str, where: str) -> tuple[str, FixedType]:
    name, config = _parsed(quantizer, place, where)
    if name == "quantized_bits":
        return "linear", _bits(config, place, where)
    plain = not config.get("use_sigmoid") and not config.get("negative_slope")
    if name != "quantized_relu" or not plain or config.get("relu_upper_bound") is not None:
        raise _refused(f"{place} has the activation {name} ({config})", where)
    bits, integer = int(config.get("bits", 8)), int(config.get("integer", 0))
    return "relu", FixedType(width=bits, frac=bits - integer, signed=False, rounding="RND_CONV", saturation="SAT")


def _parsed(quantizer: Any, place: str, where: str) -> tuple[str, dict[str, Any]]:
    """Class and settings of a quantizer: an object, or a call such as ``quantized_relu(3,1)``."""
    if isinstance(quantizer, dict):
        return str(quantizer["class_name"]), dict(quantizer.get("config", {}))
    match = _CALL.match(str(quantizer).replace(" ", ""))
    arguments = [part for part in (match[2] or "").split(",") if part] if match else []
    if match is None or match[1] not in _POSITIONAL:
        raise _refused(f"{place} has the quantizer {quantizer}", where)
    config: dict[str, Any] = {}
    for key, text in zip(_POSITIONAL[match[1]], arguments, strict=False):
        named = text.split("=")
        config[named[0] if len(named) > 1 else key] = float(named[-1])
    return match[1], config


def _refused(what: str, where: str) -> UserError:
    return UserError(
        f"not supported: {what}",
        where=where,
        hint="quantized_bits with alpha=1, quantized_po2 for weights and quantized_relu for activations work",
    )
