"""Antenna repair: long wires get diodes, and a diode that is taken away is missed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from beol import violations
from kits import Kit, random_netlist

from asicflow.flow.pnr import Design, PnrOptions
from asicflow.flow.pnr.antenna import find_charged


def test_a_dropped_diode_is_noticed(sky: Kit, tmp_path: Path) -> None:
    source = tmp_path / "dut.v"
    source.write_text(random_netlist(sky, flops=24, gates=60))
    design = Design(source, "dut", sky.library, PnrOptions("clk", 40.0, die_area=(1200.0, 40.0)))
    design.place()
    design.route()
    assert design.diodes > 0 and design.connectivity.clean and violations(design.layout, sky.library) == {}
    assert find_charged(design.geometries, design.technology, design.macros) == []
    diode, _ = sky.library.cells.antenna_diode
    without = []
    for geometry in design.geometries:
        kept = [x for x in geometry.landings if not (isinstance(x.pin, tuple) and x.pin[0].cell == diode)]
        without.append(replace(geometry, landings=kept))
    exposed = find_charged(without, design.technology, design.macros)
    assert exposed and all(c.ratio > c.limit for c in exposed)
    drained = {g.net for g, w in zip(design.geometries, without, strict=True) if len(g.landings) > len(w.landings)}
    assert {c.net for c in exposed} <= drained
