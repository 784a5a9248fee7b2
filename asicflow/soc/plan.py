"""Plan the memories and the area of a SoC before anything long runs.

The planner names the macros of each memory, the corners they are characterised
for, the files that are missing, and whether macros and logic fit a shuttle's place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from asicflow.config import SocConfig
from asicflow.errors import UserError
from asicflow.pdk import Library, Pdk
from asicflow.pdk.area import nand2_um2
from asicflow.pdk.lef import read_lef
from asicflow.pdk.memory import FLIPFLOPS, MacroPlan, compose
from asicflow.pdk.pads import Slot, chip_slots, slots

PLAN_SCHEMA = "asicflow.plan/1"
SOC_NAND2 = 35_000
"""NAND2 equivalents of the SoC's logic without memories and engine: some 25,000 after synthesis (``python -m
benchmarks.soc``), the rest for buffers, the clock tree and the boot ROM's contents in a layout."""
FLIPFLOP_NAND2_PER_BIT = 10.3
"""NAND2 equivalents of one bit of flip-flop memory, enable and read multiplexer included (64 words, same tool)."""
SLOT_SHARE = 0.8
"""Largest share of the room beside the macros that logic may take in a chip's slot, whose size is fixed: wires to the
macros' pins and the channels between macros take some, too."""
HALO_UM = 10.0
"""Room around a macro, each side, that stays free of cells: its power ring and pin access."""


@dataclass(frozen=True)
class Box:
    """A rectangle in um, (x, y) its lower left corner."""

    name: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class MemoryPlan:
    """One memory: its macros, their size in um, and what is missing for a verified layout."""

    name: str
    bytes: int
    macro: str
    banks: int
    lanes: int
    width_um: float
    height_um: float
    area_um2: float
    corners: dict[str, bool]
    gds: bool

    @property
    def count(self) -> int:
        """Macros in all."""
        return self.banks * self.lanes


@dataclass(frozen=True)
class SlotPlan:
    """A shuttle's place: the macros in it, and the share of the rest that the logic takes."""

    name: str
    title: str
    width_um: float
    height_um: float
    macros: list[Box]
    free_um2: float
    logic_um2: float

    @property
    def fits(self) -> bool:
        """True when every macro has its place and the logic fits in the rest."""
        return bool(self.free_um2 >= self.logic_um2)

    @property
    def share(self) -> float:
        """Share of the rest that the logic takes; infinite without room for the macros."""
        return self.logic_um2 / self.free_um2 if self.free_um2 else math.inf


@dataclass(frozen=True)
class Plan:
    """The whole plan; areas in um2.  ``logic_um2`` is at the library's utilization.

    ``die_um`` is the width and height of the smallest square that holds macros, logic and the margin around them.
    """

    pdk: str
    library: str
    ram: str
    memories: list[MemoryPlan]
    cells_um2: float
    utilization: float
    logic_nand2: float
    logic_um2: float
    engine_nand2: float | None
    die_um: float
    slots: list[SlotPlan] = field(default_factory=list)

    @property
    def unverified(self) -> list[str]:
        """What a layout with these macros cannot be verified for, one line each."""
        found = []
        for memory in self.memories:
            lacking = [corner for corner, there in memory.corners.items() if not there]
            if lacking:
                found.append(f"{memory.name}: timing of {memory.macro} in {', '.join(lacking)}: no Liberty file")
            if memory.macro and not memory.gds:
                found.append(f"{memory.name}: layout of {memory.macro}: no GDS, only its LEF abstract")
        return found


def plan_soc(pdk: Pdk, library: Library, soc: SocConfig, engine_nand2: float | None = None) -> Plan:
    """Plan memories, area and places.

    Parameters
    ----------
    pdk, library : Pdk, Library
        The process and its cells; needs their LEF files.
    soc : SocConfig
        Memory sizes, and whether they are of macros or flip-flops.
    engine_nand2 : float, optional
        NAND2 equivalents of the inference engine, when known.

    Raises
    ------
    UserError
        If a memory cannot be made, or a macro's LEF is missing.
    """
    sizes = {"imem": soc.imem_bytes, "dmem": soc.dmem_bytes}
    nand2 = nand2_um2(library)
    gates: float = SOC_NAND2 + (engine_nand2 or 0)
    if soc.ram == FLIPFLOPS:
        gates += FLIPFLOP_NAND2_PER_BIT * 8 * sum(sizes.values())
        planned = [MemoryPlan(name, size, "", 0, 0, 0.0, 0.0, 0.0, {}, True) for name, size in sizes.items()]
    else:
        planned = [_memory(name, size, compose(pdk, size), library) for name, size in sizes.items()]
    cells = gates * nand2
    logic = cells / library.utilization["soc"]
    places = [_place(slot, planned, logic) for slot in slots(pdk)]
    die = smallest_square(planned, logic) + 2 * max(library.route.get("margin", [0])) / 1e3
    share = library.utilization["soc"]
    return Plan(pdk.name, library.name, soc.ram, planned, cells, share, gates, logic, engine_nand2, die, places)


def check_slot(pdk: Pdk, library: Library, soc: SocConfig, slot: Slot, engine_nand2: float) -> SlotPlan:
    """Return the plan of a chip in a slot.

    Raises
    ------
    UserError
        If macros or logic do not fit; names the slots that hold the system, and the memories that fit this slot.
    """
    found = {place.name: place for place in plan_soc(pdk, library, soc, engine_nand2).slots}
    place = found[slot.name]
    if place.share <= SLOT_SHARE:
        return place
    what = "its memory macros have no room" if not place.free_um2 else (
        f"logic of {place.logic_um2 / 1e6:.2f} mm2 at {library.utilization['soc']:.0%} utilization has only "
        f"{place.free_um2 / 1e6:.2f} mm2 beside the memory macros"
    )  # fmt: skip
    larger = [s.name for s in chip_slots(pdk) if found[s.name].share <= SLOT_SHARE]
    fewer = _memories_that_fit(pdk, library, soc, slot, engine_nand2)
    hints = [f"--slot {larger[0]} holds it"] if larger else ["no slot of this process holds it"]
    hints.append(
        f"this slot holds soc.imem_bytes {fewer[0]} with soc.dmem_bytes {fewer[1]}" if fewer
        else "no memories that programs could use make it fit this slot; so would only a smaller engine"
    )  # fmt: skip
    raise UserError(
        f"the system does not fit slot {slot.name} ({slot.width_um:g} x {slot.height_um:g} um inside): {what}",
        where="layout.slot",
        hint="; ".join(hints),
    )


LEAST_BYTES = (2048, 512)
"""Least bytes of instruction and data memory that the programs that come with asicflow can use."""


def _memories_that_fit(
    pdk: Pdk, library: Library, soc: SocConfig, slot: Slot, engine_nand2: float
) -> tuple[int, int] | None:
    """The largest memories, neither above those asked for, with which the system fits a slot."""
    sizes = [
        (i, d)
        for i in (LEAST_BYTES[0] << k for k in range(6))
        for d in (LEAST_BYTES[1] << k for k in range(8))
        if i <= soc.imem_bytes and d <= soc.dmem_bytes
    ]
    for imem, dmem in sorted(sizes, key=lambda size: (-sum(size), -size[0])):
        less = soc.model_copy(update={"imem_bytes": imem, "dmem_bytes": dmem})
        places = plan_soc(pdk, library, less, engine_nand2).slots
        if next(p for p in places if p.name == slot.name).share <= SLOT_SHARE:
            return imem, dmem
    return None


def check_memories(pdk: Pdk, soc: SocConfig) -> None:
    """Refuse memories that the process cannot make (UserError); needs no PDK data."""
    if soc.ram != FLIPFLOPS:
        for size in (soc.imem_bytes, soc.dmem_bytes):
            compose(pdk, size)


def plan_json(plan: Plan) -> str:
    """Return the plan as JSON, schema ``asicflow.plan/1``."""
    data: dict[str, Any] = {"schema": PLAN_SCHEMA, **asdict(plan), "unverified": plan.unverified}
    for entry, slot in zip(data["slots"], plan.slots, strict=True):
        entry["fits"] = slot.fits
    return json.dumps(data, indent=2) + "\n"


def _memory(name: str, size: int, made: MacroPlan, library: Library) -> MemoryPlan:
    macro = made.macro
    if not macro.lef.is_file():
        raise UserError(
            f"the LEF file of {macro.name} is missing", where=str(macro.lef), hint="asicflow doctor lists PDK files"
        )
    abstract = read_lef(macro.lef)[macro.name]
    width, height = abstract.width / 1e3, abstract.height / 1e3
    corners = {corner: corner in macro.liberty and macro.liberty[corner].is_file() for corner in library.corners}
    area = made.count * width * height
    return MemoryPlan(name, size, macro.name, made.banks, made.lanes, width, height, area, corners, macro.gds.is_file())


def _place(slot: Slot, memories: Sequence[MemoryPlan], logic_um2: float) -> SlotPlan:
    boxes = pack(memories, slot.width_um, slot.height_um)
    if boxes is None:
        return SlotPlan(slot.name, slot.title, slot.width_um, slot.height_um, [], 0.0, logic_um2)
    taken = sum((b.width + 2 * HALO_UM) * (b.height + 2 * HALO_UM) for b in boxes)
    free = slot.width_um * slot.height_um - taken
    return SlotPlan(slot.name, slot.title, slot.width_um, slot.height_um, boxes, free, logic_um2)


def smallest_square(memories: Sequence[MemoryPlan], logic_um2: float) -> float:
    """Return the side in um, to a micrometre, of the smallest square that holds the macros in rows and the logic."""
    taken = sum(m.count * (m.width_um + 2 * HALO_UM) * (m.height_um + 2 * HALO_UM) for m in memories)
    side = math.ceil(math.sqrt(taken + logic_um2))
    while pack(memories, side, side) is None:
        side += 1
    return float(side)


def pack(memories: Sequence[MemoryPlan], width: float, height: float) -> list[Box] | None:
    """Put every macro in rows from the lower left corner, the tallest first; None when they do not fit.

    Each has :data:`HALO_UM` around it, inside the area.
    """
    wanted = [
        (f"{memory.name}{index}", memory.width_um, memory.height_um)
        for memory in sorted(memories, key=lambda m: -m.height_um)
        for index in range(memory.count)
    ]
    boxes, x, y, row = [], 0.0, 0.0, 0.0
    for name, w, h in wanted:
        full_w, full_h = w + 2 * HALO_UM, h + 2 * HALO_UM
        if x + full_w > width:
            x, y, row = 0.0, y + row, 0.0
        if x + full_w > width or y + full_h > height:
            return None
        boxes.append(Box(name, x + HALO_UM, y + HALO_UM, w, h))
        x, row = x + full_w, max(row, full_h)
    return boxes


def draw(plan: Plan, slot: SlotPlan, paths: Sequence[Path]) -> None:
    """Draw one place with its macros and the room for logic; the suffix chooses PNG or SVG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import Rectangle

    figure, axes = pyplot.subplots(figsize=(7, 7 * slot.height_um / slot.width_um + 0.6), dpi=120)
    share = slot.logic_um2 / slot.free_um2 if slot.free_um2 else float("inf")
    verdict = "fits" if slot.fits else "does not fit"
    axes.add_patch(Rectangle((0, 0), slot.width_um, slot.height_um, facecolor="#f4f1ea", edgecolor="#333", lw=1.5))
    for box in slot.macros:
        axes.add_patch(
            Rectangle(
                (box.x - HALO_UM, box.y - HALO_UM), box.width + 2 * HALO_UM, box.height + 2 * HALO_UM,
                facecolor="#dfe8ee", edgecolor="none",
            )
        )  # fmt: skip
        colour = "#7aa6c2" if box.name.startswith("imem") else "#c29a7a"
        axes.add_patch(Rectangle((box.x, box.y), box.width, box.height, facecolor=colour, edgecolor="#333"))
        axes.text(box.x + box.width / 2, box.y + box.height / 2, box.name, ha="center", va="center", fontsize=7)
    axes.set_xlim(-0.02 * slot.width_um, 1.02 * slot.width_um)
    axes.set_ylim(-0.02 * slot.height_um, 1.02 * slot.height_um)
    axes.set_aspect("equal")
    axes.set_xlabel("um")
    axes.set_title(
        f"{slot.title}, {plan.pdk}\n"
        f"macros {len(slot.macros)}, logic {slot.logic_um2 / 1e6:.2f} mm2 = {share:.0%} of the rest: {verdict}",
        fontsize=9,
    )
    figure.tight_layout()
    for path in paths:
        figure.savefig(path)
    pyplot.close(figure)
