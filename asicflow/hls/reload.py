"""Other weights for a chip whose weights are reloadable: the image of another model of the same architecture."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from asicflow.errors import UserError
from asicflow.hls.memory import weights_image
from asicflow.hls.plan import plan_engine
from asicflow.model import golden
from asicflow.model.fixed import IntArray
from asicflow.model.frontend import load_network
from asicflow.model.graph import compile_csim, convert
from asicflow.model.image import Image
from asicflow.model.lower import lower
from asicflow.model.precision import PrecisionPlan
from asicflow.model.spec import Spec
from asicflow.model.stage import Integers, check_csim, hls_config
from asicflow.workspace import Workspace, sha256_text


@dataclass(frozen=True)
class Reloaded:
    """Other weights: their network, image, inputs (N, n_in) of the run's vectors and what they give (N, n_out)."""

    spec: Spec
    image: Image
    x_int: IntArray
    y_int: IntArray


def reload_weights(
    ws: Workspace, model: Path, weights: Path | None, clip: bool, progress: Callable[[str], None]
) -> Reloaded:
    """Quantise a model to the number formats of a run, and check it as the run's own was.

    Parameters
    ----------
    ws : Workspace
        A run whose ``model`` and ``hls`` stages are done.
    model, weights : Path
        The model, and the file of its weights when it is a ``.json``.
    clip : bool
        Take the nearest number that a format holds where a weight lies beyond.
    progress : callable
        Told what is done.

    Raises
    ------
    UserError
        If the run's weights are constants, the model has another architecture, or a weight does not fit.
    StageError
        If C simulation and integer golden differ.
    """
    engine = _read(ws.accel / "accel.json")
    if "weights" not in engine:
        raise UserError(
            "the weights of this run are constants", where=str(ws.root), hint="build it with hls.weights: reloadable"
        )
    report, built = _read(ws.model / "model.json"), Spec.load(ws.model / "spec.json")
    precision = PrecisionPlan(report["precision"]["default"], report["precision"]["nodes"], "")
    progress("converting with hls4ml, in the number formats of the run")
    with TemporaryDirectory() as folder, np.load(ws.model / "vectors.npz") as vectors:
        graph = convert(
            load_network(model, weights), hls_config(precision, report["reuse"]["asked_of_hls4ml"]), folder, "network"
        )
        spec = lower(graph).model_copy(update={"name": built.name})
        plan = plan_engine(spec, engine["macs"]["no"], engine["macs"]["ni"], reloadable=True)
        image = weights_image(plan, sha256_text(spec.text()))
        if image.architecture != engine["weights"]["architecture"]:
            raise UserError(
                f"{model.name} has another architecture or other number formats: {_difference(built, spec)}",
                where=str(model),
                hint="reloadable weights are those of the model that the chip was made for, trained anew",
            )
        for text in _clipped(graph, model, clip):
            progress(text)
        progress("comparing C simulation and integer golden")
        compile_csim(graph)
        x, x_int = vectors["x_float"], vectors["x_int"].astype(np.int64)
        y_int = golden.run(spec, x_int)
        check_csim(spec, graph, Integers(x, x_int, y_int, golden.Profile()))
    return Reloaded(spec, image, x_int, y_int)


def _read(path: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"the run is not complete: {error}", where=str(path), hint="asicflow run --to hls") from error
    return data


def _difference(built: Spec, other: Spec) -> str:
    """The first thing in which two networks differ, beside the values of their weights."""
    if [layer.name for layer in built.layers] != [layer.name for layer in other.layers]:
        return f"its layers are {', '.join(layer.name for layer in other.layers)}"
    for mine, its in zip(built.layers, other.layers, strict=True):
        for key in type(mine).model_fields:
            old, new = getattr(mine, key), getattr(its, key, None)
            if key in ("weight", "scale", "bias"):
                old, new = np.shape(old or ()), np.shape(new or ())
            if old != new and key != "reuse_factor":
                return f"layer '{mine.name}', {key}: {_short(new)}, the chip has {_short(old)}"
    return "its input or output"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) < 40 else text[:40] + "..."


def _clipped(graph: Any, model: Path, clip: bool) -> Iterator[str]:
    """Refuse weights beyond the largest number of their type, unless they may be clipped: then say how many are."""
    for node in graph.get_layers():
        for name, variable in node.weights.items():
            count = getattr(variable, "beyond", 0)
            text = f"layer '{node.name}': {count} of {variable.data.size} values of '{name}' do not fit the chip's type"
            if count and not clip:
                raise UserError(
                    f"{text} {variable.type.precision}",
                    where=str(model),
                    hint="train with smaller weights, build the chip with wider types (model.precision.layers), or "
                    "take the nearest numbers that fit: --clip",
                )
            if count:
                yield f"{text} and are clipped"
