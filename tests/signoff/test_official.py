"""The official deck: what its report says counts; no deck, no program or no report is never a PASS."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from asicflow.signoff.gate import run_gate
from asicflow.signoff.gates.official import OfficialDrcGate
from asicflow.signoff.verdict import GateResult, Verdict

from .hand_made import HandMade, context_of

DECK = """
source($input, $topcell)
report("small deck", $report)
met1 = input(68, 20)
met1.width(0.14.um).output("m1.1", "width of met1")
met1.with_area(0, 0.083).output("m1.6", "area of met1")
"""
needs_klayout = pytest.mark.skipif(
    shutil.which("klayout") is None, reason="no KLayout application (apt-get install klayout): no deck was run"
)


def judge(made: HandMade, root: Path, deck: str | None) -> GateResult:
    context = context_of(root, made)
    if deck is not None:
        path = root / "deck.drc"
        path.write_text(deck)
        context.config.signoff.drc_deck = path
    record = run_gate(OfficialDrcGate(), context)
    assert not isinstance(record, str)
    assert "the checker broke" not in record.result.summary, record.result.summary
    return record.result


@needs_klayout
def test_clean_layout_passes(made: HandMade, tmp_path: Path) -> None:
    result = judge(made, tmp_path, DECK)
    assert result.verdict is Verdict.PASS and result.figures["rules"] == 2, result.summary
    assert any(p.suffix == ".lyrdb" for p in result.evidence)


@needs_klayout
def test_markers_are_found_at_their_place(made: HandMade, tmp_path: Path) -> None:
    made.box("met1", 21_000, 9000, 21_200, 9200)
    result = judge(made, tmp_path, DECK)
    assert result.verdict is Verdict.FAIL
    (finding,) = result.findings
    assert finding.rule == "m1.6" and finding.x_um == pytest.approx(21.1) and finding.y_um == pytest.approx(9.1)


@needs_klayout
@pytest.mark.parametrize("deck", ["raise 'broken'", 'report("nothing", $report)', "source($input, $topcell)"])
def test_a_deck_that_checks_nothing_fails(deck: str, made: HandMade, tmp_path: Path) -> None:
    assert judge(made, tmp_path, deck).verdict is Verdict.FAIL


def test_no_deck_is_unverified(made: HandMade, tmp_path: Path) -> None:
    result = judge(made, tmp_path, None)
    assert result.verdict is Verdict.UNVERIFIED and "drc_deck" in result.close


def test_no_program_is_unverified(made: HandMade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = judge(made, tmp_path, DECK)
    assert result.verdict is Verdict.UNVERIFIED and "klayout" in result.close
