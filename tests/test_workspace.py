"""The run directory: resume, damage, lock."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from asicflow.config import Config
from asicflow.errors import RunLocked, UserError
from asicflow.workspace import Workspace, sha256, sha256_text


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    space = Workspace(tmp_path / "run")
    space.begin(Config(), ["asicflow", "run"])
    return space


def write_spec(ws: Workspace, text: str = "{}") -> None:
    ws.model.mkdir(exist_ok=True)
    (ws.model / "spec.json").write_text(text)


def test_finished_stage_is_current_until_an_input_changes(ws: Workspace) -> None:
    inputs = {"model.h5": sha256_text("a")}
    ws.run_stage("model", inputs, lambda: write_spec(ws))
    assert ws.inputs_current("model", inputs)
    assert not ws.inputs_current("model", {"model.h5": sha256_text("b")})


def test_stage_with_a_changed_or_missing_output_is_not_current(ws: Workspace) -> None:
    ws.run_stage("model", {}, lambda: write_spec(ws))
    write_spec(ws, "tampered")
    assert not ws.inputs_current("model", {})
    (ws.model / "spec.json").unlink()
    assert not ws.inputs_current("model", {})


def test_failed_stage_is_recorded_and_not_current(ws: Workspace) -> None:
    def fail() -> None:
        write_spec(ws)
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        ws.run_stage("model", {}, fail)
    record = ws.record("model")
    assert record is not None
    assert record.status == "failed"
    assert not ws.inputs_current("model", {})


def test_killed_stage_is_not_current(ws: Workspace) -> None:
    code = (
        "import os, sys; from pathlib import Path; from asicflow.workspace import Workspace;"
        "ws = Workspace(Path(sys.argv[1])); ws.run_stage('model', {}, lambda: os._exit(9))"
    )
    subprocess.run([sys.executable, "-c", code, str(ws.root)], check=False)
    record = ws.record("model")
    assert record is not None
    assert record.status == "running"
    assert not ws.inputs_current("model", {})


def test_second_owner_is_refused_with_the_process_id(ws: Workspace) -> None:
    with ws.lock(), pytest.raises(RunLocked, match=str(os.getpid())), ws.lock():
        pass
    assert not (ws.root / "lock").exists()


def test_lock_of_a_dead_process_is_taken_over(ws: Workspace) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (ws.root / "lock").write_text(f"{dead.pid}\n")
    with ws.lock():
        assert (ws.root / "lock").read_text() == f"{os.getpid()}\n"


def test_damaged_manifest_is_a_clear_error(ws: Workspace) -> None:
    ws.manifest_path.write_text("{")
    with pytest.raises(UserError, match="damaged"):
        ws.manifest()


def test_hashes_name_the_files_and_skip_tool_trees(ws: Workspace) -> None:
    for name in ("layout/accel.gds", "layout/sc/job/log.txt"):
        (ws.root / name).parent.mkdir(parents=True, exist_ok=True)
        (ws.root / name).write_text("x")
    assert ws.hash_tree(ws.layout) == {"layout/accel.gds": sha256(ws.layout / "accel.gds")}
