"""Errors that a user can act on, and the exit codes of the command line.

Every error says what was wrong, where, and what to do next.  The command line
prints them without a traceback; anything else that escapes is a defect.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every ``asicflow`` command (documented in docs/cli.md)."""

    OK = 0
    GATE_FAILED = 1
    USER_ERROR = 2
    UNVERIFIED = 3
    TOOL_MISSING = 4
    STAGE_FAILED = 5
    LOCKED = 6
    INTERRUPTED = 130


class AsicflowError(Exception):
    """Base class: what was wrong, where it was found, and what to do next."""

    exit_code = ExitCode.USER_ERROR

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        parts = [self.what]
        if self.where:
            parts.append(f"where: {self.where}")
        if self.hint:
            parts.append(f"what to do: {self.hint}")
        return "\n".join(parts)


class UserError(AsicflowError):
    """The user's input, configuration or design asks for something that cannot be done."""


class StageError(AsicflowError):
    """A stage could not finish although its input was well formed (a tool stopped, a disk is full)."""

    exit_code = ExitCode.STAGE_FAILED


class ToolMissing(AsicflowError):
    """A tool or package is not installed.

    Parameters
    ----------
    tool : str
        Name of the tool and, where it matters, the version needed.
    install : str
        The exact command that installs it.
    """

    exit_code = ExitCode.TOOL_MISSING

    def __init__(self, tool: str, install: str) -> None:
        super().__init__(f"{tool} is not installed", hint=f"install it with: {install}")
        self.tool = tool
        self.install = install


class RunLocked(AsicflowError):
    """Another process owns the run directory."""

    exit_code = ExitCode.LOCKED


class Interrupted(AsicflowError):
    """The user stopped the run."""

    exit_code = ExitCode.INTERRUPTED

    def __init__(self) -> None:
        super().__init__("interrupted", hint="run the same command again to go on where it stopped")
