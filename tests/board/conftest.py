"""One simulated board for all tests of the folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1] / "soc"))

from tiny_chip import build_chip, write_chip

from asicflow.board.chip import Chip, Description, describe
from asicflow.board.link import Link
from asicflow.board.simulated import SimulatedBoard
from asicflow.workspace import Workspace


@pytest.fixture(scope="session")
def chip_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Path]:
    """A run folder and the simulator of its chip."""
    ws = write_chip(tmp_path_factory.mktemp("chip"))
    return ws, build_chip(ws)


@pytest.fixture(scope="session")
def described(chip_run: tuple[Workspace, Path]) -> Description:
    return describe(chip_run[0].soc, chip_run[0].firmware)


@pytest.fixture(scope="session")
def vectors(chip_run: tuple[Workspace, Path]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    with np.load(chip_run[0].model / "vectors.npz") as data:
        return data["x_int"], data["y_int"]


@pytest.fixture
def board(chip_run: tuple[Workspace, Path]) -> Iterator[SimulatedBoard]:
    """A board after reset; at the end of the test the bus must have kept its protocol."""
    with SimulatedBoard(chip_run[1]) as made:
        made.reset()
        made.run(100)
        yield made
        assert made.messages() == []


@pytest.fixture
def chip(board: SimulatedBoard, described: Description) -> Chip:
    """The chip, connected, with the processor in reset."""
    port = Link(board)
    port.connect()
    port.hold_cpu()
    return Chip(port, described)
