"""``asicflow bringup``: the ladder from a powered board to exact inference."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from asicflow.board.bench import Bench, ManualBench, SimulatedBench, simulator
from asicflow.board.bringup import PAGE, headline, summarize, write_results
from asicflow.board.chip import Description, describe
from asicflow.board.faults import DESCRIPTIONS, Fault, parse_fault
from asicflow.board.ladder import Job, Outcome, State, climb
from asicflow.board.steps import STEPS
from asicflow.board.transport import DEFAULT_BAUD
from asicflow.errors import ExitCode, UserError
from asicflow.firmware.vectors import load_vectors
from asicflow.workspace import Workspace

_COLOURS = {State.PASS: "green", State.FAIL: "red", State.UNVERIFIED: "yellow", State.NOT_RUN: "dim"}
_QUICK_WORDS = 64


def bringup(
    directory: Annotated[Path, typer.Argument(help="run directory that the chip was made from (top soc)")],
    port: Annotated[str, typer.Option("--port", help="sim, or a serial device such as /dev/ttyUSB0")] = "sim",
    baud: Annotated[int, typer.Option("--baud", help="bits per second of a serial device")] = DEFAULT_BAUD,
    fault: Annotated[
        str | None, typer.Option("--fault", help="simulated board only: " + ", ".join(f.value for f in Fault))
    ] = None,
    vectors: Annotated[int, typer.Option("--vectors", min=1, help="vectors of step 7")] = 100,
    quick: Annotated[bool, typer.Option("--quick", help="march only 64 words of each memory in step 2")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="folder for the results (default: DIR/bringup)")
    ] = None,
) -> None:
    """Bring a chip up, step by step: identity, memories, peripherals, accelerator, processor, flash, clock.

    [bold]asicflow bringup build/s2 --port sim[/bold]
    [bold]asicflow bringup build/s2 --port /dev/ttyUSB0[/bold]

    Each step has an expected value and shows that a wrong one would be noticed. A step that needs a failed one
    is not run. With a serial device, what no wire does (straps, flash, clock, supply) is asked of you.

    Writes bringup.json, bringup.html and shmoo.png.

    Exit codes: 0 every step that was run passed; 1 a step failed (the page says which, and what follows);
    2 wrong input; 4 a tool is missing; 5 the simulator or the port broke.
    """
    console = Console()
    chosen = parse_fault(fault)
    if chosen and port != "sim":
        raise UserError("a fault can only be planted in the simulated board", where="--fault", hint="use --port sim")
    ws = Workspace(directory)
    x, y = load_vectors(ws.model / "vectors.npz")
    described, bench = _bench(console, ws, port, baud, chosen)
    if chosen:
        console.print(f"fault: {chosen}: {DESCRIPTIONS[chosen]}", highlight=False)
    try:
        with console.status("starting") as status:
            job = Job(bench, described, x[:vectors], y[:vectors], _QUICK_WORDS if quick else None)
            job.progress = lambda text: status.update(escape(text))
            outcomes = climb(STEPS, job, lambda outcome: _show(console, outcome))
    finally:
        bench.close()
    data = summarize(job, outcomes, port, chosen)
    folder = output or ws.root / "bringup"
    write_results(data, folder)
    console.print(f"[bold]{escape(headline(data))}[/]", highlight=False)
    console.print(f"page: {folder / PAGE}", highlight=False, soft_wrap=True)
    if data["verdict"] != "PASS":
        raise typer.Exit(ExitCode.GATE_FAILED)


def _bench(console: Console, ws: Workspace, port: str, baud: int, fault: Fault | None) -> tuple[Description, Bench]:
    if port != "sim":
        described = describe(ws.soc, ws.firmware)
        return described, ManualBench(
            port, baud, described.soc["clock"]["hz"], lambda text: console.input(f"  {text}: ")
        )
    with console.status("building the simulator"):
        described, executable = simulator(ws)
    return described, SimulatedBench(executable, described.soc["clock"]["hz"], fault)


def _show(console: Console, outcome: Outcome) -> None:
    """Print one line per step, and why it did not pass."""
    colour = _COLOURS[outcome.state]
    retries = f", {outcome.retries} retries" if outcome.retries else ""
    console.print(
        f"[{colour}]{outcome.state:<10}[/] {outcome.number} {outcome.title} [dim]({outcome.seconds:.1f} s{retries})[/]",
        highlight=False,
    )
    for line in (outcome.reason, f"what to do: {outcome.hint}" if outcome.hint else ""):
        if line:
            console.print(f"             {escape(line)}", highlight=False)
