"""Gates on the layout: sanity, routing, density."""

from __future__ import annotations

from typing import Any

import klayout.db as kdb

from asicflow.signoff.context import GateContext
from asicflow.signoff.deck import load_deck
from asicflow.signoff.density import DensityLimit, density_rows, read_density_limits, with_manual
from asicflow.signoff.gate import Gate
from asicflow.signoff.pictures import METALS
from asicflow.signoff.spef import spef_nets
from asicflow.signoff.verdict import Finding, GateResult, Rows, Tool, UnverifiedError, Verdict, verdict_of

GDS = "layout/{top}.gds"
FIGURES = "layout/layout.json"
KLAYOUT = Tool("klayout", kdb.__version__)


class SanityGate(Gate):
    """One top cell of the right name, the right grid, the origin at the corner, nothing empty."""

    id = "layout.sanity"
    title = "Layout sanity"
    inputs = (GDS,)

    def run(self, context: GateContext) -> GateResult:
        """Read the GDS without any expectation and list what is odd."""
        db = kdb.Layout()
        db.read(str(context.path(GDS)))
        findings: list[Finding] = []
        tops = [c.name for c in db.top_cells()]
        if tops != [context.top]:
            findings.append(Finding(f"top cells: {', '.join(tops) or 'none'}; {context.top} asked", "top"))
        if abs(db.dbu - 0.001) > 1e-9:
            findings.append(Finding(f"database unit {db.dbu} um, not 0.001 um", "dbu"))
        cell = db.cell(context.top) if db.has_cell(context.top) else None
        figures: dict[str, Any] = {"cells": db.cells(), "dbu_um": db.dbu}
        if cell is not None:
            findings += self._box(context, db, cell, figures)
            findings += [Finding(f"cell {c.name} is empty", "empty") for c in db.each_cell() if c.is_empty()]
            findings += zero_area(db, cell)
            findings += self._off_layers(context, db, cell)
        layers: Rows = [
            {
                "layer": layer.name,
                "gds": f"{layer.drawing[0]}/{layer.drawing[1]}",
                "colour": f"#{METALS[i // 2 % len(METALS)]:06x}",
            }
            for i, layer in enumerate(context.library.layers.values())
            if layer.label is not None
        ]
        size = f"{figures.get('width_um', 0):g} x {figures.get('height_um', 0):g} um"
        return GateResult(
            verdict_of(findings),
            f"one top cell, {size}, {len(findings)} oddities",
            figures,
            {"layers": layers},
            findings,
            tool=KLAYOUT,
        )

    def _box(self, context: GateContext, db: kdb.Layout, cell: kdb.Cell, figures: dict[str, Any]) -> list[Finding]:
        """Compare the die box with layout.json; everything must lie in it.

        Pins and supply rings of a frame do not: the gate layout.slot judges all that is outside then.
        """
        stated = context.json(FIGURES).get("die_um") if context.path(FIGURES).is_file() else None
        boundary = cell.bbox_per_layer(db.layer(*context.library.boundary)).to_dtype(db.dbu)
        drawn = cell.dbbox()
        box = boundary if not boundary.empty() else drawn
        figures |= {"width_um": round(box.width(), 3), "height_um": round(box.height(), 3)}
        findings = []
        if (round(box.left, 3), round(box.bottom, 3)) != (0.0, 0.0):
            text = f"the die's lower left corner is not the origin: ({box.left:g}, {box.bottom:g}) um"
            findings.append(Finding(text, "origin", box.left, box.bottom))
        if stated and (abs(box.width() - stated[0]) > 0.001 or abs(box.height() - stated[1]) > 0.001):
            text = f"the die is {box.width():g} x {box.height():g} um, layout.json says {stated}"
            findings.append(Finding(text, "die"))
        for name in () if context.frame else context.library.layers:
            metal = cell.bbox_per_layer(db.layer(*context.library.layers[name].drawing)).to_dtype(db.dbu)
            if not metal.empty() and not metal.inside(box):
                where = metal.p1 if not box.contains(metal.p1) else metal.p2
                findings.append(Finding(f"{name} reaches outside the die", "outside", where.x, where.y, name))
        return findings

    def _off_layers(self, context: GateContext, db: kdb.Layout, cell: kdb.Cell) -> list[Finding]:
        """The top cell itself may draw only on layers that the PDK file names."""
        known: set[tuple[int, int]] = {context.library.boundary}
        for layer in context.library.layers.values():
            known |= {p for p in (layer.drawing, layer.pin, layer.label) if p is not None}
        findings = []
        for index in db.layer_indexes():
            info = db.get_info(index)
            if not cell.shapes(index).is_empty() and (info.layer, info.datatype) not in known:
                place = next(cell.shapes(index).each()).dbbox().center()
                text = f"the top cell draws on {info.layer}/{info.datatype}, which the PDK file does not name"
                findings.append(Finding(text, "layer", place.x, place.y, f"{info.layer}/{info.datatype}"))
        return findings


def zero_area(db: kdb.Layout, cell: kdb.Cell) -> list[Finding]:
    """Shapes of the top cell without area."""
    findings = []
    for index in db.layer_indexes():
        for shape in cell.shapes(index).each(kdb.Shapes.SBoxes | kdb.Shapes.SPolygons | kdb.Shapes.SPaths):
            if shape.area() == 0:
                place = shape.dbbox().center()
                name = db.get_info(index).to_s()
                findings.append(Finding("shape without area", "zero_area", place.x, place.y, name))
    return findings


class RoutingGate(Gate):
    """The router finished without conflicts, and every net of the netlist has extracted wires."""

    id = "layout.routing"
    title = "Routing complete"
    inputs = (FIGURES, "layout/{top}.pg.v", "layout/{top}.spef")

    def run(self, context: GateContext) -> GateResult:
        """Read the router's count and compare netlist and SPEF net by net."""
        figures = context.json(FIGURES)
        findings = []
        conflicts = figures.get("conflicts")
        if conflicts is None:
            findings.append(Finding("layout.json states no count of routing conflicts", "conflicts"))
        elif conflicts:
            findings.append(Finding(f"the router left {conflicts} conflicts", "conflicts"))
        power = context.library.power
        supplies = {power.power_net, power.ground_net}
        nets = [n for n, pins in context.netlist.nets().items() if len(pins) > 1 and n not in supplies]
        wired = spef_nets(context.path("layout/{top}.spef"))
        findings += [Finding(f"net {n} has no extracted wire", "unrouted") for n in nets if n not in wired]
        if not nets:
            findings.append(Finding("the netlist has no net", "empty"))
        done = len(nets) - sum(f.rule == "unrouted" for f in findings)
        return GateResult(
            verdict_of(findings),
            f"{done} of {len(nets)} nets wired, {conflicts} conflicts",
            {
                "nets": len(nets),
                "nets_wired": done,
                "conflicts": conflicts,
                "wirelength_um": figures.get("wirelength_um"),
                "vias": figures.get("vias"),
            },
            findings=findings,
        )


class DensityGate(Gate):
    """Metal density per layer against the LEF's windows."""

    inputs = (GDS,)
    limit = ""

    def measure(self, context: GateContext) -> tuple[list[DensityLimit], Rows]:
        """The limits of the LEF and the measured densities."""
        limits = with_manual(read_density_limits(context.library.tech_lef), manual_density(context.library.pdk))
        mapped = [x for x in limits if x.layer in context.layout.layers]
        if not mapped:
            raise UnverifiedError("no density rule in the PDK files", "judge density with the shuttle's own deck")
        return mapped, density_rows(context.layout, mapped, self.limit)


def manual_density(process: str) -> list[DensityLimit]:
    """Density limits of the process' rule file; none without a file."""
    try:
        entries = load_deck(process).density
    except FileNotFoundError:
        return []
    return [DensityLimit(d.layer, d.minimum, d.maximum, d.window, d.step) for d in entries]


class DensityMaxGate(DensityGate):
    """No window is fuller than allowed."""

    id = "layout.density-max"
    title = "Maximum metal density per layer"
    limit = "maximum"

    def run(self, context: GateContext) -> GateResult:
        """Too much metal cannot be repaired by fill: a FAIL."""
        limits, rows = self.measure(context)
        known = [x for x in limits if x.maximum is not None]
        findings = [
            Finding(
                f"{r['layer']}: {r['worst_percent']} % in a window, limit {r['limit_percent']} %",
                "maximum",
                float(r["x_um"] or 0),
                float(r["y_um"] or 0),
                str(r["layer"]),
            )
            for r in rows
            if r["limit_percent"] is not None and float(r["worst_percent"] or 0) > float(r["limit_percent"])
        ]
        figures = {f"{r['layer']}_mean_percent": r["mean_percent"] for r in rows}
        if not known and not findings:
            names = ", ".join(f"{r['layer']} {r['mean_percent']} %" for r in rows)
            return GateResult(
                Verdict.UNVERIFIED,
                f"the PDK files state no maximum density ({names})",
                figures,
                {"layers": rows},
                tool=KLAYOUT,
                close="judge density with the shuttle's own deck on the filled chip",
            )
        text = f"{len(known)} layers below their maximum" if not findings else f"{len(findings)} layers too full"
        return GateResult(verdict_of(findings), text, figures, {"layers": rows}, findings, tool=KLAYOUT)


class DensityMinGate(DensityGate):
    """Minimum density is a rule of the filled chip."""

    id = "layout.density-min"
    title = "Minimum metal density per layer"
    limit = "minimum"

    def run(self, context: GateContext) -> GateResult:
        """PASS when every window is full enough; else UNVERIFIED, because fill comes with the chip."""
        rows = self.measure(context)[1]
        figures = {f"{r['layer']}_lowest_percent": r["worst_percent"] for r in rows}
        known = [r for r in rows if r["limit_percent"] is not None]
        low = [r for r in known if float(r["worst_percent"] or 0) < float(r["limit_percent"] or 0)]
        close = "insert fill when the block is placed on the chip, then judge density there"
        if not known:
            return GateResult(
                Verdict.UNVERIFIED,
                "the PDK files state no minimum density",
                figures,
                {"layers": rows},
                tool=KLAYOUT,
                close=close,
            )
        if low:
            names = ", ".join(f"{r['layer']} {r['worst_percent']} %" for r in low)
            return GateResult(
                Verdict.UNVERIFIED,
                f"below the minimum before fill: {names}",
                figures,
                {"layers": rows},
                tool=KLAYOUT,
                close=close,
            )
        return GateResult(
            Verdict.PASS, f"{len(known)} layers above their minimum", figures, {"layers": rows}, tool=KLAYOUT
        )
