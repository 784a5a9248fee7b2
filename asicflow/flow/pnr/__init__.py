"""The open place-and-route engine: from a mapped netlist to a checked layout."""

from asicflow.flow.pnr.blocks import Block, BlockPlace, memory_block
from asicflow.flow.pnr.engine import PnrOptions, PnrResult, implement
from asicflow.flow.pnr.netlist import PnrError

__all__ = ["Block", "BlockPlace", "PnrError", "PnrOptions", "PnrResult", "implement", "memory_block"]
