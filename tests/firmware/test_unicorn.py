"""The same images on a second implementation: unicorn's Cortex-M0 with memories and a stdio, nothing else."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unicorn import UC_ARCH_ARM, UC_HOOK_MEM_WRITE, UC_MODE_THUMB, Uc
from unicorn import arm_const as arm

from asicflow.firmware.frame import Status, crc16, pack_request, read_answer

ROM, IMEM, DMEM, APB, TABLE, SIZE = 0x0800_0000, 0x1000_0000, 0x1800_0000, 0x4000_0000, 0xF000_0000, 0x1000
STDIO_DATA = APB + 0xE000
SLICE = 100_000  # instructions


class Machine:
    """Memories, a stdio that is always ready, and zeros everywhere else."""

    def __init__(self, folder: Path, program: str) -> None:
        self.described: dict[str, Any] = json.loads((folder / "firmware.json").read_text())["programs"][program]
        self.console = ""
        self.uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB)
        self.uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M0)
        for base, size in ((ROM, SIZE), (IMEM, SIZE), (DMEM, SIZE), (APB, 0x20000), (TABLE, SIZE), (0xE000_E000, SIZE)):
            self.uc.mem_map(base, size)
        image = (folder / self.described["binary"]).read_bytes()
        self.uc.mem_write(self.described["load"], image)
        stack, reset = struct.unpack_from("<2I", image)
        self.uc.reg_write(arm.UC_ARM_REG_SP, stack)
        self.pc = reset
        self.uc.hook_add(UC_HOOK_MEM_WRITE, self._on_stdio, begin=STDIO_DATA, end=STDIO_DATA + 3)

    def _on_stdio(self, _uc: Uc, _access: int, address: int, _size: int, value: int, _data: object) -> None:
        if address == STDIO_DATA + self.offset:
            self.console += chr(value & 0xFF)

    offset = 0

    def run(self, slices: int = 1) -> None:
        for _ in range(slices):
            self.uc.emu_start(self.pc | 1, 0xFFFF_FFFE, count=SLICE)
            self.pc = self.uc.reg_read(arm.UC_ARM_REG_PC)

    def answer(self) -> list[int]:
        size = self.described["sizes"]["mailbox_answer"]
        return list(
            struct.unpack(f"<{size // 4}I", self.uc.mem_read(self.described["symbols"]["mailbox_answer"], size))
        )

    def ask(self, payload: bytes, sequence: int, slices: int = 4) -> list[int]:
        self.uc.mem_write(self.described["symbols"]["mailbox_request"], pack_request(payload, sequence))
        self.run(slices)
        words = self.answer()
        assert read_answer(words) == (sequence, Status.DONE)
        return words[1:]


@pytest.fixture
def machine(built_firmware: Path) -> Callable[[str], Machine]:
    header = (built_firmware.parent / "soc" / "include" / "apb_stdio.h").read_text()
    found = re.search(r"APB_STDIO_DATA_OFFSET\s+(0x\w+)u", header)
    assert found
    Machine.offset = int(found[1], 16)
    return lambda program: Machine(built_firmware, program)


def test_the_boot_rom_prints_its_banner_and_checks_memory(machine: Callable[[str], Machine]) -> None:
    rom = machine("bootrom")
    rom.uc.mem_write(TABLE, struct.pack("<8I", *[0x1234_5678] * 8))
    rom.run()
    assert rom.console == "\nasicflow boot ROM\nbuild 12345678 model 12345678\nboot: waiting for the host\n"
    assert read_answer(rom.answer()) == (0, Status.READY)
    data = bytes(range(256)) * 4
    rom.uc.mem_write(IMEM, data)
    assert rom.ask(struct.pack("<2I", IMEM, 256), 1) == [crc16(data)]
    rom.uc.mem_write(IMEM + 77, b"\0")
    assert rom.ask(struct.pack("<2I", IMEM, 256), 2) != [crc16(data)]


def test_memtest_passes_and_finds_what_is_planted(machine: Callable[[str], Machine]) -> None:
    memtest = machine("memtest")
    memtest.run()
    assert memtest.console == "memtest: ready\n"
    words, errors, *_ = memtest.ask(struct.pack("<I", 0), 1)
    assert words > 1500 and errors == 0
    plant = DMEM + SIZE // 2
    _, errors, address, expected, found = memtest.ask(struct.pack("<I", plant), 2)
    assert (errors, address, expected, found) == (1, plant, 0xFFFF_FFFF, 0xFFFF_FFFE)


def test_memtest_writes_what_march_c_minus_does(machine: Callable[[str], Machine]) -> None:
    memtest = machine("memtest")
    memtest.run()
    word = DMEM + 0x400
    written: list[int] = []

    def note(_uc: Uc, _access: int, _address: int, _size: int, value: int, _data: object) -> None:
        written.append(value & 0xFFFF_FFFF)

    memtest.uc.hook_add(UC_HOOK_MEM_WRITE, note, begin=word, end=word + 3)
    memtest.ask(struct.pack("<I", 0), 1)
    assert written == [0, 0xFFFF_FFFF, 0, 0xFFFF_FFFF, 0]
