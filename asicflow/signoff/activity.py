"""Transitions of every net of a mapped netlist, from a gate-level simulation of many inferences at a time.

The netlist is compiled to truth tables (`asicflow.pdk.logic`) and runs with the same stimuli schedule in 64
lanes, each with data of its own. Two counts result per net: of settled values, as a simulator without delays
has them, and with the glitches that equal delays of all cells cause. Real delays differ; both are estimates. The
first alone is much faster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from asicflow.errors import StageError, UserError
from asicflow.pdk.config import Library
from asicflow.pdk.liberty import LibertyCell, LibertyPin
from asicflow.pdk.logic import MOST_INPUTS, names_in, truth_table
from asicflow.signoff import gate_kernel
from asicflow.signoff.netlist import Instance, Module

LANES = 64
"""Runs at a time: bits of a word."""

CONSTANTS = {"1'b0": 0, "1'b1": 1, "1'bx": 0}

_LOOP = "the gate-level simulation does not settle: the netlist has a loop"

Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Activity:
    """What a simulation counted, over all lanes.

    ``settled`` and ``glitching`` are transitions per net, without and with what glitches add; ``clocked`` are
    the clock edges that reach each register; ``outputs`` (cycles, ports) are words with a lane per bit; ``depth``
    is the longest time in cell delays, 0 if it was not followed.
    """

    cycles: int
    settled: NDArray[np.int64]
    glitching: NDArray[np.int64]
    clocked: NDArray[np.int64]
    outputs: Words
    depth: int


class State(NamedTuple):
    """A moment of a simulation: a word per net, and per register what it takes at the next edge."""

    values: Words
    following: Words


class _Run(NamedTuple):
    """What a run of cycles takes and where it counts: nets of ports, words of inputs, counts, words of outputs."""

    inputs: NDArray[np.int32]
    outputs: NDArray[np.int32]
    words: Words
    settled: NDArray[np.int64]
    clocked: NDArray[np.int64]
    samples: Words


class GateNetlist:
    """A flat mapped netlist, compiled for simulation.

    Parameters
    ----------
    module : Module
        The netlist.
    cells : mapping
        Liberty cells by name.
    library : Library
        For the pins of its clock gates.
    clock : str
        The clock's port. Its tree may hold buffers, inverters and clock gates, one behind the other once.
    given : sequence of str, optional
        Nets that stimuli drive like input ports: the outputs of hard macros.

    Raises
    ------
    UserError
        If a cell has no logic function, a register is no rising-edge flip-flop of this clock, or a net that is
        read has no driver.
    """

    def __init__(
        self,
        module: Module,
        cells: Mapping[str, LibertyCell],
        library: Library,
        clock: str,
        given: Sequence[str] = (),
    ) -> None:
        self.module, self.clock = module, clock
        self.nets: dict[str, int] = {}
        self.cells: dict[str, LibertyCell] = {}
        self.pins: dict[str, dict[str, int]] = {}
        self._gates: list[tuple[int, int, list[int]]] = []
        self.registers: list[str] = []
        self._registers: list[tuple[int, int, int, int, int]] = []
        gate = library.cells.clock_gate
        self._gate_pins = (gate.clock, gate.enable, gate.output) if gate else None
        for name, instance in module.instances.items():
            self._add(name, instance, cells)
        self.clock_nets = self._clock_tree()
        for name, cell in self.cells.items():
            if cell.sequential == "ff":
                self._register(name, cell)
            elif not cell.sequential and not self._in_tree(name):
                self._logic(name, cell)
        self.inputs = [p for p, d in module.ports.items() if d == "input" and p != clock] + list(given)
        self.outputs = [p for p, d in module.ports.items() if d == "output"]
        self._check_drivers()

    def _add(self, name: str, instance: Instance, cells: Mapping[str, LibertyCell]) -> None:
        cell = cells.get(instance.cell)
        if cell is None:
            return
        self.cells[name] = cell
        self.pins[name] = {pin: self.net(net) for pin, net in instance.pins.items() if pin in cell.pins}

    def net(self, name: str) -> int:
        """The number of a net, a new one if it was not seen before."""
        return self.nets.setdefault(self.module.net(name), len(self.nets))

    def _clock_tree(self) -> dict[int, str]:
        """Nets that carry the clock, with the clock gate that each stands behind ("" for none)."""
        readers: dict[int, list[tuple[str, str]]] = {}
        for name, pins in self.pins.items():
            for pin, net in pins.items():
                if self.cells[name].pins[pin].direction == "input":
                    readers.setdefault(net, []).append((name, pin))
        found: dict[int, str] = {}
        todo = [(self.net(self.clock), "")]
        while todo:
            net, gate = todo.pop()
            found[net] = gate
            for name, pin in readers.get(net, ()):
                cell = self.cells[name]
                if cell.sequential == "gate":
                    if gate or self._gate_pins is None or pin != self._gate_pins[0]:
                        raise UserError(f"clock gate {name}: only one on the way to a register is understood")
                    todo.append((self.pins[name][self._gate_pins[2]], name))
                elif not cell.sequential and cell.outputs():
                    outputs = cell.outputs()
                    if len(cell.inputs()) != 1 or len(outputs) != 1:
                        raise UserError(f"the clock passes through {name} ({cell.name}), which is no buffer")
                    todo.append((self.pins[name][outputs[0].name], gate))
        return found

    def _in_tree(self, name: str) -> bool:
        pins = self.cells[name].inputs()
        return len(pins) == 1 and self.pins[name].get(pins[0].name) in self.clock_nets

    def _register(self, name: str, cell: LibertyCell) -> None:
        pins, state = self.pins[name], cell.state
        clock = names_in(state["clocked_on"])
        if len(clock) != 1 or pins.get(clock[0]) not in self.clock_nets or truth_table(state["clocked_on"], clock) != 2:
            raise UserError(f"register {name} ({cell.name}) is not clocked by the rising edge of '{self.clock}'")
        q, inverse = (self.net(f"{name}/{part}") for part in cell.state_names)
        known = pins | {cell.state_names[0]: q, cell.state_names[1]: inverse}
        self._gate(inverse, "!q", ["q"], [q])
        for pin in cell.outputs():
            if pin.name in pins:
                self._function(pins[pin.name], pin.function, known, name)
        following, clear, preset = (self._state_net(name, key, known) for key in ("next_state", "clear", "preset"))
        gate = self.clock_nets[pins[clock[0]]]
        enable = self.pins[gate][self._gate_pins[1]] if gate and self._gate_pins else -1
        self.registers.append(name)
        self._registers.append((q, following, clear, preset, enable))

    def _state_net(self, name: str, key: str, known: Mapping[str, int]) -> int:
        """The net of a register's next state, clear or preset; -1 if it has none."""
        if key not in self.cells[name].state:
            return -1
        net = self.net(f"{name}/{key}")
        self._function(net, self.cells[name].state[key], known, name)
        return net

    def _logic(self, name: str, cell: LibertyCell) -> None:
        for pin in cell.outputs():
            if pin.name in self.pins[name]:
                if not pin.function:
                    raise UserError(f"{name}: pin {pin.name} of {cell.name} has no logic function in Liberty")
                self._function(self.pins[name][pin.name], pin.function, self.pins[name], name)

    def _function(self, output: int, expression: str, known: Mapping[str, int], name: str) -> None:
        names = names_in(expression)
        missing = [n for n in names if n not in known]
        if missing:
            raise UserError(f"{name}: pin {missing[0]} is not connected")
        self._gate(output, expression, names, [known[n] for n in names])

    def _gate(self, output: int, expression: str, names: Sequence[str], inputs: list[int]) -> None:
        self._gates.append((truth_table(expression, names), output, inputs))

    def _check_drivers(self) -> None:
        names = list(self.nets)
        driven = {output for _, output, _ in self._gates} | {q for q, *_ in self._registers}
        driven |= {self.net(port) for port in self.inputs} | set(self.clock_nets)
        driven |= {self.net(constant) for constant in CONSTANTS}
        read = {net for _, _, inputs in self._gates for net in inputs}
        for net in sorted(read - driven):
            raise UserError(f"net {names[net]} has no driver that can be simulated")

    @cached_property
    def compiled(self) -> tuple[gate_kernel.Gates, gate_kernel.Registers]:
        """The arrays that the kernel takes."""
        count = len(self._gates)
        inputs = np.zeros((count, MOST_INPUTS), np.int32)
        readers: list[list[int]] = [[] for _ in self.nets]
        for k, (_, _, nets) in enumerate(self._gates):
            inputs[k, : len(nets)] = nets
            for net in dict.fromkeys(nets):
                readers[net].append(k)
        gates = gate_kernel.Gates(
            np.array([table for table, _, _ in self._gates], np.uint64),
            np.array([output for _, output, _ in self._gates], np.int32),
            inputs,
            np.array([len(nets) for _, _, nets in self._gates], np.int32),
            np.cumsum([0, *map(len, readers)]).astype(np.int32),
            np.array([gate for nets in readers for gate in nets], np.int32),
            self._ranks(readers),
        )
        columns = np.array(self._registers, np.int32).reshape(-1, 5).T
        return gates, gate_kernel.Registers(*(np.ascontiguousarray(column) for column in columns))

    def _ranks(self, readers: Sequence[Sequence[int]]) -> NDArray[np.int32]:
        """How many gates lie one behind the other before each gate; -1 for those in a loop or behind one."""
        driver = {output: k for k, (_, output, _) in enumerate(self._gates)}
        open_inputs = [len({net for net in nets if net in driver}) for _, _, nets in self._gates]
        ranks = np.full(len(self._gates), -1, np.int32)
        todo, rank = [k for k, inputs in enumerate(open_inputs) if not inputs], 0
        while todo:
            ranks[todo] = rank
            following = []
            for gate in (reader for k in todo for reader in readers[self._gates[k][1]]):
                open_inputs[gate] -= 1
                if not open_inputs[gate]:
                    following.append(gate)
            todo, rank = following, rank + 1
        return ranks

    def simulate(self, stimuli: Mapping[str, Words], start: int) -> Activity:
        """Run a schedule.

        Parameters
        ----------
        stimuli : mapping
            Per input port: a word per cycle, a lane per bit. Ports that are left out stay 0.
        start : int
            First cycle whose transitions count.

        Raises
        ------
        StageError
            If the logic does not settle.
        """
        return self.go_on(self.begin(), stimuli, start)

    def begin(self) -> State:
        """All nets and registers 0."""
        values = np.zeros(len(self.nets), np.uint64)
        values[self.net("1'b1")] = np.iinfo(np.uint64).max
        return State(values, np.zeros(len(self.registers), np.uint64))

    def go_on(self, state: State, stimuli: Mapping[str, Words], start: int = 0) -> Activity:
        """Run a schedule from a state, which becomes that at the end; see :meth:`simulate`."""
        run = self._prepare(stimuli)
        glitching = np.zeros(len(self.nets), np.int64)
        depth = gate_kernel.simulate(
            *self.compiled, run.inputs, run.outputs, run.words, start, state.values, state.following, run.settled,
            glitching, run.clocked, run.samples,
        )  # fmt: skip
        if depth < 0:
            raise StageError(_LOOP)
        return Activity(len(run.words) - start, run.settled, glitching, run.clocked, run.samples, depth)

    def settle(self, state: State, stimuli: Mapping[str, Words]) -> Activity:
        """As :meth:`go_on`, all cycles counted, much faster and without glitches: ``glitching`` is ``settled``."""
        gates, registers = self.compiled
        if gates.rank.min(initial=0) < 0:
            raise StageError(_LOOP)
        run = self._prepare(stimuli)
        gate_kernel.settle(
            gates, registers, run.inputs, run.outputs, run.words, state.values, state.following, run.settled,
            run.clocked, run.samples,
        )  # fmt: skip
        return Activity(len(run.words), run.settled, run.settled, run.clocked, run.samples, 0)

    def _prepare(self, stimuli: Mapping[str, Words]) -> _Run:
        cycles = len(next(iter(stimuli.values())))
        words = np.zeros((cycles, len(self.inputs)), np.uint64)
        for port, values in stimuli.items():
            words[:, self.inputs.index(port)] = values
        return _Run(
            np.array([self.net(port) for port in self.inputs], np.int32),
            np.array([self.net(port) for port in self.outputs], np.int32),
            words,
            np.zeros(len(self.nets), np.int64),
            np.zeros(len(self.registers), np.int64),
            np.zeros((cycles, len(self.outputs)), np.uint64),
        )

    def port(self, activity: Activity, name: str) -> Words:
        """The words of an output port, cycle by cycle."""
        words: Words = activity.outputs[:, self.outputs.index(name)]
        return words

    def signal_pins(self, name: str) -> Iterable[tuple[LibertyPin, int]]:
        """The connected pins of an instance with their nets."""
        return ((self.cells[name].pins[pin], net) for pin, net in self.pins[name].items())


def lanes_of(values: NDArray[np.int64], bits: int) -> list[Words]:
    """Turn a value per lane, shape (cycles, LANES), into a word per cycle for each bit, the lowest first."""
    weights = np.uint64(1) << np.arange(LANES, dtype=np.uint64)
    return [(((values >> bit) & 1).astype(np.uint64) * weights).sum(axis=1, dtype=np.uint64) for bit in range(bits)]


def values_of(words: Sequence[Words]) -> NDArray[np.int64]:
    """The inverse of :func:`lanes_of`, unsigned: shape (cycles, LANES)."""
    lanes = np.arange(LANES, dtype=np.uint64)
    found = np.zeros((len(words[0]), LANES), np.int64)
    for bit, word in enumerate(words):
        found |= ((word[:, None] >> lanes) & np.uint64(1)).astype(np.int64) << bit
    return found
