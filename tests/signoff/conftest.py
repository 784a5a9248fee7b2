"""The hand-made layout, drawn once and copied for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from .hand_made import HandMade, build


@pytest.fixture(scope="session")
def master(pdk_root: Path) -> HandMade:
    """The clean layout, drawn once."""
    return build(pdk_root)


@pytest.fixture
def made(master: HandMade) -> HandMade:
    """A copy of the clean layout that the test may damage."""
    return master.copy()
