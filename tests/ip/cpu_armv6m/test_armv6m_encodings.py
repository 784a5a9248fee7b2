"""Every encoding is executed or refused as the architecture says."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from armv6m_bench import DATA, ENTER, KIND, NUMBER, RETIRE, Answer, Job, image, run

AT, HANDLER = 0x120, 0x180
STACK = DATA + 0x4000


def defined_narrow(half: int) -> bool:
    """Tell whether a 16-bit encoding is an instruction of Armv6-M (an empty register list is not)."""
    top = half >> 12
    if top == 0xB:
        kind = half >> 8 & 15
        if kind in (0, 2):
            return True
        if kind in (4, 12):
            return half & 0xFF != 0
        if kind in (5, 13):
            return True
        if kind == 6:
            return half >> 5 & 7 == 3
        if kind == 10:
            return half >> 6 & 3 != 2
        return kind == 15 and half & 15 == 0
    if top == 0xC:
        return half & 0xFF != 0
    if top == 0xD:
        return half >> 8 & 15 != 14
    return True


def defined_wide(first: int, second: int) -> bool:
    """Tell whether a 32-bit encoding is an instruction of Armv6-M."""
    if first >> 11 != 0b11110 or not second >> 15:
        return False
    op, op1 = first >> 4 & 0x7F, second >> 12 & 7
    if op1 & 0b101 == 0b101:
        return True  # BL
    if op1 & 0b101:
        return False
    if op >> 1 in (0b011100, 0b011111):
        return True  # MSR, MRS
    return op == 0b0111011 and second >> 4 & 15 in (4, 5, 6)


def place(*halves: int) -> Job:
    """Put one instruction behind code that makes every base address legal."""
    offset = 0x1000_4000 if halves[0] >> 12 == 5 else STACK
    code = {0: STACK & 0xFFFF, 2: STACK >> 16, 4: 0x101}
    for number in range(2, 16):
        code[4 * number] = HANDLER | 1
    at = 0x100
    for half in (0x4801 | 7 << 8, 0xE001, offset & 0xFFFF, offset >> 16):  # ldr r7, =offset past the literal
        code[at] = half
        at += 2
    code[0x100] = 0x4F00
    for reg in range(7):
        code[at] = 0x0038 | reg
        at += 2
    while at < AT:
        code[at] = 0xBF00
        at += 2
    for k, half in enumerate(halves):
        code[AT + 2 * k] = half
    code[HANDLER] = 0xE7FE
    return Job(image(code, 0x200), end=HANDLER, limit=110)


def executed(answer: Answer) -> bool:
    """Tell whether the instruction ended, or was refused by a HardFault; anything else is an error."""
    for row in answer.records:
        if row[KIND] == RETIRE and row[NUMBER] == AT:
            return True
        if row[KIND] == ENTER:
            assert row[NUMBER] == 3
            return False
    raise AssertionError("neither executed nor refused")


def check(core: Path, folder: Path, encodings: list[tuple[int, ...]], expected: list[bool]) -> None:
    jobs = [place(*halves) for halves in encodings]
    for answer, halves, want in zip(run(core, jobs, folder), encodings, expected, strict=True):
        assert executed(answer) == want, [hex(half) for half in halves]


def test_halfwords(core: Path, tmp_path: Path) -> None:
    """Every third 16-bit encoding of the classes with reserved places, and some of the others."""
    halves = [half for half in range(0xE800) if (half % 3 == 0 and half >> 12 in (4, 11, 13)) or half % 17 == 0]
    check(core, tmp_path, [(half,) for half in halves], [defined_narrow(half) for half in halves])


@pytest.mark.slow
def test_all_halfwords(core: Path, tmp_path: Path) -> None:
    """All 59392 encodings of 16 bits; the other 6144 halfwords start a 32-bit encoding."""
    halves = range(0xE800)
    check(core, tmp_path, [(half,) for half in halves], [defined_narrow(half) for half in halves])


def test_wide_encodings(core: Path, tmp_path: Path) -> None:
    """The classes of 32-bit encodings: each field at its values, and random ones."""
    draw = random.Random(1)
    seconds = (0x804F, 0x884F, 0x8F4F, 0xA04F, 0x004F)
    pairs = [(first, second) for first in range(0xE800, 0x10000, 16) for second in seconds]
    pairs += [(0xF3BF, 0x8F00 | option) for option in range(256)]
    pairs += [(0xF000 | draw.getrandbits(11), draw.getrandbits(16)) for _ in range(1500)]
    pairs += [(draw.randrange(0xE800, 0x10000), draw.getrandbits(16)) for _ in range(500)]
    check(core, tmp_path, list(pairs), [defined_wide(*pair) for pair in pairs])
    assert 200 < sum(defined_wide(*pair) for pair in pairs) < len(pairs) - 200
