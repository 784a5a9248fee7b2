"""Which block of the design a cell of the flat netlist belongs to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

from asicflow.signoff.netlist import Module

TOP = "top"
"""Cells of no block: they touch ports and each other only."""

_HIERARCHICAL = re.compile(r"\\(\w+)(?:\[\d+\])?\.")


def read_blocks(netlist: Path) -> set[str]:
    """Return the instances of the top that synthesis flattened, from escaped names such as ``\\\\i_cpu.state``."""
    return set(_HIERARCHICAL.findall(netlist.read_text()))


def blocks_of(netlist: Module, outputs: Mapping[str, Collection[str]], blocks: Collection[str]) -> dict[str, str]:
    """Return the block of each instance of a flat netlist.

    Synthesis keeps the path of registers, macros and many nets, not of gates. A gate whose own name and output net
    tell nothing belongs where most of its loads do.

    Parameters
    ----------
    netlist : Module
        The flat netlist.
    outputs : mapping
        Output pins of each cell; the bits of a bus pin count like the pin.
    blocks : collection of str
        Instances of the top, see :func:`read_blocks`; names in the netlist begin with them, then ``.`` or ``_``.

    Returns
    -------
    dict of str
        Block without its ``i_``, or :data:`TOP`, by instance.
    """
    longest_first = "|".join(sorted(map(re.escape, blocks), key=len, reverse=True))
    prefix = re.compile(rf"({longest_first})[._\[]") if blocks else re.compile("(?!)")
    found: dict[str, str] = {}
    drives: dict[str, list[str]] = {}
    loads: dict[str, list[str]] = {}
    for name, instance in netlist.instances.items():
        own = outputs.get(instance.cell, ())
        for pin, net in instance.pins.items():
            root = netlist.net(net)
            if pin.split("[")[0] in own:
                drives.setdefault(name, []).append(root)
            else:
                loads.setdefault(root, []).append(name)
        match = next(filter(None, map(prefix.match, (name, *drives.get(name, ())))), None)
        if match:
            found[name] = match[1].removeprefix("i_")
    open_ones = [name for name in netlist.instances if name not in found]
    while open_ones:
        told = {name: block for name in open_ones if (block := _majority(name, drives, loads, found))}
        if not told:
            break
        found |= told
        open_ones = [name for name in open_ones if name not in told]
    return found | dict.fromkeys(open_ones, TOP)


def _majority(
    name: str, drives: Mapping[str, list[str]], loads: Mapping[str, list[str]], found: Mapping[str, str]
) -> str | None:
    votes = Counter(found[sink] for net in drives.get(name, ()) for sink in loads.get(net, ()) if sink in found)
    return votes.most_common(1)[0][0] if votes else None
