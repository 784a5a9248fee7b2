"""Read a trained network from whatever file it is in."""

from __future__ import annotations

from pathlib import Path

from asicflow.errors import UserError
from asicflow.model.keras_file import load_keras
from asicflow.model.network import KerasNetwork

KERAS_SUFFIXES = (".h5", ".hdf5", ".json", ".keras")
ONNX_SUFFIX = ".onnx"


def load_network(file: Path, weights: Path | None = None) -> KerasNetwork:
    """Load a trained network; the file's name tells its kind.

    Parameters
    ----------
    file : Path
        Keras ``.h5``, ``.keras`` or ``.json``; ONNX or QONNX ``.onnx``.
    weights : Path, optional
        ``.h5`` with the weights of a ``.json``.

    Raises
    ------
    UserError
        If the file is missing, damaged, of another kind, or holds what is not supported.
    ToolMissing
        If the kind needs a package that is not installed.
    """
    if file.suffix.lower() != ONNX_SUFFIX:
        return load_keras(file, weights)
    if weights is not None:
        raise UserError("an .onnx file holds its weights", where=str(file), hint="leave --weights out")
    from asicflow.model.onnx_file import load_onnx

    return load_onnx(file)
