"""Pictures of the layout: the whole die and a crop around each finding, drawn by KLayout off screen."""

from __future__ import annotations

import logging
from pathlib import Path

import klayout.db as kdb
import klayout.lay as lay

from asicflow.pdk.config import GdsLayer
from asicflow.signoff.context import GateContext
from asicflow.signoff.deck import load_deck
from asicflow.signoff.verdict import Finding, GateRecord

log = logging.getLogger(__name__)

BACKGROUND = 0x0D1220
MARKER = 0xFF4D5E
METALS = (0x6F7C99, 0x3F7DFF, 0xE0479E, 0x2FC9B4, 0xF2A33A, 0xA58BFF, 0x8BD450)
"""Colours of the metals from the lowest up; cuts are drawn nearly white."""

BELOW = (0xFFE066, 0xFF7849, 0x66D9E8, 0x94D82D, 0xE599F7)
"""Colours of wells, implants, diffusion and poly where a finding is on them."""

SOLID, LIGHT = 0, 2
"""KLayout's fill patterns."""

MAX_PICTURES = 12
MIN_CROP_UM = 4.0


def picture_findings(context: GateContext, record: GateRecord) -> None:
    """Draw a crop for the first findings of a gate that have a place; sets ``finding.picture``."""
    gds = context.path("layout/{top}.gds")
    placed = _chosen([f for f in record.result.findings if f.has_place])
    if not placed or not gds.is_file() or context.maybe_library is None:
        return
    shown = context.maybe_library.layers
    view = open_view(gds, shown)
    _add_rule_layers(view, context.maybe_library.pdk, {f.layer for f in placed} - set(shown))
    folder = context.out / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    for number, finding in enumerate(placed, 1):
        assert finding.x_um is not None and finding.y_um is not None
        path = folder / f"{record.id}.{number}.png"
        draw_crop(view, path, finding.x_um, finding.y_um, finding.size_um, layer=finding.layer)
        finding.picture = context.relative(path)
        record.result.evidence.append(path)


def _chosen(findings: list[Finding]) -> list[Finding]:
    """The findings to draw: one of each rule first."""
    first = {f.rule: f for f in reversed(findings)}
    ordered = [f for f in findings if first[f.rule] is f] + [f for f in findings if first[f.rule] is not f]
    return ordered[:MAX_PICTURES]


def _add_rule_layers(view: lay.LayoutView, process: str, names: set[str]) -> None:
    """Show the layers below the metals that findings are on; a derived layer by those that it comes from."""
    try:
        deck = load_deck(process)
    except FileNotFoundError:
        return
    drawn: dict[str, GdsLayer] = {}
    for name in sorted(names):
        sources = deck.drawn_layers(name)
        drawn |= {n: GdsLayer(name=name if len(sources) == 1 else n, drawing=p) for n, p in sources.items()}
    for index, layer in enumerate(drawn.values()):
        properties = lay.LayerProperties()
        properties.source = f"{layer.drawing[0]}/{layer.drawing[1]}@1"
        properties.name = layer.name
        properties.fill_color = properties.frame_color = BELOW[index % len(BELOW)]
        properties.dither_pattern = LIGHT
        properties.transparent = True
        properties.width = 1
        view.insert_layer(view.end_layers(), properties)


def open_view(gds: Path, layers: dict[str, GdsLayer]) -> lay.LayoutView:
    """Load a GDS for drawing with one colour per metal.

    Parameters
    ----------
    gds : Path
        The layout.
    layers : dict
        Mask layers from the lowest up, metals and cuts alternating.
    """
    view = lay.LayoutView()
    view.load_layout(str(gds), False)
    view.max_hier()
    view.clear_layers()
    for key, value in (("background-color", f"#{BACKGROUND:06x}"), ("grid-visible", "false"),
                       ("text-visible", "false"), ("cell-box-visible", "false")):  # fmt: skip
        view.set_config(key, value)
    for index, layer in enumerate(layers.values()):
        _add_layer(view, layer, index)
    return view


def draw_die(view: lay.LayoutView, path: Path, pixels: int = 1400) -> None:
    """Draw the whole die; the longer side has ``pixels`` pixels."""
    box = view.active_cellview().cell.dbbox()
    if box.empty():
        return
    scale = pixels / max(box.width(), box.height())
    view.zoom_box(box.enlarged(0.01 * max(box.width(), box.height())))
    _save(view, path, max(64, round(box.width() * scale)), max(64, round(box.height() * scale)))


def draw_crop(
    view: lay.LayoutView,
    path: Path,
    x_um: float,
    y_um: float,
    size_um: float,
    pixels: int = 520,
    layer: str = "",
) -> None:
    """Draw a square around a place and mark it.

    Parameters
    ----------
    size_um : float
        Extent of what is marked; the crop shows at least four times as much.
    layer : str
        Layer to show solid among the others.
    """
    _stress(view, layer)
    half = max(MIN_CROP_UM, 4 * size_um) / 2
    mark = max(size_um / 2, 0.12)
    marker = lay.Marker(view)
    marker.set(kdb.DBox(x_um - mark, y_um - mark, x_um + mark, y_um + mark))
    marker.color = MARKER
    marker.line_width = 3
    marker.dither_pattern = 1
    view.zoom_box(kdb.DBox(x_um - half, y_um - half, x_um + half, y_um + half))
    _save(view, path, pixels, pixels)
    marker._destroy()


def _add_layer(view: lay.LayoutView, layer: GdsLayer, index: int) -> None:
    """Metals as translucent colours, cuts as small bright squares above them."""
    is_cut = layer.label is None
    color = 0xF4F6FF if is_cut else METALS[index // 2 % len(METALS)]
    properties = lay.LayerProperties()
    properties.source = f"{layer.drawing[0]}/{layer.drawing[1]}@1"
    properties.name = layer.name
    properties.fill_color = color
    properties.frame_color = color
    properties.dither_pattern = SOLID if is_cut else LIGHT
    properties.transparent = not is_cut
    properties.width = 1
    view.insert_layer(view.end_layers(), properties)


def _stress(view: lay.LayoutView, name: str) -> None:
    """Fill one layer solidly, the other metals lightly."""
    for properties in view.each_layer():
        if properties.transparent:
            properties.dither_pattern = SOLID if properties.name == name else LIGHT


def _save(view: lay.LayoutView, path: Path, width: int, height: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    view.get_pixels_with_options(width, height, 0, 2).write_png(str(path))
