"""The ``firmware`` stage: the boot ROM and the programs for one SoC."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from asicflow.config import Config
from asicflow.firmware.frame import frame_header
from asicflow.firmware.image import image_header, pack_image
from asicflow.firmware.rom import write_rom
from asicflow.firmware.toolchain import Program, build_program, compiler_version, memory_script
from asicflow.firmware.vectors import load_vectors, vectors_header
from asicflow.resources import resource
from asicflow.soc.chip import ROM_FILE
from asicflow.soc.system import System, load_system
from asicflow.workspace import Workspace

FIRMWARE_SCHEMA = "asicflow.firmware/1"
APPS = ("infer", "selftest", "memtest")
VECTORS_SHARE = 3  # of IMEM, at most one part in so many is for the vectors of selftest
_BSP = ("startup.S", "fault.c", "stdio.c", "accel.c", "mailbox.c", "memory.c")


def run_firmware(config: Config, ws: Workspace, progress: Callable[[str], None]) -> None:
    """Build the boot ROM and the applications.

    Reads ``soc/`` (address map and headers) and ``model/vectors.npz``; writes ``firmware/``: ``bootrom.sv``, programs
    (``.elf``, ``.bin``, ``.map``, ``.lst``), flash images and ``firmware.json``.

    Raises
    ------
    UserError
        If a program does not fit in its memory.
    ToolMissing, StageError
        If there is no compiler, or it refuses a file.
    """
    out, system = ws.firmware, load_system(ws.soc / "map.json")
    include = out / "include"
    include.mkdir(parents=True, exist_ok=True)
    (include / "image.h").write_text(image_header())
    (include / "frame.h").write_text(frame_header())
    x, y = load_vectors(ws.model / "vectors.npz")
    (include / "vectors.h").write_text(vectors_header(x, y, system.memory("imem").bytes // VECTORS_SHARE))
    (out / "memory.ld").write_text(memory_script(_memories(system)))
    rom = build_bootrom(ws.soc / "include", out)
    size = system.memory("bootrom").bytes
    (out / ROM_FILE).write_text(write_rom("bootrom", rom.binary, size))
    progress(f"boot ROM: {len(rom.binary)} of {size} bytes")
    described: dict[str, Any] = {"bootrom": _describe(rom, size)}
    for name in APPS:
        app = build_app(name, ws.soc / "include", out)
        image = pack_image(app.binary, app.load, app.entry)
        (out / f"{name}.flash.bin").write_bytes(image)
        size = system.memory("imem").bytes
        described[name] = {**_describe(app, size), "flash_image": f"{name}.flash.bin"}
        progress(f"{name}: {len(app.binary)} of {size} bytes")
    data = {"schema": FIRMWARE_SCHEMA, "compiler": compiler_version(), "programs": described}
    (out / "firmware.json").write_text(json.dumps(data, indent=2) + "\n")


def build_bootrom(headers: Path, out: Path) -> Program:
    """Build the boot ROM's program; ``headers`` are those of the SoC, ``out`` has ``memory.ld``."""
    folder, bsp = resource("firmware/bootrom"), resource("firmware/bsp")
    sources = [folder / "start.S", folder / "main.c", bsp / "stdio.c", bsp / "mailbox.c"]
    return _build("bootrom", sources, folder / "bootrom.ld", headers, out)


def build_app(name: str, headers: Path, out: Path) -> Program:
    """Build an application from ``firmware/apps``; see :func:`build_bootrom`."""
    bsp = resource("firmware/bsp")
    sources = [*(bsp / file for file in _BSP), *sorted(resource(f"firmware/apps/{name}").glob("*.c"))]
    return _build(name, sources, bsp / "app.ld", headers, out)


def _build(name: str, sources: Sequence[Path], script: Path, headers: Path, out: Path) -> Program:
    include = [headers, out / "include", resource("firmware/bsp")]
    return build_program(name, sources, script, include, out, out)


def _memories(system: System) -> dict[str, tuple[int, int, str]]:
    flags = {"r": "rx", "rw": "rwx"}
    return {m.name.upper(): (m.base, m.bytes, flags[m.access]) for m in system.memories}


def _describe(program: Program, available: int) -> dict[str, Any]:
    return {
        "elf": program.elf.name,
        "binary": program.elf.with_suffix(".bin").name,
        "bytes": len(program.binary),
        "available": available,
        "load": program.load,
        "entry": program.entry,
        "sha256": hashlib.sha256(program.binary).hexdigest(),
        "sections": program.sections,
        "symbols": _mailboxes(program.symbols),
        "sizes": _mailboxes(program.sizes),
    }


def _mailboxes(table: dict[str, int]) -> dict[str, int]:
    return {name: value for name, value in table.items() if name.startswith("mailbox_")}
