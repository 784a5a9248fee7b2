"""Verilator's lint of a whole design, with waivers that give their reasons."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from asicflow.errors import StageError, UserError
from asicflow.resources import resource
from asicflow.simulate import verilator_version


def waivers(path: Path) -> list[dict[str, str]]:
    """Return the waivers of a ``.vlt`` file with their reasons: the comment lines before each.

    Raises
    ------
    UserError
        If a waiver has no reason.
    """
    found: list[dict[str, str]] = []
    reason: list[str] = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        text = line.strip()
        if text.startswith("//"):
            reason.append(text.removeprefix("//").strip())
        elif text.startswith("lint_off"):
            if not reason:
                raise UserError("a waiver without a reason", where=f"{path}, line {number}")
            found.append({"waiver": text, "reason": " ".join(reason)})
        elif not text:
            reason = []
    return found


def lint(top: str, sources: Sequence[Path], waiver_file: Path | None = None) -> list[str]:
    """Return Verilator's messages with ``-Wall``; none for a clean design (ToolMissing without Verilator)."""
    verilator_version()
    settings = [str(waiver_file)] if waiver_file else []
    command = ["verilator", "--lint-only", "-Wall", "--top-module", top, *settings, *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True)
    return [line for line in done.stderr.splitlines() if line.startswith("%")]


def lint_soc(sources: Sequence[Path]) -> list[dict[str, str]]:
    """Lint the SoC and return the waivers in use (StageError shows the first message)."""
    path = resource("ip/soc/lint.vlt")
    messages = lint("soc", sources, path)
    if messages:
        raise StageError(f"the lint of the SoC has {len(messages)} message(s), first: {messages[0]}", where=str(path))
    return waivers(path)
