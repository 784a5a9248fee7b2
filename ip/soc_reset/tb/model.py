# SPDX-License-Identifier: Apache-2.0
"""Reference model of the reset controller, one clock cycle at a time; the asynchronous pin is 1."""

from __future__ import annotations

RESET_CYCLES = 16


class Model:
    """State while the reset pin is 0."""

    def __init__(self) -> None:
        self.released = 0  # clock edges since the pin went up, up to 2
        self.left = RESET_CYCLES  # cycles until the system runs
        self.cause = 1
        self.cpu = "held"  # held, running, stopping
        self.hold = 1  # the hold input, one cycle late
        self.after_reset = False

    @property
    def system(self) -> bool:
        return self.left == 0

    def outputs(self, pins: dict[str, int]) -> dict[str, int]:
        return {
            "debug_rst_no": int(self.released == 2),
            "sys_rst_no": int(self.system),
            "cpu_rst_no": int(self.cpu != "held"),
            "cause_o": self.cause,
            "cpu_htrans_o": 0 if self.cpu == "stopping" else pins["cpu_htrans_i"],
            "debug_hready_o": int(self.system and pins["debug_hready_i"]),
            "debug_hresp_o": int(not self.system or self.after_reset or pins["debug_hresp_i"]),
        }

    def clock(self, pins: dict[str, int]) -> None:
        if self.released < 2:
            self.released += 1
            return
        self.after_reset = not self.system
        if not self.system:
            self.left -= 1
            return
        if self.cpu == "held":
            self.cpu = "held" if self.hold else "running"
        elif self.cpu == "stopping":
            self.cpu = "held" if pins["cpu_hready_i"] else "stopping"
        elif self.hold and pins["cpu_hready_i"]:
            self.cpu = "stopping"
        self.hold = pins["hold_i"]
        if pins["watchdog_i"] or pins["software_i"]:
            self.left, self.cause = RESET_CYCLES, 2 if pins["watchdog_i"] else 4
            self.cpu, self.hold = "held", 1
