"""The configuration of a folder that holds a model."""

from __future__ import annotations

from pathlib import Path

from asicflow.config import CONFIG_NAME, Config, load_config, parse_config
from asicflow.errors import UserError
from asicflow.names import design_name

_SUFFIXES = (".h5", ".keras", ".onnx")


def folder_config(folder: Path) -> Config:
    """Read ``asicflow.yaml`` of a folder; without one take its only model file, and its only ``.npz`` as data.

    Raises
    ------
    UserError
        If the folder is missing, or holds no model or several.
    """
    if not folder.is_dir():
        raise UserError("no such folder", where=str(folder), hint="give a folder with a model, such as examples/digits")
    if (folder / CONFIG_NAME).is_file():
        return load_config(folder / CONFIG_NAME)
    models = sorted(path.resolve() for path in folder.iterdir() if path.suffix in _SUFFIXES)
    if len(models) != 1:
        raise UserError(
            f"the folder holds {len(models)} model files",
            where=str(folder),
            hint=f"one {', '.join(_SUFFIXES)}; or write an {CONFIG_NAME} with: asicflow new {folder} --model MODEL",
        )
    data = sorted(folder.resolve().glob("*.npz"))
    model = {"file": str(models[0]), "data": str(data[0]) if len(data) == 1 else None}
    return parse_config({"name": design_name(models[0]), "model": model}, str(folder))
