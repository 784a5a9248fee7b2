"""A record of pins and memories, cycle by cycle."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from asicflow.board.activity import PHASES, load_activity, record_activity
from asicflow.board.chip import Description
from asicflow.errors import StageError
from asicflow.workspace import Workspace

Vectors = tuple[NDArray[np.int64], NDArray[np.int64]]


def decoded(line: NDArray[np.uint32], bit: int) -> bytes:
    """The characters on a serial line, `bit` cycles a bit."""
    found, k = [], 0
    while k + 10 * bit < len(line):
        if line[k]:
            k += 1
            continue
        bits = line[k + bit + bit // 2 : k + 9 * bit : bit]
        found.append(int(bits @ (1 << np.arange(8, dtype=np.uint32))))
        k += 9 * bit + bit // 2
    return bytes(found)


def printed(line: NDArray[np.uint32]) -> bytes:
    """What the processor printed: characters in angle brackets among the debug port's answers."""
    return b"".join(re.findall(rb"<(.|\n)>", decoded(line, 8)))


def test_the_record_holds_the_boot_and_the_inference(
    chip_run: tuple[Workspace, Path], described: Description, vectors: Vectors, tmp_path: Path
) -> None:
    x, y = vectors
    cycles = record_activity(chip_run[1], described, x[0], y[0], tmp_path / "activity.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["activity.npz"]
    record = load_activity(tmp_path / "activity.npz")
    assert record.marks[0] == 0 and record.marks[-1] == cycles and sorted(record.marks) == record.marks
    assert len(record.marks) == len(PHASES) + 1
    assert {len(values) for values in record.pins.values()} == {cycles}
    reset = record.pins["rst_ni"]
    first = int(np.flatnonzero(reset)[0])
    assert first > 0 and reset[first:].all()
    line = record.pins["debug_tx_o"]
    assert b"asicflow boot ROM" in printed(line[first : record.marks[1]])
    assert b"infer: ready" in printed(line[record.marks[1] : record.marks[2]])


def test_a_wrong_inference_leaves_no_record(
    chip_run: tuple[Workspace, Path], described: Description, vectors: Vectors, tmp_path: Path
) -> None:
    x, y = vectors
    with pytest.raises(StageError, match="recorded inference: output 0 is"):
        record_activity(chip_run[1], described, x[0], y[0] + 1, tmp_path / "activity.npz")
    assert not any(tmp_path.iterdir())
