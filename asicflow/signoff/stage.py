"""The signoff stage: run every gate on the run directory and write the report."""

from __future__ import annotations

from collections.abc import Callable

from asicflow.config import Config
from asicflow.errors import UserError
from asicflow.pdk import load_pdk
from asicflow.pdk.config import Library, Pdk
from asicflow.pdk.frame import chip_frame
from asicflow.pdk.root import resolve
from asicflow.signoff.context import GateContext
from asicflow.signoff.evidence import build_evidence, write_evidence
from asicflow.signoff.pictures import draw_die, open_view
from asicflow.signoff.registry import all_gates
from asicflow.signoff.report import write_report
from asicflow.signoff.runner import run_gates
from asicflow.signoff.waivers import load_waivers
from asicflow.workspace import Workspace


def run_signoff(config: Config, ws: Workspace, progress: Callable[[str], None]) -> None:
    """Judge a run: ``signoff/evidence.json``, ``report.html`` and ``report.xml``.

    A failing gate is no error here; the exit code comes from the evidence.

    Parameters
    ----------
    config : Config
        The run's configuration.
    ws : Workspace
        Read everywhere, written in ``signoff/``.
    progress : callable
        Receives the title of each gate.

    Raises
    ------
    UserError
        If an installed gate cannot be loaded.
    """
    context = make_context(config, ws)
    records, left_out = run_gates(context, all_gates(), progress)
    progress("writing the report")
    _draw(context)
    write_evidence(ws.signoff / "evidence.json", build_evidence(context, records, left_out))
    write_report(ws)


def make_context(config: Config, ws: Workspace) -> GateContext:
    """Open a run directory for gates; without a PDK root the gates that need it are UNVERIFIED."""
    pdk, library = _pdk(config)
    waivers = load_waivers(config.signoff.waivers) if config.signoff.waivers else None
    return GateContext(ws.root, config, pdk, library, ws.manifest(), waivers)


def _pdk(config: Config) -> tuple[Pdk | None, Library | None]:
    try:
        root = config.pdk.root or resolve(config)
        pdk = load_pdk(config.pdk.name, root)
        library = pdk.library(config.pdk.library, config.pdk.supply)
        frame = chip_frame(pdk, config.top, config.layout.slot)
        return pdk, library.with_supplies(frame.power, frame.ground) if frame else library
    except UserError:
        return None, None


def _draw(context: GateContext) -> None:
    gds = context.path("layout/{top}.gds")
    if gds.is_file() and context.maybe_library is not None:
        draw_die(open_view(gds, context.maybe_library.layers), context.out / "pictures" / "die.png")
