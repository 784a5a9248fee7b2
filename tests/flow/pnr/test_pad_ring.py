"""Pads around a core: where everything stands, that the chip is whole, and what is refused."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import klayout.db as kdb
import pytest
from small_chip import BITS, DIE_UM, gf180, netlist, pad_names, small_ring

from asicflow.flow.pnr import Design, PnrError, PnrOptions
from asicflow.flow.pnr.channel import _levels, loops
from asicflow.flow.pnr.checks import check_layout
from asicflow.flow.pnr.floorplan import Floorplan, PinSpot, make_floorplan, place_pins
from asicflow.flow.pnr.netlist import Net, Netlist, Port, read_netlist
from asicflow.flow.pnr.orientation import outline
from asicflow.flow.pnr.pad_ring import PIN_PITCH, PIN_SHIFT, RingPlan, _columns, open_ring
from asicflow.flow.pnr.technology import Technology, load_technology
from asicflow.pdk.lef import read_lef


@pytest.fixture(scope="module")
def design(pdk_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Design:
    """The small chip, routed and closed."""
    pdk = gf180(pdk_root)
    source = tmp_path_factory.mktemp("chip") / "chip.v"
    source.write_text(netlist())
    made = Design(source, "chip", pdk.library(), PnrOptions("clk", 50.0, pad_ring=small_ring(pdk), fill=True), print)
    made.place()
    made.route()
    return made


def opened(pdk_root: Path, folder: Path, text: str, die_um: tuple[float, float] = DIE_UM) -> tuple[RingPlan, Netlist]:
    """The ring of a netlist, and the netlist of its core."""
    pdk = gf180(pdk_root)
    library, ring = pdk.library(), small_ring(pdk, die_um)
    macros = read_lef([*library.lefs, ring.block.lef])
    path = folder / "in.v"
    path.write_text(text)
    found = read_netlist(path, "chip", macros)
    return open_ring(found, ring, macros, load_technology(library, False), library), found


def test_the_ring_is_closed_and_has_the_size_of_its_die(pdk_root: Path, tmp_path: Path) -> None:
    plan, _ = opened(pdk_root, tmp_path, netlist())
    standing = [*plan.placed.values(), *plan.others]
    boxes = [outline(i, plan.macros[i.cell]) for i in standing]
    for a, b in itertools.combinations(boxes, 2):
        assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3], "two cells overlap"
    ring = kdb.Region([kdb.Box(*b) for b in boxes]).merged()
    edge, depth = 26_000, 350_000
    outer = kdb.Box(edge, edge, plan.width - edge, plan.height - edge)
    assert ring.bbox() == outer and (plan.width / 1e3, plan.height / 1e3) == DIE_UM
    hole = kdb.Region(outer) - kdb.Region(outer.enlarged(-depth, -depth))
    assert (hole - ring).is_empty(), "a gap in the ring"
    cells = Counter(i.cell for i in standing)
    assert cells[plan.ring.cells.corner] == 4
    assert cells[plan.ring.cells.power] == cells[plan.ring.cells.ground] == 4
    for power, rect in loops(plan).items():
        half = plan.ring.cells.ring * 500
        away = [rect[0] - plan.inner[0], plan.box[0] - rect[0]]
        assert all(a - half > 1_500 for a in away), f"ring of power {power} is not inside the channel"


def test_the_core_has_a_port_for_every_pin(pdk_root: Path, tmp_path: Path) -> None:
    plan, found = opened(pdk_root, tmp_path, netlist())
    assert not {i.name for i in found.instances.values()} & set(pad_names())
    assert "i_pad_q_0_A" in found.ports and "i_pad_io_Y" in found.ports and "clk" not in found.ports
    assert "i_pad_q_0_Y" not in found.ports, "an open output needs no port"
    assert found.ports["i_pad_clk_Y"].direction == "input" and found.ports["i_pad_io_OE"].direction == "output"
    constants = {port.name: value for port, value in found.constant_ports}
    assert constants["i_pad_d_PU"] == 1 and constants["i_pad_d_PD"] == 0 and constants["i_pad_q_1_OE"] == 1
    places = plan.pin_places()
    assert set(places) == set(found.ports)
    for pad in pad_names():
        at = sorted(s.to for s in plan.strands if s.instance == pad)
        assert all(b - a >= PIN_PITCH for a, b in itertools.pairwise(at))


def test_constants_by_tie_cells_are_constants_again(pdk_root: Path, tmp_path: Path) -> None:
    library = "gf180mcu_fd_sc_mcu7t5v0__"
    tied = (
        netlist()
        .replace(".PU(1'b1)", ".PU(high)")
        .replace("  wire clk_i", f"  {library}tieh t (.Z(high));\n  wire high, clk_i")
    )
    _, found = opened(pdk_root, tmp_path, tied)
    constants = {port.name: value for port, value in found.constant_ports}
    assert constants["i_pad_d_PU"] == 1 and not [i for i in found.instances.values() if "tie" in i.cell]
    shared = tied.replace(".A1(d_i)", ".A1(high)")
    _, found = opened(pdk_root, tmp_path, shared)
    assert [i.name for i in found.instances.values() if "tie" in i.cell] == ["t"], "logic needs it, too"


def test_the_closed_chip_is_its_netlist(design: Design, pdk_root: Path, tmp_path: Path) -> None:
    assert design.connectivity.clean and design.ring
    files = design.write(tmp_path).files
    macros = design.macros
    asked = read_netlist(design.source, "chip", macros)
    made = read_netlist(files["v"], "chip", macros)
    assert set(made.ports) == set(asked.ports)
    for name in pad_names():
        assert made.instances[name].cell == asked.instances[name].cell
        for pin, net in asked.instances[name].pins.items():
            mine = made.instances[name].pins[pin]
            flops = {(i.name, p) for i, p in net.pins if i.name.startswith("u_s")}
            assert flops <= {(i.name, p) for i, p in mine.pins} or any("buf" in i.cell for i, _ in mine.pins)
        for instance, pin, value in asked.constants:
            if instance.name == name:
                (tie,) = [i for i, p in made.instances[name].pins[pin].pins if "tie" in i.cell]
                assert tie.cell.endswith("tieh" if value else "tiel")
    strongest = design.library.cells.buffers[-1]
    for name in pad_names()[2:]:
        (driver,) = [i for i, _ in made.instances[name].pins["A"].pins if i.name != name]
        assert driver.cell == strongest, "pads are driven by strong buffers"
    layout = kdb.Layout()
    layout.read(str(files["gds"]))
    box = layout.top_cell().dbbox()
    assert (box.left, box.bottom, box.right, box.top) == (0, 0, *DIE_UM)
    text = files["def"].read_text()
    assert text.count(" gf180mcu_fd_io__cor + FIXED") == 4 and "PINS 11 ;" in text
    spef = files["spef"].read_text()
    assert f"*D_NET q[{BITS - 1}]" in spef and "*I i_pad_q_0:A I" in spef and "*P clk I" in spef
    metrics = design.metrics()
    assert metrics["die_um"] == list(DIE_UM) and sum(map(len, metrics["pads"]["sides"].values())) == 17
    edge = kdb.Region(kdb.Box(0, 0, *(round(1000 * v) for v in DIE_UM))) - kdb.Region(
        kdb.Box(26_000, 26_000, *(round(1000 * v) - 26_000 for v in DIE_UM))
    )
    for info in layout.layer_infos():
        if (info.layer, info.datatype) != design.library.boundary:
            shapes = kdb.Region(layout.top_cell().begin_shapes_rec(layout.layer(info)))
            assert (shapes & edge).is_empty(), f"layer {info} reaches into the edge for the seal ring"


@pytest.mark.parametrize(
    ("layer", "what"), [("Metal2", "does not reach|falls into"), ("Metal3", "parts|no metal"), ("Via2", "parts|reach")]
)
def test_a_cut_through_the_channel_is_found(design: Design, layer: str, what: str) -> None:
    assert design.ring
    broken = design.layout.dup()
    x1, y1, x2, _ = design.ring.inner
    index = broken.layer(*design.library.layers[layer].drawing)
    own = broken.top_cell().shapes(index)
    strip = kdb.Region(kdb.Box(x1, y1 + 300, x2, y1 + 1_500))
    left = kdb.Region(own) - strip
    own.clear()
    own.insert(left)
    found = check_layout(
        broken, design.netlist, design.plan, design.geometries, design.technology, design.library, design.macros
    )
    assert re.search(what, " ".join([*found.opens, *found.power]))


def test_a_turned_pad_is_found(design: Design) -> None:
    broken = design.layout.dup()
    top = broken.top_cell()
    for instance in top.each_inst():
        if instance.cell.name == "gf180mcu_fd_io__in_c":
            box = instance.bbox()
            instance.trans = kdb.Trans(kdb.Trans.R180, box.right, box.top)
    found = check_layout(
        broken, design.netlist, design.plan, design.geometries, design.technology, design.library, design.macros
    )
    assert found.opens or found.shorts


def test_what_cannot_be_is_refused(pdk_root: Path, tmp_path: Path) -> None:
    with pytest.raises(PnrError, match="do not fit the south side"):
        opened(pdk_root, tmp_path, netlist(), (900.0, 900.0))
    with pytest.raises(PnrError, match="pads of netlist and ring differ: i_pad_d"):
        opened(pdk_root, tmp_path, netlist().replace("i_pad_d ", "i_pad_other "))
    with pytest.raises(PnrError, match="not on one pad alone"):
        opened(pdk_root, tmp_path, netlist().replace(".A1(d_i)", ".A1(d)"))
    with pytest.raises(PnrError, match="an input of a pad is open"):
        opened(pdk_root, tmp_path, netlist().replace(".A(s[0]), ", "", 1))
    ring = small_ring(gf180(pdk_root))
    options = PnrOptions("clk", 50.0, pad_ring=ring, die_area=(100.0, 100.0))
    with pytest.raises(PnrError, match="decides on the die"):
        Design(tmp_path / "in.v", "chip", gf180(pdk_root).library(), options, print).place()
    plan, _ = opened(pdk_root, tmp_path, netlist())
    with pytest.raises(PnrError, match="has no port nothing"):
        plan.behind("nothing")


def test_wires_in_the_channel_never_meet(pdk_root: Path, tmp_path: Path) -> None:
    plan, _ = opened(pdk_root, tmp_path, netlist())
    for pad in pad_names():
        mine = [s for s in plan.strands if s.instance == pad]
        levels = _levels(mine)
        assert sorted(levels) == list(range(len(mine)))
        for (a, x), (b, y) in itertools.permutations(zip(mine, levels, strict=True), 2):
            assert abs(b.at - a.to) >= 560 or y < x
            assert abs(a.to - a.at) >= PIN_SHIFT
    tangled = [replace(mine[0], at=10_000, to=20_000), replace(mine[0], at=20_000, to=10_000)]
    with pytest.raises(PnrError, match="cannot pass each other"):
        _levels(tangled)
    assert _columns([5_000, 5_600], list(range(0, 12_000, 560))) is not None
    assert _columns([5_000, 5_600], [5_000, 5_600]) is None


@pytest.fixture(scope="module")
def technology(pdk_root: Path) -> Technology:
    return load_technology(gf180(pdk_root).library(), False)


def floor(pdk_root: Path, technology: Technology) -> Floorplan:
    library = gf180(pdk_root).library()
    return make_floorplan(
        10**9, technology, 0.5, 1.0, (150.0, 120.0), library, read_lef(library.lefs), None
    )  # fmt: skip


def ports(count: int) -> list[Port]:
    return [Port(f"p{k}", "input", Net(f"p{k}"), f"p{k}", None) for k in range(count)]


def test_a_pin_plan_is_kept(pdk_root: Path, technology: Technology) -> None:
    plan = floor(pdk_root, technology)
    wished = {"p0": PinSpot("south", 60.0), "p1": PinSpot("west", 33.3), "p2": PinSpot("east", 80.0, "Metal2")}
    place_pins(plan, ports(8), technology, {}, wished)
    assert set(plan.pins) == {f"p{k}" for k in range(8)}
    south, west, east = (plan.pins[name].rect for name in wished)
    assert south[1] == 0 and abs((south[0] + south[2]) / 2e3 - 60.0) <= 0.28
    assert west[0] == 0 and abs((west[1] + west[3]) / 2e3 - 33.3) <= 0.28
    assert east[2] == plan.width and technology.layers[plan.pins["p2"].layer].name == "Metal2"
    for a, b in itertools.combinations(plan.pins.values(), 2):
        assert (a.column, a.line) != (b.column, b.line)


@pytest.mark.parametrize(
    ("wished", "says"),
    [
        ({"q": PinSpot("south", 60.0)}, "no port q"),
        ({"p0": PinSpot("top", 60.0)}, "unknown side"),
        ({"p0": PinSpot("south", 600.0)}, "not on the south edge"),
        ({"p0": PinSpot("south", 60.0), "p1": PinSpot("south", 60.3)}, "too near"),
        ({"p0": PinSpot("south", 60.0, "Metal2")}, "cannot be on Metal2"),
    ],
)
def test_a_pin_plan_that_cannot_be_is_refused(
    wished: dict[str, PinSpot], says: str, pdk_root: Path, technology: Technology
) -> None:
    with pytest.raises(PnrError, match=says):
        place_pins(floor(pdk_root, technology), ports(2), technology, None, wished)


def test_pads_delay_the_clock_and_inputs(pdk_root: Path, tmp_path: Path) -> None:
    """As Liberty says, in every corner; the level of a bidirectional pad comes from outside, not from its output."""
    source = tmp_path / "chip.v"
    source.write_text(netlist())
    pdk = gf180(pdk_root)
    design = Design(source, "chip", pdk.library(), PnrOptions("clk", 50.0, pad_ring=small_ring(pdk)), print)
    design.place()
    assert design.ring is not None and set(design.ring.inputs()) >= {"i_pad_clk_Y", "i_pad_d_Y", "i_pad_io_Y"}
    outside = design._constraints()
    for timing in design._analyse(design.wires):
        for port, early in (("i_pad_clk_Y", 0.0), ("i_pad_d_Y", 5.0), ("i_pad_io_Y", 5.0)):
            cell, bonded, pin = design.ring.inputs()[port]
            found = timing.nets[design.netlist.ports[port].net]
            arcs = [a for a in timing.corner.liberty.cells[cell].pins[pin].arcs if a.related_pin == bonded]
            delays = [d.at(outside.input_slew_ns, found.load) for a in arcs for _, _, d, _ in a.ways]
            assert min(delays) > 0.3
            assert min(e.early for e in found.edges if e) == pytest.approx(early + min(delays)), (
                port,
                timing.corner.name,
            )
