"""Other weights for a built engine: quantised to its formats, loaded, exact; what does not fit is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asicflow.config import Config, parse_config
from asicflow.errors import UserError
from asicflow.hls.plan import plan_engine
from asicflow.hls.reload import reload_weights
from asicflow.hls.simulate import run_engine
from asicflow.hls.stage import run_hls
from asicflow.model.image import Image
from asicflow.model.spec import Spec
from asicflow.model.stage import run_model
from asicflow.workspace import Workspace
from tests.model.networks import sequential, small_layers, write_h5

from .test_engine import write_rtl


def write(path: Path, seed: int, scale: float = 1.0, drop: int = 0) -> Path:
    """The small network with other weights, times ``scale``; ``drop`` layers left out at the end."""
    layers: list[dict[str, Any]] = small_layers(seed)
    layers = layers[: len(layers) - drop]
    for layer in layers[1:]:
        layer["_weights"] = {name: (value * scale).astype(np.float32) for name, value in layer["_weights"].items()}
    return write_h5(path, sequential(layers), layers)


def make(folder: Path, model: Path, pdk_root: Path, weights: str) -> Workspace:
    config: Config = parse_config(
        {
            "name": "small", "model": {"file": str(model), "vectors": 100}, "hls": {"weights": weights},
            "pdk": {"name": "sky130", "root": str(pdk_root)},
        }
    )  # fmt: skip
    ws = Workspace(folder)
    for stage, function in (("model", run_model), ("hls", run_hls)):
        ws.stage_dir(stage).mkdir(parents=True)
        function(config, ws, lambda _: None)
    return ws


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, pdk_root: Path) -> Workspace:
    folder = tmp_path_factory.mktemp("built")
    return make(folder / "run", write(folder / "model.h5", 0), pdk_root, "reloadable")


def test_other_weights_are_exact_and_take_as_long_as_constants(built: Workspace, tmp_path: Path) -> None:
    """C simulation, golden, the chip with these weights loaded and an engine that holds them: one result."""
    found = reload_weights(built, write(tmp_path / "other.h5", 1, 0.25), None, False, lambda _: None)
    with np.load(built.model / "vectors.npz") as vectors:
        assert not np.array_equal(found.y_int, vectors["y_int"])
    sources = sorted((built.accel / "rtl").glob("*.sv"))
    loaded = run_engine(found.spec, sources, found.x_int, tmp_path / "sim", image=found.image)
    np.testing.assert_array_equal(loaded.y_int, found.y_int)
    macs = json.loads((built.accel / "accel.json").read_text())["macs"]
    rtl = write_rtl(plan_engine(found.spec, macs["no"], macs["ni"]), tmp_path / "rtl")
    constant = run_engine(found.spec, rtl, found.x_int, tmp_path / "constant")
    np.testing.assert_array_equal(constant.y_int, loaded.y_int)
    assert constant.cycles == loaded.cycles


def test_the_own_model_gives_the_own_image(built: Workspace, tmp_path: Path) -> None:
    own = reload_weights(built, write(tmp_path / "model.h5", 0), None, True, lambda _: None)
    assert own.image == Image.load(built.accel / "weights.json")
    assert own.spec == Spec.load(built.model / "spec.json")


def test_weights_that_do_not_fit_are_refused_or_clipped(built: Workspace, tmp_path: Path) -> None:
    large = write(tmp_path / "large.h5", 1, 100.0)
    with pytest.raises(UserError, match=r"layer '\w+': \d+ of \d+ values of 'weight' do not fit") as error:
        reload_weights(built, large, None, False, lambda _: None)
    assert "--clip" in str(error.value.hint)
    said: list[str] = []
    reload_weights(built, large, None, True, said.append)
    assert any("clipped" in text for text in said)


def test_another_architecture_is_refused(built: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="another architecture"):
        reload_weights(built, write(tmp_path / "short.h5", 0, drop=1), None, True, lambda _: None)


def test_constants_cannot_be_reloaded(pdk_root: Path, tmp_path: Path) -> None:
    model = write(tmp_path / "model.h5", 0)
    with pytest.raises(UserError, match="constants"):
        reload_weights(make(tmp_path / "run", model, pdk_root, "constant"), model, None, False, lambda _: None)
    with pytest.raises(UserError, match="not complete"):
        reload_weights(Workspace(tmp_path / "nothing"), model, None, False, lambda _: None)


def test_command_writes_image_and_vectors(built: Workspace, tmp_path: Path) -> None:
    model = write(tmp_path / "other.h5", 1, 0.25)
    command = [sys.executable, "-c", "from asicflow.cli import main; main()", "weights", str(built.root)]
    command += ["--model", str(model), "-o", str(tmp_path / "o.json")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    image = Image.load(tmp_path / "o.json")
    assert f"{image.crc32:08x}" in done.stdout
    with np.load(tmp_path / "o.npz") as vectors:
        assert len(vectors["x_int"]) == len(vectors["y_int"]) >= 100
