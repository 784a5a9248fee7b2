"""The narrowest number formats whose loss of quality stays inside a bound.

First one width for all tensors, then the weights of each layer alone, largest
layer first.  Every step runs the model stage: hls4ml's C simulation is compiled and
must equal the integer network before its accuracy counts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from asicflow.config import Config, LayerPrecision
from asicflow.errors import UserError
from asicflow.explore.sweep import quality_of
from asicflow.model.frontend import load_network
from asicflow.model.network import LINEAR
from asicflow.model.precision import choose_type
from asicflow.model.stage import run_model
from asicflow.workspace import Workspace

_WIDEST, _NARROWEST = 16, 2


@dataclass
class Step:
    """One trial: width of all tensors, weight bits of single layers, quality, and whether it was kept."""

    width: int
    weights: dict[str, int]
    quality: float
    kept: bool


@dataclass
class Tuned:
    """The search: the quality of the float network or 1, its bound, all steps, and the configuration found."""

    reference: float
    bound: float
    measure: str
    config: Config
    steps: list[Step] = field(default_factory=list)

    @property
    def best(self) -> Step:
        """The last step that was kept."""
        return [step for step in self.steps if step.kept][-1]


def tune(config: Config, drop: float, budget: int, folder: Path, progress: Callable[[str], None]) -> Tuned:
    """Search for narrow formats.

    Parameters
    ----------
    config : Config
        Model and data; its precision is replaced.
    drop : float
        Largest accepted loss of quality.
    budget : int
        Largest number of steps.
    folder : Path
        Where every step's model stage is kept.
    progress : callable
        Receives a line per step.

    Raises
    ------
    UserError
        If the model fixes its types itself, or even 16 bits lose more than ``drop``.
    """
    if config.model.file is None:
        raise UserError("no model given", where="model.file")
    network = load_network(config.model.file, config.model.weights)
    if network.quantized:
        raise UserError("the model fixes the type of every element; there is nothing to tune", where=str(network.file))
    kernels = {layer.name: layer.kernel for layer in network.layers if layer.class_name in LINEAR and not layer.types}
    found = Tuned(1.0, 1.0 - drop, "", config)

    def trial(width: int, weights: dict[str, int]) -> bool:
        mine = config.model_copy(deep=True)
        mine.model.precision.default, mine.model.precision.width = "auto", width
        mine.model.precision.layers = {
            name: LayerPrecision(weight=str(choose_type(kernels[name], bits, signed=True)))
            for name, bits in weights.items()
        }
        ws = Workspace(folder / f"step_{len(found.steps)}")
        ws.model.mkdir(parents=True, exist_ok=True)
        run_model(mine, ws, lambda message: None)
        report = json.loads((ws.model / "model.json").read_text())
        quality, found.measure = quality_of(report)
        if report["accuracy_float"] is not None:
            found.reference, found.bound = report["accuracy_float"], report["accuracy_float"] - drop
        kept = quality >= found.bound
        found.steps.append(Step(width, dict(weights), quality, kept))
        if kept:
            found.config = mine
        text = f"{width} bits" + "".join(f", {name} weights {bits}" for name, bits in weights.items())
        progress(f"step {len(found.steps)}: {text}: {quality:.4f}, {'kept' if kept else 'too much lost'}")
        return kept

    width = _start(trial, budget, found)
    while width > _NARROWEST and len(found.steps) < budget and trial(width - 1, {}):
        width -= 1
    weights: dict[str, int] = {}
    for name in sorted(kernels, key=lambda name: -kernels[name].size):
        bits = width
        while bits > _NARROWEST and len(found.steps) < budget and trial(width, weights | {name: bits - 1}):
            bits -= 1
            weights[name] = bits
    return found


def _start(trial: Callable[[int, dict[str, int]], bool], budget: int, found: Tuned) -> int:
    """The first of 8, 12 and 16 bits that meets the bound."""
    for width in (8, 12, _WIDEST):
        if len(found.steps) < budget and trial(width, {}):
            return width
    raise UserError(
        f"{found.steps[-1].width} bits give {found.steps[-1].quality:.4f}; the bound is {found.bound:.4f}",
        where="--drop",
        hint="accept a larger loss, allow more --steps, or train again",
    )
