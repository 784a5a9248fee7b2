"""What a system's pins and memories do in a boot and an inference, cycle by cycle: stimuli to estimate its power."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from asicflow.board.chip import Chip, Description, exact
from asicflow.board.link import Link
from asicflow.board.simulated import SimulatedBoard
from asicflow.errors import StageError
from asicflow.firmware.image import BootMode

PHASES = ("boot", "loading", "inference")
"""From reset to the banner; the program comes over the line; inputs over the line, inference, outputs back."""

_PATIENCE = 100
"""Characters' time of silence after which the chip is taken to have said all."""

Values = NDArray[np.uint32]


@dataclass(frozen=True)
class Recording:
    """The recorded values at the end of every cycle.

    ``pins`` are those of the chip, without the clock; ``memories`` the outputs of memory macros, by instance and
    pin, like ``("i_ram.gen_bank[0].i_macro", "Q")``. Phase k of :data:`PHASES` lasts from cycle ``marks[k]`` to
    ``marks[k + 1]``.
    """

    pins: dict[str, Values]
    memories: dict[tuple[str, str], Values]
    marks: list[int]


def record_activity(
    executable: Path, described: Description, x: NDArray[np.int64], y: NDArray[np.int64], path: Path
) -> int:
    """Simulate a boot from the host and an inference by the program ``infer``; write the record.

    Parameters
    ----------
    executable : Path
        The simulator.
    described : Description
        The chip.
    x, y : int64
        Inputs (n_in,) and golden outputs (n_out,).
    path : Path
        The .npz file.

    Returns
    -------
    int
        Recorded cycles.

    Raises
    ------
    StageError
        If the outputs are not the golden ones, or the memories' models recorded other cycles than the board.
    """
    with TemporaryDirectory(dir=path.parent, prefix=".activity.") as folder:
        with SimulatedBoard(executable, activity=Path(folder)) as board:
            marks = _session(board, described, x, y)
        found = _read(Path(folder), marks)
    arrays = {f"pin {name}": values for name, values in found.pins.items()}
    arrays |= {f"memory {name} {pin}": values for (name, pin), values in found.memories.items()}
    np.savez_compressed(path, allow_pickle=False, marks=np.array(marks), **arrays)
    return marks[-1]


def _session(board: SimulatedBoard, described: Description, x: NDArray[np.int64], y: NDArray[np.int64]) -> list[int]:
    """Boot and infer; the marks."""
    board.flash(None)
    marks = [board.cycles]
    board.reset(BootMode.HOST)
    board.run(2000)
    port = Link(board)
    port.connect()
    chip = Chip(port, described)
    chip.boot_banner(patience=_PATIENCE)
    marks.append(board.cycles)
    chip.load("infer")
    port.listen(_PATIENCE)
    marks.append(board.cycles)
    exact("recorded inference", chip.infer_by_program(x)[:2], y)
    return [*marks, board.cycles]


def _read(folder: Path, marks: list[int]) -> Recording:
    """Turn the files of a recording into arrays."""
    with (folder / "pins").open() as lines:
        names = lines.readline().split()
        table = np.loadtxt(lines, dtype=np.uint32, ndmin=2)
    memories = {}
    for path in sorted(p for p in folder.iterdir() if p.name != "pins"):
        parts = path.name.split(".")  # simulator, top, path to the macro, model inside it, pin
        values = [int(line, 16) for line in path.read_text().split()]
        memories[".".join(parts[2:-2]), parts[-1]] = np.array(values, np.uint32)
    for (instance, _), found in memories.items():
        if len(found) != len(table):
            raise StageError(f"{len(found)} cycles of memory {instance} are recorded, {len(table)} of the pins")
    return Recording({name: table[:, k] for k, name in enumerate(names)}, memories, marks)


def load_activity(path: Path) -> Recording:
    """Read what :func:`record_activity` wrote."""
    with np.load(path) as data:
        pins = {key.split()[1]: data[key] for key in data.files if key.startswith("pin ")}
        memories = {}
        for key in data.files:
            if key.startswith("memory "):
                _, instance, pin = key.split()
                memories[instance, pin] = data[key]
        return Recording(pins, memories, data["marks"].tolist())
