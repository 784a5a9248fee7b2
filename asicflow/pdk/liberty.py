"""Read Liberty (.lib, .lib.gz): cells, pins and non-linear delay tables.

Values are normalised to nanoseconds, picofarads, kiloohms, nanowatts and picojoules, whatever units the file
declares. The grammar follows the Liberty user guide; what this package does not use is skipped, power tables
unless they are asked for.
"""

from __future__ import annotations

import gzip
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from asicflow.errors import UserError

RISE, FALL = 0, 1
"""Edges of a signal."""


@dataclass
class Table:
    """A one- or two-dimensional look-up table.

    `index_1` is the input transition in ns (constraints: the related pin's), `index_2` the load in pF
    (constraints: the constrained pin's transition in ns), empty for a one-dimensional table; `values` holds
    len(index_1) rows in ns, of power tables in pJ.
    """

    index_1: list[float]
    index_2: list[float]
    values: list[list[float]]

    def at(self, first: float, second: float = 0.0) -> float:
        """Bilinear interpolation, extrapolating linearly beyond the table as timing analysers do."""
        i, u = _locate(self.index_1, first)
        j, v = _locate(self.index_2, second)
        low = _blend(self.values[i], j, v)
        if u == 0.0:
            return low
        return low + u * (_blend(self.values[i + 1], j, v) - low)


def _locate(axis: list[float], x: float) -> tuple[int, float]:
    if len(axis) < 2:
        return 0, 0.0
    i = min(max(bisect_right(axis, x) - 1, 0), len(axis) - 2)
    return i, (x - axis[i]) / (axis[i + 1] - axis[i])


def _blend(row: list[float], j: int, v: float) -> float:
    return row[j] if v == 0.0 else row[j] + v * (row[j + 1] - row[j])


@dataclass
class _Template:
    """A table template: the meaning of both axes, and their values."""

    variables: list[str]
    axes: list[list[float]]

    @property
    def load_first(self) -> bool:
        """Is the first axis a load (and the second, if any, a transition)?"""
        return bool(self.variables) and self.variables[0] == "total_output_net_capacitance"


@dataclass
class TimingArc:
    """One timing group: `tables` maps cell_rise, rise_transition, rise_constraint ... to its table."""

    related_pin: str
    timing_type: str = "combinational"
    timing_sense: str = "non_unate"
    tables: dict[str, Table] = field(default_factory=dict)

    @property
    def is_constraint(self) -> bool:
        """True for setup, hold, recovery, removal and pulse width checks."""
        return any(name.endswith("_constraint") for name in self.tables)

    @cached_property
    def ways(self) -> list[tuple[int, int, Table, Table]]:
        """Edges in and out, each :data:`RISE` or :data:`FALL`, with the tables of delay and transition."""
        found = []
        for leaves, name in ((RISE, "rise"), (FALL, "fall")):
            delay, transition = self.tables.get(f"cell_{name}"), self.tables.get(f"{name}_transition")
            if delay is not None and transition is not None:
                found += [(enters, leaves, delay, transition) for enters in self._enters(leaves)]
        return found

    def _enters(self, leaves: int) -> tuple[int, ...]:
        """Edges of the related pin that make one edge of the output."""
        if self.timing_type in ("rising_edge", "falling_edge"):
            return (RISE,) if self.timing_type == "rising_edge" else (FALL,)
        match self.timing_sense:
            case "positive_unate":
                return (leaves,)
            case "negative_unate":
                return (1 - leaves,)
        return (RISE, FALL)

    def worst(self, kind: str, first: float, second: float) -> float:
        """Larger of the rise and fall tables of `kind` ("delay", "transition" or "constraint"), ns."""
        found = [t.at(first, second) for t in self._pair(kind)]
        return max(found, default=0.0)

    def best(self, kind: str, first: float, second: float) -> float:
        """Smaller of the rise and fall tables of `kind`, ns."""
        found = [t.at(first, second) for t in self._pair(kind)]
        return min(found, default=0.0)

    def _pair(self, kind: str) -> list[Table]:
        names = {"delay": ("cell_rise", "cell_fall")}.get(kind, (f"rise_{kind}", f"fall_{kind}"))
        return [self.tables[n] for n in names if n in self.tables]


@dataclass
class InternalPower:
    """One group of energies inside a cell: of an output's transition, or of an input's that moves no output.

    `related_pin` is the input that causes an output's transition, "" at an input; `when` is the condition on the
    other pins, "" for any. Some libraries put half of the load's energy into `rise_power` and take it from
    `fall_power`: only the mean of both is the energy inside the cell.
    """

    related_pin: str = ""
    when: str = ""
    tables: dict[str, Table] = field(default_factory=dict)

    def mean(self, transition: float, load: float) -> float:
        """Energy of a transition in pJ, mean of rise and fall."""
        found = [table.at(transition, load) for table in self.tables.values()]
        return sum(found) / len(found) if found else 0.0


@dataclass
class LibertyPin:
    """One pin. Capacitances in pF, transitions in ns; limits are None where the library sets none."""

    name: str
    direction: str = ""
    function: str = ""
    three_state: str = ""
    capacitance: float = 0.0
    max_capacitance: float | None = None
    max_transition: float | None = None
    max_fanout: float | None = None
    clock: bool = False
    arcs: list[TimingArc] = field(default_factory=list)
    power: list[InternalPower] = field(default_factory=list)


@dataclass
class LibertyCell:
    """One cell; area in the library's unit (square microns), leakage in nW (mean over the input states
    where the library gives no single figure).

    `sequential` is "ff", "latch", "gate" for integrated clock gates, "block" for memories and other blocks with
    interface timing, or "" for combinational cells; `state` holds the attributes of that group
    (next_state, clocked_on, clear, preset, data_in, enable ...), `state_names` the names of the state and its inverse.
    """

    name: str
    area: float = 0.0
    leakage: float = 0.0
    footprint: str = ""
    dont_use: bool = False
    sequential: str = ""
    state: dict[str, str] = field(default_factory=dict)
    state_names: tuple[str, ...] = ()
    clock_gating: str = ""
    pins: dict[str, LibertyPin] = field(default_factory=dict)

    @property
    def is_sequential(self) -> bool:
        """True for flip-flops, latches, clock gates and blocks."""
        return bool(self.sequential)

    def inputs(self) -> list[LibertyPin]:
        """Input pins in file order."""
        return [p for p in self.pins.values() if p.direction == "input"]

    def outputs(self) -> list[LibertyPin]:
        """Output pins in file order."""
        return [p for p in self.pins.values() if p.direction == "output"]


@dataclass
class Liberty:
    """One corner of a library; `slew_lower` and `slew_upper` in percent of the swing, the same for both edges."""

    name: str
    voltage: float = 0.0
    temperature: float = 0.0
    default_max_transition: float | None = None
    default_max_capacitance: float | None = None
    default_max_fanout: float | None = None
    default_fanout_load: float = 1.0
    slew_lower: float = 20.0
    slew_upper: float = 80.0
    slew_derate: float = 1.0
    cells: dict[str, LibertyCell] = field(default_factory=dict)

    @property
    def slew_span(self) -> float:
        """The part of a full swing that the library's transition times stand for."""
        return (self.slew_upper - self.slew_lower) / 100 / self.slew_derate


def read_liberty(path: Path | str, power: bool = False) -> Liberty:
    """Read one Liberty file, energies inside cells too if ``power``.

    Raises
    ------
    UserError
        If the file is missing, corrupt or holds no cell.
    """
    library = _Parser(Path(path), power).library()
    if not library.cells:
        raise UserError("the Liberty file holds no cell", where=str(path))
    return library


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError, gzip.BadGzipFile) as error:
        raise UserError("cannot read the Liberty file", where=str(path), hint=str(error)) from None
    return data.decode("utf-8", errors="replace")


_STATEMENT = re.compile(
    r"""(?P<close>\})
      | (?P<name>[A-Za-z_]\w*)\s*
        (?: \( (?P<args>(?:"[^"]*"|[^()"])*) \) \s* (?P<open>\{)?
          | : \s* (?P<value>"[^"]*"|[^;\n{}]*) )""",
    re.VERBOSE,
)

_TIME_UNITS = {"1ps": 1e-3, "10ps": 1e-2, "100ps": 0.1, "1ns": 1.0, "1us": 1e3}
_POWER_UNITS = {"1pW": 1e-3, "1nW": 1.0, "1uW": 1e3, "1mW": 1e6}
_VOLT_UNITS = {"1mV": 1e-3, "10mV": 1e-2, "100mV": 0.1, "1V": 1.0}
_CAP_UNITS = {"ff": 1e-3, "pf": 1.0}


class _Parser:
    """One pass over the statements of a file."""

    def __init__(self, path: Path, with_power: bool = False) -> None:
        self.path = path
        self.with_power = with_power
        text = re.sub(r"/\*.*?\*/", " ", _read_text(path), flags=re.DOTALL)
        self.text = text.replace("\\\n", " ").replace("\\\r\n", " ")
        self.matches: Iterator[re.Match[str]] = _STATEMENT.finditer(self.text)
        self.time = 1.0
        self.cap = 1.0
        self.power = 1.0
        self.volt = 1.0
        self.templates: dict[str, _Template] = {}
        self.ranges: dict[str, tuple[int, int]] = {}

    def statements(self) -> Iterator[tuple[str, str, bool, str]]:
        """(name, arguments, opens a group, attribute value) up to the group's closing brace."""
        for match in self.matches:
            if match["close"]:
                return
            args, value = _bare(match["args"] or ""), _bare(match["value"] or "")
            yield match["name"], args, match["open"] is not None, value
        raise UserError("the Liberty file ends inside a group", where=str(self.path))

    def skip(self) -> None:
        """Skip the rest of a group that was just opened."""
        depth = 1
        for match in self.matches:
            if match["close"]:
                depth -= 1
                if depth == 0:
                    return
            elif match["open"]:
                depth += 1
        raise UserError("the Liberty file ends inside a group", where=str(self.path))

    def library(self) -> Liberty:
        """The library group."""
        head = next(self.matches, None)
        if head is None or head["name"] != "library" or not head["open"]:
            raise UserError("not a Liberty file (no library group)", where=str(self.path))
        library = Liberty(name=_bare(head["args"] or ""))
        for name, args, opens, value in self.statements():
            if name == "cell" and opens:
                library.cells[args] = self.cell(args, library)
            elif name in ("lu_table_template", "power_lut_template") and opens:
                self.templates[args] = self.template()
            elif name == "type" and opens:
                bits = {n: v for n, _, o, v in self.statements() if not o}
                self.ranges[args] = (int(bits["bit_from"]), int(bits["bit_to"]))
            elif opens:
                self.skip()
            else:
                self.library_attribute(library, name, args, value)
        return library

    def library_attribute(self, library: Liberty, name: str, args: str, value: str) -> None:
        """Units and defaults."""
        if name == "time_unit":
            self.time = _unit(_TIME_UNITS, value, self.path)
        elif name == "leakage_power_unit":
            self.power = _unit(_POWER_UNITS, value, self.path)
        elif name == "capacitive_load_unit":
            number, unit = (part.strip() for part in args.split(","))
            self.cap = float(number) * _unit(_CAP_UNITS, _bare(unit).lower(), self.path)
        elif name == "voltage_unit":
            self.volt = _unit(_VOLT_UNITS, value, self.path)
        elif name == "nom_voltage":
            library.voltage = float(value)
        elif name == "nom_temperature":
            library.temperature = float(value)
        elif name == "default_max_transition":
            library.default_max_transition = float(value) * self.time
        elif name == "default_max_capacitance":
            library.default_max_capacitance = float(value) * self.cap
        elif name == "default_max_fanout":
            library.default_max_fanout = float(value)
        elif name == "default_fanout_load":
            library.default_fanout_load = float(value)
        elif name == "slew_derate_from_library":
            library.slew_derate = float(value)
        elif name.startswith("slew_lower_threshold_pct"):
            library.slew_lower = float(value)
        elif name.startswith("slew_upper_threshold_pct"):
            library.slew_upper = float(value)

    def cell(self, cell_name: str, library: Liberty) -> LibertyCell:
        """A cell group."""
        cell = LibertyCell(name=cell_name)
        states: list[float] = []
        for name, args, opens, value in self.statements():
            if name == "pin" and opens:
                self.enter(cell, library, args, self.pin())
            elif name in ("bus", "bundle") and opens:
                self.bus(cell, args, library)
            elif name in ("ff", "latch") and opens:
                cell.sequential = name
                cell.state_names = tuple(_bare(part) for part in args.split(","))
                cell.state = {n: v for n, _, o, v in self.statements() if not o}
            elif name == "memory" and opens:
                cell.sequential = "block"
                self.skip()
            elif name == "leakage_power" and opens:
                states += [float(v) for n, _, o, v in self.statements() if n == "value" and not o]
            elif opens:
                self.skip()
            elif name == "area":
                cell.area = float(value)
            elif name == "cell_leakage_power":
                cell.leakage = float(value) * self.power
            elif name == "cell_footprint":
                cell.footprint = value
            elif name == "dont_use":
                cell.dont_use = value == "true"
            elif name == "clock_gating_integrated_cell":
                cell.clock_gating, cell.sequential = value, "gate"
            elif name == "interface_timing" and value.lower() == "true":
                cell.sequential = cell.sequential or "block"
        if not cell.leakage and states:
            cell.leakage = sum(states) / len(states) * self.power
        return cell

    def bus(self, cell: LibertyCell, bus_name: str, library: Liberty) -> None:
        """A bus group: what it states holds for each of its bits, beside what its pin groups state."""
        common, stated, bits = LibertyPin(name=""), dict[str, LibertyPin](), list[str]()
        edges: list[float] = []
        for name, args, opens, value in self.statements():
            if name == "pin" and opens:
                pin = self.pin()
                stated |= dict.fromkeys(_pin_names(args), pin)
            elif not self.pin_item(common, edges, name, opens, value) and name == "bus_type" and value in self.ranges:
                first, last = self.ranges[value]
                bits = [f"{bus_name}[{k}]" for k in range(min(first, last), max(first, last) + 1)]
        common.capacitance = max([common.capacitance, *edges])
        for bit in [*stated, *(b for b in bits if b not in stated)]:
            own = stated.get(bit, common)
            merged = replace(own, arcs=own.arcs if own is common else own.arcs + common.arcs)
            for key in ("direction", "capacitance", "max_capacitance", "max_transition", "max_fanout"):
                setattr(merged, key, getattr(own, key) or getattr(common, key))
            self.enter(cell, library, bit, merged)

    def enter(self, cell: LibertyCell, library: Liberty, names: str, pin: LibertyPin) -> None:
        """Put a pin into its cell under one or more names, with the library's defaults."""
        most = pin.max_capacitance
        if pin.direction == "output":
            most = most or library.default_max_capacitance
        transition = pin.max_transition or library.default_max_transition
        for name in _pin_names(names):
            cell.pins[name] = replace(pin, name=name, max_capacitance=most, max_transition=transition)

    def pin(self) -> LibertyPin:
        """A pin group without its name."""
        pin = LibertyPin(name="")
        edges: list[float] = []
        for name, _, opens, value in self.statements():
            self.pin_item(pin, edges, name, opens, value)
        pin.capacitance = max([pin.capacitance, *edges])
        return pin

    def pin_item(self, pin: LibertyPin, edges: list[float], name: str, opens: bool, value: str) -> bool:
        """One statement of a pin or bus group; False when it is none that counts."""
        if name == "timing" and opens:
            pin.arcs.append(self.arc())
        elif name == "internal_power" and opens and self.with_power:
            pin.power.append(self.internal_power())
        elif opens:
            self.skip()
        elif name in ("rise_capacitance", "fall_capacitance"):
            edges.append(float(value) * self.cap)
        else:
            return self.pin_attribute(pin, name, value)
        return True

    def pin_attribute(self, pin: LibertyPin, name: str, value: str) -> bool:
        """A simple attribute of a pin; False when it is none that counts."""
        if name in ("direction", "function", "three_state"):
            setattr(pin, name, value)
        elif name in ("capacitance", "max_capacitance"):
            setattr(pin, name, float(value) * self.cap)
        elif name == "max_transition":
            pin.max_transition = float(value) * self.time
        elif name == "max_fanout":
            pin.max_fanout = float(value)
        elif name == "clock":
            pin.clock = value == "true"
        else:
            return False
        return True

    def arc(self) -> TimingArc:
        """A timing group."""
        arc = TimingArc(related_pin="")
        for name, args, opens, value in self.statements():
            if opens and name in _TABLES:
                template = self.templates.get(args, _Template([], [[], []]))
                second = self.time if name.endswith("_constraint") else self.cap
                arc.tables[name] = self.table(template, second, self.time)
            elif opens:
                self.skip()
            elif name in ("related_pin", "timing_type", "timing_sense"):
                setattr(arc, name, value)
        return arc

    def internal_power(self) -> InternalPower:
        """An internal_power group; its energies are in units of load times volt squared."""
        found = InternalPower()
        for name, args, opens, value in self.statements():
            if opens and name in ("rise_power", "fall_power", "power"):
                template = self.templates.get(args, _Template([], [[], []]))
                found.tables[name] = self.table(template, self.cap, self.cap * self.volt**2)
            elif opens:
                self.skip()
            elif name in ("related_pin", "when"):
                setattr(found, name, value)
        return found

    def template(self) -> _Template:
        """A table template group; its axes stay in the file's units."""
        found = _Template([], [[], []])
        for name, args, opens, value in self.statements():
            if opens:
                self.skip()
            elif name in ("variable_1", "variable_2"):
                found.variables.append(value)
            elif name in ("index_1", "index_2"):
                found.axes[name == "index_2"] = _numbers(args)
        return found

    def table(self, template: _Template, second: float, unit: float) -> Table:
        """A table group; axes missing here come from the template. The first axis becomes the transition.

        ``second`` is the unit of the other axis, ``unit`` that of the values.
        """
        axes, values = list(template.axes), list[float]()
        for name, args, opens, _ in self.statements():
            if opens:
                self.skip()
            elif name in ("index_1", "index_2"):
                axes[name == "index_2"] = _numbers(args)
            elif name == "values":
                values = [x * unit for x in _numbers(args)]
        columns = max(len(axes[1]), 1)
        rows = [values[i : i + columns] for i in range(0, len(values), columns)]
        if template.load_first:
            axes.reverse()
            rows = [list(column) for column in zip(*rows, strict=True)]
        return Table([x * self.time for x in axes[0]], [x * second for x in axes[1]], rows)


_TABLES = {
    "cell_rise",
    "cell_fall",
    "rise_transition",
    "fall_transition",
    "rise_constraint",
    "fall_constraint",
}


def _bare(text: str) -> str:
    """`text` without blanks and, when it is one quoted string, without the quotes."""
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] == '"' and text.count('"') == 2
    return text[1:-1].strip() if quoted else text


def _pin_names(args: str) -> list[str]:
    """Names in the head of a pin group: `A, B` are two pins, `D[3:0]` are four."""
    found: list[str] = []
    for name in (part.strip() for part in args.split(",")):
        span = re.fullmatch(r"(.*)\[(\d+):(\d+)\]", name)
        if span:
            first, last = int(span[2]), int(span[3])
            found += [f"{span[1]}[{k}]" for k in range(min(first, last), max(first, last) + 1)]
        else:
            found.append(name)
    return found


def _numbers(args: str) -> list[float]:
    return [float(x) for x in args.replace('"', " ").replace(",", " ").split()]


def _unit(known: dict[str, float], value: str, path: Path) -> float:
    if value not in known:
        raise UserError(f"unknown unit {value!r}", where=str(path), hint=f"known: {', '.join(known)}")
    return known[value]
