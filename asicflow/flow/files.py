"""Small file helpers of the flow."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path


def copy_plain(source: Path, target: Path) -> None:
    """Copy a file, unpacking it when it ends in ``.gz``."""
    if source.suffix != ".gz":
        shutil.copyfile(source, target)
        return
    with gzip.open(source, "rb") as reader, target.open("wb") as writer:
        shutil.copyfileobj(reader, writer)
