"""A small clean layout from real SKY130 cells, wired by a toy router, and ways to damage it.

Two rows of cells; every net has its own horizontal met3 track above the rows, every pin its own met2
column; two met4 straps feed the rails. Lengths in nm.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import klayout.db as kdb

from asicflow.config import Config
from asicflow.pdk import load_pdk
from asicflow.pdk.config import Library
from asicflow.pdk.lef import Macro, read_lef
from asicflow.signoff.context import GateContext

ROW = 2720
SITE = 460
P = "sky130_fd_sc_hd__"
CELLS = [  # name, cell, row, site
    ("tap0", "tapvpwrvgnd_1", 0, 0), ("u1", "inv_1", 0, 4), ("u2", "nand2_1", 0, 11),
    ("u3", "dfxtp_1", 0, 18),
    ("tap1", "tapvpwrvgnd_1", 1, 26), ("u4", "inv_2", 1, 8), ("u5", "buf_1", 1, 14), ("u6", "nor2_1", 1, 36),
]  # fmt: skip
PINS = {
    "u1": {"A": "a", "Y": "n1"},
    "u2": {"A": "n1", "B": "b[0]", "Y": "n2"},
    "u3": {"CLK": "clk", "D": "n2", "Q": "q"},
    "u4": {"A": "q", "Y": "n3"},
    "u5": {"A": "b[1]", "X": "n4"},
    "u6": {"A": "n3", "B": "n4", "Y": "y"},
}
PORTS = {"a": "input", "b[0]": "input", "b[1]": "input", "clk": "input", "y": "output"}
SITES = 48
VIA = {"mcon": 170, "via": 150, "via2": 200, "via3": 200}


@dataclass
class HandMade:
    """The layout being drawn, with the places of its parts."""

    library: Library
    macros: dict[str, Macro]
    layout: kdb.Layout
    top: kdb.Cell
    pins: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    tracks: dict[str, int] = field(default_factory=dict)
    pin_nets: dict[str, dict[str, str]] = field(default_factory=dict)

    def copy(self) -> HandMade:
        """An independent copy."""
        layout = self.layout.dup()
        nets = {name: dict(pins) for name, pins in self.pin_nets.items()}
        return replace(self, layout=layout, top=layout.cell("accel"), pin_nets=nets)

    def box(self, layer: str, x1: int, y1: int, x2: int, y2: int) -> None:
        """Draw a rectangle in the top cell."""
        self.top.shapes(self.index(layer)).insert(kdb.Box(x1, y1, x2, y2))

    def cut(self, layer: str, x: int, y: int) -> None:
        """Draw a square cut."""
        half = VIA[layer] // 2
        self.box(layer, x - half, y - half, x + half, y + half)

    def label(self, layer: str, text: str, x: int, y: int) -> None:
        """Write a label."""
        pair = self.library.layers[layer].label
        assert pair is not None
        self.top.shapes(self.layout.layer(*pair)).insert(kdb.Text(text, kdb.Trans(x, y)))

    def index(self, layer: str) -> int:
        """KLayout's index of a drawing layer."""
        return int(self.layout.layer(*self.library.layers[layer].drawing))

    def erase(self, layer: str, x1: int, y1: int, x2: int, y2: int) -> int:
        """Remove the top cell's shapes inside a window; returns how many."""
        shapes = self.top.shapes(self.index(layer))
        inside = [s for s in shapes.each() if s.bbox().inside(kdb.Box(x1, y1, x2, y2))]
        for shape in inside:
            shapes.erase(shape)
        return len(inside)

    def erase_label(self, text: str) -> int:
        """Remove labels by their text."""
        count = 0
        for layer in self.library.layers.values():
            if layer.label is None:
                continue
            shapes = self.top.shapes(self.layout.layer(*layer.label))
            for shape in [s for s in shapes.each() if s.is_text() and s.text_string == text]:
                shapes.erase(shape)
                count += 1
        return count

    def write(self, root: Path) -> None:
        """Write GDS, DEF and both netlists into a run directory."""
        folder = root / "layout"
        folder.mkdir(parents=True, exist_ok=True)
        self.layout.write(str(folder / "accel.gds"))
        (folder / "accel.def").write_text(self._def())
        (folder / "accel.v").write_text(verilog(self.pin_nets, power=False))
        (folder / "accel.pg.v").write_text(verilog(self.pin_nets, power=True))

    def _def(self) -> str:
        lines = ["VERSION 5.8 ;", "DESIGN accel ;", "UNITS DISTANCE MICRONS 1000 ;",
                 f"COMPONENTS {len(CELLS)} ;"]  # fmt: skip
        for name, cell, row, site in CELLS:
            facing = "FS" if row % 2 else "N"
            lines.append(f"  - {name} {P}{cell} + PLACED ( {site * SITE} {row * ROW} ) {facing} ;")
        return "\n".join([*lines, "END COMPONENTS", "END DESIGN", ""])


def verilog(pins: dict[str, dict[str, str]], power: bool) -> str:
    """The netlist of the layout."""
    ports = ["a", "b", "clk", "y"] + (["VPWR", "VGND"] if power else [])
    lines = [f"module accel ({', '.join(ports)});", "  input a, clk;", "  input [1:0] b;", "  output y;"]
    if power:
        lines.append("  inout VPWR, VGND;")
    lines.append("  wire n1, n2, n3, n4, q;")
    for name, cell, _, _ in CELLS:
        if name not in pins and not power:
            continue
        given = dict(pins.get(name, {}))
        if power:
            given |= {"VPWR": "VPWR", "VGND": "VGND"}
            given |= {"VPB": "VPWR", "VNB": "VGND"} if name in pins else {}
        lines.append(f"  {P}{cell} {name} ({', '.join(f'.{p}({n})' for p, n in given.items())});")
    return "\n".join([*lines, "endmodule", ""])


def build(pdk_root: Path) -> HandMade:
    """Draw the clean layout."""
    library = load_pdk("sky130", pdk_root).library()
    wanted = {f"{P}{cell}" for _, cell, _, _ in CELLS} | {f"{P}fill_1", f"{P}fill_2"}
    macros = {name: macro for name, macro in read_lef(library.lefs).items() if name in wanted}
    layout = kdb.Layout()
    layout.dbu = 0.001
    made = HandMade(library, macros, layout, layout.create_cell("accel"))
    made.pin_nets = {name: dict(pins) for name, pins in PINS.items()}
    _place(made)
    _route(made)
    _straps(made)
    return made


def _place(made: HandMade) -> None:
    source = kdb.Layout()
    source.read(str(made.library.gds[0]))
    taken: dict[int, list[tuple[int, int]]] = {0: [], 1: []}
    for name, cell, row, site in CELLS:
        macro = made.macros[f"{P}{cell}"]
        taken[row].append((site, site + macro.width // SITE))
        put(made, source, macro.name, row, site)
        for pin in PINS.get(name, {}):
            made.pins[name, pin] = access(made, macro, pin, row, site)
    for row, spans in taken.items():
        free = [s for s in range(SITES) if not any(a <= s < b for a, b in spans)]
        for site in free:
            put(made, source, f"{P}fill_1", row, site)


def put(made: HandMade, source: kdb.Layout, cell: str, row: int, site: int) -> None:
    """Place a cell of the library's GDS."""
    if not made.layout.has_cell(cell):
        made.layout.create_cell(cell).copy_tree(source.cell(cell))
    x, y = site * SITE, row * ROW
    trans = kdb.Trans(0, True, x, y + ROW) if row % 2 else kdb.Trans(x, y)
    made.top.insert(kdb.CellInstArray(made.layout.cell(cell).cell_index(), trans))


def access(made: HandMade, macro: Macro, pin: str, row: int, site: int) -> tuple[int, int]:
    """A point of the pin's li1 with room for a contact, on a met2 column of its own."""
    used = {x for x, _ in made.pins.values()}
    trans = kdb.Trans(0, True, site * SITE, row * ROW + ROW) if row % 2 else kdb.Trans(site * SITE, row * ROW)
    metal = kdb.Region([trans * kdb.Box(*rect) for rect in macro.pins[pin].shapes["li1"]]).merged()
    area = metal.bbox()
    columns = list(range(area.left + 85, area.right - 84, 5))
    if area.center().x > site * SITE + macro.width // 2:
        columns.reverse()
    for y in sorted(range(560, 2160, 10), key=lambda v: abs(v - ROW // 2)):
        for x in columns:
            point = (x, y + row * ROW)
            contact = kdb.Region(kdb.Box(x - 85, point[1] - 85, x + 85, point[1] + 85))
            clear = all(abs(x - other) >= 460 for other in used)
            if clear and (contact - metal).is_empty() and _patch_clear(made, point):
                return point
    raise AssertionError(f"no access to {macro.name}/{pin}")


def _patch_clear(made: HandMade, point: tuple[int, int]) -> bool:
    patch = kdb.Box(point[0] - 160, point[1] - 130, point[0] + 160, point[1] + 130).enlarged(140, 140)
    met1 = kdb.Region(made.top.begin_shapes_rec(made.index("met1")))
    return (met1 & kdb.Region(patch)).is_empty()


def _route(made: HandMade) -> None:
    nets: dict[str, list[tuple[int, int]]] = {}
    for name, pins in PINS.items():
        for pin, net in pins.items():
            nets.setdefault(net, []).append(made.pins[name, pin])
    base = 2 * ROW + 1000
    for number, (net, points) in enumerate(nets.items()):
        y = base + number * 800
        made.tracks[net] = y
        left = 0 if net in PORTS else min(x for x, _ in points) - 200
        made.box("met3", left, y - 165, max(max(x for x, _ in points) + 200, left + 900), y + 165)
        for x, pin_y in points:
            pin_stack(made, x, pin_y)
            made.box("met2", x - 70, pin_y - 130, x + 70, y + 185)
            made.box("met2", x - 140, y - 185, x + 140, y + 185)
            made.cut("via2", x, y)
        if net in PORTS:
            made.label("met3", net, 200, y)


def pin_stack(made: HandMade, x: int, y: int) -> None:
    """Metal from a cell's pin up to met2."""
    made.cut("mcon", x, y)
    made.box("met1", x - 165, y - 130, x + 165, y + 130)
    made.cut("via", x, y)
    made.box("met2", x - 160, y - 130, x + 160, y + 130)


def _straps(made: HandMade) -> None:
    height = 2 * ROW
    for net, x, rails in (("VGND", 18800, (0, 2)), ("VPWR", 21000, (1,))):
        made.box("met4", x - 450, -300, x + 450, height + 300)
        made.label("met4", net, x, height)
        for rail in rails:
            y = rail * ROW
            made.box("met1", x - 400, y - 240, x + 400, y + 240)
            for dx in (-200, 200):
                for cut in ("via", "via2", "via3"):
                    made.cut(cut, x + dx, y)
            made.box("met2", x - 400, y - 185, x + 400, y + 185)
            made.box("met3", x - 400, y - 190, x + 400, y + 190)


def context_of(root: Path, made: HandMade) -> GateContext:
    """Write the layout into a run directory and open it."""
    made.write(root)
    return GateContext(root, Config(name="hand_made"), maybe_library=made.library)
