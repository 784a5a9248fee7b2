"""Lockstep of the core with unicorn on random programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from armv6m_bench import Answer, Job, run
from armv6m_program import Program, assemble, listing, random_program, shrink
from armv6m_unicorn import difference, reference


@dataclass
class Outcome:
    """Instructions and memory writes compared, and the first mismatch with its minimal program."""

    instructions: int = 0
    writes: int = 0
    programs: int = 0
    mismatch: str = ""


def _job(program: Program, waits: int) -> Job:
    return assemble(program, waits=waits)


def _compare(program: Program, job: Job, answer: Answer) -> tuple[str, int]:
    ref = reference(job)
    return difference(answer, ref, program.prefix), len(ref.states) - 1


def _minimal(executable: Path, program: Program, waits: int, folder: Path) -> str:
    def fails(candidate: Program) -> bool:
        job = _job(candidate, waits)
        (answer,) = run(executable, [job], folder)
        text, _ = _compare(candidate, job, answer)
        return bool(text) and not text.startswith("unicorn stopped")

    small = shrink(program, fails)
    job = _job(small, waits)
    (answer,) = run(executable, [job], folder)
    return f"{_compare(small, job, answer)[0]}\nprogram {small.seed}, {waits} wait states:\n{listing(small)}"


def lockstep(executable: Path, seeds: Sequence[int], folder: Path, draws: int = 110) -> Outcome:
    """Compare the programs of some seeds; stops at the first mismatch."""
    outcome = Outcome()
    programs = [random_program(seed, draws) for seed in seeds]
    waits = [(0, 1, 3)[seed % 3] for seed in seeds]
    jobs = [_job(program, wait) for program, wait in zip(programs, waits, strict=True)]
    answers = run(executable, jobs, folder)
    for program, wait, job, answer in zip(programs, waits, jobs, answers, strict=True):
        text, count = _compare(program, job, answer)
        outcome.programs += 1
        outcome.instructions += count
        outcome.writes += len(answer.writes)
        if text:
            outcome.mismatch = f"{text}\n{_minimal(executable, program, wait, folder)}"
            return outcome
    return outcome
