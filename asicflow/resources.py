"""Find the data folders that ship beside the package (pdk_configs/, ip/, signoff/, firmware/)."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """Return the path of a shipped data file or folder.

    A source checkout keeps the folders beside the package; an installed wheel
    carries them under ``asicflow/_data``.

    Parameters
    ----------
    name : str
        Path relative to the project root, for example ``"pdk_configs/sky130.yaml"``.

    Raises
    ------
    FileNotFoundError
        If neither place has it (a broken installation).
    """
    for base in (_PACKAGE / "_data", _PACKAGE.parent):
        path = base / name
        if path.exists():
            return path
    raise FileNotFoundError(f"{name} is not part of this installation ({_PACKAGE})")
