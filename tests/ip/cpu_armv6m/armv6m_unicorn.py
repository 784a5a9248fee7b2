"""Run the same programs on unicorn's Cortex-M0 model and compare."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from armv6m_bench import BYTES, CODE, DATA, LR, MASK, MSP, NUMBER, R0, XPSR, Answer, Job
from numpy.typing import NDArray
from unicorn import UC_ARCH_ARM, UC_HOOK_CODE, UC_HOOK_MEM_WRITE, UC_MODE_THUMB, Uc, UcError
from unicorn import arm_const as arm

REGISTERS = [
    *(getattr(arm, f"UC_ARM_REG_R{i}") for i in range(13)),
    arm.UC_ARM_REG_SP,
    arm.UC_ARM_REG_LR,
    arm.UC_ARM_REG_APSR,
]


@dataclass
class Reference:
    """``states`` (n + 1, 17): PC of instruction i and the registers before it; ``writes`` (n, 3)."""

    states: NDArray[np.uint32]
    writes: NDArray[np.uint32]
    error: str


def reference(job: Job, limit: int = 20_000) -> Reference:
    """Run a job from its reset vector to its end address (not including it)."""
    uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB)
    uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M0)
    uc.mem_map(CODE, BYTES)
    uc.mem_map(DATA, BYTES)
    uc.mem_map(0xE000E000, 0x1000)  # plain memory: enough for programs that set up interrupts
    uc.mem_write(CODE, job.code.tobytes())
    uc.mem_write(DATA, job.data.tobytes())
    for register in REGISTERS:
        uc.reg_write(register, 0)
    uc.reg_write(arm.UC_ARM_REG_SP, int(job.code[0]))
    states: list[tuple[int, ...]] = []
    writes: list[tuple[int, int, int]] = []
    read = uc.reg_read_batch

    def on_code(_uc: Uc, address: int, _size: int, _data: object) -> None:
        states.append((address, *read(REGISTERS)))

    def on_write(_uc: Uc, _access: int, address: int, size: int, value: int, _data: object) -> None:
        if address < 0xE000_0000:
            writes.append((address, size // 2, value & ((1 << 8 * size) - 1)))

    uc.hook_add(UC_HOOK_CODE, on_code)
    uc.hook_add(UC_HOOK_MEM_WRITE, on_write)
    error = ""
    try:
        uc.emu_start(int(job.code[1]), job.end, count=limit)
    except UcError as trouble:
        error = str(trouble)
    states.append((uc.reg_read(arm.UC_ARM_REG_PC), *read(REGISTERS)))
    return Reference(np.array(states, np.uint64).astype(np.uint32), np.array(writes, np.uint32).reshape(-1, 3), error)


def difference(answer: Answer, ref: Reference, skip: int) -> str:
    """Return the first difference in words, or an empty string.

    ``skip`` instructions at the start (which give every register a value) are not compared.
    """
    rows = answer.retired()
    n = len(ref.states) - 1
    if ref.error:
        return f"unicorn stopped: {ref.error}"
    count = min(n, len(rows))
    same_pc = rows[:count, NUMBER] == ref.states[:count, 0]
    psp = (rows[:count, MASK] & 2) != 0
    stack = np.where(psp, rows[:count, MSP + 2], rows[:count, MSP])
    got = np.column_stack([rows[:count, R0 : R0 + 13], stack, rows[:count, LR], rows[:count, XPSR] & 0xF000_0000])
    want = ref.states[1 : count + 1, 1:].copy()
    want[:, 15] &= 0xF000_0000
    differs = (got != want).any(axis=1)
    differs[:skip] = False
    bad = np.flatnonzero(~same_pc | differs)
    if len(bad):
        i = int(bad[0])
        if not same_pc[i]:
            return f"instruction {i}: PC {rows[i, NUMBER]:#x}, unicorn {ref.states[i, 0]:#x}"
        names = [*(f"R{k}" for k in range(13)), "SP", "LR", "APSR"]
        what = [f"{names[k]} {got[i, k]:#010x}, unicorn {want[i, k]:#010x}" for k in np.flatnonzero(got[i] != want[i])]
        return f"instruction {i} at {rows[i, NUMBER]:#x}: " + "; ".join(what)
    if len(rows) < n:
        return f"the core stopped after {len(rows)} of {n} instructions (status {answer.status})"
    if answer.writes[:, 1:].tolist() != ref.writes.tolist():
        for i, (a, b) in enumerate(zip(answer.writes[:, 1:].tolist(), ref.writes.tolist(), strict=False)):
            if a != b:
                return f"write {i}: {[hex(v) for v in a]}, unicorn {[hex(v) for v in b]}"
        return f"{len(answer.writes)} writes, unicorn {len(ref.writes)}"
    return ""
