"""The command line: one file per command; it parses, calls and prints, and holds no logic."""

from __future__ import annotations

import os
import sys
import traceback

import typer
from rich.console import Console
from rich.markup import escape

from asicflow.cli import (
    bringup,
    bundle,
    doctor,
    firmware,
    ip,
    new,
    plan,
    profile,
    report,
    run,
    signoff,
    sim,
    sweep,
    tune,
    weights,
)
from asicflow.errors import AsicflowError, ExitCode

app = typer.Typer(
    name="asicflow",
    help="From a trained neural network to a chip on open silicon.\n\n"
    "[bold]asicflow run --pdk sky130 --model model.h5[/bold] makes the accelerator, its layout and "
    "a report.\n\n"
    "Exit codes: 0 done, 1 a check failed, 2 wrong input, 3 only unverified checks stand in the way "
    "(report), 4 a tool is missing, 5 a stage could not finish, 6 the run directory is in use, "
    "130 interrupted.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("run")(run.run)
app.command("sim")(sim.sim)
app.command("bringup")(bringup.bringup)
app.command("plan")(plan.plan)
app.command("profile")(profile.profile)
app.command("tune")(tune.tune)
app.command("sweep")(sweep.sweep)
app.command("weights")(weights.weights)
app.add_typer(ip.app, name="ip")
app.add_typer(firmware.app, name="firmware")
app.command("report")(report.report)
app.command("signoff")(signoff.signoff)
app.command("bundle")(bundle.bundle)
app.command("doctor")(doctor.doctor)
app.command("new")(new.new)


def main() -> None:
    """Entry point of ``asicflow``: run a command and turn errors into exit codes."""
    raise SystemExit(_run())


def _run() -> int:
    console = Console(stderr=True)
    try:
        app()
        return ExitCode.OK
    except AsicflowError as error:
        console.print(f"[bold red]error:[/] {escape(error.what)}", highlight=False)
        if error.where:
            console.print(f"  where: {error.where}", highlight=False, markup=False)
        if error.hint:
            console.print(f"  what to do: {error.hint}", highlight=False, markup=False)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except Exception as error:
        console.print(f"[bold red]internal error:[/] {type(error).__name__}: {escape(str(error))}")
        console.print("  this is a defect of asicflow; the traceback is in the run's log, or below with -v")
        if "-v" in sys.argv or "--verbose" in sys.argv:
            traceback.print_exc()
        return ExitCode.STAGE_FAILED
