"""Lower hls4ml's graph to the integer network, and keep its C simulation in step.

Works on the objects of an hls4ml ``ModelGraph`` without importing hls4ml, so
that the backend plugin may import it while hls4ml itself is being loaded.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from asicflow.errors import UserError
from asicflow.model.fixed import FixedType, IntArray, from_float, to_float
from asicflow.model.spec import Activation, BatchNorm, Dense, Layer, OutputPort, Port, Spec

SUPPORTED_NODES = (
    "Dense, BatchNormalization, Activation (linear, relu), LeakyReLU, hard_sigmoid, hard_tanh, Reshape, "
    "and Softmax at the end (removed: the engine gives the logits)"
)
DECISION = "AsicFlowDecision"
"""Key of hls4ml's configuration that remembers what a removed softmax was for."""

_IGNORED = ("Input", "InputLayer", "Reshape")


def weight_integers(variable: Any, where: str) -> tuple[IntArray, FixedType]:
    """Integers and type of a weight variable, as the C simulation reads them."""
    kind = FixedType.from_hls4ml(variable.type.precision, where)
    values = np.asarray(variable.data, dtype=np.float64)
    if not np.isfinite(values).all():
        raise UserError(f"{where}: NaN or infinite weights", hint="train again, or repair the file")
    return from_float(values, kind), kind


def quantise_weights(node: Any) -> None:
    """Replace the weights of a node by the values their types can hold.

    hls4ml writes weights as decimals with as many digits as the type has
    fractional bits: exact for these values, not for others.
    """
    for variable in node.get_weights():
        integers, kind = weight_integers(variable, f"layer '{node.name}'")
        variable.data = to_float(integers, kind)


def lower(model: Any) -> Spec:
    """Build the integer network from a ``ModelGraph`` whose flows have run.

    Raises
    ------
    UserError
        If the graph is no chain, or holds a layer or a type that is not supported.
    """
    inputs, outputs = model.get_input_variables(), model.get_output_variables()
    if len(inputs) != 1 or len(outputs) != 1:
        raise UserError(f"the model has {len(inputs)} inputs and {len(outputs)} outputs; one of each is supported")
    layers: list[Layer] = []
    kind = FixedType.from_hls4ml(inputs[0].type.precision, "the input")
    for node in model.get_layers():
        if len(node.inputs) > 1 or sum(len(users) for users in node.get_output_use_map().values()) > 1:
            raise UserError(f"layer '{node.name}' branches; only chains of layers are supported")
        if node.class_name not in _IGNORED:
            layers.append(_lower_node(node, kind))
            kind = layers[-1].result
    if not layers:
        raise UserError("the model has no layers that compute")
    decision: Literal["argmax"] | None = "argmax" if model.config.get_config_value(DECISION) == "argmax" else None
    return Spec(
        name=model.config.get_project_name(),
        input=Port(
            shape=[int(n) for n in inputs[0].shape],
            size=int(np.prod(inputs[0].shape)),
            type=FixedType.from_hls4ml(inputs[0].type.precision, "the input"),
        ),
        output=OutputPort(
            shape=[int(n) for n in outputs[0].shape],
            size=int(np.prod(outputs[0].shape)),
            type=kind,
            decision=decision,
        ),
        layers=layers,
    )


def _lower_node(node: Any, kind: FixedType) -> Layer:
    where = f"layer '{node.name}'"
    result = FixedType.from_hls4ml(node.get_output_variable().type.precision, where)
    if node.class_name == "Dense":
        return _lower_dense(node, result, where)
    if node.class_name == "BatchNormalization":
        return _lower_batchnorm(node, result, where)
    function = str(node.get_attr("activation", "")).lower().replace("leakyrelu", "leaky_relu")
    size = int(np.prod(node.get_input_variable().shape))
    if node.class_name == "Activation" and function in ("linear", "relu"):
        return Activation(name=node.name, n_in=size, function=function, result=result)
    if function == "leaky_relu":
        slope_type = FixedType.from_hls4ml(node.get_attr("param_t").precision, where)
        slope = int(from_float(float(node.get_attr("activ_param")), slope_type))
        return Activation(
            name=node.name,
            n_in=size,
            function="leaky_relu",
            slope=slope,
            slope_type=slope_type,
            result=result,
        )
    if node.class_name == "HardActivation" and function in ("hard_sigmoid", "hard_tanh"):
        slope_type = FixedType.from_hls4ml(node.get_attr("slope_t").precision, where)
        shift_type = FixedType.from_hls4ml(node.get_attr("shift_t").precision, where)
        return Activation(
            name=node.name,
            n_in=size,
            function="hard_sigmoid" if function == "hard_sigmoid" else "hard_tanh",
            slope=int(from_float(float(node.get_attr("slope")), slope_type)),
            slope_type=slope_type,
            shift=int(from_float(float(node.get_attr("shift")), shift_type)),
            shift_type=shift_type,
            result=result,
        )
    raise UserError(
        f"{where} ({node.class_name}{' ' + function if function else ''}) is not supported",
        hint=f"supported: {SUPPORTED_NODES}",
    )


def _lower_dense(node: Any, result: FixedType, where: str) -> Dense:
    n_in, n_out = int(node.get_attr("n_in")), int(node.get_attr("n_out"))
    if int(np.prod(node.get_input_variable().shape)) != n_in:
        raise UserError(f"{where}: Dense on an input with several axes is not supported", hint="flatten the input")
    weight, weight_type = weight_integers(node.weights["weight"], where)
    bias, bias_type = weight_integers(node.weights["bias"], where)
    if node.get_attr("_weights_transposed"):
        weight = weight.T
    return Dense(
        name=node.name,
        n_in=n_in,
        n_out=n_out,
        weight=weight.reshape(n_in, n_out).tolist(),
        weight_type=weight_type,
        bias=bias.reshape(n_out).tolist(),
        bias_type=bias_type,
        accum=FixedType.from_hls4ml(node.get_attr("accum_t").precision, where),
        result=result,
        reuse_factor=int(node.get_attr("reuse_factor", 1)),
    )


def _lower_batchnorm(node: Any, result: FixedType, where: str) -> BatchNorm:
    size = int(np.prod(node.get_input_variable().shape))
    scale, scale_type = weight_integers(node.weights["scale"], where)
    bias, bias_type = weight_integers(node.weights["bias"], where)
    return BatchNorm(
        name=node.name,
        n_in=size,
        scale=np.resize(scale, size).tolist(),
        scale_type=scale_type,
        bias=np.resize(bias, size).tolist(),
        bias_type=bias_type,
        result=result,
    )
