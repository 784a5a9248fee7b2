"""The load of output ports, moved from the constraints into the parasitics."""

import pytest

from asicflow.errors import StageError
from asicflow.flow.port_load import add_port_loads, split_load
from asicflow.flow.sta import spef_capacitances

SPEF = """*C_UNIT 1 PF
*D_NET q_o 0.010
*CONN
*I _7_:Q O
*P q_o O
*CAP
1 q_o:1 0.010
*RES
1 _7_:Q q_o:1 10
2 q_o:1 q_o 10
*END

*D_NET d_i 0.020
*CONN
*P d_i I
*I _7_:D I
*CAP
1 d_i:1 0.020
*RES
1 d_i d_i:1 10
*END
"""


def test_output_ports_get_the_load_and_inputs_do_not() -> None:
    text = add_port_loads(SPEF, 0.05)
    assert spef_capacitances(text.splitlines()) == pytest.approx({"q_o": 0.06e-12, "d_i": 0.02e-12})
    assert "2 q_o 0.05\n*RES\n1 _7_:Q q_o:1 10" in text


def test_no_load_leaves_the_text_alone() -> None:
    assert add_port_loads(SPEF, 0.0) == SPEF


def test_load_is_taken_out_of_the_constraints() -> None:
    sdc, load = split_load("create_clock -period 4 clk\nset_load 0.0500 $outputs\n")
    assert load == 0.05
    assert "set_load" not in sdc
    assert "create_clock" in sdc


@pytest.mark.parametrize("sdc", ["set_load -wire_load 0.1 [get_nets a]", "set_load 1 $a\nset_load 2 $b"])
def test_load_that_would_be_lost_is_an_error(sdc: str) -> None:
    with pytest.raises(StageError):
        split_load(sdc)
