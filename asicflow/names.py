"""Names of designs."""

from __future__ import annotations

import re
from pathlib import Path

_PLAIN = {"model", "weights", "keras_model", "saved_model"}


def design_name(model: Path) -> str:
    """Return a design name from a model's file name, or its folder's when the file is just 'model'.

    >>> design_name(Path("examples/digits/model.h5"))
    'digits'
    >>> design_name(Path("KERAS_3layer.json"))
    'KERAS_3layer'
    """
    stem = model.stem
    if stem.lower() in _PLAIN and model.resolve().parent.name:
        stem = model.resolve().parent.name
    name = re.sub(r"[^A-Za-z0-9_]+", "_", stem).strip("_") or "design"
    return name if name[0].isalpha() else f"m_{name}"
