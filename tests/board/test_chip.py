"""The whole SoC in simulation, seen from its debug port."""

from __future__ import annotations

import dataclasses
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_chip import build_chip, write_chip, write_double

from asicflow.board.adp import Adp, BusError, LinkError
from asicflow.board.chip import Chip, Description, describe
from asicflow.board.link import Link
from asicflow.board.simulated import SimulatedBoard
from asicflow.board.stage import boot_and_infer
from asicflow.config import SocConfig
from asicflow.errors import StageError
from asicflow.firmware.image import BOOT_CODE, PROGRAM_OTHER_MODEL, BootError, BootMode, pack_image
from asicflow.firmware.stage import build_app
from asicflow.firmware.toolchain import Program, build_program
from asicflow.resources import resource
from asicflow.workspace import Workspace

pytestmark = pytest.mark.slow  # they share one simulator that takes half a minute to build

Vectors = tuple[NDArray[np.int64], NDArray[np.int64]]

IMEM, DMEM, ROM = 0x1000_0000, 0x1800_0000, 0x0800_0000


def test_it_boots_and_infers(board: SimulatedBoard, described: Description, vectors: Vectors) -> None:
    messages: list[str] = []
    result = boot_and_infer(board, described, vectors[0][:3], vectors[1][:3], messages.append)
    assert result["debug_port"]["exact"] == result["program"]["exact"] == 3 and result["flash_boot"]["exact"] == 1
    assert "waiting for the host" in result["banner"] and len(messages) == 5


def test_a_wrong_output_is_found(board: SimulatedBoard, described: Description, vectors: Vectors) -> None:
    wrong = vectors[1][:1].copy()
    wrong[0, 1] += 1
    with pytest.raises(StageError, match="output 1"):
        boot_and_infer(board, described, vectors[0][:1], wrong, lambda _: None)


def test_another_chip_is_told_apart(chip: Chip, described: Description) -> None:
    chip.identify()
    other = described.system.model_dump()
    table = next(block for block in other["blocks"] if block["name"] == "table")
    table["registers"]["registers"][2]["fields"][0]["reset"] ^= 1
    system = type(described.system).model_validate(other)
    with pytest.raises(LinkError, match="BUILD"):
        Chip(chip.port, dataclasses.replace(described, system=system)).identify()
    soc = {**described.soc, "build_sha256": "0" * 64}
    with pytest.raises(LinkError, match="no banner with build 00000000"):
        Chip(chip.port, dataclasses.replace(described, soc=soc)).boot_banner(200)


@pytest.mark.parametrize("base", [IMEM, DMEM])
def test_memories_keep_words_and_bytes(chip: Chip, base: int) -> None:
    words = [0x0123_4567 * (k + 1) & 0xFFFF_FFFF for k in range(8)]
    chip.port.write(base, words)
    assert chip.port.read(base, 8) == words
    chip.port.upload(base + 5, b"\xaa\xbb\xcc")
    expected = bytearray(struct.pack("<8I", *words))
    expected[5:8] = b"\xaa\xbb\xcc"
    assert struct.pack("<8I", *chip.port.read(base, 8)) == expected
    chip.port.write(base + 0xFFC, 0x600D_F00D)
    assert chip.port.read(base + 0xFFC) == [0x600D_F00D]


def test_the_map_and_nothing_else_answers(chip: Chip, described: Description) -> None:
    for block in described.system.blocks:
        for register in block.registers.registers:
            if register.readable:
                chip.port.read(block.base + register.offset)
    outside = [0x0000_0800, ROM + 0x800, IMEM + 0x1000, DMEM - 4, DMEM + 0x1000, 0x4000_2000, 0x4002_0000]
    outside += [0x5000_1000, 0x6001_0000, 0x7000_0000, 0xE000_E010, 0xF000_0100, 0xFFFF_FFFC]
    for address in outside:
        with pytest.raises(BusError) as caught:
            chip.port.read(address)
        assert caught.value.address == address
    for address in (ROM, 0, 0xF000_0000):
        with pytest.raises(BusError):
            chip.port.write(address, 0)


def test_remap_covers_the_rom(chip: Chip) -> None:
    chip.port.write(IMEM, 0x1234_5678)
    rom = chip.port.read(ROM)
    assert chip.port.read(0) == rom
    chip.port.write(chip.register("sysctrl", "REMAP"), 1)
    assert chip.port.read(0) == [0x1234_5678] and chip.port.read(ROM) == rom


@pytest.mark.parametrize("cause", ["watchdog", "software"])
def test_the_link_survives_a_reset(chip: Chip, board: SimulatedBoard, cause: str) -> None:
    scratch = chip.register("sysctrl", "SCRATCH")
    chip.port.write(scratch, 5)
    chip.port.write(DMEM, 7)
    if cause == "watchdog":
        chip.port.write(chip.register("watchdog", "LOAD"), 200)
        chip.port.write(chip.register("watchdog", "CTRL"), 3)
    else:
        chip.port.write(chip.register("sysctrl", "RESET"), 1)
    board.run(1000)
    assert chip.port.read(chip.register("sysctrl", "RESET_CAUSE")) == [2 if cause == "watchdog" else 4]
    assert chip.port.read(scratch) == [0] and chip.port.read(DMEM) == [7]


def test_the_pins(chip: Chip, board: SimulatedBoard) -> None:
    chip.port.write(chip.register("gpio0", "OUT"), 0xA5A5)
    assert board.gpio() == 0xA5A5
    assert chip.port.read(chip.register("sysctrl", "BOOT_CFG")) == [0]
    assert chip.port.read(chip.register("sysctrl", "CLK_HZ")) == [50_000_000]


def test_the_flash_tells_its_identification(chip: Chip) -> None:
    spi = chip.register("spi", "CTRL")
    data = spi - 8
    chip.port.write(spi, 1 | 3 << 8)
    answer = []
    for byte in (0x9F, 0, 0, 0):
        chip.port.write(data, byte)
        answer += chip.port.read(data)
    assert answer[1:] == [0xEF, 0x40, 0x16]


def dma(chip: Chip, src: int, dst: int, count: int, control: int) -> int:
    """Run a copy and return STATUS."""
    base = chip.register("dma", "CTRL") - 0x18
    chip.port.write(base + 0x1C, 6)
    for offset, value in ((0, src), (8, dst), (16, count)):
        chip.port.write(base + offset, value)
    chip.port.write(base + 0x18, control | 1)
    return chip.port.poll(base + 0x1C, 1, 0, 1000)


def test_dma_between_memories(chip: Chip) -> None:
    chip.port.write(IMEM, [0x0403_0201, 0x0807_0605])
    chip.port.write(DMEM, [0, 0, 0])
    assert dma(chip, IMEM, DMEM, 2, 2 << 4) == 2
    assert chip.port.read(DMEM, 3) == [0x0403_0201, 0x0807_0605, 0]
    assert dma(chip, IMEM + 1, DMEM + 6, 3, 0) == 2  # bytes
    assert chip.port.read(DMEM, 3) == [0x0403_0201, 0x0302_0605, 4]
    assert dma(chip, 0x7000_0000, DMEM, 1, 2 << 4) == 4  # bus error


def test_dma_feeds_the_accelerator(chip: Chip, vectors: Vectors) -> None:
    x, y = vectors[0][3], vectors[1][3]
    accel = chip.register("accel", "ID")
    chip.port.write(DMEM, [int(v) & 0xFF for v in x])
    assert dma(chip, DMEM, accel + 0x8000, len(x), 2 << 4 | 1 << 8) == 2
    chip.port.write(chip.register("accel", "CTRL"), 1)
    assert dma(chip, accel + 0x4000, DMEM, len(y), 2 << 4 | 2 << 8) == 2
    assert chip.port.read(DMEM, len(y)) == [int(v) & 0xFFFF_FFFF for v in y]


# -- interrupts, and everything at once ------------------------------------------------------------


def build_test_program(name: str, run: Workspace, out: Path) -> Program:
    """Build a C file of this folder with the board support."""
    bsp = resource("firmware/bsp")
    sources = [bsp / "startup.S", bsp / "fault.c", bsp / "stdio.c", Path(__file__).with_name(f"{name}.c")]
    include = [run.soc / "include", run.firmware / "include", bsp]
    return build_program(name, sources, bsp / "app.ld", include, run.firmware, out)


def test_every_interrupt_reaches_its_handler(
    board: SimulatedBoard, chip: Chip, chip_run: tuple[Workspace, Path], described: Description, tmp_path: Path
) -> None:
    program = build_test_program("interrupts", chip_run[0], tmp_path)
    chip.port.upload(program.load, program.binary)
    chip.port.write(chip.register("sysctrl", "REMAP"), 1)
    chip.port.push(0x41)
    chip.port.release_cpu()
    board.run(50_000)
    board.gpio_in(1)
    box = program.symbols
    chip.port.poll(box["mailbox_done"], 1, 1, 20_000)
    expected = {block.irq for block in described.system.blocks if block.irq is not None}
    seen = chip.port.read(box["mailbox_seen"], 16)
    assert {line for line, count in enumerate(seen) if count} == expected
    assert chip.port.read(box["mailbox_order"]) == [0x89460BF]
    assert chip.port.read(box["mailbox_nmi"]) == [1]
    assert chip.port.read(chip.register("sysctrl", "SCRATCH")) == [0]
    assert chip.port.read(DMEM + 0x800, 16) == chip.port.read(IMEM, 16)


def test_processor_dma_and_debug_port_at_once(chip: Chip, vectors: Vectors) -> None:
    chip.load("infer")
    pattern = [0x9E37_79B9 * (k + 1) & 0xFFFF_FFFF for k in range(32)]
    chip.port.write(DMEM + 0xC00, pattern)
    base = chip.register("dma", "CTRL") - 0x18
    for x, y in zip(vectors[0][:4], vectors[1][:4], strict=True):
        chip.port.write(base, DMEM + 0xC00)
        chip.port.write(base + 8, IMEM + 0xC00)
        chip.port.write(base + 16, 32)
        chip.port.write(base + 0x18, 2 << 4 | 1)
        assert np.array_equal(chip.infer_by_program(x)[0], y)
        assert chip.port.poll(base + 0x1C, 1, 0, 1000) & 4 == 0
        assert chip.port.read(IMEM + 0xC00, 32) == pattern
        chip.port.write(IMEM + 0xC00, [0] * 32)


# -- boot ------------------------------------------------------------------------------------------


def image(**changes: int) -> bytes:
    """A flash image with one field of the header, or one byte of the program, changed."""
    data = bytearray(pack_image(bytes(range(64)), changes.pop("load", IMEM), changes.pop("entry", IMEM + 1)))
    for offset, value in ((0, "magic"), (4, "length"), (16, "crc")):
        if value in changes:
            data[offset : offset + 4] = struct.pack("<I", changes[value])
    if "byte" in changes:
        data[20 + changes["byte"]] ^= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("contents", "error"),
    [
        (None, BootError.NO_IMAGE),
        (image(magic=1), BootError.NO_IMAGE),
        (image(length=0), BootError.BAD_LENGTH),
        (image(length=66), BootError.BAD_LENGTH),
        (image(length=0x1004), BootError.BAD_LENGTH),
        (image(load=DMEM), BootError.BAD_ADDRESS),
        (image(load=IMEM + 0xFF0), BootError.BAD_ADDRESS),
        (image(load=IMEM + 2), BootError.BAD_ADDRESS),
        (image(byte=17), BootError.BAD_CRC),
        (image(crc=0), BootError.BAD_CRC),
        (image(entry=IMEM), BootError.BAD_ENTRY),  # no Thumb bit, and no stack pointer in the program
    ],
)
def test_a_bad_flash_ends_in_the_wait_for_the_host(
    board: SimulatedBoard, described: Description, vectors: Vectors, tmp_path: Path, contents: bytes | None, error: int
) -> None:
    path = tmp_path / "flash.bin"
    path.write_bytes(contents or b"")
    board.flash(path if contents else None)
    board.reset(BootMode.FLASH)
    board.run(400_000)
    port = Link(board)
    port.connect()
    chip = Chip(port, described)
    assert port.read(chip.register("sysctrl", "SCRATCH")) == [BOOT_CODE | error]
    chip.load("infer")  # an empty or bad flash does not stop a boot by the host
    y, _, _ = chip.infer_by_program(vectors[0][1])
    assert np.array_equal(y, vectors[1][1])


def test_vectors_that_lead_nowhere_are_refused(chip: Chip) -> None:
    scratch = chip.register("sysctrl", "SCRATCH")
    chip.port.write(IMEM, [0x1234_5678, 0x1000_0101])
    chip.port.release_cpu()
    chip.port.listen(2000)
    chip.port.write(chip.register("sysctrl", "REMAP"), 1)
    assert "error 00000004" in chip.port.listen(2000)
    assert chip.port.read(scratch) == [BOOT_CODE | BootError.BAD_ENTRY]
    assert chip.port.read(chip.register("sysctrl", "REMAP")) == [0]


def test_the_host_starts_a_program_through_the_rom(chip: Chip, described: Description, vectors: Vectors) -> None:
    program = described.programs["infer"]
    chip.port.upload(program["load"], (described.firmware / program["binary"]).read_bytes())
    chip.boot_banner()
    chip.port.write(chip.register("sysctrl", "REMAP"), 1)
    assert "infer: ready" in chip.port.listen(2000)
    assert np.array_equal(chip.infer_by_program(vectors[0][2])[0], vectors[1][2])


def test_a_program_for_another_network_refuses(
    chip: Chip, chip_run: tuple[Workspace, Path], described: Description, tmp_path: Path
) -> None:
    headers = tmp_path / "headers"
    shutil.copytree(chip_run[0].soc / "include", headers)
    header = headers / "accel_socket.h"
    digest = described.soc["model_sha256"][:8]
    assert header.read_text().count(f"0x{digest}u") == 1
    header.write_text(header.read_text().replace(f"0x{digest}u", "0x00000001u"))
    for name in ("include", "memory.ld"):
        (tmp_path / name).symlink_to(chip_run[0].firmware / name)
    app = build_app("infer", headers, tmp_path)
    chip.port.upload(app.load, app.binary)
    chip.port.write(chip.register("sysctrl", "REMAP"), 1)
    chip.port.release_cpu()
    assert "another network" in chip.port.listen(2000)
    assert chip.port.read(chip.register("sysctrl", "SCRATCH")) == [PROGRAM_OTHER_MODEL]


def test_a_processor_in_a_wild_program_does_not_stop_the_debug_port(chip: Chip) -> None:
    chip.port.write(IMEM, [DMEM + 0x1000, IMEM + 0x101, 0, 0])  # HardFault's vector is 0: lockup
    chip.port.write(IMEM + 0x100, 0xDE00_DE00)
    chip.port.write(chip.register("sysctrl", "REMAP"), 1)
    chip.port.release_cpu()
    chip.port.listen(100)
    chip.identify()


def test_the_licensed_processor_boots_by_path(tmp_path: Path, vectors: Vectors) -> None:
    """With the test double: the wrapper's wiring, interrupts and sleep included."""
    soc = SocConfig(cpu="arm-cortex-m0", cpu_path=write_double(tmp_path / "licensed"), imem_bytes=2048)
    ws = write_chip(tmp_path / "run", soc)
    with SimulatedBoard(build_chip(ws)) as board:
        boot_and_infer(board, describe(ws.soc, ws.firmware), vectors[0][:1], vectors[1][:1], lambda _: None)
        assert board.messages() == []


# -- link ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bit_cycles", [8, 10.125, 53.75, 434])
def test_every_bit_rate(chip_run: tuple[Workspace, Path], described: Description, bit_cycles: float) -> None:
    with SimulatedBoard(chip_run[1], bit_cycles) as board:
        board.reset()
        board.run(100)
        port = Link(board)
        port.connect()
        Chip(port, described).identify()


def test_a_held_chip_does_not_answer(chip_run: tuple[Workspace, Path]) -> None:
    class Silent:
        """A line to a chip that is not there."""

        sent = b""

        def write(self, data: bytes) -> None:
            self.sent += data

        def read(self, count: int, characters: int) -> bytes:
            return b""

        def close(self) -> None: ...

    line = Silent()
    with pytest.raises(LinkError, match="does not answer ESC"):
        Adp(line).connect()
    assert line.sent == b"\x1b" * 3
