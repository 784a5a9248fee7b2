"""``asicflow tune``: the narrowest formats inside a bound on the loss of quality."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from asicflow.config import CONFIG_NAME, dump_config
from asicflow.explore.folder import folder_config
from asicflow.explore.tune import tune as search


def tune(
    model_dir: Annotated[Path, typer.Argument(help="folder with asicflow.yaml, or with one model and its .npz data")],
    drop: Annotated[float, typer.Option("--drop", min=0, max=1, help="largest accepted loss of accuracy")] = 0.01,
    steps: Annotated[int, typer.Option("--steps", min=1, help="largest number of trials")] = 20,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="folder of the search (default: build/tune_NAME)")
    ] = None,
) -> None:
    """Search for the narrowest number formats that lose no more accuracy than --drop.

    [bold]asicflow tune examples/digits --drop 0.01[/bold]

    Every step compiles hls4ml's C simulation, demands that it equals the integer network, and counts its
    accuracy on the data. Writes an asicflow.yaml with the result for asicflow run --config.
    """
    console = Console()
    config = folder_config(model_dir)
    folder = output or Path("build") / f"tune_{config.name}"
    found = search(config, drop, steps, folder, lambda text: console.print(text, highlight=False))
    (folder / CONFIG_NAME).write_text(dump_config(found.config))
    log = {
        "reference": found.reference,
        "bound": found.bound,
        "measure": found.measure,
        "steps": [asdict(step) for step in found.steps],
    }
    (folder / "tune.json").write_text(json.dumps(log, indent=2) + "\n")
    best = found.best
    console.print(
        f"{found.measure}: {best.quality:.4f} (float {found.reference:.4f}, bound {found.bound:.4f}) "
        f"with {best.width} bits" + "".join(f", {name} weights {bits}" for name, bits in best.weights.items()),
        highlight=False,
    )
    console.print(f"configuration: {folder / CONFIG_NAME}", highlight=False)
