"""The address map of the SoC: ``ip/soc/rdl/soc.rdl`` as a typed object.

A map has memories, blocks with registers, and bridges behind which blocks lie.
Everything that knows an address of the SoC is made from it: the bus decoder, the
C headers and linker scripts, ``map.json`` and the register pages.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from systemrdl.node import AddrmapNode, MemNode

from asicflow.errors import UserError
from asicflow.resources import resource
from asicflow.soc.rdl import WORD_BYTES, RegisterMap, compile_files, convert

SYSTEM_SCHEMA = "asicflow.system_map/1"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Named(_Frozen):
    name: str


class Memory(_Named):
    """A memory on the bus.

    ``base`` and ``bytes`` are in bytes; ``mirror`` is a second address of its first
    byte, in the map always or while the signal ``mirror_when`` is 1.
    """

    title: str
    ip: str
    base: int
    bytes: int
    access: Literal["r", "rw"]
    mirror: int | None = None
    mirror_when: str | None = None


class Bridge(_Named):
    """A bridge; its blocks lie in slots above ``base``."""

    title: str
    base: int


class Block(_Named):
    """An instance of an IP with registers.

    ``irq`` is its interrupt line, ``nmi`` marks the one that is not maskable,
    ``bridge`` the bridge in front of it (None: on the bus itself).
    """

    ip: str
    base: int
    bridge: str | None
    irq: int | None
    nmi: bool
    registers: RegisterMap


class System(_Frozen):
    """The whole map, blocks in the order of their addresses."""

    title: str
    memories: tuple[Memory, ...]
    bridges: tuple[Bridge, ...]
    blocks: tuple[Block, ...]

    def memory(self, name: str) -> Memory:
        """Return a memory by name (KeyError when there is none)."""
        return {m.name: m for m in self.memories}[name]

    def block(self, name: str) -> Block:
        """Return a block by name (KeyError when there is none)."""
        return {b.name: b for b in self.blocks}[name]


def compile_system(parameters: Mapping[str, int] | None = None) -> System:
    """Compile the SoC's address map.

    Raises
    ------
    UserError
        If a description is not valid, two things share a name or an interrupt line, or a
        memory's size is no power of two.
    """
    folder = resource("ip")
    top_file = folder / "soc" / "rdl" / "soc.rdl"
    files = [path for path in sorted(folder.glob("*/rdl/*.rdl")) if path != top_file]
    top = compile_files([*files, top_file], "soc", parameters)
    return _check(_convert(top, str(top_file)), str(top_file))


def _convert(top: AddrmapNode, where: str) -> System:
    memories: list[Memory] = []
    bridges: list[Bridge] = []
    blocks: list[Block] = []
    for node in top.children(unroll=True):
        if isinstance(node, MemNode):
            memories.append(_memory(node))
        elif isinstance(node, AddrmapNode) and any(isinstance(c, AddrmapNode) for c in node.children()):
            bridges.append(Bridge(name=node.inst_name, title=_text(node), base=node.absolute_address))
            blocks += [_block(child, node.inst_name, where) for child in node.children(unroll=True)]
        elif isinstance(node, AddrmapNode):
            blocks.append(_block(node, None, where))
        else:
            raise UserError(f"{node.inst_name}: a SoC has memories and address maps", where=where)
    return System(title=_text(top), memories=tuple(memories), bridges=tuple(bridges), blocks=tuple(blocks))


def _text(node: Any) -> str:
    return " ".join(node.get_property("name").split())


def _memory(node: MemNode) -> Memory:
    return Memory(
        name=node.inst_name,
        title=_text(node),
        ip=node.get_property("ip"),
        base=node.absolute_address,
        bytes=WORD_BYTES * node.get_property("mementries"),
        access=node.get_property("sw").name,
        mirror=node.get_property("mirror", default=None),
        mirror_when=node.get_property("mirror_when", default=None),
    )


def _block(node: AddrmapNode, bridge: str | None, where: str) -> Block:
    return Block(
        name=node.inst_name,
        ip=node.orig_type_name,
        base=node.absolute_address,
        bridge=bridge,
        irq=node.get_property("irq", default=None),
        nmi=bool(node.get_property("nmi", default=False)),
        registers=convert(node, where),
    )


def _check(system: System, where: str) -> System:
    parts: tuple[_Named, ...] = (*system.memories, *system.bridges, *system.blocks)
    lines = [block.irq for block in system.blocks if block.irq is not None]
    for what, used in (("name", Counter[str | int](p.name for p in parts)), ("interrupt", Counter[str | int](lines))):
        for thing, count in used.items():
            if count > 1:
                raise UserError(f"the {what} {thing} is used twice", where=where)
    if lines and not 0 <= min(lines) <= max(lines) < 32:
        raise UserError(f"interrupts are 0 to 31, one is {max(lines)}", where=where)
    if sum(block.nmi for block in system.blocks) > 1:
        raise UserError("only one block can have the interrupt that is not maskable", where=where)
    for memory in system.memories:
        if memory.bytes < 16 or memory.bytes & (memory.bytes - 1):
            raise UserError(
                f"{memory.title}: {memory.bytes} bytes is no power of two of at least 16",
                where=where,
                hint="choose soc.imem_bytes and soc.dmem_bytes so",
            )
    return system


def system_json(system: System) -> str:
    """Return ``map.json`` of a SoC: schema ``asicflow.system_map/1``, addresses in bytes."""
    return json.dumps({"schema": SYSTEM_SCHEMA, **system.model_dump(mode="json")}, indent=2) + "\n"


def load_system(path: Path) -> System:
    """Read ``map.json`` of a SoC back (UserError when it is not one)."""
    try:
        data = json.loads(path.read_text())
        if data.pop("schema", None) != SYSTEM_SCHEMA:
            raise ValueError(f"its schema is not {SYSTEM_SCHEMA}")
        return System.model_validate(data)
    except (OSError, ValueError) as error:
        raise UserError(f"the address map of the SoC cannot be read: {error}", where=str(path)) from error


def constants(system: System) -> Iterator[tuple[str, int, str]]:
    """Yield (name, value, comment): bases, sizes, interrupt lines. Names are those of the map, upper case."""
    for memory in system.memories:
        yield f"{memory.name.upper()}_BASE", memory.base, memory.title
        yield f"{memory.name.upper()}_BYTES", memory.bytes, ""
    for block in system.blocks:
        yield f"{block.name.upper()}_BASE", block.base, block.registers.title
        if block.irq is not None:
            yield f"{block.name.upper()}_IRQ", block.irq, ""
