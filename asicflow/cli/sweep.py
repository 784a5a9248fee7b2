"""``asicflow sweep``: precision x reuse x PDK up to synthesis."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from asicflow.errors import UserError
from asicflow.explore.cluster import launcher
from asicflow.explore.folder import folder_config
from asicflow.explore.plots import draw_sweep, narrow_table, write_sweep_page
from asicflow.explore.sweep import Choice
from asicflow.explore.sweep import sweep as run_sweep
from asicflow.pdk.root import resolve


def sweep(
    model_dir: Annotated[Path, typer.Argument(help="folder with asicflow.yaml, or with one model and its .npz data")],
    precision: Annotated[str, typer.Option("--precision", help="bits of weights and activations, such as 4,6,8")] = "8",
    reuse: Annotated[str, typer.Option("--reuse", help="reuse factors, such as 4,16,64")] = "16,64",
    pdk: Annotated[str | None, typer.Option("--pdk", help="sky130, gf180 or both, with a comma")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="folder of the sweep (default: build/sweep_NAME)")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="engines that are synthesised at a time")] = 2,
    scheduler: Annotated[
        str, typer.Option("--scheduler", help="where engines are synthesised: local, or slurm (with srun)")
    ] = "local",
    pdk_root: Annotated[
        Path | None, typer.Option("--pdk-root", help="folder that holds lambdapdk/ (default: ASICFLOW_PDK_ROOT)")
    ] = None,
) -> None:
    """Make every combination of precision, reuse factor and PDK up to synthesis, and name those that none beats.

    [bold]asicflow sweep examples/digits --precision 4,6,8 --reuse 4,16,64[/bold]

    Writes a table, sweep.png and sweep.html. Finished points are kept: the same command goes on where it
    stopped, and a longer list computes only what is new.
    """
    console = Console()
    config = folder_config(model_dir)
    pdks = pdk.split(",") if pdk else [config.pdk.name]
    choices = [Choice(*c) for c in product(pdks, numbers(precision, "--precision"), numbers(reuse, "--reuse"))]
    if not 2 <= min(c.width for c in choices) <= max(c.width for c in choices) <= 24:
        raise UserError(f"precisions {precision}: from 2 to 24 bits", where="--precision")
    config.pdk.name = pdks[0]
    root = resolve(config, flag=pdk_root, progress=console.print)
    folder = output or Path("build") / f"sweep_{config.name}"
    points = run_sweep(
        config, root, choices, folder, jobs, lambda text: console.print(text, highlight=False), launcher(scheduler)
    )
    draw_sweep(points, folder / "sweep.png")
    write_sweep_page(points, config.name, folder / "sweep.png", folder / "sweep.html")
    for name in pdks:
        heads, rows = narrow_table(points, name)
        table = Table(
            title=f"{config.name}, {name}: quality is {points[0].measure}", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
        )
        for column in heads:
            table.add_column(column, justify="right", no_wrap=True)
        for row in rows:
            table.add_row(*row, style="bold" if row[-1] else None)
        console.print(table)
    console.print(f"picture and page: {folder}/sweep.png, {folder}/sweep.html", highlight=False)


def numbers(text: str, where: str) -> list[int]:
    """Whole numbers from 1, separated by commas.

    Raises
    ------
    UserError
        If the text is something else.
    """
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise UserError(f"'{text}' is no list of whole numbers", where=where, hint="write for example 4,6,8")
    return list(dict.fromkeys(found))
