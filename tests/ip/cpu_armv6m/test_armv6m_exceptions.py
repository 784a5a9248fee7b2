"""Exceptions: frames, priorities, faults, sleep; directed."""

from __future__ import annotations

from pathlib import Path

import pytest
from armv6m_bench import (
    BENCH,
    CYCLE,
    DATA,
    ENTER,
    FINISHED,
    IRQ,
    KIND,
    LIMIT,
    LOCKUP,
    NUMBER,
    START,
    TAIL,
    WAKE,
    Answer,
    run,
)
from armv6m_exceptions import Checker, Code, Seen, handler, job

ISER, ISPR, ICPR, IPR, ICSR = 0xE000E100, 0xE000E200, 0xE000E280, 0xE000E400, 0xE000ED04
SHPR2, SHPR3, SCR, VTOR = 0xE000ED1C, 0xE000ED20, 0xE000ED10, 0xE000ED08
BX_LR, NOP, WFI, WFE, SEV, CPSID, CPSIE = 0x4770, 0xBF00, 0xBF30, 0xBF20, 0xBF40, 0xB672, 0xB662
ISB = (0xF3BF, 0x8F6F)


def go(
    core: Path, folder: Path, main: Code, handlers: dict[int, Code] | None = None, **options: int
) -> tuple[Answer, Seen]:
    """Run from reset, check every entry and return."""
    (answer,) = run(core, [job(main, handlers, limit=5000, **options)], folder)
    priorities = {} if not handlers else {n: 0 for n in handlers if n > 15}
    return answer, Checker(answer, priorities).run()


def returning(number: int, *halves: int) -> Code:
    """A handler that spoils what the frame keeps, and returns."""
    return Code(handler(number)).put(*halves, 0x2000 | number, 0x2109, 0x4240, 0x4684, BX_LR)


def entered(answer: Answer) -> list[int]:
    """Return the exceptions in order of entry."""
    return [number for _, number in answer.events(ENTER)]


@pytest.mark.parametrize("waits", [0, 3])
def test_svc_returns_to_the_next_instruction(core: Path, tmp_path: Path, waits: int) -> None:
    answer, seen = go(core, tmp_path, Code().put(0x2011, 0xDF05).finish(7), {11: returning(11)}, waits=waits)
    assert (answer.status, answer.value, entered(answer)) == (FINISHED, 7, [11])
    assert seen.returns == 1


@pytest.mark.parametrize(("bit", "number"), [(28, 14), (26, 15), (31, 2)])
def test_icsr_makes_exceptions_pending(core: Path, tmp_path: Path, bit: int, number: int) -> None:
    answer, seen = go(core, tmp_path, Code().store(ICSR, 1 << bit).put(*ISB).finish(7), {number: returning(number)})
    assert (answer.value, entered(answer), seen.returns) == (7, [number], 1)


def test_icsr_clears_pending_exceptions(core: Path, tmp_path: Path) -> None:
    main = Code().put(CPSID).store(ICSR, 1 << 28).store(ICSR, 1 << 26).store(ICSR, 1 << 27).store(ICSR, 1 << 25)
    main.store(ISPR, 1).store(ISER, 1).store(ICPR, 1).put(CPSIE, *ISB).finish(7)
    answer, _ = go(core, tmp_path, main)
    assert (answer.value, entered(answer)) == (7, [])


@pytest.mark.parametrize("drop", [0, 4])
def test_process_stack_and_alignment(core: Path, tmp_path: Path, drop: int) -> None:
    main = Code().ldr(0, DATA + 0x4000 - drop).put(0xF380, 0x8809).put(0x2102, 0xF381, 0x8814, *ISB, 0xDF00).finish(7)
    answer, seen = go(core, tmp_path, main, {11: returning(11)})
    assert (answer.value, entered(answer), seen.returns) == (7, [11], 1)
    (start,) = (row for row in answer.records if row[KIND] == START)
    assert answer.records[-1][18] == DATA + 0x4000 - drop and start[18] == DATA + 0x4000 - 32 - (8 if drop else 0)


# Each: what to do before, the instruction, and where the fault is taken (relative to it).
FAULTS = {
    "udf": ((), (0xDE00,)),
    "udf.w": ((), (0xF7F0, 0xA000)),
    "bkpt": ((), (0xBE00,)),
    "cbz": ((), (0xB100,)),
    "it": ((), (0xBF08,)),
    "ldr unaligned": ((DATA + 2,), (0x6801,)),
    "ldrh unaligned": ((DATA + 1,), (0x8801,)),
    "str unaligned": ((DATA + 1,), (0x6001,)),
    "ldm unaligned": ((DATA + 2,), (0xC806,)),
    "stm unaligned": ((DATA + 2,), (0xC006,)),
    "ldr bus error": ((0x3000_0000,), (0x6801,)),
    "str bus error": ((0x3000_0000,), (0x6001,)),
    "ldm bus error": ((0x3000_0000,), (0xC806,)),
    "stm bus error": ((0x3000_0000,), (0xC006,)),
    "ldm runs into an error": ((DATA + 0xFFF8,), (0xC81E,)),
    "stm runs into an error": ((DATA + 0xFFF8,), (0xC01E,)),
    "byte access to the private peripheral bus": ((0xE000ED04,), (0x7801,)),
    "outside of the system control space": ((0xE0001000,), (0x6801,)),
}


@pytest.mark.parametrize("waits", [0, 2])
@pytest.mark.parametrize("name", FAULTS)
def test_faults_stop_at_their_instruction(core: Path, tmp_path: Path, name: str, waits: int) -> None:
    before, instruction = FAULTS[name]
    main = Code().put(NOP)
    for reg, value in enumerate(before):
        main.ldr(reg, value)
    address = main.at
    answer, _ = go(core, tmp_path, main.put(*instruction).finish(7), waits=waits)
    assert (answer.status, answer.value, entered(answer)) == (FINISHED, 0x103, [3])
    ((_, start),) = answer.events(START)
    assert start == address
    if before:
        assert answer.records[-1][3] == before[0], "the base register is not what it was"


@pytest.mark.parametrize("push", [True, False])
def test_failed_push_and_pop_restore_the_stack_pointer(core: Path, tmp_path: Path, push: bool) -> None:
    stack = DATA + 4 if push else DATA + 0xFFFC
    main = Code().ldr(0, stack).put(0xF380, 0x8809, 0x2102, 0xF381, 0x8814, *ISB, 0xB4FF if push else 0xBCF0)
    answer, _ = go(core, tmp_path, main)
    if push:  # The frame does not fit, either
        assert entered(answer) in ([3], [])
    else:
        assert entered(answer) == [3] and answer.records[-1][18] == stack - 32 - 4 & ~7


@pytest.mark.parametrize("target", [0x4000_0001, 0xA000_0001, 0xE000_E001, 0x3000_0001, 0x0000_0200])
def test_bad_branch_targets(core: Path, tmp_path: Path, target: int) -> None:
    """Regions that are not executable, a bus error, and a cleared T bit."""
    answer, _ = go(core, tmp_path, Code().ldr(0, target).put(0x4700))
    ((_, start),) = answer.events(START)
    assert answer.value == 0x103 and start == target & ~1


def test_svc_that_may_not_run_is_a_hard_fault(core: Path, tmp_path: Path) -> None:
    answer, _ = go(core, tmp_path, Code().put(CPSID, 0xDF00).finish(7))
    assert entered(answer) == [3]


def test_fault_in_hard_fault_locks_up(core: Path, tmp_path: Path) -> None:
    answer, _ = go(core, tmp_path, Code().put(NOP, 0xDE00), {3: Code(handler(3)).put(0xDE00)})
    assert (answer.status, entered(answer)) == (LOCKUP, [3])
    assert answer.cycles < 100


def test_nmi_ends_a_lockup(core: Path, tmp_path: Path) -> None:
    main = Code().put(NOP).store(BENCH + 0x1C, 1).store(BENCH + 0x14, 60).put(0xDE00)
    answer, _ = go(core, tmp_path, main, {3: Code(handler(3)).put(0xDE00)}, through_lockup=1)
    assert (answer.value, entered(answer)) == (0x102, [3, 2])
    assert answer.events(START)[1] == (START, 0xFFFF_FFFE)


def test_a_missing_stack_locks_up(core: Path, tmp_path: Path) -> None:
    main = Code().ldr(0, 0x3000_0000).put(0x4685, 0xDE00)
    answer, _ = go(core, tmp_path, main)
    assert answer.status == LOCKUP


def test_a_stacking_error_becomes_a_hard_fault(core: Path, tmp_path: Path) -> None:
    main = Code().ldr(0, 0x3000_0000).put(0x4685, 0xDF00)
    (answer,) = run(
        core,
        [job(main, {3: Code(handler(3)).ldr(0, DATA + 0x100).put(0x4685).finish(5)}, limit=3000)],
        tmp_path,
    )
    assert (answer.status, answer.value, entered(answer)) == (FINISHED, 5, [3])


def test_a_bad_vector_becomes_a_hard_fault(core: Path, tmp_path: Path) -> None:
    answer, _ = go(core, tmp_path, Code().store(VTOR, 0x3000_0000 & ~0xFF).put(0xDF00))
    assert answer.status == LOCKUP  # The vector of HardFault cannot be read, either


def test_vtor_moves_the_table(core: Path, tmp_path: Path) -> None:
    main = Code().store(DATA + 0x100 + 44, handler(14) | 1).store(VTOR, DATA + 0x100).put(0xDF00).finish(7)
    answer, _ = go(core, tmp_path, main, {14: returning(14)})
    assert (answer.value, entered(answer)) == (7, [11])


def test_tail_chaining(core: Path, tmp_path: Path) -> None:
    main = Code().put(CPSID).store(ISER, 0xF).store(ISPR, 0xE).put(CPSIE, *ISB).finish(7)
    answer, seen = go(core, tmp_path, main, {n: returning(n) for n in range(16, 20)})
    assert entered(answer) == [17, 18, 19]
    assert (len(answer.events(START)), seen.tails, seen.returns, answer.value) == (1, 2, 3, 7)


def test_late_arrival(core: Path, tmp_path: Path) -> None:
    """Line 0 (priority 0) comes while line 1 (priority 3) is being stacked: it is entered at once."""
    jobs = []
    for delay in range(1, 20):
        code = Code().store(IPR, 0xC000).store(ISER, 3).store(BENCH + 0x10, 1).ldr(4, BENCH)
        code.put(0x2500 | delay, 0x6165, 0x2502, 0x6025, *[NOP] * 20).finish(7)
        handlers = {16: Code(handler(16)).store(BENCH + 0x18, 1).put(*[NOP] * 4, BX_LR)}
        handlers[17] = Code(handler(17)).store(BENCH + 0x18, 2).put(*[NOP] * 4, BX_LR)
        jobs.append(job(code, handlers, limit=3000))
    late = 0
    for answer in run(core, jobs, tmp_path):
        Checker(answer, {16: 0, 17: 3}).run()
        assert sorted(entered(answer)) == [16, 17] and answer.value == 7
        kinds = [int(k) for k in answer.records[:, KIND] if k in (START, ENTER, IRQ, TAIL)]
        late += kinds[:5] == [IRQ, START, IRQ, ENTER, TAIL] and entered(answer) == [16, 17]
    assert late > 3


def test_four_deep(core: Path, tmp_path: Path) -> None:
    """Each handler raises the next higher priority; NMI and HardFault go on top."""
    main = Code().store(IPR, 0x004080C0).store(ISER, 0xF).store(ISPR, 1).put(*ISB).finish(7)
    nested = {
        n: Code(handler(n)).put(0xB510).store(ISPR, 2 << (n - 16)).put(*ISB, 0x2000, 0xBD10) for n in (16, 17, 18)
    }
    nested[19] = Code(handler(19)).put(0xB510).store(ICSR, 1 << 31).put(*ISB, 0xBD10)
    (answer,) = run(core, [job(main, {**nested, 2: returning(2)}, limit=5000)], tmp_path)
    seen = Checker(answer, {16: 3, 17: 2, 18: 1, 19: 0}).run()
    assert (entered(answer), seen.depth, seen.returns, answer.value) == ([16, 17, 18, 19, 2], 5, 5, 7)
    assert seen.tails == 0


def test_primask_holds_an_interrupt_back_and_wfi_wakes(core: Path, tmp_path: Path) -> None:
    main = Code().store(ISER, 1).put(CPSID).store(BENCH + 0x10, 1).store(BENCH + 0x14, 60).put(WFI, 0x2033)
    main.store(BENCH + 0x18, 1).put(CPSIE, *ISB).finish(7)
    answer, _ = go(core, tmp_path, main, {16: returning(16)})
    assert (answer.value, entered(answer)) == (7, [16])
    kinds = answer.records[:, KIND].tolist()
    assert kinds.index(WAKE) < kinds.index(ENTER) and answer.records[kinds.index(ENTER)][3] != 0


def test_wfe_waits_for_an_event(core: Path, tmp_path: Path) -> None:
    answer, _ = go(core, tmp_path, Code().put(SEV, WFE).finish(7))
    assert answer.value == 7
    asleep, _ = go(core, tmp_path, Code().put(SEV, WFE, WFE).finish(7))
    assert asleep.status == LIMIT
    main = Code().put(CPSID).store(SCR, 16).store(BENCH + 0x10, 1).store(BENCH + 0x14, 60).put(WFE).finish(7)
    pended, _ = go(core, tmp_path, main)
    assert pended.value == 7 and WAKE in pended.records[:, KIND]


def test_sleep_on_exit(core: Path, tmp_path: Path) -> None:
    main = Code().store(SCR, 2).put(0xDF00).finish(7)
    answer, seen = go(core, tmp_path, main, {11: returning(11)})
    assert answer.status == LIMIT and seen.returns == 1


def test_level_stays_pending_while_it_is_high(core: Path, tmp_path: Path) -> None:
    """The handler runs again after its return, until the line is low."""
    count = (
        Code(handler(16))
        .ldr(0, DATA)
        .put(0x6801, 0x3101, 0x6001, 0x2903, 0xDB03)
        .store(BENCH + 0x18, 1)
        .put(BX_LR, BX_LR)
    )
    main = (
        Code()
        .store(DATA, 0)
        .store(ISER, 1)
        .store(BENCH, 1)
        .put(*[NOP] * 100)
        .ldr(0, DATA)
        .put(0x6800)
        .ldr(1, BENCH + 0xC)
    )
    answer, _ = go(core, tmp_path, main.put(0x6008), {16: count})
    assert answer.value == 3


def test_systick_counts_and_interrupts(core: Path, tmp_path: Path) -> None:
    main = Code().store(0xE000E014, 49).store(0xE000E018, 0).store(0xE000E010, 7).put(*[NOP] * 220)
    answer, _ = go(core, tmp_path, main.finish(7), {15: returning(15)})
    rows = answer.records[(answer.records[:, KIND] == ENTER) & (answer.records[:, NUMBER] == 15)]
    assert len(rows) >= 4 and set((rows[1:, CYCLE] - rows[:-1, CYCLE]).tolist()) == {50}


def test_entry_takes_at_most_16_cycles(core: Path, tmp_path: Path) -> None:
    """From the cycle in which the line rises to the first instruction of the handler."""
    main = Code().store(ISER, 1).store(BENCH + 0x10, 1).store(BENCH + 0x14, 40).put(*[NOP] * 100).finish(7)
    answer, _ = go(core, tmp_path, main, {16: returning(16)})
    rows = answer.records
    line = next(int(row[CYCLE]) for row in rows if row[KIND] == IRQ)
    first = next(int(row[CYCLE]) for row in rows if row[KIND] == 0 and row[NUMBER] == handler(16))
    assert first - line <= 16
