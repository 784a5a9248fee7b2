"""Read the structural Verilog that place and route hands over.

Only what a mapped netlist may hold is understood: modules, ports, wires, instances with named pins,
and plain assigns. Anything else raises `UserError` with the line: a netlist that is half understood
must not be compared with a layout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from asicflow.errors import UserError

_TOKEN = re.compile(
    r"""\\\S+\s            # escaped name, ends at white space
      | \d+'[bdhoBDHO][0-9a-fA-FxXzZ_]+
      | [A-Za-z_][\w$]*
      | \d+
      | [()\[\]{}.,;:=#]
      | (?:(?!\s).)       # anything else, reported by the parser
    """,
    re.VERBOSE,
)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|\(\*(?!\s*\)).*?\*\)", re.DOTALL)

Pin = tuple[str, str]
"""(instance, pin); the instance of a top-level port is the empty string."""


@dataclass
class Instance:
    """One cell instance; ``pins`` maps a pin (``A`` or ``D[3]``) to a net bit, open pins are absent."""

    name: str
    cell: str
    pins: dict[str, str] = field(default_factory=dict)


@dataclass
class Module:
    """A flat module: port bits with their direction, and instances."""

    name: str
    ports: dict[str, str] = field(default_factory=dict)
    instances: dict[str, Instance] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    def net(self, name: str) -> str:
        """The representative of a net after ``assign a = b``."""
        while name in self.aliases:
            name = self.aliases[name]
        return name

    def nets(self) -> dict[str, list[Pin]]:
        """Pins per net, ports included (as ``("", port)``)."""
        found: dict[str, list[Pin]] = {}
        for port in self.ports:
            found.setdefault(self.net(port), []).append(("", port))
        for instance in self.instances.values():
            for pin, net in instance.pins.items():
                found.setdefault(self.net(net), []).append((instance.name, pin))
        return found


class _Tokens:
    """The tokens of one file with their lines."""

    def __init__(self, path: Path) -> None:
        text = _COMMENT.sub(lambda m: "\n" * m.group().count("\n") + " ", path.read_text())
        self.path = path
        self.items: list[tuple[str, int]] = []
        for number, line in enumerate(text.split("\n"), 1):
            self.items += [(m.group(), number) for m in _TOKEN.finditer(line + " ")]
        self.at = 0

    def peek(self) -> str:
        return self.items[self.at][0] if self.at < len(self.items) else ""

    def take(self, wanted: str = "") -> str:
        token = self.peek()
        if not token or (wanted and token != wanted):
            raise self.error(f"expected {wanted or 'more'}, found {token or 'the end'}")
        self.at += 1
        return token

    def name(self) -> str:
        """An identifier, without the backslash of an escaped one."""
        token = self.take()
        if token.startswith("\\"):
            return token[1:].rstrip()
        if not re.match(r"[A-Za-z_]", token):
            raise self.error(f"expected a name, found {token}")
        return token

    def error(self, what: str) -> UserError:
        line = self.items[min(self.at, len(self.items) - 1)][1] if self.items else 0
        return UserError(f"netlist: {what}", where=f"{self.path}:{line}")


@dataclass
class _Scope:
    """The module being read, with its vectors."""

    module: Module
    ranges: dict[str, range] = field(default_factory=dict)
    port_order: list[str] = field(default_factory=list)

    def bits(self, name: str) -> list[str]:
        """The bits of a net from the most significant down; a scalar is itself."""
        if name not in self.ranges:
            return [name]
        return [f"{name}[{i}]" for i in self.ranges[name]]


def read_netlist(path: Path, top: str) -> Module:
    """Read module ``top`` of a structural netlist.

    Raises
    ------
    UserError
        If the file is not structural Verilog, or has no such module.
    """
    tokens = _Tokens(path)
    found: list[str] = []
    while tokens.peek():
        tokens.take("module")
        scope = _module(tokens)
        if scope.module.name == top:
            return scope.module
        found.append(scope.module.name)
    raise UserError(f"the netlist has no module {top}", where=str(path), hint=f"it has: {', '.join(found)}")


def _module(tokens: _Tokens) -> _Scope:
    scope = _Scope(Module(tokens.name()))
    if tokens.peek() == "(":
        _header(tokens, scope)
    tokens.take(";")
    while tokens.peek() != "endmodule":
        _item(tokens, scope)
    tokens.take()
    return scope


def _header(tokens: _Tokens, scope: _Scope) -> None:
    """Port list, either plain names or ANSI declarations."""
    tokens.take("(")
    direction, vector = "", None
    while tokens.peek() != ")":
        if tokens.peek() in ("input", "output", "inout"):
            direction = tokens.take()
            vector = _net_type(tokens)
        name = tokens.name()
        if direction:
            _declare(scope, name, vector, direction)
        if tokens.peek() == ",":
            tokens.take()
    tokens.take(")")


def _net_type(tokens: _Tokens) -> range | None:
    while tokens.peek() in ("wire", "reg", "logic", "tri", "signed"):
        tokens.take()
    if tokens.peek() != "[":
        return None
    tokens.take("[")
    high = int(tokens.take())
    tokens.take(":")
    low = int(tokens.take())
    tokens.take("]")
    return range(high, low - 1, -1) if high >= low else range(high, low + 1)


def _declare(scope: _Scope, name: str, vector: range | None, direction: str) -> None:
    if vector is not None:
        scope.ranges[name] = vector
    if direction:
        scope.module.ports.update(dict.fromkeys(scope.bits(name), direction))


def _item(tokens: _Tokens, scope: _Scope) -> None:
    key = tokens.peek()
    if key in ("input", "output", "inout", "wire", "tri", "supply0", "supply1"):
        direction = tokens.take()
        direction = direction if direction in ("input", "output", "inout") else ""
        vector = _net_type(tokens)
        for name in _names(tokens):
            _declare(scope, name, vector, direction)
    elif key == "assign":
        _assign(tokens, scope)
    elif key in ("always", "initial", "reg", "parameter", "generate", "function"):
        raise tokens.error(f"'{key}' is no part of a structural netlist")
    else:
        _instance(tokens, scope)


def _names(tokens: _Tokens) -> Iterator[str]:
    yield tokens.name()
    while tokens.peek() == ",":
        tokens.take()
        yield tokens.name()
    tokens.take(";")


def _assign(tokens: _Tokens, scope: _Scope) -> None:
    tokens.take("assign")
    left = _expression(tokens, scope)
    tokens.take("=")
    right = _expression(tokens, scope)
    tokens.take(";")
    if len(left) != len(right):
        raise tokens.error(f"assign of {len(right)} bits to {len(left)}")
    for a, b in zip(left, right, strict=True):
        a, b = scope.module.net(a), scope.module.net(b)
        if a != b:
            scope.module.aliases[a] = b


def _instance(tokens: _Tokens, scope: _Scope) -> None:
    cell = tokens.name()
    if tokens.peek() == "#":
        raise tokens.error("a mapped cell takes no parameters")
    instance = Instance(tokens.name(), cell)
    tokens.take("(")
    while tokens.peek() != ")":
        tokens.take(".")
        pin = tokens.name()
        tokens.take("(")
        bits = [] if tokens.peek() == ")" else _expression(tokens, scope)
        tokens.take(")")
        if len(bits) == 1:
            instance.pins[pin] = bits[0]
        else:
            instance.pins.update({f"{pin}[{len(bits) - 1 - i}]": bit for i, bit in enumerate(bits)})
        if tokens.peek() == ",":
            tokens.take()
    tokens.take(")")
    tokens.take(";")
    if instance.name in scope.module.instances:
        raise tokens.error(f"two instances are named {instance.name}")
    scope.module.instances[instance.name] = instance


def _expression(tokens: _Tokens, scope: _Scope) -> list[str]:
    """A net, bit, part, constant or concatenation as bits from the most significant down."""
    token = tokens.peek()
    if token == "{":
        tokens.take()
        bits = _expression(tokens, scope)
        while tokens.peek() == ",":
            tokens.take()
            bits += _expression(tokens, scope)
        tokens.take("}")
        return bits
    if re.match(r"\d+'", token):
        return _constant(tokens.take())
    name = tokens.name()
    if tokens.peek() != "[":
        return scope.bits(name)
    tokens.take("[")
    high = int(tokens.take())
    low = high
    if tokens.peek() == ":":
        tokens.take()
        low = int(tokens.take())
    tokens.take("]")
    step = -1 if high >= low else 1
    return [f"{name}[{i}]" for i in range(high, low + step, step)]


def _constant(token: str) -> list[str]:
    width, rest = token.split("'")
    base = {"b": 2, "d": 10, "h": 16, "o": 8}[rest[0].lower()]
    if set(rest[1:].lower()) & {"x", "z"}:
        return ["1'bx"] * int(width)
    value = int(rest[1:].replace("_", ""), base)
    return [f"1'b{value >> i & 1}" for i in reversed(range(int(width)))]
