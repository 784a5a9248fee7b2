"""Charts of the report from the evidence's tables."""

from __future__ import annotations

from pathlib import Path

from asicflow.signoff.evidence import build_evidence
from asicflow.signoff.figures import charts
from asicflow.signoff.verdict import GateRecord, GateResult, Rows, Verdict

from .made_up import made_up_context


def memory_chart(root: Path, programs: Rows) -> str:
    """The chart of a system with these programs; empty without one."""
    file = root / "firmware.json"
    file.write_text("{}")
    result = GateResult(Verdict.PASS, "2 programs", tables={"programs": programs}, evidence=[file])
    record = GateRecord("firmware.image", "firmware", "Programs fit", True, result)
    found = {c.title: str(c.svg) for c in charts(build_evidence(made_up_context(root), [record], []))}
    return found.get("Memory budget", "")


def test_memory_budget_shows_programs_and_the_deepest_stack(tmp_path: Path) -> None:
    rom = {"program": "bootrom", "bytes": 1024, "of": 2048, "stack": 100, "stack_room": 1000}
    app = {"program": "infer", "bytes": 300, "of": 400, "stack": 900, "stack_room": 1000}
    svg = memory_chart(tmp_path, [rom, app])
    assert all(text in svg for text in ("bootrom", "50 %", "infer", "75 %", "deepest stack", "90 %"))
    assert "bar bad" not in svg
    assert "bar bad" in memory_chart(tmp_path, [rom, app | {"bytes": 401}])
    assert memory_chart(tmp_path, []) == ""
