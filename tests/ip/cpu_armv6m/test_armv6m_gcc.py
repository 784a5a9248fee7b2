"""Programs of arm-none-eabi-gcc give the same results as on unicorn, at every optimisation level."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from armv6m_bench import DATA, END, run
from armv6m_gcc import PROLOGUE, compile_c, cycles_per_iteration
from armv6m_unicorn import difference, reference


@pytest.mark.slow
@pytest.mark.parametrize("level", ["-O0", "-O1", "-O2", "-O3", "-Os"])
@pytest.mark.parametrize(("name", "words"), [("program.c", 44), ("mix.c", 1)])
def test_compiled_program(core: Path, tmp_path: Path, name: str, words: int, level: str) -> None:
    job = compile_c(tmp_path, name, level)
    (answer,) = run(core, [job], tmp_path)
    ref = reference(job, limit=300_000)
    assert answer.status == END
    text = difference(answer, ref, PROLOGUE)
    assert not text, text
    results = {int(address) for _, address, _, _ in answer.writes if DATA <= address < DATA + 256}
    assert len(results) == words and len(ref.states) > 2000


@pytest.mark.slow
def test_cycles_of_the_benchmark(core: Path, tmp_path: Path) -> None:
    """65,802 with gcc 12.2."""
    assert cycles_per_iteration(core, tmp_path, "-O2") < 70_000


def last_words(writes: np.ndarray, count: int) -> list[int]:
    """Return what was written last to each of the first words of the results; the last column is the data."""
    words = {int(address): int(data) for address, _, data in writes[:, -3:]}
    return [words[DATA + 4 * k] for k in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("level", ["-O0", "-O2", "-Os"])
def test_threads_and_nested_interrupts(core: Path, tmp_path: Path, level: str) -> None:
    """Two threads that are switched every 700 cycles compute what unicorn computes one after the other."""
    switched = compile_c(tmp_path, "threads.c", level)
    switched.limit, switched.trace = 2_000_000, 0
    (answer,) = run(core, [switched], tmp_path)
    assert answer.status == END
    first, second, deepest, switches = last_words(answer.writes, 4)
    ref = reference(compile_c(tmp_path, "threads.c", level, "-DSEQUENTIAL"), limit=300_000)
    assert [first, second] == last_words(ref.writes, 2)
    assert deepest == 4 and switches > 20
