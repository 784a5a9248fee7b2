"""A byte stream to the debug port of a chip."""

from __future__ import annotations

from typing import Protocol

BITS_PER_CHARACTER = 10  # 8N1


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
