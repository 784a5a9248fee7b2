"""A netlist of transistors as ideal switches: what level its nodes take."""

from __future__ import annotations

import re
from pathlib import Path

RAILS = {"VDD": 1, "DVDD": 1, "VSS": 0, "DVSS": 0}


def read_devices(cdl: Path, cell: str) -> tuple[list[tuple[str, str, str, str]], list[tuple[str, str]]]:
    """Return the transistors (kind, drain, gate, source) and the resistors (ends) of a cell of a CDL file."""
    text = cdl.read_text().replace("\n+", " ")
    body = re.search(rf"^\.SUBCKT {cell} .*?^\.ENDS", text, re.MULTILINE | re.DOTALL)
    assert body is not None
    mosfets, resistors = [], []
    for line in body[0].splitlines():
        words = line.split()
        if words[:1] and words[0].startswith("M"):
            mosfets.append((words[5][:4], words[1], words[2], words[3]))
        elif words[:1] and words[0].startswith("R"):
            resistors.append((words[1], words[2]))
    return mosfets, resistors


def settle(cdl: Path, cell: str, inputs: dict[str, int]) -> dict[str, int]:
    """Return the levels of the nodes that the inputs decide; resistors conduct.

    A node has a level when switches that certainly conduct join it to sources of that level only.
    """
    mosfets, resistors = read_devices(cdl, cell)
    sources = RAILS | inputs
    levels = dict(sources)
    while True:
        closed = [(d, s) for kind, d, g, s in mosfets if levels.get(g) == int(kind == "nfet")]
        links: dict[str, set[str]] = {}
        for a, b in [*closed, *resistors]:
            links.setdefault(a, set()).add(b)
            links.setdefault(b, set()).add(a)
        reached: dict[str, set[int]] = {}
        for value in (0, 1):
            todo = [node for node, level in sources.items() if level == value]
            seen = set(todo)
            while todo:
                for node in links.get(todo.pop(), ()):
                    if node not in seen and node not in sources:
                        seen.add(node)
                        todo.append(node)
            for node in seen:
                reached.setdefault(node, set()).add(value)
        found = {node: next(iter(values)) for node, values in reached.items() if len(values) == 1} | sources
        if found == levels:
            return levels
        levels = found
