"""Legalisation: cells that grew find room near their places."""

from __future__ import annotations

from pathlib import Path

import pytest
from kits import make_kit, random_netlist

from asicflow.flow.pnr import PnrOptions, placement
from asicflow.flow.pnr.design import Design


def moved_by_growth(source: Path, pdk: str, pdk_root: Path) -> tuple[float, float]:
    """Mean distance in um that legalisation moves the cells when each sixth has grown; half-perimeter in mm after."""
    kit = make_kit(pdk, pdk_root)
    source.write_text(random_netlist(kit, flops=50, gates=400, seed=3))
    run = Design(source, "dut", kit.library, PnrOptions("clk", 1000.0, utilization=0.45), lambda line: None)
    run.place()
    for cell in list(run.netlist.instances.values())[::6]:
        larger = [c for c in run.models.family(cell.cell) if run.macros[c].width > run.macros[cell.cell].width]
        if larger and not cell.fixed:
            run.buffering.resize(cell, min(larger, key=lambda c: run.macros[c].width))
    was = {c: (c.x, c.y) for c in run.netlist.instances.values()}
    length = run.placer.legalise()
    return sum(abs(c.x - x) + abs(c.y - y) for c, (x, y) in was.items()) / len(was) / 1e3, length / 1e3


@pytest.mark.parametrize("pdk", ["sky130", "gf180"])
def test_cells_that_grew_find_room_near(
    pdk: str, pdk_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    near, short = moved_by_growth(tmp_path / "dut.v", pdk, pdk_root)
    monkeypatch.setattr(placement, "LEGAL_SHARE", 1.0)  # rows as full as after placement
    far, long = moved_by_growth(tmp_path / "dut.v", pdk, pdk_root)
    assert 0 < near < far and short < long
