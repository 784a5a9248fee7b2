"""Hard macros: floorplans around them, all eight orientations routed clean, and wrong ones caught."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import klayout.db as kdb
import numpy as np
import pytest
from beol import violations
from kits import Kit, make_kit, random_netlist
from small_block import LIBERTY, lef, macro_of, write_block

from asicflow.flow.pnr import Block, BlockPlace, PnrError, PnrOptions, memory_block
from asicflow.flow.pnr.block_access import BlockAccess, StillMetal
from asicflow.flow.pnr.blocks import BlockPlan, block_plan, grown, read_blocks
from asicflow.flow.pnr.checks import Connectivity, check_layout
from asicflow.flow.pnr.design import Design
from asicflow.flow.pnr.floorplan import Floorplan, make_floorplan, place_pins
from asicflow.flow.pnr.grid import build_problem
from asicflow.flow.pnr.netlist import Instance, Netlist, PortDecl, read_netlist
from asicflow.flow.pnr.orientation import ORIENTATIONS, klayout_trans, outline, to_die
from asicflow.flow.pnr.power_grid import joined_rails
from asicflow.flow.pnr.relief import relieve
from asicflow.flow.pnr.technology import Technology, load_technology
from asicflow.flow.pnr.timing import CellModels
from asicflow.pdk import memory
from asicflow.pdk.config import load_pdk
from asicflow.pdk.lef import Macro, read_lef

UM = 1000


# --- orientation ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_one_transformation_serves_rectangles_and_gds(orientation: str) -> None:
    macro = Macro("m", width=700, height=300)
    instance = Instance("i", "m", x=1000, y=2000, orientation=orientation)
    trans = klayout_trans(instance, macro)
    for rect in ((0, 0, 700, 300), (10, 20, 60, 40), (650, 250, 700, 300)):
        box = trans * kdb.Box(*rect)
        assert to_die(rect, instance, macro) == (box.left, box.bottom, box.right, box.top)
    assert outline(instance, macro)[:2] == (1000, 2000)


def test_the_orientations_are_those_of_def() -> None:
    """The corner that was lower left, and the one that was lower right, of a macro of 2 x 1."""
    macro = Macro("m", width=2, height=1)
    expected = {
        "N": ((0, 0), (2, 0)), "S": ((2, 1), (0, 1)), "W": ((1, 0), (1, 2)), "E": ((0, 2), (0, 0)),
        "FN": ((2, 0), (0, 0)), "FS": ((0, 1), (2, 1)), "FW": ((0, 0), (0, 2)), "FE": ((1, 2), (1, 0)),
    }  # fmt: skip
    for name, corners in expected.items():
        instance = Instance("i", "m", orientation=name)
        assert tuple(to_die((x, 0, x, 0), instance, macro)[:2] for x in (0, 2)) == corners, name


# --- floorplan -----------------------------------------------------------------------------------------


@dataclass
class Parts:
    """What a floorplan needs."""

    kit: Kit
    technology: Technology
    cells: dict[str, Macro]
    block: Macro


@pytest.fixture(scope="module")
def parts(sky: Kit, tmp_path_factory: pytest.TempPathFactory) -> Parts:
    block = macro_of(lef(), tmp_path_factory.mktemp("lef"))
    return Parts(sky, load_technology(sky.library), read_lef(sky.library.lefs), block)


def planned(
    parts: Parts,
    count: int,
    places: dict[str, BlockPlace] | None = None,
    die: tuple[float, float] | None = None,
    halo: float = 5.0,
    cells_um2: int = 4000,
    block: Macro | None = None,
) -> tuple[Floorplan, BlockPlan, Netlist]:
    block = block or parts.block
    netlist = Netlist("top")
    for k in range(count):
        netlist.add_instance(f"ram{k}", "small")
    blocks = block_plan(netlist, {"small": block}, parts.technology, halo, places or {})
    macros = {**parts.cells, "small": block}
    plan = make_floorplan(
        cells_um2 * UM * UM, parts.technology, 0.5, 1.0, die, parts.kit.library, macros, blocks
    )  # fmt: skip
    return plan, blocks, netlist


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_automatic_places_are_apart_and_rows_keep_the_halo(parts: Parts, count: int) -> None:
    plan, blocks, _ = planned(parts, count)
    rects = [blocks.outline(i) for i in blocks.instances]
    for k, (x1, y1, x2, y2) in enumerate(rects):
        assert plan.core[0] <= x1 and plan.core[1] <= y1 and x2 <= plan.core[2] and y2 <= plan.core[3]
        for a in rects[k + 1 :]:
            assert (kdb.Box(*a) & kdb.Box(x1, y1, x2, y2)).empty()
    halos = [kdb.Box(*blocks.keepout(i)) for i in blocks.instances]
    height = parts.technology.row_height
    for row, spans in enumerate(plan.segments):
        y = plan.row_y(row, height)
        for left, right in spans:
            inside = kdb.Box(left + 1, y + 1, right - 1, y + height - 1)
            assert not any(inside.overlaps(h) for h in halos)
    assert plan.row_length * height >= 8000 * UM * UM


def test_every_row_segment_has_straps_of_both_nets_that_are_joined(parts: Parts) -> None:
    """Also in channels that the regular straps miss."""
    places = {"ram0": BlockPlace(30, 30), "ram1": BlockPlace(112, 30, "FN")}
    plan, _, _ = planned(parts, 2, places, die=(260.0, 180.0))
    joined: set[tuple[int, bool]] = set()
    for strap in plan.straps:
        rails = joined_rails(strap, plan.segments, plan.core[1], parts.technology)
        assert rails
        for rail in rails:
            joined |= {(row, strap.power) for row in (rail - 1, rail)}
    height = parts.technology.row_height
    for row, spans in enumerate(plan.segments):
        for left, right in spans:
            for power in (True, False):
                hits = [
                    s
                    for s in plan.straps
                    if s.power == power and left < s.x < right
                    and s.bottom <= plan.row_y(row + 1, height) and s.top >= plan.row_y(row, height)
                ]  # fmt: skip
                assert hits or (right - left > 0 and (row, power) in joined), (row, left, right)


def test_the_signal_pins_face_the_core(parts: Parts) -> None:
    """Most pins are on the south side: a block at the lower edge is turned over, one at the upper is not."""
    _, blocks, _ = planned(parts, 6)
    turns = {(i.y < 100 * UM, i.orientation) for i in blocks.instances}
    assert (True, "FS") in turns
    assert all(turn == ("FS" if low else "N") for low, turn in turns)


@pytest.mark.parametrize(
    ("places", "die", "message"),
    [
        ({"ram0": BlockPlace(40, 40), "ram1": BlockPlace(80, 60)}, (250, 250), "blocks ram0 and ram1 overlap"),
        ({"ram0": BlockPlace(40.003, 40)}, (250, 250), "ram0 is off the manufacturing grid"),
        ({"ram0": BlockPlace(220, 40)}, (250, 250), "ram0 leaves the core"),
        ({"ram0": BlockPlace(1, 40)}, (250, 250), "ram0 leaves the core"),
        ({"ram7": BlockPlace(40, 40)}, (250, 250), "no block instance ram7"),
        ({"ram0": BlockPlace(40, 40, "R90")}, (250, 250), "unknown orientation 'R90' of block ram0"),
        ({}, (100, 100), "block ram[01] of 50.0 x 44.0 um does not fit"),
        ({}, (190, 190), "the cells need 30000 um2"),
    ],
)
def test_impossible_floorplans_name_the_block_and_the_place(
    parts: Parts, places: dict[str, BlockPlace], die: tuple[float, float], message: str
) -> None:
    with pytest.raises(PnrError, match=message) as caught:
        planned(parts, 2, places, die, cells_um2=30000 if "cells" in message else 2000)
    assert caught.value.where and caught.value.hint


def test_supply_pins_that_no_strap_reaches_are_named(parts: Parts, tmp_path: Path) -> None:
    """Power on the layer below the cells' rails cannot be hooked up."""
    text = re.sub(r"(PIN vgg.*?LAYER )met3(.*?LAYER )met2", r"\1li1\2li1", lef(), flags=re.DOTALL)
    with pytest.raises(PnrError, match=r"supply pin ram0.vgg of block small") as caught:
        planned(parts, 1, block=macro_of(text, tmp_path))
    assert "li1" in str(caught.value.where)


def test_a_pin_behind_obstructions_is_named(parts: Parts, tmp_path: Path) -> None:
    wall = "LAYER met2 ; RECT 7 -6 13 -0.3 ; RECT 7 -1 8.9 2 ; RECT 9.6 -1 13 2 ; RECT 7 1.2 13 2 ;\n"
    block = macro_of(lef(extra=wall), tmp_path)
    plan, _, netlist = planned(parts, 1, {"ram0": BlockPlace(60, 60)}, (220, 220), block=block)
    ram = netlist.instances["ram0"]
    netlist.declarations.append(PortDecl("clk", "input"))
    for pin in ("clk", "d[0]"):
        netlist.connect(ram, pin, netlist.add_net(pin))
    place_pins(plan, [], parts.technology)
    with pytest.raises(PnrError, match=r"pin ram0.clk of block small has no legal access") as caught:
        build_problem(netlist, plan, {"small": block}, parts.technology, {})
    assert "met2" in str(caught.value) and caught.value.where


def test_ways_to_a_pin_end_where_the_next_layer_is_free(parts: Parts) -> None:
    """A node that a net can only leave along the block's edge is taken when there is no other."""
    plan, blocks, _ = planned(parts, 1)
    instance, macro = blocks.instances[0], parts.block
    pin = next(p for p in macro.pins.values() if not p.is_power)
    shape = (len(parts.technology.layers), plan.lines, plan.columns)
    free, nothing = np.ones(shape, bool), StillMetal(np.zeros((0, 4), np.int64), np.zeros(0, np.int64))
    access = BlockAccess(parts.technology, free, np.zeros(shape, np.uint8), [nothing] * shape[0])

    def ways() -> list[tuple[int, int, int]]:
        return [(layer, c.line, c.column) for layer, c in access.find(instance, macro, pin.name, 0).ways]

    nearest = ways()[:4]
    for layer, line, column in nearest:
        free[layer + 1, line, column] = False
    others = ways()
    assert others and not set(others) & set(nearest)
    assert all(free[layer + 1, line, column] for layer, line, column in others)
    free[nearest[0][0] + 1 :] = False
    assert set(nearest) & set(ways())


def test_block_files_must_be_complete(sky: Kit, tmp_path: Path) -> None:
    block = write_block(tmp_path, sky.library)
    corners = list(sky.library.corners)
    with pytest.raises(PnrError, match="defined twice"):
        read_blocks([block, block], corners)
    with pytest.raises(PnrError, match=f"no Liberty file for the corner {corners[1]}"):
        read_blocks([Block(block.lef, {corners[0]: block.lef})], corners)


def test_limits_of_a_block_count_in_the_transition_times_of_the_cells(sky: Kit, pdk_root: Path) -> None:
    """OpenRAM measures from 10 to 90 %, the cells from 20 to 80 %: 0.5 ns at a clock pin are 0.375 ns for a cell."""
    macro = memory.macros(load_pdk("sky130", pdk_root))[0]
    models = CellModels(sky.library, {}, [memory_block(macro, sky.library.corners, stand_in="typical")])
    for corner in models.corners:
        pins = corner.liberty.cells[macro.name].pins
        assert [pins[p].max_transition for p in ("clk0", "addr0[0]")] == pytest.approx([0.375, 0.03]), corner.name


# --- whole layouts -------------------------------------------------------------------------------------


@dataclass
class Built:
    """A finished run."""

    kit: Kit
    run: Design
    folder: Path
    metrics: dict[str, object]


def eight_blocks(kit: Kit) -> str:
    """Blocks in a ring of gates: data from gates, outputs to registers; one output and one input bit open."""
    p = kit.flop_pins
    lines = ["  wire [15:0] w; wire [15:0] r;"]
    for k in range(8):
        data = ", ".join(f"n{(7 * k + j) % 50 + 6}" for j in range(4 if k else 3))
        q = f"{{w[{2 * k + 1}], w[{2 * k}]}}" if k != 3 else f"w[{2 * k}]"
        port = f".d({{{data}}})" if k else f".d({{1'b0, {data}}})"
        out = f".q({q})" if k != 3 else f".\\q[0] ({q})"
        lines.append(f"  small ram{k} (.clk(clk), {port}, {out});")
        for bit in range(2 if k != 3 else 1):
            n = 2 * k + bit
            pins = f".{p['d']}(w[{n}]), .{p['ck']}(clk), .{p['rn']}(rst_n), .{p['q']}(r[{n}])"
            lines.append(f"  {kit.flop} rf{n} ({pins});")
    return gates_without_twins(kit, 16, 60).replace("endmodule", "\n".join([*lines, "endmodule"]))


def gates_without_twins(kit: Kit, flops: int, gates: int) -> str:
    """A random netlist in which no gate has one net at two inputs."""
    for seed in range(1, 200):
        text = random_netlist(kit, flops, gates, seed)
        if not re.search(r"\(([\w\[\]]+)\), \.\w+\(\1\)|\(([\w\[\]]+)\), \.\w+\([^)]*\), \.\w+\(\2\)", text):
            return text
    raise AssertionError("every seed has twins")


def turned_design(sky: Kit, folder: Path) -> Design:
    """One block per orientation, in two rows of four."""
    block = write_block(folder, sky.library)
    source = folder / "dut.v"
    source.write_text(eight_blocks(sky))
    places = {
        f"ram{k}": BlockPlace(25 + 80 * (k % 4) + 0.005 * k, 30 + 90 * (k // 4) + 0.115 * k, turn)
        for k, turn in enumerate(ORIENTATIONS)
    }
    options = PnrOptions("clk", 40.0, 0.4, die_area=(350.0, 210.0), blocks=(block,), block_places=places, halo_um=5.0)
    run = Design(source, "dut", sky.library, options)
    run.place()
    return run


@pytest.fixture(scope="module")
def turned(sky: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    folder = tmp_path_factory.mktemp("turned")
    run = turned_design(sky, folder)
    run.route()
    yield Built(sky, run, folder, run.write(folder / "out").metrics)


def test_steep_edges_for_a_block_come_from_a_buffer_beside_it(sky: Kit, tmp_path: Path) -> None:
    """Limits that no cell can meet: one buffer close to the pins of each block, not a chain of them."""
    run = turned_design(sky, tmp_path)
    for corner in run.models.corners:
        for name, pin in corner.liberty.cells["small"].pins.items():
            if name.startswith("d"):
                pin.max_transition = 1e-4

    def drivers_of_inputs() -> set[tuple[Instance, str, Instance]]:
        nets = [(i, p, n) for i in run.netlist.instances.values() if i.block for p, n in i.pins.items() if p[0] == "d"]
        return {(i, p, next(d for d, q in n.pins if q in ("X", "Y", "Q", "HI", "LO"))) for i, p, n in nets}

    for rounds in range(3):
        buffers = relieve(run.buffering, run._analyse(run.wires), run._clock_nets)
        run._legalise()
        assert bool(buffers) == (rounds == 0)
    driven = [d for d in drivers_of_inputs() if "conb" not in d[2].cell]  # constants have no edges
    assert len(driven) == 31
    for block, pin, driver in driven:
        assert driver.cell == run.buffering.strongest() and driver.name.startswith("relief"), (block.name, pin)


def test_a_slow_clock_at_a_block_gets_a_clock_buffer_beside_it(sky: Kit, tmp_path: Path) -> None:
    run = turned_design(sky, tmp_path)
    for corner in run.models.corners:
        corner.liberty.cells["small"].pins["clk"].max_transition = 1e-4
    assert run.tree
    before = len(run.tree.nets)
    buffers = run._repair(run._analyse(run.wires))
    blocks = [i for i in run.netlist.instances.values() if i.block]
    assert [b.cell for b in buffers] == [sky.library.cells.clock_buffers[-1]] * len(blocks)
    run._legalise()
    again = relieve(run.buffering, run._analyse(run.wires), run._clock_nets)
    assert not any(b.name.startswith("clk") for b in again), "no second one"
    run._legalise()
    behind = {b.pins[run.buffering.output_pin] for b in buffers}
    assert {i.pins["clk"] for i in blocks} == behind <= set(run.tree.nets) and all(n.is_clock for n in behind)
    assert len(run.tree.nets) == before + len(blocks)
    run.route()
    assert run.connectivity.clean and hold_is_kept(run)


def hold_is_kept(run: Design) -> bool:
    return all(check.slack >= 0 for timing in run.timings for check in timing.hold)


def recheck(built: Built, layout: kdb.Layout) -> Connectivity:
    run = built.run
    return check_layout(layout, run.netlist, run.plan, run.geometries, run.technology, run.library, run.macros)


def without(built: Built, layer: str, places: list[kdb.Box]) -> kdb.Layout:
    """The layout without what it draws itself on a layer at some places."""
    layout = kdb.Layout()
    layout.assign(built.run.layout)
    shapes = layout.top_cell().shapes(layout.layer(*built.kit.library.layers[layer].drawing))
    doomed = kdb.Region(places)
    left = kdb.Region(shapes) - doomed
    assert not (kdb.Region(shapes) & doomed).is_empty()
    shapes.clear()
    shapes.insert(left)
    return layout


def test_all_orientations_are_connected_and_obey_the_rules(turned: Built) -> None:
    assert turned.run.connectivity.clean
    assert violations(turned.run.layout, turned.kit.library) == {}
    assert {b["orientation"] for b in turned.metrics["blocks"]} == set(ORIENTATIONS)  # type: ignore[attr-defined]
    assert turned.metrics["abstract_blocks"] == []
    assert all(min(b["supply_contacts"].values()) > 0 for b in turned.metrics["blocks"])  # type: ignore[attr-defined]


def test_drawn_metal_keeps_clear_of_obstructions(turned: Built) -> None:
    """Against the LEF, moved by KLayout: what the blocks' GDS does not show."""
    run, library = turned.run, turned.kit.library
    block = run.macros["small"]
    top = run.layout.top_cell()
    checked = 0
    for layer in run.technology.layers:
        drawn = kdb.Region(top.shapes(run.layout.layer(*library.layers[layer.name].drawing)))
        for instance in run.blocks.instances:
            walls = kdb.Region([kdb.Box(*r) for r in block.obs.get(layer.name, [])]).merged()
            walls = walls.transformed(klayout_trans(instance, block))
            assert (drawn & walls).is_empty()
            assert not drawn.separation_check(walls, layer.spacing).count(), (layer.name, instance.orientation)
            checked += not walls.is_empty()
    assert checked >= 24


def test_def_and_netlists_hold_the_blocks(turned: Built) -> None:
    text = (turned.folder / "out" / "dut.def").read_text()
    for instance in turned.run.blocks.instances:
        place = rf"- {instance.name} small \+ FIXED \( {instance.x} {instance.y} \) {instance.orientation} ;"
        assert re.search(place, text)
        assert f"( {instance.name} vpp )" in text.split("SPECIALNETS")[1]
    macros = turned.run.macros
    before = read_netlist(turned.folder / "dut.v", "dut", macros)
    after = read_netlist(turned.folder / "out" / "dut.v", "dut", macros)
    for k in range(8):
        assert set(before.instances[f"ram{k}"].pins) <= set(after.instances[f"ram{k}"].pins)
    assert "(.clk" in (turned.folder / "out" / "dut.pg.v").read_text()
    assert ".vpp(VPWR), .vgg(VGND)" in (turned.folder / "out" / "dut.pg.v").read_text()


def test_timing_runs_through_the_blocks(turned: Built) -> None:
    for timing in turned.run.timings:
        assert any(c.instance.block for c in timing.setup) and any(c.instance.block for c in timing.hold)
        launched = [timing.nets[i.pins["q[0]"]] for i in turned.run.blocks.instances]
        assert all(n.late >= 0.9 for n in launched)
        assert not timing.capacitance
        assert (timing.worst("hold") or 0) > 0


@pytest.mark.parametrize("pin", ["clk", "d[2]", "q[1]"])
def test_a_cut_access_is_an_open(turned: Built, pin: str) -> None:
    """The wire to a pin, or where the pin is reached from above, the via on it."""
    run = turned.run
    ram = run.netlist.instances["ram5"]
    geometry = next(g for g in run.geometries if g.net is ram.pins[pin])
    landing = next(x for x in geometry.landings if x.pin == (ram, pin))
    place = kdb.Box(landing.x - 80, landing.y - 80, landing.x + 80, landing.y + 80)
    wide = place.enlarged(400, 400)
    layout = without(turned, run.technology.layers[landing.layer].name, [wide])
    found = recheck(turned, layout)
    if found.clean:  # the pin's own metal is below: take the via away
        layout = without(turned, run.technology.vias[landing.layer].cut, [wide])
        found = recheck(turned, layout)
    assert any(f"net {geometry.net.name}" in line for line in found.opens)


def test_a_block_without_its_supply_contacts_is_a_power_fault(turned: Built) -> None:
    run = turned.run
    ram = run.netlist.instances["ram2"]
    box = kdb.Box(*grown(run.blocks.outline(ram), 0))
    layout = without(turned, "via3", [box])
    faults = recheck(turned, layout).power
    assert {"VPWR does not reach ram2/vpp", "VGND does not reach ram2/vgg"} <= set(faults)


def test_a_supply_shorted_inside_a_block_is_seen(turned: Built) -> None:
    run = turned.run
    ram = run.netlist.instances["ram0"]
    layout = kdb.Layout()
    layout.assign(run.layout)
    bridge = to_die((4_000, 8_000, 6_000, 32_000), ram, run.macros["small"])
    layer = layout.layer(*turned.kit.library.layers["met3"].drawing)
    layout.top_cell().shapes(layer).insert(kdb.Box(*bridge))
    shorts = recheck(turned, layout).shorts
    assert all(any(net in line and "ram0/" in line for line in shorts) for net in ("VPWR", "VGND"))


# --- real macros ---------------------------------------------------------------------------------------


def ram_design(kit: Kit, instance: str, outputs: int, flops: int, gates: int) -> str:
    """Registers behind the outputs `ro` of a memory that random gates feed."""
    p = kit.flop_pins
    lines = [f"  wire [{outputs - 1}:0] ro; wire [{outputs - 1}:0] rq;", instance]
    lines += [
        f"  {kit.flop} rf{k} (.{p['d']}(ro[{k}]), .{p['ck']}(clk), .{p['rn']}(rst_n), .{p['q']}(rq[{k}]));"
        for k in range(outputs)
    ]
    return gates_without_twins(kit, flops, gates).replace("endmodule", "\n".join([*lines, "endmodule"]))


def bits(first: int, count: int) -> str:
    return "{" + ", ".join(f"n{k}" for k in range(first, first + count)) + "}"


def implemented(kit: Kit, block: Block, text: str, folder: Path) -> Design:
    source = folder / "dut.v"
    source.write_text(text)
    options = PnrOptions("clk", 40.0, 0.4, blocks=(block,))
    run = Design(source, "dut", kit.library, options)
    run.place()
    run.route()
    return run


@pytest.mark.slow
def test_gf180_memory_with_its_layout(pdk_root: Path, tmp_path: Path) -> None:
    kit = make_kit("gf180", pdk_root)
    name = "gf180mcu_fd_ip_sram__sram64x8m8wm1"
    macro = next(m for m in memory.macros(load_pdk("gf180", pdk_root)) if m.name == name)
    block = memory_block(macro, kit.library.corners)
    ram = (
        f"  {name} ram (.CLK(clk), .CEN(n0), .GWEN(n1), .WEN({bits(6, 8)}), .A({bits(14, 6)}),"
        f" .D({bits(20, 8)}), .Q(ro));"
    )
    run = implemented(kit, block, ram_design(kit, ram, 8, flops=40, gates=250), tmp_path)
    assert run.connectivity.clean and run.metrics()["abstract_blocks"] == []
    own = kdb.Layout()
    own.read(str(block.gds))
    alone = violations(own, kit.library)
    assert {rule: len(places) for rule, places in violations(run.layout, kit.library).items()} == {
        rule: len(places) for rule, places in alone.items()
    }


@pytest.mark.slow
def test_sky130_memory_as_abstract(pdk_root: Path, tmp_path: Path) -> None:
    kit = make_kit("sky130", pdk_root)
    name = "sky130_sram_1kbyte_1rw1r_32x256_8"
    macro = next(m for m in memory.macros(load_pdk("sky130", pdk_root)) if m.name == name)
    assert macro.lef.is_file(), "the PDK root needs sky130_sram_macros/ beside lambdapdk/ (see README.md)"
    block = memory_block(macro, kit.library.corners, stand_in="typical")
    assert block.gds is None
    ram = (
        f"  {name} ram (.clk0(clk), .csb0(n0), .web0(n1), .wmask0({bits(6, 4)}), .addr0({bits(10, 8)}),"
        f" .din0({bits(18, 32)}), .dout0(ro), .clk1(clk), .csb1(n2), .addr1({bits(50, 8)}));"
    )
    run = implemented(kit, block, ram_design(kit, ram, 32, flops=40, gates=250), tmp_path)
    assert run.connectivity.clean
    assert run.metrics()["abstract_blocks"] == [name]
    assert violations(run.layout, kit.library) == {}


def test_the_liberty_text_is_complete() -> None:
    """The small block's timing and abstract view name the same pins."""
    assert {"clk", "d", "q"} == set(re.findall(r"(?:pin|bus) \((\w+)\)", LIBERTY))
