"""The stack that a program needs at most: -fstack-usage of every function, and the calls in the disassembly.

The compiler's figure is used for C; of assembly and library functions the pushes and the adjustments of the stack
pointer are counted. Calls through a register, recursion and stack sizes that depend on data have no bound and are
refused. Each exception adds the frame that the processor pushes and its handler.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from asicflow.errors import UserError

FRAME = 36
"""Bytes that an exception pushes: eight registers, and a word of alignment (Armv6-M architecture, B1.5.6)."""
_HANDLER = re.compile(r"(irq_\d+|fault|(unexpected|nmi|hard_fault|svc|pendsv|systick)_handler)")
_FUNCTION = re.compile(r"^([0-9a-f]+) <([^>]+)>:$")
_INSTRUCTION = re.compile(r"^\s*[0-9a-f]+:\t[0-9a-f ]+\t(\S+)\t?(.*)$")
_TARGET = re.compile(r"<([^>+]+)>")


@dataclass
class Function:
    """A function in the disassembly: bytes of stack, functions that it calls or jumps to."""

    bytes: int = 0
    calls: set[str] = field(default_factory=set)
    indirect: bool = False


def stack_bound(listing: str, usage: Mapping[str, int], entries: Iterable[str]) -> int:
    """Return the most bytes of stack below the initial stack pointer.

    Parameters
    ----------
    listing : str
        ``objdump -d`` of the program.
    usage : mapping
        Bytes by function, from :func:`read_usage`.
    entries : iterable of str
        Functions that start on an empty stack. Every handler in the program (by its name) may lie on top, once.

    Raises
    ------
    UserError
        If there is no bound; names the function.
    """
    functions = read_calls(listing)
    for name, function in functions.items():
        function.bytes = usage.get(base_name(name), function.bytes)
    handlers = sum(FRAME + _depth(name, functions, ()) for name in functions if _HANDLER.fullmatch(name))
    return handlers + max(_depth(entry, functions, ()) for entry in entries)


def _depth(name: str, functions: Mapping[str, Function], path: tuple[str, ...]) -> int:
    if name in path:
        raise UserError(f"{name} calls itself: its stack has no bound", where=" -> ".join((*path, name)))
    if name not in functions:
        raise UserError(f"{name} is called, but is not in the program", where=" -> ".join((*path, name)))
    function = functions[name]
    if function.indirect:
        raise UserError(f"{name} calls through a register: its stack has no bound", where=" -> ".join((*path, name)))
    return function.bytes + max((_depth(called, functions, (*path, name)) for called in function.calls), default=0)


def base_name(name: str) -> str:
    """The name in the source, without what the compiler adds to a clone."""
    return name.split(".")[0]


def read_usage(files: Iterable[Path]) -> dict[str, int]:
    """Return bytes by function from ``.su`` files (UserError for a size that depends on data)."""
    usage: dict[str, int] = {}
    for path in files:
        for line in path.read_text().splitlines():
            place, size, kind = line.split("\t")
            name = base_name(place.rsplit(":", 1)[1])
            if "dynamic" in kind and "bounded" not in kind:
                raise UserError(f"the stack of {name} depends on data", where=place)
            usage[name] = max(usage.get(name, 0), int(size))
    return usage


def read_calls(listing: str) -> dict[str, Function]:
    """Return the functions of a disassembly with their calls; their own pushes as bytes."""
    functions: dict[str, Function] = {}
    name, present = "", Function()
    for line in listing.splitlines():
        if found := _FUNCTION.match(line):
            name, present = found[2], functions.setdefault(found[2], Function())
        elif found := _INSTRUCTION.match(line):
            _read_instruction(name, present, found[1], found[2])
    return functions


def _read_instruction(name: str, function: Function, operation: str, operands: str) -> None:
    if operation == "push":
        function.bytes += 4 * _registers(operands)
    elif operation == "sub" and operands.startswith("sp, #"):
        function.bytes += int(re.findall(r"#(\d+)", operands)[0])
    elif operation == "blx":
        function.indirect = True
    elif operation.startswith("b"):
        called = _TARGET.findall(operands)
        function.calls.update(target for target in called if operation == "bl" or target != name)  # b: a loop


def _registers(operands: str) -> int:
    count = 0
    for part in operands.strip("{} ").split(","):
        first, _, last = part.strip().partition("-")
        count += int(last[1:]) - int(first[1:]) + 1 if last else 1
    return count
