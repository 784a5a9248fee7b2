"""A layout as the gates see it: flat metal and cut shapes, top-level labels and cell instances."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import klayout.db as kdb

from asicflow.errors import UserError
from asicflow.pdk.config import GdsLayer

DBU_UM = 0.001

JOINED = 300
"""Half of the largest gap (nm) between the cuts of an array that are joined for extraction."""


@dataclass(frozen=True)
class Label:
    """A text of the top cell on a label layer; place in nm."""

    text: str
    layer: str
    x: int
    y: int


@dataclass(frozen=True)
class Placed:
    """One cell instance of the top cell."""

    cell: str
    trans: kdb.Trans


class Layout:
    """The GDS of one top cell.

    Parameters
    ----------
    path : Path
        GDS or OASIS file.
    top : str
        Name of the top cell.
    layers : dict
        Mask layers of the PDK from the lowest up.
    fill : dict, optional
        GDS (layer, datatype) of dummy metal by mask layer.

    Raises
    ------
    UserError
        If the file has no such cell, or its database unit is not one nanometre.
    """

    def __init__(
        self, path: Path, top: str, layers: dict[str, GdsLayer], fill: Mapping[str, tuple[int, int]] | None = None
    ) -> None:
        self.path = path
        self.db = kdb.Layout()
        self.db.read(str(path))
        if abs(self.db.dbu - DBU_UM) > 1e-9:
            raise UserError(f"the database unit is {self.db.dbu} um, not {DBU_UM} um", where=str(path))
        if not self.db.has_cell(top):
            names = ", ".join(c.name for c in self.db.top_cells())
            raise UserError(f"the layout has no cell {top}", where=str(path), hint=f"top cells: {names}")
        self.cell = self.db.cell(top)
        self.layers = layers
        self.fill = fill or {}
        self._flat: dict[tuple[int, int], kdb.Region] = {}
        self._filled: dict[str, kdb.Region] = {}
        self._deep: dict[tuple[int, int], kdb.Region] = {}
        self._store = kdb.DeepShapeStore()

    @property
    def die(self) -> kdb.Box:
        """The die: the box around everything."""
        return self.cell.bbox()

    def region(self, name: str) -> kdb.Region:
        """All shapes of a layer, cells included, flat and merged."""
        return self.flat(self.layers[name].drawing)

    def filled(self, name: str) -> kdb.Region:
        """All shapes of a layer with its dummy metal, flat and merged."""
        if name not in self.fill:
            return self.region(name)
        if name not in self._filled:
            shapes = [kdb.Region(self.cell.begin_shapes_rec(self.db.layer(*pair)))
                      for pair in (self.layers[name].drawing, self.fill[name])]  # fmt: skip
            self._filled[name] = (shapes[0] + shapes[1]).merged()
        return self._filled[name]

    def flat(self, pair: tuple[int, int]) -> kdb.Region:
        """All shapes of a GDS (layer, datatype), cells included, flat and merged."""
        if pair not in self._flat:
            flat = kdb.Region(self.cell.begin_shapes_rec(self.db.layer(*pair)))
            self._flat[pair] = flat.merged()
        return self._flat[pair]

    def shapes(self, pair: tuple[int, int]) -> kdb.Region:
        """All shapes of a GDS (layer, datatype): cell by cell where mostly cells draw on it, else flat.

        KLayout then works on each cell once instead of on every instance.
        """
        index = self.db.layer(*pair)
        if self.cell.shapes(index).size() > self._placed_shapes(index):
            return self.flat(pair)
        if pair not in self._deep:
            self._deep[pair] = kdb.Region(self.cell.begin_shapes_rec(index), self._store)
        return self._deep[pair]

    def _placed_shapes(self, index: int) -> int:
        """Shapes of a layer that the instances in the top cell bring, counted once per instance."""
        return sum(
            instance.na * instance.nb * size if instance.is_regular_array() else size
            for instance in self.cell.each_inst()
            if (size := self.db.cell(instance.cell_index).shapes(index).size())
        )

    def own_region(self, name: str) -> kdb.Region:
        """Shapes drawn in the top cell itself, unmerged."""
        found = kdb.Region()
        found.insert(self.cell.shapes(self._index(name)))
        return found

    def labels(self) -> list[Label]:
        """Texts of the top cell on the label layers."""
        return list(self._labels())

    def _labels(self) -> Iterator[Label]:
        for name, layer in self.layers.items():
            if layer.label is None:
                continue
            for shape in self.cell.shapes(self.db.layer(*layer.label)).each(kdb.Shapes.STexts):
                yield Label(shape.text_string, name, shape.text_pos.x, shape.text_pos.y)

    def instances(self) -> list[Placed]:
        """Every cell instance of the top cell but those of density fill, arrays expanded."""
        found = []
        squares = {f"fill_{name}" for name in self.fill}
        for instance in self.cell.each_inst():
            cell = self.db.cell(instance.cell_index).name
            if cell in squares:
                continue
            for single in instance.cell_inst.each_trans():
                found.append(Placed(cell, single))
        return found

    def hollow(self, blocks: Iterable[str], reach: int) -> tuple[Layout, kdb.Region]:
        """The layout without what lies deep inside hard macros, and where that was.

        A macro keeps whole shapes that come within ``reach`` nm of its edge or of something that the top cell
        draws on one of the macro's layers: only these can meet anything outside. What is deeper is the same in
        every instance and can be judged in the macro alone.
        """
        other = self._copy()
        deep = kdb.Region()
        for name in sorted({*blocks} & {p.cell for p in self.instances()}):
            cell = other.db.cell(name)
            spots = [p.trans for p in self.instances() if p.cell == name]
            drawn = [i for i in other.db.layer_indexes() if not cell.bbox_per_layer(i).empty()]
            outline = kdb.Region(cell.bbox())
            crossing = kdb.Region()
            for index in drawn:
                own = kdb.Region(other.cell.shapes(index))
                for spot in spots:
                    crossing += (own & outline.transformed(spot)).transformed(spot.inverted())
            zone = ((outline - outline.sized(-reach)) + crossing.sized(reach)).merged()
            kept = {index: kdb.Region(cell.begin_shapes_rec(index)).merged().interacting(zone) for index in drawn}
            cell.clear()
            for index, region in kept.items():
                cell.shapes(index).insert(region)
            for spot in spots:
                deep += (outline - zone).transformed(spot)
        return other, deep.merged()

    def with_joined_cuts(self, cells: Iterable[str], stack: Sequence[str]) -> Layout:
        """The layout with the arrays of cuts inside some cells joined: the same connections, a hundredth of the shapes.

        Pads have a hundred thousand cuts each. Cuts whose gap is at most twice :data:`JOINED` become one where the same
        metal below and the same above, which a cut joins anyway, both cover the gap. ``stack`` are the layers from the
        lowest metal up, metals and cuts in turn; the cells keep only these.
        """
        other = self._copy()
        for name in sorted({*cells} & {p.cell for p in self.instances()}):
            cell = other.db.cell(name)
            drawn = {n: kdb.Region(cell.begin_shapes_rec(self._index(n))).merged() for n in stack}
            for below, cut, above in zip(stack[::2], stack[1::2], stack[2::2], strict=False):
                joint = (drawn[below] & drawn[above]).merged().interacting(drawn[cut])
                joined = drawn[cut].sized(JOINED).merged().sized(-JOINED) & joint
                drawn[cut] = (joined + drawn[cut]).merged()
            cell.clear()
            for layer, region in drawn.items():
                cell.shapes(self._index(layer)).insert(region)
        return other

    def with_cells(self, contents: Mapping[str, Mapping[str, kdb.Region]]) -> Layout:
        """The layout with other contents in some cells: a region by layer."""
        other = self._copy()
        for name, regions in contents.items():
            cell = other.db.cell(name)
            cell.clear()
            for layer, region in regions.items():
                cell.shapes(self._index(layer)).insert(region)
        return other

    def touching(self, name: str, box: kdb.Box) -> kdb.Region:
        """Shapes of a layer that touch a box, cells included."""
        return kdb.Region(self.cell.begin_shapes_rec_touching(self._index(name), box))

    def _copy(self) -> Layout:
        other = copy.copy(self)
        other.db, other._flat, other._filled, other._deep = self.db.dup(), {}, {}, {}
        other._store = kdb.DeepShapeStore()
        other.cell = other.db.cell(self.cell.name)
        return other

    def _index(self, name: str) -> int:
        return int(self.db.layer(*self.layers[name].drawing))


class Gallery:
    """Each cell once, side by side and far apart, to judge cells without their neighbours."""

    GAP = 20_000

    def __init__(self, db: kdb.Layout, cells: Iterable[str], layers: dict[str, GdsLayer]) -> None:
        self.layers = layers
        self.offsets: dict[str, int] = {}
        self._starts: list[tuple[int, str]] = []
        self._db = db
        x = 0
        for name in sorted(set(cells)):
            box = db.cell(name).bbox()
            self.offsets[name] = x - box.left
            self._starts.append((x - self.GAP // 2, name))
            x += box.width() + self.GAP

    def region(self, name: str) -> kdb.Region:
        """All cells' shapes of a layer, merged."""
        index = self._db.layer(*self.layers[name].drawing)
        found = kdb.Region()
        for cell, offset in self.offsets.items():
            shapes = kdb.Region(self._db.cell(cell).begin_shapes_rec(index))
            found += shapes.moved(offset, 0)
        return found.merged()

    def cell_at(self, x: int) -> str:
        """The cell that owns an x coordinate of the gallery."""
        low, high = 0, len(self._starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._starts[middle][0] <= x else (low, middle)
        return self._starts[low][1]
