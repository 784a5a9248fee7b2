"""The logic functions of Liberty cells (``function``, ``next_state``, ``when``) as truth tables."""

from __future__ import annotations

import re
from collections.abc import Sequence

from asicflow.errors import UserError

MOST_INPUTS = 6
"""A truth table of so many inputs fills 64 bits."""

_COLUMNS = (
    0xAAAAAAAAAAAAAAAA,
    0xCCCCCCCCCCCCCCCC,
    0xF0F0F0F0F0F0F0F0,
    0xFF00FF00FF00FF00,
    0xFFFF0000FFFF0000,
    0xFFFFFFFF00000000,
)
_TOKEN = re.compile(r"\s*([A-Za-z_][\w\[\]]*|[01!()&|^*+'])")


def truth_table(expression: str, names: Sequence[str]) -> int:
    """The value of an expression for every state of its inputs.

    Parameters
    ----------
    expression : str
        Names, 0, 1, parentheses and the operators ``!``, ``'`` (behind its operand), ``^``, ``&`` or ``*``,
        ``|`` or ``+``; the first binds strongest.
    names : sequence of str
        Its inputs, at most six.

    Returns
    -------
    int
        Bit k is the value where input i is bit i of k; ``2**len(names)`` bits.

    Raises
    ------
    UserError
        If the expression is none, or reads another name.
    """
    if len(names) > MOST_INPUTS:
        raise UserError(f"a function of {len(names)} inputs; at most {MOST_INPUTS} are supported", where=expression)
    return _Reader(expression, names).all()


def names_in(expression: str) -> list[str]:
    """The names that an expression reads, in order."""
    return list(dict.fromkeys(re.findall(r"[A-Za-z_][\w\[\]]*", expression)))


class _Reader:
    """Recursive descent over one expression; values are truth tables."""

    def __init__(self, expression: str, names: Sequence[str]) -> None:
        self.expression, self.at = expression, 0
        self.full = (1 << (1 << len(names))) - 1
        self.values = {name: _COLUMNS[i] & self.full for i, name in enumerate(names)}
        self.tokens: list[str] = []
        end = 0
        while expression[end:].strip():
            found = _TOKEN.match(expression, end)
            if found is None:
                raise self.error(f"'{expression[end:].strip()[0]}'")
            self.tokens.append(found[1])
            end = found.end()

    def error(self, what: str) -> UserError:
        return UserError(f"logic function: {what} is not understood", where=self.expression)

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def all(self) -> int:
        value = self.either()
        if self.peek():
            raise self.error(f"'{self.peek()}'")
        return value

    def either(self) -> int:
        value = self.both()
        while self.peek() in ("|", "+"):
            self.take()
            value |= self.both()
        return value

    def both(self) -> int:
        value = self.differ()
        while self.peek() in ("&", "*"):
            self.take()
            value &= self.differ()
        return value

    def differ(self) -> int:
        value = self.one()
        while self.peek() == "^":
            self.take()
            value ^= self.one()
        return value

    def one(self) -> int:
        token = self.take()
        if token == "!":
            return self.one() ^ self.full
        if token == "(":
            value = self.either()
            if self.take() != ")":
                raise self.error("a parenthesis without its end")
        elif token in ("0", "1"):
            value = self.full * int(token)
        elif token in self.values:
            value = self.values[token]
        else:
            raise self.error(f"'{token}'" if token else "the end")
        while self.peek() == "'":
            self.take()
            value ^= self.full
        return value
