"""What the caller of the place-and-route engine decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from asicflow.flow.pnr.blocks import BlockPlace
from asicflow.flow.pnr.floorplan import PinSpot
from asicflow.flow.pnr.netlist import PnrError
from asicflow.pdk.block import Block
from asicflow.pdk.frame import FixedFrame
from asicflow.pdk.pads import PadRing


@dataclass(frozen=True)
class PnrOptions:
    """What the caller decides.

    clock_port : name of the clock input, or "" for combinational designs.
    clock_period_ns : period in ns.
    utilization : share of the core that cells fill; lowered when wires crowd or routing gets stuck, unless
        `die_area` is given.
    aspect : core height over width.
    die_area : (width, height) of the die in um, or None.
    pin_sides : side ("west", "south", "east", "north") per port, bit or bus name.
    pin_places : side, place along it and layer per port: a pin plan.
    pad_ring : pads around the core; the netlist has them, they decide on the die and on all pin places.
    frame : a shuttle's frame: it decides on the die, the pins and the supply rings.
    max_iterations : routing passes.
    hold_margin_ns : slack that hold repair leaves on every register.
    input_delay, output_delay : (early, late) shares of the period that the outside takes.
    input_slew_ns : transition of the signals at the input ports.
    blocks : files of the hard macros that the netlist instantiates.
    block_places : place and orientation per block instance; the others are placed at the core's edges.
    halo_um : distance in um that cells keep from blocks.
    rings : power rings around the core, as the PDK file describes them.
    fill : density fill on the process' dummy layers; on a chip it comes last, over everything.
    """

    clock_port: str
    clock_period_ns: float
    utilization: float = 0.45
    aspect: float = 1.0
    seed: int = 1
    die_area: tuple[float, float] | None = None
    pin_sides: dict[str, str] | None = None
    pin_places: Mapping[str, PinSpot] = field(default_factory=dict)
    pad_ring: PadRing | None = None
    frame: FixedFrame | None = None
    max_iterations: int = 400
    hold_margin_ns: float = 0.1
    input_delay: tuple[float, float] = (0.1, 0.4)
    output_late: float = 0.4
    input_slew_ns: float = 0.1
    blocks: tuple[Block, ...] = ()
    block_places: Mapping[str, BlockPlace] = field(default_factory=dict)
    halo_um: float = 10.0
    rings: bool = False
    fill: bool = False


def check_options(options: PnrOptions) -> None:
    """PnrError for values that no design can have."""
    if not 0.05 <= options.utilization <= 0.95:
        raise PnrError(f"utilisation {options.utilization} is outside 0.05 to 0.95", where="utilization")
    if options.clock_period_ns <= 0 or options.aspect <= 0:
        raise PnrError("clock period and aspect must be positive", where="PnrOptions")
    if options.pad_ring and (options.die_area or options.rings or options.pin_sides or options.pin_places):
        raise PnrError(
            "a ring of pads decides on the die, its rings and the pins",
            where="pad_ring",
            hint="leave out die_area, rings, pin_sides and pin_places",
        )
    asked = (options.pad_ring, options.die_area, options.rings, options.pin_sides, options.pin_places)
    if options.frame and any(asked):
        raise PnrError("a frame decides on the die, its rings and the pins", where="frame", hint="leave them out")
