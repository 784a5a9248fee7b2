"""The system in Caravel's frame: the ports that the shuttle expects, what runs there, and what is refused."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyslang
import pytest
from tiny import Tiny, write_tiny
from tiny_chip import build_chip

from asicflow.board.adp import BusError
from asicflow.board.chip import Chip, describe
from asicflow.board.link import Link
from asicflow.board.lint import lint_soc
from asicflow.board.power_up import run_power_up_soc
from asicflow.board.simulated import SimulatedBoard, build_board
from asicflow.board.stage import boot_and_infer, soc_sources
from asicflow.board.wishbone import WishbonePort, windowed
from asicflow.config import Config, SocConfig
from asicflow.errors import AsicflowError, UserError
from asicflow.firmware.image import BootMode
from asicflow.firmware.stage import run_firmware
from asicflow.firmware.vectors import load_vectors
from asicflow.pdk import load_pdk
from asicflow.pdk.frame import Frame, frame
from asicflow.pdk.memory import FLIPFLOPS, memory_rtl
from asicflow.soc.assemble import Assembly
from asicflow.soc.chip import Chip as Made
from asicflow.soc.chip import assemble_soc
from asicflow.soc.constraints import Driver
from asicflow.soc.frame import write_frame
from asicflow.soc.pads import SOCKET_FILE
from asicflow.soc.wiring import Wiring, load_wiring
from asicflow.workspace import Workspace

NAME = "user_project_wrapper"


@pytest.fixture(scope="module")
def caravel() -> Frame:
    return frame(load_pdk("sky130", Path(".")), NAME)


@pytest.fixture(scope="module")
def wiring(caravel: Frame) -> Wiring:
    return load_wiring(addition=caravel.addition)


def assembled(root: Path, caravel: Frame, technology: str) -> Workspace:
    """A run folder with model/, accel/ and soc/ of the system in its frame."""
    write_tiny(root, Tiny(), count=4)
    ws = Workspace(root)
    shutil.rmtree(ws.soc)
    digest = hashlib.sha256((ws.model / "spec.json").read_bytes()).hexdigest()
    job = Assembly("tiny", ws.accel, digest, 20.0, Driver("buf", "X"))
    assemble_soc(Made(job, SocConfig(dmem_bytes=1024), memory_rtl(technology), caravel), ws.soc)
    return ws


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, caravel: Frame) -> Workspace:
    return assembled(tmp_path_factory.mktemp("frame"), caravel, "sky130")


@pytest.fixture(scope="module")
def executable(run: Workspace) -> Path:
    return build_chip(run)


@pytest.fixture
def board(executable: Path) -> Iterator[SimulatedBoard]:
    with SimulatedBoard(executable) as made:
        yield made


def ports(text: str, *defines: str) -> dict[str, tuple[str, int]]:
    """Return name -> (direction, bits) of the frame's module."""
    options = pyslang.parsing.PreprocessorOptions()
    options.predefines = list(defines)
    tree = pyslang.syntax.SyntaxTree.fromText(
        text, pyslang.SourceManager(), "frame", "", pyslang.Bag([options])
    )  # fmt: skip
    compilation = pyslang.ast.Compilation()
    compilation.addSyntaxTree(tree)
    (top,) = compilation.getRoot().topInstances
    return {p.name: (p.direction.name, p.type.bitWidth) for p in top.body.portList}


def test_the_ports_are_those_that_caravel_expects(wiring: Wiring, caravel: Frame) -> None:
    expected = {
        "wb_clk_i": ("In", 1), "wb_rst_i": ("In", 1), "wbs_stb_i": ("In", 1), "wbs_cyc_i": ("In", 1),
        "wbs_we_i": ("In", 1), "wbs_sel_i": ("In", 4), "wbs_dat_i": ("In", 32), "wbs_adr_i": ("In", 32),
        "wbs_ack_o": ("Out", 1), "wbs_dat_o": ("Out", 32), "la_data_in": ("In", 128), "la_data_out": ("Out", 128),
        "la_oenb": ("In", 128), "io_in": ("In", 38), "io_out": ("Out", 38), "io_oeb": ("Out", 38),
        "analog_io": ("InOut", 29), "user_clock2": ("In", 1), "user_irq": ("Out", 3),
    }  # fmt: skip
    text = write_frame(wiring, caravel)
    assert ports(text) == expected
    supplies = [f"v{kind}{k}" for kind in ("dda", "ssa", "ccd", "ssd") for k in (1, 2)]
    assert ports(text, "USE_POWER_PINS") == dict.fromkeys(supplies, ("InOut", 1)) | expected


def test_it_boots_and_infers_by_every_way(run: Workspace, board: SimulatedBoard) -> None:
    lint_soc(soc_sources(run.soc, run.firmware))
    x, y = load_vectors(run.model / "vectors.npz")
    found = boot_and_infer(board, describe(run.soc, run.firmware), x[:1], y[:1], lambda _: None)
    assert found["wishbone"] == {"vectors": 2, "exact": 2}
    assert board.messages() == []
    described_as = json.loads((run.soc / "soc.json").read_text())
    assert described_as["top"] == NAME and described_as["clock"]["port"] == "wb_clk_i"
    sdc = (run.soc / f"{NAME}.sdc").read_text()
    assert "[get_ports wb_clk_i]" in sdc and "set_false_path -from [get_ports wb_rst_i]" in sdc
    assert all(re.search(rf"set {side} .*\banalog_io\b", sdc) for side in ("inputs", "outputs"))


def test_the_frames_processor_sees_the_map(run: Workspace, board: SimulatedBoard) -> None:
    described = describe(run.soc, run.firmware)
    board.reset(BootMode.HOST)
    port = WishbonePort(board)
    board.run(100)
    chip = Chip(port, described)
    dmem = described.system.memory("dmem").base
    for lanes, data, word in ((15, 0x11223344, 0x11223344), (2, 0xAABBCCDD, 0x1122CC44), (9, 0x55667788, 0x5522CC88)):
        port.access(dmem, data, lanes)
        assert port.read(dmem) == [word]
    with pytest.raises(BusError):
        port.read(0x7000_0000)
    assert port.read(dmem) == [0x5522CC88]  # the error is over
    with pytest.raises(UserError, match="no access over Wishbone"):
        port.read(dmem + (1 << 23))
    assert board.frame_status()[0] & 1  # the processor runs
    port.hold_cpu()
    board.run(10)
    assert not board.frame_status()[0] & 1
    accel = described.system.block("accel").registers
    enable = next(f.mask for f in accel.register("CTRL").fields if f.name == "irq_enable")
    port.write(chip.register("accel", "CTRL"), enable)
    assert board.frame_status()[1] == 0
    start = next(f.mask for f in accel.register("CTRL").fields if f.name == "start")
    port.write(chip.register("accel", "CTRL"), enable | start)
    board.run(200)
    assert board.frame_status()[1] == 1


def test_a_reset_by_wishbone_is_one_reset(run: Workspace, board: SimulatedBoard) -> None:
    """The access is acknowledged before the reset that it asks for, else it would begin again afterwards."""
    described = describe(run.soc, run.firmware)
    board.reset(BootMode.HOST)
    port = WishbonePort(board)
    board.run(100)
    chip = Chip(port, described)
    scratch = chip.register("sysctrl", "SCRATCH")
    port.hold_cpu()
    port.write(scratch, 7)
    port.write(chip.register("sysctrl", "RESET"), 1)
    before = board.cycles
    assert port.read(scratch) == [0]  # an access in the middle of the reset waits for its end
    assert board.cycles - before < 40
    assert port.read(chip.register("sysctrl", "RESET_CAUSE")) == [4]


@pytest.mark.slow
def test_it_boots_from_unknown_registers(caravel: Frame, tmp_path: Path) -> None:
    ws = assembled(tmp_path / "run", caravel, FLIPFLOPS)
    run_firmware(Config(), ws, lambda _: None)
    described = describe(ws.soc, ws.firmware)
    sources = soc_sources(ws.soc, ws.firmware)
    rtl = [path for path in sources if path.name != SOCKET_FILE]
    socket = [path for path in sources if path.name == SOCKET_FILE]
    y = Tiny().golden(np.full((1, Tiny().n_in), 3, np.int64))[0]
    done = run_power_up_soc(rtl, socket, described, 3, y, tmp_path / "sim", NAME)
    assert done.clean, (done, done.log.read_text())
    top = next(path for path in rtl if path.name == f"{NAME}.sv")
    text = top.read_text()
    top.write_text(
        text.replace("assign user_irq = irq_o;", "assign user_irq = irq_o ^ {2'b00, forgotten};\n  reg forgotten;")
    )
    assert top.read_text() != text
    found = run_power_up_soc(rtl, socket, described, 3, y, tmp_path / "sim", NAME)
    assert found.unknown > 0 and "UNKNOWN user_irq" in found.messages[0]


def test_planted_errors_are_found(run: Workspace, executable: Path, tmp_path: Path) -> None:
    """A pad that does not drive, and a bus that is elsewhere."""
    sources = [Path(shutil.copy(path, tmp_path)) for path in soc_sources(run.soc, run.firmware)]
    top = tmp_path / f"{NAME}.sv"
    head, out, released = top.read_text().rpartition("assign io_oeb = ")
    bits = released.split("}")[0].strip("{").split(", ")
    assert bits[37 - 9] == "1'b0"
    bits[37 - 9] = "1'b1"
    text = head + out + "{" + ", ".join(bits) + "}" + released.partition("}")[2]
    assert text.count("wbs_adr_i[27:23]") == 1
    top.write_text(text.replace("wbs_adr_i[27:23]", "wbs_adr_i[26:22]"))
    with SimulatedBoard(build_board(sources, tmp_path / "build", host=True)) as board:
        board.reset(BootMode.HOST)
        board.run(2000)
        with pytest.raises(AsicflowError, match="does not answer ESC"):
            Link(board).connect()
        with pytest.raises(AsicflowError, match=r"system table|bus error"):
            Chip(WishbonePort(board), describe(run.soc, run.firmware)).identify()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"io": {"pads": {"debug_rx": 8}}}, "pin debug_tx of the system has no pad"),
        ({"io": {"pads": {"boot_cfg": 17}}}, "pad 18 is not there or has two"),
        ({"io": {"pads": {"gpio": 30}}}, "pad 38 is not there"),
        ({"inputs": {"hold_i": None}}, "port hold_i of the system needs one place"),
        ({"outputs": {"wbs_dat_o": "32'd0"}}, "port wb_dat_o of the system needs one place"),
        ({"outputs": {"user_irq": None}}, "port irq_o of the system needs one place"),
        ({"outputs": {"io_out": "38'd0"}}, "output io_out needs one driver"),
    ],
)
def test_incomplete_frames_are_refused(
    wiring: Wiring, caravel: Frame, change: dict[str, dict[str, Any]], says: str
) -> None:
    data = caravel.model_dump()
    for section, values in change.items():
        for key, value in values.items():
            if section == "io" and len(value) == 1 and "debug_rx" in value:
                data["io"][key] = value
            elif section == "io":
                data["io"][key].update(value)
            elif value is None:
                del data[section][key]
            else:
                data[section][key] = value
    with pytest.raises(UserError, match=says):
        write_frame(wiring, Frame.model_validate(data))


def test_the_window() -> None:
    assert [windowed(a) for a in (0x0800_0010, 0x1800_0000, 0x6000_0004, 0xF000_0000)] == [
        0x3080_0010, 0x3180_0000, 0x3600_0004, 0x3F00_0000,
    ]  # fmt: skip
