"""A simulated board on a pseudo-terminal, running by itself, for other programs and for people."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import tty
from types import TracebackType

from asicflow.board.bench import SimulatedBench

_TCGETS2 = 0x802C542A  # Linux: the bit rate as a number
_OUTPUT_RATE = 40  # offset of c_ospeed in struct termios2
_SLICE = 4000  # clock cycles between two looks at the line
_REST = 0.02  # seconds of rest per slice when nobody has said anything for a while
_AWAKE = 500  # slices


class Bridge:
    """Carry bytes between a pseudo-terminal and the board.

    Attributes
    ----------
    path : str
        The device that others open.
    """

    def __init__(self, bench: SimulatedBench) -> None:
        self._bench = bench
        self._line = bench.far_end
        self._master, self._slave = os.openpty()  # the slave stays open here, so that others may come and go
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._rate = 0
        self._stopped = False

    def stop(self) -> None:
        """End :meth:`serve` after its present slice."""
        self._stopped = True

    def __enter__(self) -> Bridge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._slave)
        os.close(self._master)

    def serve(self, cycles: int | None = None) -> None:
        """Run the board until it has done so many cycles; for ever without."""
        board, quiet = self._bench.board, 0
        start = board.cycles
        while not self._stopped and (cycles is None or board.cycles - start < cycles):
            resting = _REST if quiet > _AWAKE and cycles is None else 0
            if select.select([self._master], [], [], resting)[0]:
                self._follow_rate()
                self._line.write(os.read(self._master, 4096))
                quiet = 0
            characters = max(1, round(_SLICE / (10 * board.bit_time)))
            if sent := self._line.read(1 << 16, characters):
                os.write(self._master, sent)
                quiet = 0
            quiet += 1

    def _follow_rate(self) -> None:
        """Give the board's end the bit rate that was set at the terminal, where the chip can work with it."""
        attributes = fcntl.ioctl(self._slave, _TCGETS2, bytes(44))
        (rate,) = struct.unpack_from("<I", attributes, _OUTPUT_RATE)
        if rate != self._rate and rate:
            self._rate = rate
            self._bench.set_baud(rate)
