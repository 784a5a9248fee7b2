"""The simulated core, built once for all tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from armv6m_bench import build


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Testbench of the default configuration, with VTOR."""
    return build(tmp_path_factory.mktemp("core"), Vtor=1)


@pytest.fixture(scope="session")
def fast_core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one-cycle multiplier and 8 interrupt lines."""
    return build(tmp_path_factory.mktemp("fast"), FastMul=1, NumIrq=8)
