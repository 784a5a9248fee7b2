"""Embeddings: C simulation, integer network and RTL agree; what they cannot read is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asicflow.config import parse_config
from asicflow.errors import UserError
from asicflow.hls.choose import plan_for_reuse
from asicflow.hls.simulate import run_engine
from asicflow.hls.stage import write_plan
from asicflow.model import golden
from asicflow.model.data import load_data
from asicflow.model.keras_file import load_keras
from asicflow.model.spec import Activation, Concat, Spec
from asicflow.model.stage import run_model
from asicflow.workspace import Workspace

from .networks import dense, input_layer, layer, sequential, write_h5


def network(entries: int, width: int, words: int = 3) -> list[dict[str, object]]:
    """An embedding of some words, and a Dense layer on them."""
    rng = np.random.default_rng(entries)
    table = rng.normal(size=(entries, width)).astype(np.float32)
    return [
        input_layer(words),
        layer("Embedding", "words", {"embeddings": table}, input_dim=entries, output_dim=width),
        layer("Flatten", "flat"),
        dense("out", rng.normal(size=(words * width, 4)), rng.normal(size=4), "softmax"),
    ]


def lowered(layers: list[dict[str, object]], folder: Path, **model: object) -> Spec:
    file = write_h5(folder / "model.h5", sequential(layers), layers)
    ws = Workspace(folder / "run")
    run_model(parse_config({"model": {"file": str(file), **model}}), ws, lambda text: None)
    return Spec.load(ws.model / "spec.json")


@pytest.mark.parametrize(("entries", "width"), [(10, 3), (8, 1), (2, 2)])
def test_rtl_equals_c_simulation(entries: int, width: int, tmp_path: Path) -> None:
    """The stage compares C simulation and integer network on made-up words."""
    spec = lowered(network(entries, width), tmp_path)
    assert spec.input.type.width == (entries - 1).bit_length() and not spec.input.type.signed
    assert len([x for x in spec.layers if isinstance(x, Activation)]) == width
    assert any(isinstance(x, Concat) for x in spec.layers) == (width > 1)
    plan = plan_for_reuse(spec, None)
    report = write_plan(plan, None, tmp_path / "accel")
    x_int = np.random.default_rng(0).integers(0, entries, (64, 3))
    run = run_engine(spec, [tmp_path / "accel" / f for f in report["files"]], x_int, tmp_path / "sim")
    assert np.array_equal(run.y_int, golden.run(spec, x_int))
    assert len(np.unique(run.y_int, axis=0)) > 4, "different words give different results"


def test_number_beyond_the_table_is_its_last(tmp_path: Path) -> None:
    spec = lowered(network(10, 3), tmp_path)
    last, beyond = np.full((1, 3), 9), np.full((1, 3), 15)
    assert np.array_equal(golden.run(spec, last), golden.run(spec, beyond))


@pytest.mark.parametrize("value", [10, -1, 0.5])
def test_data_that_is_no_entry(value: float, tmp_path: Path) -> None:
    data = tmp_path / "data.npz"
    np.savez(data, x=np.full((5, 3), value, np.float32))
    with pytest.raises(UserError, match="has the entries 0 to 9"):
        lowered(network(10, 3), tmp_path, data=str(data))


def test_made_up_data_are_entries(tmp_path: Path) -> None:
    layers = network(6, 2)
    found = load_data(None, load_keras(write_h5(tmp_path / "m.h5", sequential(layers), layers)), 4)
    assert set(np.unique(found.x)) == set(range(6)) and not found.real


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda layers: layers[1]["config"].update(mask_zero=True), "masks zeros"),
        (lambda layers: layers.insert(1, layer("ReLU", "before")), "embeds what another layer gives"),
    ],
)
def test_what_is_refused(change: object, message: str, tmp_path: Path) -> None:
    layers = network(6, 2)
    change(layers)  # type: ignore[operator]
    with pytest.raises(UserError, match=message):
        load_keras(write_h5(tmp_path / "m.h5", sequential(layers), layers))


def test_signed_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="reads numbers of type"):
        lowered(network(6, 2), tmp_path, precision={"layers": {"input": {"result": "fixed<8,8>"}}})
