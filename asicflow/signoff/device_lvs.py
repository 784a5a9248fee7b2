"""Compare transistors: each used cell against its CDL, and the whole layout against the netlist of cells."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import klayout.db as kdb

from asicflow.errors import UserError
from asicflow.pdk.config import Power
from asicflow.signoff.cdl import Subcircuit, add_circuit
from asicflow.signoff.devices import DeviceFile, Extractor
from asicflow.signoff.netlist import Module
from asicflow.signoff.verdict import Finding

MAX_TEXTS = 40
"""Differences of one comparison that are put in words."""


@dataclass
class Match:
    """What a comparison found: counts of what matched, and what differs."""

    name: str
    devices: int = 0
    nets: int = 0
    pins: int = 0
    subcircuits: int = 0
    circuits: int = 0
    findings: list[Finding] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)
    """Names of matched nets: in the layout, in the netlist."""

    @property
    def matched(self) -> bool:
        """True when nothing differs."""
        return not self.findings


class _Log(kdb.GenericNetlistCompareLogger):  # type: ignore[misc]
    """Counts what KLayout's comparison says, circuit by circuit."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.texts: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self.nets: list[tuple[str, str, str]] = []
        self.circuit = ""

    def begin_circuit(self, a: kdb.Circuit | None, b: kdb.Circuit | None) -> None:
        """A circuit's comparison begins."""
        self.circuit = _name(b or a)

    def end_circuit(self, a: kdb.Circuit | None, b: kdb.Circuit | None, matching: bool, message: str) -> None:
        """A circuit's comparison ends."""
        self.counts[self.circuit]["circuits"] += bool(matching)
        if not matching and not self.texts[self.circuit]:
            self._say("circuit", message or "does not match")

    def circuit_skipped(self, a: kdb.Circuit | None, b: kdb.Circuit | None, message: str = "") -> None:
        """A circuit was not compared because one of its subcircuits does not match."""
        self.circuit = _name(b or a)
        self._say("circuit", message or "not compared")

    def circuit_mismatch(self, a: kdb.Circuit | None, b: kdb.Circuit | None, message: str = "") -> None:
        """A circuit has no counterpart."""
        self.circuit = _name(b or a)
        self._say("circuit", message or f"only in the {'netlist' if a is None else 'layout'}")

    def match_devices(self, a: kdb.Device, b: kdb.Device) -> None:
        """Two devices match."""
        self.counts[self.circuit]["devices"] += 1

    def match_devices_with_different_parameters(self, a: kdb.Device, b: kdb.Device) -> None:
        """Two devices match but their sizes do not."""
        sizes = [", ".join(f"{p}={d.parameter(p):g}" for p in ("W", "L")) for d in (a, b)]
        self._say("size", f"{_name(b)} is {sizes[0]} in the layout, {sizes[1]} in the netlist")

    def match_devices_with_different_device_classes(self, a: kdb.Device, b: kdb.Device) -> None:
        """Two devices match but are of different kinds."""
        models = (a.device_class().name, b.device_class().name)
        self._say("model", f"{_name(b)} is a {models[0]} in the layout, a {models[1]} in the netlist")

    def device_mismatch(self, a: kdb.Device | None, b: kdb.Device | None, message: str = "") -> None:
        """A device has no counterpart."""
        self._say("device", _only(a, b, "device", message))

    def match_subcircuits(self, a: kdb.SubCircuit, b: kdb.SubCircuit) -> None:
        """Two instances match."""
        self.counts[self.circuit]["subcircuits"] += 1

    def subcircuit_mismatch(self, a: kdb.SubCircuit | None, b: kdb.SubCircuit | None, message: str = "") -> None:
        """An instance has no counterpart."""
        one = b or a
        kind = one.circuit_ref().name if one is not None else "nothing"
        self._say("instance", _only(a, b, f"instance of {kind}", message))

    def match_nets(self, a: kdb.Net | None, b: kdb.Net | None) -> None:
        """Two nets match."""
        if a is not None and b is not None:
            self.counts[self.circuit]["nets"] += 1
            self.nets.append((self.circuit, a.name, b.name))

    def match_ambiguous_nets(self, a: kdb.Net | None, b: kdb.Net | None, message: str = "") -> None:
        """Two nets match among several that would."""
        self.match_nets(a, b)

    def net_mismatch(self, a: kdb.Net | None, b: kdb.Net | None, message: str = "") -> None:
        """A net has no counterpart."""
        self._say("net", _only(a, b, "net", message))

    def match_pins(self, a: kdb.Pin | None, b: kdb.Pin | None) -> None:
        """Two pins match."""
        self.counts[self.circuit]["pins"] += a is not None and b is not None

    def pin_mismatch(self, a: kdb.Pin | None, b: kdb.Pin | None, message: str = "") -> None:
        """A pin has no counterpart."""
        self._say("pin", _only(a, b, "pin", message))

    def _say(self, rule: str, text: str) -> None:
        self.texts[self.circuit].append((rule, f"{self.circuit}: {text}"))


def _only(a: object, b: object, what: str, message: str) -> str:
    both = a is not None and b is not None
    where = "differs" if both else "is only in the netlist" if a is None else "is only in the layout"
    return f"{what} {_name(b or a)} {where}" + (f" ({message})" if message else "")


def _name(item: object) -> str:
    if item is None:
        return ""
    return str(getattr(item, "name", "") or getattr(item, "expanded_name", lambda: "")())


def compare_cells(
    db: kdb.Layout, cells: Iterable[Subcircuit], file: DeviceFile, grounds: Collection[str]
) -> dict[str, Match]:
    """Compare the layout of cells, each alone, with their CDL.

    Parameters
    ----------
    db : klayout.db.Layout
        Holds the cells.
    cells : iterable of Subcircuit
        The CDL of the cells to compare.
    file : DeviceFile
        Layers and devices of the process.
    grounds : collection of str
        Pins of the substrate, which carry its label or none.
    """
    wanted = {cell.name: cell for cell in cells}
    reference = kdb.Netlist()
    for cell in wanted.values():
        add_circuit(reference, cell, file)
    gallery, top = _gallery(db, wanted)
    extracted = Extractor(gallery, top, file)
    drawn = extracted.netlist
    drawn.remove(drawn.circuit_by_name(top.name))
    for circuit in drawn.each_circuit():
        _make_pins(circuit)
    results = {name: Match(name) for name in wanted}
    for name, match in results.items():
        found, asked = drawn.circuit_by_name(name), reference.circuit_by_name(name)
        there = 0 if found is None else _count(found.each_device())
        if 0 in (there, _count(asked.each_device())):
            if there or _count(asked.each_device()):
                text = f"{name}: {there} devices in the layout, {_count(asked.each_device())} in the CDL"
                match.findings.append(Finding(text, "device"))
            for netlist, circuit in ((drawn, found), (reference, asked)):
                if circuit is not None:
                    netlist.remove(circuit)
            continue
        _join(found)
        _join(asked)
    for name, match in _compare(drawn, reference).items():
        results[name] = match
        pins = set(wanted[name].pins) - set(grounds)
        match.findings += [
            Finding(f"{name}: pin {pin} is labelled {label} in the layout", "label")
            for label, pin in match.names
            if pin in pins and label and pin not in label.split(",")
        ]
    return results


def _make_pins(circuit: kdb.Circuit) -> None:
    """Labelled nets are pins: without them inputs of equal use would count as interchangeable inner nets."""
    for net in [n for n in circuit.each_net() if n.name and n.pin_count() == 0]:
        circuit.connect_pin(circuit.create_pin(net.name), net)


def _gallery(db: kdb.Layout, cells: Iterable[str]) -> tuple[kdb.Layout, kdb.Cell]:
    """The cells side by side, far apart, in a layout of their own."""
    gallery = kdb.Layout()
    gallery.dbu = db.dbu
    top = gallery.create_cell("gallery of cells")
    x = 0
    for name in cells:
        source = db.cell(name)
        copy = gallery.create_cell(name)
        copy.copy_tree(source)
        top.insert(kdb.CellInstArray(copy.cell_index(), kdb.Trans(x - source.bbox().left, 0)))
        x += source.bbox().width() + 20_000
    return gallery, top


def _compare(drawn: kdb.Netlist, reference: kdb.Netlist) -> dict[str, Match]:
    """Compare netlists, circuit by circuit."""
    log = _Log()
    same = kdb.NetlistComparer(log).compare(drawn, reference)
    results: dict[str, Match] = {}
    for name in [*log.counts, *(n for n in log.texts if n not in log.counts)]:
        count = log.counts[name]
        match = Match(name, count["devices"], count["nets"], count["pins"], count["subcircuits"], count["circuits"])
        match.findings = [Finding(text, rule) for rule, text in log.texts[name][:MAX_TEXTS]]
        match.names = [(label, pin) for circuit, label, pin in log.nets if circuit == name]
        results[name] = match
    if not same and not any(m.findings for m in results.values()):
        finding = Finding("KLayout's comparison says that the netlists differ", "circuit")
        results.setdefault("", Match("")).findings.append(finding)
    return results


def _join(circuit: kdb.Circuit) -> None:
    """Join nets between series transistors of parallel branches, until nothing changes.

    A gate drawn with several fingers has one inner net per finger, the CDL one for all of them.
    """
    before = -1
    while before != (now := _count(circuit.each_device())):
        before = now
        kdb.NetlistComparer().join_symmetric_nets(circuit)
        circuit.combine_devices()


def _count(items: Iterable[object]) -> int:
    return sum(1 for _ in items)


def compare_file(path: Path, top: str, *arguments: Any) -> Match:
    """:func:`compare_top` on a GDS file; the arguments are those after ``top``."""
    db = kdb.Layout()
    db.read(str(path))
    return compare_top(db, top, *arguments)


def compare_top(
    db: kdb.Layout,
    top: str,
    module: Module,
    cells: dict[str, Subcircuit],
    file: DeviceFile,
    power: Power,
    blocks: Collection[str] = (),
) -> Match:
    """Compare the whole layout, transistors included, with the netlist of cells and their CDL.

    Cells without a device (fillers, taps, antenna diodes of some libraries) are dissolved into the layout's
    top: they only connect.

    Parameters
    ----------
    db : klayout.db.Layout
        The layout.
    top : str
        Name of the top cell.
    module : Module
        The netlist; supply pins may be left out.
    cells : dict
        The CDL by cell name.
    file : DeviceFile
        Layers and devices of the process.
    power : Power
        Supply nets and the cell pins that belong to them.
    blocks : collection of str
        Hard macros, left out on both sides.

    Raises
    ------
    UserError
        If a cell of the netlist has no CDL.
    """
    reference = _reference(module, cells, file, power, blocks)
    with_devices = {c.name for c in reference.each_circuit()}
    used = {db.cell(i.cell_index).name for i in db.cell(top).each_inst()}
    passive = {n for n in used - with_devices if n in cells and not cells[n].lines}
    dissolved, rows = _rows(db, top, passive, used & {*blocks}, file)
    extracted = Extractor(dissolved, dissolved.cell(top), file)
    drawn = extracted.netlist
    for row in rows:
        if (circuit := drawn.circuit_by_name(row)) is not None:
            drawn.flatten_circuit(circuit)
    drawn.make_top_level_pins()
    for netlist in (drawn, reference):
        for circuit in netlist.each_circuit():
            if circuit.name != top and _count(circuit.each_device()):
                _join(circuit)
    used_nets = {n.name for n in reference.circuit_by_name(top).each_net() if n.subcircuit_pin_count()}
    ports = {module.net(port): port for port in module.ports if module.net(port) in used_nets}
    for netlist in (drawn, reference):
        _drop_ends(netlist.circuit_by_name(top), set(ports))
    total = Match(top)
    for match in _compare(drawn, reference).values():
        for count in ("devices", "nets", "pins", "subcircuits", "circuits"):
            setattr(total, count, getattr(total, count) + getattr(match, count))
        total.findings += match.findings
        if match.name == top:
            total.findings += _ports(match, ports)
    return total


def _drop_ends(circuit: kdb.Circuit, ports: set[str]) -> None:
    """Remove nets that end at one cell: the layout has one at every open pin, and behind some is a macro left out."""
    for net in [n for n in circuit.each_net() if n.subcircuit_pin_count() == 1 and n.terminal_count() == 0]:
        if net.pin_count() == 0 and net.name not in ports:
            circuit.remove_net(net)


def _ports(match: Match, ports: Mapping[str, str]) -> list[Finding]:
    """Every port's net carries the port's label: a port that lost its wire would else match a nameless net."""
    found = []
    labels = {net: label for label, net in match.names}
    for net, port in ports.items():
        label = labels.get(net, "")
        if port not in label.split(","):
            text = f"port {port} is {'labelled ' + label if label else 'not connected to its label'} in the layout"
            found.append(Finding(f"{match.name}: {text}", "port"))
    return found


def _rows(
    db: kdb.Layout, top: str, passive: set[str], dropped: set[str], file: DeviceFile
) -> tuple[kdb.Layout, list[str]]:
    """A copy in which the cells of each row are gathered in a cell of their own, and the names of these.

    A supply that reaches all cells is then put together row by row: link by link the time that KLayout takes grows
    with the square of their number. What passive cells draw, the row draws itself. Cells in ``dropped`` are gone.
    """
    copy = db.dup()
    cell = copy.cell(top)
    layers = [copy.layer(*pair) for pair in file.pairs]
    rows: dict[tuple[int, int], kdb.Cell] = {}
    for instance in list(cell.each_inst()):
        placed = copy.cell(instance.cell_index)
        if placed.name in dropped:
            continue
        for trans in instance.cell_inst.each_cplx_trans():
            key = (trans.disp.y, trans.s_trans().rot)
            if key not in rows:
                rows[key] = copy.create_cell(f"row {len(rows)} of {top}")
            if placed.name in passive:
                for index in layers:
                    rows[key].shapes(index).insert(placed.shapes(index), trans)
            else:
                rows[key].insert(kdb.CellInstArray(placed.cell_index(), trans))
    cell.clear_insts()
    for row in rows.values():
        cell.insert(kdb.CellInstArray(row.cell_index(), kdb.Trans()))
    copy.delete_cells([copy.cell(name).cell_index() for name in passive | dropped])
    return copy, [row.name for row in rows.values()]


def _reference(
    module: Module, cells: dict[str, Subcircuit], file: DeviceFile, power: Power, blocks: Collection[str]
) -> kdb.Netlist:
    reference = kdb.Netlist()
    made: dict[str, kdb.Circuit | None] = {}
    top = kdb.Circuit()
    top.name = module.name
    reference.add(top)
    nets: dict[str, kdb.Net] = {}

    def net(name: str) -> kdb.Net:
        name = module.net(name)
        if name not in nets:
            nets[name] = top.create_net(name)
        return nets[name]

    for instance in module.instances.values():
        if instance.cell in blocks:
            continue
        if instance.cell not in made:
            if instance.cell not in cells:
                raise UserError(f"cell {instance.cell} has no CDL", hint="add its CDL to the PDK file")
            circuit = add_circuit(reference, cells[instance.cell], file)
            made[instance.cell] = circuit if _count(circuit.each_device()) else None
            if made[instance.cell] is None:
                reference.remove(circuit)
        cell = made[instance.cell]
        if cell is None:
            continue
        placed = top.create_subcircuit(cell, instance.name)
        supply = _supplies(instance.pins, power)
        for pin in cell.each_pin():
            wired = instance.pins.get(pin.name(), supply.get(pin.name()))
            if wired is not None:
                placed.connect_pin(pin, net(wired))
    for port in module.ports:
        top.connect_pin(top.create_pin(port), net(port))
    return reference


def _supplies(pins: Mapping[str, str], power: Power) -> dict[str, str]:
    """Nets of supply and body pins that an instance does not name: those of its own pins of the same kind."""
    found: dict[str, str] = {}
    for names, net in ((power.power_pins, power.power_net), (power.ground_pins, power.ground_net)):
        own = next((pins[n] for n in names if n in pins), net)
        found |= dict.fromkeys(names, own)
    return found
