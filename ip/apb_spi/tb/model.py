# SPDX-License-Identifier: Apache-2.0
"""Reference model of the SPI master."""

from __future__ import annotations


class Model:
    """State after reset; one method per clock edge."""

    def __init__(self) -> None:
        self.select = self.busy = self.lost = self.half = self.left = self.shift = 0
        self.divider = 0xFF

    def outputs(self, pins: dict[str, int]) -> dict[str, int]:
        return {"sck_o": self.half & 1, "cs_no": 1 - self.select, "mosi_o": self.shift >> 7}

    def read(self, name: str, pins: dict[str, int]) -> int:
        return {
            "data": self.shift,
            "STATUS": self.busy | self.lost << 1,
            "CTRL": self.select | self.divider << 8,
        }[name]

    def clock(self, pins: dict[str, int], write: tuple[str, int] | None, read: str | None) -> None:
        name, word = write or ("", 0)
        push = name == "data"
        if name == "STATUS" and word >> 1 & 1:
            self.lost = 0
        if push and self.busy:
            self.lost = 1
        if not self.busy:
            self.left = self.divider
            if push:
                self.busy, self.shift = 1, word & 0xFF
        elif self.left:
            self.left -= 1
        else:
            self.left = self.divider
            if self.half & 1:  # the clock falls: the bit of this clock has been read
                self.shift = (self.shift << 1 | pins["miso_i"]) & 0xFF
            self.half = (self.half + 1) % 16
            self.busy = int(self.half != 0)
        if name == "CTRL":
            self.select, self.divider = word & 1, word >> 8 & 0xFF
