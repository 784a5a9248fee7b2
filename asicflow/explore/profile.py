"""Ranges of every tensor of a float network, and the types that the automatic choice gives them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asicflow.config import Config
from asicflow.errors import UserError
from asicflow.model.data import load_data
from asicflow.model.fixed import FixedType
from asicflow.model.frontend import load_network
from asicflow.model.network import INPUT, LINEAR
from asicflow.model.precision import plan_precision
from asicflow.model.reference import forward
from asicflow.model.stage import output_size

_PERCENTILES = (1, 25, 50, 75, 99, 100)


@dataclass(frozen=True)
class TensorRange:
    """Extremes of a tensor, percentiles of log2 of its magnitude (of values other than 0), its suggested type.

    ``clipped`` is the share of values outside the type.
    """

    name: str
    tensor: str
    low: float
    high: float
    percentiles: list[float]
    type: str
    clipped: float

    @property
    def low_bit(self) -> int:
        """Exponent of the type's lowest bit."""
        return -FixedType.parse(self.type).frac

    @property
    def top_bit(self) -> int:
        """Exponent just above the type's highest bit."""
        kind = FixedType.parse(self.type)
        return kind.width - kind.frac - int(kind.signed)


def profile(config: Config) -> tuple[list[TensorRange], str]:
    """Ranges of inputs, weights, biases and results in the order of the network; and the reason of the types.

    Raises
    ------
    UserError
        If model or data cannot be used, or the model fixes all its types itself.
    """
    if config.model.file is None:
        raise UserError("no model given", where="model.file")
    network = load_network(config.model.file, config.model.weights)
    if network.quantized:
        raise UserError(
            "the model fixes the type of every element; there is nothing to suggest", where=str(config.model.file)
        )
    data = load_data(config.model.data, network, output_size(network))
    results = forward(network, data.x)
    plan = plan_precision(network, config.model.precision, data.x, results, data.real)
    found = [_range(INPUT, "input", data.x, plan.nodes.get(INPUT, {}).get("result", plan.default))]
    for layer in network.layers:
        types = plan.nodes.get(layer.name, {})
        if layer.class_name in LINEAR:
            found.append(_range(layer.name, "weight", layer.kernel, types.get("weight", plan.default)))
            if "bias" in layer.weights:
                found.append(_range(layer.name, "bias", layer.weights["bias"], types.get("bias", plan.default)))
        node = layer.output_node
        given = plan.nodes.get(node, {}).get("result", plan.default)
        if node in results and given != "auto":
            found.append(_range(node, "result", results[node], given))
    return found, plan.reason


def _range(name: str, tensor: str, values: npt.NDArray[np.floating], text: str) -> TensorRange:
    flat = np.asarray(values, dtype=np.float64).ravel()
    kind, sizes = FixedType.parse(text), np.abs(flat[flat != 0])
    outside = (flat > (kind.high + 0.5) * kind.step) | (flat < (kind.low - 0.5) * kind.step)
    percentiles = np.log2(np.percentile(sizes, _PERCENTILES)).tolist() if sizes.size else []
    return TensorRange(name, tensor, float(flat.min()), float(flat.max()), percentiles, text, float(outside.mean()))
