"""``asicflow ip``: the blocks that come with asicflow and those that come by path."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from asicflow.errors import ExitCode, UserError
from asicflow.soc.check import Verdict, check_external, check_own
from asicflow.soc.external import EXTERNAL_SCHEMA, load_external, manifests
from asicflow.soc.ip import IP_SCHEMA, load_ip
from asicflow.soc.scan import scan

app = typer.Typer(help="Blocks: list, check, and files that may not be published.", no_args_is_help=True)
_COLOURS = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.UNVERIFIED: "yellow"}


@app.command("list")
def list_blocks() -> None:
    """List the blocks, their maturity and their licence."""
    table = Table("block", "version", "maturity", "what")
    for name in manifests(IP_SCHEMA):
        block = load_ip(name)
        table.add_row(name, block.version, block.maturity, block.title)
    for name in manifests(EXTERNAL_SCHEMA):
        external = load_external(name)
        table.add_row(name, "", "by path", f"{external.title} ({external.terms})")
    Console().print(table)


@app.command("check")
def check(
    names: Annotated[list[str] | None, typer.Argument(help="blocks (default: all)")] = None,
    path: Annotated[
        Path | None, typer.Option("--path", help="folder of the deliverable of the one external block named")
    ] = None,
) -> None:
    """Check files, licence headers and ports of blocks against their manifests, by parsing.

    External blocks need --path; without it they are UNVERIFIED. Nothing of their files is copied or shown.
    Ends with exit code 1 when a check fails.
    """
    console = Console()
    external = list(manifests(EXTERNAL_SCHEMA))
    if path is not None and (names is None or len(names) != 1 or names[0] not in external):
        raise UserError("--path goes with the name of one external block", hint=f"one of: {', '.join(external)}")
    failed = False
    for name in names or [*manifests(IP_SCHEMA), *external]:
        results = check_external(name, path) if name in external else [check_own(name)]
        for result in results:
            colour = _COLOURS[result.verdict]
            console.print(f"[{colour}]{result.verdict.value:<10}[/] {name}: {result.text}", highlight=False)
            failed |= result.verdict is Verdict.FAIL
    if failed:
        raise typer.Exit(ExitCode.GATE_FAILED)


@app.command("scan")
def scan_files(paths: Annotated[list[Path], typer.Argument(help="files and folders")]) -> None:
    """List files that may not be published: confidential, or with a copyright notice and no open licence.

    Ends with exit code 1 when there is one.
    """
    console = Console()
    found = scan(paths)
    for refusal in found:
        console.print(f"[red]refused[/] {refusal.path}: {refusal.reason}", highlight=False, soft_wrap=True)
    if found:
        raise typer.Exit(ExitCode.GATE_FAILED)
    console.print("every file may be published")
