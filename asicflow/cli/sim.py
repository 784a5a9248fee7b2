"""``asicflow sim``: the simulated board on a pseudo-terminal, for people and for other programs."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from asicflow.board.bench import SimulatedBench, simulator
from asicflow.board.bridge import Bridge
from asicflow.board.faults import DESCRIPTIONS, Fault, parse_fault
from asicflow.board.simulated import Waveforms
from asicflow.errors import UserError
from asicflow.firmware.image import BootMode
from asicflow.workspace import Workspace


def sim(
    directory: Annotated[Path, typer.Argument(help="run directory (top soc, at least up to firmware)")],
    boot: Annotated[str, typer.Option("--boot", help="boot straps: host or flash")] = "host",
    flash: Annotated[
        str | None,
        typer.Option("--flash", help="what the flash holds: a program's name or an image file (default: erased)"),
    ] = None,
    fault: Annotated[
        str | None,
        typer.Option("--fault", help=", ".join(f.value for f in Fault) + " (each is explained on a wrong name)"),
    ] = None,
    trace: Annotated[Path | None, typer.Option("--trace", help="write waveforms to this .vcd or .fst file")] = None,
    cycles: Annotated[
        int | None, typer.Option("--cycles", min=1, help="headless: stop after so many clock cycles")
    ] = None,
) -> None:
    """Switch on a simulated board: the chip with oscillator, reset, serial line, flash and pins.

    [bold]asicflow sim build/s2[/bold], then in another terminal [bold]screen /dev/pts/7 115200[/bold]: ESC brings the
    prompt, A 10000000 sets the address, R 4 reads, ? says that a command is none. The path that is printed also
    serves NeuralNetworkOverlay(run, port="/dev/pts/7") and asicflow bringup --port. Any bit rate will do; the board
    works at the speed of the simulation, about a megahertz.

    Ends with Ctrl-C, or after --cycles. Exit codes: 0 ended, 2 wrong input, 4 a tool is missing, 5 the
    simulation broke.
    """
    console = Console()
    chosen = parse_fault(fault)
    modes = {mode.name.lower(): mode for mode in BootMode}
    if boot not in modes:
        raise UserError(f"there is no boot mode '{boot}'", where="--boot", hint=f"choose one of: {', '.join(modes)}")
    waves = _waveforms(trace)
    ws = Workspace(directory)
    with console.status("building the simulator"):
        described, executable = simulator(ws, waves)
    bench = SimulatedBench(executable, described.soc["clock"]["hz"], chosen)
    try:
        image = _image(flash, described.firmware, described.programs)
        bench.program_flash(image)
        if trace is not None:
            bench.board.trace(trace)
        bench.board.reset(modes[boot])
        with Bridge(bench) as bridge:
            console.print(
                f"serial line: [bold]{bridge.path}[/]  (for example: screen {bridge.path} 115200)", highlight=False
            )
            if chosen:
                console.print(f"fault: {chosen}: {DESCRIPTIONS[chosen]}", highlight=False)
            console.print("ESC brings the prompt; Ctrl-C here switches the board off", highlight=False)
            signal.signal(signal.SIGINT, lambda *_: bridge.stop())
            bridge.serve(cycles)
        console.print(f"{bench.board.cycles} cycles, output pins {bench.board.gpio():#06x}", highlight=False)
        if trace is not None:
            bench.board.trace(None)
            console.print(f"waveforms: {trace}", highlight=False, soft_wrap=True)
    finally:
        bench.close()


def _waveforms(path: Path | None) -> Waveforms | None:
    if path is None:
        return None
    match path.suffix:
        case ".vcd":
            return "vcd"
        case ".fst":
            return "fst"
    raise UserError(f"'{path.name}' is no waveform file", where="--trace", hint="end it with .vcd or .fst")


def _image(flash: str | None, folder: Path, programs: dict[str, dict[str, object]]) -> Path | None:
    if flash is None:
        return None
    if "flash_image" in programs.get(flash, {}):
        return folder / str(programs[flash]["flash_image"])
    if not Path(flash).is_file():
        names = ", ".join(name for name, program in programs.items() if "flash_image" in program)
        raise UserError(f"'{flash}' is neither a program nor a file", where="--flash", hint=f"programs: {names}")
    return Path(flash)
