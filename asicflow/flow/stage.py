"""The flow stage: from the RTL of ``soc/`` to the layout and its timing in ``layout/``."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from asicflow.config import Config
from asicflow.errors import StageError, ToolMissing, UserError
from asicflow.flow import sta, yosys
from asicflow.flow.job import Attempt, Job, publish
from asicflow.flow.settings import FlowSettings
from asicflow.pdk.block import BOXES, Block, black_boxes, memory_block
from asicflow.pdk.config import Library, Pdk, load_pdk, missing_files
from asicflow.pdk.frame import chip_frame, fixed_frame
from asicflow.pdk.memory import FLIPFLOPS, compose, macros
from asicflow.pdk.pads import pad_block, pad_ring
from asicflow.pdk.root import resolve
from asicflow.workspace import Workspace

log = logging.getLogger(__name__)

STRATEGIES = {"accel": ("area", "speed"), "soc": ("speed",), "chip": ("speed",)}
"""Ways to map, in the order in which they are tried, by top.

A processor's clock is limited by its adders: mapped for area, the whole system was slower on GF180, and no smaller
once its loads were repaired.
"""

HOLD_STEP_NS = 0.05
"""Extra margin when hold repair is asked for more."""


def run_flow(config: Config, ws: Workspace, progress: Callable[[str], None]) -> None:
    """Turn the design in ``soc/`` into a layout.

    SiliconCompiler runs the nodes in ``layout/sc`` and skips those whose inputs
    have not changed, so a run that was stopped goes on where it was.

    Parameters
    ----------
    config : Config
        PDK, clock and layout options.
    ws : Workspace
        Reads ``soc/soc.json``, writes ``layout/``.
    progress : callable
        Receives one line per step.

    Raises
    ------
    UserError
        If the PDK data is missing or the design cannot be laid out as asked.
    ToolMissing
        If a tool is not installed.
    StageError
        If a step fails; names the step and shows its last meaningful log lines.
    """
    engine = choose_engine(config)
    check_tools(engine)
    pdk, library = load_target(config, progress)
    soc = read_soc(ws.soc)
    blocks = memory_blocks(config, pdk, library)
    frame = fixed_frame(pdk, config.top, config.layout.slot)
    padded = config.top == "chip" and not frame
    settings = FlowSettings.create(
        config, pdk, library, top=soc["top"], sdc=ws.soc / soc["sdc"], clock_port=soc["clock"]["port"],
        period_ns=float(soc["clock"]["period_ns"]), blocks=blocks,
        pad_ring=pad_ring(pdk, config.layout.slot, soc["pads"], library.corners) if padded else None, frame=frame,
    )  # fmt: skip
    job = Job(settings, design_files(ws.root, pdk, ws.layout / "sc" / BOXES), ws.layout / "sc", engine, pdk, library)
    publish(close_timing(job, progress, STRATEGIES[config.top]), job, ws.layout)


def close_timing(job: Job, progress: Callable[[str], None], strategies: Sequence[str] = ("area", "speed")) -> Attempt:
    """Run the flow, and again where that can mend the timing.

    A missed clock is answered with the next of the strategies of synthesis, a hold violation with a wider
    margin for the engine's own hold repair, which works with estimates; both begin with the utilisation that the
    first attempt found routable.  Timing that is still missed is no error here: the timing gate judges.
    """
    best = job.run(strategies[0], progress)
    job = job.with_utilization(best.utilization)
    for strategy in strategies[1:]:
        if best.setup_slack_ns < 0:
            progress(f"the clock is missed by {-best.setup_slack_ns:.2f} ns: once more with faster gates")
            best = _better(best, job, strategy, progress, key=lambda attempt: attempt.setup_slack_ns)
    if best.hold_slack_ns < 0 and job.engine == "open":
        margin = job.settings.hold_margin_ns - best.hold_slack_ns + HOLD_STEP_NS
        progress(f"hold is missed by {-best.hold_slack_ns:.2f} ns: once more with {margin:.2f} ns of margin")
        wider = job.with_hold_margin(round(margin, 3))
        best = _better(best, wider, best.strategy, progress, key=lambda attempt: attempt.hold_slack_ns)
    return best


def _better(
    first: Attempt, job: Job, strategy: str, progress: Callable[[str], None], key: Callable[[Attempt], float]
) -> Attempt:
    """Run another attempt; return the better one, or the first when the other cannot be laid out."""
    try:
        second = job.run(strategy, progress)
    except StageError as error:
        log.warning("the second attempt could not be laid out: %s", error)
        return first
    return max(first, second, key=key)


def choose_engine(config: Config) -> str:
    """Return ``"open"`` or ``"openroad"``; ``auto`` means the engine that comes with asicflow."""
    return "openroad" if config.layout.engine == "openroad" else "open"


def check_tools(engine: str) -> None:
    """Raise ToolMissing before anything runs when a tool of the flow is not installed."""
    yosys.command()
    sta.version()
    if shutil.which("verilator") is None:
        raise ToolMissing("verilator", "apt-get install verilator")
    if engine == "openroad" and shutil.which("openroad") is None:
        raise ToolMissing(
            "openroad (24Q3 or later)",
            "see https://openroad.readthedocs.io, or set layout.engine to open in asicflow.yaml",
        )


def load_target(config: Config, progress: Callable[[str], None]) -> tuple[Pdk, Library]:
    """Return process and library, with every file in place.

    Raises
    ------
    UserError
        If files of the library are missing; names the first ones.
    """
    root = config.pdk.root or resolve(config, progress=progress)
    pdk = load_pdk(config.pdk.name, root)
    library = pdk.library(config.pdk.library, config.pdk.supply)
    missing = missing_files(library)
    if missing:
        names = ", ".join(str(path) for path in missing[:3])
        raise UserError(
            f"{len(missing)} file(s) of {library.name} are missing: {names}",
            where=str(pdk.root),
            hint="asicflow doctor lists every file a run needs",
        )
    return pdk, library


def memory_blocks(config: Config, pdk: Pdk, library: Library) -> tuple[Block, ...]:
    """Return the memory macros of the design.

    A corner that a macro's makers did not characterise takes the typical one's timing;
    ``layout.json`` names the Liberty file of every block and corner, and the timing gate says so.

    Raises
    ------
    UserError
        If a LEF or Liberty file is missing.
    """
    if config.top == "accel" or config.soc.ram == FLIPFLOPS:
        return ()
    used = {compose(pdk, size).macro.name for size in (config.soc.imem_bytes, config.soc.dmem_bytes)}
    found = []
    for macro in (m for m in macros(pdk) if m.name in used):
        for path in (macro.lef, *macro.liberty.values()):
            if not path.is_file():
                raise UserError(
                    f"a file of memory macro {macro.name} is missing",
                    where=str(path),
                    hint="complete the PDK root, or set soc.ram to flipflops",
                )
        known = [name for name in library.corners if name in macro.liberty]
        complete = len(known) == len(library.corners)
        stand_in = "" if complete else next(n for n, c in library.corners.items() if c is library.typical)
        found.append(memory_block(macro, library.corners, stand_in))
    return tuple(found)


def hard_macros(config: Config, pdk: Pdk, library: Library) -> tuple[Block, ...]:
    """Return the memory macros of the design, and the pads of a chip; see :func:`memory_blocks`."""
    blocks = memory_blocks(config, pdk, library)
    padded = config.top == "chip" and not chip_frame(pdk, config.top, config.layout.slot)
    return (*blocks, pad_block(pdk, library.corners)) if padded else blocks


def design_files(root: Path, pdk: Pdk, boxes: Path) -> list[Path]:
    """Return the RTL of a run in compilation order.

    The macros of the process get modules without contents, in the file ``boxes``.

    Raises
    ------
    StageError
        If the firmware stage did not leave what the design holds as logic.
    """
    soc = read_soc(root / "soc")
    files = [Path(path) for path in soc.get("external_files", [])]
    for name in soc.get("firmware_files", []):
        files.append(root / "firmware" / name)
        if not files[-1].is_file():
            raise StageError("the firmware stage has not run", where=str(files[-1]), hint="asicflow run")
    lefs = [macro.lef for macro in macros(pdk) if macro.lef.is_file()]
    if soc["top"] == "chip":
        lefs.append(pad_block(pdk, ()).lef)
    if soc["top"] != "accel" and lefs:
        boxes.parent.mkdir(parents=True, exist_ok=True)
        boxes.write_text(black_boxes(lefs))
        files.append(boxes)
    return [*files, *(root / "soc" / name for name in soc["files"])]


def read_soc(folder: Path) -> dict[str, Any]:
    """Return ``soc.json``.

    Raises
    ------
    StageError
        If it, or a file that it names, is not there.
    """
    path = folder / "soc.json"
    if not path.is_file():
        raise StageError("the soc stage has not run: soc.json is missing", where=str(folder), hint="asicflow run")
    data: dict[str, Any] = json.loads(path.read_text())
    for name in (*data["files"], data["sdc"]):
        if not (folder / name).is_file():
            raise StageError(f"soc.json names {name}, which is not there", where=str(folder))
    return data
