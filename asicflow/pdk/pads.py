"""Pad cells and shuttle slots of a process: the ``pads`` and ``slots`` of its PDK file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from asicflow.errors import UserError
from asicflow.pdk.block import Block
from asicflow.pdk.config import Pdk
from asicflow.resources import resource

PadKind = Literal["schmitt", "input", "output", "bidir"]
"""What a pad is for; each process says which cell it takes."""

_IP = "ip/pads"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PadCell(_Data):
    """A pad cell by the roles of its pins; pins of ``constants`` are tied to these levels, those of ``open`` not used.

    ``pad`` is the bond pad's pin, ``input`` carries its level to the core, ``output`` is driven onto it while
    ``enable`` is 1; ``input`` is 0 unless ``listen`` is 1, which it is while the pad does not drive (the library has
    the delays of a driving pad for that case only). ``pull_up`` and ``pull_down`` are 1 for a resistor.
    """

    cell: str
    pad: str
    input: str | None = None
    output: str | None = None
    enable: str | None = None
    listen: str | None = None
    pull_up: str
    pull_down: str
    constants: dict[str, int] = {}
    open: list[str] = []


class Pads(_Data):
    """The ``pads`` section of a PDK file; lengths in um, ``supply`` in volts.

    ``bond`` is a rectangle (left, bottom, right, top) inside the bond pad of every cell that has one.
    """

    data: Path
    lef: str
    gds: str
    cdl: str
    models: list[str]
    supply: float
    corners: dict[str, str]
    stand_in: str
    kinds: dict[PadKind, PadCell]
    power: str
    ground: str
    corner: str
    fillers: list[str]
    bond: tuple[float, float, float, float]
    depth: float
    edge: float
    channel: float
    ring: float

    @property
    def frame(self) -> float:
        """Distance from the die's edge to the box of the core."""
        return self.edge + self.depth + self.channel


@dataclass(frozen=True)
class Slot:
    """A shuttle's place for a design.

    ``width_um`` and ``height_um`` are what its cells and macros may use, ``die_um`` is the size of a chip that fills
    it, None for a place that a design only has to fit in. ``frame`` is the frame around it (:mod:`asicflow.pdk.frame`),
    None for a chip with pads of its own.
    """

    name: str
    title: str
    width_um: float
    height_um: float
    die_um: tuple[float, float] | None = None
    frame: str | None = None


def pads(pdk: Pdk) -> Pads | None:
    """Return the pad section of a PDK file, None when it has none (UserError when it is not valid)."""
    raw = pdk.raw.get("pads")
    if raw is None:
        return None
    try:
        return Pads.model_validate(raw)
    except ValidationError as error:
        raise UserError(f"the PDK file is not valid: {error}", where=str(pdk.config_path)) from error


def need_pads(pdk: Pdk) -> Pads:
    """Return the pad section of a PDK file.

    Raises
    ------
    UserError
        If the process has no pads.
    """
    found = pads(pdk)
    if found is None:
        raise UserError(f"{pdk.name} has no pad cells", where="top", hint="use gf180, or top soc")
    return found


def pad_models(found: Pads) -> list[Path]:
    """Return the simulation models of the pad cells."""
    return [resource(_IP) / name for name in found.models]


def pad_block(pdk: Pdk, corners: Iterable[str]) -> Block:
    """Return the views of the pad cells.

    A corner that their makers did not characterise takes the Liberty file of ``stand_in``.

    Raises
    ------
    UserError
        If the process has no pads, or a file is missing.
    """
    found = need_pads(pdk)
    base = pdk.root / found.data
    liberty = {corner: base / found.corners.get(corner, found.corners[found.stand_in]) for corner in corners}
    block = Block(base / found.lef, liberty, base / found.gds)
    for path in (block.lef, base / found.gds, *liberty.values()):
        if not path.is_file():
            raise UserError("a file of the pad cells is missing", where=str(path), hint="complete the PDK root")
    return block


def slots(pdk: Pdk) -> list[Slot]:
    """Return the places that the PDK file knows; those of chips without the ring of pads and its channel."""
    found = []
    for name, values in pdk.raw.get("slots", {}).items():
        if "die_um" not in values:
            found.append(Slot(name=name, **values))
            continue
        width, height = values["die_um"]
        margin_x, margin_y = (m / 1e3 for m in pdk.raw["route"]["margin"])
        frame = values.get("frame")
        ring = 0.0 if frame else need_pads(pdk).frame
        inner = (width - 2 * (ring + margin_x), height - 2 * (ring + margin_y))
        found.append(Slot(name, values["title"], round(inner[0], 3), round(inner[1], 3), (width, height), frame))
    return found


def chip_slots(pdk: Pdk) -> list[Slot]:
    """Return the slots that chips fill, the smallest first."""
    found = [slot for slot in slots(pdk) if slot.die_um]
    return sorted(found, key=lambda slot: slot.width_um * slot.height_um)


def chip_slot(pdk: Pdk, name: str | None) -> Slot:
    """Return a chip's slot by name.

    Raises
    ------
    UserError
        If there is none of that name, or none was given; lists those that there are.
    """
    known = {slot.name: slot for slot in chip_slots(pdk)}
    if name not in known:
        sizes = ", ".join(f"{s.name} ({s.die_um[0]:g} x {s.die_um[1]:g} um)" for s in known.values() if s.die_um)
        what = f"{pdk.name} has no slot '{name}'" if name else "a chip needs the slot that it fills"
        raise UserError(what, where="layout.slot (--slot)", hint=f"choose one of: {sizes}")
    return known[name]


@dataclass(frozen=True)
class PadRing:
    """What place and route needs to put a ring of pads around a core.

    pads : pad instances of the netlist in their order around the ring, counter-clockwise from the lower left corner.
    die_um : width and height of the chip.
    cells : the cells of the ring and their measures.
    block : their LEF, Liberty and GDS.
    """

    pads: tuple[str, ...]
    die_um: tuple[float, float]
    cells: Pads
    block: Block


def pad_ring(pdk: Pdk, slot: str | None, instances: Iterable[str], corners: Iterable[str]) -> PadRing:
    """Return the ring of a chip in a slot around the pad instances given (UserError: see :func:`chip_slot`)."""
    die = chip_slot(pdk, slot).die_um
    assert die is not None
    return PadRing(tuple(instances), die, need_pads(pdk), pad_block(pdk, corners))
