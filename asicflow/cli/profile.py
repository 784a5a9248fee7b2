"""``asicflow profile``: ranges of a network's tensors and suggested types."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from asicflow.explore.folder import folder_config
from asicflow.explore.plots import draw_profile
from asicflow.explore.profile import profile as find_ranges


def profile(
    model_dir: Annotated[Path, typer.Argument(help="folder with asicflow.yaml, or with one model and its .npz data")],
    width: Annotated[int | None, typer.Option("--width", min=2, max=24, help="bits of the suggested types")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="folder of profile.json and profile.png (default: build)")
    ] = None,
) -> None:
    """Show the range of every input, weight and result on the data, and the type that suits it.

    [bold]asicflow profile examples/digits[/bold]

    The picture shows the magnitudes of each tensor over the bits of its type: values left of the blue bar are
    rounded away, values right of it are clipped.
    """
    console = Console()
    config = folder_config(model_dir)
    if width is not None:
        config.model.precision.default, config.model.precision.width = "auto", width
    ranges, reason = find_ranges(config)
    folder = output or Path("build") / f"profile_{config.name}"
    folder.mkdir(parents=True, exist_ok=True)
    tensors = [asdict(tensor) for tensor in ranges]
    (folder / "profile.json").write_text(json.dumps({"reason": reason, "tensors": tensors}, indent=2) + "\n")
    draw_profile(ranges, folder / "profile.png")
    table = Table(title=f"{config.name}: {reason}")
    for column in ("layer", "tensor", "lowest", "highest", "suggested type", "clipped"):
        table.add_column(column, justify="left" if column in ("layer", "tensor", "suggested type") else "right")
    for t in ranges:
        table.add_row(t.name, t.tensor, f"{t.low:.4g}", f"{t.high:.4g}", t.type, f"{t.clipped:.2%}")
    console.print(table)
    console.print(f"picture: {folder}/profile.png", highlight=False)
