"""Number formats per layer: what the user asks for, and a sensible choice for what is left open.

The choice: every tensor gets ``width`` bits and the binary point with the least
squared error on the data (values that fall outside are clipped).  Activations
are unsigned only when the network's inputs are, so that every operand fits one
multiplier input of ``width`` bits.  Accumulators are lossless (hls4ml's
``auto``), so each layer rounds once.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from asicflow.config import LayerPrecision, PrecisionConfig
from asicflow.errors import UserError
from asicflow.model.fixed import FixedType, from_float, to_float
from asicflow.model.keras_file import KerasLayer, KerasNetwork
from asicflow.model.reference import batchnorm_terms

INPUT = "input_layer"
"""Name of the input in hls4ml's graph."""

_OUTPUT_GUARD_BITS = 4
_SAMPLES = 100_000
_CLIP_BITS = 4


@dataclass
class PrecisionPlan:
    """hls4ml's ``LayerName`` precisions by node and tensor, the model's default, and why."""

    default: str
    nodes: dict[str, dict[str, str]]
    reason: str
    model: dict[str, str] = field(default_factory=dict)


def plan_precision(
    network: KerasNetwork,
    config: PrecisionConfig,
    x: npt.NDArray[np.float32],
    results: dict[str, npt.NDArray[np.float64]],
    real: bool,
) -> PrecisionPlan:
    """Decide the type of every tensor.

    Parameters
    ----------
    network, config
        The float network and what the user asked for.
    x : (N, n_in) float32
        Inputs from which ranges are taken.
    results : dict
        Float results per node on these inputs, from :func:`asicflow.model.reference.forward`.
    real : bool
        False when the inputs are made up (goes into the stated reason).

    Raises
    ------
    UserError
        If a type is malformed or names a layer that does not exist.
    """
    if config.default == "auto":
        nodes = _Chooser(network, config.width, x, results).choose()
        source = f"{len(x)} samples of the data" if real else "made-up inputs (mean 0, deviation 1; give --data)"
        reason = (
            f"auto: {config.width}-bit inputs, weights and activations, each tensor with the binary point of "
            f"least squared error on {source}; lossless accumulators; "
            f"{config.width + _OUTPUT_GUARD_BITS}-bit outputs"
        )
        plan = PrecisionPlan(str(FixedType(width=16, frac=10)), nodes, reason)
    else:
        FixedType.parse(config.default, "model.precision.default")
        plan = PrecisionPlan(config.default, {}, f"given: {config.default} for every tensor")
    _override(plan, network, config.layers)
    return plan


def output_node(layer: KerasLayer) -> str:
    """The node of hls4ml's graph that gives a Keras layer's output."""
    separate = layer.class_name == "Dense" and layer.activation not in ("linear", "softmax")
    return f"{layer.name}_{layer.activation}" if separate else layer.name


def _override(plan: PrecisionPlan, network: KerasNetwork, layers: dict[str, LayerPrecision]) -> None:
    known = {layer.name: layer for layer in network.layers}
    for name, given in layers.items():
        where = f"model.precision.layers.{name}"
        if name not in known and name not in (INPUT, "input"):
            near = difflib.get_close_matches(name, [*known, "input"], n=1, cutoff=0.4)
            raise UserError(
                f"the model has no layer '{name}'",
                where=where,
                hint=f"did you mean '{near[0]}'?" if near else f"its layers: input, {', '.join(known)}",
            )
        for tensor, text in given.model_dump(exclude_none=True).items():
            if text != "auto":
                FixedType.parse(text, f"{where}.{tensor}")
            elif tensor != "accum":
                raise UserError("only accum takes 'auto'", where=f"{where}.{tensor}", hint="leave the key out")
            _set(plan, known.get(name), tensor, text)
    if layers:
        plan.reason += f"; given in the configuration for {', '.join(layers)}"


def _set(plan: PrecisionPlan, layer: KerasLayer | None, tensor: str, text: str) -> None:
    if layer is None:
        plan.nodes.setdefault(INPUT, {})[tensor] = text
        return
    if tensor == "weight" and layer.class_name == "BatchNormalization":
        tensor = "scale"
    node = output_node(layer) if tensor == "result" else layer.name
    plan.nodes.setdefault(node, {})[tensor] = text
    if tensor == "result" and node == layer.name and layer.class_name == "Dense":
        plan.nodes.setdefault(f"{node}_linear", {})["result"] = text


class _Chooser:
    """Walks the chain and gives every tensor a type."""

    def __init__(
        self,
        network: KerasNetwork,
        width: int,
        x: npt.NDArray[np.float32],
        results: dict[str, npt.NDArray[np.float64]],
    ) -> None:
        self.network = network
        self.width = width
        self.results = results
        self.x = x
        self.signed = bool(x.min() < 0)
        self.kind = FixedType(width=width, frac=0)
        self.nodes: dict[str, dict[str, str]] = {}

    def choose(self) -> dict[str, dict[str, str]]:
        self.kind = choose_type(self.x, self.width, self.signed, trim=True)
        self.nodes[INPUT] = {"result": str(self.kind)}
        layers = self.network.layers
        skip = False
        for i, layer in enumerate(layers):
            following = layers[i + 1] if i + 1 < len(layers) else None
            if skip:
                skip = False
            elif layer.class_name == "Dense":
                skip = self._dense(layer, following, last=self._is_last(i))
            elif layer.class_name == "BatchNormalization":
                self._batchnorm(layer, following, last=self._is_last(i))
            elif layer.class_name not in ("Flatten", "Reshape") and layer.activation != "softmax":
                self._activation(layer, layer.name, last=self._is_last(i))
        return self.nodes

    def _is_last(self, index: int) -> bool:
        """True when nothing computes after this layer but a softmax."""
        rest = self.network.layers[index + 1 :]
        return all(layer.class_name in ("Flatten", "Reshape", "Softmax") or _is_softmax(layer) for layer in rest)

    def _dense(self, layer: KerasLayer, following: KerasLayer | None, last: bool) -> bool:
        """Types of a Dense layer; True when hls4ml merges the next layer, a batch normalisation, into it."""
        weight = layer.weights["kernel"]
        bias = layer.weights.get("bias", np.zeros(weight.shape[1]))
        merged = following is not None and following.class_name == "BatchNormalization" and layer.activation == "linear"
        if merged:
            assert following is not None
            scale, shift = batchnorm_terms(following)
            weight, bias = weight * scale, bias * scale + shift
        types = self._linear_types(layer.name, weight, bias, "weight")
        types["accum"] = "auto"
        if layer.activation not in ("linear", "softmax"):
            types["result"] = "auto"
            self._activation(layer, output_node(layer), last)
        else:
            name = following.name if merged and following is not None else layer.name
            after = self._after(name)
            if after is not None and after.class_name in ("Activation", "ReLU", "LeakyReLU") and not last:
                types["result"] = "auto"
            else:
                self.kind = self._result(name, last)
                types["result"] = "auto" if merged else str(self.kind)
                self.nodes[f"{layer.name}_linear"] = {"result": str(self.kind)}
        return merged

    def _after(self, name: str) -> KerasLayer | None:
        names = [layer.name for layer in self.network.layers]
        index = names.index(name) + 1
        return self.network.layers[index] if index < len(names) else None

    def _batchnorm(self, layer: KerasLayer, following: KerasLayer | None, last: bool) -> None:
        scale, bias = batchnorm_terms(layer)
        types = self._linear_types(layer.name, scale, bias, "scale")
        if following is not None and following.class_name in ("Activation", "ReLU", "LeakyReLU") and not last:
            types["result"] = "auto"
        else:
            self.kind = self._result(layer.name, last)
            types["result"] = str(self.kind)

    def _linear_types(
        self, name: str, weight: npt.NDArray[np.float64], bias: npt.NDArray[np.float64], tensor: str
    ) -> dict[str, str]:
        """Types of weights and biases; biases share the products' binary point, which costs no gate."""
        weight_type = choose_type(weight, self.width, signed=True, trim=True)
        frac = self.kind.frac + weight_type.frac
        bits = int(np.ceil(np.log2(np.max(np.abs(bias), initial=0) * 2.0**frac + 1))) + 1
        bias_type = FixedType(width=max(bits, 2), frac=frac, rounding="RND", saturation="SAT")
        types = self.nodes[name] = {tensor: str(weight_type), "bias": str(bias_type)}
        return types

    def _activation(self, layer: KerasLayer, node: str, last: bool) -> None:
        types = self.nodes.setdefault(node, {})
        if layer.activation == "leaky_relu":
            types["param"] = str(choose_type(np.array([layer.leak]), self.width, signed=layer.leak < 0, trim=True))
        self.kind = self._result(node, last)
        types["result"] = str(self.kind)

    def _result(self, node: str, last: bool) -> FixedType:
        values = self.results[node]
        width = self.width + (_OUTPUT_GUARD_BITS if last else 0)
        return choose_type(values, width, self.signed or bool(values.min(initial=0) < 0))


def _is_softmax(layer: KerasLayer) -> bool:
    return layer.class_name != "Dense" and layer.activation == "softmax"


def choose_type(values: npt.ArrayLike, width: int, signed: bool, trim: bool = False) -> FixedType:
    """The type of ``width`` bits with the least squared error on ``values``.

    Parameters
    ----------
    values : array
        Real numbers, any shape.
    width : int
        Bits.
    signed : bool
        Whether the type has a sign.
    trim : bool
        Drop low bits that no value uses (values that need fewer bits to be exact).
    """
    flat = np.asarray(values, dtype=np.float64).ravel()
    flat = flat[:: -(-flat.size // _SAMPLES)] if flat.size > _SAMPLES else flat
    largest = float(np.max(np.abs(flat), initial=0.0))
    if largest == 0.0:
        return FixedType(width=width, frac=width - 1, signed=signed, rounding="RND", saturation="SAT")
    covering = width - int(signed) - int(np.floor(np.log2(largest))) - 1
    candidates = [
        FixedType(width=width, frac=frac, signed=signed, rounding="RND", saturation="SAT")
        for frac in range(covering - 1, covering + _CLIP_BITS)
    ]
    errors = [_squared_error(flat, kind) for kind in candidates]
    best = candidates[int(np.argmin(errors))]
    return _trim(flat, best) if trim and min(errors) == 0.0 else best


def _trim(values: npt.NDArray[np.float64], kind: FixedType) -> FixedType:
    """Drop unused bits at both ends of a type that holds ``values`` exactly."""
    while kind.width > 2:
        shorter = [
            kind.model_copy(update={"width": kind.width - 1, "frac": kind.frac - 1}),
            kind.model_copy(update={"width": kind.width - 1}),
        ]
        exact = [candidate for candidate in shorter if _squared_error(values, candidate) == 0.0]
        if not exact:
            break
        kind = exact[0]
    return kind


def _squared_error(values: npt.NDArray[np.float64], kind: FixedType) -> float:
    return float(np.sum((to_float(from_float(values, kind), kind) - values) ** 2))
