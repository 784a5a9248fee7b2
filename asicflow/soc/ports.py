"""Ports and parameters of a module, from parsing and elaborating its files with slang."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from asicflow.errors import UserError
from asicflow.soc.ip import Port


@dataclass(frozen=True)
class Interface:
    """Ports as name -> (direction, bits), parameters as name -> default."""

    ports: dict[str, tuple[str, int]]
    parameters: dict[str, int]


def read_interface(files: Sequence[Path], top: str) -> Interface:
    """Parse the files and return the interface of module ``top``.

    Modules that are missing below it do not matter.

    Raises
    ------
    UserError
        If a file cannot be parsed or has no such module; shows no text of the file.
    """
    slang: Any = import_module("pyslang")  # its type stubs are not valid Python
    compilation = slang.ast.Compilation()
    for path in files:
        tree = slang.syntax.SyntaxTree.fromFile(str(path))
        errors = [d for d in tree.diagnostics if d.isError()]
        if errors:
            raise UserError(f"{len(errors)} syntax error(s)", where=path.name)
        compilation.addSyntaxTree(tree)
    tops = {instance.name: instance.body for instance in compilation.getRoot().topInstances}
    if top not in tops:
        raise UserError(
            f"no module {top} at the top of {len(files)} file(s)", where=str(files[0].parent) if files else ""
        )
    body = tops[top]
    ports = {p.name: ("input" if p.direction.name == "In" else "output", p.type.bitWidth) for p in body.portList}
    parameters = {p.name: int(p.value.value) for p in body.parameters if not p.isLocalParam}
    return Interface(ports, parameters)


def differences(found: Interface, expected: Mapping[str, Port], values: Mapping[str, int]) -> list[str]:
    """Return how the ports differ from a manifest's, one line each."""
    lines = []
    for name, port in expected.items():
        want = (port.direction, port.bits(values))
        if name not in found.ports:
            lines.append(f"port {name} is missing")
        elif found.ports[name] != want:
            have = found.ports[name]
            lines.append(f"port {name} is {have[0]} of {have[1]} bit(s), expected {want[0]} of {want[1]}")
    lines += [f"port {name} is not in the manifest" for name in found.ports if name not in expected]
    return lines
