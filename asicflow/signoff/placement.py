"""Instance names from a DEF's COMPONENTS.

GDS carries no instance names. The DEF lends them: it is a witness, not an authority. If the layout's
connectivity under these names equals the netlist, the two are the same circuit whoever wrote the names; if
the names are wrong, the comparison fails.
"""

from __future__ import annotations

import re
from pathlib import Path

from asicflow.errors import UserError

_COMPONENT = re.compile(r"-\s+(\S+)\s+(\S+)[^;]*?\+\s+(?:PLACED|FIXED|COVER)\s+\(\s*(-?\d+)\s+(-?\d+)\s*\)\s+(\w+)")

Spot = tuple[str, int, int]
"""(cell, x, y): the lower left corner of a placed cell in nm."""


def read_placement(path: Path) -> dict[Spot, str]:
    """Read the name of each placed component by its spot.

    Raises
    ------
    UserError
        If the file has no COMPONENTS section or two components share a spot.
    """
    text = path.read_text()
    units = re.search(r"UNITS\s+DISTANCE\s+MICRONS\s+(\d+)", text)
    section = re.search(r"\bCOMPONENTS\s+\d+\s*;(.*?)\bEND\s+COMPONENTS", text, re.DOTALL)
    if section is None:
        raise UserError("the DEF has no COMPONENTS", where=str(path))
    scale = 1000 / int(units.group(1)) if units else 1.0
    found: dict[Spot, str] = {}
    for name, cell, x, y, _ in _COMPONENT.findall(section.group(1)):
        spot = (cell, round(int(x) * scale), round(int(y) * scale))
        if spot in found:
            raise UserError(f"{name} and {found[spot]} are both placed at {spot}", where=str(path))
        found[spot] = name.replace("\\", "")
    return found
