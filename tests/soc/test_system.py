"""The SoC's address map: what it says, what it refuses."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from asicflow.errors import UserError
from asicflow.resources import resource
from asicflow.soc import system as module
from asicflow.soc.rdl import compile_map
from asicflow.soc.system import compile_system, constants, load_system, system_json

# base, interrupt: the published programmer's view
BLOCKS = {
    "timer0": (0x4000_0000, 8), "timer1": (0x4000_1000, 9), "uart2": (0x4000_6000, 4), "watchdog": (0x4000_8000, None),
    "stdio": (0x4000_E000, 0), "gpio0": (0x4001_0000, 6), "spi": (0x4001_2000, None), "sysctrl": (0x4001_F000, None),
    "dma": (0x5000_0000, 15), "accel": (0x6000_0000, 11), "table": (0xF000_0000, None),
}  # fmt: skip
MEMORIES = {"bootrom": (0x0800_0000, 0), "imem": (0x1000_0000, 0), "dmem": (0x1800_0000, None)}


def test_the_map_is_the_published_one() -> None:
    system = compile_system()
    assert {b.name: (b.base, b.irq) for b in system.blocks} == BLOCKS
    assert {m.name: (m.base, m.mirror) for m in system.memories} == MEMORIES
    assert [b.name for b in system.blocks if b.nmi] == ["watchdog"]
    assert system.memory("imem").mirror_when == "remap"


def test_blocks_have_the_registers_of_their_ip() -> None:
    system = compile_system({"CLOCK_HZ": 123, "N_IN": 7})
    for name in ("timer1", "sysctrl"):
        block = system.block(name)
        assert block.registers == compile_map(resource(f"ip/{block.ip}/rdl/{block.ip}.rdl"))
    assert system.block("table").registers.register("CLOCK").fields[0].reset == 123
    assert system.block("accel").registers.window("input_buffer").entries == 7


def test_sizes_follow_the_parameters() -> None:
    system = compile_system({"IMEM_WORDS": 512, "DMEM_WORDS": 2048})
    assert (system.memory("imem").bytes, system.memory("dmem").bytes) == (2048, 8192)
    values = {name: value for name, value, _ in constants(system)}
    assert values["DMEM_BYTES"] == 8192 and values["DMA_IRQ"] == 15 and values["SPI_BASE"] == 0x4001_2000
    table = system.block("table").registers
    assert table.register("IMEM").fields[0].reset == 2048 and table.register("DMEM").fields[0].reset == 8192


def test_json_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    path.write_text(system_json(compile_system()))
    assert load_system(path) == compile_system()
    path.write_text('{"schema": "asicflow.map/1"}')
    with pytest.raises(UserError, match="schema"):
        load_system(path)


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("-> irq = 9;", "-> irq = 8;", "interrupt 8 is used twice"),
        ("dma -> irq = 15;", "dma -> irq = 32;", "0 to 31"),
        ("spi      @ 0x12000;", "spi      @ 0x12000;  spi -> nmi = true;", "only one block"),
        ("ahb_dma dma @", "ahb_dma imem @", "imem"),
        ("mementries = DMEM_WORDS", "mementries = 1000", "no power of two"),
        ("apb_spi      spi", "apb_spy      spi", "apb_spy"),
    ],
)
def test_a_wrong_map_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: str, wrong: str, message: str
) -> None:
    shutil.copytree(resource("ip"), tmp_path / "ip", ignore=shutil.ignore_patterns("*.sv", "*.cpp", "*.hpp"))
    path = tmp_path / "ip" / "soc" / "rdl" / "soc.rdl"
    assert path.read_text().count(right) == 1
    path.write_text(path.read_text().replace(right, wrong))
    monkeypatch.setattr(module, "resource", lambda name: tmp_path / name)
    with pytest.raises(UserError, match=message):
        compile_system()
