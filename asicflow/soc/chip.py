"""Assemble tops ``soc`` (processor, debug port, memories, peripherals, accelerator) and ``chip``: that in a shell.

The shell is a ring of pads, or the module of a shuttle's frame.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from asicflow.config import SocConfig
from asicflow.errors import StageError, UserError
from asicflow.pdk.frame import Frame
from asicflow.pdk.memory import MemoryRtl
from asicflow.pdk.pads import Pads, pad_models
from asicflow.resources import resource
from asicflow.soc.assemble import SOC_SCHEMA, Assembly, Engine, assemble, load_engine, rdl_parameters
from asicflow.soc.constraints import BOARD, write_sdc
from asicflow.soc.external import load_external, locate
from asicflow.soc.frame import frame_pins, write_frame, write_frame_socket
from asicflow.soc.ip import IpManifest, load_ip
from asicflow.soc.mapdocs import c_header, html_page
from asicflow.soc.matrix import write_matrix
from asicflow.soc.pads import (
    CHIP,
    INSIDE,
    SOCKET_FILE,
    Pins,
    chip_pins,
    pad_names,
    system_pins,
    write_chip,
    write_socket,
)
from asicflow.soc.rdl import WORD_BYTES
from asicflow.soc.scan import scan
from asicflow.soc.system import System, compile_system, constants, system_json
from asicflow.soc.wiring import BUS_MODULE, Top, Wiring, load_wiring, write_top

TOP = "soc"
ROM_BYTES = 2048
ROM_FILE = "bootrom.sv"
MODELS = "models"
"""Folder of simulation models: macros have no RTL."""
CPUS = {"armv6m": ("cpu_armv6m", 0), "arm-cortex-m0": ("cpu_cortex_m0", 1)}
"""Processor of the configuration: its IP, and its number in the system table."""
_FIRMWARE = ("firmware/bootrom", "firmware/bsp")


@dataclass(frozen=True)
class Chip:
    """Inputs of the assembly: the accelerator's, the ``soc`` section, the files of the memories, what is around it."""

    accel: Assembly
    soc: SocConfig
    ram: MemoryRtl
    shell: Pads | Frame | None = None

    @property
    def top(self) -> str:
        """The top module."""
        return self.shell.name if isinstance(self.shell, Frame) else CHIP if self.shell else TOP

    @property
    def addition(self) -> str:
        """What the system has besides, of the additions in ``soc.yaml``; "" for nothing."""
        return self.shell.addition if isinstance(self.shell, Frame) else ""

    def pins(self, wiring: Wiring) -> Pins:
        """The ports of the top."""
        if isinstance(self.shell, Frame):
            return frame_pins(self.shell)
        return chip_pins(wiring) if self.shell else system_pins(wiring)

    @property
    def cpu_files(self) -> list[Path]:
        """The licensed files, in place (UserError when the path is missing or is no such deliverable)."""
        external = load_ip(CPUS[self.soc.cpu][0]).external
        if external is None:
            return []
        if self.soc.cpu_path is None:
            raise UserError(
                f"cpu {self.soc.cpu} needs its licensed files",
                where="soc.cpu_path",
                hint="give the deliverable's folder",
            )
        return locate(load_external(external), self.soc.cpu_path)[1]


def assemble_soc(chip: Chip, out: Path) -> Top:
    """Write RTL, address map, headers, constraints and ``soc.json`` into ``out``.

    The boot ROM's contents are missing: the firmware stage writes them, because its
    program needs the headers.

    Raises
    ------
    UserError
        If a block, the map or the engine does not fit.
    """
    assemble(chip.accel, out / "accel")
    engine, wiring = load_engine(chip.accel.accel_dir), load_wiring(addition=chip.addition)
    if chip.shell:
        wiring = wiring.model_copy(update={"name": INSIDE})
    parameters = _parameters(chip, engine)
    system = compile_system(parameters)
    top = write_top(system, wiring, _values(chip, system), CPUS[chip.soc.cpu][0])
    rtl = out / "rtl"
    rtl.mkdir(parents=True, exist_ok=True)
    files = [f"accel/{name}" for name in json.loads((out / "accel" / "soc.json").read_text())["files"]]
    known = {Path(name).name for name in files}
    files += [f"rtl/{name}" for name in _write_rtl(chip, system, top, wiring, rtl) if name not in known]
    digest = build_hash([*(out / name for name in files), *chip.cpu_files], system)
    system = compile_system({**parameters, "BUILD_HASH": int(digest[:8], 16)})
    load_ip("system_table").write_generated(rtl, system.block("table").registers)
    (out / MODELS).mkdir(exist_ok=True)
    for path in _models(chip):
        shutil.copyfile(path, out / MODELS / path.name)
    if isinstance(chip.shell, Frame):
        (out / MODELS / SOCKET_FILE).write_text(write_frame_socket(wiring, chip.shell, TOP))
    elif chip.shell:
        (out / MODELS / SOCKET_FILE).write_text(write_socket(wiring, TOP))
    _write_documents(system, out)
    (out / f"{chip.top}.sdc").write_text(_constraints(chip, wiring))
    (out / "soc.json").write_text(json.dumps(_describe(chip, engine, wiring, files, digest), indent=2) + "\n")
    refused = scan([out])
    if refused:
        raise StageError(f"{refused[0].path.name} may not be copied: {refused[0].reason}", where=str(refused[0].path))
    return top


def _models(chip: Chip) -> list[Path]:
    return [*chip.ram.models, *(pad_models(chip.shell) if isinstance(chip.shell, Pads) else [])]


def _constraints(chip: Chip, wiring: Wiring) -> str:
    pins = chip.pins(wiring)
    driver = BOARD if isinstance(chip.shell, Pads) else chip.accel.driver
    return write_sdc(chip.top, pins.clock, pins.inputs, pins.outputs, chip.accel.period_ns, driver, pins.reset)


def build_hash(files: Iterable[Path], system: System) -> str:
    """Return the SHA-256 of everything in the chip: RTL, address map, sources of the boot ROM."""
    digest = hashlib.sha256(system_json(system).encode())
    sources = [path for folder in _FIRMWARE for path in sorted(resource(folder).rglob("*")) if path.is_file()]
    for path in (*sorted(files), *sources):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def clock_hz(period_ns: float) -> int:
    """Return the clock frequency in Hz."""
    return round(1e9 / period_ns)


def _parameters(chip: Chip, engine: Engine) -> dict[str, int]:
    return {
        **rdl_parameters(engine, chip.accel.model_sha256),
        "ROM_WORDS": ROM_BYTES // WORD_BYTES,
        "IMEM_WORDS": chip.soc.imem_bytes // WORD_BYTES,
        "DMEM_WORDS": chip.soc.dmem_bytes // WORD_BYTES,
        "CLOCK_HZ": clock_hz(chip.accel.period_ns),
        "CPU_KIND": CPUS[chip.soc.cpu][1],
    }


def _values(chip: Chip, system: System) -> dict[str, int]:
    """The numbers that ``soc.yaml`` names."""
    hertz = clock_hz(chip.accel.period_ns)

    def word_bits(name: str) -> int:
        return (system.memory(name).bytes // WORD_BYTES - 1).bit_length()

    no_reference = 1 << 25  # SysTick has no clock of its own
    return {
        "clock_hz": hertz,
        "systick_calibration": no_reference | max(0, hertz // 100 - 1) & 0xFFFFFF,  # 10 ms
        "irq_lines": 1 + max(block.irq or 0 for block in system.blocks),
        "irq_used": sum(1 << block.irq for block in system.blocks if block.irq is not None),
        "rom_word_bits": word_bits("bootrom"),
        "imem_word_bits": word_bits("imem"),
        "dmem_word_bits": word_bits("dmem"),
    }


def _write_rtl(chip: Chip, system: System, top: Top, wiring: Wiring, rtl: Path) -> list[str]:
    """Write every RTL file but the accelerator's; return the names, dependencies first, no file twice."""
    names: dict[str, None] = {}
    for manifest in top.ips:
        if manifest.name == "accel_socket":
            continue
        for path in _sources(manifest, chip):
            shutil.copyfile(path, rtl / path.name)
            names[path.name] = None
        maps = [block.registers for block in system.blocks if block.ip == manifest.name]
        for path in manifest.write_generated(rtl, maps[0]) if maps else []:
            names[path.name] = None
    (rtl / f"{BUS_MODULE}.sv").write_text(write_matrix(top.bus))
    (rtl / f"{wiring.name}.sv").write_text(top.text)
    files = [*names, f"{BUS_MODULE}.sv", f"{wiring.name}.sv"]
    if chip.shell:
        text = write_frame(wiring, chip.shell) if isinstance(chip.shell, Frame) else write_chip(wiring, chip.shell)
        (rtl / f"{chip.top}.sv").write_text(text)
        files.append(f"{chip.top}.sv")
    return files


def _sources(manifest: IpManifest, chip: Chip) -> list[Path]:
    if manifest.name == "soc_ram":
        return [chip.ram.wrapper]
    return [manifest.path(name) for name in manifest.rtl]


def _write_documents(system: System, out: Path) -> None:
    (out / "map.json").write_text(system_json(system))
    include, pages = out / "include", out / "registers"
    include.mkdir(exist_ok=True)
    pages.mkdir(exist_ok=True)
    maps = {block.ip: block.registers for block in system.blocks}
    for name, regmap in maps.items():
        (include / f"{name}.h").write_text(c_header(regmap))
        (pages / f"{name}.html").write_text(html_page(regmap))
    (include / "soc.h").write_text(_soc_header(system, sorted(maps)))


def _soc_header(system: System, blocks: list[str]) -> str:
    lines = [
        "/* SPDX-License-Identifier: Apache-2.0",
        " * Generated by asicflow from soc.rdl: the address map; addresses and sizes in bytes. */",
        "#ifndef ASICFLOW_SOC_H",
        "#define ASICFLOW_SOC_H",
        "",
        *(f'#include "{name}.h"' for name in blocks),
        "",
    ]
    for name, value, comment in constants(system):
        text = f"#define {name:<50} {value:#010x}u"
        lines.append(f"{text}  /* {comment} */" if comment else text)
    return "\n".join([*lines, "", "#endif /* ASICFLOW_SOC_H */", ""])


def _describe(chip: Chip, engine: Engine, wiring: Wiring, files: list[str], digest: str) -> dict[str, object]:
    pins = chip.pins(wiring)
    return {
        "schema": SOC_SCHEMA,
        "name": chip.accel.name,
        "top": chip.top,
        "files": files,
        "external_files": [str(path.resolve()) for path in chip.cpu_files],
        "firmware_files": [ROM_FILE],
        "sdc": f"{chip.top}.sdc",
        "pads": pad_names(wiring) if isinstance(chip.shell, Pads) else [],
        "clock": {
            "port": pins.clock,
            "period_ns": chip.accel.period_ns,
            "hz": clock_hz(chip.accel.period_ns),
        },
        "reset": {"port": pins.reset, "active_low": pins.reset_low, "async": True},
        "addition": chip.addition,
        "map": "map.json",
        "headers": "include",
        "cpu": chip.soc.cpu,
        "ram": chip.soc.ram,
        "models": [f"{MODELS}/{name}" for name in [p.name for p in _models(chip)] + [SOCKET_FILE] * bool(chip.shell)],
        "build_sha256": digest,
        "model_sha256": chip.accel.model_sha256,
        "engine": engine.model_dump(exclude={"files"}),
    }
