"""Fixtures of the place-and-route tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from kits import Kit, make_kit


@pytest.fixture(scope="session", params=["sky130", "gf180"])
def kit(request: pytest.FixtureRequest, pdk_root: Path) -> Kit:
    """Both libraries, one after the other."""
    return make_kit(request.param, pdk_root)


@pytest.fixture(scope="session")
def sky(pdk_root: Path) -> Kit:
    """The SKY130 library."""
    return make_kit("sky130", pdk_root)
