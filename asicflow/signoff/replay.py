"""A system's netlist does again what it did in simulation: recorded pins and memory outputs in, its own outputs out.
They are compared with the recorded ones.

Hard macros are no part of the gate-level simulation: what they answered is recorded, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asicflow.board.activity import PHASES, Recording, Values
from asicflow.errors import UserError
from asicflow.pdk.config import Library
from asicflow.pdk.liberty import LibertyCell
from asicflow.signoff.activity import Activity, GateNetlist, Words
from asicflow.signoff.netlist import Module

WINDOW = 1000
"""Cycles that are simulated, and whose transitions are counted, at a time."""

FOLLOWED = 8
"""Of so many windows of a phase the first is simulated with glitches, which takes five times as long."""

_BIT = re.compile(r"(.+)\[(\d+)\]")


@dataclass(frozen=True)
class Window:
    """What was counted from cycle ``first`` on, in a phase of the record; with its glitches if ``followed``."""

    phase: str
    first: int
    followed: bool
    activity: Activity


@dataclass(frozen=True)
class Difference:
    """The first cycle in which an output is not what was recorded."""

    output: str
    cycle: int


class Replay:
    """One netlist and one record.

    Parameters
    ----------
    module : Module
        The netlist of the whole system.
    cells : mapping
        Liberty cells by name, without the macros.
    library : Library
        For the pins of its clock gates.
    clock : str
        The clock's port.
    record : Recording
        What pins and memories did.

    Raises
    ------
    UserError
        If the netlist does not have the record's memories and pins.
    """

    def __init__(
        self, module: Module, cells: Mapping[str, LibertyCell], library: Library, clock: str, record: Recording
    ) -> None:
        self._record = record
        given: dict[str, tuple[Values, int]] = {}
        for (name, pin), values in record.memories.items():
            instance = module.instances.get(re.sub(r"\W", "_", name))
            if instance is None:
                raise UserError(f"the netlist has no memory {name}", hint="was the simulation another system's?")
            for port, net in instance.pins.items():
                bit = _BIT.fullmatch(port)
                if bit and bit[1] == pin:
                    given[module.net(net)] = values, int(bit[2])
        self.netlist = GateNetlist(module, cells, library, clock, tuple(given))
        self._inputs = {p: self._pin(p) for p in self.netlist.inputs if p not in given} | given
        self._expected = {p: self._pin(p) for p in self.netlist.outputs}
        self.differences: dict[str, Difference] = {}

    def _pin(self, port: str) -> tuple[Values, int]:
        bit = _BIT.fullmatch(port)
        name = bit[1] if bit else port
        if name not in self._record.pins:
            raise UserError(f"the record of the simulation has no pin {name}")
        return self._record.pins[name], int(bit[2]) if bit else 0

    def windows(self) -> Iterator[Window]:
        """Simulate, a window at a time; ``differences`` fills as outputs differ while out of reset."""
        state = self.netlist.begin()
        marks = self._record.marks
        for phase, begin, end in zip(PHASES, marks[:-1], marks[1:], strict=True):
            for k, first in enumerate(range(begin, end, WINDOW)):
                cycles = slice(first, min(first + WINDOW, end))
                run = self.netlist.settle if k % FOLLOWED else self.netlist.go_on
                activity = run(state, {n: _word(*v, cycles) for n, v in self._inputs.items()})
                self._compare(activity, cycles)
                yield Window(phase, first, k % FOLLOWED == 0, activity)

    def _compare(self, activity: Activity, cycles: slice) -> None:
        running = self._record.pins["rst_ni"][cycles] != 0
        for port, expected in self._expected.items():
            wrong = running & (self.netlist.port(activity, port) != _word(*expected, cycles))
            if port not in self.differences and wrong.any():
                self.differences[port] = Difference(port, cycles.start + int(np.flatnonzero(wrong)[0]))


def _word(values: Values, bit: int, cycles: slice) -> Words:
    """A bit of recorded values, the same in every lane."""
    bits: NDArray[np.uint64] = (values[cycles] >> np.uint32(bit)).astype(np.uint64) & np.uint64(1)
    return np.uint64(0) - bits
