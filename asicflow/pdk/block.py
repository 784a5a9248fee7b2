"""Hard macros (blocks) as files, and their empty Verilog modules for synthesis."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from asicflow.pdk.lef import Macro, read_lef
from asicflow.pdk.memory import Macro as MemoryMacro

BOXES = "macros.v"
"""Name of the file that :func:`black_boxes` fills."""

_BUS_BIT = re.compile(r"(.+)\[(\d+)\]")
_DIRECTIONS = {"INPUT": "input ", "OUTPUT": "output", "INOUT": "inout "}


@dataclass(frozen=True)
class Block:
    """The views of hard macros.

    lef : LEF file with one or more macros.
    liberty : Liberty file per timing corner of the library.
    gds : GDS file with the macros' layouts; without one, the pins of the LEF are drawn.
    """

    lef: Path
    liberty: Mapping[str, Path]
    gds: Path | None = None


def memory_block(macro: MemoryMacro, corners: Iterable[str], stand_in: str = "") -> Block:
    """The block of a PDK file's memory macro; its GDS counts when the file is there.

    For corners that the macro's makers did not characterise, `stand_in` names the corner whose Liberty file
    serves instead; without it place and route refuses them.
    """
    other = dict.fromkeys(corners, macro.liberty[stand_in]) if stand_in else {}
    return Block(macro.lef, {**other, **macro.liberty}, macro.gds if macro.gds.is_file() else None)


def black_boxes(lefs: Sequence[Path]) -> str:
    """Verilog of the macros of LEF files as modules without contents, their signal pins as ports."""
    empty = "".join(f"/* verilator lint_off {rule} */\n" for rule in ("DECLFILENAME", "UNDRIVEN", "UNUSED"))
    return empty + "\n".join(_module(view) for view in read_lef(lefs).values())


def _module(view: Macro) -> str:
    """One module; pins ``name[3]`` are bits of the port ``name``."""
    widths: dict[str, int] = {}
    directions: dict[str, str] = {}
    for pin in (p for p in view.pins.values() if not p.is_power):
        bit = _BUS_BIT.fullmatch(pin.name)
        name, width = (bit[1], int(bit[2]) + 1) if bit else (pin.name, 0)
        widths[name] = max(widths.get(name, 0), width)
        directions[name] = _DIRECTIONS[pin.direction]
    ports = [f"  {directions[n]} {f'[{w - 1}:0] ' if w else ''}{n}" for n, w in widths.items()]
    return f"(* blackbox *)\nmodule {view.name} (\n" + ",\n".join(ports) + "\n);\nendmodule\n"
