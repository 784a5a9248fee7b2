"""Pictures of a layout, drawn by KLayout's own view without a display."""

from __future__ import annotations

from pathlib import Path

import klayout.db as db
import klayout.lay as lay

from asicflow.pdk.config import Library

WIDTH = 1600
BACKGROUND = 0x10141C
COLOURS = (0x2C3E63, 0x3F78C4, 0xE2574C, 0x4FC26B, 0xF2B134, 0xB07CE8, 0x35C9C9, 0xE884B7)
"""One colour per wiring layer from the lowest, which is kept dark; reused when a process has more."""
SOLID, HATCHED, HOLLOW = 0, 5, 1
"""KLayout's fill patterns by number."""
FRAME = (65000, 0)
"""Layer of the die's outline in the picture; the cells' own outlines stay hidden."""


def draw(layout: db.Layout, library: Library, target: Path, *, window_um: float | None = None) -> None:
    """Write a PNG of the whole die, or of its centre.

    Parameters
    ----------
    layout : klayout.db.Layout
        Layout with one top cell.
    library : Library
        Names the layers of the process.
    target : Path
        PNG to write, 1600 pixels wide and as high as the die's shape asks for.
    window_um : float, optional
        Width of the part around the centre that is shown; default: the die with a small margin.
    """
    view = lay.LayoutView(True)
    for key, value in (
        ("background-color", f"#{BACKGROUND:06x}"), ("grid-visible", "false"), ("text-visible", "false"),
        ("cell-box-visible", "false"), ("abstract-mode-enabled", "false"),
    ):  # fmt: skip
        view.set_config(key, value)
    shown = layout.dup()
    _add_frame(shown, library)
    view.show_layout(shown, False)  # the view takes ownership
    view.max_hier()
    _set_layers(view, shown, library, SOLID if window_um is None else HATCHED)
    box = _window(layout.top_cell().dbbox(), window_um)
    view.zoom_box(box)
    height = max(200, round(WIDTH * box.height() / box.width()))
    view.save_image_with_options(str(target), WIDTH, height, 0, 2, 0.0, box, False)


def _window(die: db.DBox, width: float | None) -> db.DBox:
    if width is None:
        return die.enlarged(0.02 * die.width(), 0.02 * die.height())
    half = 0.5 * min(width, die.width())
    centre = die.center()
    return db.DBox(centre.x - half, centre.y - 0.625 * half, centre.x + half, centre.y + 0.625 * half)


def _add_frame(layout: db.Layout, library: Library) -> None:
    """Draw the outline: the top cell's own boundary shapes, or its bounding box when it has none."""
    top = layout.top_cell()
    boundary = db.Region(top.shapes(layout.layer(*library.boundary)))
    box = top.bbox() if boundary.is_empty() else boundary.bbox()
    top.shapes(layout.layer(*FRAME)).insert(box)


def _set_layers(view: lay.LayoutView, layout: db.Layout, library: Library, pattern: int) -> None:
    """Show the wiring layers of the process, the upper ones over the lower, and the die's outline."""
    view.clear_layers()
    present = {(info.layer, info.datatype) for info in layout.layer_infos()}
    wiring = [entry for entry in library.layers.values() if entry.label is not None or entry.pin is not None]
    for index, entry in enumerate(wiring):
        if entry.drawing in present:
            _add_layer(view, entry.drawing, COLOURS[index % len(COLOURS)], pattern if index else SOLID)
    _add_layer(view, FRAME, 0xFFFFFF, HOLLOW)


def _add_layer(view: lay.LayoutView, pair: tuple[int, int], colour: int, pattern: int) -> None:
    node = lay.LayerPropertiesNode()
    node.source_layer, node.source_datatype = pair
    node.fill_color = node.frame_color = colour
    node.dither_pattern = pattern
    node.width = 1
    view.insert_layer(view.end_layers(), node)
