"""The layout as DEF 5.8: die, rows, tracks, vias, components, pins, supplies and routed nets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from asicflow.flow.pnr.floorplan import Floorplan
from asicflow.flow.pnr.geometry import NetGeometry, PinLanding
from asicflow.flow.pnr.netlist import Netlist, Port
from asicflow.flow.pnr.power import stack_places, supply_pins
from asicflow.flow.pnr.technology import Technology
from asicflow.pdk.config import Library
from asicflow.pdk.lef import Macro, Rect


def write_def(
    path: Path,
    netlist: Netlist,
    plan: Floorplan,
    geometries: Sequence[NetGeometry],
    technology: Technology,
    library: Library,
    macros: dict[str, Macro],
) -> None:
    """Write the design; distances are in nm (1000 units per micron)."""
    writer = _DefWriter(netlist, plan, geometries, technology, library, macros)
    path.write_text("".join(writer.lines()))


def _points(rect: Rect) -> str:
    return f"( {rect[0]} {rect[1]} ) ( {rect[2]} {rect[3]} )"


def _relative(rect: Rect, x: int, y: int) -> str:
    return f"( {rect[0] - x} {rect[1] - y} ) ( {rect[2] - x} {rect[3] - y} )"


def _patch(rect: Rect) -> str:
    """A rectangle in a routing statement: a point and the extent from there."""
    return f"( {rect[0]} {rect[1]} ) RECT ( 0 0 {rect[2] - rect[0]} {rect[3] - rect[1]} )"


class _DefWriter:
    def __init__(
        self,
        netlist: Netlist,
        plan: Floorplan,
        geometries: Sequence[NetGeometry],
        technology: Technology,
        library: Library,
        macros: dict[str, Macro],
    ) -> None:
        self.macros = macros
        self.netlist = netlist
        self.plan = plan
        self.geometries = geometries
        self.tech = technology
        self.library = library

    def lines(self) -> Iterator[str]:
        """The whole file."""
        yield 'VERSION 5.8 ;\nDIVIDERCHAR "/" ;\nBUSBITCHARS "[]" ;\n'
        yield f"DESIGN {self.netlist.top} ;\nUNITS DISTANCE MICRONS 1000 ;\n"
        yield f"DIEAREA ( 0 0 ) ( {self.plan.width} {self.plan.height} ) ;\n"
        yield from self.rows()
        yield from self.tracks()
        yield from self.vias()
        yield from self.components()
        yield from self.pins()
        yield from self.special_nets()
        yield from self.nets()
        yield "END DESIGN\n"

    def rows(self) -> Iterator[str]:
        """Placement rows: one per segment."""
        site = self.tech.site_width
        for row, spans in enumerate(self.plan.segments):
            y = self.plan.row_y(row, self.tech.row_height)
            turn = "FS" if row % 2 else "N"
            for k, (left, right) in enumerate(spans):
                name = f"ROW_{row}" if k == 0 else f"ROW_{row}_{k}"
                sites = (right - left) // site
                yield f"ROW {name} {self.library.site} {left} {y} {turn} DO {sites} BY 1 STEP {site} 0 ;\n"

    def tracks(self) -> Iterator[str]:
        """Routing tracks in the layers' own direction."""
        for layer in self.tech.layers:
            step = self.tech.dy if layer.horizontal else self.tech.dx
            count = (self.plan.lines if layer.horizontal else self.plan.columns) // layer.every
            axis = "Y" if layer.horizontal else "X"
            first = step // 2 + self.plan.origin[layer.horizontal]
            yield f"TRACKS {axis} {first} DO {count} STEP {step * layer.every} LAYER {layer.name} ;\n"

    def vias(self) -> Iterator[str]:
        """The router's vias, pin cuts and the stacks under the straps."""
        found = list(self._via_definitions())
        yield f"VIAS {len(found)} ;\n"
        for name, rects in found:
            yield f"- {name}\n"
            for layer, rect in rects:
                yield f"  + RECT {layer} {_points(rect)}\n"
            yield "  ;\n"
        yield "END VIAS\n"

    def _via_definitions(self) -> Iterator[tuple[str, list[tuple[str, Rect]]]]:
        names = [layer.name for layer in self.tech.layers]
        for k, via in enumerate(self.tech.vias):
            half = self.tech.cut(k).width // 2
            lower = via.lower if self.tech.layers[k].wires else (half, half)
            yield (
                f"via_{k}",
                [
                    (names[k], (-lower[0], -lower[1], lower[0], lower[1])),
                    (via.cut, (-half, -half, half, half)),
                    (names[k + 1], (-via.upper[0], -via.upper[1], via.upper[0], via.upper[1])),
                ],
            )
        if cut := self.tech.config.pin_cut:
            half = self.tech.lef.layers[cut.layer].width // 2
            box = (-half, -half, half, half)
            yield "pin_cut", [(self.tech.config.pin_layer, box), (cut.layer, box), (names[0], box)]
        config = self.tech.config.straps
        bottom, top = self.tech.layer_index(config.rail_layer), self.tech.layer_index(config.layer)
        for k in range(bottom, top):
            half = self.tech.cut(k).width // 2
            pads = [(n, config.stack[n]) for n in (names[k], names[k + 1])]
            metal = [(n, (-hx, -hy, hx, hy)) for n, (hx, hy) in pads]
            cuts = [(self.tech.vias[k].cut, (c - half, -half, c + half, half)) for c in config.cut_columns]
            yield f"stack_{k}", [*metal, *cuts]

    def components(self) -> Iterator[str]:
        """Placed cells."""
        yield f"COMPONENTS {len(self.netlist.instances)} ;\n"
        for i in self.netlist.instances.values():
            status = "FIXED" if i.fixed else "PLACED"
            yield f"- {i.name} {i.cell} + {status} ( {i.x} {i.y} ) {i.orientation} ;\n"
        yield "END COMPONENTS\n"

    def pins(self) -> Iterator[str]:
        """Top-level pins with their shapes."""
        supplies = [
            (self.library.power.power_net, "POWER", True),
            (self.library.power.ground_net, "GROUND", False),
        ]
        yield f"PINS {len(self.netlist.ports) + len(supplies) + len(self.plan.idle_supplies)} ;\n"
        for port in self.netlist.ports.values():
            place = self.plan.pins[port.name]
            layer = self.tech.layers[place.layer].name
            x, y = (place.rect[0] + place.rect[2]) // 2, (place.rect[1] + place.rect[3]) // 2
            yield (
                f"- {port.name} + NET {port.net.name} + DIRECTION {port.direction.upper()} + USE SIGNAL\n"
                f"  + LAYER {layer} {_relative(place.rect, x, y)} + PLACED ( {x} {y} ) N ;\n"
            )
        for name, use, power in supplies:
            yield f"- {name} + NET {name} + SPECIAL + DIRECTION INOUT + USE {use}\n"
            for is_power, rect in supply_pins(self.plan, self.tech):
                if is_power == power:
                    layer = self.tech.config.straps.layer
                    yield f"  + PORT + LAYER {layer} {_relative(rect, 0, 0)} + FIXED ( 0 0 ) N\n"
            yield "  ;\n"
        for name, pieces in self.plan.idle_supplies.items():
            yield f"- {name} + NET {name} + SPECIAL + DIRECTION INOUT + USE POWER\n"
            for layer, rect in pieces:
                if self.tech.lef.layers[layer].kind == "ROUTING":
                    yield f"  + PORT + LAYER {layer} {_relative(rect, 0, 0)} + FIXED ( 0 0 ) N\n"
            yield "  ;\n"
        yield "END PINS\n"

    def special_nets(self) -> Iterator[str]:
        """Straps, via stacks and the hooks to blocks."""
        config = self.tech.config.straps
        bottom, top = self.tech.layer_index(config.rail_layer), self.tech.layer_index(config.layer)
        yield f"SPECIALNETS {2 + len(self.plan.idle_supplies)} ;\n"
        for name in self.plan.idle_supplies:
            yield f"- {name} + USE POWER ;\n"
        for name, use, power in (
            (self.library.power.power_net, "POWER", True),
            (self.library.power.ground_net, "GROUND", False),
        ):
            pins = self.library.power.power_pins if power else self.library.power.ground_pins
            members = [f"( * {pin} )" for pin in pins]
            members += [f"( {i} {p} )" for i, p in self.plan.hooks.contacts if self._use(i, p) == use and p not in pins]
            yield f"- {name} {' '.join(members)} + USE {use}\n"
            for layer, rect, is_power in self.plan.hooks.metal + self.plan.hooks.cuts:
                if is_power == power:
                    yield f"  + RECT {layer} {_points(rect)}\n"
            word = "+ ROUTED"
            for strap in (s for s in self.plan.straps if s.power == power):
                ends = f"( {strap.x} {strap.bottom} ) ( {strap.x} {strap.top} )"
                yield f"  {word} {config.layer} {config.width} + SHAPE STRIPE {ends}\n"
                word = "NEW"
                for y in stack_places(strap, self.plan, self.tech):
                    for k in range(bottom, top):
                        layer = self.tech.layers[k].name
                        yield f"    NEW {layer} 0 + SHAPE STRIPE ( {strap.x} {y} ) stack_{k}\n"
            yield "  ;\n"
        yield "END SPECIALNETS\n"

    def _use(self, instance: str, pin: str) -> str:
        return self.macros[self.netlist.instances[instance].cell].pins[pin].use

    def nets(self) -> Iterator[str]:
        """Routed signal nets."""
        yield f"NETS {len(self.geometries)} ;\n"
        for geometry in self.geometries:
            pins = [self._pin(landing) for landing in geometry.landings]
            use = "CLOCK" if geometry.net.is_clock else "SIGNAL"
            yield f"- {geometry.net.name} {' '.join(pins)} + USE {use}\n"
            word = "+ ROUTED"
            for piece in self._pieces(geometry):
                yield f"  {word} {piece}\n"
                word = "NEW"
            yield "  ;\n"
        yield "END NETS\n"

    def _pin(self, landing: PinLanding) -> str:
        if isinstance(landing.pin, Port):
            return f"( PIN {landing.pin.name} )"
        return f"( {landing.pin[0].name} {landing.pin[1]} )"

    def _pieces(self, geometry: NetGeometry) -> Iterator[str]:
        layers = self.tech.layers
        for w in geometry.wires:
            half = layers[w.layer].width // 2
            yield f"{layers[w.layer].name} ( {w.x1} {w.y1} {half} ) ( {w.x2} {w.y2} {half} )"
        for via in geometry.vias:
            yield f"{layers[via.layer].name} ( {via.x} {via.y} ) via_{via.layer}"
        for layer, rect in geometry.pads:
            yield f"{layers[layer].name} {_patch(rect)}"
        for landing in geometry.landings:
            for rect in landing.patches:
                yield f"{layers[landing.layer].name} {_patch(rect)}"
            if landing.cut:
                yield f"{layers[0].name} ( {landing.cut[0]} {landing.cut[1]} ) pin_cut"
