"""Whole layouts of small designs: clean by independent checks, and wrong ones caught by the engine's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import klayout.db as kdb
import pytest
from beol import violations
from kits import Kit, make_kit, random_netlist

from asicflow.flow.pnr import PnrError, PnrOptions, design, engine, implement
from asicflow.flow.pnr.checks import Connectivity, check_layout
from asicflow.flow.pnr.design import Design
from asicflow.flow.pnr.netlist import Net, read_netlist
from asicflow.flow.pnr.placement import Placer
from asicflow.flow.pnr.power import straps
from asicflow.flow.pnr.timing import CornerTiming
from asicflow.pdk.lef import read_lef

OPTIONS = PnrOptions(clock_port="clk", clock_period_ns=40.0, utilization=0.4)


@dataclass
class Built:
    """A finished run with its files and progress lines."""

    kit: Kit
    run: Design
    folder: Path
    lines: list[str]


@pytest.fixture(scope="module", params=["sky130", "gf180"])
def built(request: pytest.FixtureRequest, pdk_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    kit = make_kit(request.param, pdk_root)
    folder = tmp_path_factory.mktemp(request.param)
    source = folder / "dut.v"
    source.write_text(random_netlist(kit, flops=24, gates=60))
    lines: list[str] = []
    run = Design(source, "dut", kit.library, OPTIONS, lines.append)
    run.place()
    run.route()
    run.write(folder / "out")
    yield Built(kit, run, folder, lines)


def recheck(built: Built, layout: kdb.Layout) -> Connectivity:
    run = built.run
    return check_layout(layout, run.netlist, run.plan, run.geometries, run.technology, run.library, run.macros)


def copy(layout: kdb.Layout) -> kdb.Layout:
    other = kdb.Layout()
    other.assign(layout)
    return other


def test_all_files_and_metrics(built: Built) -> None:
    out = built.folder / "out"
    assert {"dut.gds", "dut.def", "dut.lef", "dut.v", "dut.pg.v", "dut.spef", "layout.json"} <= {
        p.name for p in out.iterdir()
    }
    assert not list(out.glob(".*unfinished*"))
    metrics = json.loads((out / "layout.json").read_text())
    assert metrics["conflicts"] == metrics["opens"] == metrics["shorts"] == 0
    assert metrics["clock"]["sinks"] == 24 and metrics["tie_cells"] >= 2
    assert metrics["wirelength_um"] > 0.9 * metrics["hpwl_um"] > 0
    assert any(line.startswith("route: iteration 1,") for line in built.lines)


def test_metal_and_cuts_obey_the_technology(built: Built) -> None:
    assert violations(built.folder / "out" / "dut.gds", built.kit.library) == {}


def test_the_abstract_has_the_pins_where_the_layout_has_them(built: Built) -> None:
    run = built.run
    view = read_lef(built.folder / "out" / "dut.lef")["dut"]
    supply = built.kit.library.power
    assert set(view.pins) == {*run.netlist.ports, supply.power_net, supply.ground_net}
    assert (view.width, view.height) == (run.plan.width, run.plan.height)
    metal = {name: kdb.Region(run.layout.top_cell().begin_shapes_rec(run.layout.layer(*pairs.drawing))).merged()
             for name, pairs in built.kit.library.layers.items()}  # fmt: skip
    for pin in view.pins.values():
        for layer, rects in pin.shapes.items():
            assert all((kdb.Region(kdb.Box(*rect)) - metal[layer]).is_empty() for rect in rects), pin.name
    assert view.pins["clk"].direction == "INPUT" and view.pins[supply.power_net].is_power


def test_netlist_keeps_the_design(built: Built) -> None:
    macros = read_lef(built.kit.library.lefs)
    before = read_netlist(built.folder / "dut.v", "dut", macros)
    after = read_netlist(built.folder / "out" / "dut.v", "dut", macros)
    assert list(after.ports) == list(before.ports)
    assert set(before.instances) <= set(after.instances)
    assert all(len(n.ports) <= 1 for n in after.nets.values())


def test_labels_name_every_port_and_supply(built: Built) -> None:
    layout, library = built.run.layout, built.kit.library
    names = set()
    for pairs in library.layers.values():
        if pairs.label:
            shapes = layout.top_cell().shapes(layout.layer(*pairs.label))
            names |= {s.text_string for s in shapes.each() if s.is_text()}
    assert names == {*built.run.netlist.ports, library.power.power_net, library.power.ground_net}


def test_gaps_hold_decoupling_capacitors_where_they_fit(built: Built) -> None:
    run, cells = built.run, built.kit.library.cells
    used = [i.cell for i in run.netlist.instances.values()]
    assert set(used) & set(cells.decaps)
    narrowest = min(run.macros[c].width for c in cells.decaps)
    assert all(run.macros[c].width <= narrowest for c in set(used) & set(cells.fillers))


def test_estimated_timing_is_clean(built: Built) -> None:
    for timing in built.run.timings:
        assert not timing.slew and not timing.capacitance
        assert (timing.worst("hold") or 0) > 0 and (timing.worst("setup") or 0) > 0


def test_a_missing_via_is_an_open(built: Built) -> None:
    layout = copy(built.run.layout)
    geometry = next(g for g in built.run.geometries if len(g.vias) > 3)
    via = geometry.vias[0]
    name = built.run.technology.vias[via.layer].cut
    shapes = layout.top_cell().shapes(layout.layer(*built.kit.library.layers[name].drawing))
    at = kdb.Point(via.x, via.y)
    doomed = list(shapes.each_touching(kdb.Box(at, at)))
    assert doomed
    for shape in doomed:
        shapes.erase(shape)
    found = recheck(built, layout)
    assert any(f"net {geometry.net.name} " in line or f"net {geometry.net.name}:" in line for line in found.opens)


def test_two_joined_nets_are_a_short(built: Built) -> None:
    layout = copy(built.run.layout)
    wired = [g for g in built.run.geometries if any(w.layer == 1 for w in g.wires)]
    a, b = (next(w for w in g.wires if w.layer == 1) for g in wired[:2])
    name = built.run.technology.layers[-1].name
    stack = [x.name for x in built.run.technology.layers[1:]] + [v.cut for v in built.run.technology.vias[1:]]
    bridge = kdb.Box(min(a.x1, b.x1), min(a.y1, b.y1), max(a.x1, b.x1), max(a.y1, b.y1))
    top = layout.top_cell()
    top.shapes(layout.layer(*built.kit.library.layers[name].drawing)).insert(bridge)
    for layer in stack:
        for w in (a, b):
            box = kdb.Box(w.x1 - 100, w.y1 - 100, w.x1 + 100, w.y1 + 100)
            top.shapes(layout.layer(*built.kit.library.layers[layer].drawing)).insert(box)
    assert recheck(built, layout).shorts


def test_a_shifted_strap_is_noticed(built: Built) -> None:
    layout = copy(built.run.layout)
    config = built.run.technology.config.straps
    index = layout.layer(*built.kit.library.layers[config.layer].drawing)
    shapes = layout.top_cell().shapes(index)
    rect = next(straps(built.run.plan, built.run.technology))[1]
    same = [s for s in shapes.each() if s.bbox() == kdb.Box(*rect)]
    assert same  # the strap, and where the pin layer is the metal layer its pin
    for shape in same:
        shape.transform(kdb.Trans(3 * config.width, 0))
    found = recheck(built, layout)
    assert found.power or found.shorts
    assert not found.clean


def test_a_cut_that_misses_its_pin_is_an_open(built: Built) -> None:
    geometry = built.run.geometries[0]
    landing = next(x for x in geometry.landings if isinstance(x.pin, tuple))
    saved = landing.cut, landing.patches
    landing.cut, landing.patches = None, []
    try:
        assert any("misses the metal" in line for line in recheck(built, built.run.layout).opens)
    finally:
        landing.cut, landing.patches = saved


def test_same_seed_same_layout(sky: Kit, tmp_path: Path) -> None:
    source = tmp_path / "dut.v"
    source.write_text(random_netlist(sky, flops=8, gates=20))
    for name in ("a", "b"):
        implement(source, "dut", sky.library, OPTIONS, tmp_path / name, lambda line: None)
    assert (tmp_path / "a/dut.def").read_text() == (tmp_path / "b/dut.def").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (PnrOptions("clock", 40.0), "no port clock"),
        (PnrOptions("clk", 40.0, utilization=1.2), "utilisation 1.2"),
        (PnrOptions("clk", -1.0), "must be positive"),
        (PnrOptions("clk", 40.0, die_area=(40.0, 40.0)), "the cells need"),
        (PnrOptions("clk", 40.0, utilization=0.4, pin_sides={"q": "top"}), "unknown side"),
    ],
)
def test_impossible_wishes_leave_nothing_behind(sky: Kit, tmp_path: Path, options: PnrOptions, message: str) -> None:
    source = tmp_path / "dut.v"
    source.write_text(random_netlist(sky, flops=24, gates=60))
    with pytest.raises(PnrError, match=message) as caught:
        implement(source, "dut", sky.library, options, tmp_path / "out", lambda line: None)
    assert caught.value.where
    assert not list(tmp_path.glob("out/*"))


def test_where_routing_stagnates_a_picture_shows_the_place(sky: Kit, tmp_path: Path) -> None:
    source = tmp_path / "dut.v"
    source.write_text(random_netlist(sky, flops=24, gates=60))
    options = PnrOptions("clk", 40.0, utilization=0.4, max_iterations=1)
    with pytest.raises(PnrError, match="stay in conflict") as caught:
        implement(source, "dut", sky.library, options, tmp_path / "out", lambda line: None)
    picture = tmp_path / "out" / "dut.hotspots.png"
    assert list(tmp_path.glob("out/*")) == [picture]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert caught.value.where and str(picture) in str(caught.value)


def late_run(sky: Kit, folder: Path, lines: list[str]) -> Design:
    """A run whose clock is far too fast."""
    source = folder / "dut.v"
    source.write_text(random_netlist(sky, flops=24, gates=60))
    options = PnrOptions("clk", 0.5, utilization=0.4)
    return Design(source, "dut", sky.library, options, lines.append)


def test_late_paths_are_placed_again_and_the_better_placement_is_kept(sky: Kit, tmp_path: Path) -> None:
    lines: list[str] = []
    run = late_run(sky, tmp_path, lines)
    seen: list[tuple[float, list[tuple[int, int]]]] = []
    original = Design._slowest

    def watched(self: Design) -> CornerTiming:
        timing = original(self)
        slack = timing.worst("setup")
        assert slack is not None
        seen.append((slack, [(i.x, i.y) for i in self.netlist.instances.values()]))
        return timing

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Design, "_slowest", watched)
        prepared(run)
    (before, old), (after, new) = seen
    assert before < 0 and old != new
    kept = [(i.x, i.y) for i in run.netlist.instances.values()]
    assert kept == (new if after > before else old)
    assert any(("pulled together" in line) == (after > before) for line in lines if "late paths" in line)


def test_a_worse_placement_is_taken_back(sky: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: the second placement is spoilt, so the first must come back."""
    lines: list[str] = []
    run = late_run(sky, tmp_path, lines)
    first: list[tuple[int, int, str]] = []

    def spoilt(self: Placer, weights: dict[Net, float]) -> float:
        assert weights and max(weights.values()) > 1
        cells = [i for i in self.netlist.instances.values() if not i.fixed]
        first.extend((i.x, i.y, i.cell) for i in cells)
        for k, cell in enumerate(cells):  # to opposite corners in turn
            cell.x, cell.y = (self.plan.core[0], self.plan.core[1]) if k % 2 else (self.plan.width, self.plan.height)
        return 0.0

    monkeypatch.setattr(Placer, "place_again", spoilt)
    prepared(run, sized=True)
    assert [(i.x, i.y, i.cell) for i in run.netlist.instances.values() if not i.fixed] == first
    assert any("does not help" in line for line in lines)


def prepared(run: Design, sized: bool = False) -> None:
    """The run up to its placed, buffered netlist, before repairs move cells."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(design, "SETUP_ROUNDS", 1)
        if not sized:
            patch.setattr(Design, "_size", lambda self, sizing, wanted_ns: None)
        patch.setattr(Design, "_repair_timing", lambda self: None)
        run.place()


def test_a_die_that_always_looks_crowded_is_routed_in_the_end(
    sky: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "CROWDED", 1e-6)
    source = tmp_path / "dut.v"
    source.write_text(random_netlist(sky, flops=8, gates=20))
    lines: list[str] = []
    result = implement(source, "dut", sky.library, OPTIONS, tmp_path / "out", lines.append)
    assert sum("again at" in line for line in lines) == engine.ATTEMPTS - 1
    assert result.metrics["opens"] == result.metrics["shorts"] == 0
