"""A small whole system in simulation, and boards and lines with one fault."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "soc"))
from tiny_chip import build_chip, write_chip

from asicflow.board.chip import describe
from asicflow.board.simulated import SimulatedBoard
from asicflow.board.stage import observe
from tests.signoff.made_firmware import context_of

__all__ = ["Damaged", "build", "context_of", "simulate"]

Damage = Callable[[bytes], bytes]
"""What becomes of one byte; two for the one and its follower."""


def build(root: Path) -> Path:
    """Write model, system and firmware below ``root``; return the simulator."""
    return build_chip(write_chip(root))


class Damaged(SimulatedBoard):
    """A board with a line on which one byte of one direction is hit once.

    Parameters
    ----------
    executable : Path
        The simulator.
    received, sent : dict
        Number of a byte in its direction to what becomes of it.
    flashed : callable, optional
        Changes what is programmed into the flash.
    deaf : bool
        Nothing arrives from the chip.
    """

    def __init__(
        self,
        executable: Path,
        received: dict[int, Damage] | None = None,
        sent: dict[int, Damage] | None = None,
        flashed: Callable[[bytes], bytes] | None = None,
        deaf: bool = False,
    ) -> None:
        super().__init__(executable)
        self._received, self._sent = received or {}, sent or {}
        self._flashed, self._deaf = flashed, deaf
        self._ready = b""
        self._heard = self._told = 0
        self.traffic: list[tuple[str, int, bytes]] = []
        """Direction (``sent``, ``received``), number of the first byte, bytes as they were."""

    def write(self, data: bytes) -> None:
        """Send bytes, one of them wrong."""
        self.traffic.append(("sent", self._told, data))
        super().write(_hit(data, self._told, self._sent))
        self._told += len(data)

    def read(self, count: int, characters: int) -> bytes:
        """Return up to ``count`` bytes, one of them wrong."""
        while len(self._ready) < count:
            part = super().read(count - len(self._ready), characters)
            if not part:
                break
            if self._heard + len(part) - 1 in self._received:  # what comes next may be needed, too
                part += super().read(1, characters)
            self.traffic.append(("received", self._heard, part))
            self._ready += b"" if self._deaf else _hit(part, self._heard, self._received)
            self._heard += len(part)
        data, self._ready = self._ready[:count], self._ready[count:]
        return data

    def flash(self, contents: Path | None) -> None:
        """Program the flash, with what became of the image."""
        if contents is not None and self._flashed is not None:
            changed = contents.with_suffix(".changed")
            changed.write_bytes(self._flashed(contents.read_bytes()))
            contents = changed
        super().flash(contents)


def _hit(data: bytes, first: int, damages: dict[int, Damage]) -> bytes:
    for number, damage in damages.items():
        at = number - first
        if 0 <= at < len(data):
            return data[:at] + damage(data[at : at + 2]) + data[at + 2 :]
    return data


def simulate(root: Path, board: Damaged, wrong: bool = False) -> None:
    """Run the stage ``sim`` on a board, with a wrong golden output if asked; write ``sim/sim.json``."""
    with np.load(root / "model" / "vectors.npz") as data:
        x, y = data["x_int"][:1], data["y_int"][:1].copy()
    y[0, 0] += wrong
    result = observe(board, describe(root / "soc", root / "firmware"), x, y, lambda _: None)
    (root / "sim").mkdir(exist_ok=True)
    (root / "sim" / "sim.json").write_text(json.dumps(result))
