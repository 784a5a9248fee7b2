"""The engine: a mapped netlist in, a checked layout with all its files out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from asicflow.flow.pnr.design import Design, PnrResult, Progress
from asicflow.flow.pnr.options import PnrOptions, check_options
from asicflow.flow.pnr.router import RoutingStuck
from asicflow.pdk.config import Library

LOOSEN = 0.85
"""Factor on the utilisation when routing got stuck and the die may grow."""

ATTEMPTS = 4
"""Placements tried at falling utilisation; the last one is routed however crowded it looks."""

CROWDED = 0.95
"""Share of the tracks that the wires of the most crowded twentieth of the core may need."""


def implement(
    netlist: Path,
    top: str,
    library: Library,
    options: PnrOptions,
    outdir: Path,
    progress: Progress,
) -> PnrResult:
    """Place and route a mapped netlist; writes `<top>.{def,gds,lef,spef,v,pg.v}` and `layout.json`.

    Nothing is written unless the layout is complete: every net routed without conflict, and the connectivity
    extracted from the drawn layout equal to the netlist. Otherwise PnrError names the object and the place.
    A die of no given size grows when it turns out too full.
    """
    check_options(options)
    for last in (False,) * (ATTEMPTS - 1) + (True,):
        design = Design(netlist, top, library, options, progress)
        design.place()
        growing = not (options.die_area or options.pad_ring or last)
        use = design.crowding
        progress(f"place: wires need {use:.0%} of the tracks where they crowd most")
        if growing and use > CROWDED:
            options = _loosened(options, max(0.97 * CROWDED / use, LOOSEN) ** 2)
            progress(f"place: too crowded; again at {options.utilization:.0%} utilisation")
            continue
        try:
            design.route()
        except RoutingStuck as stuck:
            if not growing:
                raise design.with_picture(stuck, outdir) from None
            options = _loosened(options, LOOSEN)
            progress(f"route: {stuck.what}, {stuck.where}; again at {options.utilization:.0%} utilisation")
            continue
        return design.write(outdir)
    raise AssertionError("the last attempt returns or raises")


def _loosened(options: PnrOptions, factor: float) -> PnrOptions:
    return replace(options, utilization=options.utilization * factor)
