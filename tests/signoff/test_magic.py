"""Magic's check: its list counts; no technology, no program, an old one or no whole list is never a PASS."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from asicflow.pdk import load_pdk
from asicflow.signoff.gate import run_gate
from asicflow.signoff.gates.magic import MagicDrcGate
from asicflow.signoff.verdict import GateResult, Verdict

from .hand_made import HandMade, context_of

Judge = Callable[..., GateResult]

HEAD = "scale 0.005\nbox -38 -60 4454 2765\ncells 10\n"
FOUND = "rule Metal1 spacing < 0.14um (met1.2)\nat 200 400 220 410\nat 300 400 320 410\n"


def install(folder: Path, version: str, report: str | None) -> None:
    """A program ``magic`` that says its version and writes a list where the script that it is given asks for one."""
    folder.mkdir(exist_ok=True)
    text = folder / "list"
    text.write_text(report or "")
    write = f'cp "{text}" "$(sed -n "s/^set report .open {{\\(.*\\)}} w.$/\\1/p" "$script")"' if report else ":"
    program = folder / "magic"
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then echo {version}; exit; fi\n'
        f'for script; do :; done\ngrep -q "drc catchup" "$script" || exit 1\n{write}\n'
    )
    program.chmod(0o755)


@pytest.fixture
def judge(made: HandMade, tmp_path: Path, pdk_root: Path, monkeypatch: pytest.MonkeyPatch) -> Judge:
    def run(report: str | None, version: str = "8.3.500") -> GateResult:
        path = [str(tmp_path / "bin")]
        if version:  # the stand-in needs a shell's tools; without it no Magic of this machine may be found
            install(tmp_path / "bin", version, report)
            path += ["/usr/bin", "/bin"]
        monkeypatch.setenv("PATH", os.pathsep.join(path))
        context = context_of(tmp_path, made)
        context.pdk = load_pdk("sky130", pdk_root)
        record = run_gate(MagicDrcGate(), context)
        assert not isinstance(record, str)
        assert "the checker broke" not in record.result.summary, record.result.summary
        return record.result

    return run


def test_an_empty_list_passes(judge: Judge) -> None:
    result = judge(HEAD + "end\n")
    assert result.verdict is Verdict.PASS and result.tool.version == "8.3.500"
    assert any(p.suffix == ".report" for p in result.evidence)


def test_violations_are_found_at_their_place(judge: Judge) -> None:
    result = judge(HEAD + FOUND + "end\n")
    assert result.verdict is Verdict.FAIL and result.figures == {"violations": 2, "rules_violated": 1}
    first = result.findings[0]
    assert (first.rule, first.x_um, first.y_um) == ("met1.2", 1.05, 2.025)


@pytest.mark.parametrize(
    ("report", "text"),
    [
        (None, "no list"),
        (HEAD + FOUND, "breaks off"),
        (HEAD, "breaks off"),
        ("scale 0.005\nbox 0 0 0 0\ncells 1\nend\n", "empty layout"),
    ],
)
def test_a_check_that_did_not_end_fails(judge: Judge, report: str | None, text: str) -> None:
    result = judge(report)
    assert result.verdict is Verdict.FAIL and any(text in f.text for f in result.findings)


def test_an_old_version_is_unverified(judge: Judge) -> None:
    result = judge(HEAD + "end\n", version="8.3.105")
    assert result.verdict is Verdict.UNVERIFIED and "8.3.105" in result.summary and "source" in result.close


def test_no_program_is_unverified(judge: Judge) -> None:
    result = judge(None, version="")
    assert result.verdict is Verdict.UNVERIFIED and result.summary == "Magic is not installed"


def test_no_technology_is_unverified(made: HandMade, tmp_path: Path) -> None:
    record = run_gate(MagicDrcGate(), context_of(tmp_path, made))
    assert not isinstance(record, str) and record.result.verdict is Verdict.UNVERIFIED
    assert "names no Magic technology" in record.result.summary
