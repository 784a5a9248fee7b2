"""Errors planted in the core are found by the short tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from armv6m_bench import FINISHED, build, rtl, run
from armv6m_exceptions import Code, handler, job
from armv6m_lockstep import lockstep

# What: file, right text, wrong text.
MUTANTS = {
    "carry of a subtraction": (
        "armv6m_alu.sv",
        "assign carry_o    = wide[33];",
        "assign carry_o    = wide[33] ^ invert_i;",
    ),
    "stack pointer after POP": (
        "armv6m_decode.sv",
        "imm_o[5:2] = count;\n        invert_o",
        "imm_o[5:2] = 4'd1;\n        invert_o",
    ),
}
LOST = ("armv6m_nvic.sv", "~(enter & here[16 + i])) | (ispr_i", "~enter) | (ispr_i")


def mutant(folder: Path, name: str, right: str, wrong: str) -> Path:
    """Build the core with one change."""
    sources = []
    for path in rtl():
        text = path.read_text()
        if path.name == name:
            assert right in text
            text = text.replace(right, wrong, 1)
        (folder / path.name).write_text(text)
        sources.append(folder / path.name)
    return build(folder / "sim", sources, Vtor=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_lockstep_finds_planted_errors_and_shrinks_the_program(tmp_path: Path, name: str) -> None:
    outcome = lockstep(mutant(tmp_path, *MUTANTS[name]), range(10), tmp_path / "run")
    assert outcome.mismatch
    assert len(outcome.mismatch.splitlines()) < 40, "the program is not minimal: " + outcome.mismatch


@pytest.mark.slow
def test_a_lost_interrupt_is_found(core: Path, tmp_path: Path) -> None:
    main = Code().put(0xB672).store(0xE000E100, 3).store(0xE000E200, 3).put(0xB662, 0xF3BF, 0x8F6F).finish(7)
    entries = []
    for executable in (core, mutant(tmp_path, *LOST)):
        handlers = {n: Code(handler(n)).put(0xBF00, 0x4770) for n in (16, 17)}
        (answer,) = run(executable, [job(main, handlers, limit=3000)], tmp_path / "run")
        assert answer.status == FINISHED
        entries.append([number for _, number in answer.events(1)])
    assert entries == [[16, 17], [16]]
