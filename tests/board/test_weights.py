"""A chip with reloadable weights: by debug port, by program, after a reset, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny import Tiny
from tiny_chip import build_chip, write_chip

from asicflow.board.adp import Adp, LinkError
from asicflow.board.chip import Chip, describe
from asicflow.board.link import Link
from asicflow.board.simulated import SimulatedBoard
from asicflow.board.stage import boot_and_infer
from asicflow.errors import UserError
from asicflow.firmware.image import BootMode
from asicflow.firmware.vectors import weights_header
from asicflow.model.image import Image
from asicflow.workspace import Workspace

pytestmark = pytest.mark.slow  # they share one simulator that takes half a minute to build

TINY = Tiny(n_weights=9)
OTHER = TINY.image(seed=3)


def golden(x: NDArray[np.int64], image: Image) -> NDArray[np.int64]:
    """What the test engine gives with other words to begin with."""
    added = np.array(image.words, np.int64) - np.array(TINY.image().words, np.int64)
    y = TINY.golden(x) + added[np.arange(TINY.n_out) % TINY.n_weights]
    half = 1 << (TINY.out_width - 1)
    return (y + half) % (2 * half) - half


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Path]:
    ws = write_chip(tmp_path_factory.mktemp("reloadable"), tiny=TINY)
    return ws, build_chip(ws)


@pytest.fixture
def reloadable(built: tuple[Workspace, Path]) -> Iterator[SimulatedBoard]:
    with SimulatedBoard(built[1]) as board:
        board.reset()
        board.run(2000)
        yield board
        assert board.messages() == []


@pytest.fixture
def own(reloadable: SimulatedBoard, built: tuple[Workspace, Path]) -> Chip:
    port = Link(reloadable)
    port.connect()
    return Chip(port, describe(built[0].soc, built[0].firmware))


def test_it_boots_and_infers_with_its_own_weights(reloadable: SimulatedBoard, built: tuple[Workspace, Path]) -> None:
    """By debug port, by program, and from flash without a host."""
    x = TINY.inputs(2)
    result = boot_and_infer(reloadable, describe(built[0].soc, built[0].firmware), x, TINY.golden(x), lambda _: None)
    assert result["debug_port"]["exact"] == result["program"]["exact"] == 2 and result["flash_boot"]["exact"] == 1


def test_other_weights_on_both_paths_and_after_a_reset(own: Chip, reloadable: SimulatedBoard) -> None:
    x = TINY.inputs(3)
    assert not np.array_equal(golden(x, OTHER), TINY.golden(x))
    own.port.hold_cpu()
    np.testing.assert_array_equal(own.infer(x[0])[0], TINY.golden(x)[0])
    own.load_weights(OTHER)
    np.testing.assert_array_equal(own.infer(x[0])[0], golden(x, OTHER)[0])
    own.load("infer")
    np.testing.assert_array_equal(own.infer_by_program(x[1])[0], golden(x, OTHER)[1])
    reloadable.reset(BootMode.HOST)
    own.port.connect()
    np.testing.assert_array_equal(own.infer_by_program(x[2])[0], golden(x, OTHER)[2])


def test_selftest_loads_its_own_weights(own: Chip) -> None:
    own.load("selftest")
    assert "failed 00000000" in own.port.listen(200)


def test_without_weights_nothing_starts(own: Chip) -> None:
    """The chip itself refuses a start, and says so."""
    own.port.hold_cpu()
    status = own.register("accel", "STATUS")
    assert own.port.read(status) == [0]
    own.port.write(own.register("accel", "CTRL"), 1)
    assert own.port.read(status) == [0b100], "start error, not loaded"


def test_what_the_line_changes_is_found(own: Chip, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: one bit of one word on its way; once it is repaired, always it is an error."""
    own.port.hold_cpu()
    write, spoiled = Adp.write, []

    def spoil(port: Adp, address: int, values: int | list[int]) -> None:
        if isinstance(values, list) and len(values) == TINY.n_weights and len(spoiled) < limit:
            spoiled.append(address)
            values = [values[0] ^ 1 << 17, *values[1:]]
        write(port, address, values)

    monkeypatch.setattr(Adp, "write", spoil)
    limit = 1
    own.load_weights(OTHER)
    assert len(spoiled) == 1
    x, limit = TINY.inputs(1), 1 << 30
    np.testing.assert_array_equal(own.infer(x[0])[0], golden(x, OTHER)[0])
    with pytest.raises(LinkError, match="intact"):
        own.load_weights(TINY.image())


def test_images_that_do_not_belong_are_refused(own: Chip, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="architecture"):
        own.load_weights(OTHER.model_copy(update={"architecture": "cd" * 32}))
    own._engine = {**own._engine, "weights": None}
    with pytest.raises(UserError, match="constants"):
        own.load_weights(OTHER)


def test_header_of_constants_has_no_words() -> None:
    assert "#define WEIGHTS_WORDS 0u" in weights_header(None)
    text = weights_header(OTHER)
    assert f"0x{OTHER.crc32:08x}u" in text and all(f"0x{word:08x}" in text for word in OTHER.words)
