"""Accesses and transfers that survive lost and corrupted bytes.

An answer of the debug port has no checksum, so a read counts when several in a row agree; a write is echoed.
Bulk data goes by raw upload and is checked on the chip, by the boot ROM (CRC-16 over the memory), or read
back when there is no processor. Requests to programs are frames (:mod:`asicflow.firmware.frame`).

Whatever fails is repeated after the port has been brought back to its prompt. A command that the chip took for
another one (:class:`~asicflow.board.adp.Misunderstood`) is not repeated here: the caller knows what to rebuild.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TypeVar

from asicflow.board.adp import Adp, BusError, ChipError, LinkError, Misunderstood, NoMatch
from asicflow.board.transport import Transport
from asicflow.firmware.frame import LAST_SEQUENCE, Status, crc16, pack_request, read_answer

T = TypeVar("T")

ATTEMPTS = 12
AGREE = 3
LARGEST_CHUNK, SMALLEST_CHUNK = 1024, 64
_PIECE = 64  # bytes that are read back at once
MOST_RETRIES = 1000  # of one transfer
_MISSES = 2  # polls without a match that are believed


@dataclass
class Counts:
    """What the link has been through: ``frames`` sent, ``retries`` of anything, ``misunderstood`` commands."""

    frames: int = 0
    retries: int = 0
    misunderstood: int = 0

    def since(self, before: Counts) -> Counts:
        """Return the difference to an earlier count."""
        return Counts(**{name: value - getattr(before, name) for name, value in asdict(self).items()})


@dataclass(frozen=True)
class Mailbox:
    """Where a program takes requests and leaves answers; ``words`` is the answer's length."""

    request: int
    answer: int
    words: int


class Link(Adp):
    """A debug port on a line that may lose or corrupt bytes. The same calls as :class:`Adp`."""

    LOOKS = 64
    """Looks at an answer before its program counts as stuck."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.counts = Counts()
        self.attempts = ATTEMPTS
        self._sequence = 0

    def persist(self, action: Callable[[], T], repair: Callable[[], object] | None = None) -> T:
        """Return what ``action`` returns, repeated when the link fails, after ``repair``.

        Without ``repair`` the port is connected again, and misunderstood commands are not repeated.

        Raises
        ------
        LinkError
            If it fails :attr:`attempts` times; says how it failed last.
        """
        last = LinkError("nothing was tried")
        unmatched = 0
        for attempt in range(self.attempts):
            try:
                if attempt:
                    self.counts.retries += not isinstance(last, BusError)
                    self._resume(repair)
                return action()
            except ChipError:
                raise
            except NoMatch as error:  # once may be a wrong character
                unmatched += 1
                if unmatched == _MISSES:
                    raise
                last = error
            except Misunderstood as error:
                self.counts.misunderstood += 1
                if repair is None:
                    raise
                last = error
            except LinkError as error:
                last = error
        if isinstance(last, BusError):
            raise last
        raise LinkError(
            f"gave up after {self.attempts} attempts; the last one: {last.what}", where=last.where, hint=last.hint
        )

    def _resume(self, repair: Callable[[], object] | None) -> None:
        left = super().connect()
        if repair is not None:
            repair()
        elif any(f"{letter} 0x" in left or f"{letter}!0x" in left for letter in "FU"):
            raise Misunderstood(f"the chip did what it was not told: {left[-80:]!r}")

    # -- accesses -------------------------------------------------------------------------------
    def connect(self) -> str:
        """See :meth:`Adp.connect`; repeated on a bad line."""
        return self.persist(super().connect)

    def read(self, address: int, count: int = 1) -> list[int]:
        """Return ``count`` words that :data:`AGREE` reads in a row agree on (words that stay as they are)."""
        values, agreed = self.sample(address, count), 1
        for _ in range(4 * ATTEMPTS):
            if agreed == AGREE:
                return values
            again = self.sample(address, count)
            agreed = agreed + 1 if again == values else 1
            self.counts.retries += agreed == 1
            values = again
        raise LinkError(f"no {AGREE} reads in a row agree", where=f"{address:#010x}", hint="is the line too noisy?")

    def sample(self, address: int, count: int = 1) -> list[int]:
        """Return ``count`` words of one read (words that change; a digit may be wrong on a bad line)."""
        return self._persist_access(partial(Adp.read, self, address, count))

    def write(self, address: int, values: int | Sequence[int]) -> None:
        """Write words, each until the chip says that it understood; on a bad line maybe more than once."""
        for index, word in enumerate([values] if isinstance(values, int) else values):
            self._persist_access(partial(Adp.write, self, address + 4 * index, word))

    def upload(self, address: int, data: bytes) -> None:
        """Write bytes without a check of their contents; see :meth:`load`."""
        self.persist(partial(Adp.upload, self, address, data))

    def poll(self, address: int, mask: int, value: int, count: int) -> int:
        """See :meth:`Adp.poll`; that the word stayed another one is not repeated."""
        return self.persist(partial(Adp.poll, self, address, mask, value, count))

    def fill(self, address: int, value: int, count: int) -> None:
        """See :meth:`Adp.fill`."""
        self.persist(partial(Adp.fill, self, address, value, count), lambda: None)

    def compare(self, address: int, value: int) -> bool:
        """See :meth:`Adp.compare`; that the word is another one must be seen twice."""
        ask = partial(Adp.compare, self, address, value)
        return self._persist_access(ask) or self._persist_access(ask)

    def push(self, byte: int) -> None:
        """See :meth:`Adp.push`."""
        self.persist(partial(Adp.push, self, byte))

    def outputs(self, set_bits: int = 0, clear_bits: int = 0) -> int:
        """See :meth:`Adp.outputs`."""
        return self.persist(partial(Adp.outputs, self, set_bits, clear_bits))

    def _persist_access(self, action: Callable[[], T]) -> T:
        """Persist, but believe a bus error that comes twice."""
        seen: set[int] = set()

        def attempt() -> T:
            try:
                return action()
            except BusError as error:
                if error.address in seen:
                    raise Refused(error) from error
                seen.add(error.address)
                raise

        try:
            value = self.persist(attempt)
        except Refused as refused:
            raise refused.error from None
        self.counts.retries += len(seen)  # errors that the bus did not mean
        return value

    # -- bulk transfers -------------------------------------------------------------------------
    def load(self, address: int, data: bytes, checker: Mailbox | None) -> None:
        """Write bytes from a word's address on and make sure that they arrived.

        Parameters
        ----------
        address : int
            A multiple of 4.
        data : bytes
            Padded with zeros to whole words.
        checker : Mailbox or None
            The boot ROM's; None reads everything back, which takes four times as long.

        Raises
        ------
        LinkError
            If a part does not arrive intact in :data:`ATTEMPTS` attempts.
        """
        data += bytes(-len(data) % 4)
        before = self.counts.retries
        todo = deque((k, min(LARGEST_CHUNK, len(data) - k)) for k in range(0, len(data), LARGEST_CHUNK))
        checked: tuple[int, int, int] | None = None  # the part that the chip is checking meanwhile, and the request
        while todo or checked:
            part = todo.popleft() if todo else None
            if part is not None:
                self._load_raw(address + part[0], data[part[0] : part[0] + part[1]])
            if checked is not None and not self._is_intact(address, data, *checked, checker):
                todo.extend(self._halves(address, *checked[:2], before))
            checked = (*part, self._ask_for_check(address, *part, checker)) if part is not None else None
        if self.counts.retries != before:  # something may have been written elsewhere
            whole = (0, len(data))
            if not self._is_intact(address, data, *whole, self._ask_for_check(address, *whole, checker), checker):
                raise Misunderstood("what had been loaded has changed", where=f"{address:#010x}")

    def _halves(self, address: int, offset: int, size: int, before: int) -> list[tuple[int, int]]:
        """Two parts instead of one that did not arrive: short ones arrive sooner on a bad line."""
        self.counts.retries += 1
        if self.counts.retries - before > MOST_RETRIES:
            raise LinkError(f"{size} bytes do not arrive intact", where=f"{address + offset:#010x}")
        half = max(SMALLEST_CHUNK, size // 8 * 4)
        return [(k, min(half, offset + size - k)) for k in range(offset, offset + size, half)]

    def _load_raw(self, address: int, part: bytes) -> None:
        """Upload; a byte that was lost shows in the check that follows."""
        try:
            super().upload(address, part)
        except Misunderstood:
            raise
        except LinkError:
            self.counts.retries += 1
            self._resume(None)

    def _ask_for_check(self, address: int, offset: int, size: int, checker: Mailbox | None) -> int:
        """Ask the boot ROM for a CRC and return the request's number (0 without one)."""
        return self._post(checker, struct.pack("<2I", address + offset, size // 4)) if checker else 0

    def _is_intact(
        self, address: int, data: bytes, offset: int, size: int, sequence: int, checker: Mailbox | None
    ) -> bool:
        """True when the chip has these bytes; False also when it did not understand the question."""
        part = data[offset : offset + size]
        if checker is None:
            return all(self._reads_back(address + offset + k, part[k : k + _PIECE]) for k in range(0, size, _PIECE))
        status, words = self._answer(checker, sequence)
        return status == Status.DONE and words[0] == crc16(part)

    def _reads_back(self, address: int, piece: bytes) -> bool:
        """True when one of a few reads is as expected: noise spoils a read, but does not make it right."""
        words = list(struct.unpack(f"<{len(piece) // 4}I", piece))
        return any(self.sample(address, len(words)) == words for _ in range(AGREE))

    # -- frames ---------------------------------------------------------------------------------
    def request(self, box: Mailbox, payload: bytes) -> list[int]:
        """Send a request to a program and return the words of its answer, without the head.

        Raises
        ------
        LinkError
            If the program does not answer; says what its mailbox held last.
        Misunderstood
            If the chip took a command for another one: load the program again.
        """
        status = Status.READY.value
        for _ in range(ATTEMPTS):
            status, words = self._answer(box, self._post(box, payload))
            if status == Status.DONE:
                return words
            self.counts.retries += 1
        raise LinkError(
            f"a request was refused {ATTEMPTS} times, last: {Status(status).name}", where=f"{box.request:#x}"
        )

    def _post(self, box: Mailbox, payload: bytes) -> int:
        """Send a request frame and return its sequence number."""
        self._sequence = self._sequence % LAST_SEQUENCE + 1
        self.counts.frames += 1
        self.upload(box.request, pack_request(payload, self._sequence))
        return self._sequence

    def await_program(self, box: Mailbox) -> None:
        """Wait until a program that has just started says that it is ready (LinkError when it does not)."""
        status, _ = self._answer(box, 0)
        if status != Status.READY:
            raise ChipError(f"the program starts with {Status(status).name}", where=f"{box.answer:#x}")
        self._sequence = 0

    def forget_answer(self, box: Mailbox) -> None:
        """Overwrite the head of an answer, so that an old one is not taken for a new one."""
        self.write(box.answer, 0)

    def _answer(self, box: Mailbox, sequence: int) -> tuple[int, list[int]]:
        """Look at the mailbox until the answer with this number is there, whole; return status and words."""
        words: list[int] = []
        for _ in range(self.LOOKS):
            words = self.sample(box.answer, box.words)
            found = read_answer(words)
            if found is not None and found[0] == sequence:
                return found[1], words[1:]
        raise NoAnswer(
            f"no answer to request {sequence}; last seen: {' '.join(f'{w:08X}' for w in words[:4])}",
            where=f"mailbox at {box.answer:#010x}",
            hint="the program or the processor has stopped",
        )


class NoAnswer(Misunderstood):
    """The program does not answer: what it or its mailbox holds is not known."""


class Refused(ChipError):
    """A bus error that is believed."""

    def __init__(self, error: BusError) -> None:
        super().__init__(error.what)
        self.error = error
