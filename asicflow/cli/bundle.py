"""``asicflow bundle``: pack a run for the shuttle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from asicflow.signoff.bundle import write_bundle
from asicflow.workspace import Workspace


def bundle(
    directory: Annotated[Path, typer.Argument(help="run directory, finished to its report")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="the archive, .tar.gz")] = None,
    allow_failing: Annotated[
        bool, typer.Option("--allow-failing", help="pack in spite of failing checks; DRAFT goes into the file name")
    ] = False,
) -> None:
    """Pack layout, abstract, netlists, firmware, what bring-up needs, evidence and hashes into one archive.

    Refused, with exit code 1, while a mandatory check fails, and when a file may not be published.
    """
    with Workspace(directory).lock():
        path = write_bundle(Workspace(directory), output, allow_failing=allow_failing)
    Console().print(f"bundle: {path} ({path.stat().st_size / 1e6:.1f} MB)", highlight=False, soft_wrap=True)
