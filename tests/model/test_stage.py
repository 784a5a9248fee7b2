"""The model stage end to end, with hls4ml's C simulation."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asicflow.config import Config, parse_config
from asicflow.errors import StageError, UserError
from asicflow.model import golden, stage
from asicflow.model.fixed import to_float
from asicflow.model.network import MOST_INPUTS, MOST_OUTPUTS
from asicflow.model.spec import Dense, Spec
from asicflow.model.stage import run_model
from asicflow.workspace import Workspace
from tests.model.networks import input_layer, layer, sequential, write_h5


def config(project_root: Path, **model: Any) -> Config:
    digits = project_root / "examples" / "digits"
    settings = {"file": str(digits / "model.h5"), "data": str(digits / "test.npz"), **model}
    return parse_config({"name": "digits", "model": settings})


@pytest.fixture(scope="module")
def digits(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The stage run on the digits example."""
    ws = Workspace(tmp_path_factory.mktemp("digits"))
    run_model(config(project_root), ws, lambda text: None)
    return ws


def test_report(digits: Workspace) -> None:
    report = json.loads((digits.model / "model.json").read_text())
    assert report["accuracy_float"] == pytest.approx(0.9778, abs=1e-4)
    assert report["accuracy_fixed"] >= report["accuracy_float"] - 0.01
    assert report["agreement"] > 0.98
    assert report["csim"]["equal"] and report["csim"]["vectors"] >= 1000
    assert report["reuse"]["requested"] == "auto" and report["reuse"]["asked_of_hls4ml"] == 320
    assert "8-bit" in report["precision_reason"] and "360 samples" in report["precision_reason"]
    assert all(entry["wrapped"] == entry["accumulator_overflows"] == 0 for entry in report["ranges"])


def test_vectors_are_the_golden_results(digits: Workspace) -> None:
    spec = Spec.load(digits.model / "spec.json")
    assert spec.name == "digits" and spec.output.decision == "argmax"
    vectors = np.load(digits.model / "vectors.npz")
    assert len(vectors["x_int"]) >= 1000 and vectors["n_data"] == 360
    np.testing.assert_array_equal(golden.quantize_input(spec, vectors["x_float"]), vectors["x_int"])
    np.testing.assert_array_equal(golden.run(spec, vectors["x_int"]), vectors["y_int"])
    decided = to_float(vectors["y_int"], spec.output.type)[:360].argmax(axis=1)
    assert np.mean(decided == vectors["labels"][:360]) > 0.96
    assert (vectors["labels"][360:] == -1).all()


def test_network_larger_than_the_window_is_refused(tmp_path: Path) -> None:
    layers = [input_layer(128, 128, 1), layer("Flatten", "flat"), layer("Dropout", "drop", rate=0.5)]
    file = write_h5(tmp_path / "large.h5", sequential(layers), layers)
    said: list[str] = []
    with pytest.raises(UserError, match="16384 inputs; the accelerator's window holds 8192"):
        run_model(parse_config({"model": {"file": str(file)}}), Workspace(tmp_path), said.append)
    assert said == ["reading the model"]


def test_windows_are_those_of_the_socket(project_root: Path) -> None:
    text = (project_root / "ip/accel_socket/rdl/accel_socket.rdl").read_text()
    begin = {name: int(at, 16) for name, at in re.findall(r"(\w+)_buffer @ (0x[0-9A-Fa-f]+);", text)}
    assert (begin["input"] - begin["output"]) // 4 == MOST_OUTPUTS
    assert (0x10000 - begin["input"]) // 4 == MOST_INPUTS


def test_a_difference_is_found(project_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: one weight off by one bit must stop the stage."""
    honest = stage.lower

    def tampered(model: Any) -> Spec:
        spec = honest(model)
        layer = spec.layers[0]
        assert isinstance(layer, Dense)
        layer.weight[30][3] ^= 1
        return spec

    monkeypatch.setattr(stage, "lower", tampered)
    ws = Workspace(tmp_path)
    with pytest.raises(StageError, match="differ at input"):
        run_model(config(project_root), ws, lambda text: None)
    assert not (ws.model / "spec.json").exists() and not (ws.model / "vectors.npz").exists()


def test_reuse() -> None:
    assert stage.requested_reuse("auto", 2048) == 512
    assert stage.requested_reuse(16, 2048) == 16
    with pytest.raises(UserError):
        stage.requested_reuse(0, 2048)


def test_no_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no model"):
        run_model(parse_config({"name": "x"}), Workspace(tmp_path), lambda text: None)


@pytest.mark.slow
def test_hls4ml_default_precision(project_root: Path, tmp_path: Path) -> None:
    ws = Workspace(tmp_path)
    run_model(config(project_root, precision={"default": "fixed<16,6>"}, reuse=64), ws, lambda text: None)
    spec = Spec.load(ws.model / "spec.json")
    assert isinstance(spec.layers[0], Dense) and str(spec.layers[0].accum) == "fixed<16,6>"
    assert json.loads((ws.model / "model.json").read_text())["accuracy_fixed"] > 0.96
