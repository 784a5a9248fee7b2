# SPDX-License-Identifier: Apache-2.0
"""Reference model of the timer."""

from __future__ import annotations


class Model:
    """State after reset; one method per clock edge."""

    def __init__(self) -> None:
        self.enable = self.irq_enable = self.count = self.reload = self.expired = 0

    def outputs(self, pins: dict[str, int]) -> dict[str, int]:
        return {"irq_o": self.expired & self.irq_enable}

    def read(self, name: str, pins: dict[str, int]) -> int:
        return {
            "CTRL": self.enable | self.irq_enable << 1,
            "VALUE": self.count,
            "RELOAD": self.reload,
            "STATUS": self.expired,
        }[name]

    def clock(self, pins: dict[str, int], write: tuple[str, int] | None, read: str | None) -> None:
        name, word = write or ("", 0)
        load = name == "CTRL" and word >> 2 & 1
        turn = self.enable and not load and self.count == 0
        if load or turn:
            self.count = self.reload
        elif self.enable:
            self.count -= 1
        if name == "STATUS" and word & 1:
            self.expired = 0
        if turn:
            self.expired = 1
        if name == "CTRL":
            self.enable, self.irq_enable = word & 1, word >> 1 & 1
        if name == "RELOAD":
            self.reload = word
