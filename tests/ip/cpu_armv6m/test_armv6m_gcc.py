"""Programs of arm-none-eabi-gcc give the same results as on unicorn, at every optimisation level."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from armv6m_bench import DATA, END, Job, run
from armv6m_unicorn import difference, reference

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
    .data 0x20001000 : { *(.data*) *(.bss*) }
}
"""
PROLOGUE = 14


def compile_c(folder: Path, level: str) -> Job:
    """Compile the program and return it as a job."""
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.fail(f"arm-none-eabi-gcc is missing: {INSTALL}")
    (folder / "start.s").write_text(STARTUP)
    (folder / "layout.ld").write_text(LAYOUT)
    source = Path(__file__).with_name("program.c")
    gcc = [
        "arm-none-eabi-gcc",
        "-mcpu=cortex-m0",
        "-mthumb",
        level,
        "-ffreestanding",
        "-nostdlib",
        "-T",
        "layout.ld",
    ]
    subprocess.run([*gcc, "start.s", str(source), "-lgcc", "-o", "a.elf"], cwd=folder, check=True)
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", "a.elf", "a.bin"], cwd=folder, check=True)
    symbols = subprocess.run(["arm-none-eabi-nm", "a.elf"], cwd=folder, check=True, capture_output=True, text=True)
    (end,) = (int(line.split()[0], 16) for line in symbols.stdout.splitlines() if line.endswith(" finish"))
    binary = (folder / "a.bin").read_bytes()
    code = np.frombuffer(binary + bytes(-len(binary) % 4), np.uint32)
    return Job(code, np.zeros(64, np.uint32), end=end, limit=600_000)


@pytest.mark.slow
@pytest.mark.parametrize("level", ["-O0", "-O1", "-O2", "-O3", "-Os"])
def test_compiled_program(core: Path, tmp_path: Path, level: str) -> None:
    job = compile_c(tmp_path, level)
    (answer,) = run(core, [job], tmp_path)
    ref = reference(job, limit=300_000)
    assert answer.status == END
    text = difference(answer, ref, PROLOGUE)
    assert not text, text
    results = {int(address) for _, address, _, _ in answer.writes if DATA <= address < DATA + 256}
    assert len(results) == 44 and len(ref.states) > 2000
