"""What timing finds on real wires is mended: nets beyond a limit get relief, early data after routing gets delay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from beol import violations
from kits import Kit, random_netlist

from asicflow.flow.pnr import Design, PnrOptions
from asicflow.flow.pnr import design as design_module
from asicflow.flow.pnr.netlist import Instance, Net, PnrError
from asicflow.flow.pnr.relief import far_sinks, relieve
from asicflow.flow.pnr.vacancies import Vacancies


def placed(kit: Kit, folder: Path, options: PnrOptions) -> Design:
    source = folder / "dut.v"
    source.write_text(random_netlist(kit, flops=24, gates=60))
    design = Design(source, "dut", kit.library, options, lambda line: None)
    design.place()
    return design


def tightened(design: Design, share: float) -> float:
    """The slowest transition at an input pin, ns; every limit becomes `share` of it."""
    timings = design._analyse(design.wires)
    pins = [(t, i, p) for t in timings for n in t.nets for i, p in n.pins if n not in design._clock_nets]
    slowest = max(e.slow for t, i, p in pins for e in t.arrival(i, p) if e)
    for corner in design.models.corners:
        for cell in corner.liberty.cells.values():
            for pin in cell.pins.values():
                pin.max_transition = share * slowest
    return slowest


def beyond(design: Design) -> set[Net]:
    return {net for t in design._analyse(design.wires) for net, _, _ in t.slew} - design._clock_nets


def test_nets_beyond_a_limit_are_cut_halfway(sky: Kit, tmp_path: Path) -> None:
    design = placed(sky, tmp_path, PnrOptions("clk", 40.0, die_area=(1600.0, 40.0)))
    assert beyond(design) == set() and relieve(design.buffering, design._analyse(design.wires), set()) == []
    tightened(design, 0.8)
    slow = beyond(design)
    assert slow
    far = {net: [s.pin for s in far_sinks(design.buffering, net)] for net in slow}
    driven = {net: design.buffering.source(net) for net in slow}
    buffers = relieve(design.buffering, design._analyse(design.wires), design._clock_nets)
    assert {b.pins[design.buffering.input_pin] for b in buffers} == slow and len(buffers) == len(slow)
    for buffer in buffers:
        net = buffer.pins[design.buffering.input_pin]
        behind = [p for p in buffer.pins[design.buffering.output_pin].pins if p[0] is not buffer]
        assert set(behind) <= set(far[net])
        ends = [s.place[0] for s in design.buffering.sinks(buffer.pins[design.buffering.output_pin])]
        assert min(driven[net][0], *ends) <= buffer.x + 5000 and buffer.x <= max(driven[net][0], *ends)
    for _ in range(3):
        design._legalise()
        if not relieve(design.buffering, design._analyse(design.wires), design._clock_nets):
            break
    assert not beyond(design) & slow


def test_nets_to_be_left_alone_stay(sky: Kit, tmp_path: Path) -> None:
    design = placed(sky, tmp_path, PnrOptions("clk", 40.0, die_area=(1600.0, 40.0)))
    tightened(design, 0.8)
    assert relieve(design.buffering, design._analyse(design.wires), set(design.netlist.nets.values())) == []


def routed_with_margin(kit: Kit, folder: Path, margin: float) -> Design:
    """Placed with hardly a hold margin; `margin` is asked of the routed wires."""
    design = placed(kit, folder, PnrOptions("clk", 40.0, utilization=0.4, hold_margin_ns=0.0))
    design.options = replace(design.options, hold_margin_ns=margin)
    design.route()
    return design


def hold(design: Design) -> float:
    return min(slack for t in design.timings if (slack := t.worst("hold")) is not None)


def test_early_data_on_routed_wires_is_delayed(sky: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mended = routed_with_margin(sky, tmp_path, 0.6)
    assert hold(mended) >= 0.6 and mended.connectivity.clean and violations(mended.layout, sky.library) == {}
    monkeypatch.setattr(design_module, "ROUTED_REPAIRS", 1)  # negative control: no repair follows
    left = routed_with_margin(sky, tmp_path, 0.6)
    assert hold(left) < 0.6

    def delays(design: Design) -> int:
        return sum(name.startswith("hold") for name in design.netlist.instances)

    assert delays(mended) > delays(left)


def test_a_cell_takes_the_nearest_gap_or_a_fillers_place(sky: Kit, tmp_path: Path) -> None:
    design = placed(sky, tmp_path, PnrOptions("clk", 40.0, utilization=0.4))
    design.route()
    macro = sky.library.cells.buffers[-1]
    with pytest.raises(PnrError, match="no room for a cell"):
        full = Vacancies(design.netlist, design.plan, design.macros, design.technology, [])
        full.put(Instance("x", macro), (0, 0))
    vacancies = design._vacancies()
    filler = max(design.fillers, key=lambda f: design.macros[f.cell].width)
    cell = Instance("y", macro)
    vacancies.put(cell, (filler.x, filler.y))
    others = [i for i in design.netlist.instances.values() if i not in design.fillers and i.row == cell.row]
    width = design.macros[macro].width
    assert all(o.x + design.macros[o.cell].width <= cell.x or cell.x + width <= o.x for o in others)
    assert abs(cell.x - filler.x) + abs(cell.y - filler.y) < 20_000
