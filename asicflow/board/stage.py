"""The ``sim`` stage: the whole SoC boots in simulation and infers, by debug port and by program."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicflow.board.activity import record_activity
from asicflow.board.adp import LinkError
from asicflow.board.checks import write_checks
from asicflow.board.chip import Chip, Description, describe, exact
from asicflow.board.link import Link
from asicflow.board.lint import lint_soc
from asicflow.board.simulated import SimulatedBoard, Waveforms, build_board
from asicflow.board.wishbone import WishbonePort
from asicflow.config import Config
from asicflow.errors import StageError
from asicflow.firmware.image import BootMode
from asicflow.firmware.vectors import load_vectors
from asicflow.workspace import Workspace

SIM_SCHEMA = "asicflow.sim/2"
VECTORS = 5
_FLASH_BOOT_CYCLES = 1_000_000


def run_sim(config: Config, ws: Workspace, progress: Callable[[str], None]) -> None:
    """Lint and simulate the SoC; write ``sim/sim.json`` and ``sim/activity.npz``.

    Reads ``soc/``, ``firmware/`` and ``model/vectors.npz``.

    Raises
    ------
    StageError
        If the lint has a message, the chip does not boot, an inference differs from the golden
        model, an answer is lost or wrong, or the bus protocol is broken.
    ToolMissing
        Without Verilator or a C++ compiler.
    """
    described = describe(ws.soc, ws.firmware)
    sources = soc_sources(ws.soc, ws.firmware)
    waived = lint_soc(sources)
    progress(f"lint: clean, {len(waived)} waiver(s)")
    x, y = load_vectors(ws.model / "vectors.npz")
    progress("building the simulator")
    executable = board_of(ws, described)
    with SimulatedBoard(executable) as board:
        result = observe(board, described, x[:VECTORS], y[:VECTORS], progress)
    path = ws.sim / "sim.json"
    path.write_text(json.dumps(result | {"lint_waivers": waived}, indent=2) + "\n")
    for _, text in faults(result):
        raise StageError(text, where=str(path))
    progress(f"{result['cycles']} cycles at {result['kilohertz']:.0f} kHz, bus protocol kept on every port")
    recorded = record_activity(executable, described, x[0], y[0], ws.sim / "activity.npz")
    progress(f"activity of a boot and an inference recorded, {recorded} cycles")


def observe(
    board: SimulatedBoard,
    described: Description,
    x: NDArray[np.int64],
    y: NDArray[np.int64],
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Return the contents of ``sim.json``: what :func:`boot_and_infer` found, and ``failure``, empty when it ended."""
    result: dict[str, Any] = {"schema": SIM_SCHEMA, "failure": ""}
    try:
        result |= boot_and_infer(board, described, x, y, progress)
        result |= {"cycles": board.cycles, "kilohertz": round(board.cycles / board.seconds / 1e3, 1)}
    except (LinkError, StageError) as error:
        result["failure"] = error.what
    return result | {"protocol_breaches": board.messages()}


def faults(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the contents of ``sim.json`` say that went wrong: kind (``bus``, ``failure``, ``link``) and text.

    A simulated line loses nothing: whatever had to be asked for again is a fault.
    """
    found = [("bus", f"the bus protocol was broken: {text}") for text in result["protocol_breaches"]]
    if result["failure"]:
        return [*found, ("failure", result["failure"])]
    if "link" not in result:
        return [*found, ("link", "nothing tells how often answers had to be asked for again")]
    again = {name: result["link"][name] for name in ("retries", "misunderstood", "unanswered")}
    if any(again.values()):
        counts = ", ".join(f"{count} {name}" for name, count in again.items() if count)
        found.append(("link", f"answers were lost or wrong on a line that loses nothing: {counts}"))
    return found


def soc_sources(soc_dir: Path, firmware_dir: Path) -> list[Path]:
    """Return the files of a SoC in simulation: licensed files in place, RTL, models of memory macros, boot ROM."""
    data = json.loads((soc_dir / "soc.json").read_text())
    own = [soc_dir / name for name in (*data["files"], *data["models"])]
    external = [Path(name) for name in data["external_files"]]
    return [*external, *own, *(firmware_dir / name for name in data["firmware_files"])]


def board_of(ws: Workspace, described: Description, waveforms: Waveforms | None = None) -> Path:
    """Build the simulator of a run with the checks of its bus; return the executable (ToolMissing, StageError)."""
    addition = described.soc.get("addition", "")
    checks = write_checks(described.system, ws.sim, addition)
    folder = ws.sim / "build" / (waveforms or "")
    sources = soc_sources(ws.soc, ws.firmware)
    return build_board(sources, folder, checks=checks, waveforms=waveforms, host=bool(addition))


def boot_and_infer(
    board: SimulatedBoard,
    described: Description,
    x: NDArray[np.int64],
    y: NDArray[np.int64],
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Boot from the host and from flash, infer on both paths; x (N, n_in), y (N, n_out) golden.

    Raises
    ------
    LinkError
        If the chip does not answer as it must.
    StageError
        If an output differs.
    """
    board.flash(None)
    board.reset(BootMode.HOST)
    port = Link(board)
    board.run(2000)
    port.connect()
    chip = Chip(port, described)
    chip.identify()
    progress("system table: build and model are those of this run")
    banner = chip.boot_banner()
    progress("boot ROM: " + " | ".join(banner.split("\n")).strip(" |"))
    port.hold_cpu()
    cycles = [exact("debug port", chip.infer(a)[:2], b) for a, b in zip(x, y, strict=True)]
    progress(f"debug port, processor held: {len(x)} of {len(x)} inferences exact, {cycles[0]} cycles each")
    chip.load("infer")
    text = port.listen(200)
    answers = [chip.infer_by_program(a) for a in x]
    for answer, b in zip(answers, y, strict=True):
        exact("program", answer[:2], b)
    progress(f"program {text.strip()!r}: {len(x)} of {len(x)} exact, {answers[0][2]} cycles with data movement")
    again = _flash_boot(board, described, x[0], y[0])
    progress("boot from flash without a host: inference exact")
    outside = _from_outside(board, described, x, y, progress) if described.soc.get("addition", "") else {}
    return {
        "banner": banner,
        "debug_port": {"vectors": len(x), "exact": len(x), "engine_cycles": max(cycles)},
        "program": {"vectors": len(x), "exact": len(x), "cycles": max(a[2] for a in answers),
                    "greeting": text.strip()},
        "flash_boot": {"exact": 1}, **outside,
        "link": {name: count + again[name] for name, count in _counts(port).items()},
    }  # fmt: skip


def _counts(port: Link) -> dict[str, int]:
    return asdict(port.counts) | {"unanswered": port.unanswered}


def _flash_boot(
    board: SimulatedBoard, described: Description, x: NDArray[np.int64], y: NDArray[np.int64]
) -> dict[str, int]:
    """Boot from flash while nobody listens, then connect and infer; return the link's counts."""
    board.flash(described.firmware / described.programs["infer"]["flash_image"])
    board.reset(BootMode.FLASH)
    board.run(_FLASH_BOOT_CYCLES)
    port = Link(board)
    port.connect()
    chip = Chip(port, described)
    if (state := port.read(chip.register("sysctrl", "SCRATCH"))[0]) != 0:
        raise StageError(f"the boot from flash failed with {state:#010x}")
    if port.read(chip.register("sysctrl", "REMAP"))[0] != 1:
        raise StageError("the boot from flash did not start its program")
    answer = chip.infer_by_program(x)
    exact("program from flash", answer[:2], y)
    return _counts(port)


def _from_outside(
    board: SimulatedBoard,
    described: Description,
    x: NDArray[np.int64],
    y: NDArray[np.int64],
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """The frame's processor does it all by Wishbone: engine alone, then a program that it loads and starts."""
    board.flash(None)
    board.reset(BootMode.HOST)
    port = WishbonePort(board)
    board.run(2000)
    chip = Chip(port, described)
    chip.identify()
    port.hold_cpu()
    for a, b in zip(x, y, strict=True):
        exact("Wishbone", chip.infer(a)[:2], b)
    chip.load("infer")
    answer = chip.infer_by_program(x[0])
    exact("program over Wishbone", answer[:2], y[0])
    progress(f"Wishbone from outside: {len(x)} of {len(x)} exact, and one by a program loaded so")
    return {"wishbone": {"vectors": len(x) + 1, "exact": len(x) + 1}}
