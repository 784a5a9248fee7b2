# SPDX-License-Identifier: Apache-2.0
"""Reference model of a memory on the bus: what was written last is read."""

from __future__ import annotations

import random

WORDS = 16


class Model:
    """Bytes are unknown until they are written; a reset keeps them (but the harness forgets them)."""

    WORD_ONLY = False

    def __init__(self) -> None:
        self.bytes: dict[int, int] = {}

    def places(self) -> list[int]:
        return [0, 0, 4, 4, 8, 4 * WORDS - 4]  # few, so that a read follows a write of the same word

    def drive(self, rng: random.Random, pins: dict[str, int]) -> None:
        pass

    def legal(self, address: int, write: int, pins: dict[str, int]) -> bool:
        return True

    def stalls(self, before: tuple[int, int, int] | None, transfer: tuple[int, int, int], age: int) -> bool:
        """A read that comes with the data of a write waits for one cycle."""
        return age == 0 and before is not None and bool(before[1]) and not transfer[1]

    def read(self, address: int, pins: dict[str, int]) -> int | None:
        base = address & ~3
        if any(base + k not in self.bytes for k in range(4)):
            return None
        return sum(self.bytes[base + k] << 8 * k for k in range(4))

    def outputs(self, pins: dict[str, int], transfer: tuple[int, int] | None, done: bool) -> dict[str, int]:
        return {}

    def clock(self, pins: dict[str, int], write: tuple[int, int, int] | None) -> None:
        if write:
            address, word, lanes = write
            for k in range(4):
                if lanes >> k & 1:
                    self.bytes[(address & ~3) + k] = word >> 8 * k & 0xFF
