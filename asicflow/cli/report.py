"""``asicflow report``: the verdict of a run, from its evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from asicflow.errors import UserError
from asicflow.signoff.report import exit_code, load_evidence, table
from asicflow.signoff.verdict import Verdict
from asicflow.workspace import Workspace


def report(
    directory: Annotated[Path, typer.Argument(help="run directory")],
) -> None:
    """Print the table of checks of a run.

    Ends 0 only when every mandatory check is PASS or WAIVED, 1 when one FAILs,
    3 when only UNVERIFIED checks stand in the way of a tape-out.
    """
    console = Console()
    ws = Workspace(directory)
    evidence = load_evidence(_evidence_path(ws))
    console.print(table(evidence))
    console.print(f"report: {ws.signoff / 'report.html'}", highlight=False, soft_wrap=True)
    raise typer.Exit(exit_code(evidence))


def print_verdict(console: Console, ws: Workspace) -> bool:
    """Print the end of a run: counts, failing and unverified checks; return True when one failed."""
    evidence = load_evidence(_evidence_path(ws))
    gates = evidence["gates"]
    counts = {v: [g for g in gates if g["verdict"] == v.value] for v in Verdict}
    for gate in counts[Verdict.FAIL]:
        console.print(f"[red]FAIL[/] {gate['id']}: {escape(gate['summary'])}", highlight=False)
    for gate in counts[Verdict.UNVERIFIED]:
        console.print(f"[yellow]UNVERIFIED[/] {gate['id']}: {escape(gate['summary'])}", highlight=False)
    summary = ", ".join(f"{len(found)} {verdict.value}" for verdict, found in counts.items())
    console.print(f"[bold]{summary}[/]", highlight=False)
    console.print(f"report: {ws.signoff / 'report.html'}", highlight=False, soft_wrap=True)
    return bool(counts[Verdict.FAIL])


def _evidence_path(ws: Workspace) -> Path:
    path = ws.signoff / "evidence.json"
    if not path.is_file():
        raise UserError(
            "there is no evidence in this directory",
            where=str(path),
            hint="run: asicflow run ... -o " + str(ws.root),
        )
    return path
