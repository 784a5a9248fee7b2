"""The gate on a chip's slot: its size, and its ring of pads with the free edge or the fixed pins of its frame."""

from __future__ import annotations

from collections import Counter

import klayout.db as kdb

from asicflow.pdk.config import Pdk
from asicflow.pdk.frame import fixed_frame
from asicflow.pdk.pads import Pads, chip_slot, need_pads
from asicflow.signoff.context import GateContext
from asicflow.signoff.frame_pins import frame_faults
from asicflow.signoff.gate import Gate
from asicflow.signoff.layout import Placed
from asicflow.signoff.verdict import Finding, GateResult, Tool, UnverifiedError, verdict_of

GDS = "layout/{top}.gds"


class SlotGate(Gate):
    """The die is the slot.

    A ring of pads without gap runs along its edge, and nothing else is at the edge; or pins and supply rings are where
    the slot's frame has them.
    """

    id = "layout.slot"
    title = "Chip fills its shuttle slot: die, and ring of pads with free edge, or fixed pins and supply rings"
    inputs = (GDS, "soc/soc.json")

    def not_applicable(self, context: GateContext) -> str:
        """Only a chip fills a slot."""
        chip = context.top == "chip" or context.frame
        return "" if chip else f"top {context.top} is no chip: a shuttle's frame goes around it"

    def run(self, context: GateContext) -> GateResult:
        """Measure the GDS alone against the PDK file's slot and the pads that the RTL has."""
        if context.pdk is None:
            raise UnverifiedError("the PDK root is not known", "set ASICFLOW_PDK_ROOT or give --pdk-root")
        if context.frame:
            return self._in_frame(context, context.pdk)
        slot, cells = chip_slot(context.pdk, context.config.layout.slot), need_pads(context.pdk)
        die = context.layout.cell.dbbox()
        findings = []
        if slot.die_um and (die.left, die.bottom, round(die.right, 3), round(die.top, 3)) != (0, 0, *slot.die_um):
            text = f"the layout is {die.width():g} x {die.height():g} um from ({die.left:g}, {die.bottom:g}) um, "
            text += f"the slot {slot.name} {slot.die_um[0]:g} x {slot.die_um[1]:g} um from the origin"
            findings.append(Finding(text, "size"))
        placed = [p for p in context.layout.instances() if p.cell in _names(cells)]
        count = Counter(p.cell for p in placed)
        asked = len(context.json("soc/soc.json")["pads"])
        signals = sum(count[name] for name in {kind.cell for kind in cells.kinds.values()})
        if signals != asked or not asked:
            findings.append(Finding(f"{signals} signal pads, the chip has {asked}", "pads"))
        for name, least in ((cells.power, 1), (cells.ground, 1), (cells.corner, 4)):
            if count[name] < least:
                findings.append(Finding(f"{count[name]} of {name}, at least {least} needed", "pads"))
        findings += self._ring(context, cells, placed, die)
        findings += self._edge(context, cells, die)
        supplies = count[cells.power] + count[cells.ground]
        return GateResult(
            verdict_of(findings),
            f"{die.width():g} x {die.height():g} um in slot {slot.name}, {signals} signal and {supplies} supply pads",
            {"width_um": round(die.width(), 3), "height_um": round(die.height(), 3), "signal_pads": signals,
             "supply_pads": supplies, "slot": slot.name},
            findings=findings,
            tool=Tool("klayout", kdb.__version__),
        )  # fmt: skip

    def _in_frame(self, context: GateContext, pdk: Pdk) -> GateResult:
        """The die, every pin and the supply rings are those of the frame."""
        slot = context.config.layout.slot
        frame = fixed_frame(pdk, "chip", slot)
        assert frame is not None
        findings = frame_faults(context.layout, frame, context.library)
        figures = {"width_um": frame.die_um[0], "height_um": frame.die_um[1], "pins": len(frame.pins),
                   "supply_rings": len(frame.rings), "slot": slot}  # fmt: skip
        summary = f"{frame.die_um[0]:g} x {frame.die_um[1]:g} um in slot {slot}, {len(frame.pins)} fixed pins"
        tool = Tool("klayout", kdb.__version__)
        return GateResult(verdict_of(findings), summary, figures, findings=findings, tool=tool)

    def _ring(self, context: GateContext, cells: Pads, placed: list[Placed], die: kdb.DBox) -> list[Finding]:
        """No gap between the cells of the ring, whose rails join by touching."""
        inner = [round(1000 * v) for v in (cells.edge, cells.depth)]
        outer = kdb.Box(0, 0, round(1000 * die.width()), round(1000 * die.height())).enlarged(-inner[0], -inner[0])
        wanted = kdb.Region(outer) - kdb.Region(outer.enlarged(-inner[1], -inner[1]))
        views = context.macros
        outlines = [p.trans * kdb.Box(0, 0, views[p.cell].width, views[p.cell].height) for p in placed]
        gaps = wanted - kdb.Region(outlines)
        return [
            Finding("a gap in the ring of pads", "ring", gap.bbox().center().x / 1e3, gap.bbox().center().y / 1e3)
            for gap in gaps.merged().each()
        ]

    def _edge(self, context: GateContext, cells: Pads, die: kdb.DBox) -> list[Finding]:
        """Nothing but the outline of the die lies in the edge for the seal ring."""
        db = context.layout.db
        box, away = context.layout.cell.bbox(), round(1000 * cells.edge)
        strips = kdb.Region(box) - kdb.Region(box.enlarged(-away, -away))
        findings = []
        for index in db.layer_indexes():
            info = db.get_info(index)
            if (info.layer, info.datatype) == context.library.boundary:
                continue
            searched = kdb.Region()
            for strip in strips.decompose_trapezoids_to_region().each():
                searched += kdb.Region(context.layout.cell.begin_shapes_rec_overlapping(index, strip.bbox()))
            for polygon in (searched & strips).merged().each():
                at = polygon.bbox().center()
                text = f"a shape within {cells.edge:g} um of the die's edge, which the seal ring needs"
                findings.append(Finding(text, "edge", at.x / 1e3, at.y / 1e3, f"{info.layer}/{info.datatype}"))
        return findings


def _names(cells: Pads) -> set[str]:
    return {cells.power, cells.ground, cells.corner, *cells.fillers, *(kind.cell for kind in cells.kinds.values())}
