"""Lines that misbehave, around any transport: for tests, and for faults of the simulated board."""

from __future__ import annotations

import random

from asicflow.board.transport import Transport


class NoisyLine:
    """A line on which bytes change, vanish or appear, in both directions.

    Parameters
    ----------
    line : Transport
        The line itself.
    rate : float
        Probability of an error per byte.
    seed : int
        Makes it repeatable.

    Attributes
    ----------
    rate : float
        May be changed at any time.
    errors, frames : int
        How many bytes were hit, and how many pieces of the traffic (a command, a frame, an answer) with them.
    """

    def __init__(self, line: Transport, rate: float, seed: int = 1) -> None:
        self._line = line
        self.rate = rate
        self._random = random.Random(seed)
        self._unread = b""
        self.errors = 0
        self.frames = 0

    def write(self, data: bytes) -> None:
        """Send bytes, some of them wrong."""
        self._line.write(self._disturb(data))

    def read(self, count: int, characters: int) -> bytes:
        """Return up to ``count`` bytes, some of them wrong."""
        while len(self._unread) < count:
            part = self._line.read(count - len(self._unread), characters)
            if not part:
                break
            self._unread += self._disturb(part)
        data, self._unread = self._unread[:count], self._unread[count:]
        return data

    def close(self) -> None:
        """Close the line."""
        self._line.close()

    def _disturb(self, data: bytes) -> bytes:
        if not self.rate:
            return data
        before = self.errors
        out = bytearray()
        for byte in data:
            if self._random.random() >= self.rate:
                out.append(byte)
                continue
            self.errors += 1
            match self._random.randrange(6):
                case 0:
                    pass  # lost
                case 1:
                    out += bytes((byte, self._random.randrange(256)))  # one more
                case 2:
                    out.append(self._random.randrange(256))
                case _:
                    out.append(byte ^ 1 << self._random.randrange(8))
        self.frames += self.errors > before
        return bytes(out)


class DeadLine:
    """A line that nobody listens to: nothing arrives, in either direction; time passes."""

    def __init__(self, line: Transport) -> None:
        self._line = line

    def write(self, data: bytes) -> None:
        """Send bytes to nobody."""

    def read(self, count: int, characters: int) -> bytes:
        """Return nothing, after the time."""
        self._line.read(1 << 20, characters)
        return b""

    def close(self) -> None:
        """Close the line."""
        self._line.close()
