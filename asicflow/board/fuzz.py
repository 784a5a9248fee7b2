"""Fuzz the link: everything that the host does, on a line that corrupts it, checked against what is true."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asicflow.board.adp import Adp, LinkError
from asicflow.board.chip import Chip, Description
from asicflow.board.link import Link
from asicflow.board.noise import NoisyLine
from asicflow.board.simulated import SimulatedBoard
from asicflow.firmware.image import BootMode

LONGEST = 200_000_000
"""Clock cycles after which an operation counts as hanging."""


@dataclass
class FuzzResult:
    """``wrong``: answers that were accepted and are not true; ``given_up``: operations that ended in an error."""

    frames: int = 0
    errors: int = 0
    operations: int = 0
    given_up: int = 0
    wrong: int = 0
    hangs: int = 0
    longest_cycles: int = 0
    recovered: bool = False


def fuzz(
    board: SimulatedBoard,
    described: Description,
    x: NDArray[np.int64],
    y: NDArray[np.int64],
    frames: int,
    rate: float,
    seed: int = 1,
    progress: Callable[[FuzzResult], None] = lambda _: None,
) -> FuzzResult:
    """Infer, load and read at random until so many frames were corrupted.

    Each operation meets a line of its own quality: between 0 and twice ``rate`` errors per byte.
    ``recovered`` is True when the chip answers exactly on a clean line afterwards.
    """
    choose = random.Random(seed)
    line = NoisyLine(board, 0, seed)
    board.reset(BootMode.HOST)
    board.run(2000)
    port = Link(line)
    port.connect()
    chip = Chip(port, described)
    chip.load("infer")
    result = FuzzResult()
    loaded = True
    while line.frames < frames:
        line.rate = choose.uniform(0, 2 * rate)
        k = choose.randrange(len(x))
        kind = choose.choices(("program", "debug", "load", "read"), (40, 4, 2, 54))[0]
        start = board.cycles
        result.operations += 1
        try:
            if kind in ("program", "read") and not loaded:
                chip.load("infer")
                loaded = True
            if kind == "program":
                result.wrong += not np.array_equal(chip.infer_by_program(x[k])[0], y[k])
            elif kind == "debug":
                loaded = False
                result.wrong += not np.array_equal(chip.infer(x[k])[0], y[k])
            elif kind == "load":
                loaded = False
                result.wrong += not _load(chip, line, described, choose)
            else:
                table = described.system.block("table")
                register = choose.choice(table.registers.registers)
                expected = sum((field.reset or 0) << field.lsb for field in register.fields)
                result.wrong += port.read(table.base + register.offset) != [expected]
        except LinkError:
            result.given_up += 1
            loaded = False
        taken = board.cycles - start
        result.longest_cycles = max(result.longest_cycles, taken)
        result.hangs += taken > LONGEST
        result.frames, result.errors = line.frames, line.errors
        progress(result)
    line.rate = 0
    port.connect()
    chip.load("infer")
    result.recovered = bool(np.array_equal(chip.infer_by_program(x[0])[0], y[0]))
    return result


def _load(chip: Chip, line: NoisyLine, described: Description, choose: random.Random) -> bool:
    """Load random bytes into IMEM; True when they are there, looked at through the clean line."""
    base = described.system.memory("imem").base
    data = choose.randbytes(4 * choose.randrange(1, 200))
    chip.start_rom()
    chip.port.load(base, data, chip.mailbox("bootrom"))
    rate, line.rate = line.rate, 0
    try:
        Adp.connect(chip.port)
        return struct.pack(f"<{len(data) // 4}I", *Adp.read(chip.port, base, len(data) // 4)) == data
    finally:
        line.rate = rate
