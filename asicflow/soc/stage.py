"""The ``soc`` stage: from the engine to the design that becomes a layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from asicflow.config import Config
from asicflow.pdk import Library, load_pdk
from asicflow.pdk.frame import Frame, frame
from asicflow.pdk.memory import FLIPFLOPS, memory_rtl
from asicflow.pdk.pads import Pads, chip_slot, need_pads
from asicflow.soc.assemble import Assembly, assemble, load_engine
from asicflow.soc.chip import Chip, assemble_soc
from asicflow.soc.constraints import Driver
from asicflow.soc.plan import check_slot
from asicflow.workspace import Workspace, sha256


def run_soc(config: Config, ws: Workspace, progress: Callable[[str], None]) -> None:
    """Write the ``soc`` folder: RTL, ``map.json``, constraints, ``soc.json``.

    Reads ``model/spec.json`` (its hash names the network in the chip), ``accel/``
    and the PDK file; only a chip needs PDK data: it must fit its slot.

    Raises
    ------
    UserError
        If the engine does not fit the socket, the chip not its slot, or a file of an earlier stage is missing.
    """
    library = _library(config)
    weights = load_engine(ws.accel).weights
    period = config.clock.period_ns or library.clock_period_ns[config.top]
    job = Assembly(
        name=config.name,
        accel_dir=ws.accel,
        model_sha256=weights.architecture if weights else sha256(ws.model / "spec.json"),
        period_ns=period,
        driver=Driver(library.cells.driving_cell, library.cells.buffer_pins[1]),
    )
    ws.soc.mkdir(parents=True, exist_ok=True)
    if config.top != "accel":
        soc = config.soc
        shell = _shell(config, ws, progress) if config.top == "chip" else None
        sizes = f"IMEM {soc.imem_bytes}, DMEM {soc.dmem_bytes} bytes"
        progress(f"assembling {config.top}: {soc.cpu}, {sizes}, clock {period:g} ns")
        ram = memory_rtl(FLIPFLOPS if soc.ram == FLIPFLOPS else config.pdk.name)
        assemble_soc(Chip(job, soc, ram, shell), ws.soc)
    else:
        progress(f"assembling accel: AHB-Lite socket and engine, clock {period:g} ns")
        assemble(job, ws.soc)
    progress(f"wrote {ws.soc}")


def _shell(config: Config, ws: Workspace, progress: Callable[[str], None]) -> Pads | Frame:
    """The pads of a chip that fits its slot, or the slot's frame."""
    pdk = load_pdk(config.pdk.name, config.pdk.root or Path("."))
    slot = chip_slot(pdk, config.layout.slot)
    library = pdk.library(config.pdk.library, config.pdk.supply)
    place = check_slot(pdk, library, config.soc, slot, load_engine(ws.accel).area_nand2)
    share = place.logic_um2 / place.free_um2
    progress(f"slot {slot.name}: {len(place.macros)} memory macros, logic takes {share:.0%} of the rest")
    return frame(pdk, slot.frame) if slot.frame else need_pads(pdk)


def _library(config: Config) -> Library:
    pdk = load_pdk(config.pdk.name, config.pdk.root or Path("."))
    return pdk.library(config.pdk.library, config.pdk.supply)
