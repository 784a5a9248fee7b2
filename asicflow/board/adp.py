"""Client of the debug port (``ip/adp``): ASCII commands over a byte stream.

Everything the chip answers is checked; an answer that does not fit ends in a
:class:`LinkError` that shows what was seen last.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence

from asicflow.board.transport import Transport
from asicflow.errors import AsicflowError, ExitCode

ESC = b"\x1b"
PROMPT = b"]"
HOLD_CPU = 0x01
_ANSWER = re.compile(r"([A-Z])([ !?])0x([0-9A-F]{8})")
_ACCESSES = "RWFPU"
_CHANGES = "WFUSC"  # commands that change something
_DIGIT_COMMANDS = ("A", "C", "F")  # letters of commands that are hexadecimal digits
_DRAINED = 5000  # characters of output that nobody waits for
_LINE, _SHORT = 14, {"C": 11, "S": 9}  # characters of an answer's line; of shorter answers with the prompt
_SLACK = 64  # characters of patience beyond those of the answer
_UPLOAD_SLACK = 450  # an upload that lost a byte ends after 4,096 bit times
_SILENCE = 24  # characters without one: the chip has nothing more to say


class LinkError(AsicflowError):
    """The chip does not answer, or not as it must."""

    exit_code = ExitCode.STAGE_FAILED


class Misunderstood(LinkError):
    """The chip did something else than it was told: what it holds is no longer known."""


class ChipError(LinkError):
    """The link works, but the chip is not what it should be; asking again does not help."""


class NoMatch(LinkError):
    """A polled word did not become what it should in the time given."""


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

    Attributes
    ----------
    unanswered : int
        How often ESC brought no prompt.
    """

    def __init__(self, transport: Transport) -> None:
        self._line = transport
        self.unanswered = 0
        self._console = bytearray()
        self._wrapped: bytes | None = None  # what has come of a processor's character
        self._seen: deque[int] = deque(maxlen=40)
        self._address: int | None = None
        self._settings: dict[str, int] = {}  # mask and value that the chip has

    # -- link -----------------------------------------------------------------------------------
    def connect(self) -> str:
        """Send ESC until the chip shows its prompt and nothing more, whatever it was doing.

        Returns what came before, for example the answer to a command that nobody waited for. The first
        attempt waits for a prompt, later ones for the end of an upload that may be running, too.

        Raises
        ------
        LinkError
            If the chip shows no prompt.
        """
        self._address = None
        self._settings.clear()
        text = ""
        for silence in (_SILENCE, _UPLOAD_SLACK, _UPLOAD_SLACK):
            self._line.write(ESC)
            text += self._drain(silence)
            if PROMPT.decode() in text:
                return text
            self.unanswered += 1
        raise LinkError(
            f"the chip does not answer ESC{self._last_seen()}",
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
        self._take(self._receive(1 << 20, characters))
        return self.console()

    # -- accesses -------------------------------------------------------------------------------
    def read(self, address: int, count: int = 1) -> list[int]:
        """Return ``count`` 32-bit words from ``address`` on (BusError names the word that failed)."""
        self._goto(address)
        values = [self._value(answer, "R") for answer in self._command(f"R {count:08X}", lines=count)]
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
            address += 4
            self._address = address

    def upload(self, address: int, data: bytes) -> None:
        """Write bytes from ``address`` on, raw over the line (memories only)."""
        if not data:
            return
        self._goto(address)
        self._line.write(_spelled(f"U {len(data):X}") + data)
        (answer,) = self._answers(f"U {len(data):X}", 1, len(data), _UPLOAD_SLACK)
        if self._value(answer, "U") != address + len(data):
            raise Misunderstood(f"sent {len(data)} bytes to {address:#x}, the chip ended with {answer}")
        self._address = address + len(data)

    def poll(self, address: int, mask: int, value: int, count: int) -> int:
        """Read a word up to ``count`` times until ``(word ^ value) & mask`` is 0; return it (LinkError if never)."""
        self._set("M", mask)
        self._set("V", value)
        patience = count // 4  # an attempt takes less than the time of a quarter character
        self._goto(address)
        (answer,) = self._command(f"P {count:08X}", patience=patience)
        found = self._value(answer, "P")
        self._address = address
        if answer[1] == "?":
            raise NoMatch(f"the word at {address:#x} stayed {answer}", hint=f"waited for {value:#x} in {mask:#x}")
        return found

    def fill(self, address: int, value: int, count: int) -> None:
        """Write the same word ``count`` times from ``address`` on."""
        self._set("V", value)
        self._goto(address)
        (answer,) = self._command(f"F {count:08X}", patience=count)
        if self._value(answer, "F") != address + 4 * count:
            raise Misunderstood(f"filled {count} words from {address:#x}, the chip ended with {answer}")

    def compare(self, address: int, value: int) -> bool:
        """Let the chip compare a word."""
        self._set("M", 0xFFFFFFFF)
        self._set("V", value)
        self._goto(address)
        (answer,) = self._command("P")
        found = self._value(answer, "P")
        self._address = address
        if (found == value) != (answer[1] == " "):
            raise LinkError(f"compared with {value:#x}, the chip says {answer}")
        return found == value

    def push(self, byte: int) -> None:
        """Give the processor a byte on stdin (LinkError when it does not take it)."""
        (answer,) = self._command(f"S {byte:02X}")
        if answer != f"S 0x{byte:02X}":
            raise LinkError(f"the processor does not take a byte: {answer}")

    def hold_cpu(self) -> None:
        """Put the processor into reset."""
        self.outputs(set_bits=HOLD_CPU)

    def release_cpu(self) -> None:
        """Let the processor run from its reset vector."""
        self.outputs(clear_bits=HOLD_CPU)

    def outputs(self, set_bits: int = 0, clear_bits: int = 0) -> int:
        """Set or clear bits of the port's outputs (one of the two); return inputs (8-15) and outputs (0-7)."""
        operation = 0x200 | set_bits if set_bits else 0x100 | clear_bits
        (answer,) = self._command(f"C {operation:X}")
        found = re.fullmatch(r"C 0x([0-9A-F]{4})", answer)
        if found is None:
            raise LinkError(f"expected an answer to C, got {answer!r}")
        state = int(found[1], 16)
        if state & set_bits != set_bits or state & clear_bits:
            raise LinkError(f"told the outputs {operation:#x}, the chip understood {answer}")
        return state

    # -- protocol -------------------------------------------------------------------------------
    def _goto(self, address: int) -> None:
        if self._address != address:
            (answer,) = self._command(f"A {address:X}")
            if self._value(answer, "A") != address:
                raise LinkError(f"asked for address {address:#x}, got {answer}")
            self._address = address

    def _set(self, letter: str, number: int) -> None:
        """Set mask or value, if it is another one."""
        if self._settings.get(letter) != number:
            (answer,) = self._command(f"{letter} {number:X}")
            if self._value(answer, letter) != number:
                raise LinkError(f"set {letter} to {number:#x}, the chip understood {answer}")
            self._settings[letter] = number

    def _command(self, line: str, lines: int = 1, patience: int = 0) -> list[str]:
        self._line.write(_spelled(line))
        return self._answers(line, lines, len(line), patience)

    def _answers(self, line: str, lines: int, sent: int, patience: int = 0) -> list[str]:
        """Return the answers to a command; afterwards the address is unknown unless the caller sets it."""
        self._address = None
        least = _SHORT.get(line[0], _LINE * lines + len(PROMPT))
        text = self._until_prompt(sent + 16 * lines + patience + _SLACK, least)
        if text is None:
            raise LinkError(f"no answer to '{line}'{self._last_seen()}", where="debug port", hint="connect again")
        answers = [part for part in re.split(r"[\r\n]+", text) if part]
        if answers and answers[-1].startswith(f"{line[0]}!") and line[0] in _ACCESSES:
            raise BusError(line, self._value(answers[-1], line[0]))
        if not answers or answers == ["?"]:
            raise LinkError(f"the chip does not understand '{line}'", where=repr(text))
        if len(answers) != lines:
            raise LinkError(f"'{line}' has {lines} answers, got {len(answers)}", where=repr(text[-80:]))
        return answers

    def _value(self, answer: str, letter: str) -> int:
        found = _ANSWER.fullmatch(answer)
        if found is None or found[1] != letter:
            changed = found is not None and found[1] in _CHANGES
            raise (Misunderstood if changed else LinkError)(f"expected an answer to {letter}, got {answer!r}")
        return int(found[3], 16)

    def _until_prompt(self, characters: int, least: int) -> str | None:
        """Return the text before the prompt, as a rule ``least`` characters with it; None when it does not come."""
        text = self._take(self._receive(least, characters))
        while not text.endswith(PROMPT.decode()):
            part = self._receive(1, characters)
            if not part or len(text) > characters:
                return None
            text += self._take(part)
        return text[:-1]

    def _drain(self, silence: int) -> str:
        """Return all that comes until the line is silent for so many characters (at most some thousands)."""
        text = ""
        self._wrapped = None
        for _ in range(_DRAINED):
            part = self._receive(1, silence)
            if not part:
                break
            try:
                text += self._take(part)
            except LinkError:
                self._wrapped = None
        return text

    def _receive(self, count: int, characters: int) -> bytes:
        data = self._line.read(count, characters)
        self._seen.extend(data)
        return data

    def _last_seen(self) -> str:
        seen = bytes(self._seen).decode("latin-1")
        return f"; last seen: {seen!r}" if seen else "; nothing was ever seen"

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


def _spelled(line: str) -> bytes:
    """The characters of a command; an argument that begins like a command gets ``0x``.

    Otherwise a lost first letter would leave another command: of ``W FFFFFFFF`` a fill to the end of the memory.
    """
    letter, _, argument = line.partition(" ")
    return (f"{letter} 0x{argument}" if argument[:1] in _DIGIT_COMMANDS else line).encode() + b"\n"
