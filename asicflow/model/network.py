"""The float network, brought to one form from every kind of file: a graph of plain Keras layers.

A layer's name is that of its node in hls4ml's graph.  What a file says about
number formats is kept in ``types`` and wins over any automatic choice.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asicflow.errors import UserError

INPUT = "input_layer"
"""Name of the input in hls4ml's graph."""

MOST_INPUTS, MOST_OUTPUTS = 8192, 4096
"""Words of the windows of inputs and outputs in the accelerator's 64 KB (``ip/accel_socket``)."""

LINEAR = ("Dense", "Conv1D", "Conv2D", "DepthwiseConv1D", "DepthwiseConv2D")
POOLS = ("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D")
GLOBAL_POOLS = tuple(f"Global{name}" for name in POOLS)
PADS = ("ZeroPadding1D", "ZeroPadding2D")
MERGES = ("Add", "Subtract", "Average", "Maximum", "Minimum")
ACTIVATION_LAYERS = ("Activation", "ReLU", "LeakyReLU", "Softmax")
RESHAPES = ("Flatten", "Reshape")
QUANTIZERS = ("FixedPointQuantizer",)
EMBEDDINGS = ("Embedding",)
QUANTIZER_WEIGHTS = ("keep_negative", "bits", "integers")


@dataclass
class KerasLayer:
    """One layer: its class, its Keras configuration, what it reads, its weights by name."""

    name: str
    class_name: str
    config: dict[str, Any]
    weights: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)

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

    @property
    def kernel(self) -> npt.NDArray[np.float64]:
        """The weights of a linear layer."""
        return self.weights["depthwise_kernel" if self.class_name.startswith("Depthwise") else "kernel"]

    @property
    def output_node(self) -> str:
        """The node of hls4ml's graph that gives the layer's output."""
        separate = self.class_name in LINEAR and self.activation not in ("linear", "softmax")
        return f"{self.name}_{self.activation}" if separate else self.name


@dataclass
class KerasNetwork:
    """Layers in an order in which they can be computed, without input and dropout layers.

    Shapes are those of one sample.  ``order`` gives the axes of a user's sample in
    the order of ``input_shape`` (channels last), where they differ.
    """

    file: Path
    name: str
    input_shape: tuple[int, ...]
    layers: list[KerasLayer]
    order: tuple[int, ...] | None = None

    @property
    def input_size(self) -> int:
        """Values of one input."""
        return int(np.prod(self.input_shape))

    @property
    def classifier(self) -> bool:
        """True when the network ends in a softmax."""
        return self.layers[-1].activation == "softmax"

    @property
    def vocabulary(self) -> int | None:
        """Entries of the embedding that reads the input, which then holds their numbers; None without one."""
        found = [layer for layer in self.layers if layer.class_name in EMBEDDINGS]
        return len(found[0].weights["embeddings"]) if found else None

    @property
    def quantized(self) -> bool:
        """True when the file fixes the type of every tensor, down to single elements."""
        return any(layer.class_name in QUANTIZERS for layer in self.layers)

    def readers(self, name: str) -> list[KerasLayer]:
        """The layers that read a layer or the input."""
        return [layer for layer in self.layers if name in layer.inputs]

    def only_reader(self, name: str) -> KerasLayer | None:
        """The layer that reads a layer, None unless there is exactly one."""
        found = self.readers(name)
        return found[0] if len(found) == 1 else None

    def outputs(self) -> list[KerasLayer]:
        """The layers that nobody reads."""
        read = Counter(name for layer in self.layers for name in layer.inputs)
        return [layer for layer in self.layers if not read[layer.name]]

    def architecture(self) -> dict[str, Any]:
        """The graph as a Keras 2 functional configuration, which hls4ml parses."""
        first = {"name": INPUT, "batch_input_shape": [None, *self.input_shape], "dtype": "float32"}
        layers: list[dict[str, Any]] = [{"class_name": "InputLayer", "name": INPUT, "config": first}]
        for layer in self.layers:
            config = {key: value for key, value in layer.config.items() if "input_shape" not in key}
            nodes = [[[name, 0, 0, {}] for name in layer.inputs]]
            layers.append(
                {
                    "class_name": layer.class_name,
                    "name": layer.name,
                    "config": {**config, "name": layer.name},
                    "inbound_nodes": nodes,
                }
            )
        ends = [[self.outputs()[-1].name, 0, 0]]
        config = {"name": self.name, "layers": layers, "input_layers": [[INPUT, 0, 0]], "output_layers": ends}
        return {"class_name": "Functional", "config": config}


class WeightReader:
    """Hands a network's weights to hls4ml's Keras parser, as its file readers do."""

    def __init__(self, network: KerasNetwork) -> None:
        self._weights = {layer.name: layer.weights for layer in network.layers}

    def get_weights_data(self, layer_name: str, var_name: str) -> npt.NDArray[Any] | None:
        """The first weight of a layer with ``var_name`` in its name, None when there is none."""
        found = next((w for name, w in self._weights[layer_name].items() if var_name in name), None)
        return found.astype(np.int8) if found is not None and var_name in QUANTIZER_WEIGHTS else found


def padding(size: int, kernel: int, stride: int, same: bool) -> tuple[int, int]:
    """Outputs of a window and the padding before the input, as Keras has them."""
    if not same:
        return (size - kernel) // stride + 1, 0
    out = -(-size // stride)
    return out, max((out - 1) * stride + kernel - size, 0) // 2


def check_size(count: int, most: int, what: str, where: str) -> None:
    """Refuse a network whose values do not fit into the accelerator's window on the bus (UserError)."""
    if count > most:
        raise UserError(
            f"the model has {count} {what}; the accelerator's window holds {most}",
            where=where,
            hint="scale the data down before the network, or cut the network",
        )
