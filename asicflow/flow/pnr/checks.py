"""The engine's own last word: connectivity extracted from the drawn layout, against the netlist.

The layout's metal and cuts (cells included) are joined into clusters; every pin of a net must land in one
cluster, no cluster may hold two nets, all rails and straps of a supply must be one cluster that every supply
pin of a block touches, and no signal may touch them. Pin cuts and pads must lie on the pin they serve.
`check_layout` never trusts the router.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import klayout.db as kdb

from asicflow.flow.pnr.access import around, covers
from asicflow.flow.pnr.floorplan import Floorplan
from asicflow.flow.pnr.geometry import NetGeometry, PinLanding
from asicflow.flow.pnr.netlist import Instance, Netlist, Port, idle_ports
from asicflow.flow.pnr.orientation import to_die
from asicflow.flow.pnr.power import rails, straps
from asicflow.flow.pnr.technology import Technology
from asicflow.pdk.config import Library
from asicflow.pdk.lef import Macro, Rect


@dataclass
class Connectivity:
    """What the extraction found; each list names objects and places, empty lists mean a clean layout."""

    opens: list[str] = field(default_factory=list)
    shorts: list[str] = field(default_factory=list)
    power: list[str] = field(default_factory=list)
    pins: int = 0

    @property
    def clean(self) -> bool:
        """True when nothing is open, shorted or loose."""
        return not (self.opens or self.shorts or self.power)

    def first(self) -> str:
        """The first finding."""
        return next(iter(self.opens + self.shorts + self.power), "")


def check_layout(
    layout: kdb.Layout,
    netlist: Netlist,
    plan: Floorplan,
    geometries: Sequence[NetGeometry],
    technology: Technology,
    library: Library,
    macros: dict[str, Macro],
) -> Connectivity:
    """Extract the layout's connectivity and compare it with the netlist."""
    probe = _Extraction(layout, technology, library)
    result = Connectivity()
    owner: dict[object, str] = {}
    routed = {g.net.name for g in geometries}
    for net in netlist.nets.values():
        if len(net.pins) + len(net.ports) > 1 and net.name not in routed:
            result.opens.append(f"net {net.name} is not routed")
    for geometry in geometries:
        _check_net(geometry, probe, technology, macros, plan, owner, result)
    _check_idle_ports(netlist, plan, probe, technology, owner, result)
    _check_power(netlist, plan, probe, technology, library, macros, owner, result)
    return result


class _Extraction:
    """Clusters of connected metal of a layout."""

    def __init__(self, layout: kdb.Layout, technology: Technology, library: Library) -> None:
        self.l2n = kdb.LayoutToNetlist(kdb.RecursiveShapeIterator(layout, layout.top_cell(), []))
        self.layers: dict[str, kdb.Region] = {}
        pin_cut = technology.config.pin_cut
        names = [layer.name for layer in technology.layers]
        stack = [(names[k], via.cut, names[k + 1]) for k, via in enumerate(technology.vias)]
        if pin_cut:
            stack.insert(0, (technology.config.pin_layer, pin_cut.layer, names[0]))
        if cross := technology.config.straps.cross:
            stack.append((technology.config.straps.layer, cross.cut, cross.layer))
        for name in {n for triple in stack for n in triple}:
            index = layout.layer(*library.layers[name].drawing)
            self.layers[name] = self.l2n.make_layer(index, name)
            self.l2n.connect(self.layers[name])
        for lower, cut, upper in stack:
            self.l2n.connect(self.layers[lower], self.layers[cut])
            self.l2n.connect(self.layers[cut], self.layers[upper])
        self.l2n.extract_netlist()

    def cluster(self, layer: str, x: int, y: int) -> object:
        """An identity of the cluster with metal of `layer` at a point (nm), or None."""
        net = self.l2n.probe_net(self.layers[layer], kdb.DPoint(x / 1e3, y / 1e3))
        return None if net is None else (net.circuit().name, net.cluster_id)


def _check_net(
    geometry: NetGeometry,
    probe: _Extraction,
    technology: Technology,
    macros: dict[str, Macro],
    plan: Floorplan,
    owner: dict[object, str],
    result: Connectivity,
) -> None:
    net = geometry.net
    clusters: dict[object, str] = {}
    landed = {_key(landing.pin) for landing in geometry.landings}
    for pin in [*net.pins, *net.ports]:
        if _key(pin) not in landed:
            result.opens.append(f"net {net.name} does not reach {_key(pin)}")
    for landing in geometry.landings:
        result.pins += 1
        name = _key(landing.pin)
        if isinstance(landing.pin, Port):
            place = plan.pins[landing.pin.name]
            x, y = (place.rect[0] + place.rect[2]) // 2, (place.rect[1] + place.rect[3]) // 2
            cluster = probe.cluster(technology.layers[place.layer].name, x, y)
        else:
            if not _on_pin(landing, landing.pin, technology, macros):
                result.opens.append(f"net {net.name} misses the metal of {name}")
            x, y = landing.cut or (landing.x, landing.y)
            layer = technology.config.pin_layer if landing.cut else technology.layers[landing.layer].name
            if landing.pin[0].block:  # where the pin's own metal is, not where the wire ends
                x, y = _middle(_pin_metal(landing.pin, layer, macros)[0])
            cluster = probe.cluster(layer, x, y)
        where = f"{name} at x {x / 1e3:.3f} y {y / 1e3:.3f} um"
        if cluster is None:
            result.opens.append(f"net {net.name}: no metal at {where}")
        else:
            clusters[cluster] = where
    if len(clusters) > 1:
        result.opens.append(f"net {net.name} falls into {len(clusters)} parts, one at {list(clusters.values())[1]}")
    for cluster, where in clusters.items():
        other = owner.setdefault(cluster, net.name)
        if other != net.name:
            result.shorts.append(f"nets {other} and {net.name} are joined, seen at {where}")


def _check_idle_ports(
    netlist: Netlist,
    plan: Floorplan,
    probe: _Extraction,
    technology: Technology,
    owner: dict[object, str],
    result: Connectivity,
) -> None:
    """No wire may touch the shape of a port that nothing inside is connected to."""
    for port in (p for net in netlist.nets.values() for p in idle_ports(net)):
        place = plan.pins.get(port.name)
        if place is None:
            continue
        x, y = (place.rect[0] + place.rect[2]) // 2, (place.rect[1] + place.rect[3]) // 2
        cluster = probe.cluster(technology.layers[place.layer].name, x, y)
        where = f"{port.name} at x {x / 1e3:.3f} y {y / 1e3:.3f} um"
        if cluster is None:
            result.opens.append(f"port {port.name}: no metal at {where}")
        elif owner.setdefault(cluster, port.name) != port.name:
            result.shorts.append(f"nets {owner[cluster]} and {port.name} are joined, seen at {where}")


def _key(pin: object) -> str:
    if isinstance(pin, Port):
        return pin.name
    assert isinstance(pin, tuple)
    return f"{pin[0].name}/{pin[1]}"


def _pin_metal(pin: tuple[Instance, str], layer: str, macros: dict[str, Macro]) -> list[Rect]:
    """A pin's own metal on a layer, in die coordinates."""
    macro = macros[pin[0].cell]
    return [to_die(r, pin[0], macro) for r in macro.pins[pin[1]].shapes.get(layer, [])]


def _middle(rect: Rect) -> tuple[int, int]:
    return (rect[0] + rect[2]) // 2, (rect[1] + rect[3]) // 2


def _on_pin(landing: PinLanding, pin: tuple[Instance, str], technology: Technology, macros: dict[str, Macro]) -> bool:
    """Does the landing's cut (or, without one, its patch) meet the pin's own metal?"""
    if landing.cut and technology.config.pin_cut:
        half = technology.lef.layers[technology.config.pin_cut.layer].width // 2
        return covers(_pin_metal(pin, technology.config.pin_layer, macros), around(*landing.cut, (half, half)))
    own = kdb.Region([kdb.Box(*r) for r in _pin_metal(pin, technology.layers[landing.layer].name, macros)])
    return any(not (kdb.Region(kdb.Box(*r)) & own).is_empty() for r in landing.patches)


def _check_power(
    netlist: Netlist,
    plan: Floorplan,
    probe: _Extraction,
    technology: Technology,
    library: Library,
    macros: dict[str, Macro],
    owner: dict[object, str],
    result: Connectivity,
) -> None:
    config = technology.config.straps
    for power in (True, False):
        name = library.power.power_net if power else library.power.ground_net
        clusters: dict[object, str] = {}
        for rail in rails(plan, technology, power):
            x, y = _middle(rail)
            where = f"rail at x {x / 1e3:.2f} y {y / 1e3:.2f} um"
            clusters.setdefault(probe.cluster(config.rail_layer, x, y), where)
        for is_power, rect in straps(plan, technology):
            if is_power == power:
                x, y = _middle(rect)
                where = f"strap at x {x / 1e3:.2f} y {y / 1e3:.2f} um"
                clusters.setdefault(probe.cluster(config.layer, x, y), where)
        for layer, rect, is_power in plan.rings:
            if is_power == power:
                x, y = _middle(rect)
                clusters.setdefault(probe.cluster(layer, x, y), f"ring at x {x / 1e3:.2f} y {y / 1e3:.2f} um")
        if None in clusters:
            result.power.append(f"{name}: no metal at the {clusters[None]}")
        if len(clusters) > 1:
            result.power.append(f"{name} falls into {len(clusters)} parts, one at the {list(clusters.values())[1]}")
        for cluster, where in clusters.items():
            if cluster is not None and (other := owner.setdefault(cluster, name)) != name:
                result.shorts.append(f"{other} and {name} are joined, seen at the {where}")
    for instance in (i for i in netlist.instances.values() if i.block):
        _check_supply_pins(instance, probe, technology, library, macros, owner, result)


def _check_supply_pins(
    instance: Instance,
    probe: _Extraction,
    technology: Technology,
    library: Library,
    macros: dict[str, Macro],
    owner: dict[object, str],
    result: Connectivity,
) -> None:
    """Some metal of every supply pin of a block is part of its net, and none of another's."""
    for pin in (p for p in macros[instance.cell].pins.values() if p.is_power):
        name = library.power.power_net if pin.use == "POWER" else library.power.ground_net
        found = set()
        for layer in (x for x in pin.shapes if x in probe.layers):
            for rect in _pin_metal((instance, pin.name), layer, macros):
                cluster = probe.cluster(layer, *_middle(rect))
                net = owner.get(cluster)
                found.add(net)
                if net not in (None, name):
                    x, y = _middle(rect)
                    result.shorts.append(
                        f"{net} and {name} are joined, seen at {instance.name}/{pin.name}"
                        f" at x {x / 1e3:.2f} y {y / 1e3:.2f} um"
                    )
        if name not in found:
            result.power.append(f"{name} does not reach {instance.name}/{pin.name}")
