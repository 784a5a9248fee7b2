"""The chip in its pads: what its module connects, that it boots like the system, and what is refused."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
from tiny import Tiny, write_tiny
from tiny_chip import build_chip

from asicflow.board.chip import describe
from asicflow.board.lint import lint_soc
from asicflow.board.simulated import SimulatedBoard, build_board
from asicflow.board.stage import boot_and_infer, soc_sources
from asicflow.config import SocConfig
from asicflow.errors import AsicflowError, UserError
from asicflow.firmware.vectors import load_vectors
from asicflow.pdk import load_pdk
from asicflow.pdk.memory import memory_rtl
from asicflow.pdk.pads import Pads, chip_slot, need_pads
from asicflow.soc.assemble import Assembly
from asicflow.soc.chip import Chip, assemble_soc
from asicflow.soc.constraints import Driver
from asicflow.soc.pads import pad_names, write_chip, write_socket
from asicflow.soc.plan import SLOT_SHARE, check_slot
from asicflow.soc.wiring import load_wiring
from asicflow.workspace import Workspace


@pytest.fixture(scope="module")
def gf180_pads() -> Pads:
    return need_pads(load_pdk("gf180", Path(".")))


@pytest.fixture(scope="module")
def chip(tmp_path_factory: pytest.TempPathFactory, gf180_pads: Pads) -> Workspace:
    root = tmp_path_factory.mktemp("chip")
    write_tiny(root, Tiny(), count=4)
    ws = Workspace(root)
    shutil.rmtree(ws.soc)
    digest = hashlib.sha256((ws.model / "spec.json").read_bytes()).hexdigest()
    job = Assembly("tiny", ws.accel, digest, 20.0, Driver("buf", "X"))
    assemble_soc(Chip(job, SocConfig(dmem_bytes=1024), memory_rtl("gf180"), gf180_pads), ws.soc)
    return ws


def test_every_pin_of_every_pad_is_connected(gf180_pads: Pads) -> None:
    wiring = load_wiring()
    text = write_chip(wiring, gf180_pads)
    found = re.findall(r"^  (gf180\w+) (\w+) \((.*)\);$", text, re.MULTILINE)
    assert [name for _, name, _ in found] == pad_names(wiring)
    assert len(found) == sum(p.bits({}) for p in wiring.ports.values()) - 32  # three sides of a GPIO in one pad
    for cell, name, pins in found:
        kinds = [k for k in gf180_pads.kinds.values() if k.cell == cell]
        connected = dict(re.findall(r"\.(\w+)\(([^)]*)\)", pins))
        assert any(
            set(connected)
            == {k.pad, k.input, k.output, k.enable, k.listen, k.pull_up, k.pull_down, *k.constants, *k.open} - {None}
            for k in kinds
        ), name
        assert {connected["PU"], connected["PD"]} != {"1'b1"}, "both resistors"
    assert ".OE(gpio_oe_o[3])" in text and ".IE(~gpio_oe_o[3])" in text and ".OE(1'b1)" in text


def test_what_does_not_fit_is_refused(gf180_pads: Pads) -> None:
    wiring = load_wiring()
    spare = {name: pad for name, pad in wiring.pads.items() if name != "uart_rx"}
    with pytest.raises(UserError, match="port uart_rx_i of the system needs one pad"):
        write_chip(wiring.model_copy(update={"pads": spare}), gf180_pads)
    for change in ({"kind": "input"}, {"enable": None}):
        pads = {**wiring.pads, "gpio": wiring.pads["gpio"].model_copy(update=change)}
        with pytest.raises(UserError, match=r"needs one pad|cannot be of kind"):
            write_chip(wiring.model_copy(update={"pads": pads}), gf180_pads)


def test_the_chip_boots_and_infers_through_its_pads(chip: Workspace) -> None:
    executable = build_chip(chip)
    lint_soc(soc_sources(chip.soc, chip.firmware))
    described = describe(chip.soc, chip.firmware)
    x, y = load_vectors(chip.model / "vectors.npz")
    with SimulatedBoard(executable) as board:
        boot_and_infer(board, described, x[:1], y[:1], lambda _: None)
        assert board.messages() == []
    described_as = json.loads((chip.soc / "soc.json").read_text())
    assert described_as["top"] == "chip" and described_as["clock"]["port"] == "clk"
    sdc = (chip.soc / "chip.sdc").read_text()
    assert "[get_ports clk]" in sdc and "set_input_transition" in sdc and "set_driving_cell" not in sdc


def test_a_pad_of_wrong_polarity_does_not_boot(chip: Workspace, tmp_path: Path) -> None:
    build_chip(chip)
    described = describe(chip.soc, chip.firmware)
    x, y = load_vectors(chip.model / "vectors.npz")
    sources = [Path(shutil.copy(path, tmp_path)) for path in soc_sources(chip.soc, chip.firmware)]
    top = tmp_path / "chip.sv"
    text = top.read_text()
    assert ".A(debug_tx_o), .OE(1'b1)" in text
    top.write_text(text.replace(".A(debug_tx_o), .OE(1'b1)", ".A(debug_tx_o), .OE(1'b0)"))
    with SimulatedBoard(build_board(sources, tmp_path / "build")) as board, pytest.raises(AsicflowError):
        boot_and_infer(board, described, x[:1], y[:1], lambda _: None)


def test_the_socket_drives_a_pin_only_while_the_pad_does_not() -> None:
    text = write_socket(load_wiring(), "soc")
    assert "assign gpio[7] = gpio_oe_o[7] ? 1'bz : gpio_i[7];" in text
    assert "assign gpio_oe_o[7] = i_chip.i_pad_gpio_7.OE;" in text


def test_a_system_that_does_not_fit_its_slot_is_told_what_does(pdk_root: Path) -> None:
    pdk = load_pdk("gf180", pdk_root)
    library = pdk.library()
    assert check_slot(pdk, library, SocConfig(), chip_slot(pdk, "1x1"), 12_000).share < SLOT_SHARE
    with pytest.raises(UserError, match="does not fit slot 0p5x1") as caught:
        check_slot(pdk, library, SocConfig(), chip_slot(pdk, "0p5x1"), 12_000)
    assert "--slot 1x0p5 holds it" in str(caught.value) and "soc.dmem_bytes 2048" in str(caught.value)
    with pytest.raises(UserError, match="memory macros have no room") as caught:
        check_slot(pdk, library, SocConfig(), chip_slot(pdk, "0p5x0p5"), 12_000)
    assert "no memories that programs could use" in str(caught.value)
    with pytest.raises(UserError, match="no slot of this process holds it"):
        check_slot(pdk, library, SocConfig(imem_bytes=65536, dmem_bytes=65536), chip_slot(pdk, "1x1"), 12_000)
