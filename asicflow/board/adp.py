"""Client of the debug port (``ip/adp``): ASCII commands over a byte stream.

Everything the chip answers is checked; an answer that does not fit ends in a
:class:`LinkError` that shows what was seen last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from asicflow.board.transport import Transport
from asicflow.errors import AsicflowError, ExitCode

ESC = b"\x1b"
PROMPT = b"]"
HOLD_CPU = 0x01
_ANSWER = re.compile(r"([A-Z])([ !?])0x([0-9A-F]{8})")
_SLACK = 200  # characters of patience beyond those of the answer


class LinkError(AsicflowError):
    """The chip does not answer, or not as it must."""

    exit_code = ExitCode.STAGE_FAILED


class BusError(LinkError):
    """The chip answered an access with a bus error; ``address`` is where."""

    def __init__(self, command: str, address: int) -> None:
        super().__init__(f"bus error at {address:#010x} ({command})")
        self.address = address


class Adp:
    """The debug port of one chip.

    Parameters
    ----------
    transport : Transport
        The line.
    """

    def __init__(self, transport: Transport) -> None:
        self._line = transport
        self._console = bytearray()
        self._address: int | None = None

    # -- link -----------------------------------------------------------------------------------
    def connect(self) -> None:
        """Send ESC until the chip shows its prompt (LinkError after three times)."""
        self._address = None
        for _ in range(3):
            self._line.write(ESC)
            if self._until_prompt(64) is not None:
                return
        raise LinkError(
            "the chip does not answer ESC",
            where="debug port",
            hint="check power, clock, reset and that RX and TX are not swapped",
        )

    def console(self) -> str:
        """Return what the processor has written since the last call, and forget it."""
        text = self._console.decode("latin-1")
        self._console.clear()
        return text

    def listen(self, characters: int) -> str:
        """Wait for so many characters' time, then return :meth:`console`."""
        self._take(self._line.read(1 << 20, characters))
        return self.console()

    # -- accesses -------------------------------------------------------------------------------
    def read(self, address: int, count: int = 1) -> list[int]:
        """Return ``count`` 32-bit words from ``address`` on (BusError names the word that failed)."""
        self._goto(address)
        answers = self._command(f"R {count:08X}", lines=count)
        values = [self._value(answer, "R") for answer in answers]
        if len(values) != count:
            raise LinkError(f"asked for {count} words, got {len(values)}", where=f"{address:#010x}")
        self._address = address + 4 * count
        return values

    def write(self, address: int, values: int | Sequence[int]) -> None:
        """Write 32-bit words from ``address`` on."""
        words = [values] if isinstance(values, int) else values
        self._goto(address)
        for word in words:
            (answer,) = self._command(f"W {word & 0xFFFFFFFF:08X}")
            if self._value(answer, "W") != word & 0xFFFFFFFF:
                raise LinkError(f"wrote {word:#x}, the chip understood {answer}")
        self._address = address + 4 * len(words)

    def upload(self, address: int, data: bytes) -> None:
        """Write bytes from ``address`` on, raw over the line (memories only)."""
        if not data:
            return
        self._goto(address)
        self._line.write(f"U {len(data):X}\n".encode() + data)
        (answer,) = self._answers(f"U {len(data):X}", 1, len(data))
        if self._value(answer, "U") != address + len(data):
            raise LinkError(f"sent {len(data)} bytes to {address:#x}, the chip ended with {answer}")
        self._address = address + len(data)

    def poll(self, address: int, mask: int, value: int, count: int) -> int:
        """Read a word up to ``count`` times until ``(word ^ value) & mask`` is 0; return it (LinkError if never)."""
        self._goto(address)
        for letter, number in (("M", mask), ("V", value)):
            self._command(f"{letter} {number:X}")
        patience = count // 4  # an attempt takes less than the time of a quarter character
        (answer,) = self._command(f"P {count:08X}", patience=patience)
        if answer[1] == "?":
            raise LinkError(f"the word at {address:#x} stayed {answer}", hint=f"waited for {value:#x} in {mask:#x}")
        return self._value(answer, "P")

    def push(self, byte: int) -> None:
        """Give the processor a byte on stdin (LinkError when it does not take it)."""
        (answer,) = self._command(f"S {byte:X}")
        if answer != f"S 0x{byte:02X}":
            raise LinkError(f"the processor does not take a byte: {answer}")

    def hold_cpu(self) -> None:
        """Put the processor into reset."""
        self._command(f"C {0x200 | HOLD_CPU:X}")

    def release_cpu(self) -> None:
        """Let the processor run from its reset vector."""
        self._command(f"C {0x100 | HOLD_CPU:X}")

    # -- protocol -------------------------------------------------------------------------------
    def _goto(self, address: int) -> None:
        if self._address != address:
            (answer,) = self._command(f"A {address:X}")
            if self._value(answer, "A") != address:
                raise LinkError(f"asked for address {address:#x}, got {answer}")
            self._address = address

    def _command(self, line: str, lines: int = 1, patience: int = 0) -> list[str]:
        self._line.write(line.encode() + b"\n")
        return self._answers(line, lines, len(line), patience)

    def _answers(self, line: str, lines: int, sent: int, patience: int = 0) -> list[str]:
        text = self._until_prompt(sent + 16 * lines + patience + _SLACK)
        if text is None:
            self._address = None
            raise LinkError(f"no answer to '{line}'", where="debug port", hint="connect again")
        answers = [part for part in re.split(r"[\r\n]+", text) if part]
        failed = [answer for answer in answers if answer[1:2] == "!"]
        if failed:
            self._address = None
            raise BusError(line, int(failed[0][4:], 16))
        if not answers or answers == ["?"]:
            raise LinkError(f"the chip does not understand '{line}'", where=repr(text))
        return answers

    def _value(self, answer: str, letter: str) -> int:
        found = _ANSWER.fullmatch(answer)
        if found is None or found[1] != letter:
            raise LinkError(f"expected an answer to {letter}, got {answer!r}")
        return int(found[3], 16)

    def _until_prompt(self, characters: int) -> str | None:
        """Return the text before the prompt; None when it does not come in time."""
        text = ""
        for _ in range(characters):
            part = self._line.read(1, characters)
            if not part:
                return None
            text += self._take(part)
            if text.endswith(PROMPT.decode()):
                return text[:-1]
        return None

    def _take(self, data: bytes) -> str:
        """Sort received bytes: ``<c>`` is the processor's c, the rest is returned."""
        text = bytearray()
        for byte in data:
            if self._wrapped is None:
                if byte == ord("<"):
                    self._wrapped = b""
                else:
                    text.append(byte)
            elif not self._wrapped:
                self._wrapped = bytes([byte])
            else:
                if byte != ord(">"):
                    raise LinkError(f"a character of the processor ends with {byte:#x} instead of '>'")
                self._console += self._wrapped
                self._wrapped = None
        return text.decode("latin-1")

    _wrapped: bytes | None = None
