"""``asicflow firmware``: build programs for a chip, show their sizes, make flash images."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from asicflow.errors import UserError
from asicflow.firmware.stage import APPS, build_app, build_firmware, describe_app, prepare
from asicflow.workspace import Workspace

app = typer.Typer(
    help="Build programs for a chip, show their sizes, make flash images.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
RunDirectory = Annotated[Path, typer.Argument(help="run directory (top soc)")]


@app.command()
def build(
    directory: RunDirectory,
    source: Annotated[
        Path | None, typer.Argument(help="folder of your own program's C files (default: boot ROM and all programs)")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="folder for the results (default: DIR/firmware_build)")
    ] = None,
) -> None:
    """Compile and link for the memories and addresses of a run's chip, without touching the run.

    [bold]asicflow firmware build build/s2[/bold]
    [bold]asicflow firmware build build/s2 my_program[/bold]

    Warnings are errors. What does not fit is refused, with the section and the bytes too many; so is a stack
    without a bound. Keeps .elf, .bin, .map, .lst (disassembly) and .flash.bin.

    Exit codes: 0 built, 2 wrong input or does not fit, 4 no compiler, 5 the compiler refused a file.
    """
    console = Console()
    ws = Workspace(directory)
    out = output or ws.root / "firmware_build"
    vectors = ws.model / "vectors.npz"
    if source is None:
        programs = build_firmware(ws.soc, vectors, out, lambda _: None)
    else:
        if not source.is_dir():
            raise UserError(
                "there is no such folder", where=str(source), hint=f"the shipped programs: {', '.join(APPS)}"
            )
        system = prepare(ws.soc, vectors, out)
        name = source.resolve().name
        programs = {name: describe_app(build_app(name, ws.soc / "include", out, source), system, out)}
    console.print(sizes(programs))
    console.print(f"programs: {out}", highlight=False, soft_wrap=True)


@app.command()
def size(directory: RunDirectory) -> None:
    """Print sections, stack bound and room of a run's programs."""
    Console().print(sizes(_programs(Workspace(directory))))


@app.command("flash-image")
def flash_image(
    directory: RunDirectory,
    program: Annotated[str, typer.Argument(help="program, for example infer")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="file (default: PROGRAM.flash.bin)")] = None,
) -> None:
    """Write the image of a run's program for the SPI flash, at its address 0 (header with CRC-32, program)."""
    ws = Workspace(directory)
    found = _programs(ws).get(program, {})
    if "flash_image" not in found:
        names = ", ".join(name for name, data in _programs(ws).items() if "flash_image" in data)
        raise UserError(f"there is no program '{program}'", where=str(ws.firmware), hint=f"choose one of: {names}")
    target = output or Path(f"{program}.flash.bin")
    try:
        shutil.copyfile(ws.firmware / found["flash_image"], target)
    except OSError as error:
        raise UserError(f"the image cannot be written: {error.strerror}", where=str(target)) from error
    Console().print(f"{target}: {target.stat().st_size} bytes", highlight=False)


def sizes(programs: dict[str, Any]) -> Table:
    """Return a table of programs against their memories."""
    table = Table("program", "code", "of", "data", "stack, most", "room for it", "SHA-256")
    for name, data in programs.items():
        sections = data["sections"]
        variables = sum(bytes_ for section, bytes_ in sections.items() if section != ".text")
        table.add_row(
            name, str(data["bytes"]), str(data["available"]), str(variables), str(data["stack"]),
            str(data["stack_room"]), data["sha256"][:12],
        )  # fmt: skip
    return table


def _programs(ws: Workspace) -> dict[str, Any]:
    path = ws.firmware / "firmware.json"
    try:
        programs: dict[str, Any] = json.loads(path.read_text())["programs"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"the programs of this run cannot be read: {error}",
            where=str(path),
            hint="asicflow run --top soc ... --to firmware",
        ) from error
    return programs
