"""The system from power-up in four states: it boots and infers; an output register without reset is found."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny import Tiny

from asicflow.board.chip import Description
from asicflow.board.power_up import run_power_up_soc
from asicflow.board.stage import soc_sources
from asicflow.soc.power_up import is_clean
from asicflow.workspace import Workspace

pytestmark = pytest.mark.slow
VALUE = 3


@pytest.fixture
def sources(chip_run: tuple[Workspace, Path], tmp_path: Path) -> list[Path]:
    """Copies that a test may change."""
    ws, _ = chip_run
    return [Path(shutil.copy(path, tmp_path)) for path in soc_sources(ws.soc, ws.firmware)]


def expected(described: Description) -> NDArray[np.int64]:
    return Tiny().golden(np.full((1, described.soc["engine"]["n_in"]), VALUE, np.int64))[0]


def test_boots_and_infers_from_unknown_registers(sources: list[Path], described: Description, tmp_path: Path) -> None:
    done = run_power_up_soc(sources, [], described, VALUE, expected(described), tmp_path / "sim")
    assert done.clean, (done, done.log.read_text())
    assert "waiting for the host" in done.log.read_text() and is_clean(done.log.read_text())


def test_output_without_reset_is_named(sources: list[Path], described: Description, tmp_path: Path) -> None:
    (top,) = [path for path in sources if path.name == "soc.sv"]
    text = top.read_text()
    (pin,) = re.findall(r"\.tx_o +\( uart_tx_o \)", text)
    head, _, tail = text.replace(pin, ".tx_o ( uart_line )").rpartition("endmodule")
    never = """  logic uart_line, forgotten;
  always_ff @(posedge clk_i) forgotten <= ~forgotten;
  assign uart_tx_o = uart_line ^ forgotten;
"""
    top.write_text(head + never + "endmodule" + tail)
    done = run_power_up_soc(sources, [], described, VALUE, expected(described), tmp_path / "sim")
    assert done.unknown > 0 and not is_clean(done.log.read_text()) and "UNKNOWN uart_tx_o" in done.messages[0]
