"""Read ONNX and QONNX files: the graph as plain Keras layers, channels last.

qonnx folds constants and names tensors first.  A QONNX ``Quant`` node becomes a
fixed type when its scale is a power of two; on weights it is applied here.
Operators and their attributes: ONNX operator reference; QONNX operator
definitions for ``Quant``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asicflow.errors import ToolMissing, UserError
from asicflow.model.fixed import FixedType, from_float, to_float
from asicflow.model.network import INPUT, MOST_INPUTS, KerasLayer, KerasNetwork, check_size

Array = npt.NDArray[np.float64]

_CHANNELS_LAST = "qonnx.custom_op.channels_last"
_ACTIVATIONS = {"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "LeakyRelu": "leaky_relu", "Softmax": "softmax"}
_MERGES = {"Add": "Add", "Sub": "Subtract", "Max": "Maximum", "Min": "Minimum"}
_ROUNDING = {"ROUND": "RND_CONV", "HALF_EVEN": "RND_CONV", "FLOOR": "TRN", "ROUND_TO_ZERO": "TRN_ZERO"}
SUPPORTED = (
    f"MatMul, Gemm, Conv, BatchNormalization, {', '.join(_ACTIVATIONS)}, MaxPool, AveragePool, GlobalMaxPool, "
    f"GlobalAveragePool, Flatten, Reshape, Concat, {', '.join(_MERGES)}, Quant with scales that are powers of two"
)


def load_onnx(file: Path) -> KerasNetwork:
    """Load a trained network from an ``.onnx`` file.

    Raises
    ------
    UserError
        If the file is missing, damaged or too large, or holds an operator that is not supported.
    ToolMissing
        If onnx or qonnx is not installed.
    """
    if not file.is_file():
        raise UserError("model file not found", where=str(file), hint="check the path")
    try:
        import onnx
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.util.cleanup import cleanup_model
    except ImportError as error:
        raise ToolMissing(f"the package {error.name}", "pip install 'asicflow[onnx]'") from error
    try:
        given = onnx.load(str(file))
    except Exception as error:  # protobuf raises errors of many kinds
        raise UserError(f"the ONNX file cannot be read: {error}", where=str(file), hint="export it again") from error
    constants = {item.name for item in given.graph.initializer}
    for item in given.graph.input:
        shape = [d.dim_value for d in item.type.tensor_type.shape.dim]
        if item.name not in constants:
            check_size(math.prod(n or 1 for n in shape), MOST_INPUTS, "inputs", str(file))
    try:
        model = cleanup_model(ModelWrapper(given)).model
    except Exception as error:  # qonnx raises errors of many kinds
        raise UserError(
            f"the ONNX graph cannot be cleaned: {error}", where=str(file), hint="export it again"
        ) from error
    return _Reader(file, model, onnx.numpy_helper.to_array, onnx.helper.get_attribute_value).read()


class _Reader:
    """Walks the graph; tensors are known by the layer that gives them."""

    def __init__(self, file: Path, model: Any, to_array: Callable[..., Any], value: Callable[..., Any]) -> None:
        self.file, self.graph, self.attribute = file, model.graph, value
        self.constants: dict[str, Array] = {
            item.name: np.asarray(to_array(item), dtype=np.float64) for item in self.graph.initializer
        }
        self.types: dict[str, FixedType] = {}
        self.sources: dict[str, str] = {}
        self.flat: dict[str, tuple[int, ...]] = {}
        self.shapes = {
            item.name: tuple(d.dim_value for d in item.type.tensor_type.shape.dim)
            for item in [*self.graph.value_info, *self.graph.input, *self.graph.output]
        }
        self.layers: list[KerasLayer] = []
        self.first = any(node.op_type == "Conv" and node.domain != _CHANNELS_LAST for node in self.graph.node) or any(
            node.op_type.endswith("Pool") and node.domain != _CHANNELS_LAST for node in self.graph.node
        )

    def read(self) -> KerasNetwork:
        """The network."""
        inputs = [item for item in self.graph.input if item.name not in self.constants]
        if len(inputs) != 1 or len(self.graph.output) != 1:
            raise self._refused(f"{len(inputs)} inputs and {len(self.graph.output)} outputs")
        shape = self.shapes[inputs[0].name][1:]
        if not shape or min(shape) < 1:
            raise self._refused(f"the open input shape {shape}")
        self.sources[inputs[0].name] = INPUT
        order = None
        if self.first and len(shape) > 1:
            order = (*range(1, len(shape)), 0)
            shape = (*shape[1:], shape[0])
        for node in self.graph.node:
            self._node(node, {item.name: self.attribute(item) for item in node.attribute})
        return KerasNetwork(self.file, self.graph.name or "network", shape, self.layers, order)

    def _node(self, node: Any, given: dict[str, Any]) -> None:
        kind = node.op_type
        constant = [name in self.constants for name in node.input if name]
        if kind == "Quant":
            self._quant(node, given, all(constant))
        elif kind in ("Identity", "Dropout"):
            self.sources[node.output[0]] = self.sources[node.input[0]]
        elif kind in ("MatMul", "Gemm"):
            self._dense(node, given)
        elif kind == "Conv":
            self._conv(node, given)
        elif kind == "Add" and any(constant) and self._bias(node):
            pass
        elif kind in _MERGES and not any(constant):
            self._add(node, _MERGES[kind], {})
        elif kind == "Concat" and not any(constant):
            axis = given["axis"]
            rank = len(self.shapes[node.input[0]])
            last = self.first and rank > 2 and axis % rank == 1
            self._add(node, "Concatenate", {"axis": -1 if last else axis})
        elif kind == "BatchNormalization":
            names = ("gamma", "beta", "moving_mean", "moving_variance")
            weights = {name: self._constant(node, i) for i, name in enumerate(names, 1)}
            self._add(node, kind, {"epsilon": given.get("epsilon", 1e-5), "axis": -1}, weights)
        elif kind in _ACTIVATIONS:
            class_name = "LeakyReLU" if kind == "LeakyRelu" else "Activation"
            self._add(node, class_name, {"activation": _ACTIVATIONS[kind], "alpha": given.get("alpha", 0.01)})
        elif kind in ("MaxPool", "AveragePool"):
            self._pool(node, given)
        elif kind in ("GlobalMaxPool", "GlobalAveragePool"):
            axes = len(self.shapes[node.input[0]]) - 2
            self._add(node, f"{kind}ing{axes}D", {"keepdims": True, "data_format": "channels_last"})
        elif kind in ("Flatten", "Reshape"):
            self._reshape(node)
        else:
            raise self._refused(f"operator {kind} ({node.name})")

    def _add(
        self, node: Any, class_name: str, config: dict[str, Any], weights: dict[str, Array] | None = None
    ) -> KerasLayer:
        """Append a layer that reads the node's tensors and gives its output."""
        name = f"{class_name.lower()}_{len(self.layers)}"
        inputs = [self.sources[item] for item in node.input if item in self.sources]
        layer = KerasLayer(name, class_name, {"name": name, **config}, weights or {}, inputs)
        self.layers.append(layer)
        self.sources[node.output[0]] = name
        if class_name == "Activation" and node.input[0] in self.flat:
            self.flat[node.output[0]] = self.flat[node.input[0]]
        return layer

    def _constant(self, node: Any, index: int) -> Array:
        if len(node.input) <= index or node.input[index] not in self.constants:
            raise self._refused(f"{node.op_type} ({node.name}) whose input {index} is computed")
        return self.constants[node.input[index]]

    def _typed(self, node: Any, index: int, tensor: str) -> dict[str, str]:
        known = self.types.get(node.input[index]) if len(node.input) > index else None
        return {tensor: str(known)} if known is not None else {}

    # -- operators --------------------------------------------------------------------------------
    def _dense(self, node: Any, given: dict[str, Any]) -> None:
        kernel = self._constant(node, 1) * given.get("alpha", 1.0)
        if given.get("transB"):
            kernel = kernel.T
        if given.get("transA") or kernel.ndim != 2:
            raise self._refused(f"{node.op_type} ({node.name}) of this shape")
        if node.input[0] in self.flat:
            kernel = kernel[_channels_last(self.flat[node.input[0]])]
        weights = {"kernel": kernel}
        if node.op_type == "Gemm" and len(node.input) > 2:
            weights["bias"] = np.broadcast_to(self._constant(node, 2) * given.get("beta", 1.0), kernel.shape[1:]).copy()
        config = {"units": kernel.shape[1], "activation": "linear", "use_bias": "bias" in weights}
        layer = self._add(node, "Dense", config, weights)
        layer.types |= self._typed(node, 1, "weight") | self._typed(node, 2, "bias")

    def _bias(self, node: Any) -> bool:
        """Make an addition of a constant the bias of the Dense layer before; False when there is none."""
        tensor, constant = (node.input[i] for i in ((1, 0) if node.input[0] in self.constants else (0, 1)))
        layer = next((layer for layer in self.layers if layer.name == self.sources[tensor]), None)
        values = self.constants[constant]
        if layer is None or layer.class_name != "Dense" or "bias" in layer.weights or layer.types.get("result"):
            raise self._refused(f"Add ({node.name}) of a constant to what is no Dense layer")
        layer.weights["bias"] = np.broadcast_to(values.ravel(), layer.weights["kernel"].shape[1:]).copy()
        layer.config["use_bias"] = True
        if constant in self.types:
            layer.types["bias"] = str(self.types[constant])
        self.sources[node.output[0]] = layer.name
        return True

    def _conv(self, node: Any, given: dict[str, Any]) -> None:
        kernel, group = self._constant(node, 1), int(given.get("group", 1))
        axes = kernel.ndim - 2
        if any(d != 1 for d in given.get("dilations", [1])) or group not in (1, kernel.shape[0]) or axes > 2:
            raise self._refused(f"Conv ({node.name}) with dilations, groups or {axes} axes")
        if node.domain != _CHANNELS_LAST:
            kernel = np.moveaxis(kernel, 1, -1)
        kernel = np.moveaxis(kernel, 0, -1)  # taps, channels, filters
        depthwise = group > 1
        if depthwise:
            kernel = np.swapaxes(kernel, -1, -2)
        weights = {"depthwise_kernel" if depthwise else "kernel": kernel}
        if len(node.input) > 2:
            weights["bias"] = self._constant(node, 2)
        config = {
            "kernel_size": list(kernel.shape[:axes]), "strides": list(given.get("strides", [1] * axes)),
            "padding": "valid", "data_format": "channels_last", "activation": "linear",
            "use_bias": "bias" in weights, "depth_multiplier": 1,
        }  # fmt: skip
        if not depthwise:
            config["filters"] = kernel.shape[-1]
        source = self._padded(node, list(given.get("pads", [0] * 2 * axes)), axes)
        layer = self._add(node, f"{'Depthwise' if depthwise else ''}Conv{axes}D", config, weights)
        layer.inputs = [source]
        layer.types |= self._typed(node, 1, "weight") | self._typed(node, 2, "bias")

    def _padded(self, node: Any, pads: list[int], axes: int) -> str:
        """The layer that a convolution reads, with zero padding where the node asks for it."""
        source = self.sources[node.input[0]]
        if not any(pads):
            return source
        sides = [[pads[i], pads[i + axes]] for i in range(axes)]
        name = f"pad_{len(self.layers)}"
        config = {"name": name, "padding": sides if axes > 1 else sides[0], "data_format": "channels_last"}
        self.layers.append(KerasLayer(name, f"ZeroPadding{axes}D", config, {}, [source]))
        return name

    def _pool(self, node: Any, given: dict[str, Any]) -> None:
        size = list(given["kernel_shape"])
        if any(given.get("pads", [0])) or given.get("ceil_mode") or str(given.get("auto_pad", "NOTSET")) != "NOTSET":
            raise self._refused(f"{node.op_type} ({node.name}) with padding")
        config = {
            "pool_size": size, "strides": list(given.get("strides", [1] * len(size))), "padding": "valid",
            "data_format": "channels_last",
        }  # fmt: skip
        self._add(node, f"{node.op_type}ing{len(size)}D", config)

    def _reshape(self, node: Any) -> None:
        before, after = self.shapes[node.input[0]], self.shapes.get(node.output[0], ())
        if len(after) != 2:
            raise self._refused(f"{node.op_type} ({node.name}) to {after}")
        self._add(node, "Flatten", {"data_format": "channels_last"})
        if self.first and len(before) > 2:
            self.flat[node.output[0]] = before[1:]

    # -- QONNX ------------------------------------------------------------------------------------
    def _quant(self, node: Any, given: dict[str, Any], constant: bool) -> None:
        scale, zero, bits = (self._constant(node, i) for i in (1, 2, 3))
        exponent = math.log2(scale.flat[0]) if scale.size and scale.flat[0] > 0 else math.nan
        mode = given.get("rounding_mode", b"ROUND")
        mode = mode.decode() if isinstance(mode, bytes) else mode
        if scale.size != 1 or not float(exponent).is_integer() or np.any(zero != 0) or mode not in _ROUNDING:
            raise self._refused(f"Quant ({node.name}) with the scale {scale.flat[0]:.6g}, which is no power of two")
        kind = FixedType.model_validate(
            {
                "width": int(bits.flat[0]),
                "frac": -int(exponent),
                "signed": bool(given.get("signed", 1)),
                "rounding": _ROUNDING[mode],
                "saturation": "SAT_SYM" if given.get("narrow") else "SAT",
            }
        )
        if constant:
            values = self.constants[node.input[0]]
            self.constants[node.output[0]] = to_float(from_float(values, kind), kind)
            self.types[node.output[0]] = kind
            return
        layer = self._add(node, "Activation", {"activation": "linear"})
        layer.types["result"] = str(kind)

    def _refused(self, what: str) -> UserError:
        return UserError(f"not supported: {what}", where=str(self.file), hint=f"these operators work: {SUPPORTED}")


def _channels_last(shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Where each value of a flat channels-last tensor is in the flat channels-first one of ``shape``."""
    return np.moveaxis(np.arange(math.prod(shape)).reshape(shape), 0, -1).ravel()
