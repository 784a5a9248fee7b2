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
from asicflow.model.network import (
    ACTIVATION_LAYERS,
    EMBEDDINGS,
    GLOBAL_POOLS,
    INPUT,
    LINEAR,
    MERGES,
    PADS,
    POOLS,
    RESHAPES,
    KerasLayer,
    KerasNetwork,
)
from asicflow.model.reference import batchnorm_terms

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
    entries = network.vocabulary
    if network.quantized:
        plan = PrecisionPlan(
            str(FixedType(width=16, frac=10)), {}, "given by the model file, for every element; lossless accumulators"
        )
    elif config.default == "auto":
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
    if entries is not None:
        plan.nodes.setdefault(INPUT, {})["result"] = str(index_type(entries))
    fixed = [layer for layer in network.layers if layer.types]
    for layer in fixed:
        for tensor, text in layer.types.items():
            _set(plan, layer, tensor, text)
    if fixed:
        plan.reason += f"; given by the model file for {', '.join(layer.name for layer in fixed)}"
    _override(plan, network, config.layers)
    return plan


def index_type(entries: int) -> FixedType:
    """The type of a number of one of so many entries."""
    return FixedType(width=max((entries - 1).bit_length(), 1), frac=0, signed=False)


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
    node = layer.output_node if tensor == "result" else layer.name
    plan.nodes.setdefault(node, {})[tensor] = text
    if tensor == "result" and node == layer.name and layer.class_name in LINEAR:
        plan.nodes.setdefault(f"{node}_linear", {})["result"] = text


class _Chooser:
    """Walks the graph and gives every tensor a type."""

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
        self.signed = bool(x.min() < 0) or any(
            layer.class_name in POOLS and str(layer.config.get("padding")).lower() == "same" for layer in network.layers
        )
        self.kinds: dict[str, FixedType] = {}
        self.nodes: dict[str, dict[str, str]] = {}

    def choose(self) -> dict[str, dict[str, str]]:
        self.kinds[INPUT] = choose_type(self.x, self.width, self.signed, trim=True)
        self.nodes[INPUT] = {"result": str(self.kinds[INPUT])}
        for layer in self.network.layers:
            kind = self.kinds[layer.inputs[0]]
            if layer.name in self.kinds:  # merged into the layer before
                continue
            if layer.class_name in LINEAR:
                self._linear(layer, kind)
            elif layer.class_name in EMBEDDINGS:
                found = choose_type(layer.weights["embeddings"], self.width, signed=True)
                self.nodes[layer.name] = {"embeddings": str(found)}
                self._give(layer, layer.name, found)
            elif layer.class_name == "BatchNormalization":
                self._batchnorm(layer, kind)
            elif layer.class_name in RESHAPES:
                self.kinds[layer.name] = kind
            elif layer.class_name in (*POOLS, *GLOBAL_POOLS):
                self._pool(layer, kind)
            elif layer.class_name in PADS:
                self._give(layer, layer.name, kind)
            elif layer.class_name in (*MERGES, "Concatenate"):
                self._give(layer, layer.name, self._result(layer, layer.name))
            elif layer.activation != "softmax":
                self._activation(layer, layer.name)
        return self.nodes

    def _is_last(self, layer: KerasLayer) -> bool:
        """True when nothing computes after this layer but a softmax."""
        readers = self.network.readers(layer.name)
        return all((r.class_name in RESHAPES or _is_softmax(r)) and self._is_last(r) for r in readers)

    def _give(self, layer: KerasLayer, node: str, kind: FixedType) -> None:
        self.kinds[layer.name] = kind
        self.nodes.setdefault(node, {})["result"] = str(kind)

    def _linear(self, layer: KerasLayer, kind: FixedType) -> None:
        """Types of a layer with weights and of a batch normalisation that hls4ml merges into it."""
        weight = layer.kernel
        bias = layer.weights.get("bias", np.zeros(weight.shape[-1]))
        after = self.network.only_reader(layer.name)
        merged = after is not None and after.class_name == "BatchNormalization" and layer.activation == "linear"
        merged = merged and not layer.class_name.startswith("Depthwise")
        if merged and after is not None:
            scale, shift = batchnorm_terms(after)
            weight, bias = weight * scale, bias * scale + shift
        types = self._linear_types(layer.name, kind, weight, bias, "weight")
        types["accum"] = "auto"
        if layer.activation not in ("linear", "softmax"):
            types["result"] = "auto"
            self._activation(layer, layer.output_node)
            return
        end = after if merged and after is not None else layer
        if self._left_to_activation(end):
            types["result"] = "auto"
            self.kinds[end.name] = self.kinds[layer.name] = kind
            return
        self.kinds[end.name] = self.kinds[layer.name] = found = self._result(end, end.name)
        types["result"] = "auto" if merged else str(found)
        self.nodes[f"{layer.name}_linear"] = {"result": str(found)}

    def _left_to_activation(self, layer: KerasLayer) -> bool:
        """True when an activation alone reads a layer: it does the cast."""
        after = self.network.only_reader(layer.name)
        return after is not None and after.class_name in ACTIVATION_LAYERS and not self._is_last(layer)

    def _batchnorm(self, layer: KerasLayer, kind: FixedType) -> None:
        scale, bias = batchnorm_terms(layer)
        types = self._linear_types(layer.name, kind, scale, bias, "scale")
        if self._left_to_activation(layer):
            types["result"] = "auto"
            self.kinds[layer.name] = kind
        else:
            self._give(layer, layer.name, self._result(layer, layer.name))

    def _pool(self, layer: KerasLayer, kind: FixedType) -> None:
        """A maximum keeps the type; a mean has an exact sum and a result of its own."""
        if "Max" in layer.class_name:
            self.nodes[layer.name] = {"accum": str(kind)}
            self._give(layer, layer.name, kind)
            return
        before = self.network.input_shape if layer.inputs[0] == INPUT else self._shape(layer.inputs[0])
        taps = int(np.prod(before[:-1] if layer.class_name in GLOBAL_POOLS else layer.config["pool_size"]))
        exact = FixedType(width=kind.width + taps.bit_length(), frac=kind.frac, signed=kind.signed)
        self.nodes[layer.name] = {"accum": str(exact)}
        self._give(layer, layer.name, self._result(layer, layer.name))

    def _shape(self, name: str) -> tuple[int, ...]:
        layer = next(layer for layer in self.network.layers if layer.name == name)
        return self.results[layer.output_node].shape[1:]

    def _linear_types(
        self, name: str, kind: FixedType, weight: npt.NDArray[np.float64], bias: npt.NDArray[np.float64], tensor: str
    ) -> dict[str, str]:
        """Types of weights and biases; biases share the products' binary point, which costs no gate."""
        fixed = next((layer.types for layer in self.network.layers if layer.name == name), {})
        weight_type = (
            FixedType.parse(fixed["weight"])
            if "weight" in fixed
            else choose_type(weight, self.width, signed=True, trim=True)
        )
        frac = kind.frac + weight_type.frac
        bits = int(np.ceil(np.log2(np.max(np.abs(bias), initial=0) * 2.0**frac + 1))) + 1
        bias_type = FixedType(width=max(bits, 2), frac=frac, rounding="RND", saturation="SAT")
        types = self.nodes[name] = {tensor: str(weight_type), "bias": str(bias_type)}
        return types

    def _activation(self, layer: KerasLayer, node: str) -> None:
        types = self.nodes.setdefault(node, {})
        if layer.activation == "leaky_relu":
            types["param"] = str(choose_type(np.array([layer.leak]), self.width, signed=layer.leak < 0, trim=True))
        self._give(layer, node, self._result(layer, node))

    def _result(self, layer: KerasLayer, node: str) -> FixedType:
        if "result" in layer.types:
            return FixedType.parse(layer.types["result"])
        values = self.results[node]
        width = self.width + (_OUTPUT_GUARD_BITS if self._is_last(layer) else 0)
        return choose_type(values, width, self.signed or bool(values.min(initial=0) < 0))


def _is_softmax(layer: KerasLayer) -> bool:
    return layer.class_name not in LINEAR and layer.activation == "softmax"


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
