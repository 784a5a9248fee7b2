"""The netlist: read Yosys' structural Verilog, edit it, write it back.

Everything is flat and bit-blasted: a net joins instance pins and top-level ports. Names are made plain
(letters, digits, `_` and `$`), except nets that carry a port's name, which keep its bus index; so the
DEF, SPEF, Verilog and GDS of a layout agree without any escaping.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from asicflow.errors import UserError
from asicflow.pdk.lef import Macro


class PnrError(UserError):
    """Place and route cannot finish: what, where, and what to change."""


@dataclass(eq=False)
class Instance:
    """One placed or unplaced cell; `x`, `y` (nm, lower left corner) are meaningful once `row` >= 0.

    `orientation` is DEF's; cells in rows are N or, in every second row, FS (`flipped`). `fixed` cells keep
    their place. A `block` is a hard macro: it stands outside the rows (`row` stays -1) in any orientation.
    """

    name: str
    cell: str
    pins: dict[str, Net] = field(default_factory=dict)
    x: int = 0
    y: int = 0
    row: int = -1
    orientation: str = "N"
    fixed: bool = False
    block: bool = False

    @property
    def flipped(self) -> bool:
        """Is the cell mirrored about the x axis, as those of every second row?"""
        return self.orientation == "FS"

    @flipped.setter
    def flipped(self, value: bool) -> None:
        self.orientation = "FS" if value else "N"


@dataclass(eq=False)
class Net:
    """One net: `pins` are (instance, pin name), `ports` the top-level ports on it."""

    name: str
    pins: list[tuple[Instance, str]] = field(default_factory=list)
    ports: list[Port] = field(default_factory=list)
    is_clock: bool = False

    def __repr__(self) -> str:
        return f"Net({self.name})"


@dataclass(eq=False)
class Port:
    """One bit of a top-level port; `direction` is "input", "output" or "inout"."""

    name: str
    direction: str
    net: Net
    bus: str
    index: int | None


@dataclass
class PortDecl:
    """A port as the module declares it; `left` and `right` are None for a scalar."""

    name: str
    direction: str
    left: int | None = None
    right: int | None = None

    def bits(self) -> list[int | None]:
        """Bit indices from the leftmost, [None] for a scalar."""
        if self.left is None or self.right is None:
            return [None]
        step = -1 if self.left >= self.right else 1
        return list(range(self.left, self.right + step, step))


@dataclass
class Netlist:
    """A flat design."""

    top: str
    instances: dict[str, Instance] = field(default_factory=dict)
    nets: dict[str, Net] = field(default_factory=dict)
    ports: dict[str, Port] = field(default_factory=dict)
    declarations: list[PortDecl] = field(default_factory=list)
    constants: list[tuple[Instance, str, int]] = field(default_factory=list)
    constant_ports: list[tuple[Port, int]] = field(default_factory=list)
    _serial: dict[str, int] = field(default_factory=dict)

    def add_net(self, stem: str) -> Net:
        """A new net with a name derived from `stem`."""
        net = Net(self._unused(stem, self.nets))
        self.nets[net.name] = net
        return net

    def add_instance(self, stem: str, cell: str) -> Instance:
        """A new instance with a name derived from `stem`."""
        instance = Instance(self._unused(stem, self.instances), cell)
        self.instances[instance.name] = instance
        return instance

    def connect(self, instance: Instance, pin: str, net: Net) -> None:
        """Connect a pin, leaving the net it was on."""
        self.disconnect(instance, pin)
        instance.pins[pin] = net
        net.pins.append((instance, pin))

    def disconnect(self, instance: Instance, pin: str) -> None:
        """Take a pin off its net."""
        net = instance.pins.pop(pin, None)
        if net is not None:
            net.pins.remove((instance, pin))

    def remove_instance(self, instance: Instance) -> None:
        """Remove an instance with its connections."""
        for pin in list(instance.pins):
            self.disconnect(instance, pin)
        del self.instances[instance.name]

    def _unused(self, stem: str, taken: dict[str, Net] | dict[str, Instance]) -> str:
        if stem not in taken:
            return stem
        number = self._serial.get(stem, 0)
        while (name := f"{stem}_{number}") in taken:
            number += 1
        self._serial[stem] = number + 1
        return name


def drivers(net: Net, macros: dict[str, Macro]) -> list[tuple[Instance, str] | Port]:
    """What drives a net: output (and inout) pins and input ports."""
    found: list[tuple[Instance, str] | Port] = [
        (i, p) for i, p in net.pins if macros[i.cell].pins[p].direction != "INPUT"
    ]
    return found + [port for port in net.ports if port.direction != "output"]


def idle_ports(net: Net) -> list[Port]:
    """The port of a net that reaches nothing else."""
    return net.ports if len(net.pins) + len(net.ports) == 1 else []


def sinks(net: Net, macros: dict[str, Macro]) -> list[tuple[Instance, str]]:
    """Input pins on a net."""
    return [(i, p) for i, p in net.pins if macros[i.cell].pins[p].direction == "INPUT"]


def read_netlist(path: Path, top: str, macros: dict[str, Macro]) -> Netlist:
    """Read a mapped netlist.

    Raises PnrError for syntax it does not know, an unknown module, cell or pin, and for nets that nothing or
    more than one output drives.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise PnrError("cannot read the netlist", where=str(path), hint=str(error)) from None
    netlist = _VerilogReader(text, path).module(top, macros)
    check_drivers(netlist, macros)
    return netlist


def check_drivers(netlist: Netlist, macros: dict[str, Macro]) -> None:
    """PnrError when a net with sinks has no driver, or any net more than one."""
    tied = {port.net for port, _ in netlist.constant_ports}
    for net in netlist.nets.values():
        found = drivers(net, macros)
        if len(found) > 1 and not all(_tristate(d, macros) for d in found):
            names = ", ".join(_driver_name(d) for d in found[:4])
            raise PnrError(f"net {net.name} has {len(found)} drivers", where=names)
        if not found and net not in tied and (net.pins or net.ports):
            pins = [f"{i.name}.{p}" for i, p in net.pins] + [p.name for p in net.ports]
            raise PnrError(f"nothing drives net {net.name}", where=", ".join(pins[:4]))


def _tristate(driver: tuple[Instance, str] | Port, macros: dict[str, Macro]) -> bool:
    if isinstance(driver, Port):
        return driver.direction == "inout"
    return macros[driver[0].cell].pins[driver[1]].direction == "INOUT"


def _driver_name(driver: tuple[Instance, str] | Port) -> str:
    return driver.name if isinstance(driver, Port) else f"{driver[0].name}.{driver[1]}"


_TOKEN = re.compile(
    r"""\s+|//[^\n]*|/\*.*?\*/|\(\*.*?\*\)
      | (?P<escaped>\\\S+) | (?P<number>\d*'[sS]?[bdhoBDHO][0-9a-fA-FxXzZ_?]+) | (?P<integer>\d+)
      | (?P<name>[A-Za-z_$][\w$]*) | (?P<symbol>[()\[\]{}.,;:=])""",
    re.VERBOSE | re.DOTALL,
)

Bit = tuple[str, int | None] | int | None
"""A net bit (name, index), a constant 0 or 1, or None for an undefined bit."""


class _VerilogReader:
    """A reader of the subset that Yosys' write_verilog emits for mapped netlists."""

    def __init__(self, text: str, path: Path) -> None:
        self.path = path
        self.tokens: list[str] = []
        self.positions: list[int] = []
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                line = text.count("\n", 0, at) + 1
                raise PnrError(f"unexpected text {text[at : at + 20]!r} in the netlist", where=f"{path}:{line}")
            if match.lastgroup:
                self.tokens.append(match[0])
                self.positions.append(at)
            at = match.end()
        self.text = text
        self.at = 0
        self.ranges: dict[str, tuple[int, int]] = {}
        self.directions: dict[str, str] = {}
        self.aliases: list[tuple[list[Bit], list[Bit]]] = []

    def error(self, what: str) -> PnrError:
        at = self.positions[min(self.at, len(self.positions) - 1)] if self.positions else 0
        return PnrError(f"netlist: {what}", where=f"{self.path}:{self.text.count(chr(10), 0, at) + 1}")

    def next(self) -> str:
        if self.at >= len(self.tokens):
            raise self.error("the file ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def expect(self, symbol: str) -> None:
        token = self.next()
        if token != symbol:
            self.at -= 1
            raise self.error(f"expected {symbol!r}, found {token!r}")

    def identifier(self) -> str:
        token = self.next()
        if token.startswith("\\"):
            return token[1:]
        if not re.match(r"[A-Za-z_$]", token):
            self.at -= 1
            raise self.error(f"expected a name, found {token!r}")
        return token

    def module(self, top: str, macros: dict[str, Macro]) -> Netlist:
        """The flat contents of module `top`."""
        while self.at < len(self.tokens):
            self.expect("module")
            name = self.identifier()
            if name == top:
                return self.body(Netlist(top), macros)
            while self.next() != "endmodule":
                pass
        raise PnrError(f"the netlist has no module {top}", where=str(self.path))

    def body(self, netlist: Netlist, macros: dict[str, Macro]) -> Netlist:
        """Declarations, assigns and instances up to endmodule."""
        while self.next() != ";":
            pass
        cells: list[tuple[str, str, list[tuple[str, list[Bit]]]]] = []
        while (token := self.next()) != "endmodule":
            if token in ("input", "output", "inout", "wire", "reg", "supply0", "supply1"):
                self.declaration(token, netlist)
            elif token == "assign":
                left = self.expression()
                self.expect("=")
                right = self.expression()
                self.expect(";")
                self.aliases.append((left, right))
            else:
                self.at -= 1
                cells.append(self.instance(macros))
        _Builder(self, netlist, macros).build(cells)
        return netlist

    def declaration(self, kind: str, netlist: Netlist) -> None:
        """`input [7:0] a, b;`"""
        left = right = None
        if self.peek() in ("wire", "reg", "signed"):
            self.next()
        if self.peek() == "[":
            self.next()
            left = int(self.next())
            self.expect(":")
            right = int(self.next())
            self.expect("]")
        while True:
            name = self.identifier()
            if left is not None and right is not None:
                self.ranges[name] = (left, right)
            if kind in ("input", "output", "inout"):
                self.directions[name] = kind
                netlist.declarations.append(PortDecl(name, kind, left, right))
            if (token := self.next()) == ";":
                return
            if token != ",":
                raise self.error(f"expected ',' or ';', found {token!r}")

    def instance(self, macros: dict[str, Macro]) -> tuple[str, str, list[tuple[str, list[Bit]]]]:
        """`cell name (.pin(expr), ...);`"""
        cell = self.identifier()
        if cell not in macros:
            self.at -= 1
            raise self.error(f"cell {cell} is not in the library")
        name = self.identifier()
        self.expect("(")
        pins: list[tuple[str, list[Bit]]] = []
        while self.peek() != ")":
            self.expect(".")
            pin = self.identifier()
            self.expect("(")
            pins.append((pin, [] if self.peek() == ")" else self.expression()))
            self.expect(")")
            if self.peek() != ")":
                self.expect(",")
        self.expect(")")
        self.expect(";")
        return cell, name, pins

    def expression(self) -> list[Bit]:
        """A name, a bit or part select, a constant or a concatenation, as bits from the left."""
        token = self.peek()
        if token == "{":
            self.next()
            bits: list[Bit] = []
            while True:
                bits += self.expression()
                if (symbol := self.next()) == "}":
                    return bits
                if symbol != ",":
                    raise self.error(f"expected ',' or '}}', found {symbol!r}")
        if "'" in token and not token.startswith("\\"):
            return self.constant(self.next())
        return self.select(self.identifier())

    def select(self, name: str) -> list[Bit]:
        """Bits of a named wire."""
        if self.peek() == "[":
            self.next()
            first = int(self.next())
            last = first
            if self.peek() == ":":
                self.next()
                last = int(self.next())
            self.expect("]")
            step = -1 if first >= last else 1
            return [(name, i) for i in range(first, last + step, step)]
        if name in self.ranges:
            left, right = self.ranges[name]
            step = -1 if left >= right else 1
            return [(name, i) for i in range(left, right + step, step)]
        return [(name, None)]

    def constant(self, token: str) -> list[Bit]:
        """A sized constant as bits from the left."""
        size, digits = token.split("'")
        base = digits.lstrip("sS")[0].lower()
        value = digits.lstrip("sS")[1:].replace("_", "").lower()
        if base == "d":
            width = int(size or 32)
            return [(int(value) >> i) & 1 for i in range(width - 1, -1, -1)]
        per_digit = {"b": 1, "o": 3, "h": 4}[base]
        bits: list[Bit] = []
        for digit in value:
            undefined = digit in "xz?"
            number = 0 if undefined else int(digit, 16)
            bits += [None if undefined else (number >> i) & 1 for i in range(per_digit - 1, -1, -1)]
        width = int(size or len(bits))
        missing = max(width - len(bits), 0)
        filler: Bit = None if bits and bits[0] is None else 0
        return [filler] * missing + bits[len(bits) - min(width, len(bits)) :]


class _Builder:
    """Turns parsed statements into nets: joins aliases, names nets, connects pins."""

    def __init__(self, reader: _VerilogReader, netlist: Netlist, macros: dict[str, Macro]) -> None:
        self.reader = reader
        self.netlist = netlist
        self.macros = macros
        self.parent: dict[Bit, Bit] = {}
        self.nets: dict[Bit, Net] = {}

    def root(self, bit: Bit) -> Bit:
        """The representative of a bit's alias class."""
        path = []
        while (up := self.parent.get(bit, bit)) != bit:
            path.append(bit)
            bit = up
        for p in path:
            self.parent[p] = bit
        return bit

    def build(self, cells: list[tuple[str, str, list[tuple[str, list[Bit]]]]]) -> None:
        """Fill the netlist."""
        for left, right in self.reader.aliases:
            if len(left) != len(right):
                raise PnrError("an assign joins buses of different widths", where=str(self.reader.path))
            for a, b in zip(left, right, strict=True):
                if b is not None:
                    self.join(a, b)
        for declaration in self.netlist.declarations:
            self.ports(declaration)
        for cell, name, pins in cells:
            instance = self.netlist.add_instance(plain(name), cell)
            for pin, bits in pins:
                self.connect(instance, pin, bits)
        for port, _ in self.netlist.constant_ports:
            port.net = self.netlist.add_net(port.name)
            port.net.ports.append(port)

    def join(self, a: Bit, b: Bit) -> None:
        """Make two bits one net; a constant becomes the representative."""
        a, b = self.root(a), self.root(b)
        if isinstance(a, int) and isinstance(b, int) and a != b:
            raise PnrError("an assign joins constants 0 and 1", where=str(self.reader.path))
        if isinstance(a, int):
            a, b = b, a
        if a != b:
            self.parent[a] = b

    def net(self, bit: Bit) -> Net:
        """The net of a (representative) bit."""
        bit = self.root(bit)
        if bit not in self.nets:
            assert isinstance(bit, tuple)
            name, index = bit
            self.nets[bit] = self.netlist.add_net(plain(name if index is None else f"{name}_{index}"))
        return self.nets[bit]

    def ports(self, declaration: PortDecl) -> None:
        """Create the bits of a port; the first port on a net gives it its name."""
        for index in declaration.bits():
            name = declaration.name if index is None else f"{declaration.name}[{index}]"
            bit = self.root((declaration.name, index))
            if isinstance(bit, int):
                port = Port(name, declaration.direction, Net(""), declaration.name, index)
                self.netlist.constant_ports.append((port, bit))
            else:
                if bit not in self.nets:
                    self.nets[bit] = self.netlist.add_net(name)
                net = self.nets[bit]
                port = Port(name, declaration.direction, net, declaration.name, index)
                net.ports.append(port)
            self.netlist.ports[name] = port

    def connect(self, instance: Instance, pin: str, bits: list[Bit]) -> None:
        """Connect one pin; constants are noted for tie cells."""
        macro = self.macros[instance.cell]
        if not bits and pin not in macro.pins:
            bus = [p for p in macro.pins if p.startswith(f"{pin}[")]
            for name in bus:
                self.connect(instance, name, [])
            if bus:
                return
        if len(bits) > 1 or (pin not in macro.pins and f"{pin}[0]" in macro.pins):
            for offset, bit in enumerate(reversed(bits)):
                self.connect(instance, f"{pin}[{offset}]", [bit])
            return
        if pin not in macro.pins:
            raise PnrError(f"cell {instance.cell} has no pin {pin}", where=f"instance {instance.name}")
        bit = self.root(bits[0]) if bits else None
        if bit is None:
            if macro.pins[pin].direction == "INPUT":
                self.netlist.constants.append((instance, pin, 0))
        elif isinstance(bit, int):
            self.netlist.constants.append((instance, pin, bit))
        else:
            self.netlist.connect(instance, pin, self.net(bit))


def plain(name: str) -> str:
    """`name` with every character that needs escaping somewhere replaced by `_`."""
    clean = re.sub(r"[^A-Za-z0-9_]", "_", name.rstrip("]"))
    return clean if re.match(r"[A-Za-z_]", clean) else f"_{clean}"


def write_verilog(
    netlist: Netlist,
    path: Path,
    power: tuple[str, str, dict[str, list[tuple[str, str]]]] | None,
    idle: Sequence[str] = (),
) -> None:
    """Write the netlist; with `power` = (power net, ground net, {cell: [(pin, net)]}) supplies included.

    `idle` are supplies that the design has pins of but does not use.
    """
    path.write_text("".join(_verilog_lines(netlist, power, idle)))


def _verilog_lines(
    netlist: Netlist, power: tuple[str, str, dict[str, list[tuple[str, str]]]] | None, idle: Sequence[str]
) -> Iterator[str]:
    supplies = [power[0], power[1], *idle] if power else []
    yield f"module {netlist.top} ({', '.join([d.name for d in netlist.declarations] + supplies)});\n"
    for declaration in netlist.declarations:
        width = "" if declaration.left is None else f"[{declaration.left}:{declaration.right}] "
        yield f"  {declaration.direction} {width}{declaration.name};\n"
    for supply in supplies:
        yield f"  inout {supply};\n"
    port_names = set(netlist.ports)
    for net in netlist.nets.values():
        if net.name not in port_names and net.pins:
            yield f"  wire {net.name};\n"
    for net in netlist.nets.values():
        for port in net.ports:
            if port.name != net.name:
                yield f"  assign {port.name} = {net.name};\n"
    for instance in netlist.instances.values():
        pins = []
        for pin, expression, loose in _pin_expressions(instance):
            pins.append(f".{pin}({expression})")
            for name in loose:
                yield f"  wire {name};\n"
        if power:
            pins += [f".{pin}({net})" for pin, net in power[2].get(instance.cell, [])]
        elif not pins:
            continue
        yield f"  {instance.cell} {instance.name} ({', '.join(pins)});\n"
    yield "endmodule\n"


def _pin_expressions(instance: Instance) -> Iterator[tuple[str, str, list[str]]]:
    """(port, expression, names of wires for its open bits) per port; bits `A[0]`, `A[1]` ... are port A."""
    buses: dict[str, dict[int, str]] = {}
    for pin, net in instance.pins.items():
        if not pin.endswith("]"):
            yield pin, net.name, []
            continue
        bus, index = pin[:-1].split("[")
        buses.setdefault(bus, {})[int(index)] = net.name
    for bus, bits in buses.items():
        names, loose = [], []
        for bit in range(max(bits), -1, -1):
            if bit not in bits:
                loose.append(f"open_{instance.name}_{bus}_{bit}")
            names.append(bits[bit] if bit in bits else loose[-1])
        yield bus, f"{{{', '.join(names)}}}", loose
