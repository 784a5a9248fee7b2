"""The ``soc`` stage: from the engine to the design that becomes a layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from asicflow.config import Config
from asicflow.pdk import Library, load_pdk
from asicflow.pdk.memory import FLIPFLOPS, memory_rtl
from asicflow.soc.assemble import Assembly, assemble
from asicflow.soc.chip import Chip, assemble_soc
from asicflow.soc.constraints import Driver
from asicflow.workspace import Workspace, sha256


def run_soc(config: Config, ws: Workspace, progress: Callable[[str], None]) -> None:
    """Write the ``soc`` folder: RTL, ``map.json``, constraints, ``soc.json``.

    Reads ``model/spec.json`` (its hash names the network in the chip), ``accel/``
    and the PDK file; needs no PDK data.

    Raises
    ------
    UserError
        If the engine does not fit the socket, or a file of an earlier stage is missing.
    """
    library = _library(config)
    period = config.clock.period_ns or library.clock_period_ns[config.top]
    job = Assembly(
        name=config.name,
        accel_dir=ws.accel,
        model_sha256=sha256(ws.model / "spec.json"),
        period_ns=period,
        driver=Driver(library.cells.driving_cell, library.cells.buffer_pins[1]),
    )
    ws.soc.mkdir(parents=True, exist_ok=True)
    if config.top == "soc":
        soc = config.soc
        progress(f"assembling soc: {soc.cpu}, IMEM {soc.imem_bytes}, DMEM {soc.dmem_bytes} bytes, clock {period:g} ns")
        assemble_soc(Chip(job, soc, memory_rtl(FLIPFLOPS if soc.ram == FLIPFLOPS else config.pdk.name)), ws.soc)
    else:
        progress(f"assembling accel: AHB-Lite socket and engine, clock {period:g} ns")
        assemble(job, ws.soc)
    progress(f"wrote {ws.soc}")


def _library(config: Config) -> Library:
    pdk = load_pdk(config.pdk.name, config.pdk.root or Path("."))
    return pdk.library(config.pdk.library, config.pdk.supply)
