"""The gate on firmware images: what the firmware stage leaves passes, each planted fault is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from asicflow.signoff.gate import run_gate
from asicflow.signoff.gates.firmware import FirmwareImageGate
from asicflow.signoff.verdict import GateResult, Verdict
from tests.signoff import made_firmware
from tests.signoff.made_firmware import FAULTS


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_firmware.build(tmp_path_factory.mktemp("chip"))


@pytest.fixture
def run(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "run"))


def judge(root: Path) -> GateResult:
    record = run_gate(FirmwareImageGate(), made_firmware.context_of(root))
    assert not isinstance(record, str)
    return record.result


def test_firmware_as_built_passes(run: Path) -> None:
    result = judge(run)
    assert result.verdict is Verdict.PASS and len(result.tables["programs"]) == 4
    assert all(row["stack"] > 0 and row["bytes"] > 0 for row in result.tables["programs"])
    assert result.figures["largest_program"] > 1000 and result.figures["largest_stack"] > 100


@pytest.mark.parametrize(("plant", "named"), FAULTS, ids=[named for _, named in FAULTS])
def test_fault_is_found_and_named(run: Path, plant: Callable[[Path], None], named: str) -> None:
    plant(run / "firmware")
    result = judge(run)
    assert result.verdict is Verdict.FAIL
    assert any(named in finding.text for finding in result.findings), result.findings


def test_lost_listing_is_unverified(run: Path) -> None:
    (run / "firmware/infer.lst").unlink()
    result = judge(run)
    assert result.verdict is Verdict.UNVERIFIED and "infer.lst" in result.summary


def test_lost_stack_report_is_unverified(run: Path) -> None:
    shutil.rmtree(run / "firmware/infer.objects")
    result = judge(run)
    assert result.verdict is Verdict.UNVERIFIED and "infer.objects" in result.summary
