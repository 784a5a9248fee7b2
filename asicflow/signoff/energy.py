"""Energy from counted transitions and Liberty: loads, inside cells, clock, leakage.

A transition of a net costs half of C V^2 of its load, and what Liberty's internal_power groups say of the cell
that drives it. An input's own groups cost their energy weighted by how often their condition holds when the other
pins' states are equally likely. The clock makes two transitions a cycle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asicflow.pdk.liberty import LibertyCell, LibertyPin
from asicflow.pdk.logic import names_in, truth_table
from asicflow.signoff.activity import LANES, Activity, GateNetlist

TRANSITION_NS = 0.2
"""Transition time at which power tables are read; the energies depend little on it."""


@dataclass(frozen=True)
class Energy:
    """Joules of all lanes: loads of data nets, inside cells, the clock's part of both, leakage.

    ``glitches`` is what the glitches of equal cell delays add to ``loads`` and ``cells``, which do not hold it.
    """

    loads: float
    cells: float
    clock: float
    leakage: float
    glitches: float

    @property
    def settled(self) -> float:
        """All but glitches."""
        return self.loads + self.cells + self.clock + self.leakage

    @property
    def total(self) -> float:
        """All."""
        return self.settled + self.glitches

    def per(self, runs: float) -> Energy:
        """The same, divided."""
        return Energy(*(part / runs for part in (self.loads, self.cells, self.clock, self.leakage, self.glitches)))


class EnergyModel:
    """What transitions of a netlist's nets cost.

    Parameters
    ----------
    netlist : GateNetlist
        Its cells must have been read with their power tables.
    volts : float
        Supply.
    period_ns : float
        Clock period, for leakage.
    wires : mapping, optional
        Capacitance of each net's wire in pF; without it only pins load the nets.
    """

    def __init__(
        self, netlist: GateNetlist, volts: float, period_ns: float, wires: Mapping[str, float] | None = None
    ) -> None:
        self._netlist = netlist
        load = _loads(netlist, wires or {})
        self._switched = 0.5 * load * volts**2
        self._inside = _inside(netlist, load)
        self._idle = sum(c.leakage for c in netlist.cells.values()) * 1e-9 * period_ns * 1e-9

    def of(self, activity: Activity) -> Energy:
        """Energy of the counted cycles of all lanes."""
        settled, glitching = activity.settled.astype(float), activity.glitching.astype(float)
        clock = _clock_transitions(self._netlist, activity)
        ticks = np.zeros(len(settled))
        for net, count in clock.items():
            ticks[net] = count
            settled[net] = glitching[net] = 0.0
        both = self._switched + self._inside
        return Energy(
            loads=float(self._switched @ settled) * 1e-12,
            cells=float(self._inside @ settled) * 1e-12,
            clock=float(both @ ticks) * 1e-12,
            leakage=self._idle * activity.cycles * LANES,
            glitches=float(both @ (glitching - settled)) * 1e-12,
        )


def _loads(netlist: GateNetlist, wires: Mapping[str, float]) -> NDArray[np.float64]:
    load = np.zeros(len(netlist.nets))
    for name, capacitance in wires.items():
        if name in netlist.nets:
            load[netlist.nets[name]] += capacitance
    for name in netlist.cells:
        for pin, net in netlist.signal_pins(name):
            if pin.direction == "input":
                load[net] += pin.capacitance
    return load


def _inside(netlist: GateNetlist, load: NDArray[np.float64]) -> NDArray[np.float64]:
    """Energy inside all cells, in pJ, that a transition of each net causes."""
    found = np.zeros(len(load))
    weights: dict[tuple[str, str], list[float]] = {}
    for name, cell in netlist.cells.items():
        for pin, net in netlist.signal_pins(name):
            if not pin.power:
                continue
            key = (cell.name, pin.name)
            if key not in weights:
                weights[key] = _weights(cell, pin)
            energies = (group.mean(TRANSITION_NS, load[net]) for group in pin.power)
            found[net] += sum(w * e for w, e in zip(weights[key], energies, strict=True))
    return found


def _weights(cell: LibertyCell, pin: LibertyPin) -> list[float]:
    """How much each power group of a pin counts: an output's alike, an input's by the share of its condition."""
    if pin.direction == "output":
        return [1 / len(pin.power)] * len(pin.power)
    pins = [p.name for p in cell.inputs() if p.name != pin.name]
    shares = [_share(group.when, pins) for group in pin.power]
    most = sum(shares)
    return [share / max(most, 1.0) for share in shares]


def _share(condition: str, pins: list[str]) -> float:
    """The part of all states of the other pins in which a condition holds; 1 if it reads anything else."""
    names = names_in(condition)
    if not names or not set(names) <= set(pins):
        return 1.0
    return truth_table(condition, names).bit_count() / (1 << len(names))


def _clock_transitions(netlist: GateNetlist, activity: Activity) -> dict[int, float]:
    """Transitions of the clock's nets: two per cycle and lane, behind a clock gate those that it lets through."""
    behind: dict[str, float] = {"": 2.0 * activity.cycles * LANES}
    clocks = {name: _clock_net(netlist, name) for name in netlist.registers}
    for name, count in zip(netlist.registers, activity.clocked.tolist(), strict=True):
        gate = netlist.clock_nets[clocks[name]]
        if gate:
            behind[gate] = 2.0 * count
    return {net: behind.get(gate, 0.0) for net, gate in netlist.clock_nets.items()}


def _clock_net(netlist: GateNetlist, register: str) -> int:
    return netlist.pins[register][names_in(netlist.cells[register].state["clocked_on"])[0]]
