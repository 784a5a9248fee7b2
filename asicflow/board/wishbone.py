"""A chip's bus from outside: the Wishbone port that the processor of a shuttle's frame has.

In Caravel the management processor is at this port. What runs here over the simulated board is what its program does:
load, start, read back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from asicflow.board.adp import BusError, LinkError, NoMatch
from asicflow.board.link import Link
from asicflow.board.transport import Transport
from asicflow.errors import UserError

T = TypeVar("T")

WINDOW = 0x3000_0000
"""Where the frame's processor sees the system."""

_PAGE_BITS, _PAGES = 27, 4  # of an address of the system: below its page; of one in the window the page is that lower
_LOW = (1 << _PAGE_BITS - _PAGES) - 1


class WishboneHost(Transport, Protocol):
    """The far end: a board whose frame has a processor."""

    def wishbone(self, address: int, lanes: int = 15, data: int | None = None) -> int | None:
        """One access, a write when ``data`` is given; returns the data lines at its end, None without one."""

    def hold(self, on: bool) -> None:
        """Let the frame's processor hold the system's in reset."""

    def frame_status(self) -> tuple[int, int]:
        """Return the lowest word of the logic analyser's outputs, and the interrupts."""


def windowed(address: int) -> int:
    """Return where the frame's processor sees an address of the system.

    Raises
    ------
    UserError
        If it does not: the window holds the first 8 MB of each 128 MB.
    """
    page, low = address >> _PAGE_BITS, address & (1 << _PAGE_BITS) - 1
    if low > _LOW:
        raise UserError(f"no access over Wishbone reaches {address:#010x}", where="the window of the frame")
    return WINDOW | page << _PAGE_BITS - _PAGES | low


class WishbonePort(Link):
    """The calls of a :class:`~asicflow.board.link.Link`, over Wishbone: nothing is lost, nothing is repeated.

    Parameters
    ----------
    host : WishboneHost
        The board.
    """

    ERROR = 8  # la_data_out: the last access failed
    LOOKS = 20_000  # a look takes some cycles only

    def __init__(self, host: WishboneHost) -> None:
        super().__init__(host)
        self._host = host

    def persist(self, action: Callable[[], T], repair: Callable[[], object] | None = None) -> T:
        """Return what ``action`` returns."""
        return action()

    def connect(self) -> str:
        """There is nothing to connect."""
        return ""

    def access(self, address: int, data: int | None = None, lanes: int = 15) -> int:
        """One access to an address of the system; returns the data lines.

        Raises
        ------
        BusError
            If the bus of the system answers with an error.
        LinkError
            If there is no acknowledgement.
        """
        found = self._host.wishbone(windowed(address), lanes, data)
        if found is None:
            raise LinkError("no acknowledgement", where=f"{windowed(address):#010x} on Wishbone")
        if self._host.frame_status()[0] & self.ERROR:
            raise BusError("Wishbone", address)
        return found

    def read(self, address: int, count: int = 1) -> list[int]:
        """Return ``count`` words."""
        return [self.access(address + 4 * k) for k in range(count)]

    def sample(self, address: int, count: int = 1) -> list[int]:
        """The same: no digit is ever wrong here."""
        return self.read(address, count)

    def write(self, address: int, values: int | Sequence[int]) -> None:
        """Write words."""
        for k, word in enumerate([values] if isinstance(values, int) else values):
            self.access(address + 4 * k, word & 0xFFFFFFFF)

    def upload(self, address: int, data: bytes) -> None:
        """Write bytes; lanes select the last ones."""
        for k in range(0, len(data), 4):
            part = data[k : k + 4]
            self.access(address + k, int.from_bytes(part, "little"), (1 << len(part)) - 1)

    def fill(self, address: int, value: int, count: int) -> None:
        """Write the same word ``count`` times."""
        self.write(address, [value] * count)

    def poll(self, address: int, mask: int, value: int, count: int) -> int:
        """Read a word up to ``count`` times until ``(word ^ value) & mask`` is 0; return it (NoMatch if never)."""
        for _ in range(count):
            found = self.access(address)
            if not (found ^ value) & mask:
                return found
        raise NoMatch(f"the word at {address:#x} stayed {found:#x}", hint=f"waited for {value:#x} in {mask:#x}")

    def hold_cpu(self) -> None:
        """Put the processor into reset."""
        self._host.hold(True)

    def release_cpu(self) -> None:
        """Let the processor run from its reset vector."""
        self._host.hold(False)
