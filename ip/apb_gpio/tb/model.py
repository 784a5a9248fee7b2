# SPDX-License-Identifier: Apache-2.0
"""Reference model of the general-purpose pins."""

from __future__ import annotations


class Model:
    """State after reset; one method per clock edge."""

    def __init__(self) -> None:
        self.words = dict.fromkeys(("OUT", "OE", "RISE_ENABLE", "FALL_ENABLE", "STATUS"), 0)
        self.samples = [0, 0, 0]  # the pins one, two and three cycles ago

    def in_reset(self, pins: dict[str, int]) -> None:
        """A clock edge in reset: the samples go on."""
        self.samples = [pins["in_i"], *self.samples[:2]]

    def outputs(self, pins: dict[str, int]) -> dict[str, int]:
        words = self.words
        return {"irq_o": int(words["STATUS"] != 0), "out_o": words["OUT"], "oe_o": words["OE"]}

    def read(self, name: str, pins: dict[str, int]) -> int:
        return self.samples[1] if name == "IN" else self.words[name]

    def clock(self, pins: dict[str, int], write: tuple[str, int] | None, read: str | None) -> None:
        _, now, before = self.samples
        rising = now & ~before & self.words["RISE_ENABLE"]
        falling = ~now & before & self.words["FALL_ENABLE"]
        if write and write[0] == "STATUS":
            self.words["STATUS"] &= ~write[1]
        elif write:
            self.words[write[0]] = write[1] & 0xFFFF
        self.words["STATUS"] |= rising | falling
        self.samples = [pins["in_i"], *self.samples[:2]]
