"""The link on lines that lose and corrupt bytes: nothing wrong is accepted, nothing hangs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from asicflow.board.adp import Adp, ChipError, LinkError, Misunderstood
from asicflow.board.chip import Chip, Description
from asicflow.board.fuzz import fuzz
from asicflow.board.link import Link
from asicflow.board.noise import DeadLine, NoisyLine
from asicflow.board.simulated import SimulatedBoard
from asicflow.firmware.frame import Status, crc16, pack_request, read_answer
from asicflow.workspace import Workspace

pytestmark = pytest.mark.slow

IMEM = 0x1000_0000
Vectors = tuple[NDArray[np.int64], NDArray[np.int64]]


def test_the_crc_is_the_published_one() -> None:
    assert crc16(b"123456789") == 0x29B1  # CRC-16/IBM-3740's check value


def test_an_answer_with_one_wrong_bit_is_refused() -> None:
    head = 7 << 24 | Status.DONE << 16
    crc = crc16(head.to_bytes(4, "little") + (0x1234).to_bytes(4, "little"))
    words = [head | crc, 0x1234]
    assert read_answer(words) == (7, Status.DONE)
    for bit in range(64):
        wrong = [words[0] ^ (1 << bit & 0xFFFF_FFFF), words[1] ^ (1 << bit >> 32)]
        assert read_answer(wrong) is None


def test_a_request_with_a_wrong_byte_is_refused_by_the_program(chip: Chip, vectors: Vectors) -> None:
    chip.load("infer")
    box = chip.mailbox("infer")
    payload = bytes(int(v) & 0xFF for v in vectors[0][0])
    good = pack_request(payload, 9)
    for position, status in ((4, Status.BAD_CRC), (0, Status.BAD_CRC)):
        frame = bytearray(good)
        frame[position] ^= 1
        frame[-1] = 10 + position
        chip.port.write(box.answer, 0)
        Adp.upload(chip.port, box.request, bytes(frame))
        assert read_answer(chip.port.read(box.answer, box.words)) == (10 + position, status)
    head = (len(payload) + 1 | 20 << 24).to_bytes(4, "little")
    body = head + good[4:-4]
    Adp.upload(chip.port, box.request, body + (crc16(body) | 20 << 24).to_bytes(4, "little"))
    assert read_answer(chip.port.read(box.answer, box.words)) == (20, Status.BAD_LENGTH)


class LosesCommandLetters:
    """A line on which the first character of every command is lost."""

    def __init__(self, line: SimulatedBoard) -> None:
        self.line = line

    def write(self, data: bytes) -> None:
        self.line.write(data if data == b"\x1b" else data[1:])

    def read(self, count: int, characters: int) -> bytes:
        return self.line.read(count, characters)

    def close(self) -> None:
        self.line.close()


@pytest.mark.parametrize("letter", "AMVRWFPC")
def test_a_lost_letter_leaves_no_other_command(board: SimulatedBoard, chip: Chip, letter: str) -> None:
    chip.port.hold_cpu()
    chip.port.fill(IMEM, 0x1234_5678, 1024)
    chip.port.write(IMEM, [0, 0])  # the address is now behind these
    broken = Adp(LosesCommandLetters(board))
    for digit in "ACF":
        with pytest.raises(LinkError, match="does not understand"):
            broken._command(f"{letter} {digit}FFFFFFF")
    broken._line = board
    assert chip.port.outputs() & 1  # still held
    assert chip.port.read(IMEM + 8, 1022) == [0x1234_5678] * 1022


@pytest.mark.parametrize("checked", [True, False])
def test_a_load_arrives_through_noise(board: SimulatedBoard, described: Description, checked: bool) -> None:
    line = NoisyLine(board, 1 / 500, seed=3)
    chip = Chip(Link(line), described)
    chip.port.connect()
    if checked:
        chip.port.persist(chip.start_rom, lambda: None)
    else:
        chip.port.hold_cpu()
    data = np.random.default_rng(5).bytes(1500 if checked else 300)
    box = chip.mailbox("bootrom") if checked else None
    chip.port.persist(lambda: chip.port.load(IMEM, data, box), lambda: chip.start_rom() if checked else None)
    line.rate = 0
    chip.port.connect()
    words = Adp.read(chip.port, IMEM, len(data) // 4)
    assert b"".join(word.to_bytes(4, "little") for word in words) == data
    assert line.frames > 0 and chip.port.counts.retries > 0


def test_a_load_without_its_check_would_be_wrong(board: SimulatedBoard, described: Description) -> None:
    """The control of the one before: the same noise does corrupt an upload that nobody checks."""
    line = NoisyLine(board, 0, seed=3)
    port = Link(line)
    port.connect()
    port.hold_cpu()
    data = np.random.default_rng(5).bytes(1500)
    line.rate = 1 / 300
    with pytest.raises(LinkError):
        for _ in range(8):
            Adp.upload(port, IMEM, data)
    line.rate = 0
    port.connect()
    words = Adp.read(port, IMEM, len(data) // 4)
    assert b"".join(word.to_bytes(4, "little") for word in words) != data


def test_what_is_damaged_behind_the_hosts_back_is_found(chip: Chip, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that had been checked changes while a later part is repeated."""
    chip.start_rom()
    attempts = []

    def load_raw(address: int, part: bytes) -> None:
        attempts.append(address)
        Adp.upload(chip.port, address, part)
        if len(attempts) == 3:  # the last part comes in wrong, and the first is hit
            Adp.write(chip.port, address, 0x600D_BAD0)
            Adp.write(chip.port, IMEM, 0x0BAD_0BAD)

    monkeypatch.setattr(chip.port, "_load_raw", load_raw)
    with pytest.raises(Misunderstood, match="has changed"):
        chip.port.load(IMEM, bytes(2500), chip.mailbox("bootrom"))


def test_a_dead_line_ends_in_an_error(board: SimulatedBoard, described: Description) -> None:
    port = Link(DeadLine(board))
    with pytest.raises(LinkError, match="does not answer ESC; nothing was ever seen"):
        port.connect()
    assert board.cycles < 5_000_000


def test_a_line_that_dies_says_what_was_seen_last(board: SimulatedBoard, described: Description) -> None:
    line = NoisyLine(board, 0)
    chip = Chip(Link(line), described)
    chip.port.connect()
    chip.identify()
    chip.port._line = DeadLine(board)
    with pytest.raises(LinkError, match=r"gave up after 12 attempts.*last seen: .*0x"):
        chip.identify()


def test_a_program_that_stops_is_told_apart(chip: Chip, vectors: Vectors) -> None:
    chip.load("infer")
    chip.port.hold_cpu()
    with pytest.raises(LinkError, match="no answer to request 1; last seen: "):
        chip.port.request(chip.mailbox("infer"), bytes(5))


def test_a_chip_that_is_reset_is_loaded_again(board: SimulatedBoard, chip: Chip, vectors: Vectors) -> None:
    chip.mark()
    chip.load("infer")
    board.brown_out(30_000)
    for x, y in zip(*vectors, strict=True):
        assert np.array_equal(chip.infer_by_program(x)[0], y)
    assert chip.resets == 1


def test_a_short_fuzz(board: SimulatedBoard, described: Description, vectors: Vectors) -> None:
    result = fuzz(board, described, vectors[0], vectors[1], frames=60, rate=1 / 200)
    assert result.frames >= 60 and result.wrong == result.hangs == 0 and result.recovered
    assert result.given_up < result.operations


def test_the_fuzz_sees_a_wrong_answer(board: SimulatedBoard, described: Description, vectors: Vectors) -> None:
    result = fuzz(board, described, vectors[0], vectors[1] ^ 1, frames=10, rate=1 / 200)
    assert result.wrong > 0


def test_another_chip_is_not_asked_again(chip: Chip, chip_run: tuple[Workspace, Path]) -> None:
    before = chip.port.counts.retries

    def wrong() -> None:
        raise ChipError("another chip")

    with pytest.raises(ChipError, match="another chip"):
        chip.port.persist(wrong)
    assert chip.port.counts.retries == before
