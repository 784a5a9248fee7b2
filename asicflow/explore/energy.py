"""Energy of an inference of an engine after synthesis: simulated activity, Liberty, no wires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from asicflow.errors import StageError
from asicflow.model.fixed import FixedType, IntArray, overflow
from asicflow.model.spec import Spec
from asicflow.pdk.config import Library
from asicflow.pdk.liberty import Liberty, read_liberty
from asicflow.signoff.activity import LANES, GateNetlist, Words, lanes_of, values_of
from asicflow.signoff.energy import Energy, EnergyModel
from asicflow.signoff.netlist import read_netlist

_RESET_CYCLES = 2
EVERY = np.uint64(np.iinfo(np.uint64).max)
"""A word with all lanes 1."""


@dataclass(frozen=True)
class InferenceEnergy:
    """Energy of one inference, its inputs' writing and outputs' reading included, and its clock cycles."""

    energy: Energy
    cycles: int


@dataclass(frozen=True)
class MappedEngine:
    """A mapped engine: its network, netlist, top module, clock cycles from start to done, and cells.

    ``weights`` are the words of an image of reloadable weights.
    """

    spec: Spec
    netlist: Path
    top: str
    cycles: int
    library: Library
    weights: Sequence[int] = ()


def inference_energy(engine: MappedEngine, x_int: IntArray, y_int: IntArray, period_ns: float) -> InferenceEnergy:
    """Simulate a mapped engine and add up what its cells take.

    Parameters
    ----------
    engine : MappedEngine
        The engine; the typical corner and the nominal supply count.
    x_int, y_int : (N, n_in), (N, n_out) int64
        Inputs, real ones if the result is to mean anything, and what the engine must answer.
    period_ns : float
        Clock period, for leakage.

    Raises
    ------
    StageError
        If the engine answers anything else, or at another time.
    """
    spec, library = engine.spec, engine.library
    module = read_netlist(engine.netlist, engine.top)
    gates = GateNetlist(module, _power_tables(library).cells, library, "clk_i")
    schedule = EngineSchedule(spec, engine.cycles, x_int, engine.weights)
    activity = gates.simulate({p: w for p, w in schedule.stimuli.items() if p in gates.inputs}, schedule.start)
    done = gates.port(activity, "done_o")
    if not np.array_equal(np.flatnonzero(done), schedule.ends) or not np.all(done[schedule.ends] == EVERY):
        raise StageError(f"the mapped engine is not done after {engine.cycles} cycles", where=str(engine.netlist))
    bits = port_bits("out_data_o", spec.output.type.width, gates.outputs)
    found = values_of([gates.port(activity, bit)[schedule.reads] for bit in bits]).T
    plain = FixedType(width=spec.output.type.width, frac=0, signed=spec.output.type.signed)
    if not np.array_equal(overflow(found, plain), y_int[schedule.counted]):
        raise StageError("the mapped engine does not equal the integer network", where=str(engine.netlist))
    return InferenceEnergy(EnergyModel(gates, library.supply, period_ns).of(activity).per(LANES), activity.cycles)


class EngineSchedule:
    """Stimuli of an engine's ports for two inferences: one to fill the registers, then the one that counts.

    ``weights`` are loaded first.

    ``start`` is the second one's first cycle, ``ends`` the cycles in which each is done, ``reads`` those in which
    the second one's outputs are read, ``counted`` the numbers of its inputs, one per lane.
    """

    def __init__(self, spec: Spec, cycles: int, x_int: IntArray, weights: Sequence[int] = ()) -> None:
        n_in, n_out = spec.input.size, spec.output.size
        one = n_in + 1 + cycles + n_out
        first = _RESET_CYCLES + len(weights)
        total = first + 2 * one
        self.start = first + one
        self.ends = [first + k * one + n_in + cycles for k in (0, 1)]
        self.counted = (np.arange(LANES) + LANES) % len(x_int)
        names = ("in_addr_i", "in_data_i", "out_addr_i", "load_data_i")
        plain = {name: np.zeros((total, LANES), np.int64) for name in names}
        flags = {name: np.zeros(total, bool) for name in ("rst_ni", "in_we_i", "start_i", "load_we_i")}
        flags["rst_ni"][_RESET_CYCLES:] = True
        flags["load_we_i"][_RESET_CYCLES:first] = True
        plain["load_data_i"][_RESET_CYCLES:first] = np.array(weights, np.int64)[:, None]
        for begin, chosen in ((first, np.arange(LANES) % len(x_int)), (self.start, self.counted)):
            writes = slice(begin, begin + n_in)
            flags["in_we_i"][writes] = True
            flags["start_i"][begin + n_in] = True
            plain["in_addr_i"][writes] = np.arange(n_in)[:, None]
            plain["in_data_i"][writes] = x_int[chosen].T
            plain["out_addr_i"][begin + one - n_out : begin + one] = np.arange(n_out)[:, None]
        self.reads = slice(self.start + one - n_out, self.start + one)
        self.stimuli: dict[str, Words] = {n: np.where(flag, EVERY, 0).astype(np.uint64) for n, flag in flags.items()}
        for name, values in plain.items():
            for bit, word in enumerate(lanes_of(values, 32)):
                self.stimuli |= {f"{name}[{bit}]": word} | ({name: word} if bit == 0 else {})


def port_bits(name: str, width: int, ports: list[str]) -> list[str]:
    """The names of a port's bits in a netlist, the lowest first; a port of one bit may have no index."""
    return [name] if width == 1 and name in ports else [f"{name}[{bit}]" for bit in range(width)]


@lru_cache(maxsize=4)
def _read(liberty: Path) -> Liberty:
    return read_liberty(liberty, power=True)


def _power_tables(library: Library) -> Liberty:
    """The typical corner with power tables, read once."""
    return _read(library.typical.liberty)
