"""The routing technology: the PDK file's `route` section, checked against the technology LEF.

`RouteConfig` is what a PDK file states (layers, directions, tracks, via pads, straps, costs);
`Technology` joins it with the tech LEF's rules and derives what the router must keep apart. Nodes of the
routing grid lie at half a step plus whole steps from the die's corner, on every layer the same; a layer
uses every node or every second one across its direction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from asicflow.errors import UserError
from asicflow.pdk.config import Library
from asicflow.pdk.lef import Layer, TechLef, read_tech_lef

Half = tuple[int, int]
"""Half extents (x, y) in nm of a rectangle around a node."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GridConfig(_Section):
    """Node spacing in nm."""

    x: int = Field(gt=0)
    y: int = Field(gt=0)


class RouteLayer(_Section):
    """One routing layer: wires of `width` nm on every `every`-th line; `single` is the half extent of the
    pad that a node without wire needs for the layer's minimum area."""

    name: str
    direction: Literal["horizontal", "vertical"]
    width: int
    every: int = 1
    wires: bool = True
    cost: float = 1.0
    single: Half | None = None


class RouteVia(_Section):
    """The via from one routing layer to the next: half extents of its pads, cost in nm of wire, and the
    nodes (every n-th column, every n-th line) that may hold one."""

    cut: str
    lower: Half
    upper: Half
    cost: float
    every: tuple[int, int] = (1, 1)


class PinCut(_Section):
    """The cut from the cells' pin layer up to the first routing layer, which the router may place
    anywhere inside the pin: half extents of its upper pad (either way round) and how far from a node."""

    layer: str
    pads: list[Half]
    reach: tuple[int, int]


class CrossWire(_Section):
    """Horizontal power wires above the straps (nm), which reach blocks that the straps cannot cross: their
    layer and width, the cut down to the strap layer and the half extents of its pads below and above."""

    layer: str
    width: int
    cut: str
    lower: Half
    upper: Half


class Strap(_Section):
    """Vertical power straps (nm): centre of the first from the core's edge, distance between the nets'
    straps, and per layer the half extents of the via stack's metal at a rail with its cut columns."""

    layer: str
    width: int
    offset: int
    pitch: int
    overhang: int
    rail_layer: str
    stack: dict[str, Half]
    cut_columns: list[int]
    cross: CrossWire | None = None


class Ring(_Section):
    """Power rings around the core (nm): horizontal pieces on `layer`, vertical ones on the straps' layer, all
    `width` wide and `space` apart. Where they cross straps and each other there is a `cut` at every pair of
    `offsets` from the crossing, and a pad of half extents `pad` on the straps' layer."""

    layer: str
    width: int
    space: int
    cut: str
    offsets: list[int]
    pad: Half


class Fill(_Section):
    """Density fill: squares of `size` nm, `gap` apart (some layers' own in `gaps`) and `clear` from all metal of
    their layer; per layer the GDS layer and datatype of the process' dummy metal."""

    size: int
    gap: int
    clear: int
    layers: dict[str, tuple[int, int]]
    gaps: dict[str, int] = Field(default_factory=dict)


class IoPins(_Section):
    """Layers of the pins on the left and right edges (horizontal) and on the others."""

    horizontal: str
    vertical: str
    pitch: int = 4


class RouteConfig(_Section):
    """The `route` section of a PDK file."""

    grid: GridConfig
    pin_layer: str
    pin_cut: PinCut | None = None
    layers: list[RouteLayer] = Field(min_length=2)
    vias: list[RouteVia]
    straps: Strap
    rings: Ring | None = None
    fill: Fill | None = None
    pins: IoPins
    margin: tuple[int, int]
    tap_pitch: int
    end_cap: str | None = None
    placement_density: float = 0.92
    max_fanout: int = 16
    max_slew: float = 0.5
    min_hole: dict[str, int] = Field(default_factory=dict)


@dataclass(frozen=True)
class LayerModel:
    """One routing layer with what its shapes demand of their surroundings.

    `apart` is True when nodes of different nets may not be neighbours along a track; `pads_apart` when pads
    of different nets may not lie side by side on neighbouring tracks; `singles_apart` when two
    single-node pads of different nets may not lie two nodes apart.
    """

    index: int
    name: str
    horizontal: bool
    width: int
    every: int
    wires: bool
    cost: float
    spacing: int
    single: Half | None
    pads: tuple[Half, ...]
    apart: bool
    pads_apart: bool
    singles_apart: bool


@dataclass(frozen=True)
class Technology:
    """All routing facts of a library."""

    lef: TechLef
    config: RouteConfig
    layers: tuple[LayerModel, ...]
    vias: tuple[RouteVia, ...]
    site_width: int
    row_height: int

    @property
    def dx(self) -> int:
        """Node spacing in x, nm."""
        return self.config.grid.x

    @property
    def dy(self) -> int:
        """Node spacing in y, nm."""
        return self.config.grid.y

    @property
    def lines_per_row(self) -> int:
        """Grid lines per cell row."""
        return self.row_height // self.dy

    def layer_index(self, name: str) -> int:
        """Index of a routing layer by name; UserError when the router does not use it."""
        for layer in self.layers:
            if layer.name == name:
                return layer.index
        raise UserError(f"{name} is not a routing layer of this PDK file", where="route.layers")

    def cut(self, index: int) -> Layer:
        """The cut layer above routing layer `index`."""
        return self.lef.layers[self.vias[index].cut]


def load_technology(library: Library, rings: bool = False) -> Technology:
    """The technology of a library; UserError naming the key that is missing, unknown or contradictory.

    Without `rings` its configuration has none; with them the margin between core and die is wider by their depth.
    """
    where = f"route section of library {library.name}"
    if not library.route:
        raise UserError("the PDK file has no route section", where=where, hint="the open engine needs one")
    try:
        config = RouteConfig.model_validate(library.route)
    except ValidationError as error:
        raise UserError(f"the route section is not valid: {error}", where=where) from None
    lef = read_tech_lef(library.tech_lef)
    if library.site not in lef.sites:
        raise UserError(f"the technology has no site {library.site}", where=str(library.tech_lef))
    site = lef.sites[library.site]
    if site.width % config.grid.x or site.height % config.grid.y:
        raise UserError("the site is no multiple of the routing grid", where=where)
    _check_names(config, lef, where)
    config = _with_rings(config, where) if rings else config.model_copy(update={"rings": None})
    layers = tuple(_layer_model(config, lef, i, where) for i in range(len(config.layers)))
    return Technology(lef, config, layers, tuple(config.vias), site.width, site.height)


def _with_rings(config: RouteConfig, where: str) -> RouteConfig:
    """The configuration with room for the rings in its margin, in whole pairs of grid steps."""
    if config.rings is None:
        raise UserError(
            "the PDK file describes no power rings", where=where, hint="leave rings out, or add route.rings"
        )
    depth = 2 * (config.rings.width + config.rings.space)
    wider = [
        m + -(-depth // (2 * g)) * 2 * g for m, g in zip(config.margin, (config.grid.x, config.grid.y), strict=True)
    ]
    return config.model_copy(update={"margin": (wider[0], wider[1])})


def _check_names(config: RouteConfig, lef: TechLef, where: str) -> None:
    if len(config.vias) != len(config.layers) - 1:
        raise UserError("there must be one via between any two neighbouring layers", where=where)
    names = [layer.name for layer in config.layers] + [via.cut for via in config.vias]
    names += [config.pin_layer, *config.straps.stack]
    if config.pin_cut:
        names.append(config.pin_cut.layer)
    if config.straps.cross:
        names += [config.straps.cross.layer, config.straps.cross.cut]
    if config.fill:
        names += config.fill.layers
    if config.rings:
        names += [config.rings.layer, config.rings.cut]
    for name in names:
        if name not in lef.layers:
            raise UserError(f"unknown layer {name}", where=where, hint=f"known: {', '.join(lef.layers)}")


def _layer_model(config: RouteConfig, lef: TechLef, index: int, where: str) -> LayerModel:
    layer = config.layers[index]
    rules = lef.layers[layer.name]
    pads: list[Half] = []
    if index > 0:
        pads.append(config.vias[index - 1].upper)
    if index < len(config.vias):
        pads.append(config.vias[index].lower)
    horizontal = layer.direction == "horizontal"
    along, across = (0, 1) if horizontal else (1, 0)
    step = (config.grid.x, config.grid.y)
    track = step[across] * layer.every
    half = layer.width // 2
    reach = max([half, *(p[along] for p in pads)])
    side = max([half, *(p[across] for p in pads)])
    single = layer.single
    if single:
        side = max(side, single[across])
    space = rules.spacing
    if layer.width < rules.min_width:
        raise UserError(f"{layer.name} is narrower than the rule allows", where=where)
    if layer.wires and track - half - side < space:
        raise UserError(f"tracks of {layer.name} are too close for its pads", where=where)
    if 2 * step[along] - reach - max(reach, single[along] if single else 0) < space:
        raise UserError(f"pads of {layer.name} are too long for its node spacing", where=where)
    return LayerModel(
        index=index,
        name=layer.name,
        horizontal=horizontal,
        width=layer.width,
        every=layer.every,
        wires=layer.wires,
        cost=layer.cost,
        spacing=space,
        single=single,
        pads=tuple(pads),
        apart=layer.wires and step[along] - 2 * reach < space,
        pads_apart=track - 2 * side < space,
        singles_apart=bool(single) and 2 * step[along] - 2 * (single or (0, 0))[along] < space,
    )
