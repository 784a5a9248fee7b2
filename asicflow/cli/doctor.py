"""``asicflow doctor``: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from asicflow.doctor import check_all
from asicflow.errors import ExitCode
from asicflow.pdk.root import ENVIRONMENT


def doctor(
    pdk_root: Annotated[
        Path | None,
        typer.Option("--pdk-root", help="folder that holds lambdapdk/ (default: ASICFLOW_PDK_ROOT)"),
    ] = None,
) -> None:
    """List every tool, package and PDK file of a run, with the command that installs what is missing.

    Ends with exit code 4 when something is missing that a run needs.
    """
    console = Console()
    given = pdk_root or os.environ.get(ENVIRONMENT)
    root = Path(given).resolve() if given else None
    findings = check_all(root)
    table = Table(title="asicflow doctor", title_justify="left")
    for heading in ("", "what", "version", "needed for", "install with"):
        table.add_column(heading, overflow="fold")
    for f in findings:
        mark = "[green]ok[/]" if f.ok else ("[red]missing[/]" if f.required else "[yellow]optional[/]")
        table.add_row(mark, f.name, f.version, f.needed_for, "" if f.ok and f.required else f.install)
    console.print(table)
    console.print(f"PDK root: {root or 'none; SiliconCompiler downloads lambdapdk on the first run'}", highlight=False)
    lacking = [f for f in findings if f.required and not f.ok]
    if lacking:
        console.print(f"[red]{len(lacking)} needed item(s) missing:[/]")
        for f in lacking:
            console.print(f"  {f.name}: {f.install}", highlight=False, soft_wrap=True)
        raise typer.Exit(ExitCode.TOOL_MISSING)
    console.print("[green]everything a run needs is here[/]")
