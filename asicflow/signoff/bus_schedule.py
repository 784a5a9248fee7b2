"""Two inferences over the bus as stimuli for a gate-level simulation of top ``accel``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asicflow.signoff.activity import LANES, Words, lanes_of

_CTRL, _WEIGHTS, _OUTPUT, _INPUT = 0x18, 0x1000, 0x4000, 0x8000
"""Addresses of ``ip/accel_socket/rdl/accel_socket.rdl``."""
_RESET_CYCLES = 4
_SLACK = 8
"""Cycles between the end of the engine and the first read."""


class BusSchedule:
    """AHB-Lite transfers without wait states: load the weights, if any; write the inputs, start, wait, read the
    outputs; the latter twice.

    The first inference fills the registers, the second one counts, with other inputs in every lane.

    Parameters
    ----------
    x_int : (N, n_in) int64
        Inputs; with fewer than two per lane they are used again.
    n_out : int
        Outputs.
    cycles : int
        Clock cycles of the engine from start to done.
    weights : sequence of int
        Words of an image of reloadable weights.

    Attributes
    ----------
    stimuli : dict
        A word per cycle and a lane per bit, for every bit of every input port.
    start : int
        First cycle of the second inference.
    reads : (n_out,) int64
        Cycles in which its outputs are on ``hrdata_o``.
    counted : (LANES,) int64
        The inputs' numbers, one per lane.
    """

    def __init__(self, x_int: NDArray[np.int64], n_out: int, cycles: int, weights: Sequence[int] = ()) -> None:
        n_in = x_int.shape[1]
        one = n_in + 1 + cycles + _SLACK + n_out + 1
        first = _RESET_CYCLES + len(weights)
        total = first + 2 * one
        self.start = first + one
        self.counted = (np.arange(LANES) + LANES) % len(x_int)
        names = ("hsel_i", "haddr_i", "htrans_i", "hsize_i", "hwrite_i", "hwdata_i", "hready_i", "hreset_ni")
        widths = dict(zip(names, (1, 16, 2, 3, 1, 32, 1, 1), strict=True))
        values = {name: np.zeros((total, LANES), np.int64) for name in names}
        values["hready_i"][:] = 1
        values["hreset_ni"][_RESET_CYCLES:] = 1
        loads = np.arange(_RESET_CYCLES, first)
        for name, value in (("hsel_i", 1), ("htrans_i", 2), ("hsize_i", 2), ("hwrite_i", 1), ("haddr_i", _WEIGHTS)):
            values[name][loads] = value
        values["hwdata_i"][loads + 1] = np.array(weights, np.int64)[:, None]
        for begin, chosen in ((first, np.arange(LANES) % len(x_int)), (self.start, self.counted)):
            writes = np.arange(begin, begin + n_in + 1)
            reads = np.arange(begin + one - n_out - 1, begin + one - 1)
            for name, value in (("hsel_i", 1), ("htrans_i", 2), ("hsize_i", 2)):
                values[name][np.concatenate([writes, reads])] = value
            values["hwrite_i"][writes] = 1
            values["haddr_i"][writes] = np.append(_INPUT + 4 * np.arange(n_in), _CTRL)[:, None]
            values["haddr_i"][reads] = _OUTPUT + 4 * np.arange(n_out)[:, None]
            values["hwdata_i"][writes[:-1] + 1] = x_int[chosen].T & 0xFFFFFFFF
            values["hwdata_i"][writes[-1] + 1] = 1
        self.reads = np.arange(self.start + one - n_out, self.start + one)
        self.stimuli: dict[str, Words] = {}
        for name, width in widths.items():
            for bit, word in enumerate(lanes_of(values[name], width)):
                self.stimuli[name if width == 1 else f"{name}[{bit}]"] = word
