"""The user's data: an .npz with inputs ``x`` and, optionally, labels ``y``."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asicflow.errors import UserError
from asicflow.model.network import KerasNetwork

_SEED = 20240229


@dataclass
class DataSet:
    """Inputs (N, n_in) float32, and class labels (N,) or None; ``real`` is False for made-up inputs."""

    x: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64] | None
    real: bool

    def __len__(self) -> int:
        return len(self.x)


def load_data(path: Path | None, network: KerasNetwork, n_out: int) -> DataSet:
    """Read the data for a network, or make up inputs when there is no file.

    Made-up inputs are normal deviates (mean 0, deviation 1), the usual result of
    standardising features; for an embedding, numbers of its entries, all alike.

    Raises
    ------
    UserError
        If the file is missing, no .npz, lacks ``x``, has the wrong shape, or
        holds NaN or infinite values or labels that do not fit the outputs.
    """
    if path is None:
        random, shape = np.random.default_rng(_SEED), (2000, network.input_size)
        entries = network.vocabulary
        made_up = random.normal(size=shape) if entries is None else random.integers(0, entries, shape)
        return DataSet(made_up.astype(np.float32), None, real=False)
    if not path.is_file():
        raise UserError("data file not found", where=str(path), hint="check the path")
    arrays = _read_arrays(path)
    if "x" not in arrays:
        raise UserError(
            f"the data has no array 'x' (it has {', '.join(arrays) or 'none'})",
            where=str(path),
            hint="write it with np.savez(path, x=inputs, y=labels)",
        )
    x = _check_inputs(arrays["x"], network, path)
    labels = _check_labels(arrays["y"], len(x), n_out, network.classifier, path) if "y" in arrays else None
    return DataSet(x, labels, real=True)


def _read_arrays(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise UserError("the data is one bare array", where=str(path), hint="write it with np.savez(x=, y=)")
        with archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"the data is no readable .npz: {error}",
            where=str(path),
            hint="write it with np.savez(path, x=x, y=y)",
        ) from error


def _check_inputs(x: npt.NDArray[np.generic], network: KerasNetwork, path: Path) -> npt.NDArray[np.float32]:
    shape = network.input_shape
    if network.order is not None and x.ndim == len(shape) + 1:
        x = np.transpose(x, (0, *(axis + 1 for axis in network.order)))
    if not (np.issubdtype(x.dtype, np.number) or x.dtype == bool) or np.iscomplexobj(x):
        raise UserError(f"array 'x' holds {x.dtype}, not numbers", where=str(path))
    if x.ndim < 2 or (x.shape[1:] != shape and x.shape[1:] != (network.input_size,)):
        raise UserError(
            f"array 'x' has the shape {x.shape}; the model takes (N, {', '.join(map(str, shape))})",
            where=str(path),
            hint="the first axis counts the samples",
        )
    if len(x) == 0:
        raise UserError("array 'x' is empty", where=str(path))
    values = x.reshape(len(x), -1).astype(np.float32)
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        raise UserError(f"array 'x' holds {bad} NaN or infinite values", where=str(path), hint="clean the data")
    return values


def _check_labels(
    y: npt.NDArray[np.generic], n: int, n_out: int, classifier: bool, path: Path
) -> npt.NDArray[np.int64] | None:
    """Class labels (N,) from integers (N,) or one-hot rows (N, classes); None for targets of a regression."""
    values = np.squeeze(y, axis=1) if y.ndim == 2 and y.shape[1] == 1 else y
    if values.ndim == 0 or len(values) != n:
        raise UserError(f"array 'y' has the shape {y.shape}; 'x' has {n} samples", where=str(path))
    if not np.issubdtype(values.dtype, np.number) and values.dtype != bool:
        raise UserError(f"array 'y' holds {y.dtype}, not numbers", where=str(path))
    if values.ndim == 2 and values.shape[1] == n_out and (classifier or _one_hot(values)):
        return np.asarray(np.argmax(np.asarray(values, dtype=np.float64), axis=1), dtype=np.int64)
    if values.ndim == 1 and n_out > 1:
        labels = np.asarray(values, dtype=np.float64)
        if np.array_equal(labels, np.round(labels)) and labels.min() >= 0 and labels.max() < n_out:
            return labels.astype(np.int64)
    if classifier:
        raise UserError(
            f"array 'y' of shape {y.shape} holds no class labels",
            where=str(path),
            hint=f"write class numbers 0 to {n_out - 1} of shape (N,), or one-hot rows of shape (N, {n_out})",
        )
    return None


def _one_hot(values: npt.NDArray[np.generic]) -> bool:
    rows = np.asarray(values, dtype=np.float64)
    return bool(np.isin(rows, (0.0, 1.0)).all() and (rows.sum(axis=1) == 1).all())
