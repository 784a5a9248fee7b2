"""Extract the connectivity of a layout from its geometry alone.

Metal that touches is connected, and cuts connect the metals below and above. Every cell pin and every
top-level label leaves a numbered mark on the metal it sits on; the marks that one piece of connected metal
collects are the pins of one net. Wells and substrate are not seen here: pins that have no metal (body ties)
are left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import klayout.db as kdb

from asicflow.errors import UserError
from asicflow.pdk.lef import Macro, TechLef
from asicflow.signoff.layout import Gallery, Label, Layout, Placed
from asicflow.signoff.netlist import Pin
from asicflow.signoff.placement import Spot, read_placement

Point = tuple[str, int, int]
"""A place on metal: layer, x, y in nm."""

MOST_POINTS = 200
"""Polygons of more points are extracted in pieces: a rail around a whole chip has thousands, and meets as many cuts."""

MOST_EMPTY = 3.0
"""Polygons are extracted in pieces if their box has more times their area: pads' rails frame whole sides of a chip."""

OWN_METAL: Pin = ("", "")
"""The pin of marks that only say: here the top cell drew metal."""


@dataclass(frozen=True)
class Mark:
    """Something whose net is wanted: a cell pin, or a top-level label (instance ``""``)."""

    pin: Pin
    layer: str
    x: int
    y: int


@dataclass
class Cluster:
    """One piece of connected metal with the marks on it."""

    marks: list[Mark] = field(default_factory=list)
    net: kdb.Net | None = None


class Connectivity:
    """Connected metal of flat shapes, and which marks share a piece.

    Parameters
    ----------
    shapes : dict
        Merged flat shapes per layer, from the lowest layer up; metals and cuts alternate.
    marks : iterable of Mark
        Places to look up.
    """

    def __init__(self, shapes: dict[str, kdb.Region], marks: Iterable[Mark]) -> None:
        self.marks = list(marks)
        self.shapes = shapes
        self.l2n = kdb.LayoutToNetlist("top", 0.001)
        stack = list(shapes)
        self._pieces = {name: region.dup() for name, region in shapes.items()}
        for name, region in self._pieces.items():
            region.break_polygons(MOST_POINTS, MOST_EMPTY)
            self.l2n.register(region, name)
        texts = {name: kdb.Texts() for name in stack[::2]}
        for index, mark in enumerate(self.marks):
            texts[mark.layer].insert(kdb.Text(str(index), kdb.Trans(mark.x, mark.y)))
        for name in stack[::2]:
            self.l2n.register(texts[name], f"{name}.marks")
            self.l2n.connect(self._pieces[name])
            self.l2n.connect(self._pieces[name], texts[name])
        for below, cut, above in zip(stack[::2], stack[1::2], stack[2::2], strict=False):
            self.l2n.connect(self._pieces[cut])
            self.l2n.connect(self._pieces[below], self._pieces[cut])
            self.l2n.connect(self._pieces[cut], self._pieces[above])
        self.l2n.extract_netlist()

    @cached_property
    def clusters(self) -> list[Cluster]:
        """The pieces that carry marks."""
        found = []
        for circuit in self.l2n.netlist().each_circuit():
            for net in circuit.each_net():
                if net.name:
                    marks = [self.marks[int(i)] for i in net.name.split(",")]
                    found.append(Cluster(marks, net))
        return found

    @cached_property
    def loose(self) -> list[Mark]:
        """Marks that hit no metal."""
        hit = {id(m) for cluster in self.clusters for m in cluster.marks}
        return [m for m in self.marks if id(m) not in hit]

    def shapes_of(self, cluster: Cluster, layer: str) -> kdb.Region:
        """The cluster's merged shapes on a layer."""
        return self.l2n.shapes_of_net(cluster.net, self._pieces[layer], True).merged()

    def shapes_of_all(self, clusters: Sequence[Cluster]) -> dict[str, kdb.Region]:
        """The merged shapes of many clusters, per layer."""
        nets = [cluster.net for cluster in clusters]
        target = kdb.Layout()
        target.dbu = 0.001
        cell = target.create_cell("nets")
        layers = {name: target.layer(number, 0) for number, name in enumerate(self.shapes)}
        regions = {index: self._pieces[name] for name, index in layers.items()}
        mapping = self.l2n.cell_mapping_into(target, cell, nets)
        self.l2n.build_nets(nets, mapping, target, regions, None, None, kdb.LayoutToNetlist.BNH_Flatten, None, None)
        return {name: kdb.Region(cell.begin_shapes_rec(index)).merged() for name, index in layers.items()}


@dataclass(frozen=True)
class CellPins:
    """Where the pins of a cell meet metal.

    ``points`` maps a pin to one point per separate piece of metal (pieces of one pin may be joined below
    the metals, by poly or diffusion); ``unseen`` are pins without metal, ``missing`` pin shapes that the
    abstract view has but the drawn cell has not.
    """

    points: dict[str, list[Point]]
    unseen: list[str]
    missing: list[Mark]


@dataclass
class Extraction:
    """The nets of a layout by pin.

    ``placed`` maps names to instances; those that the DEF does not name carry their spot as name and are
    listed in ``unnamed``. ``absent`` are names without an instance in the layout.
    """

    connectivity: Connectivity
    labels: list[Label]
    placed: dict[str, Placed]
    unnamed: set[str]
    absent: dict[str, Spot]
    cells: dict[str, CellPins]

    @staticmethod
    def of(layout: Layout, macros: dict[str, Macro], tech: TechLef, placement: Path) -> Extraction:
        """Extract a layout whose instances are named by a DEF; without the file their places are their names.

        Raises
        ------
        UserError
            If a placed cell has no abstract view.
        """
        stack = [n for n, x in tech.layers.items() if n in layout.layers and x.kind in ("ROUTING", "CUT")]
        placed = layout.instances()
        for cell in sorted({p.cell for p in placed} - set(macros)):
            raise UserError(f"cell {cell} has no LEF view", where=str(layout.path))
        cells = cell_pins(layout, {p.cell for p in placed}, macros, stack)
        named, unnamed, absent = _name(placed, macros, read_placement(placement) if placement.is_file() else {})
        labels = layout.labels()
        marks = [Mark(("", label.text), label.layer, label.x, label.y) for label in labels]
        for name, instance in named.items():
            marks += _instance_marks(name, instance, cells[instance.cell])
        shapes = {name: layout.region(name) for name in stack}
        marks += _own_marks(layout, stack)
        return Extraction(Connectivity(shapes, marks), labels, named, unnamed, absent, cells)


def cell_pins(layout: Layout, cells: set[str], macros: dict[str, Macro], stack: list[str]) -> dict[str, CellPins]:
    """Find each cell's pin metal, cell by cell and without its neighbours."""
    gallery = Gallery(layout.db, cells, layout.layers)
    marks: list[Mark] = []
    for cell in sorted(cells):
        for pin in macros[cell].pins.values():
            for layer in (n for n in stack if n in pin.shapes):
                for x1, y1, x2, y2 in pin.shapes[layer]:
                    x = (x1 + x2) // 2 + gallery.offsets[cell]
                    marks.append(Mark((cell, pin.name), layer, x, (y1 + y2) // 2))
    alone = Connectivity({name: gallery.region(name) for name in stack}, marks)
    points: dict[str, dict[str, list[Point]]] = {cell: {} for cell in cells}
    for cluster in alone.clusters:
        for owner in sorted({m.pin for m in cluster.marks}):
            first = next(m for m in cluster.marks if m.pin == owner)
            where = (first.layer, first.x - gallery.offsets[owner[0]], first.y)
            points[owner[0]].setdefault(owner[1], []).append(where)
    metals = set(stack)
    return {
        cell: CellPins(
            points[cell],
            [p.name for p in macros[cell].pins.values() if not metals & set(p.shapes)],
            [m for m in alone.loose if m.pin[0] == cell],
        )
        for cell in sorted(cells)
    }


def _instance_marks(name: str, placed: Placed, pins: CellPins) -> list[Mark]:
    marks = []
    for pin, points in pins.points.items():
        for layer, x, y in points:
            at = placed.trans * kdb.Point(x, y)
            marks.append(Mark((name, pin), layer, at.x, at.y))
    return marks


def _own_marks(layout: Layout, stack: list[str]) -> list[Mark]:
    """One mark per piece of metal drawn in the top cell, to find metal that belongs to nothing."""
    marks = []
    for name in stack[::2]:
        for polygon in layout.own_region(name).merged().each():
            corner = next(polygon.each_point_hull())
            marks.append(Mark(OWN_METAL, name, corner.x, corner.y))
    return marks


def _name(
    placed: list[Placed], macros: dict[str, Macro], names: dict[Spot, str]
) -> tuple[dict[str, Placed], set[str], dict[str, Spot]]:
    """Name the instances by their spots."""
    left = dict(names)
    named: dict[str, Placed] = {}
    unnamed: set[str] = set()
    for instance in placed:
        macro = macros[instance.cell]
        box = instance.trans * kdb.Box(0, 0, macro.width, macro.height)
        name = left.pop((instance.cell, box.left, box.bottom), None)
        if name is None:
            name = f"{instance.cell}@({box.left / 1000:g},{box.bottom / 1000:g})"
            unnamed.add(name)
        named[name] = instance
    return named, unnamed, {name: spot for spot, name in left.items()}
