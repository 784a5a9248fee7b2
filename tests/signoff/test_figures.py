"""Charts of the report from the evidence's tables."""

from __future__ import annotations

from pathlib import Path

from asicflow.signoff.evidence import build_evidence
from asicflow.signoff.figures import charts
from asicflow.signoff.verdict import GateRecord, GateResult, Rows, Verdict

from .made_up import made_up_context


def chart(root: Path, title: str, gate: str, table: str, found: Rows) -> str:
    """The chart of this title that a gate's table gives; empty without one."""
    file = root / "evidence.json"
    file.write_text("{}")
    result = GateResult(Verdict.PASS, "made up", tables={table: found}, evidence=[file])
    record = GateRecord(gate, gate.partition(".")[0], "Made up", True, result)
    return {c.title: str(c.svg) for c in charts(build_evidence(made_up_context(root), [record], []))}.get(title, "")


def memory_chart(root: Path, programs: Rows) -> str:
    """The chart of a system with these programs."""
    return chart(root, "Memory budget", "firmware.image", "programs", programs)


def test_power_over_time_names_its_phases(tmp_path: Path) -> None:
    profile: Rows = [{"cycle": 1000 * k, "phase": "boot" if k < 2 else "inference", "power_mw": k} for k in range(5)]
    svg = chart(tmp_path, "Power over time", "power.activity", "profile", profile)
    assert all(text in svg for text in ("boot", "inference", "4 mW"))
    points = [float(p.partition(",")[2]) for p in svg.partition('points="')[2].partition('"')[0].split()]
    assert len(points) == 5 and points == sorted(points, reverse=True) and points[0] - points[-1] == 120
    assert chart(tmp_path, "Power over time", "power.activity", "profile", []) == ""


def test_memory_budget_shows_programs_and_the_deepest_stack(tmp_path: Path) -> None:
    rom = {"program": "bootrom", "bytes": 1024, "of": 2048, "stack": 100, "stack_room": 1000}
    app = {"program": "infer", "bytes": 300, "of": 400, "stack": 900, "stack_room": 1000}
    svg = memory_chart(tmp_path, [rom, app])
    assert all(text in svg for text in ("bootrom", "50 %", "infer", "75 %", "deepest stack", "90 %"))
    assert "bar bad" not in svg
    assert "bar bad" in memory_chart(tmp_path, [rom, app | {"bytes": 401}])
    assert memory_chart(tmp_path, []) == ""
