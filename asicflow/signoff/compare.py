"""Compare the evidence of two runs: verdicts, findings, figures, tools."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from asicflow.signoff import figures
from asicflow.signoff.evidence import Evidence
from asicflow.signoff.verdict import Verdict

RANK = {Verdict.PASS: 0, Verdict.WAIVED: 1, Verdict.UNVERIFIED: 2, Verdict.FAIL: 3}
"""How far a verdict is from a tape-out."""

ABSENT = "absent"


@dataclass(frozen=True)
class GateChange:
    """A gate whose verdict or count of findings differs; ``absent`` stands for a gate that one run lacks."""

    id: str
    before: str
    after: str
    findings_before: int
    findings_after: int

    @property
    def is_worse(self) -> bool:
        """True when the gate moved away from a tape-out, or is gone."""
        if self.after == ABSENT:
            return True
        if self.before == ABSENT:
            return self.after == Verdict.FAIL
        before, after = RANK[Verdict(self.before)], RANK[Verdict(self.after)]
        return after > before or (after == before and self.findings_after > self.findings_before)


@dataclass(frozen=True)
class FigureChange:
    """A figure of a gate that differs."""

    gate: str
    key: str
    before: Any
    after: Any


@dataclass
class Difference:
    """All that differs between two runs."""

    gates: list[GateChange] = field(default_factory=list)
    figures: list[FigureChange] = field(default_factory=list)
    tools: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def is_worse(self) -> bool:
        """True when any gate got worse."""
        return any(change.is_worse for change in self.gates)


def compare(before: Evidence, after: Evidence) -> Difference:
    """Compare two runs gate by gate; the time that checks took does not count."""
    old, new = ({g["id"]: g for g in e["gates"]} for e in (before, after))
    result = Difference()
    for name in dict.fromkeys([*old, *new]):
        one, two = old.get(name), new.get(name)
        change = GateChange(
            name,
            one["verdict"] if one else ABSENT,
            two["verdict"] if two else ABSENT,
            one.get("findings_total", 0) if one else 0,
            two.get("findings_total", 0) if two else 0,
        )
        if change.before != change.after or change.findings_before != change.findings_after:
            result.gates.append(change)
        if one and two:
            result.figures += [
                FigureChange(name, key, one["figures"].get(key), two["figures"].get(key))
                for key in dict.fromkeys([*one["figures"], *two["figures"]])
                if one["figures"].get(key) != two["figures"].get(key)
            ]
    names = dict.fromkeys([*before["tools"], *after["tools"]])
    versions = [(n, before["tools"].get(n, ABSENT), after["tools"].get(n, ABSENT)) for n in names]
    result.tools = [v for v in versions if v[1] != v[2]]
    return result


def difference_tables(before: Evidence, after: Evidence, found: Difference) -> Group:
    """The difference for the terminal."""
    heads = [f"{e['design']} on {e['pdk']}, {e['created']}" for e in (before, after)]
    parts: list[Table | str] = [f"before: {escape(heads[0])}\nafter:  {escape(heads[1])}"]
    if found.gates:
        table = Table("gate", "before", "after", "findings", title="gates", title_justify="left")
        for c in found.gates:
            style = "red" if c.is_worse else "green"
            findings = f"{c.findings_before} -> {c.findings_after}" if c.findings_before != c.findings_after else ""
            table.add_row(c.id, c.before, f"[{style}]{c.after}[/]", findings)
        parts.append(table)
    if found.figures:
        table = Table("gate", "figure", "before", "after", title="figures", title_justify="left")
        for f in found.figures:
            shown = [escape(figures.text(v, f.key)) if v is not None else "" for v in (f.before, f.after)]
            table.add_row(f.gate, figures.label(f.key), *shown)
        parts.append(table)
    if found.tools:
        table = Table("tool", "before", "after", title="tools", title_justify="left")
        for row in found.tools:
            table.add_row(*map(escape, row))
        parts.append(table)
    if len(parts) == 1:
        parts.append("no difference in verdicts, findings, figures or tools")
    return Group(*parts)
