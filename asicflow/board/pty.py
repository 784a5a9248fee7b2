"""A pseudo-terminal whose other end is a simulated board in the same process."""

from __future__ import annotations

import os
import tty

import serial

from asicflow.board.transport import DEFAULT_BAUD, Transport

_PIECE = 1024  # bytes that a pseudo-terminal takes at once for certain
_PATIENCE = 10  # seconds for the operating system to hand bytes over


class PtyTransport:
    """Pyserial on a pseudo-terminal: the same calls to the same library as with a device.

    Simulated time passes only while the host reads, so every run can be repeated.

    Parameters
    ----------
    board : Transport
        The board's end of the line.
    """

    def __init__(self, board: Transport) -> None:
        self._board = board
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self._serial = serial.Serial(os.ttyname(slave), DEFAULT_BAUD, timeout=_PATIENCE)
        os.close(slave)

    def write(self, data: bytes) -> None:
        """Send bytes through the terminal to the board."""
        for k in range(0, len(data), _PIECE):
            piece = data[k : k + _PIECE]
            self._serial.write(piece)
            arrived = b""
            while len(arrived) < len(piece):
                arrived += os.read(self._master, len(piece) - len(arrived))
            self._board.write(arrived)

    def read(self, count: int, characters: int) -> bytes:
        """Let the board run; return ``count`` bytes that it sends, fewer after the time of so many characters."""
        data = b""
        sent = self._board.read(count, characters)
        for k in range(0, len(sent), _PIECE):
            piece = sent[k : k + _PIECE]
            os.write(self._master, piece)
            data += self._serial.read(len(piece))
        return data

    def close(self) -> None:
        """Close both ends and the board."""
        self._serial.close()
        os.close(self._master)
        self._board.close()
