"""``asicflow signoff``: judge a layout that asicflow did not make."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from asicflow.signoff.foreign import ForeignLayout, judge_layout
from asicflow.signoff.report import exit_code, load_evidence, table
from asicflow.workspace import Workspace


def signoff(
    gds: Annotated[Path, typer.Argument(help="layout, GDS or OASIS")],
    netlist: Annotated[Path, typer.Option("--netlist", help="structural Verilog of the layout, with supply pins")],
    pdk: Annotated[str, typer.Option("--pdk", help="sky130 or gf180")],
    top: Annotated[str | None, typer.Option("--top", help="top cell (default: the only one)")] = None,
    placement: Annotated[
        Path | None, typer.Option("--def", help="DEF that names the instances, for the gates that tell places by them")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="run directory, default build/TOP_PDK")] = None,
    library: Annotated[str | None, typer.Option("--library", help="standard-cell library")] = None,
    supply: Annotated[float | None, typer.Option("--supply", help="nominal supply in volts")] = None,
    waivers: Annotated[Path | None, typer.Option("--waivers", help="waivers.yaml")] = None,
    drc_deck: Annotated[Path | None, typer.Option("--drc-deck", help="official KLayout DRC deck")] = None,
    pdk_root: Annotated[
        Path | None, typer.Option("--pdk-root", help="folder that holds lambdapdk/ (default: ASICFLOW_PDK_ROOT)")
    ] = None,
) -> None:
    """Judge a layout that another flow made: design rules, LVS, power grid, antennas, density.

    [bold]asicflow signoff chip.gds --netlist chip.pnl.v --pdk sky130[/bold]

    Ends as `asicflow report`: 0 ready, 1 a check FAILs, 3 only UNVERIFIED checks stand in the way.
    """
    console = Console()
    ws = Workspace(output or Path("build") / f"{top or gds.name.split('.')[0]}_{pdk}")
    given = ForeignLayout(gds, netlist, pdk, top, placement, library, supply, pdk_root, waivers, drc_deck)
    with ws.lock():
        judge_layout(given, ws, lambda text: console.print(text, highlight=False, soft_wrap=True))
    evidence = load_evidence(ws.signoff / "evidence.json")
    console.print(table(evidence))
    console.print(f"report: {ws.signoff / 'report.html'}", highlight=False, soft_wrap=True)
    raise typer.Exit(exit_code(evidence))
