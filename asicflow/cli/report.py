"""``asicflow report``: the verdict of a run, from its evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from asicflow.errors import ExitCode, UserError
from asicflow.signoff.compare import compare, difference_tables
from asicflow.signoff.report import exit_code, load_evidence, render_html, table
from asicflow.signoff.verdict import Verdict
from asicflow.workspace import Workspace, write_atomically


def report(
    directory: Annotated[Path, typer.Argument(help="run directory")],
    other: Annotated[Path | None, typer.Argument(help="second run directory, with --diff")] = None,
    diff: Annotated[bool, typer.Option("--diff", help="compare two runs: the first with the second")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="write the report as one page to this file")] = None,
) -> None:
    """Print the table of checks of a run, write its page, or compare two runs.

    Ends 0 only when every mandatory check is PASS or WAIVED, 1 when one FAILs,
    3 when only UNVERIFIED checks stand in the way of a tape-out.

    With --diff it ends 1 when a check of the second run is worse than in the first, else 0.
    """
    console = Console()
    ws = Workspace(directory)
    evidence = load_evidence(_evidence_path(ws))
    if diff != (other is not None):
        raise UserError("--diff takes two run directories", hint="asicflow report --diff BEFORE AFTER")
    if other is not None:
        after = load_evidence(_evidence_path(Workspace(other)))
        found = compare(evidence, after)
        console.print(difference_tables(evidence, after, found))
        raise typer.Exit(ExitCode.GATE_FAILED if found.is_worse else ExitCode.OK)
    console.print(table(evidence))
    page = ws.signoff / "report.html"
    if html is not None:
        page = html
        try:
            write_atomically(html, render_html(evidence, ws.root, ws.manifest(), page=html))
        except OSError as error:
            raise UserError(f"the page cannot be written: {error.strerror}", where=str(html)) from error
    console.print(f"report: {page}", highlight=False, soft_wrap=True)
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
