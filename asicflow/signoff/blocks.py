"""Which block of the design a cell of the flat netlist belongs to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping

from asicflow.signoff.netlist import Module

TOP = "top"
"""Cells of no block: they touch ports and each other only."""

_BLOCK = re.compile(r"(?:i_|gen_)?(\w+?)(?:\[\d+\])?\.")


def blocks_of(netlist: Module, outputs: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Return the block of each instance: the first level of the hierarchy that its name keeps.

    Synthesis keeps the names of registers and macros and of many nets, not those of gates. A gate whose own name
    and output net tell nothing belongs where most of its loads do.

    Parameters
    ----------
    netlist : Module
        The flat netlist.
    outputs : mapping
        Output pins of each cell; the bits of a bus pin count like the pin.

    Returns
    -------
    dict of str
        Block, or :data:`TOP`, by instance.
    """
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
        block = next(filter(None, map(_block, (name, *drives.get(name, ())))), None)
        if block:
            found[name] = block
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


def _block(name: str) -> str | None:
    match = _BLOCK.match(name)
    return match[1] if match else None
