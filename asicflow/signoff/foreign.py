"""Judge a layout that asicflow did not make: a GDS and the netlist that it should be."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import klayout.db as kdb

from asicflow.config import Config, PdkConfig, SignoffConfig
from asicflow.errors import UserError
from asicflow.pdk import load_pdk
from asicflow.pdk.root import resolve
from asicflow.signoff.context import GateContext
from asicflow.signoff.evidence import build_evidence, write_evidence
from asicflow.signoff.pictures import draw_die, open_view
from asicflow.signoff.registry import all_gates
from asicflow.signoff.report import write_report
from asicflow.signoff.runner import run_gates
from asicflow.signoff.waivers import load_waivers
from asicflow.workspace import Workspace

_MODULE = re.compile(r"^\s*module\s+(\\\S+|[A-Za-z_]\w*)", re.MULTILINE)


@dataclass(frozen=True)
class ForeignLayout:
    """What the user hands over; ``placement`` names the instances, ``top`` defaults to the only top cell."""

    gds: Path
    netlist: Path
    pdk: str
    top: str | None = None
    placement: Path | None = None
    library: str | None = None
    supply: float | None = None
    pdk_root: Path | None = None
    waivers: Path | None = None
    drc_deck: Path | None = None


def judge_layout(given: ForeignLayout, ws: Workspace, progress: Callable[[str], None]) -> None:
    """Copy the files into a run directory, run every gate of a layout, write the report.

    Parameters
    ----------
    given : ForeignLayout
        The layout and what belongs to it.
    ws : Workspace
        The run directory.
    progress : callable
        Receives the title of each gate.

    Raises
    ------
    UserError
        If a file is missing, the GDS has no such top cell, or the netlist no such module.
    """
    for path in (given.gds, given.netlist, *filter(None, (given.placement,))):
        if not path.is_file():
            raise UserError(f"{path.name} cannot be read", where=str(path), hint="name an existing file")
    top = given.top or _only_top(given.gds)
    modules = _MODULE.findall(given.netlist.read_text(errors="replace"))
    if top not in modules:
        raise UserError(
            f"the netlist has no module {top}",
            where=str(given.netlist),
            hint=f"give --top; it has: {', '.join(modules[:8]) or 'no module'}",
        )
    name = re.sub(r"\W", "_", top)
    config = Config(
        name=name if name[0].isalpha() else f"top_{name}",
        pdk=PdkConfig(name=given.pdk, library=given.library, supply=given.supply),
        signoff=SignoffConfig(waivers=given.waivers, drc_deck=given.drc_deck),
    )
    root = resolve(config, flag=given.pdk_root)
    pdk = load_pdk(given.pdk, root)
    library = pdk.library(given.library, given.supply)
    ws.layout.mkdir(parents=True, exist_ok=True)
    copies = [(given.gds, f"{top}.gds"), (given.netlist, f"{top}.pg.v"), (given.netlist, f"{top}.v")]
    if given.placement is not None:
        copies.append((given.placement, f"{top}.def"))
    for source, target in copies:
        shutil.copyfile(source, ws.layout / target)
    waivers = load_waivers(given.waivers) if given.waivers else None
    context = GateContext(ws.root, config, pdk, library, waivers=waivers, foreign_top=top)
    records, left_out = run_gates(context, all_gates(), progress)
    draw_die(open_view(context.path("layout/{top}.gds"), library.layers), context.out / "pictures" / "die.png")
    write_evidence(ws.signoff / "evidence.json", build_evidence(context, records, left_out))
    write_report(ws)


def _only_top(gds: Path) -> str:
    layout = kdb.Layout()
    try:
        layout.read(str(gds))
    except RuntimeError as error:
        raise UserError(f"the layout cannot be read: {str(error).splitlines()[0]}", where=str(gds)) from error
    tops = [str(cell.name) for cell in layout.top_cells()]
    if len(tops) != 1:
        raise UserError(
            f"the layout has {len(tops)} top cells", where=str(gds), hint=f"give --top: {', '.join(tops[:8])}"
        )
    return tops[0]
