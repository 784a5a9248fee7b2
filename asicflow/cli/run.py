"""``asicflow run``: from a trained model to a checked layout."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from asicflow import pipeline
from asicflow.cli.progress import StageView
from asicflow.cli.report import print_verdict
from asicflow.config import CONFIG_NAME, Config, load_config, parse_config
from asicflow.doctor import tool_versions
from asicflow.errors import ExitCode, Interrupted, UserError
from asicflow.logs import log_to
from asicflow.names import design_name
from asicflow.workspace import STAGES, Workspace

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="asicflow.yaml (default: the one in this folder, if any)"),
]


def run(
    model: Annotated[
        Path | None, typer.Option("--model", "-m", help="Keras .h5, .keras, .json with --weights; or .onnx")
    ] = None,
    pdk: Annotated[str | None, typer.Option("--pdk", help="sky130 or gf180")] = None,
    weights: Annotated[Path | None, typer.Option("--weights", help=".h5 weights of a .json model")] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help=".npz with x and y: chooses the precision, measures accuracy"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="run directory (default: build/NAME_PDK)")
    ] = None,
    config_file: ConfigFile = None,
    top: Annotated[
        str | None,
        typer.Option("--top", help="accel: the accelerator; soc: a whole system; chip: that in a shuttle slot"),
    ] = None,
    slot: Annotated[
        str | None,
        typer.Option(
            "--slot",
            help="shuttle slot of a chip: 0p5x0p5, 0p5x1, 1x0p5 or 1x1 on gf180; user_project_wrapper on sky130",
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", help="last stage; " + "; ".join(f"{t}: {', '.join(s)}" for t, s in STAGES.items())),
    ] = None,
    precision: Annotated[
        str | None, typer.Option("--precision", help="'auto' or one hls4ml type, e.g. 'fixed<16,6>'")
    ] = None,
    width: Annotated[int | None, typer.Option("--width", help="bits when the precision is auto")] = None,
    reuse: Annotated[str | None, typer.Option("--reuse", help="reuse factor, or auto")] = None,
    clock: Annotated[float | None, typer.Option("--clock", help="clock period in ns")] = None,
    utilization: Annotated[
        float | None, typer.Option("--utilization", help="cell area over core area, 0.05 to 0.95")
    ] = None,
    library: Annotated[str | None, typer.Option("--library", help="standard-cell library")] = None,
    supply: Annotated[float | None, typer.Option("--supply", help="nominal supply in volts")] = None,
    engine: Annotated[str | None, typer.Option("--engine", help="layout engine: auto, open, openroad")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="seed of placement and routing")] = None,
    pdk_root: Annotated[
        Path | None,
        typer.Option("--pdk-root", help="folder that holds lambdapdk/ (default: ASICFLOW_PDK_ROOT)"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="run every stage again")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="show the log on the terminal")] = False,
) -> None:
    """Make an accelerator, or a whole system around it, from a trained model: layout and report.

    [bold]asicflow run --pdk sky130 --model model.h5 --data test.npz[/bold]
    [bold]asicflow run --pdk gf180 --top soc --model model.h5[/bold]
    [bold]asicflow run --pdk gf180 --top chip --slot 1x0p5 --model model.h5[/bold]

    Options win over asicflow.yaml. Running the same command again does only what
    is not up to date; an interrupted run goes on where it stopped.

    Exit codes: 0 finished and no check failed (unverified checks are listed last),
    1 a check failed, 2 wrong input, 4 a tool is missing, 5 a stage could not finish,
    6 the directory is in use.
    """
    console = Console()
    options = {
        "model.file": model, "model.weights": weights, "model.data": data, "pdk.name": pdk, "top": top,
        "model.precision.default": precision, "model.precision.width": width, "clock.period_ns": clock,
        "model.reuse": int(reuse) if reuse is not None and reuse.isdecimal() else reuse,
        "layout.utilization": utilization, "pdk.library": library, "pdk.supply": supply,
        "layout.engine": engine, "layout.seed": seed, "layout.slot": slot,
    }  # fmt: skip
    config = resolve_config(config_file, options)
    stages = STAGES[config.top]
    if to is not None and to not in stages:
        raise UserError(
            f"top {config.top} has no stage '{to}'", where="--to", hint=f"choose one of: {', '.join(stages)}"
        )
    pipeline.check_inputs(config)
    ws = Workspace(pipeline.output_dir(config, output))
    with ws.lock():
        handler = log_to(ws.log_path, verbose)
        try:
            ws.begin(config, sys.argv)
            ws.set_tools(tool_versions())
            with StageView(console, stages) as view:
                outcome = pipeline.run(config, ws, view, pdk_root=pdk_root, to=to, force=force)
        except KeyboardInterrupt:
            raise Interrupted from None
        except Exception:
            logging.getLogger("asicflow").exception("the run stopped")
            raise
        finally:
            logging.getLogger("asicflow").removeHandler(handler)
            handler.close()
    if not outcome.ran:
        console.print("nothing to do: every stage is up to date with its inputs")
    last = to or stages[-1]
    if last != "signoff":
        console.print(f"finished {last}; the results are in {ws.stage_dir(last)}", highlight=False)
        return
    if print_verdict(console, ws):
        raise typer.Exit(ExitCode.GATE_FAILED)


def resolve_config(path: Path | None, options: Mapping[str, object]) -> Config:
    """Merge asicflow.yaml (given, or found in this folder) with the options that were given."""
    if path is None and options["model.file"] is None and Path(CONFIG_NAME).is_file():
        path = Path(CONFIG_NAME)
    base = load_config(path) if path is not None else Config()
    merged = base.model_dump()
    for key, value in options.items():
        if value is None:
            continue
        section = merged
        *parents, last = key.split(".")
        for parent in parents:
            section = section[parent]
        section[last] = value
    model = options["model.file"]
    if isinstance(model, Path) and "name" not in base.model_fields_set:
        merged["name"] = design_name(model)
    return parse_config(merged, "command line" if path is None else str(path))
