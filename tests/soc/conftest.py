"""The assembled test engine, shared by the tests of this folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tiny import Tiny, write_tiny


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with model/, accel/ and soc/ of the default test engine."""
    root = tmp_path_factory.mktemp("tiny")
    write_tiny(root, Tiny())
    return root
