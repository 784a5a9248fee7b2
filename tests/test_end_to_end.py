"""The main job, as a user runs it: a trained Keras file to a checked layout, on both processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

MUST_PASS = (
    "model.accuracy", "model.golden", "model.csim", "rtl.lint", "rtl.exactness", "equivalence.mapped",
    "equivalence.routed", "timing.setup", "timing.hold", "timing.slew", "timing.capacitance",
    "timing.unconstrained", "layout.routing", "layout.drc", "layout.antenna", "lvs.top", "power.grid",
    "provenance.hashes",
)  # fmt: skip
"""Checks that a clean run of the example must pass, not merely leave unverified."""

COMMAND = [sys.executable, "-c", "from asicflow.cli import main; main()"]


def asicflow(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *args], cwd=cwd, capture_output=True, text=True)


def digits(project_root: Path, pdk: str, out: Path) -> list[str]:
    example = project_root / "examples" / "digits"
    return [
        "run", "--pdk", pdk, "--model", str(example / "model.h5"), "--data", str(example / "test.npz"),
        "-o", str(out),
    ]  # fmt: skip


def gates(run: Path) -> dict[str, dict[str, Any]]:
    evidence = json.loads((run / "signoff" / "evidence.json").read_text())
    return {gate["id"]: gate for gate in evidence["gates"]}


@pytest.mark.slow
@pytest.mark.parametrize("pdk", ["sky130", "gf180"])
def test_digits_from_keras_to_checked_layout(project_root: Path, pdk_root: Path, tmp_path: Path, pdk: str) -> None:
    out = tmp_path / "run"
    first = asicflow(*digits(project_root, pdk, out), cwd=tmp_path)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "UNVERIFIED" in first.stdout

    verdicts = {name: gate["verdict"] for name, gate in gates(out).items()}
    assert "FAIL" not in verdicts.values()
    for name in MUST_PASS:
        assert verdicts[name] == "PASS", verdicts
    for name in ("accel.gds", "accel.def", "accel.spef", "accel.v", "accel.pg.v", "layout.png"):
        assert (out / "layout" / name).stat().st_size > 1000

    report = asicflow("report", str(out), cwd=tmp_path)
    assert report.returncode == 3, report.stdout
    assert "layout.drc" in report.stdout

    again = asicflow(*digits(project_root, pdk, out), cwd=tmp_path)
    assert again.returncode == 0
    assert "nothing to do" in again.stdout

    tampered = out / "layout" / "accel.v"
    tampered.write_text(tampered.read_text().replace("endmodule", "// changed\nendmodule", 1))
    status = asicflow(*digits(project_root, pdk, out), "--to", "soc", cwd=tmp_path)
    assert "nothing to do" in status.stdout


def test_killed_run_goes_on_where_it_stopped(project_root: Path, pdk_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [*COMMAND, *digits(project_root, "sky130", out), "--to", "hls"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 120
    while not (out / "manifest.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert (out / "lock").exists(), "the killed run left its lock"
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (out / "accel" / "accel.json").exists()
    manifest = json.loads((out / "manifest.json").read_text())
    assert {manifest["stages"][s]["status"] for s in ("model", "hls")} == {"done"}


def test_data_of_the_wrong_shape_is_refused(project_root: Path, pdk_root: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "bad.npz", x=np.zeros((10, 7), np.float32), y=np.zeros(10, np.int64))
    shutil.copy(project_root / "examples" / "digits" / "model.h5", tmp_path / "model.h5")
    done = asicflow("run", "--model", "model.h5", "--data", "bad.npz", "--to", "model", cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "64" in done.stderr
    assert "7" in done.stderr
    assert "Traceback" not in done.stderr
