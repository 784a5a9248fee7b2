"""A network with every kind of layer: C simulation, integer golden and RTL agree in every bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asicflow.config import parse_config
from asicflow.hls.plan import choose_split, plan_engine
from asicflow.hls.simulate import run_engine
from asicflow.model.spec import Spec
from asicflow.model.stage import run_model
from asicflow.workspace import Workspace
from tests.model.networks import every_layer

from .test_engine import write_rtl


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The model stage's results; it stops when C simulation and golden differ."""
    folder = tmp_path_factory.mktemp("layers")
    ws = Workspace(folder / "run")
    model = {"file": str(every_layer(folder / "every.h5")), "vectors": 1000}
    run_model(parse_config({"name": "every", "model": model}), ws, lambda text: None)
    return ws


@pytest.mark.parametrize("multipliers", [6, 1])
def test_rtl_equals_golden(workspace: Workspace, multipliers: int, tmp_path: Path) -> None:
    spec = Spec.load(workspace.model / "spec.json")
    kinds = {layer.kind for layer in spec.layers}
    assert kinds == {"conv", "dense", "activation", "batchnorm", "pool", "pad", "merge", "concat"}
    plan = plan_engine(spec, *choose_split(spec, multipliers))
    vectors = np.load(workspace.model / "vectors.npz")
    run = run_engine(spec, write_rtl(plan, tmp_path / "rtl"), vectors["x_int"][:200], tmp_path / "sim")
    np.testing.assert_array_equal(run.y_int, vectors["y_int"][:200])
    assert run.cycles == plan.cycles
