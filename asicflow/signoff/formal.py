"""Prove that two netlists are equal: cut at the registers, compare every cone of logic with ABC.

Both sides are elaborated by Yosys into simple gates and flip-flops. A flip-flop's output becomes an input of
the comparison and its data, clock and reset pins become outputs, named after the register; then equal
networks mean equal machines. Registers that only one side has make the proof incomplete, not wrong.

A register behind a clock gate is one that keeps its value unless the gate is enabled: it is compared as that, so a
netlist with clock gates can equal RTL without. That the enable is stable while the clock is high, which this needs,
is a timing check of the gate's cell.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from asicflow.errors import StageError, ToolMissing
from asicflow.flow.yosys import run_yosys

_SETTLE = "opt_expr -full\nopt_muxtree\nopt_reduce\nopt_dff -nodffe -nosdff\nopt_clean\n"
"""Removes registers that hold a constant; merges none."""

KINDS = " ".join(f"-cell {cell} x" for cell in ("$_DFF_P_", "$_DFF_N_", "$_DFF_PN0_", "$_DFF_PN1_"))
FLAT = "proc\nsetattr -mod -unset keep_hierarchy\nflatten\n"
"""Yosys commands that leave one module, whatever synthesis was told to keep apart."""

LEGAL = f"{FLAT}{_SETTLE}{{memory}}\n{2 * _SETTLE}techmap\n{2 * _SETTLE}simplemap\ndfflegalize {KINDS}"
"""Yosys commands that leave simple gates and four kinds of flip-flops."""

_TABLES = {
    "$_BUF_": ("A", ["1 1"]),
    "$_NOT_": ("A", ["0 1"]),
    "$_AND_": ("AB", ["11 1"]),
    "$_NAND_": ("AB", ["0- 1", "-0 1"]),
    "$_OR_": ("AB", ["1- 1", "-1 1"]),
    "$_NOR_": ("AB", ["00 1"]),
    "$_XOR_": ("AB", ["10 1", "01 1"]),
    "$_XNOR_": ("AB", ["11 1", "00 1"]),
    "$_ANDNOT_": ("AB", ["10 1"]),
    "$_ORNOT_": ("AB", ["1- 1", "-0 1"]),
    "$_MUX_": ("ABS", ["1-0 1", "-11 1"]),
    "$_NMUX_": ("ABS", ["0-0 1", "-01 1"]),
}
"""Inputs of a simple gate, and its truth table as lines of BLIF."""

CLOCK_GATE = "clock_gate"
"""The module that stands for every clock gate of a library."""

_SUFFIX = re.compile(r"(?:_|\$)_?S?DFFE?_\w*?(?:\.IQ|\.\w+)?$|\.IQ$")


@dataclass(frozen=True)
class Register:
    """A flip-flop: its kind, the nets of its pins, and the names that its output goes by."""

    kind: str
    pins: dict[str, str]
    names: frozenset[str]


@dataclass
class Network:
    """One side: gates as BLIF, ports by name to nets, registers by name."""

    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    registers: dict[str, Register] = field(default_factory=dict)
    gates: list[str] = field(default_factory=list)


@dataclass
class Proof:
    """What the comparison found.

    ``outputs`` counts outputs of the cut networks, ``proven`` those that are equal; ``differing`` names some
    that differ, ``undecided`` those that took too long; ``unmatched`` are registers and ports that one side
    lacks; ``copies`` counts registers that are copies of another one, which synthesis merges (they agree
    after reset or one clock).
    """

    outputs: int
    registers: int
    differing: list[str]
    unmatched: list[str]
    copies: int
    proven: int = 0
    undecided: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """True when there was something to compare and all of it is equal."""
        return 0 < self.outputs == self.proven and not self.unmatched


PATIENCE = 3
"""Processor seconds for all outputs at once."""

PART_PATIENCE = 1
"""Processor seconds for a part of the outputs, twice that for a few: most close by structure at once, a multiplier
never does."""

PART = 64
"""Outputs per part, when all at once are not decided."""


def abc_command() -> str:
    """The ABC that comes with Yosys.

    Raises
    ------
    ToolMissing
        If neither the system nor the pyosys package has it.
    """
    found = shutil.which("yosys-abc") or shutil.which("abc")
    if found:
        return found
    spec = find_spec("pyosys")
    for place in (spec.submodule_search_locations or []) if spec else []:
        path = Path(place) / "yosys-abc"
        if path.is_file():
            return str(path)
    raise ToolMissing("ABC (yosys-abc)", "pip install pyosys")


def read_netlist_script(files: Sequence[Path], liberty: Path, physical_cells: Collection[str]) -> str:
    """Yosys commands that read netlists of library cells as their Liberty functions."""
    drop = "\n".join(f"delete t:{name}" for name in sorted(physical_cells))
    names = " ".join(f'"{path}"' for path in files)
    return f'read_verilog {names}\n{drop}\nread_liberty -overwrite -ignore_miss_func "{liberty}"'


def network(read: str, top: str, folder: Path, name: str, memory: str = "memory") -> Network:
    """Elaborate one side and cut it.

    Parameters
    ----------
    read : str
        Yosys commands that read the design.
    top : str
        Top module.
    folder : Path
        Receives log and netlist.
    name : str
        File name without suffix.
    memory : str
        Yosys command that maps memories: with or without ``-nordff`` their read registers keep other names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    legal = LEGAL.format(memory=memory)
    script = f'{read}\nhierarchy -check -top {top}\n{legal}\nsimplemap\nopt_clean\nwrite_json "{path}"\n'
    run_yosys(script, folder / f"{name}.log")
    modules = json.loads(path.read_text())["modules"]
    boxes = {name for name, module in modules.items() if "blackbox" in module["attributes"]}
    return cut(modules[top], boxes - {CLOCK_GATE})


def cut(module: dict[str, Any], boxes: Collection[str] = ()) -> Network:
    """Cut a module of simple gates at its flip-flops, and at cells of the kinds ``boxes``.

    Raises
    ------
    StageError
        If a cell is neither a simple gate nor a flip-flop.
    """
    found, clock_gates = Network(), dict[str, tuple[str, str]]()
    names = _names(module)
    for port, data in module["ports"].items():
        side = found.inputs if data["direction"] == "input" else found.outputs
        side |= {canonical(port, i, len(data["bits"])): _net(bit) for i, bit in enumerate(data["bits"])}
    for cell_name, cell in module["cells"].items():
        kind = cell["type"]
        if kind in boxes:
            _cut_box(found, cell_name, cell)
            continue
        pins = {p: bits[0] for p, bits in cell["connections"].items()}
        if kind in _TABLES:
            wires, table = _TABLES[kind]
            found.gates += [".names " + " ".join(_net(pins[w]) for w in (*wires, "Y")), *table]
        elif kind.startswith("$_DFF_"):
            own = names.get(pins["Q"], [canonical(cell_name)])
            found.registers[own[0]] = Register(kind, {p: _net(bit) for p, bit in pins.items()}, frozenset(own))
        elif kind == CLOCK_GATE:
            clock_gates[_net(pins["clk_o"])] = (_net(pins["clk_i"]), _net(pins["enable_i"]))
        elif kind != "$scopeinfo":
            raise StageError(f"the formal comparison cannot read a cell of kind {kind}", where=cell_name)
    _enable_registers(found, clock_gates)
    return found


def _cut_box(found: Network, name: str, cell: dict[str, Any]) -> None:
    """What a cell without contents takes in is an output of the cut network, and the other way round."""
    for port, bits in cell["connections"].items():
        side = found.outputs if cell["port_directions"][port] == "input" else found.inputs
        side |= {canonical(f"{name}.{port}", i, len(bits)): _net(bit) for i, bit in enumerate(bits)}


def _enable_registers(found: Network, clock_gates: dict[str, tuple[str, str]]) -> None:
    """Clock the registers behind clock gates always, and let them keep their value unless the gate is enabled.

    ``clock_gates`` are the nets of a gate's clock and enable by the net that it drives.
    """
    for name, register in found.registers.items():
        while register.pins["C"] in clock_gates:
            clock, enable = clock_gates[register.pins["C"]]
            pins = register.pins
            kept = f"{pins['D']}.{pins['Q']}.{enable}"
            found.gates += [f".names {pins['D']} {pins['Q']} {enable} {kept}", "1-1 1", "-10 1"]
            register = replace(register, pins=pins | {"C": clock, "D": kept})
            found.registers[name] = register
    used = {word for line in found.gates if line.startswith(".names ") for word in line.split()[1:]}
    ends = {net for register in found.registers.values() for net in register.pins.values()}
    if stray := clock_gates.keys() & (used | ends | set(found.outputs.values())):
        raise StageError(
            f"a gated clock is used as data, net {sorted(stray)[0]} of the formal comparison", where="clk_o"
        )


def canonical(name: str, index: int = 0, width: int = 1) -> str:
    """A name as synthesis and layout leave it: no hierarchy marks, no kind of flip-flop."""
    name = f"{_SUFFIX.sub('', name)}_{index}" if width > 1 else _SUFFIX.sub("", name)
    return re.sub(r"[\W_]+", "_", name).strip("_")


def _names(module: dict[str, Any]) -> dict[int, list[str]]:
    """Net bit to its names; the state of a cell model (IQ) first, then short ones."""
    found: dict[int, list[tuple[bool, bool, int, str]]] = {}
    for name, data in module["netnames"].items():
        for index, bit in enumerate(data["bits"]):
            if isinstance(bit, int):
                rank = (not name.endswith(".IQ"), bool(data.get("hide_name")), len(name))
                found.setdefault(bit, []).append((*rank, canonical(name, index, len(data["bits"]))))
    return {bit: [entry[-1] for entry in sorted(names)] for bit, names in found.items()}


def _net(bit: int | str) -> str:
    return f"n{bit}" if isinstance(bit, int) else {"1": "const1"}.get(bit, "const0")


def prove(one: Network, two: Network, folder: Path, limit: float = 120.0) -> Proof:
    """Compare two networks with ABC.

    Parameters
    ----------
    one, two : Network
        The sides; registers are paired by any of their names.
    folder : Path
        Receives the networks as BLIF and ABC's log.
    limit : float
        Processor seconds for parts that stay undecided. What ABC does not decide at once is split into parts.

    Raises
    ------
    ToolMissing
        If ABC is not installed.
    """
    pairs, _ = _pair(one, two)
    copies = _copies(one, two, pairs)
    unmatched = unpaired(one, two)
    if unmatched:
        return Proof(0, len(pairs), [], unmatched, len(copies))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "abc.log").unlink(missing_ok=True)
    ports = sorted(set(one.outputs) & set(two.outputs))
    names = [*ports, *(f"{p[0]}.{pin}" for p in pairs for pin in "DCR" if pin in one.registers[p[0]].pins)]
    inputs = sorted(set(one.inputs) | set(two.inputs))
    sides = [_Side(side, inputs, [(p[0], p[column]) for p in pairs]) for column, side in enumerate((one, two))]
    result = Proof(len(names), len(pairs), [], [], len(copies))
    spent = 0.0
    todo = [names]
    while todo:
        chunk = todo.pop()
        patience = PATIENCE if len(chunk) > PART else PART_PATIENCE if len(chunk) > PART // 8 else 2 * PART_PATIENCE
        verdict, failing = _compare(sides, chunk, folder, patience)
        spent += patience if verdict == "undecided" else 0
        if verdict == "equal":
            result.proven += len(chunk)
        elif verdict == "different":
            result.differing += failing or chunk
        elif len(chunk) > 1 and spent < limit:
            size = PART if len(chunk) > PART else max(1, len(chunk) // 8)
            todo += [chunk[i : i + size] for i in range(0, len(chunk), size)]
        else:
            result.undecided += chunk
    return result


def _compare(sides: list[_Side], outputs: list[str], folder: Path, patience: int) -> tuple[str, list[str]]:
    """Compare some outputs: equal, different (with the first that differ), or undecided in the time."""
    paths = [folder / "one.blif", folder / "two.blif"]
    for path, side in zip(paths, sides, strict=True):
        path.write_text(side.blif(outputs))
    # processor time, not the clock's: a loaded machine must not change what is decided
    command = ["prlimit", f"--cpu={patience}", abc_command(), "-c", f"cec -n {paths[0]} {paths[1]}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60 * patience)
    except subprocess.TimeoutExpired:
        return "undecided", []
    with (folder / "abc.log").open("a") as log:
        log.write(f"{len(outputs)} outputs from {outputs[0]}\n{done.stdout}\n")
    if "Networks are equivalent" in done.stdout:
        return "equal", []
    if "NOT EQUIVALENT" not in done.stdout:
        return "undecided", []
    numbers = {int(n) for n in re.findall(r"Output po(\d+): Value", done.stdout)}
    return "different", [outputs[n] for n in sorted(numbers) if n < len(outputs)]


def _source(outputs: Mapping[str, str], output: str) -> str:
    """The net behind an output of the cut network; a register's goes by the name both sides share."""
    return outputs.get(output, f"at.{output}")


def unpaired(one: Network, two: Network) -> list[str]:
    """Registers and ports that only one side has."""
    pairs, alone = _pair(one, two)
    copies = _copies(one, two, pairs)
    return [key for key in alone if key not in copies] + sorted(set(one.outputs) ^ set(two.outputs))


def _copies(one: Network, two: Network, pairs: list[tuple[str, str]]) -> set[str]:
    return {*_twins(one, [p[0] for p in pairs]), *_twins(two, [p[1] for p in pairs])}


def _pair(one: Network, two: Network) -> tuple[list[tuple[str, str]], list[str]]:
    """Registers that belong together, and the names of those that have no partner of their kind."""
    known = {name: key for key, register in two.registers.items() for name in register.names}
    known |= {key: key for key in two.registers}
    pairs: list[tuple[str, str]] = []
    taken: set[str] = set()
    unmatched: list[str] = []
    for key, register in one.registers.items():
        names = sorted(register.names, key=lambda name: (name != key, name))  # its own name, then those of its users
        partner = next((known[n] for n in names if n in known and known[n] not in taken), None)
        if partner is None or two.registers[partner].kind != register.kind:
            unmatched.append(key)
            continue
        taken.add(partner)
        pairs.append((key, partner))
    return pairs, unmatched + [key for key in two.registers if key not in taken]


def _twins(side: Network, paired: list[str]) -> dict[str, str]:
    """Registers without partner that load the same nets as a paired one: synthesis merges such copies."""
    by_input = {_inputs(side.registers[own]): own for own in paired}
    alone = set(side.registers) - set(paired)
    return {key: by_input[_inputs(side.registers[key])] for key in alone if _inputs(side.registers[key]) in by_input}


def _inputs(register: Register) -> tuple[str, ...]:
    return (register.kind, *(register.pins.get(pin, "") for pin in "DCR"))


class _Side:
    """The cut network of one side, ready to be written for any of its outputs.

    Parameters
    ----------
    side : Network
        The network.
    inputs : list of str
        Inputs of either side.
    registers : list of (str, str)
        Common name and own name of each.
    """

    def __init__(self, side: Network, inputs: list[str], registers: list[tuple[str, str]]) -> None:
        self._outputs = side.outputs
        self._heads = [*inputs, *(f"{common}.Q" for common, _ in registers)]
        self._tables: dict[str, tuple[list[str], list[str]]] = {}  # net: what it depends on, lines of BLIF
        self._add([".names const0", ".names const1", "1", *side.gates])
        self._wire(side.inputs.items())
        for common, own in registers:
            pins = side.registers[own].pins
            self._wire([(f"{common}.Q", pins["Q"])])
            self._wire((pins[pin], f"at.{common}.{pin}") for pin in "DCR" if pin in pins)
        common_name = {own: common for common, own in registers}
        for key, twin in _twins(side, [own for _, own in registers]).items():
            self._wire([(f"{common_name[twin]}.Q", side.registers[key].pins["Q"])])

    def blif(self, outputs: list[str]) -> str:
        """The network of some outputs: the logic that they depend on, with all inputs."""
        ends = [(_source(self._outputs, key), key) for key in outputs]
        lines: list[str] = []
        todo = list(dict.fromkeys(net for net, _ in ends))  # several outputs may be on one net
        seen = set(todo)
        while todo:
            below, table = self._tables.get(todo.pop(), ([], []))
            lines += table
            new = [net for net in below if net not in seen]
            seen.update(new)
            todo += new
        lines += [line for net, key in ends for line in (f".names {net} {key}", "1 1")]
        head = [".model cut", ".inputs " + " ".join(self._heads), ".outputs " + " ".join(outputs)]
        return "\n".join([*head, *lines, ".end"]) + "\n"

    def _wire(self, ends: Iterable[tuple[str, str]]) -> None:
        self._add([line for start, end in ends for line in (f".names {start} {end}", "1 1")])

    def _add(self, lines: list[str]) -> None:
        """Sort lines of BLIF by the net that they drive."""
        starts = [k for k, line in enumerate(lines) if line.startswith(".names ")]
        for first, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            *below, net = lines[first].split()[1:]
            self._tables[net] = (below, lines[first:end])
