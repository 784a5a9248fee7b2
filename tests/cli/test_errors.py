"""Wrong input ends in one clear error, the documented exit code and no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from asicflow.workspace import Workspace


def asicflow(*args: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from asicflow.cli import main; main()", *args]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.h5"
    path.write_bytes(b"not a model")
    return path


def test_help_names_the_commands_and_exit_codes(tmp_path: Path) -> None:
    done = asicflow("--help", cwd=tmp_path)
    assert done.returncode == 0
    for word in ("run", "report", "signoff", "doctor", "new", "Exit codes"):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["run"], "no model given"),
        (["run", "--model", "none.h5"], "none.h5"),
        (["run", "--model", "model.h5", "--pdk", "sky13"], "did you mean 'sky130'"),
        (["run", "--model", "model.h5", "--to", "moon"], "no stage 'moon'"),
        (["run", "--model", "model.h5", "--data", "none.npz"], "none.npz"),
        (["run", "--model", "model.h5", "--library", "sky130hc"], "did you mean 'sky130hd'"),
        (["run", "--model", "model.h5", "--supply", "3.3"], "no corners for a supply of 3.3"),
        (["run", "--model", "model.h5", "--pdk-root", "nowhere"], "nowhere"),
        (["run", "--model", "model.h5", "--clock", "-4"], "clock.period_ns"),
        (["run", "--config", "none.yaml"], "cannot read the configuration"),
        (["report", "nothing"], "no evidence"),
        (["new", "there", "--model", "none.h5"], "none.h5"),
        (["run", "--modle", "model.h5"], "No such option"),
    ],
)
def test_user_errors_end_with_code_2_and_no_traceback(
    tmp_path: Path, model: Path, pdk_root: Path, args: list[str], expected: str
) -> None:
    done = asicflow(*args, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert expected in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_corrupt_model_is_named(tmp_path: Path, model: Path, pdk_root: Path) -> None:
    done = asicflow("run", "--model", "model.h5", "-o", "run", cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "model.h5" in done.stderr
    assert "Traceback" not in done.stderr
    record = Workspace(tmp_path / "run").record("model")
    assert record is not None
    assert record.status == "failed"


def test_directory_in_use_ends_with_code_6(tmp_path: Path, model: Path, pdk_root: Path) -> None:
    with Workspace(tmp_path / "run").lock():
        done = asicflow("run", "--model", "model.h5", "-o", "run", cwd=tmp_path)
    assert done.returncode == 6
    assert "already running" in done.stderr


def test_doctor_names_what_is_missing_and_how_to_get_it(tmp_path: Path, pdk_root: Path) -> None:
    there = asicflow("doctor", cwd=tmp_path)
    assert there.returncode == 0, there.stdout
    lacking = asicflow("doctor", cwd=tmp_path, env={"PATH": "/nowhere", "ASICFLOW_PDK_ROOT": str(pdk_root)})
    assert lacking.returncode == 4
    assert "apt-get install opensta" in " ".join(lacking.stdout.split())


def test_new_writes_a_configuration_that_run_reads(tmp_path: Path, model: Path, pdk_root: Path) -> None:
    assert asicflow("new", "there", "--model", "model.h5", cwd=tmp_path).returncode == 0
    assert "file: ../model.h5" in (tmp_path / "there/asicflow.yaml").read_text()
    again = asicflow("new", "there", "--model", "model.h5", cwd=tmp_path)
    assert again.returncode == 2
    done = asicflow("run", "--config", "there/asicflow.yaml", "-o", "run", cwd=tmp_path)
    assert "model.h5" in done.stderr
    assert done.returncode == 2
