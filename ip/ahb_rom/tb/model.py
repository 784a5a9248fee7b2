# SPDX-License-Identifier: Apache-2.0
"""Reference model of the ROM controller: the contents are random in every cycle."""

from __future__ import annotations

import random


class Model:
    """No state."""

    WORD_ONLY = False

    def places(self) -> list[int]:
        return [0, 4, 0x3FC, 0x7FC]

    def drive(self, rng: random.Random, pins: dict[str, int]) -> None:
        pins["data_i"] = rng.getrandbits(32)

    def legal(self, address: int, write: int, pins: dict[str, int]) -> int:
        return 1 - write

    def read(self, address: int, pins: dict[str, int]) -> int:
        return pins["data_i"]

    def outputs(self, pins: dict[str, int], transfer: tuple[int, int] | None, done: bool) -> dict[str, int]:
        return {"addr_o": transfer[0] >> 2} if transfer else {}

    def clock(self, pins: dict[str, int], write: tuple[int, int, int] | None) -> None:
        pass
