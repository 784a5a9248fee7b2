"""A small hard macro for SKY130 made from nothing: LEF, Liberty and GDS that belong together."""

from __future__ import annotations

from pathlib import Path

import klayout.db as kdb

from asicflow.pdk.block import Block
from asicflow.pdk.config import Library
from asicflow.pdk.lef import Macro, Rect

WIDTH, HEIGHT = 50_000, 44_000

SIGNALS: dict[str, tuple[str, str, Rect]] = {
    "clk": ("INPUT", "met2", (9_110, 0, 9_390, 1_000)),
    "d[0]": ("INPUT", "met2", (14_055, 0, 14_335, 1_000)),
    "d[1]": ("INPUT", "met2", (14_615, 0, 14_895, 1_000)),
    "d[2]": ("INPUT", "met3", (0, 15_120, 1_060, 15_500)),
    "d[3]": ("INPUT", "met4", (24_905, 0, 25_285, 1_060)),
    "q[0]": ("OUTPUT", "met3", (48_940, 21_005, 50_000, 21_385)),
    "q[1]": ("OUTPUT", "met1", (20_000, 41_500, 23_000, 43_000)),
}
"""Pins: direction, layer, shape in nm. None lies on the routing grid."""

SUPPLIES: dict[str, tuple[str, list[tuple[str, Rect]]]] = {
    "vpp": ("POWER", [("met3", (2_000, 8_000, 48_000, 10_400)), ("met2", (4_000, 2_000, 6_400, 42_000))]),
    "vgg": ("GROUND", [("met3", (2_000, 30_000, 48_000, 32_400)), ("met2", (42_000, 2_000, 44_400, 42_000))]),
}
"""Supply pins: a bar along either side on two layers, joined where they cross."""

OBSTRUCTIONS = """
    LAYER li1 ; RECT 0 0 50 44 ;
    LAYER met1 ; RECT 0.5 0.5 49.5 41 ;
    LAYER met2 ; POLYGON 8 2 40 2 40 7 30 7 30 12 8 12 ;
    LAYER met3 ; POLYGON 10 14 30 14 30 26 20 26 20 20 10 20 ;
    LAYER via ; RECT 8 2 40 12 ;
"""
"""Two polygons among them; the supply bars stay clear."""


def lef(name: str = "small", extra: str = "") -> str:
    """The macro's LEF; `extra` are more obstructions."""
    pins = []
    for pin, (direction, layer, rect) in SIGNALS.items():
        pins.append(_pin(pin, f"DIRECTION {direction} ; USE SIGNAL ; ANTENNAGATEAREA 0.5 ;", [(layer, rect)]))
    for pin, (use, shapes) in SUPPLIES.items():
        pins.append(_pin(pin, f"DIRECTION INOUT ; USE {use} ;", shapes))
    return (
        f"VERSION 5.8 ;\nMACRO {name}\n  CLASS BLOCK ;\n  SIZE {WIDTH / 1e3} BY {HEIGHT / 1e3} ;\n"
        f"{''.join(pins)}  OBS{OBSTRUCTIONS}{extra}  END\nEND {name}\nEND LIBRARY\n"
    )


def _pin(name: str, head: str, shapes: list[tuple[str, Rect]]) -> str:
    ports = "".join(
        f"    PORT\n      LAYER {layer} ;\n      RECT {' '.join(str(v / 1e3) for v in rect)} ;\n    END\n"
        for layer, rect in shapes
    )
    return f"  PIN {name}\n    {head}\n{ports}  END {name}\n"


LIBERTY = """library (small) {
  time_unit : "1ns"; capacitive_load_unit (1, pf); default_max_transition : 1.5;
  type (four) { bit_from : 3; bit_to : 0; }
  type (two) { bit_from : 1; bit_to : 0; }
  cell (small) {
    interface_timing : true;
    pin (clk) { direction : input; clock : true; capacitance : 0.02; }
    bus (d) { bus_type : four; direction : input; capacitance : 0.005;
      timing () { related_pin : clk; timing_type : setup_rising;
        rise_constraint (scalar) { values ("0.2"); } fall_constraint (scalar) { values ("0.2"); } }
      timing () { related_pin : clk; timing_type : hold_rising;
        rise_constraint (scalar) { values ("0.05"); } fall_constraint (scalar) { values ("0.05"); } } }
    bus (q) { bus_type : two; direction : output; max_capacitance : 0.2;
      timing () { related_pin : clk; timing_type : rising_edge;
        cell_rise (scalar) { values ("0.9"); } cell_fall (scalar) { values ("0.9"); }
        rise_transition (scalar) { values ("0.2"); } fall_transition (scalar) { values ("0.2"); } } }
  }
}
"""


def write_block(folder: Path, library: Library, with_gds: bool = True) -> Block:
    """Write the macro's files; the same Liberty serves all corners."""
    files = {name: folder / name for name in ("small.lef", "small.lib", "small.gds")}
    files["small.lef"].write_text(lef())
    files["small.lib"].write_text(LIBERTY)
    if with_gds:
        layout(library).write(str(files["small.gds"]))
    corners = dict.fromkeys(library.corners, files["small.lib"])
    return Block(files["small.lef"], corners, files["small.gds"] if with_gds else None)


def layout(library: Library) -> kdb.Layout:
    """The macro's metal: its pins, the vias between its supply bars, and some metal of its own."""
    made = kdb.Layout()
    made.dbu = 0.001
    cell = made.create_cell("small")

    def draw(layer: str, rect: Rect) -> None:
        cell.shapes(made.layer(*library.layers[layer].drawing)).insert(kdb.Box(*rect))

    for _, layer, rect in SIGNALS.values():
        draw(layer, rect)
    for x, y, (_, shapes) in ((5_200, 9_200, SUPPLIES["vpp"]), (43_200, 31_200, SUPPLIES["vgg"])):
        for layer, rect in shapes:
            draw(layer, rect)
        draw("via2", (x - 100, y - 100, x + 100, y + 100))
    for y in range(2_000, 40_000, 2_000):
        draw("met1", (1_000, y, 49_000, y + 500))
    return made


def macro_of(text: str, folder: Path) -> Macro:
    """The only macro of a LEF text."""
    from asicflow.pdk.lef import read_lef

    path = folder / "macro.lef"
    path.write_text(text)
    (found,) = read_lef(path).values()
    return found
