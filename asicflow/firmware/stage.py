"""The ``firmware`` stage: the boot ROM and the programs for one SoC."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from asicflow.config import Config
from asicflow.errors import UserError
from asicflow.firmware.frame import frame_header
from asicflow.firmware.image import image_header, pack_image
from asicflow.firmware.rom import write_rom
from asicflow.firmware.stack import read_usage, stack_bound
from asicflow.firmware.toolchain import Program, build_program, compiler_version, memory_script
from asicflow.firmware.vectors import load_vectors, vectors_header, weights_header
from asicflow.resources import resource
from asicflow.soc.chip import ROM_FILE
from asicflow.soc.system import System, load_system
from asicflow.soc.testbench import load_weights
from asicflow.workspace import Workspace

FIRMWARE_SCHEMA = "asicflow.firmware/1"
APPS = ("infer", "selftest", "memtest")
ROM_ENTRIES = ("start", "fault_recover")
APP_ENTRIES = ("reset_handler",)
"""Functions of the boot ROM and of programs that start on an empty stack."""
VECTORS_SHARE = 3  # of IMEM, at most one part in so many is for the vectors of selftest
_BSP = ("startup.S", "fault.c", "stdio.c", "accel.c", "mailbox.c", "memory.c")


def run_firmware(config: Config, ws: Workspace, progress: Callable[[str], None]) -> None:
    """Build the boot ROM and the applications.

    Reads ``soc/`` (address map and headers) and ``model/vectors.npz``; writes ``firmware/``: ``bootrom.sv``, programs
    (``.elf``, ``.bin``, ``.map``, ``.lst``), flash images and ``firmware.json``.

    Raises
    ------
    UserError
        If a program or its stack does not fit in its memory.
    ToolMissing, StageError
        If there is no compiler, or it refuses a file.
    """
    described = build_firmware(ws.soc, ws.model / "vectors.npz", ws.firmware, progress)
    data = {"schema": FIRMWARE_SCHEMA, "compiler": compiler_version(), "programs": described}
    (ws.firmware / "firmware.json").write_text(json.dumps(data, indent=2) + "\n")


def build_firmware(soc_dir: Path, vectors: Path, out: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    """Build everything into ``out`` and return the description of the programs; see :func:`run_firmware`."""
    system = prepare(soc_dir, vectors, out)
    headers = soc_dir / "include"
    rom = build_bootrom(headers, out)
    size = system.memory("bootrom").bytes
    (out / ROM_FILE).write_text(write_rom("bootrom", rom.binary, size))
    described: dict[str, Any] = {"bootrom": _describe(rom, size, system, out, ROM_ENTRIES)}
    for name in APPS:
        described[name] = describe_app(build_app(name, headers, out), system, out)
    for name, program in described.items():
        progress(f"{name}: {program['bytes']} of {program['available']} bytes, stack at most {program['stack']}")
    return described


def prepare(soc_dir: Path, vectors: Path, out: Path) -> System:
    """Write the generated headers and ``memory.ld`` into ``out``; return the address map."""
    system = load_system(soc_dir / "map.json")
    include = out / "include"
    include.mkdir(parents=True, exist_ok=True)
    (include / "image.h").write_text(image_header())
    (include / "frame.h").write_text(frame_header())
    x, y = load_vectors(vectors)
    (include / "vectors.h").write_text(vectors_header(x, y, system.memory("imem").bytes // VECTORS_SHARE))
    (include / "weights.h").write_text(weights_header(load_weights(soc_dir / "accel")))
    (out / "memory.ld").write_text(memory_script(_memories(system)))
    return system


def describe_app(app: Program, system: System, out: Path) -> dict[str, Any]:
    """Write an application's flash image and return its description (UserError when its stack does not fit)."""
    image = f"{app.elf.stem}.flash.bin"
    (out / image).write_bytes(pack_image(app.binary, app.load, app.entry))
    described = _describe(app, system.memory("imem").bytes, system, out, APP_ENTRIES)
    return {**described, "flash_image": image}


def build_bootrom(headers: Path, out: Path) -> Program:
    """Build the boot ROM's program; ``headers`` are those of the SoC, ``out`` has ``memory.ld``."""
    folder, bsp = resource("firmware/bootrom"), resource("firmware/bsp")
    sources = [folder / "start.S", folder / "main.c", bsp / "stdio.c", bsp / "mailbox.c"]
    return _build("bootrom", sources, folder / "bootrom.ld", headers, out)


def build_app(name: str, headers: Path, out: Path, folder: Path | None = None) -> Program:
    """Build an application from ``folder`` (default: ``firmware/apps/<name>``); see :func:`build_bootrom`."""
    bsp = resource("firmware/bsp")
    own = sorted((folder or resource(f"firmware/apps/{name}")).glob("*.c"))
    if not own:
        raise UserError("there is no C file", where=str(folder))
    return _build(name, [*(bsp / file for file in _BSP), *own], bsp / "app.ld", headers, out)


def _build(name: str, sources: Sequence[Path], script: Path, headers: Path, out: Path) -> Program:
    include = [headers, out / "include", resource("firmware/bsp")]
    return build_program(name, sources, script, include, out, out)


def _memories(system: System) -> dict[str, tuple[int, int, str]]:
    flags = {"r": "rx", "rw": "rwx"}
    return {m.name.upper(): (m.base, m.bytes, flags[m.access]) for m in system.memories}


def _describe(program: Program, available: int, system: System, out: Path, entries: tuple[str, ...]) -> dict[str, Any]:
    name, dmem = program.elf.stem, system.memory("dmem")
    listing = (out / f"{name}.lst").read_text()
    stack = stack_bound(listing, read_usage(sorted((out / f"{name}.objects").glob("*.su"))), entries)
    room = dmem.base + dmem.bytes - program.symbols["__bss_end"]
    if stack > room:
        raise UserError(
            f"the stack of {name} does not fit in DMEM: {stack - room} bytes too many",
            where=str(program.elf),
            hint="make its variables or calls smaller, or the memory larger in asicflow.yaml (soc.dmem_bytes)",
        )
    return {
        "elf": program.elf.name,
        "binary": program.elf.with_suffix(".bin").name,
        "bytes": len(program.binary),
        "available": available,
        "stack": stack,
        "stack_room": room,
        "load": program.load,
        "entry": program.entry,
        "sha256": hashlib.sha256(program.binary).hexdigest(),
        "sections": program.sections,
        "symbols": _mailboxes(program.symbols),
        "sizes": _mailboxes(program.sizes),
    }


def _mailboxes(table: dict[str, int]) -> dict[str, int]:
    return {name: value for name, value in table.items() if name.startswith("mailbox_")}
