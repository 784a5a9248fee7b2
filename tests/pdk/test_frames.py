"""Frames of shuttles in the PDK files, and the places of their pins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asicflow.errors import UserError
from asicflow.pdk import load_pdk
from asicflow.pdk.frame import Frame, PinRow, frame
from asicflow.pdk.pads import chip_slot

DIE = (2920.0, 3520.0)
# Middle of pins along their sides, nm, as in Caravel's own files: ends of every side, and where rounding is nearest
PLACES = {
    "wb_clk_i": 2990, "wb_rst_i": 8510, "wbs_ack_o": 14490, "wbs_cyc_i": 20470, "wbs_adr_i[0]": 38410,
    "wbs_sel_i[3]": 126730, "wbs_adr_i[4]": 132710, "wbs_dat_o[31]": 623530, "la_data_in[0]": 629510,
    "la_data_in[47]": 1463030, "la_data_out[40]": 1344350, "la_oenb[122]": 2804390, "la_oenb[127]": 2893170,
    "user_clock2": 2899150, "user_irq[0]": 2905130, "user_irq[2]": 2917090,
    "io_in[0]": 32980, "io_out[0]": 98940, "io_oeb[0]": 165580, "io_oeb[6]": 1361020, "analog_io[0]": 1426980,
    "io_in[7]": 1493620, "analog_io[7]": 3286780, "io_oeb[14]": 3486020,
    "io_oeb[23]": 40710, "analog_io[16]": 284050, "io_in[15]": 2798410, "analog_io[8]": 2879370,
    "io_oeb[37]": 32300, "io_in[36]": 358020, "analog_io[28]": 618460, "io_oeb[29]": 1987300, "analog_io[17]": 3486700,
}  # fmt: skip


@pytest.fixture(scope="module")
def caravel() -> Frame:
    return frame(load_pdk("sky130", Path(".")), "user_project_wrapper")


def test_the_slots_frame_is_there_and_has_no_pads_around_it(caravel: Frame) -> None:
    slot = chip_slot(load_pdk("sky130", Path(".")), "user_project_wrapper")
    assert slot.die_um == DIE and slot.width_um > 2900 and slot.height_um > 3500
    assert slot.frame == caravel.name
    assert {caravel.clock, caravel.reset, *caravel.host} <= set(caravel.ports)
    assert {caravel.power, caravel.ground} <= set(caravel.supplies)


def test_pins_are_where_caravel_has_them(caravel: Frame) -> None:
    pins = caravel.fixed_pins(DIE)
    assert len(pins) == 637
    for name, at in PLACES.items():
        along = 0 if pins[name].side in ("south", "north") else 1
        assert (pins[name].rect[along] + pins[name].rect[along + 2]) // 2 == at, name
    assert pins["wb_clk_i"].layer == "met2" and pins["wb_clk_i"].rect == (2710, -4800, 3270, 2400)
    assert pins["io_in[0]"].layer == "met3" and pins["io_in[0]"].rect == (2917600, 32380, 2924800, 33580)
    assert pins["io_in[15]"].rect == (2798130, 3517600, 2798690, 3524800)
    assert pins["io_in[24]"].rect == (-4800, 3420820, 2400, 3422020)


def test_rows_of_pins() -> None:
    assert list(PinRow(names=["a", "b-7"], bits=(8, 7)).pins()) == ["a[8]", "b[1]", "a[7]", "b[0]"]
    assert list(PinRow(names=["c"]).pins()) == ["c"]


@pytest.mark.parametrize(
    ("bits", "says"), [((0, 1), r"user_irq\[2\] has no place"), ((0, 3), r"user_irq\[3\] has no place or no port")]
)
def test_a_pin_without_its_place_is_named(caravel: Frame, bits: tuple[int, int], says: str) -> None:
    data: dict[str, Any] = caravel.model_dump()
    data["pins"]["sides"][0]["rows"][-1]["bits"] = bits
    with pytest.raises(UserError, match=says):
        Frame.model_validate(data).fixed_pins(DIE)
    data["pins"]["sides"][0]["rows"][-1] = {"names": ["wb_clk_i"]}
    with pytest.raises(UserError, match="wb_clk_i of frame user_project_wrapper has two places"):
        Frame.model_validate(data).fixed_pins(DIE)


def test_a_frame_that_is_not_there_or_not_valid_is_refused() -> None:
    pdk = load_pdk("sky130", Path("."))
    with pytest.raises(UserError, match="no valid frame nothing"):
        frame(pdk, "nothing")
    with pytest.raises(UserError, match="no valid frame x"):
        frame(pdk.model_copy(update={"raw": {"frames": {"x": {"clock": "c"}}}}), "x")
