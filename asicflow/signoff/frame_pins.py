"""What a shuttle expects of a design in its frame, measured on the GDS: the die, every pin, the supply rings."""

from __future__ import annotations

from collections.abc import Iterator

import klayout.db as kdb

from asicflow.pdk.config import GdsLayer, Library
from asicflow.pdk.frame import FixedFrame
from asicflow.signoff.layout import Layout
from asicflow.signoff.verdict import Finding


def frame_faults(layout: Layout, frame: FixedFrame, library: Library) -> list[Finding]:
    """Compare a layout with its frame.

    Rules: ``size`` the outline is the die; ``pins`` each pin has its label, its pin shape and metal at its place, and
    no other label is on the pins' layers; ``rings`` the metal of each supply's ring is whole and labelled; ``edge``
    there is no other metal outside the die.
    """
    measure = _Measure(layout, frame, library)
    return [*measure.size(), *measure.pins(), *measure.rings(), *measure.edge()]


class _Measure:
    def __init__(self, layout: Layout, frame: FixedFrame, library: Library) -> None:
        self.cell, self.db = layout.cell, layout.db
        self.frame, self.library = frame, library
        straps = library.route["straps"]
        self.ring_layers = {True: str(straps["layer"]), False: str(straps["cross"]["layer"])}

    def size(self) -> Iterator[Finding]:
        """The outline."""
        width, height = self.frame.die_um
        found = kdb.Region(self.cell.shapes(self.db.layer(*self.library.boundary))).bbox()
        if found != kdb.Box(0, 0, round(1000 * width), round(1000 * height)):
            text = f"the outline is {found.to_dtype(0.001)} um, the die {width:g} x {height:g} um from the origin"
            yield Finding(text, "size")

    def pins(self) -> Iterator[Finding]:
        """Every pin at its place, by label, pin shape and metal."""
        labels = {name: list(self._labels(name)) for name in {pin.layer for pin in self.frame.pins.values()}}
        for name, pin in self.frame.pins.items():
            box = kdb.Box(*pin.rect)
            x, y = box.center().x / 1e3, box.center().y / 1e3
            mine = [at for text, at in labels[pin.layer] if text == name]
            if not any(box.contains(at) for at in mine):
                other = f"it is at {mine[0].x / 1e3:g}, {mine[0].y / 1e3:g} um" if mine else "there is none"
                yield Finding(f"pin {name} has no label on {pin.layer} at its place; {other}", "pins", x, y, pin.layer)
            pairs = self.library.layers[pin.layer]
            if pairs.pin and not any(s.bbox() == box for s in self._shapes(pairs.pin, box)):
                yield Finding(f"pin {name} has no pin shape of its place and size", "pins", x, y, pin.layer)
            if not self._covered(pairs, box):
                yield Finding(f"pin {name} has no metal over its whole shape", "pins", x, y, pin.layer)
        known = {*self.frame.pins, *self.frame.rings}
        for layer, found in labels.items():
            for text, at in found:
                if text not in known:
                    yield Finding(f"label {text} is none of the frame's pins", "pins", at.x / 1e3, at.y / 1e3, layer)

    def rings(self) -> Iterator[Finding]:
        """The supplies."""
        labels = {name: list(self._labels(name)) for name in self.ring_layers.values()}
        for supply, pieces in self.frame.rings.items():
            named = False
            for upright, rect in pieces:
                layer, box = self.ring_layers[upright], kdb.Box(*rect)
                named = named or any(text == supply and box.contains(at) for text, at in labels[layer])
                if not self._covered(self.library.layers[layer], box):
                    at = box.center()
                    yield Finding(f"the ring of {supply} has a gap", "rings", at.x / 1e3, at.y / 1e3, layer)
            if not named:
                yield Finding(f"the ring of {supply} has no label", "rings")

    def edge(self) -> Iterator[Finding]:
        """Metal outside the die that is neither pin nor ring."""
        width, height = (round(1000 * v) for v in self.frame.die_um)
        outside = kdb.Region(self.cell.bbox()) - kdb.Region(kdb.Box(0, 0, width, height))
        cross = round(self.library.route["straps"]["cross"]["width"])
        for name, pairs in self.library.layers.items():
            allowed = kdb.Region([kdb.Box(*p.rect) for p in self.frame.pins.values() if p.layer == name])
            for pieces in self.frame.rings.values():
                allowed += kdb.Region([kdb.Box(*r) for up, r in pieces if self.ring_layers[up] == name])
            index = self.db.layer(*pairs.drawing)
            metal = kdb.Region()
            for strip in outside.decompose_trapezoids_to_region().each():
                metal += kdb.Region(self.cell.begin_shapes_rec_overlapping(index, strip.bbox()))
            stray = (metal & outside).merged() - allowed
            if name == self.ring_layers[False]:  # the wires from ring to ring, as wide as drawn
                stray = kdb.Region([p for p in stray.merged().each() if p.bbox().height() > cross])
            elif name not in self.ring_layers.values() and stray.inside(self._rings()).count() == stray.count():
                continue  # cuts between the two layers of a ring
            for polygon in stray.each():
                at = polygon.bbox().center()
                yield Finding("a shape outside the die that is no pin or ring", "edge", at.x / 1e3, at.y / 1e3, name)

    def _rings(self) -> kdb.Region:
        return kdb.Region([kdb.Box(*rect) for pieces in self.frame.rings.values() for _, rect in pieces]).merged()

    def _labels(self, layer: str) -> Iterator[tuple[str, kdb.Point]]:
        pairs = self.library.layers[layer]
        for shape in self.cell.shapes(self.db.layer(*(pairs.label or pairs.drawing))).each(kdb.Shapes.STexts):
            yield shape.text_string, kdb.Point(shape.text_trans.disp.x, shape.text_trans.disp.y)

    def _shapes(self, pair: tuple[int, int], box: kdb.Box) -> Iterator[kdb.Shape]:
        yield from self.cell.shapes(self.db.layer(*pair)).each_touching(box)

    def _covered(self, pairs: GdsLayer, box: kdb.Box) -> bool:
        index = self.db.layer(*pairs.drawing)
        metal = kdb.Region(self.cell.begin_shapes_rec_overlapping(index, box))
        return bool((kdb.Region(box) - metal).is_empty())
