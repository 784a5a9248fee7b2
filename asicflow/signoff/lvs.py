"""Compare extracted connectivity with a netlist: opens, shorts, pins on the wrong net, missing pins."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from asicflow.pdk.config import Power
from asicflow.pdk.lef import Macro
from asicflow.signoff.extract import OWN_METAL, Cluster, Extraction, Mark
from asicflow.signoff.locate import find_bridge, find_gap
from asicflow.signoff.netlist import Instance, Module, Pin
from asicflow.signoff.verdict import Finding

MAX_LOCATED = 20
"""Opens and shorts that are traced to their place; the rest name a pin."""


@dataclass
class Comparison:
    """What was compared and what differs.

    ``nets`` and ``pins`` count what the netlist demands; ``matched_nets`` and ``matched_pins`` what the
    layout proved. Findings on supply nets are kept apart.
    """

    nets: int = 0
    pins: int = 0
    matched_nets: int = 0
    matched_pins: int = 0
    supply_nets: int = 0
    supply_pins: int = 0
    matched_supply_nets: int = 0
    matched_supply_pins: int = 0
    instances: int = 0
    physical: int = 0
    unseen_pins: int = 0
    signal: list[Finding] = field(default_factory=list)
    supply: list[Finding] = field(default_factory=list)


@dataclass
class _Group:
    """Clusters that belong together, with their marks by expected net."""

    clusters: list[Cluster] = field(default_factory=list)
    marks: dict[str, list[Mark]] = field(default_factory=lambda: defaultdict(list))


def compare(module: Module, found: Extraction, macros: dict[str, Macro], power: Power) -> Comparison:
    """Compare a netlist with the extraction of a layout.

    Parameters
    ----------
    module : Module
        The netlist; its instances carry supply pins.
    found : Extraction
        The layout.
    macros : dict
        Abstract views of the cells.
    power : Power
        Names of the supply nets and pins.
    """
    return _Comparer(module, found, macros, power).run()


class _Comparer:
    def __init__(self, module: Module, found: Extraction, macros: dict[str, Macro], power: Power) -> None:
        self.module = module
        self.found = found
        self.macros = macros
        self.power = power
        self.supplies = {power.power_net, power.ground_net}
        self.result = Comparison()
        self.expected: dict[Pin, str] = {}
        self.located = 0

    def run(self) -> Comparison:
        self._expect_ports()
        self._expect_instances()
        self._check_marks()
        groups = self._groups()
        self._check_nets(groups)
        self._check_floating(groups)
        return self.result

    # -- what the netlist demands ---------------------------------------------------------------
    def _expect_ports(self) -> None:
        labelled = {label.text for label in self.found.labels}
        for port in self.module.ports:
            self.expected["", port] = self.module.net(port)
            if port not in labelled:
                self._add(self.module.net(port), f"port {port} has no label in the layout", "missing_label")
        for net in sorted(self.supplies - set(self.module.ports)):
            self.expected["", net] = net
            if net not in labelled:
                self._add(net, f"supply {net} has no label in the layout", "missing_label")
        for label in self.found.labels:
            if ("", label.text) not in self.expected:
                mark = Mark(("", label.text), label.layer, label.x, label.y)
                self._add("", f"label {label.text} names no port of the netlist", "extra_label", mark)

    def _expect_instances(self) -> None:
        for name, instance in self.module.instances.items():
            placed = self.found.placed.get(name)
            if placed is None:
                self._absent(name, instance.cell)
                body = {*self.power.power_pins, *self.power.ground_pins}
                for pin, net in instance.pins.items():
                    if pin not in body:
                        self.expected[name, pin] = self.module.net(net)
            elif placed.cell != instance.cell:
                text = f"{name} is a {placed.cell} in the layout, a {instance.cell} in the netlist"
                self._add("", text, "wrong_cell", self._at(name))
        for name, placed in self.found.placed.items():
            self._expect_pins(name, placed.cell)

    def _expect_pins(self, name: str, cell: str) -> None:
        macro = self.macros[cell]
        instance = self.module.instances.get(name)
        if instance is None:
            self.result.physical += 1
            signals = [p.name for p in macro.pins.values() if not p.is_power]
            if signals:
                text = f"{name} ({cell}) is not in the netlist but has signal pins"
                self._add("", text, "extra_cell", self._at(name))
        else:
            self.result.instances += 1
        given = instance.pins if instance else {}
        for pin in macro.pins.values():
            if pin.name in self.found.cells[cell].unseen:
                self.result.unseen_pins += 1
            elif pin.name in given:
                self.expected[name, pin.name] = self.module.net(given[pin.name])
            elif pin.is_power:
                self.expected[name, pin.name] = self._supply_of(pin.name)
            else:
                self.expected[name, pin.name] = f"(open pin {name}/{pin.name})"

    def _supply_of(self, pin: str) -> str:
        """The supply net of a supply pin that the netlist does not connect by itself."""
        return self.power.ground_net if pin in self.power.ground_pins else self.power.power_net

    def _absent(self, name: str, cell: str) -> None:
        spot = self.found.absent.get(name)
        mark = Mark((name, ""), "", spot[1], spot[2]) if spot else None
        self._add("", f"{name} ({cell}) is missing in the layout", "missing_cell", mark)

    # -- what the layout shows ------------------------------------------------------------------
    def _check_marks(self) -> None:
        """Pins and labels that sit on no metal, and netlist pins that the cell does not have."""
        for mark in self.found.connectivity.loose:
            if mark.pin != OWN_METAL:
                net = self.expected.get(mark.pin, "")
                self._add(net, f"{_name(mark.pin)} has no metal under it", "pin_without_metal", mark)
        for cell, pins in self.found.cells.items():
            for mark in pins.missing:
                text = f"pin {mark.pin[1]} of {cell}: its LEF shape is not drawn in GDS"
                self._add("", text, "cell_pin_without_metal")
        for name, instance in self.module.instances.items():
            if name in self.found.placed:
                macro = self.macros[self.found.placed[name].cell]
                for pin in sorted(set(instance.pins) - set(macro.pins)):
                    self._check_body_pin(name, instance, pin)

    def _check_body_pin(self, name: str, instance: Instance, pin: str) -> None:
        """A pin that only the netlist knows must be a well tie on the right supply."""
        if pin not in (*self.power.power_pins, *self.power.ground_pins):
            self._add("", f"{name} ({instance.cell}) has no pin {pin}", "unknown_pin", self._at(name))
            return
        self.result.unseen_pins += 1
        wanted, given = self._supply_of(pin), self.module.net(instance.pins[pin])
        if given != wanted:
            text = f"{name}/{pin} is on {given} in the netlist, it belongs on {wanted}"
            self._add(wanted, text, "wrong_supply", self._at(name))

    def _groups(self) -> list[_Group]:
        """Clusters, those that share a pin joined (the pin's pieces meet below the metals)."""
        home: dict[Pin, _Group] = {}
        groups: list[_Group] = []
        for cluster in self.found.connectivity.clusters:
            pins = {m.pin for m in cluster.marks if m.pin[0]}
            group = next((home[p] for p in pins if p in home), None)
            if group is None:
                group = _Group()
                groups.append(group)
            for other in {id(home[p]): home[p] for p in pins if p in home}.values():
                if other is not group:
                    _join(group, other, home)
                    groups.remove(other)
            group.clusters.append(cluster)
            home.update(dict.fromkeys(pins, group))
        for group in groups:
            for mark in (m for c in group.clusters for m in c.marks):
                net = self.expected.get(mark.pin)
                if net is not None:
                    group.marks[net].append(mark)
        return groups

    # -- the comparison -------------------------------------------------------------------------
    def _check_nets(self, groups: list[_Group]) -> None:
        where: dict[str, list[_Group]] = defaultdict(list)
        for group in groups:
            for net in group.marks:
                where[net].append(group)
        main = {n: max(found, key=lambda g: self._weight(g.marks[n])) for n, found in where.items()}
        owners: dict[int, list[str]] = defaultdict(list)
        for net, group in main.items():
            owners[id(group)].append(net)
        demanded = Counter(self.expected.values())
        for net in demanded:
            self._judge(net, where[net], main.get(net), owners, demanded[net])
        for group in groups:
            self._shorts(group, owners[id(group)])

    def _weight(self, marks: list[Mark]) -> int:
        """How much a group speaks for being a net: its driver most, labels least."""
        total = 0
        for instance, pin in {m.pin for m in marks}:
            drives = instance and self.macros[self.found.placed[instance].cell].pins[pin].direction == "OUTPUT"
            total += 4 if drives else 2 if instance else 1
        return total

    def _judge(
        self,
        net: str,
        groups: list[_Group],
        main: _Group | None,
        owners: dict[int, list[str]],
        demanded: int,
    ) -> None:
        """Count what matches of one net, and report its pins that are elsewhere."""
        right = 0
        if main is not None:
            right = len({m.pin for m in main.marks[net]})
            alone = len(groups) == 1 and set(main.marks) == {net}
            self._count(net, demanded, right if alone or len(owners[id(main)]) == 1 else 0,
                        alone and right == demanded)  # fmt: skip
        else:
            self._count(net, demanded, 0, False)
        for group in groups:
            if group is main or main is None:
                continue
            others = [n for n in owners[id(group)] if n != net]
            for mark in group.marks[net][: 1 if not others else None]:
                if others:
                    text = f"{_name(mark.pin)} is on net {others[0]}, the netlist says {net}"
                    self._add(net, text, "wrong_net", mark)
                else:
                    self._open(net, group, main, mark)

    def _count(self, net: str, pins: int, right: int, whole: bool) -> None:
        result = self.result
        if net in self.supplies:
            result.supply_nets += 1
            result.supply_pins += pins
            result.matched_supply_nets += whole
            result.matched_supply_pins += right
        else:
            result.nets += 1
            result.pins += pins
            result.matched_nets += whole
            result.matched_pins += right

    def _open(self, net: str, part: _Group, main: _Group, mark: Mark) -> None:
        names = ", ".join(_name(m.pin) for m in part.marks[net][:3])
        more = len(part.marks[net]) - 3
        text = f"net {net} is open: {names}{f' and {more} more' if more > 0 else ''} not connected to the rest"
        place = None
        if self.located < MAX_LOCATED:
            self.located += 1
            place = find_gap(self.found.connectivity, part.clusters, main.clusters, (mark.x, mark.y))
        finding = self._add(net, text, "open", mark)
        if place:
            finding.layer, finding.x_um, finding.y_um = place[0], place[1] / 1000, place[2] / 1000

    def _shorts(self, group: _Group, nets: list[str]) -> None:
        for other in nets[1:]:
            first = nets[0]
            text = f"nets {first} and {other} are shorted"
            mark = group.marks[other][0]
            finding = self._add(first if first in self.supplies else other, text, "short", mark)
            if first in self.supplies or other in self.supplies:
                self._mirror(finding, first, other)
            if self.located < MAX_LOCATED:
                self.located += 1
                place = find_bridge(self.found.connectivity, group.clusters, group.marks[first], group.marks[other])
                if place:
                    finding.layer, finding.x_um, finding.y_um = place[0], place[1] / 1000, place[2] / 1000

    def _mirror(self, finding: Finding, first: str, other: str) -> None:
        """A short between a signal and a supply breaks both sides."""
        if not {first, other} <= self.supplies:
            self.result.signal.append(finding)

    def _check_floating(self, groups: list[_Group]) -> None:
        """Metal of the top cell that no pin or label belongs to."""
        for group in groups:
            marks = [m for c in group.clusters for m in c.marks]
            if all(m.pin == OWN_METAL for m in marks):
                self._add("", "metal that is connected to nothing", "floating", marks[0], supply=True)

    # -- findings -------------------------------------------------------------------------------
    def _at(self, name: str) -> Mark:
        trans = self.found.placed[name].trans
        return Mark((name, ""), "", trans.disp.x, trans.disp.y)

    def _add(self, net: str, text: str, rule: str, mark: Mark | None = None, supply: bool = False) -> Finding:
        finding = Finding(text, rule)
        if mark is not None:
            finding.x_um, finding.y_um, finding.layer = mark.x / 1000, mark.y / 1000, mark.layer
        (self.result.supply if supply or net in self.supplies else self.result.signal).append(finding)
        return finding


def _join(group: _Group, other: _Group, home: dict[Pin, _Group]) -> None:
    group.clusters += other.clusters
    for cluster in other.clusters:
        home.update({m.pin: group for m in cluster.marks if m.pin[0]})


def _name(pin: Pin) -> str:
    return f"{pin[0]}/{pin[1]}" if pin[0] else f"port {pin[1]}"
