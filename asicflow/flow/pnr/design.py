"""One design on its way from a mapped netlist to a checked layout: place, route, write."""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import klayout.db as kdb

from asicflow.flow.pnr.access import access_tables
from asicflow.flow.pnr.antenna import above, add_buffers, add_diodes, worst_pieces
from asicflow.flow.pnr.blocks import block_plan, read_blocks
from asicflow.flow.pnr.buffering import Buffering, remove_buffers
from asicflow.flow.pnr.checks import Connectivity, check_layout
from asicflow.flow.pnr.clock_tree import ClockTree, build_clock_tree, nets_of_clock
from asicflow.flow.pnr.congestion import crowding
from asicflow.flow.pnr.criticality import net_weights
from asicflow.flow.pnr.def_writer import write_def
from asicflow.flow.pnr.fill import add_fill
from asicflow.flow.pnr.fixed_frame import FramePlan, close_frame, open_frame, receive_ports
from asicflow.flow.pnr.floorplan import Floorplan, add_physical_cells, make_floorplan, place_pins
from asicflow.flow.pnr.gds import abstract_blocks, build_layout
from asicflow.flow.pnr.geometry import NetGeometry, net_geometries
from asicflow.flow.pnr.grid import build_problem
from asicflow.flow.pnr.hold import repair_hold
from asicflow.flow.pnr.hotspots import draw_hotspots
from asicflow.flow.pnr.lef_writer import write_lef
from asicflow.flow.pnr.netlist import Instance, Net, Netlist, PnrError, read_netlist, write_verilog
from asicflow.flow.pnr.notches import pins_at_faults, pins_with_near_cuts
from asicflow.flow.pnr.options import PnrOptions, check_options
from asicflow.flow.pnr.pad_ring import RingPlan, close_ring, open_ring, reach_edges
from asicflow.flow.pnr.parasitics import PlacementWires
from asicflow.flow.pnr.placement import Placer, add_fillers
from asicflow.flow.pnr.positions import half_perimeter
from asicflow.flow.pnr.relief import relieve
from asicflow.flow.pnr.rings import add_rings
from asicflow.flow.pnr.router import Router, Routes, RoutingStuck
from asicflow.flow.pnr.sizing import Sizing
from asicflow.flow.pnr.spef import RoutedWires, write_spef
from asicflow.flow.pnr.technology import load_technology
from asicflow.flow.pnr.timing import CellModels, Constraints, CornerTiming, WireModel, analyse
from asicflow.flow.pnr.vacancies import Vacancies
from asicflow.pdk.block import Block
from asicflow.pdk.config import Library
from asicflow.pdk.lef import read_lef

log = logging.getLogger(__name__)

Progress = Callable[[str], None]

ANTENNA_ROUNDS = 8
"""Routings of one design while diodes are still being added."""

ANTENNA_ALLOWED = 0.95
"""Share of an antenna limit that wires may use; what via pads add is not counted."""

ANTENNA_SHARE = 0.6
"""A gate at this share of its limit gets a diode too once there is a reason to route again."""

ROUTED_REPAIRS = 4
"""Routings of one design while routed wires still show data too early, transitions too slow or loads too large."""

REDRAWINGS = 8
"""Routings of one problem while pins still need another access."""

SETUP_RESERVE = 0.03
"""Share of the period that sizing leaves for the clock's uncertainty and for the detours of routed wires."""

SETUP_ROUNDS = 2
"""How often late paths are placed and sized anew at most: stronger cells make other nets the late ones."""

BUFFER_SHARE = 1.06
"""Room for buffers in the first floorplan."""


@dataclass
class PnrResult:
    """Files by ending and the metrics that `layout.json` holds."""

    files: dict[str, Path]
    metrics: dict[str, Any]


@dataclass
class Design:
    """A netlist and what has become of it so far.

    source : structural Verilog of library cells (and blocks), flat. top : its top module.
    progress : gets a line per step.

    `place`, then `route`, then `write`: each needs the step before.
    """

    source: Path
    top: str
    library: Library
    options: PnrOptions
    progress: Progress = log.info
    seconds: dict[str, float] = field(default_factory=dict)
    geometries: list[NetGeometry] = field(default_factory=list, init=False)
    fillers: list[Instance] = field(default_factory=list, init=False)
    diodes: int = field(default=0, init=False)
    antenna_buffers: int = field(default=0, init=False)
    earlier: Routes | None = field(default=None, init=False)

    def place(self) -> None:
        """Floorplan, placement, buffers, clock tree, drive strengths, load and hold repair.

        PnrError for a netlist, floorplan or block that cannot be: it names the object and the place.
        """
        check_options(self.options)
        with self._stage("read"):
            self.technology = load_technology(self.library, self.options.rings)
            self.block_views = read_blocks(self.hard_macros, list(self.library.corners))
            self.macros = read_lef(self.library.lefs) | self.block_views
            self.models = CellModels(self.library, self.macros, self.hard_macros)
            self.netlist: Netlist = read_netlist(self.source, self.top, self.macros)
            self.design_cells = len(self.netlist.instances)
            self.ring: RingPlan | None = None
            if self.options.pad_ring:
                self.ring = open_ring(self.netlist, self.options.pad_ring, self.macros, self.technology, self.library)
            self.frame: FramePlan | None = None
            if self.options.frame:
                self.frame = open_frame(self.netlist, self.options.frame, self.technology)
            self.blocks = block_plan(
                self.netlist, self.block_views, self.technology, self.options.halo_um, self.options.block_places
            )
            removed = remove_buffers(self.netlist, self.models)
        self.progress(f"read: {self.design_cells} cells, {removed} buffers of the synthesis removed")
        self._floorplan()
        self._place()
        self._close_setup()
        self._repair_timing()

    @property
    def hard_macros(self) -> tuple[Block, ...]:
        """The blocks, and the pads if there are any."""
        ring = self.options.pad_ring
        return (*self.options.blocks, ring.block) if ring else self.options.blocks

    @property
    def crowding(self) -> float:
        """Share of the tracks that the placed design's wires need in its most crowded parts."""
        return crowding(self.netlist, self.macros, self.plan, self.technology)

    def route(self) -> None:
        """Routing, antenna repair, drawing, and extraction of the drawn layout against the netlist.

        RoutingStuck when conflicts are left, PnrError when the layout is not the netlist.
        """
        for rounds_left in reversed(range(ROUTED_REPAIRS)):
            self._route()
            with self._stage("timing"):
                wires = RoutedWires(
                    self.geometries, self.technology, self.library.parasitics, self.macros, self.models.pin_capacitance
                )
                self.timings = self._analyse(wires)
            if not rounds_left or not self._repair_routed():
                break
        if self.ring:
            self.geometries = close_ring(self.ring, self.netlist, self.plan, self.geometries, self.technology)
        if self.frame:
            self.geometries = close_frame(self.frame, self.netlist, self.plan, self.geometries, self.technology)
        self._finish()

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    def with_picture(self, stuck: RoutingStuck, outdir: Path) -> RoutingStuck:
        """The error with a picture of the clashes beside the files that were not written."""
        outdir.mkdir(parents=True, exist_ok=True)
        picture = outdir / f"{self.top}.hotspots.png"
        title = f"{stuck.left} nets in conflict at {self.options.utilization:.0%} utilisation"
        draw_hotspots(picture, stuck.spots, stuck.square_um, self.netlist, self.macros, self.plan, title)
        stuck.hint = f"{stuck.hint}; picture: {picture}"
        return stuck

    def _floorplan(self) -> None:
        area = sum(self._area(i.cell) for i in self.netlist.instances.values() if not i.block)
        self.plan: Floorplan = make_floorplan(
            round(area * BUFFER_SHARE),
            self.technology,
            self.options.utilization,
            self.options.aspect,
            self.ring.core_um if self.ring else self.options.die_area,
            self.library,
            self.macros,
            self.blocks,
            self.frame.least(list(self.netlist.ports)) if self.frame else (0, 0),
        )
        if self.frame:
            self.frame.settle(self.plan, list(self.netlist.ports), self.technology)
            outlines = [self.blocks.outline(i) for i in self.blocks.instances]
            self.frame.hang_up(self.plan, outlines, self.technology)
        if self.options.rings:
            add_rings(self.plan, self.technology)
        if self.ring:
            reach_edges(self.plan, self.technology)
        shell = self.ring or self.frame
        places = shell.pin_places() if shell else self.options.pin_places
        place_pins(self.plan, list(self.netlist.ports.values()), self.technology, self.options.pin_sides, places)
        add_physical_cells(self.plan, self.netlist, self.library, self.macros, self.technology)
        self.progress(
            f"floorplan: die {self.plan.width / 1e3:.1f} x {self.plan.height / 1e3:.1f} um,"
            f" {self.plan.rows} rows, {len(self.plan.straps)} straps"
            + (f", {len(self.blocks.instances)} blocks" if self.blocks.instances else "")
        )

    def _area(self, cell: str) -> int:
        macro = self.macros[cell]
        return macro.width * macro.height

    @property
    def _clock_port(self) -> str:
        """The clock input of what is placed: the one behind its pad in a ring of pads."""
        name = self.options.clock_port
        return self.ring.behind(name) if self.ring and name else name

    def _clock_net(self) -> Net | None:
        if not self.options.clock_port:
            return None
        port = self.netlist.ports.get(self._clock_port)
        if port is None:
            raise PnrError(
                f"the design has no port {self.options.clock_port}",
                where="clock_port",
                hint=f"ports: {', '.join(list(self.netlist.ports)[:8])}",
            )
        return port.net

    def _place(self) -> None:
        clock = self._clock_net()
        clocks = nets_of_clock(clock, self.library) if clock else []
        with self._stage("place"):
            self.placer = Placer(
                self.netlist,
                self.plan,
                self.macros,
                self.technology,
                self.technology.config.placement_density,
                self.options.seed,
            )
            hpwl = self.placer.place([clock] if clock else [])
        self.progress(f"place: {len(self.netlist.instances)} cells, half-perimeter {hpwl / 1e3:.1f} mm")
        with self._stage("buffer"):
            pin_load = self.models.pin_capacitance
            self.wires = PlacementWires(self.macros, self.plan, self.library, self.technology, pin_load)
            self.buffering = Buffering(self.netlist, self.models, self.plan, self.technology, self.wires)
            self.buffering.separate_ports()
            if self.ring or self.frame:
                self.buffering.drive_ports()
            if self.frame:
                receive_ports(self.buffering, self.options.clock_port)
            self.buffering.tie_constants()
            self.buffering.fix_all(set(clocks))
            self.tree: ClockTree | None = build_clock_tree(self.buffering, clock) if clock else None
        self.progress(
            f"buffer: {self.buffering.inserted} buffers, {self.buffering.resized} cells resized,"
            f" {self.buffering.ties} tie cells"
        )
        self._legalise()

    def _close_setup(self) -> None:
        """Where setup is missed in the slowest corner: other strengths for the cells on late paths; then placement
        anew with the nets of late paths pulling more, and strengths once more, as long as that helps."""
        wanted = SETUP_RESERVE * self.options.clock_period_ns
        sizing = Sizing(self.buffering, self._slowest, self._clock_nets)
        self._size(sizing, wanted)
        for _ in range(SETUP_ROUNDS):
            before = self._slowest()
            slack = before.worst("setup")
            if slack is None or slack >= wanted:
                return
            state = self.placer.snapshot()
            with self._stage("place"):
                self.placer.place_again(net_weights(before, self.options.clock_period_ns))
                self.wires.forget()
            self._size(sizing, wanted)
            after = self._slowest().worst("setup")
            assert after is not None
            if after <= slack:
                self.placer.restore(state)
                self.wires.forget()
                self.progress(f"place: pulling late paths together does not help, estimated slack stays {slack:.2f} ns")
                return
            self.progress(f"place: late paths pulled together, estimated slack {slack:.2f} -> {after:.2f} ns")

    def _size(self, sizing: Sizing, wanted_ns: float) -> None:
        with self._stage("size"):
            exchanged = sizing.exchanged
            before, after = sizing.run(wanted_ns)
            exchanged = sizing.exchanged - exchanged
        if exchanged:
            self.progress(
                f"size: {exchanged} cells on late paths exchanged, estimated slack {before:.2f} -> {after:.2f} ns"
            )
            self._legalise()

    def _slowest(self) -> CornerTiming:
        name = next(k for k, c in self.library.corners.items() if c is self.library.slowest)
        corner = next(c for c in self.models.corners if c.name == name)
        return analyse(self.netlist, self.models, corner, self.wires, self._constraints())

    def _legalise(self) -> None:
        with self._stage("place"):
            self.placer.legalise()
        self.wires.forget()

    def _constraints(self) -> Constraints:
        period = self.options.clock_period_ns
        return Constraints(
            clock_port=self._clock_port,
            period_ns=period,
            input_early_ns=self.options.input_delay[0] * period,
            input_late_ns=self.options.input_delay[1] * period,
            input_slew_ns=self.options.input_slew_ns,
            pads=self.ring.inputs() if self.ring else {},
        )

    def _analyse(self, wires: WireModel) -> list[CornerTiming]:
        constraints = self._constraints()
        return [analyse(self.netlist, self.models, c, wires, constraints) for c in self.models.corners]

    def _repair_timing(self) -> None:
        """Loads after legalisation, then hold, until nothing is left to repair."""
        with self._stage("repair"):
            for _ in range(4):
                before = self.buffering.inserted + self.buffering.resized
                self.buffering.fix_all(self._clock_nets)
                self._repair(self._analyse(self.wires))
                if self.buffering.inserted + self.buffering.resized == before:
                    break
                self._legalise()
        self.progress(f"repair: {self.buffering.inserted} buffers in all")

    @property
    def _clock_nets(self) -> set[Net]:
        return set(self.tree.nets) if self.tree else set()

    def _repair(self, timings: list[CornerTiming]) -> list[Instance]:
        """Buffers for what is beyond the library's limits, delay cells for early data: the cells."""
        clock = self._clock_nets
        relief = relieve(self.buffering, timings, clock)
        if self.tree:
            self.tree.nets += sorted(clock - set(self.tree.nets), key=lambda n: n.name)
        return relief + repair_hold(self.buffering, timings, self.options.hold_margin_ns)

    def _repair_routed(self) -> int:
        """The same for what only routed wires show, in free places, so that the other wires stay; how many cells."""
        with self._stage("repair"):
            vacancies = self._vacancies()
            cells = self._repair(self.timings)
            for cell in cells:
                vacancies.put(cell, (cell.x, cell.y))
        if cells:
            self._remove_fillers()
            self.progress(f"repair: {len(cells)} more cells for what the routed wires show")
        return len(cells)

    def _vacancies(self) -> Vacancies:
        return Vacancies(self.netlist, self.plan, self.macros, self.technology, self.fillers)

    def _remove_fillers(self) -> None:
        for filler in self.fillers:
            self.netlist.remove_instance(filler)
        self.fillers = []

    def _route(self) -> None:
        """Route; where a wire could charge a gate, put a diode beside it, then a buffer, and route again."""
        diode = self.library.cells.antenna_diode
        clocks = self._clock_nets
        tried: set[tuple[Instance, str]] = set()
        for rounds_left in reversed(range(ANTENNA_ROUNDS)):
            self._route_once()
            with self._stage("antenna"):
                pieces = worst_pieces(self.geometries, self.technology, self.macros)
                self.charged = above(pieces, ANTENNA_ALLOWED)
                if not self.charged or not rounds_left:
                    break
                stubborn = [c for c in self.charged if (c.instance, c.pin) in tried and c.net not in clocks]
                near = [c for c in above(pieces, ANTENNA_SHARE) if c not in stubborn]
                tried |= {(c.instance, c.pin) for c in self.charged}
                vacancies = self._vacancies()
                add_buffers(stubborn, self.buffering, vacancies)
                add_diodes(near, self.netlist, vacancies, diode)
                self._remove_fillers()
                self.antenna_buffers += len(stubborn)
                self.diodes += len(near)
            self.progress(
                f"antenna: {len(self.charged)} gates too exposed, {self.diodes} diodes"
                + (f" and {self.antenna_buffers} buffers" if self.antenna_buffers else "")
                + " in all"
            )

    def _route_once(self) -> None:
        fillers = [*self.library.cells.decaps, *self.library.cells.fillers]
        with self._stage("place"):
            cells = set(self.netlist.instances.values())
            self.cells = len(cells)
            self.cell_area = sum(self._area(i.cell) for i in cells if not i.block)
            add_fillers(self.netlist, self.plan, self.macros, self.technology, fillers)
            self.fillers = [i for i in self.netlist.instances.values() if i not in cells]
        with self._stage("access"):
            used = {i.cell for i in self.netlist.instances.values() if not i.block}
            tables = access_tables(self.library, self.macros, self.technology, used)
            problem = build_problem(self.netlist, self.plan, self.macros, self.technology, tables)
        with self._stage("route"):
            router = Router(problem, self.options.seed, self.progress)
            if self.earlier is not None:
                router.adopt(self.earlier)
            for _ in range(REDRAWINGS):
                self.routes = self.earlier = router.route(self.options.max_iterations)
                self.geometries = net_geometries(self.routes, self.technology, self.macros)
                undrawable = pins_at_faults(self.geometries, self.technology)
                undrawable += pins_with_near_cuts(self.geometries, self.technology)
                if not undrawable:
                    break
                self.progress(f"route: {len(undrawable)} pins need another access")
                router.find_other_ways(undrawable)
        if self.frame:
            self.frame.extend(self.geometries, self.technology)

    def _finish(self) -> None:
        with self._stage("gds"):
            self.layout: kdb.Layout = build_layout(
                self.netlist,
                self.plan,
                self.geometries,
                self.technology,
                self.library,
                self.macros,
                self.hard_macros,
            )
            self.fill = self._fill()
        with self._stage("check"):
            self.progress("check: extracting connectivity")
            self.connectivity: Connectivity = check_layout(
                self.layout,
                self.netlist,
                self.plan,
                self.geometries,
                self.technology,
                self.library,
                self.macros,
            )
        if not self.connectivity.clean:
            c = self.connectivity
            raise PnrError(
                f"the drawn layout is not the netlist: {len(c.opens)} opens, {len(c.shorts)} shorts,"
                f" {len(c.power)} supply faults; {c.first()}",
                where=self.top,
                hint="this is a defect of the engine: please report it with the netlist",
            )

    def _fill(self) -> dict[str, int]:
        """Squares of dummy metal per layer."""
        if not self.options.fill:
            return {}
        if self.technology.config.fill is None:
            raise PnrError("the PDK file describes no density fill", where="fill", hint="add route.fill to it")
        outlines = [self.blocks.outline(i) for i in self.blocks.instances]
        outlines += self.ring.keepouts() if self.ring else []
        return add_fill(self.layout, self.library, self.technology.config.fill, outlines)

    def write(self, outdir: Path) -> PnrResult:
        """Write all files; each appears under its name only when complete."""
        outdir.mkdir(parents=True, exist_ok=True)
        files: dict[str, Path] = {}
        pending: list[tuple[Path, Path]] = []

        def target(ending: str) -> Path:
            files[ending] = outdir / f"{self.top}.{ending}"
            temporary = outdir / f".{self.top}.unfinished.{ending}"
            pending.append((temporary, files[ending]))
            return temporary

        with self._stage("write"):
            self.layout.write(str(target("gds")))
            write_def(
                target("def"), self.netlist, self.plan, self.geometries, self.technology, self.library, self.macros
            )
            for name, parasitics in self.library.parasitics.items():
                endings = [f"{name}.spef"] + (["spef"] if name == self._typical_parasitics() else [])
                for ending in endings:
                    write_spef(
                        target(ending),
                        self.netlist,
                        self.geometries,
                        self.technology,
                        parasitics,
                        self.macros,
                    )
            write_lef(target("lef"), self.netlist, self.plan, self.technology, self.library)
            write_verilog(self.netlist, target("v"), None)
            write_verilog(self.netlist, target("pg.v"), self._power(), list(self.plan.idle_supplies))
        metrics = self.metrics()
        report = outdir / ".layout.json.unfinished"
        report.write_text(json.dumps(metrics, indent=2) + "\n")
        pending.append((report, outdir / "layout.json"))
        for temporary, final in pending:
            temporary.replace(final)
        return PnrResult(files, metrics)

    def _typical_parasitics(self) -> str:
        return self.library.typical.parasitics

    def _power(self) -> tuple[str, str, dict[str, list[tuple[str, str]]]]:
        """Supply pins per cell for the netlist with power."""
        power = self.library.power
        pins: dict[str, list[tuple[str, str]]] = {}
        for cell in {i.cell for i in self.netlist.instances.values()}:
            view = self.macros[cell]
            if cell in self.block_views:
                nets = {"POWER": power.power_net, "GROUND": power.ground_net}
                pins[cell] = [(p.name, nets[p.use]) for p in view.pins.values() if p.is_power]
                continue
            pins[cell] = [(p, power.power_net) for p in power.power_pins if p in view.pins]
            pins[cell] += [(p, power.ground_net) for p in power.ground_pins if p in view.pins]
        return power.power_net, power.ground_net, pins

    def metrics(self) -> dict[str, Any]:
        """Figures of the finished layout: lengths um, areas um2, times s and ns."""
        plan, geometries = self.plan, self.geometries
        core = plan.core
        row_area = plan.row_length * self.technology.row_height
        wirelength = sum(g.length_nm for g in geometries) / 1e3
        hpwl = half_perimeter(self.netlist, self.macros, plan)
        layers = self.technology.layers
        per_layer = {x.name: 0.0 for x in layers if x.wires}
        for geometry in geometries:
            for w in geometry.wires:
                per_layer[layers[w.layer].name] += (w.x2 - w.x1 + w.y2 - w.y1) / 1e3
        return {
            "schema": "asicflow.layout/1",
            "top": self.top,
            "library": self.library.name,
            "engine": "open",
            "die_um": [plan.width / 1e3, plan.height / 1e3],
            "core_um": [v / 1e3 for v in core],
            "rows": plan.rows,
            "cells": self.cells,
            "mapped_cells": self.design_cells,
            "instances": len(self.netlist.instances),
            "nets": len(geometries),
            "pins": self.connectivity.pins,
            "area_um2": self.cell_area / 1e6,
            "utilization": self.cell_area / row_area,
            "asked_utilization": self.options.utilization,
            "blocks": [self._block_metrics(i) for i in self.blocks.instances],
            "abstract_blocks": abstract_blocks(self.netlist, self.macros, self.options.blocks),
            "pads": self.ring.figures() if self.ring else {},
            "frame": self.frame.figures() if self.frame else {},
            "fill": self.fill,
            "wirelength_um": wirelength,
            "wirelength_per_layer_um": per_layer,
            "hpwl_um": hpwl,
            "vias": sum(len(g.vias) for g in geometries),
            "conflicts": 0,
            "opens": len(self.connectivity.opens),
            "shorts": len(self.connectivity.shorts),
            "iterations": self.routes.iterations,
            "buffers": self.buffering.inserted,
            "resized": self.buffering.resized,
            "tie_cells": self.buffering.ties,
            "antenna": {"diodes": self.diodes, "buffers": self.antenna_buffers, "gates_above_limit": len(self.charged)},
            "clock": self._clock_metrics(),
            "timing_estimate": [_timing_metrics(t) for t in self.timings],
            "seconds": {k: round(v, 2) for k, v in self.seconds.items()},
            "peak_memory_mb": _peak_memory_mb(),
            "seed": self.options.seed,
        }

    def _block_metrics(self, instance: Instance) -> dict[str, Any]:
        """Place and turn of a block, vias and cross wires per supply pin, and its Liberty file per corner."""
        contacts = {p: n for (name, p), n in self.plan.hooks.contacts.items() if name == instance.name}
        return {
            "instance": instance.name,
            "cell": instance.cell,
            "place_um": [instance.x / 1e3, instance.y / 1e3],
            "orientation": instance.orientation,
            "supply_contacts": contacts,
            "liberty": {
                c: p.name for b in self.options.blocks if instance.cell in read_lef(b.lef) for c, p in b.liberty.items()
            },
        }

    def _clock_metrics(self) -> dict[str, Any]:
        if self.tree is None:
            return {"sinks": 0, "levels": 0, "buffers": 0, "skew_ns": 0.0}
        return {
            "port": self.options.clock_port,
            "period_ns": self.options.clock_period_ns,
            "sinks": self.tree.sinks,
            "levels": self.tree.levels,
            "buffers": self.tree.buffers,
            "gates": self.tree.gates,
            "skew_ns": max((t.skew for t in self.timings), default=0.0),
            "latency_ns": max((max(t.latencies.values(), default=0.0) for t in self.timings), default=0.0),
        }


def _timing_metrics(timing: CornerTiming) -> dict[str, Any]:
    return {
        "corner": timing.corner.name,
        "setup_slack_ns": timing.worst("setup"),
        "hold_slack_ns": timing.worst("hold"),
        "slew_violations": sum(value > limit for _, value, limit in timing.slew),
        "capacitance_violations": sum(value > limit for _, value, limit in timing.capacitance),
        "skew_ns": timing.skew,
    }


def _peak_memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)
