"""Frames of shuttles: designs whose ports, die and pins somebody else has fixed; the ``frames`` of a PDK file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from asicflow.errors import UserError
from asicflow.pdk.config import Pdk
from asicflow.pdk.pads import chip_slot


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FrameIo(_Data):
    """The frame's pads: its vectors of levels from the pads, levels for them, and bits that release a pad while 1.

    ``pads`` says which pad each pin of the system takes, a vector from its lowest bit on.
    """

    inputs: str
    outputs: str
    released: str
    pads: dict[str, int]


class PinRow(_Data):
    """Consecutive pins of a side: ``names`` in turn for each bit from the first to the last of ``bits``.

    A name with a number behind ``-`` or ``+`` has the bit that much lower or higher; without ``bits`` the names are
    those of single pins.
    """

    names: list[str]
    bits: tuple[int, int] | None = None

    def pins(self) -> Iterator[str]:
        """Yield the pins in order."""
        if self.bits is None:
            yield from self.names
            return
        first, last = self.bits
        for bit in range(first, last + 1) if last >= first else range(first, last - 1, -1):
            for name in self.names:
                stem, sign, shift = re.fullmatch(r"(\w+)(?:([+-])(\d+))?", name).groups()  # type: ignore[union-attr]
                yield f"{stem}[{bit + int(f'{sign}{shift}') if shift else bit}]"


class PinSide(_Data):
    """The pins of one side, from its left or lower end.

    They are ``width`` um wide on ``layer``, evenly spread and then moved down to the tracks: pin k is on track number
    ``first + step * k``, rounded down; ``tracks`` are place and pitch of the tracks in um.
    """

    side: Literal["south", "east", "north", "west"]
    layer: str
    width: float
    tracks: tuple[float, float]
    first: float
    step: float
    rows: list[PinRow]

    def places(self) -> Iterator[tuple[str, int]]:
        """Yield every pin with its middle along the side, nm."""
        origin, pitch = (round(1000 * v) for v in self.tracks)
        names = (name for row in self.rows for name in row.pins())
        yield from ((name, origin + pitch * math.floor(self.first + self.step * k)) for k, name in enumerate(names))


class FramePins(_Data):
    """The pins of a frame, each from ``outside`` um beyond the edge of the die to ``inside`` um within."""

    outside: float
    inside: float
    sides: list[PinSide]


class FrameRings(_Data):
    """The supply rings outside the die, the innermost first, um.

    They are ``width`` wide and ``pitch`` apart; ``away`` is the distance of the innermost one's middle from the left,
    lower, right and upper edge.
    """

    order: list[str]
    width: float
    pitch: float
    away: tuple[float, float, float, float]


@dataclass(frozen=True)
class FixedPin:
    """Where a pin has to be: side, layer, shape in nm from the die's lower left corner."""

    side: str
    layer: str
    rect: tuple[int, int, int, int]


@dataclass(frozen=True)
class FixedFrame:
    """What place and route needs of a frame.

    die_um : width and height of the die.
    pins : where every pin but those of the supplies has to be.
    rings : of each supply, the pieces of its ring as (upright, rectangle in nm).
    power, ground : the supplies of the design.
    """

    die_um: tuple[float, float]
    pins: dict[str, FixedPin]
    rings: dict[str, list[tuple[bool, tuple[int, int, int, int]]]]
    power: str
    ground: str


class Frame(_Data):
    """One frame.

    ``name`` is the module that the shuttle expects, ``ports`` its ports as direction and bits, ``supplies`` its supply
    pins, of which ``power`` and ``ground`` feed the system. ``addition`` is what the system has for it (``soc.yaml``).
    ``clock`` is the system's clock, ``reset`` resets it while 1. ``inputs`` gives inputs of the system, ``outputs``
    gives outputs of the frame's module as expressions; ``host`` are the ports of the frame's own processor, which the
    simulated board drives. ``pins`` are the places of all pins but those of the supplies, ``rings``
    are the supplies'.
    """

    name: str
    addition: str
    clock: str
    reset: str
    ports: dict[str, tuple[Literal["input", "output", "inout"], int]]
    supplies: list[str]
    power: str
    ground: str
    io: FrameIo
    inputs: dict[str, str]
    outputs: dict[str, str]
    host: list[str]
    pins: FramePins
    rings: FrameRings

    def names(self, direction: str) -> list[str]:
        """Return the ports of a direction."""
        return [name for name, (way, _) in self.ports.items() if way == direction]

    def bits(self) -> list[str]:
        """Return the pins of all ports: ``name``, or ``name[k]`` of a vector."""
        return [
            pin
            for name, (_, bits) in self.ports.items()
            for pin in ([name] if bits == 1 else [f"{name}[{k}]" for k in range(bits)])
        ]

    def fixed_pins(self, die_um: tuple[float, float]) -> dict[str, FixedPin]:
        """Return where each pin has to be.

        Raises
        ------
        UserError
            If a pin has no place or two.
        """
        width, height = (round(1000 * v) for v in die_um)
        out, deep = round(1000 * self.pins.outside), round(1000 * self.pins.inside)
        found: dict[str, FixedPin] = {}
        for side in self.pins.sides:
            half = round(500 * side.width)
            for name, at in side.places():
                rect = {
                    "south": (at - half, -out, at + half, deep),
                    "north": (at - half, height - deep, at + half, height + out),
                    "west": (-out, at - half, deep, at + half),
                    "east": (width - deep, at - half, width + out, at + half),
                }[side.side]
                if name in found:
                    raise UserError(f"pin {name} of frame {self.name} has two places", where="frames of the PDK file")
                found[name] = FixedPin(side.side, side.layer, rect)
        if odd := sorted(set(found) ^ set(self.bits())):
            raise UserError(f"frame {self.name}: pin {odd[0]} has no place or no port", where="frames of the PDK file")
        return found

    def fixed(self, die_um: tuple[float, float]) -> FixedFrame:
        """Return what place and route needs (UserError: see :meth:`fixed_pins`)."""
        return FixedFrame(die_um, self.fixed_pins(die_um), self.ring_pieces(die_um), self.power, self.ground)

    def ring_pieces(self, die_um: tuple[float, float]) -> dict[str, list[tuple[bool, tuple[int, int, int, int]]]]:
        """Return the pieces of each supply's ring as (upright, rectangle in nm): left, right, lower, upper."""
        width, height = (round(1000 * v) for v in die_um)
        half, found = round(500 * self.rings.width), {}
        for k, name in enumerate(self.rings.order):
            left, low, right, up = (round(1000 * (v + k * self.rings.pitch)) for v in self.rings.away)
            x1, y1, x2, y2 = -left, -low, width + right, height + up
            columns = [(True, (x - half, y1 - half, x + half, y2 + half)) for x in (x1, x2)]
            found[name] = columns + [(False, (x1 - half, y - half, x2 + half, y + half)) for y in (y1, y2)]
        return found


def frame(pdk: Pdk, name: str) -> Frame:
    """Return a frame of a process by name (UserError when the PDK file has none of it, or it is not valid)."""
    try:
        return Frame.model_validate({"name": name, **pdk.raw["frames"][name]})
    except (KeyError, ValidationError) as error:
        raise UserError(f"the PDK file has no valid frame {name}: {error}", where=str(pdk.config_path)) from error


def chip_frame(pdk: Pdk, top: str, slot: str | None) -> Frame | None:
    """Return the frame around a design: that of its slot, None for other tops than ``chip`` and slots without one.

    Raises
    ------
    UserError
        If a chip has no slot of that name.
    """
    if top != "chip":
        return None
    name = chip_slot(pdk, slot).frame
    return frame(pdk, name) if name else None


def fixed_frame(pdk: Pdk, top: str, slot: str | None) -> FixedFrame | None:
    """Return what place and route needs of the frame around a design, None without one."""
    found = chip_frame(pdk, top, slot)
    if found is None:
        return None
    die = chip_slot(pdk, slot).die_um
    assert die is not None
    return found.fixed(die)
