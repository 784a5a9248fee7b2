"""``asicflow plan``: memories, area and places of a SoC, before anything long runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from asicflow.cli.run import ConfigFile, resolve_config
from asicflow.errors import ExitCode
from asicflow.pdk import load_pdk
from asicflow.pdk.root import resolve
from asicflow.soc.plan import Plan, draw, plan_json, plan_soc


def plan(
    pdk: Annotated[str | None, typer.Option("--pdk", help="sky130 or gf180")] = None,
    library: Annotated[str | None, typer.Option("--library", help="standard-cell library")] = None,
    imem: Annotated[int | None, typer.Option("--imem", help="bytes of instruction memory")] = None,
    dmem: Annotated[int | None, typer.Option("--dmem", help="bytes of data memory")] = None,
    ram: Annotated[str | None, typer.Option("--ram", help="macros or flipflops")] = None,
    engine: Annotated[
        float | None, typer.Option("--engine", help="NAND2 equivalents of the inference engine, when known")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="folder for plan.json and pictures (default: build/plan_PDK)")
    ] = None,
    config_file: ConfigFile = None,
    pdk_root: Annotated[
        Path | None, typer.Option("--pdk-root", help="folder that holds lambdapdk/ (default: ASICFLOW_PDK_ROOT)")
    ] = None,
) -> None:
    """Name the memory macros of a SoC, their area and corners, and the shuttle places it fits.

    [bold]asicflow plan --pdk gf180[/bold]

    Ends with exit code 1 when it fits no place, 2 when a memory cannot be made.
    """
    console = Console()
    options = {
        "model.file": None, "pdk.name": pdk, "pdk.library": library, "soc.imem_bytes": imem,
        "soc.dmem_bytes": dmem, "soc.ram": ram,
    }  # fmt: skip
    config = resolve_config(config_file, options)
    root = resolve(config, flag=pdk_root, progress=console.print)
    bound = load_pdk(config.pdk.name, root)
    found = plan_soc(bound, bound.library(config.pdk.library, config.pdk.supply), config.soc, engine)
    folder = output or Path("build") / f"plan_{config.pdk.name}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(plan_json(found))
    for slot in found.slots:
        draw(found, slot, [folder / f"{slot.name}.{suffix}" for suffix in ("png", "svg")])
    show(console, found)
    console.print(f"plan and pictures: {folder}", highlight=False)
    if found.slots and not any(slot.fits for slot in found.slots):
        raise typer.Exit(ExitCode.GATE_FAILED)


def show(console: Console, found: Plan) -> None:
    """Print memories, areas, places, and what stays unverified."""
    table = Table("memory", "bytes", "macros", "each, um", "mm2", "corners", "GDS")
    table.columns[2].overflow = "fold"
    for memory in found.memories:
        if not memory.macro:
            table.add_row(memory.name, str(memory.bytes), "flip-flops", "", "", "", "")
            continue
        covered = [corner for corner, there in memory.corners.items() if there]
        table.add_row(
            memory.name, str(memory.bytes), f"{memory.count} x {memory.macro}",
            f"{memory.width_um:g} x {memory.height_um:g}", f"{memory.area_um2 / 1e6:.3f}",
            f"{len(covered)} of {len(memory.corners)}", "yes" if memory.gds else "no",
        )  # fmt: skip
    console.print(table)
    engine = "with engine" if found.engine_nand2 else "without engine (--engine)"
    console.print(
        f"logic {engine}: cells {found.cells_um2 / 1e6:.3f} mm2, {found.logic_um2 / 1e6:.3f} mm2 at "
        f"{found.utilization:.0%} utilization",
        highlight=False,
    )
    memories = sum(memory.area_um2 for memory in found.memories)
    console.print(
        f"smallest square die: {found.die_um:.0f} x {found.die_um:.0f} um for {found.logic_nand2:,.0f} NAND2 "
        f"equivalents of logic and {memories / 1e6:.3f} mm2 of memory macros with the room around them",
        highlight=False,
    )
    for slot in found.slots:
        share = (
            f"logic takes {slot.logic_um2 / slot.free_um2:.0%} of the rest" if slot.free_um2 else "no room for macros"
        )
        verdict = "[green]fits[/]" if slot.fits else "[red]does not fit[/]"
        console.print(f"{slot.title} ({slot.width_um:g} x {slot.height_um:g} um): {verdict}, {share}", highlight=False)
    for line in found.unverified:
        console.print(f"[yellow]UNVERIFIED[/] {line}", highlight=False)
