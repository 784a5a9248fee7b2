"""What the layout engine takes from the constraints."""

from __future__ import annotations

from asicflow.flow.place_route import input_slew_ns
from asicflow.soc.constraints import BOARD, Driver, write_sdc


def test_the_inputs_transition_is_that_of_the_constraints() -> None:
    ports = ("dut", "clk", ["a", "b"], ["y"], 20.0)
    assert input_slew_ns(write_sdc(*ports, BOARD)) == BOARD.transition_ns
    assert input_slew_ns(write_sdc(*ports, Driver("buf_1", "X"))) is None
