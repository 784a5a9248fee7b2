# SPDX-License-Identifier: Apache-2.0
"""Reference model of the system table with the default values of its parameters."""

from __future__ import annotations

import random

TABLE = [0x41534653, 0x00010000, 0, 0, 50_000_000, 4096, 4096, 2048, 0]


class Model:
    """Constants."""

    WORD_ONLY = True

    def places(self) -> list[int]:
        return [4 * k for k in range(len(TABLE) + 2)]

    def drive(self, rng: random.Random, pins: dict[str, int]) -> None:
        pass

    def legal(self, address: int, write: int, pins: dict[str, int]) -> bool:
        return not write and address < 4 * len(TABLE)

    def read(self, address: int, pins: dict[str, int]) -> int:
        return TABLE[address // 4]

    def outputs(self, pins: dict[str, int], transfer: tuple[int, int] | None, done: bool) -> dict[str, int]:
        return {}

    def clock(self, pins: dict[str, int], write: tuple[int, int, int] | None) -> None:
        pass
