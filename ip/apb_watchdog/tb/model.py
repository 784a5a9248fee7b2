# SPDX-License-Identifier: Apache-2.0
"""Reference model of the watchdog."""

from __future__ import annotations


class Model:
    """State after reset; one method per clock edge."""

    def __init__(self) -> None:
        self.enable = self.enabled = self.count = self.warning = self.reset = 0
        self.load = 0xFFFFFFFF

    def outputs(self, pins: dict[str, int]) -> dict[str, int]:
        return {"irq_o": self.warning, "reset_o": self.reset}

    def read(self, name: str, pins: dict[str, int]) -> int:
        return {"CTRL": self.enable, "VALUE": self.count, "LOAD": self.load, "STATUS": self.warning}[name]

    def clock(self, pins: dict[str, int], write: tuple[str, int] | None, read: str | None) -> None:
        name, word = write or ("", 0)
        kick = name == "CTRL" and word >> 1 & 1
        turn = self.enabled and not kick and self.count == 0
        if turn and self.warning:
            self.reset = 1
        if not self.enabled or kick or turn:
            self.count = self.load
        else:
            self.count -= 1
        if name == "STATUS" and word & 1:
            self.warning = 0
        if turn:
            self.warning = 1
        self.enabled |= self.enable
        if name == "CTRL":
            self.enable = word & 1
        if name == "LOAD":
            self.load = word
