"""The gates on a system that boots: clean systems pass, each fault of board, line, record and netlist is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asicflow.signoff.gate import run_gate
from asicflow.signoff.gates import boot
from asicflow.signoff.verdict import GateResult, Verdict
from tests.signoff import made_system
from tests.signoff.made_system import Damaged

CLEAN = {
    "schema": "asicflow.sim/2",
    "failure": "",
    "banner": "\nasicflow boot ROM\nbuild 0123ABCD model 4567CDEF\nboot: waiting for the host\n",
    "debug_port": {"vectors": 5, "exact": 5, "engine_cycles": 300},
    "program": {"vectors": 5, "exact": 5, "cycles": 900, "greeting": "infer: ready"},
    "flash_boot": {"exact": 1},
    "link": {"frames": 7, "retries": 0, "misunderstood": 0, "unanswered": 0},
    "cycles": 2_000_000,
    "kilohertz": 500.0,
    "protocol_breaches": [],
}
SOC = {"build_sha256": "0123abcd" + 56 * "0", "model_sha256": "4567cdef" + 56 * "0"}


def judge(root: Path, gate: boot.SystemGate) -> GateResult:
    record = run_gate(gate, made_system.context_of(root))
    assert not isinstance(record, str)
    return record.result


def judge_record(root: Path, change: Callable[[dict[str, Any]], object] = lambda record: None) -> GateResult:
    """The verdict on a record of a clean simulation with a change."""
    record = json.loads(json.dumps(CLEAN))
    change(record)
    for name, data in (("sim/sim.json", record), ("soc/soc.json", SOC)):
        (root / name).parent.mkdir()
        (root / name).write_text(json.dumps(data))
    return judge(root, boot.BootGate())


def test_record_of_a_clean_simulation_passes(tmp_path: Path) -> None:
    result = judge_record(tmp_path)
    assert result.verdict is Verdict.PASS and "5 of 5 by program" in result.summary


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda r: r["program"].update(exact=4), "value"),
        (lambda r: r["debug_port"].update(vectors=0, exact=0), "value"),
        (lambda r: r["flash_boot"].update(exact=0), "flash"),
        (lambda r: r["link"].update(retries=1), "link"),
        (lambda r: r["link"].update(unanswered=1), "link"),
        (lambda r: r.pop("link"), "link"),
        (lambda r: r.update(banner=r["banner"].replace("0123ABCD", "0123ABCE")), "banner"),
        (lambda r: r.pop("banner"), "banner"),
        (lambda r: r["program"].update(greeting="infer: raedy"), "greeting"),
        (lambda r: r.update(protocol_breaches=["htrans while waiting"]), "bus"),
        (lambda r: r.update(failure="no answer"), "failure"),
    ],
)
def test_record_with_a_fault_fails(tmp_path: Path, change: Callable[[dict[str, Any]], object], rule: str) -> None:
    result = judge_record(tmp_path, change)
    assert result.verdict is Verdict.FAIL and rule in {f.rule for f in result.findings}, result.findings


def test_record_of_another_version_is_unverified(tmp_path: Path) -> None:
    result = judge_record(tmp_path, lambda r: r.update(schema="asicflow.sim/1"))
    assert result.verdict is Verdict.UNVERIFIED and "sim stage again" in result.close


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A small system and its simulator."""
    root = tmp_path_factory.mktemp("system") / "run"
    return root, made_system.build(root)


@pytest.fixture
def run(system: tuple[Path, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(system[0], tmp_path / "run", ignore=shutil.ignore_patterns("build")))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("faults", "rule", "text"),
    [
        ({}, "", ""),
        ({"received": {400: lambda two: two[1:]}}, "link", "retries"),
        ({"received": {402: lambda two: bytes([two[0] ^ 1]) + two[1:]}}, "link", "retries"),
        ({"deaf": True}, "failure", "does not answer"),
        ({"flashed": lambda image: image[:60] + bytes([image[60] ^ 1]) + image[61:]}, "failure", "boot from flash"),
        ({"fault": "dead-flash"}, "failure", "boot from flash"),
        ({"wrong": True}, "failure", "output 0"),
    ],
    ids=["clean", "byte dropped", "byte corrupted", "dead host", "bit in the flash", "dead flash", "wrong weight"],
)
def test_simulation_on_a_faulty_board(
    system: tuple[Path, Path], run: Path, faults: dict[str, Any], rule: str, text: str
) -> None:
    given = {name: value for name, value in faults.items() if name not in ("fault", "wrong")}
    with Damaged(system[1], **given) as board:
        board.fault(faults.get("fault", "none"))
        made_system.simulate(run, board, faults.get("wrong", False))
    result = judge(run, boot.BootGate())
    assert result.verdict is (Verdict.FAIL if rule else Verdict.PASS)
    assert not rule or any(f.rule == rule and text in f.text for f in result.findings), result.findings


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [0, 1])
def test_netlist_that_infers_something_else_fails(
    system: tuple[Path, Path], run: Path, monkeypatch: pytest.MonkeyPatch, wrong: int
) -> None:
    """The system's simulator stands for that of its netlist; the golden outputs are those of another model."""
    monkeypatch.setattr(boot, "functional", lambda *_: Path("netlist.v"))
    monkeypatch.setattr(boot, "build_netlist_board", lambda *_, **__: system[1])
    (run / "layout").mkdir()
    (run / "layout" / "soc.v").write_text("module soc; endmodule\n")
    x, y = boot.load_vectors(run / "model" / "vectors.npz")
    y[0, 2] += wrong
    monkeypatch.setattr(boot, "load_vectors", lambda _: (x, y))
    result = judge(run, boot.NetlistBootGate())
    assert result.verdict is (Verdict.FAIL if wrong else Verdict.PASS), result.summary
    assert not wrong or "output 2" in result.summary
