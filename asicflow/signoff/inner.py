"""Metal inside hard macros that no pin of theirs reaches: most of a memory, and of no use to any net outside."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import klayout.db as kdb

from asicflow.pdk.lef import Macro
from asicflow.signoff.extract import Connectivity, Mark
from asicflow.signoff.layout import Layout

Shapes = dict[str, kdb.Region]
"""Regions by layer."""


def without_inner_metal(
    layout: Layout, blocks: Collection[str], macros: dict[str, Macro], stack: Sequence[str]
) -> Layout:
    """The layout without the metal of hard macros that is connected to none of their pins.

    A macro of which anything outside touches such metal, in one of its places, stays as it is: that may be a short.

    Parameters
    ----------
    blocks : collection of str
        The macros' cells.
    macros : dict
        Abstract views, with the pins.
    stack : sequence of str
        Layers from the lowest metal up, metals and cuts in turn; the macros keep only these.
    """
    used = sorted({*blocks} & {p.cell for p in layout.instances()})
    if not used:
        return layout
    outside = layout.with_cells({name: {} for name in used})
    contents = {}
    for name in used:
        cell = layout.db.cell(name)
        drawn = {n: kdb.Region(cell.begin_shapes_rec(layout.db.layer(*layout.layers[n].drawing))) for n in stack}
        drawn = {n: region.merged() for n, region in drawn.items()}
        reached = _reached(drawn, macros[name])
        inner = {n: drawn[n] - reached[n] for n in stack}
        spots = [p.trans for p in layout.instances() if p.cell == name]
        touched = any(_is_touched(outside, spot, cell.bbox(), inner) for spot in spots)
        contents[name] = drawn if touched else reached
    return layout.with_cells(contents)


def _reached(drawn: Shapes, macro: Macro) -> Shapes:
    """What is connected to a pin."""
    marks = [
        Mark((macro.name, pin.name), layer, (x1 + x2) // 2, (y1 + y2) // 2)
        for pin in macro.pins.values()
        for layer in drawn
        if layer in pin.shapes
        for x1, y1, x2, y2 in pin.shapes[layer]
    ]
    found = Connectivity(drawn, marks)
    reached = {}
    for layer in drawn:
        region = kdb.Region()
        for cluster in found.clusters:
            region += found.shapes_of(cluster, layer)
        reached[layer] = region.merged()
    return reached


def _is_touched(outside: Layout, spot: kdb.Trans, box: kdb.Box, inner: Shapes) -> bool:
    """True when anything outside touches metal inside, on its layer or the one below or above."""
    stack = list(inner)
    for k, layer in enumerate(stack):
        near = outside.touching(layer, spot * box)
        if near.is_empty():
            continue
        for other in stack[max(0, k - 1) : k + 2]:
            if not near.interacting(inner[other].transformed(spot)).is_empty():
                return True
    return False
