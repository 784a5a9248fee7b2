"""The unit in which areas are planned before there are cells: the two-input NAND."""

from __future__ import annotations

from asicflow.errors import UserError
from asicflow.pdk.config import Library
from asicflow.pdk.lef import read_lef


def nand2_um2(library: Library) -> float:
    """Area of the library's two-input NAND of drive 1 in um2, from its LEF.

    Raises
    ------
    UserError
        If the library has no such cell.
    """
    cells = [macro for name, macro in read_lef(library.lefs).items() if name.endswith("nand2_1")]
    if not cells:
        raise UserError(
            f"{library.name} has no cell named like nand2_1",
            where=str(library.lefs[0]),
            hint="areas are planned in this unit; choose another pdk.library",
        )
    return cells[0].width * cells[0].height / 1e6
