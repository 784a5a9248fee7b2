"""The generated top of the SoC: complete, clean, and strict about its inputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyslang
import pytest
import yaml
from tiny_chip import write_chip

from asicflow.board.checks import bind_text
from asicflow.board.lint import lint, waivers
from asicflow.config import SocConfig
from asicflow.errors import UserError
from asicflow.firmware.rom import write_rom
from asicflow.resources import resource
from asicflow.soc.chip import build_hash
from asicflow.soc.system import compile_system, load_system
from asicflow.soc.wiring import Wiring, build_bus, load_wiring, write_top
from asicflow.workspace import Workspace

VALUES = dict.fromkeys(
    ("clock_hz", "systick_calibration", "irq_lines", "irq_used", "rom_word_bits", "imem_word_bits", "dmem_word_bits"), 9
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return write_chip(tmp_path_factory.mktemp("chip"))


def sources(ws: Workspace, folder: Path) -> list[Path]:
    rom = folder / "bootrom.sv"
    rom.write_text(write_rom("bootrom", bytes(range(200)), 2048))
    data = json.loads((ws.soc / "soc.json").read_text())
    return [*(ws.soc / name for name in (*data["files"], *data["models"])), rom]


def test_the_lint_is_clean_but_for_waivers_with_reasons(run: Workspace, tmp_path: Path) -> None:
    files, path = sources(run, tmp_path), resource("ip/soc/lint.vlt")
    assert lint("soc", files, path) == []
    assert waivers(path) and all(w["reason"] for w in waivers(path))
    assert any("ipr_i" in message for message in lint("soc", files))


@pytest.mark.parametrize("technology", ["gf180", "sky130"])
def test_memories_of_macros_are_clean_too(tmp_path: Path, technology: str) -> None:
    ws = write_chip(tmp_path / "chip", technology=technology)
    assert lint("soc", sources(ws, tmp_path), resource("ip/soc/lint.vlt")) == []


def test_a_waiver_without_a_reason_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lint.vlt"
    path.write_text("`verilator_config\n// Why\n\nlint_off -rule WIDTH\n")
    with pytest.raises(UserError, match="without a reason"):
        waivers(path)


def test_the_lint_sees_a_wrong_width(run: Workspace, tmp_path: Path) -> None:
    *files, rom = sources(run, tmp_path)
    rom.write_text(rom.read_text().replace("[8:0]  addr_i", "[7:0]  addr_i"))
    assert any("WIDTH" in message for message in lint("soc", [*files, rom], resource("ip/soc/lint.vlt")))


def test_slang_elaborates_every_connection(run: Workspace, tmp_path: Path) -> None:
    compilation = pyslang.ast.Compilation()
    for path in sources(run, tmp_path):
        compilation.addSyntaxTree(pyslang.syntax.SyntaxTree.fromFile(str(path)))
    assert [str(d.code) for d in compilation.getAllDiagnostics() if d.isError()] == []
    (top,) = compilation.getRoot().topInstances
    assert top.name == "soc"


def test_every_port_of_the_bus_has_a_check() -> None:
    bus = build_bus(compile_system(), load_wiring())
    text = bind_text(bus)
    assert len(bus.initiators) == 3 and len(bus.targets) == 7
    assert set(bus.targets) - bus.bounded == {"apb"}  # only the bridge needs the bus' guard
    for name in (*bus.initiators, *bus.targets):
        assert f'.Name("{name}")' in text
    assert bus.steady == {"debug", "dma_master"} and text.count(".Steady(1)") == 2
    assert bus.joined == {"debug", "dma_master"} and text.count(".Waits(1)") == 2
    assert bus.fronts == ["join", "cpu"]
    assert bus.layers == ["imem", "dmem", "share"]


def test_an_addition_extends_the_system() -> None:
    plain, more = load_wiring(), load_wiring(addition="wishbone")
    assert not set(plain.additions["wishbone"].ports) & set(plain.ports)
    assert set(more.ports) == {*plain.ports, *plain.additions["wishbone"].ports}
    assert more.instances["reset"].connect["hold_i"] == "cpu_hold | hold_i"
    assert more.instances["reset"].connect["cause_o"] == plain.instances["reset"].connect["cause_o"]
    bus = build_bus(compile_system(), more)
    assert bus.initiators == ["debug", "wishbone", "dma_master", "cpu"] and bus.fronts == ["join", "cpu"]
    assert bind_text(bus).count(".Steady(1)") == 3
    assert "wishbone" not in write_top(compile_system(), plain, {**VALUES, "clock_hz": 50_000_000}, "cpu_armv6m").text
    with pytest.raises(UserError, match="no addition nothing"):
        load_wiring(addition="nothing")


def changed(**instances: dict[str, Any] | None) -> Wiring:
    """Return the wiring with some instances replaced (None: without)."""
    data = yaml.safe_load(resource("ip/soc/soc.yaml").read_text())
    for name, wires in instances.items():
        if wires is None:
            del data["instances"][name]
        else:
            data["instances"][name].update(wires)
    return Wiring.model_validate(data)


@pytest.mark.parametrize(
    ("instances", "message"),
    [
        ({"gpio0": None}, "input in_i of gpio0 is not connected"),
        ({"watchdog": {"connect": {"reset_out": "x"}}}, "watchdog has no port reset_out"),
        ({"imem_ram": {"parameters": {"AddrWidth": "clock_hz"}}}, "AddrWidth"),
        ({"cpu": {"parameters": {"Irqs": "irq_lines"}}}, "no parameter Irqs"),
        ({"debug": {"ip": "nothing"}}, "no IP named nothing"),
    ],
)
def test_incomplete_wiring_is_refused(instances: dict[str, Any], message: str) -> None:
    values = {**VALUES, "clock_hz": 50_000_000}
    write_top(compile_system(), load_wiring(), values, "cpu_armv6m")
    with pytest.raises(UserError, match=message):
        write_top(compile_system(), changed(**instances), values, "cpu_armv6m")


def test_malformed_wiring_is_refused(tmp_path: Path) -> None:
    (tmp_path / "soc.yaml").write_text("schema: other\n")
    with pytest.raises(UserError, match="not valid"):
        load_wiring(tmp_path / "soc.yaml")


def test_the_build_hash_covers_the_logic(run: Workspace, tmp_path: Path) -> None:
    system, files = load_system(run.soc / "map.json"), sources(run, tmp_path)
    before = build_hash(files, system)
    assert before == build_hash(list(reversed(files)), system)
    files[-1].write_text(files[-1].read_text() + "\n")
    assert build_hash(files, system) != before


def test_the_same_inputs_make_the_same_chip(run: Workspace, tmp_path: Path) -> None:
    again = write_chip(tmp_path / "again")
    for path in sorted(run.soc.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (again.soc / path.relative_to(run.soc)).read_bytes(), path.name
    other = write_chip(tmp_path / "other", SocConfig(dmem_bytes=2048))
    hashes = {json.loads((ws.soc / "soc.json").read_text())["build_sha256"] for ws in (run, again, other)}
    assert len(hashes) == 2


def test_memories_that_are_no_power_of_two_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="power of two"):
        write_chip(tmp_path, SocConfig(imem_bytes=3072))
