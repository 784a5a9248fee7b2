"""Antenna repair: long wires get diodes, and a diode that is taken away is missed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from beol import violations
from kits import Kit, random_netlist

from asicflow.flow.pnr import Design, PnrOptions
from asicflow.flow.pnr import design as design_module
from asicflow.flow.pnr.antenna import above, worst_pieces
from asicflow.flow.pnr.geometry import NetGeometry, PinLanding, ViaAt, Wire
from asicflow.flow.pnr.netlist import Instance, Net, Netlist
from asicflow.flow.pnr.technology import Technology, load_technology
from asicflow.pdk.lef import Macro, read_lef


def test_a_dropped_diode_is_noticed(sky: Kit, tmp_path: Path) -> None:
    source = tmp_path / "dut.v"
    source.write_text(random_netlist(sky, flops=24, gates=60))
    design = Design(source, "dut", sky.library, PnrOptions("clk", 40.0, die_area=(1200.0, 40.0)))
    design.place()
    design.route()
    assert design.diodes > 0 and design.connectivity.clean and violations(design.layout, sky.library) == {}
    assert above(worst_pieces(design.geometries, design.technology, design.macros)) == []
    diode, _ = sky.library.cells.antenna_diode
    without = []
    for geometry in design.geometries:
        kept = [x for x in geometry.landings if not (isinstance(x.pin, tuple) and x.pin[0].cell == diode)]
        without.append(replace(geometry, landings=kept))
    exposed = above(worst_pieces(without, design.technology, design.macros))
    assert exposed and all(c.ratio > c.limit for c in exposed)
    drained = {g.net for g, w in zip(design.geometries, without, strict=True) if len(g.landings) > len(w.landings)}
    assert {c.net for c in exposed} <= drained


def test_a_gate_that_no_diode_relieves_gets_a_buffer(sky: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Diodes that never come stand for diodes that the router joins too high."""
    monkeypatch.setattr(design_module, "add_diodes", lambda *_: None)
    source = tmp_path / "dut.v"
    source.write_text(random_netlist(sky, flops=24, gates=60))
    design = Design(source, "dut", sky.library, PnrOptions("clk", 40.0, die_area=(1200.0, 40.0)))
    design.place()
    design.route()
    assert design.antenna_buffers > 0 and design.connectivity.clean
    assert violations(design.layout, sky.library) == {}
    buffers = [i for name, i in design.netlist.instances.items() if name.startswith("antenna_buf")]
    assert len(buffers) == design.antenna_buffers
    behind = [b.pins[design.buffering.output_pin] for b in buffers]
    assert all(len(net.pins) == 2 for net in behind)
    left = above(worst_pieces(design.geometries, design.technology, design.macros))
    assert not {c.net for c in left} & set(behind)


def one_gate(sky: Kit) -> tuple[Technology, dict[str, Macro], int, Instance, Net]:
    """An inverter whose input is on a net; technology, cells, number of met1, both."""
    technology = load_technology(sky.library)
    low = next(layer.index for layer in technology.layers if layer.name == "met1")
    netlist = Netlist("dut")
    gate = netlist.add_instance("gate", "sky130_fd_sc_hd__inv_1")
    net = netlist.add_net("n")
    netlist.connect(gate, "A", net)
    return technology, read_lef(sky.library.lefs), low, gate, net


def test_metal_across_a_filled_gap_is_one_piece(sky: Kit) -> None:
    """Two wires on met1, joined over met2: their pads are nearer than the spacing and are drawn as one."""
    technology, macros, low, gate, net = one_gate(sky)

    def ratio(gap: int) -> float:
        wires = [Wire(low, 0, 0, 9_000, 0), Wire(low, 9_000, gap, 200_000, gap), Wire(low + 1, 9_000, 0, 9_000, gap)]
        vias = [ViaAt(low, 9_000, 0), ViaAt(low, 9_000, gap)]
        geometry = NetGeometry(net, wires, vias, [], [PinLanding((gate, "A"), low, 0, 0)])
        (piece,) = worst_pieces([geometry], technology, macros)
        assert piece.layer == "met1"
        return piece.ratio

    assert ratio(340) > 10 * ratio(680)


def test_metal_drawn_to_reach_a_pin_counts(sky: Kit) -> None:
    """The way to a pin of a macro is a patch; as metal it charges like a wire."""
    technology, macros, low, gate, net = one_gate(sky)

    def ratio(patches: list[tuple[int, int, int, int]]) -> float:
        landing = PinLanding((gate, "A"), low, 0, 0, patches)
        (piece,) = worst_pieces([NetGeometry(net, [Wire(low, 0, 0, 9_000, 0)], [], [], [landing])], technology, macros)
        return piece.ratio

    assert ratio([(0, -70, 90_000, 70)]) > 5 * ratio([])
