# SPDX-License-Identifier: Apache-2.0
"""Reference model of the system control."""

from __future__ import annotations

CLK_HZ = 50_000_000


class Model:
    """State after reset; one method per clock edge."""

    def __init__(self) -> None:
        self.remap = self.reset = self.scratch = 0

    def outputs(self, pins: dict[str, int]) -> dict[str, int]:
        return {"remap_o": self.remap, "reset_o": self.reset, "scratch_o": self.scratch}

    def read(self, name: str, pins: dict[str, int]) -> int:
        return {
            "REMAP": self.remap,
            "BOOT_CFG": pins["boot_cfg_i"],
            "RESET_CAUSE": pins["reset_cause_i"],
            "SCRATCH": self.scratch,
            "CLK_HZ": CLK_HZ,
        }[name]

    def clock(self, pins: dict[str, int], write: tuple[str, int] | None, read: str | None) -> None:
        name, word = write or ("", 0)
        if name == "REMAP":
            self.remap = word & 1
        if name == "RESET":
            self.reset |= word & 1
        if name == "SCRATCH":
            self.scratch = word
