"""Compile programs for the core with arm-none-eabi-gcc."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
from armv6m_bench import END, Job, run

INSTALL = "apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi"
STARTUP = """
    .syntax unified
    .cpu cortex-m0
    .thumb
    .section .vectors, "a"
    .word 0x20008000, _start + 1
    .global _start, finish, results
    .equ results, 0x20000000
    .text
    .thumb_func
_start:
    movs r0, #0
    movs r1, r0
    movs r2, r0
    movs r3, r0
    movs r4, r0
    movs r5, r0
    movs r6, r0
    movs r7, r0
    mov r8, r0
    mov r9, r0
    mov r10, r0
    mov r11, r0
    mov r12, r0
    mov lr, r0
    bl main
finish:
    b finish
"""
LAYOUT = """
SECTIONS {
    . = 0; .text : { *(.vectors) *(.text*) *(.rodata*) }
    .data 0x20001000 (NOLOAD) : { *(.bss*) }
    /DISCARD/ : { *(.ARM.exidx*) }
}
"""
PROLOGUE = 14


def compile_c(folder: Path, name: str, *options: str) -> Job:
    """Compile a program of this folder and return it as a job; RuntimeError without the compiler."""
    if shutil.which("arm-none-eabi-gcc") is None:
        raise RuntimeError(f"arm-none-eabi-gcc is missing: {INSTALL}")
    (folder / "start.s").write_text(STARTUP)
    (folder / "layout.ld").write_text(LAYOUT)
    source = Path(__file__).with_name(name)
    gcc = [
        "arm-none-eabi-gcc",
        "-mcpu=cortex-m0",
        "-mthumb",
        "-masm-syntax-unified",
        *options,
        "-ffreestanding",
        "-nostdlib",
        "-T",
        "layout.ld",
    ]
    subprocess.run([*gcc, "start.s", str(source), "-lc", "-lgcc", "-o", "a.elf"], cwd=folder, check=True)
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", "a.elf", "a.bin"], cwd=folder, check=True)
    symbols = subprocess.run(["arm-none-eabi-nm", "a.elf"], cwd=folder, check=True, capture_output=True, text=True)
    (end,) = (int(line.split()[0], 16) for line in symbols.stdout.splitlines() if line.endswith(" finish"))
    binary = (folder / "a.bin").read_bytes()
    code = np.frombuffer(binary + bytes(-len(binary) % 4), np.uint32)
    return Job(code, np.zeros(64, np.uint32), end=end, limit=600_000)


def cycles_per_iteration(core: Path, folder: Path, level: str) -> float:
    """Return the cycles of one iteration of ``mix.c``, on memory without wait states."""
    folder.mkdir(parents=True, exist_ok=True)
    few, many = 2, 12
    jobs = [compile_c(folder, "mix.c", level, f"-DITERATIONS={count}") for count in (few, many)]
    for job in jobs:
        job.limit, job.trace = 10_000_000, 0
    short, long = run(core, jobs, folder)
    assert short.status == long.status == END
    return (long.cycles - short.cycles) / (many - few)
