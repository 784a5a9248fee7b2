"""Random interrupts over random programs: the programs do not notice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from armv6m_bench import ENTER, KIND, NUMBER, RETIRE, START, XPSR, Answer, Job, run
from armv6m_exceptions import Checker, Code, handler
from armv6m_program import START as PROGRAM
from armv6m_program import Item, Program, assemble, random_program
from armv6m_unicorn import difference, reference

LINES = range(16, 24)
PRIORITIES = {n: n % 4 for n in LINES}


def store_word(address: int, value: int) -> list[Item]:
    """Store a word through R0 and R1."""
    return [
        Item(f"ldr r0, ={address:#x}", load=0, literal=address),
        Item(f"ldr r1, ={value:#x}", load=1, literal=value),
        Item("str r1, [r0]", (0x6001,)),
    ]


def with_interrupts(seed: int) -> Program:
    """A random program that sets priorities and enables at its start, and never reads below the stack."""
    program = random_program(seed, 90, still_stack=True)
    bytes_ = [PRIORITIES[n] << 6 for n in LINES]
    setup = [
        item
        for k in range(2)
        for item in store_word(0xE000E400 + 4 * k, int.from_bytes(bytes_[4 * k : 4 * k + 4], "little"))
    ]
    setup += store_word(0xE000E100, 0xFF)
    moved = [
        item and replace(item, target=item.target + len(setup) if item.target >= 0 else -1) for item in program.items
    ]
    return Program((*setup, *moved), seed, program.prefix + len(setup))


def service(number: int) -> Code:
    """Spoil what the frame keeps; return in one of two ways."""
    spoil = (0x2000 | number, 0x2109, 0x2200, 0x43D2, 0x4684, 0x18C3)
    if number % 2:
        return Code(handler(number)).put(0xB510, *spoil, 0x2400, 0xBD10)
    return Code(handler(number)).put(*spoil, *[0xBF00] * (number % 5), 0x4770)


def interrupted(job: Job, rate: int) -> Job:
    """Return the job with handlers, and lines pulsed at random."""
    halves = np.zeros(0x4000 // 2, np.uint16)
    halves[: 2 * len(job.code)] = job.code.view(np.uint16)
    for number in LINES:
        halves[2 * number] = handler(number) | 1
        for address, half in service(number).halves.items():
            halves[address // 2] = half
    return replace(job, code=halves.view(np.uint32), rate=rate, lines=0xFF, limit=60_000)


def thread_only(answer: Answer, job: Job) -> Answer:
    """Return the trace without what handlers did."""
    rows = answer.records
    keep = (rows[:, KIND] == RETIRE) & (rows[:, NUMBER] >= PROGRAM) & (rows[:, NUMBER] <= job.end)
    return replace(answer, records=rows[keep & (rows[:, XPSR] & 0x3F == 0)])


def outside_frames(answer: Answer) -> np.ndarray:
    """Return the writes of thread code: not those between the start and the end of an exception."""
    rows = answer.records
    inside, depth = np.zeros(len(rows) + 1, bool), 0
    for i, row in enumerate(rows):
        inside[i] = depth > 0 or bool(row[XPSR] & 0x3F)
        depth = 1 if row[KIND] == START else 0 if row[KIND] == ENTER else depth
    inside[-1] = depth > 0
    return answer.writes[~inside[answer.writes[:, 0]]]


def test_programs_do_not_notice_interrupts(core: Path, tmp_path: Path) -> None:
    plain = [assemble(with_interrupts(seed), waits=seed % 3) for seed in range(60)]
    answers = run(core, [interrupted(job, 6 + 2 * (k % 6)) for k, job in enumerate(plain)], tmp_path)
    entries = tails = depth = 0
    for job, answer in zip(plain, answers, strict=True):
        seen = Checker(answer, PRIORITIES).run()
        entries, tails, depth = entries + seen.entries, tails + seen.tails, max(depth, seen.depth)
        thread = replace(thread_only(answer, job), writes=outside_frames(answer))
        assert not (text := difference(thread, reference(job), 40)), text
    assert entries > 600 and tails > 30 and depth == 4
