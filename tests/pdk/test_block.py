"""Hard macros as empty modules: ports from the LEF, as the memory wrappers instantiate them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from asicflow.pdk import load_pdk
from asicflow.pdk.block import black_boxes, memory_block
from asicflow.pdk.memory import macros, memory_rtl


@pytest.mark.parametrize("pdk", ["gf180", "sky130"])
def test_the_wrappers_fit_the_black_boxes(pdk: str, pdk_root: Path, tmp_path: Path) -> None:
    boxes = tmp_path / "macros.v"
    boxes.write_text(black_boxes([macro.lef for macro in macros(load_pdk(pdk, pdk_root))]))
    command = ["verilator", "--lint-only", "-Wno-fatal", "--top-module", "soc_ram", "-GAddrWidth=11"]
    done = subprocess.run([*command, memory_rtl(pdk).wrapper, boxes], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "%Error" not in done.stderr and "PIN" not in done.stderr, done.stderr


def test_buses_have_their_width_and_supplies_are_no_ports(pdk_root: Path) -> None:
    macro = next(m for m in macros(load_pdk("gf180", pdk_root)) if m.words == 64)
    text = black_boxes([macro.lef])
    assert "input  [5:0] A" in text and "output [7:0] Q" in text and "input  CEN" in text
    assert "VDD" not in text and "(* blackbox *)\nmodule gf180mcu" in text


def test_a_corner_nobody_characterised_takes_the_stand_in(pdk_root: Path) -> None:
    macro = macros(load_pdk("sky130", pdk_root))[0]
    block = memory_block(macro, ("slow", "typical"), "typical")
    assert block.liberty["slow"] == block.liberty["typical"] == macro.liberty["typical"]
    assert "slow" not in memory_block(macro, ("slow", "typical")).liberty
