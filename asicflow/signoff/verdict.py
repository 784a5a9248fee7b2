"""Verdicts and what a gate hands back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

Figure = str | int | float | bool | None
"""A figure of a gate: one scalar, its unit in the key's last word (``worst_slack_ns``)."""

Rows = list[dict[str, Figure]]
"""A small table of a gate, for example one row per corner or per rule."""


class Verdict(StrEnum):
    """What a gate says. Only PASS and WAIVED let a mandatory gate through."""

    PASS = "PASS"
    FAIL = "FAIL"
    WAIVED = "WAIVED"
    UNVERIFIED = "UNVERIFIED"

    @property
    def is_clean(self) -> bool:
        """True for the verdicts that allow a tape-out."""
        return self in (Verdict.PASS, Verdict.WAIVED)


class UnverifiedError(Exception):
    """Raised inside a gate when something that it needs is absent.

    Parameters
    ----------
    what : str
        What is missing.
    close : str
        What the user does to obtain it.
    """

    def __init__(self, what: str, close: str) -> None:
        super().__init__(what)
        self.what = what
        self.close = close


@dataclass
class Finding:
    """One thing that is wrong (or worth knowing), with its place where it has one.

    ``x_um`` and ``y_um`` are in the coordinates of the top cell. ``layer`` is the PDK's layer name,
    ``rule`` the checked rule. ``picture`` is a file beside the report, relative to the run directory.
    ``waived`` says who accepted it and why.
    """

    text: str
    rule: str = ""
    x_um: float | None = None
    y_um: float | None = None
    layer: str = ""
    size_um: float = 0.0
    library: bool = False
    picture: str = ""
    waived: str = ""

    @property
    def has_place(self) -> bool:
        """True when the finding can be shown on the layout."""
        return self.x_um is not None and self.y_um is not None


@dataclass(frozen=True)
class Tool:
    """The program that did the work."""

    name: str
    version: str


@dataclass
class GateResult:
    """What ``Gate.run`` returns.

    ``evidence`` lists the files that justify the verdict; they are hashed when the evidence is written.
    ``close`` says how an UNVERIFIED gate is closed.
    """

    verdict: Verdict
    summary: str
    figures: dict[str, Figure] = field(default_factory=dict)
    tables: dict[str, Rows] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    evidence: list[Path] = field(default_factory=list)
    tool: Tool | None = None
    close: str = ""


@dataclass(frozen=True)
class Waiver:
    """A decision to accept a failing rule: who took it, why, and until when."""

    rule: str
    reason: str
    owner: str
    expires: str


@dataclass
class GateRecord:
    """A gate's identity together with its result, as the evidence file stores it."""

    id: str
    group: str
    title: str
    mandatory: bool
    result: GateResult
    seconds: float = 0.0
    waiver: Waiver | None = None


def verdict_of(findings: Iterable[Any]) -> Verdict:
    """FAIL when there is any finding, else PASS."""
    return Verdict.FAIL if any(True for _ in findings) else Verdict.PASS
