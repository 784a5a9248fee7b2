"""The model stage: ``spec.json``, ``vectors.npz`` and ``model.json`` from a trained network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asicflow.config import Config
from asicflow.errors import StageError, UserError
from asicflow.model import golden
from asicflow.model.data import DataSet, load_data
from asicflow.model.fixed import IntArray, to_float
from asicflow.model.frontend import load_network
from asicflow.model.graph import compile_csim, convert, predict
from asicflow.model.lower import lower
from asicflow.model.network import LINEAR, MOST_INPUTS, MOST_OUTPUTS, KerasNetwork, check_size
from asicflow.model.precision import PrecisionPlan, plan_precision
from asicflow.model.reference import forward
from asicflow.model.spec import Activation, BatchNorm, Conv, Dense, Layer, Merge, Pool, Spec
from asicflow.workspace import Workspace

MIN_VECTORS = 1000
AUTO_MULTIPLIERS = 4
_CSIM_SAMPLES = 5000
_SEED = 7

Progress = Callable[[str], None]


@dataclass
class Integers:
    """What the integer network gives on a set of inputs."""

    x: npt.NDArray[np.float32]
    x_int: IntArray
    y_int: IntArray
    profile: golden.Profile


def run_model(config: Config, ws: Workspace, progress: Progress) -> None:
    """Run the stage: read ``config.model``, write the folder ``ws.model``.

    Raises
    ------
    UserError
        If model, data or number formats cannot be used.
    StageError
        If the C simulation does not compile, or differs from the integer golden.
    """
    settings = config.model
    if settings.file is None:
        raise UserError("no model given", where="model.file", hint="give one with --model")
    progress("reading the model")
    network = load_network(settings.file, settings.weights)
    check_size(network.input_size, MOST_INPUTS, "inputs", str(settings.file))
    n_out = output_size(network)
    check_size(n_out, MOST_OUTPUTS, "outputs", str(settings.file))
    data = load_data(settings.data, network, n_out)
    results = forward(network, data.x)
    plan = plan_precision(network, settings.precision, data.x, results, data.real)

    progress("converting with hls4ml")
    multiplications = _largest_layer(network)
    reuse = requested_reuse(settings.reuse, multiplications)
    ws.model.mkdir(parents=True, exist_ok=True)
    model = convert(network, hls_config(plan, reuse), ws.model / "hls", "network")
    spec = lower(model).model_copy(update={"name": config.name})

    progress("compiling the C simulation")
    compile_csim(model)
    progress("comparing C simulation and integer golden")
    on_data = run_golden(spec, data.x, with_profile=True)
    checked = check_csim(spec, model, on_data)
    vectors = vector_inputs(data, max(MIN_VECTORS, settings.vectors))
    on_vectors = run_golden(spec, vectors)
    checked += check_csim(spec, model, on_vectors)

    spec.save(ws.model / "spec.json")
    save_vectors(ws.model / "vectors.npz", on_vectors, data)
    report = {
        "schema": "asicflow.model/1",
        "name": config.name,
        "model": str(settings.file),
        "data": str(settings.data) if settings.data else None,
        "layers": [layer_report(layer) for layer in spec.layers],
        "input_type": str(spec.input.type),
        "precision_reason": plan.reason,
        "precision": {"default": plan.default, "nodes": plan.nodes},
        "reuse": {
            "requested": settings.reuse,
            "asked_of_hls4ml": reuse,
            "effective_by_layer": {x.name: x.reuse_factor for x in spec.layers if isinstance(x, Dense | Conv)},
        },
        "multiplications": spec.multiplications,
        "csim": {"vectors": checked, "equal": True},
        "ranges": ranges_report(spec, on_data.profile, results),
        **accuracy_report(spec, data, results[list(results)[-1]], on_data.y_int, network.classifier),
    }
    (ws.model / "model.json").write_text(json.dumps(report, indent=2) + "\n")
    progress(summary(report))


def output_size(network: KerasNetwork) -> int:
    """Outputs of a network (checks that its layers fit together)."""
    results = forward(network, np.zeros((1, network.input_size)))
    if not results:
        raise UserError("the model has no layers that compute", where=str(network.file))
    return int(results[list(results)[-1]][0].size)


def _largest_layer(network: KerasNetwork) -> int:
    """Multiplications of the largest layer, from the shapes of the float network."""
    results = forward(network, np.zeros((1, network.input_size)))
    sizes = [
        x.kernel.size * int(np.prod(results[x.name].shape[1:-1])) for x in network.layers if x.class_name in LINEAR
    ]
    return max(sizes, default=1)


def requested_reuse(reuse: int | str, largest_layer: int) -> int:
    """The reuse factor as a number; ``auto`` gives the largest layer four multipliers."""
    if reuse == "auto":
        return max(1, -(-largest_layer // AUTO_MULTIPLIERS))
    if int(reuse) < 1:
        raise UserError(f"the reuse factor is {reuse}; it must be at least 1", where="model.reuse")
    return int(reuse)


def hls_config(plan: PrecisionPlan, reuse: int) -> dict[str, Any]:
    """hls4ml's configuration for a precision plan."""
    return {
        "Model": {"Precision": {"default": plan.default}, "ReuseFactor": reuse, "Strategy": "Latency"},
        "LayerName": {node: {"Precision": types} for node, types in plan.nodes.items() if types},
    }


def run_golden(spec: Spec, x: npt.NDArray[np.float32], with_profile: bool = False) -> Integers:
    """Quantise inputs and run the integer network on them."""
    profile = golden.Profile()
    x_int = golden.quantize_input(spec, x, profile if with_profile else None)
    return Integers(x, x_int, golden.run(spec, x_int, profile if with_profile else None), profile)


def check_csim(spec: Spec, model: Any, integers: Integers) -> int:
    """Demand that C simulation and integer golden agree in every bit; return how many inputs agree."""
    x = integers.x[:_CSIM_SAMPLES]
    wanted = to_float(integers.y_int[: len(x)], spec.output.type)
    found = predict(model, x)
    if not np.array_equal(found, wanted):
        sample, output = (int(i) for i in np.argwhere(found != wanted)[0])
        raise StageError(
            f"C simulation and integer golden differ at input {sample}, output {output}: "
            f"{found[sample, output]} and {wanted[sample, output]}",
            where="model stage",
            hint="this is a defect of asicflow; please report it with the model",
        )
    return len(x)


def vector_inputs(data: DataSet, count: int) -> npt.NDArray[np.float32]:
    """The first ``count`` inputs of the data, filled up with random ones in each feature's range."""
    x = data.x[:count]
    missing = count - len(x)
    if missing == 0:
        return x
    random = np.random.default_rng(_SEED).uniform(data.x.min(axis=0), data.x.max(axis=0), (missing, data.x.shape[1]))
    return np.concatenate([x, random.astype(np.float32)])


def save_vectors(path: Path, vectors: Integers, data: DataSet) -> None:
    """Write ``vectors.npz``; ``labels`` is -1 where an input is random."""
    n_data = min(len(data), len(vectors.x)) if data.real else 0
    arrays: dict[str, Any] = {
        "x_float": vectors.x,
        "x_int": vectors.x_int,
        "y_int": vectors.y_int,
        "n_data": np.int64(n_data),
    }
    if data.labels is not None:
        arrays["labels"] = np.full(len(vectors.x), -1, dtype=np.int64)
        arrays["labels"][:n_data] = data.labels[:n_data]
    np.savez_compressed(path, **arrays)


def layer_report(layer: Layer) -> dict[str, Any]:
    """Types of one layer, in hls4ml's notation."""
    report: dict[str, Any] = {
        "name": layer.name,
        "kind": layer.kind,
        "n_in": layer.n_in,
        "n_out": layer.n_out,
    }
    match layer:
        case Dense() | Conv():
            report |= {
                "weight": str(layer.weight_type),
                "bias": str(layer.bias_type),
                "accum": str(layer.accum),
            }
        case BatchNorm():
            report |= {"scale": str(layer.scale_type), "bias": str(layer.bias_type)}
        case Activation() | Merge() | Pool():
            report |= {"function": layer.function}
        case _:
            pass
    return report | {"result": str(layer.result)}


def ranges_report(
    spec: Spec, profile: golden.Profile, results: dict[str, npt.NDArray[np.float64]]
) -> list[dict[str, Any]]:
    """Ranges and overflow counts of the input and each layer on the data."""
    types = {"input": spec.input.type} | {layer.name: layer.result for layer in spec.layers}
    report = []
    for name, seen in profile.layers.items():
        entry: dict[str, Any] = {
            "name": name,
            "type": str(types[name]),
            "low": seen.low * types[name].step,
            "high": seen.high * types[name].step,
            "values": seen.values,
            "saturated": seen.saturated,
            "wrapped": seen.wrapped,
            "accumulator_overflows": seen.accumulator_overflows,
        }
        if name in results:
            entry |= {"float_low": float(results[name].min()), "float_high": float(results[name].max())}
        report.append(entry)
    return report


def accuracy_report(
    spec: Spec, data: DataSet, logits: npt.NDArray[np.float64], y_int: IntArray, classifier: bool
) -> dict[str, Any]:
    """Float against fixed point on the data: accuracy where there are labels, agreement, deviation."""
    exact = logits.reshape(len(data), -1)
    fixed = to_float(y_int, spec.output.type)
    report: dict[str, Any] = {
        "samples": len(data),
        "real_data": data.real,
        "accuracy_float": None,
        "accuracy_fixed": None,
        "agreement": None,
        "rms_error": float(np.sqrt(np.mean((exact - fixed) ** 2))),
        "rms_output": float(np.sqrt(np.mean(exact**2))),
    }
    if classifier or data.labels is not None:
        by_float, by_fixed = exact.argmax(axis=1), fixed.argmax(axis=1)
        report["agreement"] = float(np.mean(by_float == by_fixed))
        if data.labels is not None:
            report["accuracy_float"] = float(np.mean(by_float == data.labels))
            report["accuracy_fixed"] = float(np.mean(by_fixed == data.labels))
    return report


def summary(report: dict[str, Any]) -> str:
    """One line for the terminal."""
    equal = f"C simulation equals integer golden on {report['csim']['vectors']} inputs"
    if report["accuracy_float"] is not None:
        float_accuracy, fixed_accuracy = report["accuracy_float"], report["accuracy_fixed"]
        return f"accuracy {float_accuracy:.4f} float, {fixed_accuracy:.4f} fixed point; {equal}"
    if report["agreement"] is not None:
        return f"float and fixed point agree on {report['agreement']:.2%} of the inputs; {equal}"
    return f"RMS error {report['rms_error']:.4g} of {report['rms_output']:.4g}; {equal}"
