# SPDX-License-Identifier: Apache-2.0
"""Reference model of the characters to and from the debug port."""

from __future__ import annotations


class Model:
    """State after reset; one method per clock edge."""

    def __init__(self) -> None:
        self.out: int | None = None  # the byte that waits for the debug port
        self.last_out = 0
        self.full = self.received = self.overrun = self.irq_enable = 0

    def outputs(self, pins: dict[str, int]) -> dict[str, int]:
        return {
            "irq_o": self.full & self.irq_enable,
            "stdout_valid_o": int(self.out is not None),
            "stdout_data_o": self.last_out,
            "stdin_ready_o": 1 - self.full,
        }

    def read(self, name: str, pins: dict[str, int]) -> int:
        status = int(self.out is not None) | self.full << 1 | self.overrun << 2
        return {"data": self.received, "STATUS": status, "CTRL": self.irq_enable}[name]

    def clock(self, pins: dict[str, int], write: tuple[str, int] | None, read: str | None) -> None:
        name, word = write or ("", 0)
        if name == "STATUS" and word >> 2 & 1:
            self.overrun = 0
        if name == "data" and self.out is not None:
            self.overrun = 1
        if self.out is None and name == "data":
            self.out = self.last_out = word & 0xFF
        elif self.out is not None and pins["stdout_ready_i"]:
            self.out = None
        if self.full and read == "data":
            self.full = 0
        elif not self.full and pins["stdin_valid_i"]:
            self.full, self.received = 1, pins["stdin_data_i"]
        if name == "CTRL":
            self.irq_enable = word & 1
