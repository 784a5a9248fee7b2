"""The eight orientations of a placed cell: the only place where a cell's coordinates turn into the die's.

Names follow DEF: N S W E turn by 0, 180, 90 and 270 degrees (counter-clockwise); an F before them mirrors
about the y axis afterwards. A placed cell's lower left corner, after turning, lies at the instance's (x, y).
"""

from __future__ import annotations

from collections.abc import Callable

import klayout.db as kdb

from asicflow.flow.pnr.netlist import Instance
from asicflow.pdk.lef import Macro, Rect

_TURN: dict[str, Callable[[int, int, int, int], tuple[int, int]]] = {
    "N": lambda x, y, w, h: (x, y),
    "S": lambda x, y, w, h: (w - x, h - y),
    "W": lambda x, y, w, h: (h - y, x),
    "E": lambda x, y, w, h: (y, w - x),
    "FN": lambda x, y, w, h: (w - x, y),
    "FS": lambda x, y, w, h: (x, h - y),
    "FW": lambda x, y, w, h: (y, x),
    "FE": lambda x, y, w, h: (h - y, w - x),
}

ORIENTATIONS = tuple(_TURN)

_KLAYOUT = {
    "N": kdb.Trans.R0,
    "S": kdb.Trans.R180,
    "W": kdb.Trans.R90,
    "E": kdb.Trans.R270,
    "FN": kdb.Trans.M90,
    "FS": kdb.Trans.M0,
    "FW": kdb.Trans.M45,
    "FE": kdb.Trans.M135,
}


def size_of(macro: Macro, orientation: str) -> tuple[int, int]:
    """Width and height of a turned cell, nm."""
    turned = orientation[-1] in "WE"
    return (macro.height, macro.width) if turned else (macro.width, macro.height)


def point_to_die(x: int, y: int, instance: Instance, macro: Macro) -> tuple[int, int]:
    """A point of a cell in die coordinates, nm."""
    x, y = _TURN[instance.orientation](x, y, macro.width, macro.height)
    return instance.x + x, instance.y + y


def to_die(rect: Rect, instance: Instance, macro: Macro) -> Rect:
    """A rectangle of a cell in die coordinates, nm."""
    x1, y1 = point_to_die(rect[0], rect[1], instance, macro)
    x2, y2 = point_to_die(rect[2], rect[3], instance, macro)
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def outline(instance: Instance, macro: Macro) -> Rect:
    """The rectangle that a placed cell covers, nm."""
    width, height = size_of(macro, instance.orientation)
    return instance.x, instance.y, instance.x + width, instance.y + height


def klayout_trans(instance: Instance, macro: Macro) -> kdb.Trans:
    """The placement as a KLayout transformation."""
    turn = kdb.Trans(_KLAYOUT[instance.orientation], 0, 0)
    corner = (turn * kdb.Box(0, 0, macro.width, macro.height)).p1
    return kdb.Trans(_KLAYOUT[instance.orientation], instance.x - corner.x, instance.y - corner.y)
