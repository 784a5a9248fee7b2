"""A byte stream to the debug port of a chip."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

import serial

from asicflow.errors import UserError

BITS_PER_CHARACTER = 10  # 8N1
DEFAULT_BAUD = 115_200
_LATENCY = 0.1  # seconds that an adapter may keep a character
_SLOW = 40  # a pseudo-terminal has no bit rate: what simulates a chip behind it may be so much slower


class Transport(Protocol):
    """What the client of the debug port needs: the same for a simulated and a fabricated chip.

    Times are in characters of the line (10 bits each), so that they suit every
    bit rate and simulated time alike.
    """

    def write(self, data: bytes) -> None:
        """Send bytes, or queue them for sending."""

    def read(self, count: int, characters: int) -> bytes:
        """Return ``count`` bytes, fewer after the time of so many characters, waiting included."""

    def close(self) -> None:
        """Give the line back."""


class SerialTransport:
    """A serial device, opened with pyserial: 8N1, no handshake.

    Parameters
    ----------
    device : str
        For example ``/dev/ttyUSB0``, or the pseudo-terminal that ``asicflow sim`` prints.
    baud : int
        Bits per second. The chip finds out by itself.

    Raises
    ------
    UserError
        If the device cannot be opened.
    """

    def __init__(self, device: str, baud: int = DEFAULT_BAUD) -> None:
        try:
            self._serial = serial.Serial(device, baud, timeout=0)
        except (serial.SerialException, ValueError) as error:
            raise UserError(
                f"the serial port cannot be opened: {error}",
                where=device,
                hint="check the path, and that you are in the group that owns it (often dialout)",
            ) from error
        slow = _SLOW if Path(device).resolve().is_relative_to("/dev/pts") else 1
        self._seconds = slow * BITS_PER_CHARACTER / baud

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._serial.write(data)

    def read(self, count: int, characters: int) -> bytes:
        """Return ``count`` bytes, fewer after the time of so many characters and the adapter's latency."""
        data = b""
        end = time.monotonic() + _LATENCY + characters * self._seconds
        while len(data) < count and (left := end - time.monotonic()) > 0:
            self._serial.timeout = left
            data += self._serial.read(max(1, min(count - len(data), self._serial.in_waiting)))
        return data

    def close(self) -> None:
        """Give the device back."""
        self._serial.close()
