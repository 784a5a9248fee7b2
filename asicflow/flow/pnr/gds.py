"""The layout as GDS: real cells and blocks, routed metal, straps, pins and labels, the die's boundary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import klayout.db as kdb

from asicflow.flow.pnr.floorplan import Floorplan
from asicflow.flow.pnr.geometry import NetGeometry, layer_shapes
from asicflow.flow.pnr.netlist import Netlist, PnrError
from asicflow.flow.pnr.notches import closed, owned
from asicflow.flow.pnr.orientation import klayout_trans
from asicflow.flow.pnr.power import strap_cuts, strap_shapes, supply_pins
from asicflow.flow.pnr.technology import Technology
from asicflow.pdk.block import Block
from asicflow.pdk.config import Library
from asicflow.pdk.lef import Macro, Rect, read_lef


def build_layout(
    netlist: Netlist,
    plan: Floorplan,
    geometries: Sequence[NetGeometry],
    technology: Technology,
    library: Library,
    macros: dict[str, Macro],
    blocks: Sequence[Block] = (),
) -> kdb.Layout:
    """The whole design as a KLayout layout of 1 nm units with the top cell named as the design.

    PnrError when metal of one net is too near to itself at a place where it cannot be joined.
    """
    layout = kdb.Layout()
    layout.dbu = 0.001
    top = layout.create_cell(netlist.top)
    _place_cells(layout, top, netlist, library, macros, blocks)
    regions = _metal(plan, geometries, technology)
    for name, region in regions.items():
        layer = technology.lef.layers[name]
        if layer.kind == "ROUTING":
            hole = technology.config.min_hole.get(name, layer.min_enclosed_area_nm2)
            nets = owned(name, geometries, technology)
            found = closed(nets, region, layer.spacing, layer.min_width, hole, technology.lef.grid)
            if found.faults:
                raise PnrError(
                    f"a gap or a neck on {name} within a net is below its rule and cannot be filled",
                    where=f"x {found.faults[0].center().x / 1e3:.2f} y {found.faults[0].center().y / 1e3:.2f} um",
                    hint="another seed or a lower utilisation routes it differently",
                )
            region = found.metal
        top.shapes(layout.layer(*library.layers[name].drawing)).insert(region)
    _pins(layout, top, netlist, plan, technology, library)
    top.shapes(layout.layer(*library.boundary)).insert(kdb.Box(0, 0, plan.width, plan.height))
    return layout


def _place_cells(
    layout: kdb.Layout,
    top: kdb.Cell,
    netlist: Netlist,
    library: Library,
    macros: dict[str, Macro],
    blocks: Sequence[Block],
) -> None:
    sources = [_read_gds(library.gds)]
    sources += [_read_gds([block.gds]) for block in blocks if block.gds]
    cells: dict[str, kdb.Cell] = {}
    for instance in netlist.instances.values():
        macro = macros[instance.cell]
        if instance.cell not in cells:
            cells[instance.cell] = layout.create_cell(instance.cell)
            original = next((c for s in sources if (c := s.cell(instance.cell)) is not None), None)
            if original is not None:
                cells[instance.cell].copy_tree(original)
            elif instance.block and instance.cell in abstract_blocks(netlist, macros, blocks):
                _draw_abstract(layout, cells[instance.cell], macro, library)
            else:
                files = [str(p) for p in [*library.gds, *(b.gds for b in blocks if b.gds)]]
                raise PnrError(f"no GDS file has the cell {instance.cell}", where=", ".join(files))
        top.insert(kdb.CellInstArray(cells[instance.cell].cell_index(), klayout_trans(instance, macro)))


def _read_gds(files: Sequence[Path]) -> kdb.Layout:
    source = kdb.Layout()
    for path in files:
        try:
            source.read(str(path))
        except RuntimeError as error:
            raise PnrError("cannot read a GDS file", where=str(path), hint=str(error)) from None
    if abs(source.dbu - 0.001) > 1e-9:
        raise PnrError(f"the GDS file has a database unit of {source.dbu} um, not 0.001", where=str(files[0]))
    return source


def abstract_blocks(netlist: Netlist, macros: dict[str, Macro], blocks: Sequence[Block]) -> list[str]:
    """Names of the blocks in use that come without GDS: their pins stand for them in the layout."""
    used = {i.cell for i in netlist.instances.values() if i.block}
    return sorted(name for b in blocks if not b.gds for name in read_lef(b.lef) if name in used)


def _draw_abstract(layout: kdb.Layout, cell: kdb.Cell, macro: Macro, library: Library) -> None:
    """The pins and the outline of a block without GDS; its obstructions are no metal."""
    for pin in macro.pins.values():
        for name, rects in pin.shapes.items():
            if name in library.layers:
                shapes = cell.shapes(layout.layer(*library.layers[name].drawing))
                for rect in rects:
                    shapes.insert(kdb.Box(*rect))
    cell.shapes(layout.layer(*library.boundary)).insert(kdb.Box(0, 0, macro.width, macro.height))


def _metal(plan: Floorplan, geometries: Iterable[NetGeometry], technology: Technology) -> dict[str, kdb.Region]:
    """Routed shapes and straps per layer."""
    regions: dict[str, kdb.Region] = {}

    def draw(name: str, rect: Rect) -> None:
        regions.setdefault(name, kdb.Region()).insert(kdb.Box(*rect))

    for geometry in geometries:
        for name, rect in layer_shapes(geometry, technology):
            draw(name, rect)
    for name, rect, _ in strap_shapes(plan, technology):
        draw(name, rect)
    for name, rect in strap_cuts(plan, technology):
        draw(name, rect)
    for pieces in plan.idle_supplies.values():
        for name, rect in pieces:
            draw(name, rect)
    for place in plan.pins.values():
        draw(technology.layers[place.layer].name, place.rect)
    return regions


def _pins(
    layout: kdb.Layout,
    top: kdb.Cell,
    netlist: Netlist,
    plan: Floorplan,
    technology: Technology,
    library: Library,
) -> None:
    """Pin shapes and labels of ports and supplies."""

    def mark(name: str, layer: str, rect: Rect) -> None:
        pairs = library.layers[layer]
        box = kdb.Box(*rect)
        if pairs.pin:
            top.shapes(layout.layer(*pairs.pin)).insert(box)
        text = kdb.Text(name, kdb.Trans(box.center()))
        top.shapes(layout.layer(*(pairs.label or pairs.drawing))).insert(text)

    for port in netlist.ports.values():
        place = plan.pins[port.name]
        mark(port.name, technology.layers[place.layer].name, place.rect)
    supply = library.power
    for power, rect in supply_pins(plan, technology):
        mark(supply.power_net if power else supply.ground_net, technology.config.straps.layer, rect)
    for name, pieces in plan.idle_supplies.items():
        for layer, rect in pieces:
            if layer == technology.config.straps.layer:
                mark(name, layer, rect)
