"""Lower hls4ml's graph to the integer network, and keep its C simulation in step.

Works on the objects of an hls4ml ``ModelGraph`` without importing hls4ml, so
that the backend plugin may import it while hls4ml itself is being loaded.
"""

from __future__ import annotations

from typing import Any, Literal, cast, get_args

import numpy as np

from asicflow.errors import UserError
from asicflow.model.fixed import FixedType, IntArray, from_float, to_float
from asicflow.model.spec import (
    NETWORK_INPUT,
    Activation,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    Layer,
    Merge,
    MergeFunction,
    OutputPort,
    Pad,
    Pool,
    Port,
    Quantize,
    Spec,
    Window,
)
from asicflow.model.tables import SPANS, activation_table

SUPPORTED_NODES = (
    "Dense, Conv1D, Conv2D, DepthwiseConv1D, DepthwiseConv2D, BatchNormalization, Activation (linear, relu, sigmoid, "
    "tanh), LeakyReLU, hard_sigmoid, hard_tanh, max, average and global pooling, ZeroPadding, Add, Subtract, Average, "
    "Maximum, Minimum, Concatenate, Embedding of the input, Reshape, and Softmax at the end (removed: the engine gives "
    "the logits)"
)
DECISION = "AsicFlowDecision"
"""Key of hls4ml's configuration that remembers what a removed softmax was for."""

_INPUTS = ("Input", "InputLayer")
_IGNORED = ("Reshape",)


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
    fractional bits: exact for these values, not for others. ``beyond`` of a variable counts
    the values that lie outside their type: what becomes of them is more than a step away.
    """
    for variable in node.get_weights():
        integers, kind = weight_integers(variable, f"layer '{node.name}'")
        held = to_float(integers, kind)
        variable.beyond = int(np.count_nonzero(np.abs(held - np.asarray(variable.data, dtype=np.float64)) > kind.step))
        variable.data = held


def lower(model: Any) -> Spec:
    """Build the integer network from a ``ModelGraph`` whose flows have run.

    Raises
    ------
    UserError
        If the graph has several inputs or outputs, or holds a layer or a type that is not supported.
    """
    inputs, outputs = model.get_input_variables(), model.get_output_variables()
    if len(inputs) != 1 or len(outputs) != 1:
        raise UserError(f"the model has {len(inputs)} inputs and {len(outputs)} outputs; one of each is supported")
    layers: list[Layer] = []
    kind = FixedType.from_hls4ml(inputs[0].type.precision, "the input")
    tensors: dict[str, tuple[str, FixedType]] = {}
    for node in model.get_layers():
        is_input = node.class_name in _INPUTS
        sources = [(NETWORK_INPUT, kind)] if is_input else [tensors[name] for name in node.inputs]
        given = sources[0]
        if node.class_name == "Embedding":
            layers += _lower_embedding(node, *sources[0])
            given = (layers[-1].name, layers[-1].result)
        elif not is_input and node.class_name not in _IGNORED:
            layer = _lower_node(node, [source[0] for source in sources], [source[1] for source in sources])
            layers.append(layer.model_copy(update={"inputs": [source[0] for source in sources]}))
            given = (layer.name, layer.result)
        tensors |= dict.fromkeys(node.outputs, given)
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
            type=layers[-1].result,
            decision=decision,
        ),
        layers=layers,
    )


def _lower_node(node: Any, sources: list[str], kinds: list[FixedType]) -> Layer:
    where = f"layer '{node.name}'"
    result = FixedType.from_hls4ml(node.get_output_variable().type.precision, where)
    match node.class_name.removesuffix("1D").removesuffix("2D"):
        case "Dense":
            return _lower_dense(node, result, where)
        case "Conv" | "PointwiseConv" | "DepthwiseConv":
            return _lower_conv(node, result, where)
        case "BatchNormalization":
            return _lower_batchnorm(node, result, where)
        case "Pooling" | "GlobalPooling":
            return _lower_pool(node, kinds[0], result, where)
        case "ZeroPadding":
            return Pad(name=node.name, window=_window(node, (1, 1), (1, 1), where), result=result)
        case "Merge":
            return _lower_merge(node, sources, result, where)
        case "Concatenate":
            return _lower_concat(node, sources, result)
        case "FixedPointQuantizer":
            return _lower_quantizer(node, kinds[0], result, where)
    return _lower_activation(node, result, where)


def _lower_embedding(node: Any, source: str, kind: FixedType) -> list[Layer]:
    """A table per column of the embedding, and their results side by side.

    A number beyond the last entry gives the last one; hls4ml's C simulation reads past its table then.
    """
    where = f"layer '{node.name}'"
    result = FixedType.from_hls4ml(node.get_output_variable().type.precision, where)
    if kind.signed or kind.frac:
        raise UserError(
            f"{where} reads numbers of type {kind}", hint="give the input an unsigned whole type, such as ufixed<4,4>"
        )
    rows, table_type = weight_integers(node.weights["embeddings"], where)
    count, width = int(node.get_attr("vocab_size")), int(node.get_attr("n_out"))
    rows, half = rows.reshape(count, width), 1 << (max(count, 2) - 1).bit_length()
    n_in = int(np.prod(node.get_input_variable().shape))
    names = [node.name] if width == 1 else [f"{node.name}_{column}" for column in range(width)]
    columns: list[Layer] = []
    for name, column in zip(names, rows.T.tolist(), strict=True):
        table = [column[0]] * half + column + [column[-1]] * (half - count)
        columns.append(
            Activation(name=name, inputs=[source], n_in=n_in, function="table", table=table, table_type=table_type,
                       span=2 * half, result=result)
        )  # fmt: skip
    if width == 1:
        return columns
    return [*columns, Concat(name=node.name, inputs=names, outer=n_in, sizes=[1] * width, result=result)]


def _lower_activation(node: Any, result: FixedType, where: str) -> Layer:
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
    if node.class_name == "Activation" and function in SPANS:
        table_type = FixedType.from_hls4ml(node.get_attr("table_t").precision, where)
        return Activation(
            name=node.name,
            n_in=size,
            function="table",
            table=activation_table(function, int(node.get_attr("table_size")), table_type).tolist(),
            table_type=table_type,
            span=SPANS[function],
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


def _window(node: Any, kernel: tuple[int, int], strides: tuple[int, int], where: str) -> Window:
    """The window of a node; one dimension is a picture of one line."""
    channels = int(node.get_attr("n_chan") or node.get_attr("n_filt"))
    if node.get_attr("data_format", "channels_last") != "channels_last":
        raise UserError(f"{where}: channels come first", hint="use channels-last layers")
    flat = node.class_name.endswith("1D")
    width = int(node.get_attr("in_width") or node.get_attr("n_in"))
    out_width = int(node.get_attr("out_width") or node.get_attr("n_out") or 1)
    return Window(
        shape=(1 if flat else int(node.get_attr("in_height")), width, channels),
        kernel=kernel,
        strides=strides,
        pad_top=0 if flat else int(node.get_attr("pad_top") or 0),
        pad_left=int(node.get_attr("pad_left") or 0),
        out=(1 if flat else int(node.get_attr("out_height") or 1), out_width),
    )


def _sizes(node: Any, prefix: str) -> tuple[int, int]:
    """Height and width of an attribute such as ``stride_height``; 1 where it has none."""
    return int(node.get_attr(f"{prefix}_height") or 1), int(node.get_attr(f"{prefix}_width") or 1)


def _lower_conv(node: Any, result: FixedType, where: str) -> Conv:
    if _sizes(node, "dilation") != (1, 1):
        raise UserError(f"{where}: dilated convolutions are not supported")
    depthwise = node.class_name.startswith("Depthwise")
    window = _window(node, _sizes(node, "filt"), _sizes(node, "stride"), where)
    weight, weight_type = weight_integers(node.weights["depthwise" if "depthwise" in node.weights else "weight"], where)
    bias, bias_type = weight_integers(node.weights["bias"], where)
    filters = int(node.get_attr("n_filt"))
    if depthwise and filters != window.shape[2]:
        raise UserError(f"{where}: a depth multiplier other than 1 is not supported")
    rows = window.taps * (1 if depthwise else window.shape[2])
    return Conv(
        name=node.name,
        window=window,
        filters=filters,
        depthwise=depthwise,
        weight=weight.reshape(rows, filters).tolist(),
        weight_type=weight_type,
        bias=bias.reshape(filters).tolist(),
        bias_type=bias_type,
        accum=FixedType.from_hls4ml(node.get_attr("accum_t").precision, where),
        result=result,
        reuse_factor=int(node.get_attr("reuse_factor", 1)),
    )


def _lower_pool(node: Any, kind: FixedType, result: FixedType, where: str) -> Pool:
    flat = node.class_name.endswith("1D")
    kernel, strides = _sizes(node, "pool"), _sizes(node, "stride")
    if node.class_name.startswith("Global"):
        kernel = (1, int(node.get_attr("n_in"))) if flat else _sizes(node, "in")
        strides = (1, 1)
    window = _window(node, kernel, strides, where)
    function = str(node.get_attr("pool_op")).lower()
    if window.padded and function == "average":
        raise UserError(f"{where}: average pooling with padding is not supported", hint="use padding 'valid'")
    if window.padded and not kind.signed:
        raise UserError(
            f"{where}: hls4ml's C simulation pads an unsigned input of a maximum with a large value",
            hint="give the layer before a signed type, or use padding 'valid'",
        )
    accum = FixedType.from_hls4ml(node.get_attr("accum_t").precision, where)
    whole = kind.width - kind.frac + window.taps.bit_length() + int(not kind.signed)
    lossless = accum.saturation == "WRAP" or accum.width - accum.frac - int(not accum.signed) >= whole
    if function == "average" and (accum.frac < kind.frac or not lossless):
        raise UserError(
            f"{where}: the accumulator {accum} rounds or saturates on the way of the sum of {kind} values",
            hint="leave the layer's accum out",
        )
    return Pool(
        name=node.name,
        function="max" if function == "max" else "average",
        window=window,
        accum=accum,
        result=result,
    )


def _lower_merge(node: Any, sources: list[str], result: FixedType, where: str) -> Merge:
    function = str(node.get_attr("op")).lower()
    sizes = {int(node.get_input_variable(name).size()) for name in node.inputs}
    if function not in get_args(MergeFunction):
        raise UserError(f"{where} ({function}) is not supported", hint=f"supported: {SUPPORTED_NODES}")
    if len(sizes) != 1:
        raise UserError(f"{where}: the inputs of {function} have different sizes")
    return Merge(
        name=node.name,
        inputs=sources,
        n_in=sizes.pop(),
        function=cast(MergeFunction, function),
        result=result,
    )


def _lower_concat(node: Any, sources: list[str], result: FixedType) -> Concat:
    shapes = [[int(n) for n in node.get_input_variable(name).shape] for name in node.inputs]
    axis = int(node.get_attr("axis", -1))
    axis = axis - 1 if axis > 0 else axis % len(shapes[0])
    sizes = [int(np.prod(shape[axis:])) for shape in shapes]
    return Concat(name=node.name, inputs=sources, outer=int(np.prod(shapes[0][:axis])), sizes=sizes, result=result)


def _lower_quantizer(node: Any, kind: FixedType, result: FixedType, where: str) -> Quantize:
    shape = [int(n) for n in node.get_input_variable().shape]
    signs, widths, whole = (np.broadcast_to(values[0], shape).ravel().astype(int) for values in node.mask_kbi)
    modes = {"rounding": node.RND.removeprefix("AP_"), "saturation": node.SAT.removeprefix("AP_")}
    used = widths > 0
    frac = int((widths - whole)[used].max(initial=kind.frac if not used.any() else -64))
    top = int((whole - signs)[used].max(initial=-frac))
    signed = bool(signs[used].any())
    carrier = FixedType(width=max(top + frac + int(signed), 1), frac=frac, signed=signed, **modes)
    if cast_loses(carrier, result):
        raise UserError(
            f"{where}: its output {result} does not hold every element's type", hint="use hls4ml's own types"
        )
    return Quantize(
        name=node.name,
        n_in=len(widths),
        widths=widths.tolist(),
        fracs=np.where(used, widths - whole, 0).tolist(),
        signs=(signs > 0).tolist(),
        result=result.model_copy(update=modes),
    )


def cast_loses(source: FixedType, target: FixedType) -> bool:
    """True when some value of ``source`` is none of ``target``."""
    up = max(target.frac, source.frac)
    fine = source.frac <= target.frac
    low, high = source.low << (up - source.frac), source.high << (up - source.frac)
    return not (fine and target.low << (up - target.frac) <= low and high <= target.high << (up - target.frac))


def _lower_batchnorm(node: Any, result: FixedType, where: str) -> BatchNorm:
    size = int(np.prod(node.get_input_variable().shape))
    scale, scale_type = weight_integers(node.weights["scale"], where)
    bias, bias_type = weight_integers(node.weights["bias"], where)
    return BatchNorm(
        name=node.name,
        n_in=size,
        scale=scale.ravel().tolist(),
        scale_type=scale_type,
        bias=bias.ravel().tolist(),
        bias_type=bias_type,
        result=result,
    )
