"""Sweep, profile and tune on a small network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from asicflow.cli import app
from asicflow.cli.sweep import numbers
from asicflow.errors import ToolMissing, UserError
from asicflow.explore import sweep as sweep_module
from asicflow.explore.cluster import launcher
from asicflow.explore.folder import folder_config
from asicflow.explore.plots import draw_sweep, narrow_table
from asicflow.explore.profile import profile
from asicflow.explore.sweep import Choice, Point, best, sweep
from asicflow.explore.tune import tune
from asicflow.model.frontend import load_network
from asicflow.model.network import INPUT
from asicflow.model.reference import forward
from tests.model.networks import sequential, small_layers, write_h5


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    """A folder with a network and data that it labels without an error."""
    folder = tmp_path / "small"
    folder.mkdir()
    file = write_h5(folder / "small.h5", sequential(small_layers()), small_layers())
    x = np.random.default_rng(3).normal(size=(300, 6)).astype(np.float32)
    results = forward(load_network(file), x)
    np.savez(folder / "test.npz", x=x, y=results[list(results)[-1]].argmax(axis=1))
    return folder


def point(width: int, quality: float, area: float, latency: float) -> Point:
    return Point(Choice("sky130", width, 4), quality, "accuracy", area, 10, latency, 4, 1.0, 2.0, area)


def test_best_are_those_that_none_beats() -> None:
    good, cheap, bad = point(8, 0.9, 100, 5), point(4, 0.8, 50, 5), point(6, 0.85, 120, 5)
    assert best([good, bad, cheap]) == [good, cheap]
    assert best([good, point(9, 0.9, 100, 5)]) == [good, point(9, 0.9, 100, 5)], "equal points stay"


def test_narrow_table_fits_a_terminal() -> None:
    points = [point(8, 0.9, 1234567, 1234.5), point(10, 0.9, 999, 5)]
    heads, rows = narrow_table(points, "sky130")
    widths = [max(len(row[k]) for row in [heads, *rows]) + 1 for k in range(len(heads))]
    assert sum(widths) <= 76 and len(rows) == 2 and not narrow_table(points, "gf180")[1]
    assert [row[-1] for row in rows] == ["", "yes"]


def test_picture(tmp_path: Path) -> None:
    draw_sweep([point(8, 0.9, 100, 5), point(4, 0.8, 50, 0.3)], tmp_path / "sweep.png")
    assert (tmp_path / "sweep.png").stat().st_size > 10_000


@pytest.mark.parametrize("text", ["", "4,x", "0", "4,,6", "-1"])
def test_lists_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="no list of whole numbers"):
        numbers(text, "--reuse")


def test_folder(model_dir: Path) -> None:
    config = folder_config(model_dir)
    assert config.name == "small" and config.model.data is not None
    (model_dir / "other.onnx").write_bytes(b"")
    with pytest.raises(UserError, match="2 model files"):
        folder_config(model_dir)
    with pytest.raises(UserError, match="no such folder"):
        folder_config(model_dir / "none")


def test_sweep_keeps_its_points(model_dir: Path, pdk_root: Path, tmp_path: Path) -> None:
    config, said = folder_config(model_dir), []
    choices = [Choice("sky130", 8, reuse) for reuse in (4, 30)]
    points = sweep(config, pdk_root, choices, tmp_path / "sweep", 1, said.append)
    assert [p.choice for p in points] == choices and not any("kept" in line for line in said)
    assert points[0].area_um2 > points[1].area_um2 > 1000 and points[0].cycles < points[1].cycles
    assert points[0].measure == "accuracy on the data" and points[0].quality > 0.9
    said.clear()
    assert sweep(config, pdk_root, choices, tmp_path / "sweep", 1, said.append) == points
    assert len(said) == 2 and all("kept" in line for line in said)


def test_equal_engines_are_synthesised_once(
    model_dir: Path, pdk_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapped: list[Path] = []
    real = sweep_module.cell_area

    def counting(sources: list[Path], top: str, liberty: Path, folder: Path, launcher: Sequence[str]) -> float:
        mapped.append(folder)
        return real(sources, top, liberty, folder, launcher)

    monkeypatch.setattr(sweep_module, "cell_area", counting)
    choices = [Choice("sky130", 8, reuse) for reuse in (1, 2, 15)]
    first, second, shared = sweep(folder_config(model_dir), pdk_root, choices, tmp_path / "sweep", 2, print)
    assert first.multipliers == second.multipliers == 0, "adder graphs"
    assert first.area_um2 == second.area_um2 and first.energy_nj == second.energy_nj
    assert shared.multipliers == 2 and shared.cycles > first.cycles and len(mapped) == 2
    assert 0 < first.settled_nj <= first.energy_nj


def test_a_cluster_synthesises_the_same(
    model_dir: Path, pdk_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for Slurm's client runs the command here and keeps what it was asked."""
    jobs = tmp_path / "jobs"
    client = tmp_path / "bin" / "srun"
    client.parent.mkdir()
    client.write_text(f'#!/bin/sh\necho "$@" >> {jobs}\nwhile [ "${{1#-}}" != "$1" ]; do shift; done\nexec "$@"\n')
    client.chmod(0o755)
    monkeypatch.setenv("PATH", str(client.parent), prepend=":")
    choices = [Choice("sky130", 8, 30)]
    config = folder_config(model_dir)
    there = sweep(config, pdk_root, choices, tmp_path / "there", 1, print, launcher("slurm"))
    assert jobs.read_text().count("--ntasks=1 --cpus-per-task=1") == 1 and "yosys" in jobs.read_text()
    assert sweep(config, pdk_root, choices, tmp_path / "here", 1, print, launcher("local")) == there
    assert jobs.read_text().count("\n") == 1


def test_a_cluster_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolMissing, match="srun"):
        launcher("slurm")
    with pytest.raises(UserError, match="no scheduler 'pbs'") as caught:
        launcher("pbs")
    assert caught.value.hint == "choose one of: local, slurm"


def test_profile(model_dir: Path) -> None:
    ranges, reason = profile(folder_config(model_dir))
    assert [(t.name, t.tensor) for t in ranges[:3]] == [(INPUT, "input"), ("hidden", "weight"), ("hidden", "bias")]
    kernel = small_layers()[1]["_weights"]["kernel"]
    assert ranges[1].low == pytest.approx(kernel.min()) and "300 samples" in reason
    assert ranges[1].percentiles[-1] == pytest.approx(np.log2(np.abs(kernel).max()))


def test_profile_command_writes_a_picture(model_dir: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["profile", str(model_dir), "--width", "6", "-o", str(tmp_path / "p")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "p" / "profile.png").read_bytes()[:4] == b"\x89PNG"
    tensors = json.loads((tmp_path / "p" / "profile.json").read_text())["tensors"]
    assert {t["name"] for t in tensors} == {INPUT, "hidden", "hidden_relu", "output"}


@pytest.mark.slow
def test_tune_stays_inside_its_bound(model_dir: Path, tmp_path: Path) -> None:
    found = tune(folder_config(model_dir), 0.05, 4, tmp_path, lambda text: None)
    assert found.reference == 1.0 and found.best.quality >= 0.95 and len(found.steps) <= 4
    assert found.best.width < 8
    with pytest.raises(UserError, match="the bound is"):
        tune(folder_config(model_dir), -0.5, 1, tmp_path / "none", lambda text: None)
