"""Run programs on the simulated core: jobs in, traces out."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asicflow.resources import resource
from asicflow.simulate import build_verilator

CODE, DATA, BENCH = 0x0000_0000, 0x2000_0000, 0x4000_0000
BYTES = 1 << 16
END, FINISHED, LIMIT, LOCKUP, VIOLATION = range(5)
RETIRE, ENTER, LEAVE, TAIL, START, IRQ, WAKE, RETURN = range(8)
CYCLE, KIND, NUMBER, R0, MSP, LR, PSP, XPSR, MASK = 0, 1, 2, 3, 16, 17, 18, 19, 20


def rtl() -> list[Path]:
    """Return the core's sources, the package first."""
    files = sorted((resource("ip/cpu_armv6m") / "rtl").glob("*.sv"))
    return sorted(files, key=lambda path: not path.stem.endswith("_pkg"))


def build(folder: Path, sources: Sequence[Path] | None = None, **parameters: int) -> Path:
    """Build the testbench in ``folder`` and return the executable."""
    tb = resource("ip/cpu_armv6m") / "tb"
    flags = [f"-G{key}={value}" for key, value in parameters.items()]
    return build_verilator(
        "cpu_armv6m_trace",
        [*(sources or rtl()), tb / "cpu_armv6m_trace.sv"],
        tb / "main.cpp",
        folder,
        args=[*flags, "-CFLAGS", "-std=c++20", "-CFLAGS", f"-I{tb}"],
    )


@dataclass
class Job:
    """One run from reset; addresses in bytes, ``end`` is the instruction that ends it."""

    code: NDArray[np.uint32]
    data: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))
    end: int = 0xFFFF_FFFF
    limit: int = 100_000
    waits: int = 0
    seed: int = 1
    rate: int = 0
    lines: int = 0
    trace: int = 1
    through_lockup: int = 0

    def words(self) -> NDArray[np.uint32]:
        """Return the job as the testbench reads it."""
        head = [len(self.code), len(self.data), self.end, self.limit, self.waits, self.seed]
        head += [self.rate, self.lines, self.trace, self.through_lockup, 0, 0]
        return np.concatenate([np.array(head, np.uint32), self.code, self.data])


@dataclass
class Answer:
    """What a job did: ``records`` (n, 22), ``writes`` (n, 4: record index, address, size, data)."""

    status: int
    value: int
    cycles: int
    transfers: int
    errors: int
    records: NDArray[np.uint32]
    writes: NDArray[np.uint32]
    output: NDArray[np.uint32]

    def retired(self) -> NDArray[np.uint32]:
        """Return the records of instructions."""
        return self.records[self.records[:, KIND] == RETIRE]

    def events(self, *kinds: int) -> list[tuple[int, int]]:
        """Return (kind, number) of all records of some kinds."""
        rows = self.records[np.isin(self.records[:, KIND], kinds)]
        return [(int(row[KIND]), int(row[NUMBER])) for row in rows]


def _answers(words: NDArray[np.uint32]) -> Iterator[Answer]:
    at = 0
    while at < len(words):
        status, value, cycles, records, writes, output, transfers, errors = (int(w) for w in words[at : at + 8])
        at += 8
        parts = []
        for count, width in ((records, 22), (writes, 4), (output, 1)):
            parts.append(words[at : at + count * width].reshape(count, width))
            at += count * width
        yield Answer(status, value, cycles, transfers, errors, parts[0], parts[1], parts[2].ravel())


def run(executable: Path, jobs: Sequence[Job], folder: Path) -> list[Answer]:
    """Run jobs; a violation of the bus protocol is an AssertionError."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs_file, answers_file = folder / "jobs.bin", folder / "answers.bin"
    jobs_file.write_bytes(b"".join(job.words().tobytes() for job in jobs))
    done = subprocess.run([str(executable), str(jobs_file), str(answers_file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answers = list(_answers(np.fromfile(answers_file, np.uint32)))
    assert len(answers) == len(jobs)
    assert all(answer.status != VIOLATION for answer in answers), done.stderr
    return answers


def image(code: dict[int, int], size: int = BYTES) -> NDArray[np.uint32]:
    """Return words from halfwords by address."""
    halves = np.zeros(size // 2, np.uint16)
    for address, half in code.items():
        halves[address // 2] = half
    return halves.view(np.uint32)
