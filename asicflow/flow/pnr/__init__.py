"""The open place-and-route engine: from a mapped netlist to a checked layout."""

from asicflow.flow.pnr.blocks import BlockPlace
from asicflow.flow.pnr.design import Design, PnrResult
from asicflow.flow.pnr.engine import implement
from asicflow.flow.pnr.floorplan import PinSpot
from asicflow.flow.pnr.netlist import PnrError
from asicflow.flow.pnr.options import PnrOptions
from asicflow.pdk.block import Block, memory_block

__all__ = [
    "Block", "BlockPlace", "Design", "PinSpot", "PnrError", "PnrOptions", "PnrResult", "implement", "memory_block",
]  # fmt: skip
