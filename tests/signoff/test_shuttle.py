"""The shuttle lists name real gates, and an item's state follows its gates."""

from __future__ import annotations

from pathlib import Path

import pytest

from asicflow.config import Config, PdkConfig
from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import run_gate
from asicflow.signoff.gates import BUILT_IN
from asicflow.signoff.gates.shuttle import PrecheckGate, load_shuttles
from asicflow.signoff.verdict import GateResult, Verdict


def judge(root: Path, process: str, verdicts: dict[str, Verdict]) -> GateResult:
    context = GateContext(root, Config(name="x", pdk=PdkConfig(name=process)), verdicts=verdicts)
    record = run_gate(PrecheckGate(), context)
    assert not isinstance(record, str)
    return record.result


def all_pass() -> dict[str, Verdict]:
    return {gate.id: Verdict.PASS for gate in BUILT_IN}


def test_every_item_names_a_gate_or_a_reason() -> None:
    known = {gate.id for gate in BUILT_IN}
    for shuttle in load_shuttles():
        for item in shuttle.items:
            assert bool(item.gates) != bool(item.reason), item
            assert set(item.gates) <= known, item


@pytest.mark.parametrize("process", ["sky130", "gf180"])
def test_items_that_no_gate_can_do_stay_open(process: str, tmp_path: Path) -> None:
    result = judge(tmp_path, process, all_pass())
    assert result.verdict is Verdict.UNVERIFIED and result.close
    assert result.figures["items_open"] == sum(r["state"] == "not scriptable" for r in result.tables["items"])


def test_a_failing_gate_fails_its_items(tmp_path: Path) -> None:
    result = judge(tmp_path, "sky130", all_pass() | {"layout.antenna": Verdict.FAIL})
    assert result.verdict is Verdict.FAIL
    assert [f.text for f in result.findings] == ["ChipFoundry: antennas: layout.antenna fails"]


def test_a_gate_that_did_not_run_is_open(tmp_path: Path) -> None:
    verdicts = all_pass()
    del verdicts["lvs.device"]
    states = {r["item"]: r["state"] for r in judge(tmp_path, "sky130", verdicts).tables["items"]}
    assert states["LVS with devices"] == "UNVERIFIED" and states["top cell"] == "PASS"
