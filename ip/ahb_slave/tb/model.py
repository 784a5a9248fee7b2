# SPDX-License-Identifier: Apache-2.0
"""Reference model of the AHB-Lite side of a slave: the user is random."""

from __future__ import annotations

import random


class Model:
    """It has no state of its own: the harness knows the protocol."""

    WORD_ONLY = True

    def places(self) -> list[int]:
        return [0, 4, 0x7FC, 0xFFC]

    def drive(self, rng: random.Random, pins: dict[str, int]) -> None:
        pins["legal_i"] = int(rng.random() < 0.8)

    def legal(self, address: int, write: int, pins: dict[str, int]) -> int:
        return pins["legal_i"]

    def read(self, address: int, pins: dict[str, int]) -> int | None:
        return None

    def outputs(self, pins: dict[str, int], transfer: tuple[int, int] | None, done: bool) -> dict[str, int]:
        if transfer is None:
            return {"commit_o": 0, "active_o": 0}
        address, write = transfer
        return {"addr_o": address >> 2, "write_o": write, "commit_o": done & write, "active_o": 1}

    def clock(self, pins: dict[str, int], write: tuple[int, int, int] | None) -> None:
        pass
