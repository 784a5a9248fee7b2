"""Compile a SystemRDL register description into a :class:`RegisterMap`.

The map is the one source of everything that knows an address: the RTL register
block (:mod:`asicflow.soc.regblock`), ``map.json``, the C header, the Python
constants and the register page (:mod:`asicflow.soc.mapdocs`).

Supported: one address map of 32-bit registers and external memories of 32-bit
words.  A field is a constant, a wire from the hardware, storage, a pulse or a
write-one-to-clear bit; see :class:`FieldKind`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from systemrdl import RDLCompileError, RDLCompiler
from systemrdl.messages import MessagePrinter
from systemrdl.node import AddrmapNode, FieldNode, MemNode, RegNode

from asicflow.errors import UserError

MAP_SCHEMA = "asicflow.map/1"
WORD_BYTES = 4


class FieldKind(StrEnum):
    """What the hardware of a field is."""

    CONSTANT = "constant"  # sw=r, hw=na: a literal
    WIRE = "wire"  # sw=r, hw=w: shows a signal
    STORAGE = "storage"  # sw=rw, hw=r: a register
    PULSE = "pulse"  # singlepulse: one cycle high when a 1 is written, reads 0
    W1C = "w1c"  # onwrite=woclr, hwset, optional hwclr: a sticky bit; hw=r or na


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Field(_Frozen):
    """Bits of a register.  ``reset`` is None for a wire."""

    name: str
    lsb: int
    width: int
    kind: FieldKind
    access: Literal["r", "w", "rw", "rw1c"]
    reset: int | None
    hw_read: bool = False
    hw_clear: bool = False
    desc: str = ""

    @property
    def mask(self) -> int:
        """Mask of the field inside its register."""
        return ((1 << self.width) - 1) << self.lsb


class Register(_Frozen):
    """One 32-bit register; ``offset`` in bytes from the start of the map."""

    name: str
    offset: int
    title: str
    desc: str
    fields: tuple[Field, ...]

    @property
    def readable(self) -> bool:
        """True when software may read it."""
        return any("r" in f.access for f in self.fields)

    @property
    def writable(self) -> bool:
        """True when software may write it."""
        return any("w" in f.access for f in self.fields)


class Window(_Frozen):
    """An array of ``entries`` 32-bit words that the hardware around the registers holds."""

    name: str
    offset: int
    entries: int
    access: Literal["r", "w", "rw"]
    title: str
    desc: str

    @property
    def readable(self) -> bool:
        """True when software may read it."""
        return "r" in self.access

    @property
    def writable(self) -> bool:
        """True when software may write it."""
        return "w" in self.access

    @property
    def index_bits(self) -> int:
        """Bits of a word index into the window (at least 1)."""
        return max(1, (self.entries - 1).bit_length())


class RegisterMap(_Frozen):
    """A whole address map; offsets in bytes."""

    name: str
    title: str
    desc: str
    registers: tuple[Register, ...]
    windows: tuple[Window, ...]

    def register(self, name: str) -> Register:
        """Return a register by name (KeyError when there is none)."""
        return {r.name: r for r in self.registers}[name]

    def window(self, name: str) -> Window:
        """Return a window by name (KeyError when there is none)."""
        return {w.name: w for w in self.windows}[name]


class _Collector(MessagePrinter):  # type: ignore[misc]
    """Keeps the compiler's messages, so that the error can show the first one."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def print_message(self, severity: Any, text: str, src_ref: Any) -> None:
        line = getattr(src_ref, "line", None)
        self.messages.append(f"line {line}: {text}" if line else text)


def compile_map(path: Path, parameters: Mapping[str, int] | None = None) -> RegisterMap:
    """Compile the address map named like the file.

    Parameters
    ----------
    path : Path
        SystemRDL file; the address map inside has the file's stem as its name.
    parameters : mapping, optional
        Values of the map's parameters.

    Raises
    ------
    UserError
        If the file does not compile, a parameter is unknown, a value does not fit its
        field, or a construct is not supported; names the register and field.
    """
    return convert(compile_files([path], path.stem, parameters), str(path))


def compile_files(paths: Sequence[Path], name: str, parameters: Mapping[str, int] | None = None) -> AddrmapNode:
    """Compile SystemRDL files together and elaborate the address map ``name`` (UserError as above)."""
    collector = _Collector()
    compiler = RDLCompiler(message_printer=collector)
    path = paths[0]
    try:
        for path in paths:
            compiler.compile_file(str(path))
        return compiler.elaborate(name, parameters=dict(parameters or {})).top
    except (RDLCompileError, ValueError) as error:
        detail = collector.messages[0] if collector.messages else str(error)
        raise UserError(f"the register description is not valid: {detail}", where=str(path)) from error


def convert(top: AddrmapNode, where: str) -> RegisterMap:
    """Return the map of one block, named like its type; offsets count from its base.

    Raises
    ------
    UserError
        If a construct is not supported; names the register and field.
    """
    base = top.absolute_address
    registers: list[Register] = []
    windows: list[Window] = []
    for node in top.children(unroll=True):
        if isinstance(node, RegNode):
            registers.append(_register(node, base, where))
        elif isinstance(node, MemNode):
            windows.append(_window(node, base, where))
        else:
            raise UserError(f"{node.inst_name}: only registers and memories are supported", where=where)
    return RegisterMap(
        name=top.orig_type_name or top.inst_name,
        title=_text(top, "name"),
        desc=_text(top, "desc"),
        registers=tuple(registers),
        windows=tuple(windows),
    )


def _text(node: Any, key: str) -> str:
    return " ".join((node.get_property(key, default="") or "").split())


def _register(node: RegNode, base: int, where: str) -> Register:
    if node.get_property("regwidth") != 8 * WORD_BYTES or node.absolute_address % WORD_BYTES:
        raise UserError(f"{node.inst_name}: registers are aligned and 32 bits wide", where=where)
    return Register(
        name=node.inst_name,
        offset=node.absolute_address - base,
        title=_text(node, "name"),
        desc=_text(node, "desc"),
        fields=tuple(_field(f, f"{where}, {node.inst_name}.{f.inst_name}") for f in node.fields()),
    )


def _field(node: FieldNode, where: str) -> Field:
    kind = _kind(node, where)
    reset = None if kind is FieldKind.WIRE else node.get_property("reset")
    if kind is not FieldKind.WIRE and not isinstance(reset, int):
        raise UserError("the field needs a reset value", where=where)
    if reset is not None and reset >> node.width:
        raise UserError(f"the value {reset} does not fit in {node.width} bits", where=where)
    access = "rw1c" if kind is FieldKind.W1C else node.get_property("sw").name
    return Field(
        name=node.inst_name,
        lsb=node.lsb,
        width=node.width,
        kind=kind,
        access=access,
        reset=reset,
        hw_read="r" in node.get_property("hw").name,
        hw_clear=bool(node.get_property("hwclr")),
        desc=_text(node, "desc"),
    )


def _kind(node: FieldNode, where: str) -> FieldKind:
    software, hardware = node.get_property("sw").name, node.get_property("hw").name
    on_write = node.get_property("onwrite")
    traits = (software, hardware, on_write.name if on_write else None, bool(node.get_property("hwset")))
    if node.get_property("singlepulse") and software == "w" and node.width == 1:
        return FieldKind.PULSE
    kinds = {
        ("r", "na", None, False): FieldKind.CONSTANT,
        ("r", "w", None, False): FieldKind.WIRE,
        ("rw", "r", None, False): FieldKind.STORAGE,
        ("rw", "r", "woclr", True): FieldKind.W1C,
        ("rw", "na", "woclr", True): FieldKind.W1C,
    }
    if traits not in kinds:
        raise UserError(
            f"sw={software} hw={hardware} onwrite={traits[2]} hwset={traits[3]} is not supported",
            where=where,
            hint="use a constant, wire, storage, pulse or write-one-to-clear field",
        )
    return kinds[traits]


def _window(node: MemNode, base: int, where: str) -> Window:
    window = Window(
        name=node.inst_name,
        offset=node.absolute_address - base,
        entries=node.get_property("mementries"),
        access=node.get_property("sw").name,
        title=_text(node, "name"),
        desc=_text(node, "desc"),
    )
    if node.get_property("memwidth") != 8 * WORD_BYTES:
        raise UserError(f"{window.name}: memories are 32 bits wide", where=where)
    if window.offset % (WORD_BYTES << window.index_bits):
        raise UserError(
            f"{window.name}: offset {window.offset:#x} is not aligned to {window.entries} words", where=where
        )
    return window
