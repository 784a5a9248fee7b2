"""``asicflow new``: write a commented asicflow.yaml."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from asicflow.config import CONFIG_NAME, dump_config, parse_config
from asicflow.errors import UserError
from asicflow.names import design_name
from asicflow.pdk.config import check_name


def new(
    directory: Annotated[Path, typer.Argument(help="folder that gets the asicflow.yaml")],
    model: Annotated[Path, typer.Option("--model", "-m", help="trained model: Keras .h5, or .json")],
    pdk: Annotated[str, typer.Option("--pdk", help="sky130 or gf180")] = "sky130",
    weights: Annotated[Path | None, typer.Option("--weights", help=".h5 weights of a .json model")] = None,
    data: Annotated[Path | None, typer.Option("--data", help=".npz with x and y")] = None,
) -> None:
    """Write DIRECTORY/asicflow.yaml, every key with its meaning and default.

    Then: [bold]asicflow run --config DIRECTORY/asicflow.yaml[/bold]
    """
    path = directory / CONFIG_NAME
    if path.exists():
        raise UserError("the file exists already", where=str(path), hint="edit it, or give another directory")
    for file in (model, weights, data):
        if file is not None and not file.is_file():
            raise UserError(f"file not found: {file}", hint="check the path")
    check_name(pdk)
    files = {"file": model, "weights": weights, "data": data}
    relative = {k: os.path.relpath(v, directory) for k, v in files.items() if v is not None}
    config = parse_config({"name": design_name(model), "model": relative, "pdk": {"name": pdk}})
    directory.mkdir(parents=True, exist_ok=True)
    path.write_text(dump_config(config))
    Console().print(f"wrote {path}; next: asicflow run --config {path}", highlight=False)
