"""The user's data, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asicflow.errors import UserError
from asicflow.model.data import load_data
from asicflow.model.keras_file import load_keras
from asicflow.model.network import KerasNetwork

from .networks import sequential, small_layers, write_h5


@pytest.fixture
def network(tmp_path: Path) -> KerasNetwork:
    return load_keras(write_h5(tmp_path / "m.h5", sequential(small_layers()), small_layers()))


def save(tmp_path: Path, **arrays: Any) -> Path:
    np.savez(tmp_path / "data.npz", **arrays)
    return tmp_path / "data.npz"


@pytest.mark.parametrize("y", [np.array([0, 2, 1]), np.array([[0], [2], [1]]), np.eye(3)[[0, 2, 1]]])
def test_labels(tmp_path: Path, network: KerasNetwork, y: Any) -> None:
    data = load_data(save(tmp_path, x=np.ones((3, 6)), y=y), network, 3)
    assert data.real and data.x.dtype == np.float32
    assert data.labels is not None and data.labels.tolist() == [0, 2, 1]


def test_without_data(network: KerasNetwork) -> None:
    data = load_data(None, network, 3)
    assert not data.real and data.labels is None and len(data) >= 1000


@pytest.mark.parametrize(
    ("arrays", "names"),
    [
        ({"inputs": np.ones((3, 6))}, "no array 'x'"),
        ({"x": np.ones((3, 5))}, "the model takes (N, 6)"),
        ({"x": np.ones(6)}, "the model takes (N, 6)"),
        ({"x": np.ones((0, 6))}, "empty"),
        ({"x": np.full((3, 6), np.nan)}, "18 NaN"),
        ({"x": np.array([["a"] * 6])}, "not numbers"),
        ({"x": np.ones((3, 6)), "y": np.array([0, 1])}, "'x' has 3 samples"),
        ({"x": np.ones((3, 6)), "y": np.array([0, 1, 3])}, "no class labels"),
        ({"x": np.ones((3, 6)), "y": np.array([0.5, 1, 2])}, "no class labels"),
        ({"x": np.ones((3, 6)), "y": np.ones((3, 4))}, "no class labels"),
    ],
)
def test_refused(tmp_path: Path, network: KerasNetwork, arrays: dict[str, Any], names: str) -> None:
    with pytest.raises(UserError) as caught:
        load_data(save(tmp_path, **arrays), network, 3)
    assert names in str(caught.value) and caught.value.where


def test_not_npz(tmp_path: Path, network: KerasNetwork) -> None:
    for name, content in (("none.npz", None), ("bad.npz", b"PK\x03\x04 broken"), ("text.npz", b"hello")):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError):
            load_data(tmp_path / name, network, 3)
    np.save(tmp_path / "bare.npy", np.ones((3, 6)))
    with pytest.raises(UserError, match="bare array"):
        load_data(tmp_path / "bare.npy", network, 3)
