"""A whole SoC around the test engine: RTL, boot ROM, programs, simulator."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tiny import Tiny, write_tiny

from asicflow.board.chip import describe
from asicflow.board.stage import board_of
from asicflow.config import Config, SocConfig
from asicflow.firmware.stage import run_firmware
from asicflow.pdk.memory import FLIPFLOPS, memory_rtl
from asicflow.soc.assemble import Assembly
from asicflow.soc.chip import Chip, assemble_soc
from asicflow.soc.constraints import Driver
from asicflow.soc.ip import load_ip
from asicflow.workspace import Workspace

PERIOD_NS = 20.0
DOUBLE = "deliverable/logical/cortexm0_integration/verilog"


def write_double(root: Path) -> Path:
    """Write the test double of the licensed processor, the own core inside, like a DesignStart deliverable."""
    folder = root / DOUBLE
    folder.mkdir(parents=True)
    core, wrapper = load_ip("cpu_armv6m"), load_ip("cpu_cortex_m0")
    (folder / "core.v").write_text("\n".join(core.path(path).read_text() for path in core.rtl))
    (folder / "CORTEXM0INTEGRATION.v").write_text(wrapper.path(wrapper.testbench[0]).read_text())
    return root


def write_chip(
    root: Path, soc: SocConfig | None = None, tiny: Tiny | None = None, technology: str = FLIPFLOPS
) -> Workspace:
    """Write model/, accel/ and soc/ of a chip below ``root``."""
    write_tiny(root, tiny or Tiny(), count=20)
    ws = Workspace(root)
    for path in sorted(ws.soc.rglob("*"), reverse=True):  # that of top accel
        path.unlink() if path.is_file() else path.rmdir()
    digest = hashlib.sha256((ws.model / "spec.json").read_bytes()).hexdigest()
    job = Assembly("tiny", ws.accel, digest, PERIOD_NS, Driver("buf", "X"))
    assemble_soc(Chip(job, soc or SocConfig(), memory_rtl(technology)), ws.soc)
    return ws


def build_chip(ws: Workspace) -> Path:
    """Build firmware and simulator; return the executable."""
    run_firmware(Config(), ws, lambda _: None)
    ws.sim.mkdir(exist_ok=True)
    return board_of(ws, describe(ws.soc, ws.firmware))
