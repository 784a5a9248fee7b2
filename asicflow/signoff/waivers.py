"""Waivers: findings that someone accepts, by rule and scope, with a reason, an owner and an expiry."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from asicflow.errors import UserError
from asicflow.signoff.verdict import Finding, GateRecord, Verdict, Waiver

UNVERIFIED = "unverified"
"""The rule by which a waiver accepts that a gate could not check."""


class WaiverEntry(BaseModel):
    """One waiver of the file.

    ``gate`` is the gate's id, ``rule`` the rule of the findings (``unverified`` accepts a gate that could
    not check). ``where`` is a window in um (left, bottom, right, top), ``match`` a piece of the findings'
    text, ``most`` how many findings the waiver may cover.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    gate: str = Field(pattern=r"^[a-z0-9_]+\.[a-z0-9_.-]+$")
    rule: str = Field(min_length=1, pattern=r"^[^*?]+$")
    reason: str = Field(min_length=10)
    owner: str = Field(min_length=2)
    expires: date
    most: int = Field(1, ge=1)
    where: tuple[float, float, float, float] | None = None
    match: str = ""

    def covers(self, finding: Finding) -> bool:
        """True when the finding is of this rule and inside this scope."""
        if finding.rule != self.rule or self.match not in finding.text:
            return False
        if self.where is None:
            return True
        left, bottom, right, top = self.where
        x, y = finding.x_um, finding.y_um
        return x is not None and y is not None and left <= x <= right and bottom <= y <= top


class WaiverFile(BaseModel):
    """``waivers.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Literal["asicflow.waivers/1"] = Field(alias="schema")
    waivers: list[WaiverEntry]


@dataclass
class Waivers:
    """The waivers of a run and what they covered.

    ``use`` counts the findings that each entry, by its place in the file, covered.
    """

    path: Path
    entries: list[WaiverEntry]
    today: date
    use: Counter[int] = field(default_factory=Counter)

    def apply(self, record: GateRecord) -> None:
        """Turn FAIL or UNVERIFIED into WAIVED when every finding is covered by a waiver in force."""
        result = record.result
        if result.verdict is Verdict.UNVERIFIED:
            found = [Finding(result.summary, UNVERIFIED)]
        elif result.verdict is Verdict.FAIL:
            found = [f for f in result.findings if not f.library]
        else:
            return
        owners: list[WaiverEntry] = []
        for finding in found:
            entry = self._owner(record.id, finding)
            if entry is not None:
                finding.waived = f"{entry.owner}: {entry.reason}"
                owners.append(entry)
        if not found or len(owners) < len(found):
            return
        used = list(dict.fromkeys(owners))
        record.waiver = Waiver(
            ", ".join(dict.fromkeys(e.rule for e in used)),
            "; ".join(dict.fromkeys(e.reason for e in used)),
            ", ".join(dict.fromkeys(e.owner for e in used)),
            min(e.expires for e in used).isoformat(),
        )
        result.verdict = Verdict.WAIVED
        result.evidence.append(self.path)

    def _owner(self, gate: str, finding: Finding) -> WaiverEntry | None:
        for index, entry in enumerate(self.entries):
            if entry.gate != gate or not entry.covers(finding):
                continue
            self.use[index] += 1
            if entry.expires >= self.today and self.use[index] <= entry.most:
                return entry
        return None

    def problems(self) -> list[Finding]:
        """What is wrong with the waivers themselves, after all gates ran."""
        found = []
        for index, entry in enumerate(self.entries):
            name = f"waiver {index + 1} ({entry.gate}, {entry.rule})"
            count = self.use[index]
            if entry.expires < self.today:
                found.append(Finding(f"{name} expired on {entry.expires.isoformat()}", "expired"))
            elif count == 0:
                found.append(Finding(f"{name} covers nothing", "unused"))
            if count > entry.most:
                found.append(Finding(f"{name} may cover {entry.most} findings and meets {count}", "over-broad"))
        return found


def load_waivers(path: Path, today: date | None = None) -> Waivers:
    """Read ``waivers.yaml``.

    Raises
    ------
    UserError
        If the file is missing or an entry is not valid; names the entry.
    """
    try:
        data = yaml.safe_load(path.read_text())
        parsed = WaiverFile.model_validate(data)
    except OSError as error:
        raise UserError("the waivers cannot be read", where=str(path), hint="correct signoff.waivers") from error
    except yaml.YAMLError as error:
        raise UserError(f"the waivers are not valid YAML: {error}", where=str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        raise UserError(
            f"the waivers are not valid: {where}: {first['msg']}",
            where=str(path),
            hint="signoff/waivers.yaml of asicflow is a template",
        ) from error
    return Waivers(path, list(parsed.waivers), today or date.today())
