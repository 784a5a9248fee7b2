"""``asicflow run --top soc``: from a model to a system that boots."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from asicflow.cli import main; main()", "run", "--pdk", "gf180", "--top", "soc"]


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=root, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.usefixtures("pdk_root")
def test_the_example_boots_and_infers(project_root: Path, tmp_path: Path) -> None:
    arguments = ("--model", "examples/digits/model.h5", "--to", "sim", "-o", str(tmp_path / "run"))
    done = run(project_root, *arguments)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "run" / "sim" / "sim.json").read_text())
    assert result["debug_port"]["exact"] == result["program"]["exact"] == 5 and result["protocol_breaches"] == []
    assert result["kilohertz"] >= 50
    assert "asicflow boot ROM" in result["banner"]
    assert "up to date" in run(project_root, *arguments).stdout


def test_a_stage_of_the_other_top_is_refused(project_root: Path, tmp_path: Path) -> None:
    model = ("--model", "examples/digits/model.h5")
    done = run(project_root, "--top", "accel", *model, "--to", "firmware", "-o", str(tmp_path))
    assert done.returncode == 2 and "top accel has no stage 'firmware'" in done.stderr and "signoff" in done.stderr
