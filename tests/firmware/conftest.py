"""The programs of one small chip for all tests of the folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "soc"))
from tiny_chip import write_chip

from asicflow.config import Config
from asicflow.firmware.stage import run_firmware
from asicflow.workspace import Workspace


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    ws = write_chip(tmp_path_factory.mktemp("chip"))
    run_firmware(Config(), ws, lambda _: None)
    return ws


@pytest.fixture(scope="session")
def built_firmware(built: Workspace) -> Path:
    return built.firmware
