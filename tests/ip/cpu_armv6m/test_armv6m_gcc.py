"""Programs of arm-none-eabi-gcc give the same results as on unicorn, at every optimisation level."""

from __future__ import annotations

from pathlib import Path

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
