"""The firmware's images: they fit, their stacks fit, their checksums hold, the ROM in the chip is the one built."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

from asicflow.errors import UserError
from asicflow.firmware.image import HEADER, IMAGE_MAGIC
from asicflow.firmware.rom import read_rom
from asicflow.firmware.stack import read_usage, stack_bound
from asicflow.firmware.stage import APP_ENTRIES, ROM_ENTRIES
from asicflow.signoff.context import GateContext
from asicflow.signoff.gates.boot import SystemGate
from asicflow.signoff.verdict import Finding, GateResult, Rows, UnverifiedError, verdict_of
from asicflow.soc.chip import ROM_FILE
from asicflow.soc.system import Memory, System, load_system

_VARIABLES_END = re.compile(r"^\s*0x([0-9a-f]+)\s+__bss_end = ", re.MULTILINE)


class FirmwareImageGate(SystemGate):
    """Binaries, flash images and stacks of the firmware, judged from the files themselves."""

    id = "firmware.image"
    title = "Programs and stacks fit, flash images hold their CRC"
    inputs = ("soc/map.json", "firmware/firmware.json")

    def run(self, context: GateContext) -> GateResult:
        """PASS when each program and its stack fit and ROM and flash images hold exactly the programs."""
        folder = context.path("firmware")
        system = load_system(context.path("soc/map.json"))
        findings: list[Finding] = []
        rows: Rows = []
        evidence: list[Path] = []
        sizes: list[int] = []
        stacks: list[int] = []
        for name, program in context.json("firmware/firmware.json")["programs"].items():
            binary = _read(folder / program["binary"])
            evidence.append(folder / program["binary"])
            in_rom = "flash_image" not in program
            memory = system.memory("bootrom" if in_rom else "imem")
            sizes.append(len(binary))
            stack, room = _stack(folder, name, ROM_ENTRIES if in_rom else APP_ENTRIES, system)
            stacks.append(stack)
            rows.append({"program": name, "bytes": len(binary), "of": memory.bytes, "stack": stack, "stack_room": room})
            if len(binary) > memory.bytes:
                findings.append(Finding(f"{name}: {len(binary)} bytes, {memory.name} has {memory.bytes}", "size"))
            if stack > room:
                findings.append(Finding(f"{name}: stack of {stack} bytes, {room} are left in DMEM", "stack"))
            if in_rom:
                findings += _rom_faults(folder / ROM_FILE, binary, memory)
            else:
                evidence.append(folder / program["flash_image"])
                image = _read(folder / program["flash_image"])
                findings += [Finding(f"{name}: {text}", "image") for text in image_faults(image, binary, memory)]
        if not rows:
            findings.append(Finding("firmware.json lists no program", "empty"))
        return GateResult(
            verdict_of(findings),
            f"{len(rows)} programs with their stacks, {len(findings)} fault{'' if len(findings) == 1 else 's'}",
            {"programs": len(rows), "largest_program": max(sizes, default=0), "largest_stack": max(stacks, default=0)},
            {"programs": rows},
            findings,
            evidence,
        )


def image_faults(image: bytes, binary: bytes, memory: Memory) -> list[str]:
    """What is wrong with a flash image of ``binary`` that is to be started in ``memory``."""
    head = 4 * len(HEADER)
    if len(image) < head:
        return [f"the image has {len(image)} bytes, its header {head}"]
    magic, length, load, entry, crc = struct.unpack(f"<{len(HEADER)}I", image[:head])
    program = image[head:]
    faults = []
    if magic != IMAGE_MAGIC:
        faults.append(f"magic {magic:#010x} instead of {IMAGE_MAGIC:#010x}")
    if length != len(program) or length % 4:
        faults.append(f"the header says {length} bytes, the image has {len(program)}")
    if not memory.base <= load <= load + length <= memory.base + memory.bytes:
        faults.append(f"{length} bytes at {load:#010x} do not lie in {memory.name}")
    if not (entry & 1 and load < entry < load + length):
        faults.append(f"the entry {entry:#010x} is no Thumb address in the program")
    if crc != (right := zlib.crc32(image[: head - 4] + program)):
        faults.append(f"CRC {crc:#010x} instead of {right:#010x}")
    if program != binary + bytes(-len(binary) % 4):
        faults.append("the image does not hold the program")
    return faults


def _rom_faults(path: Path, binary: bytes, memory: Memory) -> list[Finding]:
    if len(binary) > memory.bytes:
        return []
    try:
        held = read_rom(_read(path).decode(), memory.bytes)
    except UserError as error:
        return [Finding(f"{path.name}: {error.what}", "rom")]
    different = [k for k, (a, b) in enumerate(zip(held, binary.ljust(memory.bytes, b"\0"), strict=True)) if a != b]
    if not different:
        return []
    return [Finding(f"{path.name} does not hold the boot ROM's program, first at byte {different[0]:#x}", "rom")]


def _stack(folder: Path, name: str, entries: tuple[str, ...], system: System) -> tuple[int, int]:
    """Bytes of stack at most, and bytes of DMEM above the program's variables."""
    reports = sorted((folder / f"{name}.objects").glob("*.su"))
    if not reports:
        raise UnverifiedError(f"missing: firmware/{name}.objects/*.su", "run the firmware stage again")
    usage = read_usage(reports)
    stack = stack_bound(_read(folder / f"{name}.lst").decode(), usage, entries)
    end = _VARIABLES_END.search(_read(folder / f"{name}.map").decode())
    if end is None:
        raise UnverifiedError(f"{name}.map does not tell where the variables end", "run the firmware stage again")
    dmem = system.memory("dmem")
    return stack, dmem.base + dmem.bytes - int(end[1], 16)


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise UnverifiedError(f"missing: firmware/{path.name}", "run the firmware stage again")
    return path.read_bytes()
