"""Waivers: what they cover, and that a bad one is itself a finding."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from asicflow.errors import UserError
from asicflow.resources import resource
from asicflow.signoff.context import GateContext
from asicflow.signoff.evidence import build_evidence, overall
from asicflow.signoff.gate import Gate
from asicflow.signoff.gates.provenance import WaiversGate
from asicflow.signoff.runner import run_gates
from asicflow.signoff.verdict import Finding, GateResult, Verdict
from asicflow.signoff.waivers import load_waivers

from .made_up import made_up_context

TODAY = date(2030, 1, 1)
ENTRY = {"gate": "layout.sample", "rule": "m1.2", "reason": "Approved by the foundry.", "owner": "A. Person",
         "expires": "2030-06-30"}  # fmt: skip


class Sample(Gate):
    """Fails with two findings of one rule and, if asked, one of another."""

    id = "layout.sample"
    title = "Sample"
    findings: tuple[Finding, ...] = ()
    verdict = Verdict.FAIL

    def run(self, context: GateContext) -> GateResult:
        found = [Finding(f.text, f.rule, f.x_um, f.y_um, library=f.library) for f in self.findings]
        close = "do it" if self.verdict is Verdict.UNVERIFIED else ""
        return GateResult(self.verdict, "something", findings=found, evidence=[], close=close)


NEAR = Finding("spacing 0.13 um", "m1.2", 1.0, 1.0)
FAR = Finding("spacing 0.10 um", "m1.2", 50.0, 50.0)
OTHER = Finding("width 0.13 um", "m1.1", 1.0, 1.0)


def judge(
    root: Path, entries: list[dict[str, object]], findings: tuple[Finding, ...], verdict: Verdict = Verdict.FAIL
) -> tuple[Verdict, set[str], GateContext]:
    """Verdict of the sample, and the rules by which the waivers are at fault."""
    path = root / "waivers.yaml"
    path.write_text(yaml.safe_dump({"schema": "asicflow.waivers/1", "waivers": entries}))
    context = made_up_context(root)
    context.waivers = load_waivers(path, TODAY)
    gate = Sample()
    gate.findings, gate.verdict = findings, verdict
    records, left_out = run_gates(context, [WaiversGate(), gate])
    assert not left_out and [r.id for r in records] == ["provenance.waivers", "layout.sample"]
    build_evidence(context, records, [])
    return records[1].result.verdict, {f.rule for f in records[0].result.findings}, context


def test_a_covered_finding_is_waived_with_owner_and_expiry(tmp_path: Path) -> None:
    verdict, problems, context = judge(tmp_path, [ENTRY], (NEAR,))
    assert verdict is Verdict.WAIVED and not problems
    evidence = build_evidence(context, run_gates(context, [Sample()])[0], [])
    assert overall([{"verdict": "WAIVED", "mandatory": True}]) is Verdict.PASS
    assert evidence["counts"]["FAIL"] == 1, "a failure without findings is never waived"


@pytest.mark.parametrize(
    ("change", "findings", "verdict", "problems"),
    [
        ({}, (NEAR, OTHER), Verdict.FAIL, set()),
        ({}, (NEAR, FAR), Verdict.FAIL, {"over-broad"}),
        ({"most": 2}, (NEAR, FAR), Verdict.WAIVED, set()),
        ({"most": 2, "where": [0, 0, 2, 2]}, (NEAR, FAR), Verdict.FAIL, set()),
        ({"match": "0.10"}, (NEAR,), Verdict.FAIL, {"unused"}),
        ({"match": "0.13"}, (NEAR,), Verdict.WAIVED, set()),
        ({"expires": "2029-12-31"}, (NEAR,), Verdict.FAIL, {"expired"}),
        ({"gate": "layout.other"}, (NEAR,), Verdict.FAIL, {"unused"}),
        ({}, (), Verdict.FAIL, {"unused"}),
    ],
)
def test_scope(
    tmp_path: Path, change: dict[str, object], findings: tuple[Finding, ...], verdict: Verdict, problems: set[str]
) -> None:
    assert judge(tmp_path, [ENTRY | change], findings)[:2] == (verdict, problems)


def test_two_waivers_together_cover_two_rules(tmp_path: Path) -> None:
    verdict, problems, _ = judge(tmp_path, [ENTRY, ENTRY | {"rule": "m1.1"}], (NEAR, OTHER))
    assert verdict is Verdict.WAIVED and not problems


def test_unverified_needs_its_own_rule(tmp_path: Path) -> None:
    assert judge(tmp_path, [ENTRY], (), Verdict.UNVERIFIED)[0] is Verdict.UNVERIFIED
    assert judge(tmp_path, [ENTRY | {"rule": "unverified"}], (), Verdict.UNVERIFIED)[0] is Verdict.WAIVED


def test_a_pass_needs_no_waiver(tmp_path: Path) -> None:
    assert judge(tmp_path, [ENTRY], (), Verdict.FAIL)[1] == {"unused"}


@pytest.mark.parametrize(
    "change",
    [{"rule": "*"}, {"reason": ""}, {"owner": ""}, {"expires": "soon"}, {"most": 0}, {"gate": "all"}, {"x": 1}],
)
def test_a_vague_waiver_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "waivers.yaml"
    path.write_text(yaml.safe_dump({"schema": "asicflow.waivers/1", "waivers": [ENTRY | change]}))
    with pytest.raises(UserError, match="waivers"):
        load_waivers(path)


def test_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load_waivers(tmp_path / "none.yaml")


def test_template_is_valid() -> None:
    assert load_waivers(resource("signoff/waivers.yaml")).entries == []
