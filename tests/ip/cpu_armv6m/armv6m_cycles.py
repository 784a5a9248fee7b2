"""Clock cycles of each class of instruction, measured on memory without wait states."""

from __future__ import annotations

from pathlib import Path

from armv6m_bench import CYCLE, DATA, IRQ, KIND, NUMBER, RETIRE, run
from armv6m_exceptions import Code, handler, job

NOP = 0xBF00
REPEAT = 16

# Class: halfwords of one instruction, the most cycles it may take.
CLASSES: dict[str, tuple[tuple[int, ...], int]] = {
    "ALU": ((0x1889,), 1),
    "shift": ((0x4099,), 1),
    "LDR": ((0x6801,), 2),
    "LDRB": ((0x7801,), 2),
    "STR": ((0x6001,), 2),
    "STRH": ((0x8001,), 2),
    "LDR literal": ((0x4900,), 2),
    "STM of 4": ((0xC01E,), 5),
    "LDM of 4": ((0xC81E,), 5),
    "LDM of 1": ((0xC802,), 2),
    "PUSH of 4": ((0xB41E,), 5),
    "POP of 4": ((0xBC1E,), 5),
    "B": ((0xE7FF,), 3),
    "B taken": ((0xD1FF,), 3),
    "B not taken": ((0xD0FF,), 1),
    "BL": ((0xF000, 0xF800), 4),
    "MRS": ((0xF3EF, 0x8100), 4),
    "MSR": ((0xF381, 0x8800), 4),
    "DSB": ((0xF3BF, 0x8F4F), 4),
    "ISB": ((0xF3BF, 0x8F6F), 4),
    "CPS": ((0xB662,), 1),
    "NOP": ((NOP,), 1),
}


def measure(core: Path, folder: Path, multiply: int) -> dict[str, tuple[float, int]]:
    """Return the mean cycles of each class in a row of equal ones, and the most that is allowed."""
    classes = {**CLASSES, "MUL": ((0x4351,), multiply)}
    jobs = []
    for halves, _ in classes.values():
        code = Code().ldr(0, DATA + 0x4000).ldr(1, 0x1234).ldr(2, 0x777).put(0x2303, NOP, *halves * REPEAT, NOP)
        jobs.append(job(code.finish()))
    result = {}
    for (name, (halves, most)), answer in zip(classes.items(), run(core, jobs, folder), strict=True):
        rows = answer.records[answer.records[:, KIND] == RETIRE]
        first = 0x10A  # The first of them; before it comes a NOP
        cycles = {int(row[NUMBER]): int(row[CYCLE]) for row in rows}
        after = first + 2 * len(halves) * REPEAT
        result[name] = ((cycles[after] - cycles[first - 2] - 1) / REPEAT, most)
    result["BX"] = (_spread(core, folder, (0x4770,)), 3)
    result["exception entry"] = (_entry(core, folder), 16)
    return result


def _spread(core: Path, folder: Path, halves: tuple[int, ...]) -> float:
    """Return the cycles of a jump through LR to an instruction behind it."""
    code = Code().ldr(0, 0x110 | 1).put(0x4686, NOP, *halves)
    while code.at < 0x110:
        code.put(NOP)
    (answer,) = run(core, [job(code.put(NOP).finish())], folder)
    cycles = {int(row[NUMBER]): int(row[CYCLE]) for row in answer.retired()}
    return cycles[0x110] - cycles[0x106]


def _entry(core: Path, folder: Path) -> float:
    """Return the cycles from a rising line to the first instruction of its handler, the longest of some."""
    worst = 0
    for delay in range(40, 48):
        code = Code().store(0xE000E100, 1).store(0x4000_0010, 1).store(0x4000_0014, delay).put(*[NOP] * 100).finish()
        (answer,) = run(core, [job(code, {16: Code(handler(16)).put(NOP, 0x4770)})], folder)
        line = next(int(row[CYCLE]) for row in answer.records if row[KIND] == IRQ)
        first = next(int(row[CYCLE]) for row in answer.retired() if row[NUMBER] == handler(16))
        worst = max(worst, first - line)
    return worst
