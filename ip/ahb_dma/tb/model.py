# SPDX-License-Identifier: Apache-2.0
"""Reference model of the DMA controller, one clock cycle at a time; it also plays the bus behind its master."""

from __future__ import annotations

import random

SRC, DST, COUNT, CTRL, STATUS = 0x00, 0x08, 0x10, 0x18, 0x1C


class Model:
    """State after reset; None is a value that is not known."""

    WORD_ONLY = True

    def __init__(self) -> None:
        self.state = "idle"
        self.src: int | None = None
        self.dst: int | None = None
        self.count = self.stop = self.done = self.error = 0
        self.stepping = False  # an element was copied in the last cycle: the source steps in this one
        self.irq_enable = self.fix_src = self.fix_dst = self.request = 0
        self.size = 2
        self.data: int | None = None
        self.second = False  # second cycle of an ERROR response on the master's bus

    @property
    def busy(self) -> int:
        return int(self.state != "idle")

    # -- slave ----------------------------------------------------------------------------------
    def places(self) -> list[int]:
        return [SRC, DST, COUNT, COUNT, CTRL, CTRL, CTRL, STATUS, STATUS, 0x04, 0x20]

    def legal(self, address: int, write: int, pins: dict[str, int]) -> bool:
        return address in (CTRL, STATUS) or (address in (SRC, DST, COUNT) and not (write and self.busy))

    def read(self, address: int, pins: dict[str, int]) -> int | None:
        return {
            SRC: self.src,
            DST: self.dst,
            COUNT: self.count,
            CTRL: self.irq_enable << 2 | self.size << 4 | self.fix_src << 6 | self.fix_dst << 7 | self.request << 8,
            STATUS: self.busy | self.done << 1 | self.error << 2,
        }[address]

    def word(self, rng: random.Random, address: int) -> int:
        """Small counts, so that copies end."""
        return rng.randrange(8) if address == COUNT else rng.getrandbits(32)

    # -- master ---------------------------------------------------------------------------------
    def drive(self, rng: random.Random, pins: dict[str, int]) -> None:
        pins["req_in_i"], pins["req_out_i"] = int(rng.random() < 0.3), int(rng.random() < 0.3)
        pins["m_hrdata_i"] = rng.getrandbits(32)
        pins["m_hready_i"], pins["m_hresp_i"] = int(rng.random() < 0.7), 0
        if self.second:
            pins["m_hready_i"] = pins["m_hresp_i"] = 1
        elif self.state.endswith("data") and rng.random() < 0.03:
            pins["m_hready_i"], pins["m_hresp_i"] = 0, 1

    def outputs(self, pins: dict[str, int], transfer: tuple[int, int] | None, done: bool) -> dict[str, int]:
        address = self.state in ("read address", "write address")
        writing = self.state.startswith("write")  # the address stays until the data phase ends
        shown = {
            "irq_o": self.irq_enable & (self.done | self.error),
            "m_htrans_o": 2 * address,
            "m_hwrite_o": int(writing),
            "m_hsize_o": min(self.size, 2),
            "m_hprot_o": 3,
        }
        where = self.dst if writing else self.src
        if where is not None:
            shown["m_haddr_o"] = where
        if self.state == "write data" and self.data is not None:
            shown["m_hwdata_o"] = self.data
        return shown

    def clock(self, pins: dict[str, int], write: tuple[int, int, int] | None) -> None:
        address, word, _ = write or (None, 0, 0)
        start = address == CTRL and word & 1
        end, fail, copied, busy = False, False, False, self.busy
        ready, resp = pins["m_hready_i"], pins["m_hresp_i"]
        self.second = bool(resp and not ready)
        if self.state == "idle" and start:
            self.state = "request"
        elif self.state == "request" and (self.count == 0 or self.stop):
            self.state, end = "idle", True
        elif self.state == "request" and (True, pins["req_in_i"], pins["req_out_i"], False)[self.request]:
            self.state = "read address"
        elif self.state == "read address" and ready:
            self.state = "read data"
        elif self.state == "read data" and ready:
            fail = bool(resp)
            self.state = "idle" if fail else "write address"
            self.data = self._lanes(pins["m_hrdata_i"])
        elif self.state == "write address" and ready:
            self.state = "write data"
        elif self.state == "write data" and ready:
            fail, copied = bool(resp), not resp
            self.state = "idle" if fail else "request"
        self.stop = int(busy and (self.stop or (address == CTRL and word & 2)) != 0)
        if self.stepping and not self.fix_src:
            self.src = self._next(self.src)
        self.stepping = copied
        if copied:
            self.count -= 1
            if not self.fix_dst:
                self.dst = self._next(self.dst)
        if address == STATUS:
            self.done &= ~(word >> 1)
            self.error &= ~(word >> 2)
        if start and not busy:
            self.done = self.error = 0
        self.done |= int(end)
        self.error |= int(fail)
        if address == SRC:
            self.src = word
        if address == DST:
            self.dst = word
        if address == COUNT:
            self.count = word & 0xFFFF
        if address == CTRL:
            self.irq_enable, self.size, self.request = word >> 2 & 1, word >> 4 & 3, word >> 8 & 3
            self.fix_src, self.fix_dst = word >> 6 & 1, word >> 7 & 1

    def _next(self, address: int | None) -> int | None:
        """The address behind an element."""
        return None if address is None else (address + (1 << min(self.size, 2))) & 0xFFFFFFFF

    def _lanes(self, word: int) -> int | None:
        """The element from its lane into every lane."""
        if self.size >= 2:
            return word
        if self.src is None:
            return None
        if self.size == 1:
            return (word >> 8 * (self.src & 2) & 0xFFFF) * 0x10001
        return (word >> 8 * (self.src & 3) & 0xFF) * 0x01010101
