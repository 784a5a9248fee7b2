"""The open place-and-route engine: from a mapped netlist to a checked layout."""

from asicflow.flow.pnr.engine import PnrOptions, PnrResult, implement
from asicflow.flow.pnr.netlist import PnrError

__all__ = ["PnrError", "PnrOptions", "PnrResult", "implement"]
