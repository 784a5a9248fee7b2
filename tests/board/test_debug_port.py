"""The client of the debug port on lines that misbehave."""

from __future__ import annotations

import pytest

from asicflow.board.adp import Adp, BusError, LinkError


class Script:
    """A line that answers each line of the host with the next text."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.waiting = b""
        self.sent: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.sent.append(data)
        self.waiting += self.answers.pop(0) if self.answers else b""

    def read(self, count: int, characters: int) -> bytes:
        data, self.waiting = self.waiting[:count], self.waiting[count:]
        return data

    def close(self) -> None: ...


PROMPT = b"\n\r]"


def test_words_are_read_and_characters_of_the_processor_put_aside() -> None:
    line = Script(b"<h><>><<>A 0x00000010" + PROMPT, b"R 0x00000001\n\rR 0xFFFFFFFF" + PROMPT + b"<i>")
    port = Adp(line)
    assert port.read(0x10, 2) == [1, 0xFFFF_FFFF]
    assert port.console() == "h><" and port.listen(1) == "i" and port.console() == ""
    assert line.sent == [b"A 10\n", b"R 00000002\n"]


def test_the_address_is_sent_only_when_it_is_another() -> None:
    line = Script(b"A 0x00000010" + PROMPT, b"R 0x00000001" + PROMPT, b"R 0x00000002" + PROMPT)
    port = Adp(line)
    assert port.read(0x10) == [1] and port.read(0x14) == [2]
    assert line.sent == [b"A 10\n", b"R 00000001\n", b"R 00000001\n"]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([b"A 0x00000014" + PROMPT], "asked for address"),
        ([b"A 0x00000010" + PROMPT, b"R 0x00000001\n\r"], "no answer"),
        ([b"A 0x00000010" + PROMPT, b"R 0x0000001" + PROMPT], "asked for 1 words|expected an answer"),
        ([b"A 0x00000010" + PROMPT, b"W 0x00000001" + PROMPT], "expected an answer to R"),
        ([b"A 0x00000010" + PROMPT, b"R 0x00000001\n\rR 0x00000001" + PROMPT], "has 1 answers, got 2"),
        ([b"A 0x00000010" + PROMPT, b"?" + PROMPT], "does not understand"),
        ([b"A 0x00000010" + PROMPT, PROMPT], "does not understand"),
        ([b"A 0x00000010" + PROMPT, b"<ab"], "ends with"),
        ([], "no answer"),
    ],
)
def test_answers_that_do_not_fit(answers: list[bytes], error: str) -> None:
    with pytest.raises(LinkError, match=error):
        Adp(Script(*answers)).read(0x10)


def test_a_write_that_came_in_wrong_is_seen() -> None:
    with pytest.raises(LinkError, match="understood"):
        Adp(Script(b"A 0x00000010" + PROMPT, b"W 0x00000003" + PROMPT)).write(0x10, 1)


def test_an_upload_that_lost_a_byte_is_seen() -> None:
    with pytest.raises(LinkError, match="ended with"):
        Adp(Script(b"A 0x00000010" + PROMPT, b"U 0x00000013" + PROMPT)).upload(0x10, b"1234")


def test_a_bus_error_names_its_address() -> None:
    line = Script(b"A 0x00000010" + PROMPT, b"R 0x00000001\n\rR!0x00000014" + PROMPT)
    with pytest.raises(BusError) as caught:
        Adp(line).read(0x10, 2)
    assert caught.value.address == 0x14


def test_a_poll_without_a_match_says_what_it_saw() -> None:
    steps = [b"M 0x00000001", b"V 0x00000001", b"A 0x00000010", b"P?0x00000006"]
    with pytest.raises(LinkError, match="0x00000006"):
        Adp(Script(*(step + PROMPT for step in steps))).poll(0x10, 1, 1, 4)
