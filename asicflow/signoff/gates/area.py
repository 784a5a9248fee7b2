"""Gate on area: cells by kind and by block, counted from the netlist."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from asicflow.pdk.config import Cells
from asicflow.pdk.lef import read_lef
from asicflow.pdk.liberty import LibertyCell, read_liberty
from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import Gate
from asicflow.signoff.gates.layout import FIGURES
from asicflow.signoff.verdict import Finding, GateResult, Rows, verdict_of

ACCEL = "accel/accel.json"
ENGINE = "engine"
"""The engine's block in top ``accel``."""


class AreaGate(Gate):
    """Area of cells and macros, counted again from the netlist, Liberty and LEF."""

    id = "layout.area"
    title = "Cell area"
    mandatory = False
    inputs = ("layout/{top}.v", FIGURES)

    def run(self, context: GateContext) -> GateResult:
        """Sum areas by kind of cell and by block; every cell of the netlist must be known."""
        library = context.library
        known = read_liberty(library.typical.liberty).cells
        boxes = {name: view for block in context.blocks for name, view in read_lef(block.lef).items()}
        passive = {library.cells.tap, *library.cells.fillers, *library.cells.decaps, library.cells.antenna_diode[0]}
        used = Counter(i.cell for i in context.netlist.instances.values())
        areas: dict[str, float] = {}
        kinds: dict[str, float] = {}
        findings = []
        for name, count in used.items():
            if name in boxes:
                areas[name] = boxes[name].width * boxes[name].height / 1e6
                kind = "macros"
            elif name in passive:
                continue
            elif name in known:
                areas[name] = float(known[name].area)
                kind = _kind(name, known[name], library.cells)
            else:
                findings.append(Finding(f"{name} is not in the Liberty file", "unknown"))
                continue
            kinds[kind] = kinds.get(kind, 0.0) + count * areas[name]
        macros = kinds.get("macros", 0.0)
        total = sum(kinds.values()) - macros
        logic = sum(count for name, count in used.items() if name in areas and name not in boxes)
        stated = context.json(FIGURES)
        figures: dict[str, Any] = {
            "cell_area_um2": round(total, 2),
            "logic_cells": logic,
            "macro_area_um2": round(macros, 2),
            "area_stated_um2": stated.get("area_um2"),
        }
        core = stated.get("core_um")
        if isinstance(core, list) and len(core) == 2:
            room = float(core[0]) * float(core[1]) - macros
            figures["utilization_percent"] = round(100 * total / room, 2)
        text = f"{total:,.0f} um2 in {logic:,} cells" + (f", {macros:,.0f} um2 of macros" if macros else "")
        blocks = self._blocks(context, areas, set(boxes))
        figures |= self._prediction(context, blocks)
        tables = {"kinds": _rows("kind", kinds), "blocks": _rows("block", blocks)}
        return GateResult(verdict_of(findings), text, figures, tables, findings)

    def _prediction(self, context: GateContext, blocks: dict[str, float]) -> dict[str, float]:
        """What the cost model said of the engine before synthesis, and by how much it was off."""
        path = context.path(ACCEL)
        area = json.loads(path.read_text()).get("area_mm2") if path.is_file() else None
        if area is None or not blocks.get(ENGINE):
            return {}
        predicted = 1e6 * float(area)
        return {
            "engine_um2": round(blocks[ENGINE], 1),
            "engine_predicted_um2": round(predicted, 1),
            "prediction_error_percent": round(100 * (predicted / blocks[ENGINE] - 1), 1),
        }

    def _blocks(self, context: GateContext, areas: dict[str, float], boxes: set[str]) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, block in context.block_of.items():
            cell = context.netlist.instances[name].cell
            if cell in areas:
                key = f"{block}, macros" if cell in boxes else block
                found[key] = found.get(key, 0.0) + areas[cell]
        return found


def _rows(title: str, areas: dict[str, float]) -> Rows:
    return [{title: k, "area_um2": round(v, 1)} for k, v in sorted(areas.items(), key=lambda x: -x[1])]


def _kind(name: str, cell: LibertyCell, special: Cells) -> str:
    if cell.sequential == "gate":
        return "clock gates"
    if cell.is_sequential:
        return "registers"
    if name in special.clock_buffers:
        return "clock buffers"
    if name in (*special.buffers, *special.hold_buffers):
        return "buffers"
    return "logic"
