"""Read the transistor netlists of a cell library (CDL) as KLayout netlists.

Only what standard cells hold is understood: subcircuits of MOS transistors, diodes and shorts. Anything
else in a cell that is asked for raises `UserError` with the line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import klayout.db as kdb

from asicflow.errors import UserError
from asicflow.signoff.devices import DeviceFile

TERMINALS = {"mos": ("D", "G", "S", "B"), "diode": ("A", "C"), "short": ("A", "B")}
"""Terminals in the order of the line."""


@dataclass
class Subcircuit:
    """One ``.SUBCKT``: its pins in order, and its lines as (line number, words)."""

    name: str
    pins: list[str]
    path: Path
    lines: list[tuple[int, list[str]]] = field(default_factory=list)


def read_subcircuits(paths: list[Path]) -> dict[str, Subcircuit]:
    """All subcircuits of CDL files by name."""
    found: dict[str, Subcircuit] = {}
    for path in paths:
        current: Subcircuit | None = None
        for number, words in _lines(path):
            head = words[0].upper()
            if head == ".SUBCKT":
                current = found[words[1]] = Subcircuit(words[1], words[2:], path)
            elif head == ".ENDS":
                current = None
            elif current is not None:
                current.lines.append((number, words))
    return found


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Lines with their continuations joined, without comments."""
    number, words = 0, [""]
    for at, text in enumerate(path.read_text().splitlines(), 1):
        parts = text.split()
        if not parts or text.startswith("*"):
            continue
        if text.startswith("+"):
            words += [*([parts[0][1:]] if len(parts[0]) > 1 else []), *parts[1:]]
            continue
        if number:
            yield number, words
        number, words = at, parts
    if number:
        yield number, words


def add_circuit(netlist: kdb.Netlist, cell: Subcircuit, file: DeviceFile) -> kdb.Circuit:
    """Add a cell to a netlist.

    Raises
    ------
    UserError
        If a line is no device of the device file.
    """
    circuit = kdb.Circuit()
    circuit.name = cell.name
    netlist.add(circuit)
    nets: dict[str, kdb.Net] = {}

    def net(name: str) -> kdb.Net:
        if name not in nets:
            nets[name] = circuit.create_net(name)
        return nets[name]

    for pin in cell.pins:
        circuit.connect_pin(circuit.create_pin(pin), net(pin))
    kinds = {d.model: d for d in file.devices}
    for number, words in cell.lines:
        model = next((w for w in words if w in kinds), None)
        if model is None:
            raise UserError(f"{cell.name}: no known device: {' '.join(words)}", where=f"{cell.path}:{number}")
        terminals = TERMINALS[kinds[model].kind]
        if words.index(model) != len(terminals) + 1:
            raise UserError(f"{cell.name}: not {len(terminals)} nodes: {words[0]}", where=f"{cell.path}:{number}")
        device = circuit.create_device(_device_class(netlist, model, kinds[model].kind), words[0])
        for terminal, name in zip(terminals, words[1:], strict=False):
            device.connect_terminal(terminal, net(name))
        if kinds[model].kind == "mos":
            values = dict(w.upper().split("=", 1) for w in words[len(terminals) + 2 :] if "=" in w)
            device.set_parameter("L", _micrometres(values["L"]))
            device.set_parameter("W", _micrometres(values["W"]) * float(values.get("M", 1)))
    return circuit


def _device_class(netlist: kdb.Netlist, model: str, kind: str) -> kdb.DeviceClass:
    found = netlist.device_class_by_name(model)
    if found is None:
        kinds = {"mos": kdb.DeviceClassMOS4Transistor, "diode": kdb.DeviceClassDiode, "short": kdb.DeviceClassResistor}
        found = kinds[kind]()
        found.name = model
        netlist.add(found)
    return found


def _micrometres(text: str) -> float:
    """A length in um; libraries write um or m."""
    value = float(text.lower().rstrip("u"))
    return value * 1e6 if value < 1e-3 else value
