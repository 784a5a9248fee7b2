"""The hand-made layout, drawn once and copied for every test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .hand_made import HandMade, build


@pytest.fixture
def made(pdk_root: Path) -> HandMade:
    """A fresh clean layout that the test may damage."""
    return build(pdk_root)


Damage = Callable[[HandMade], None]
