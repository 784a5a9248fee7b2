"""The gate on firmware images: what the firmware stage leaves passes, each planted fault is named."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "soc"))
from tiny_chip import write_chip

from asicflow.config import parse_config
from asicflow.firmware.image import pack_image
from asicflow.firmware.stage import run_firmware
from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import run_gate
from asicflow.signoff.gates.firmware import FirmwareImageGate
from asicflow.signoff.verdict import GateResult, Verdict


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ws = write_chip(tmp_path_factory.mktemp("chip"))
    run_firmware(parse_config({}), ws, lambda _: None)
    return ws.root


@pytest.fixture
def run(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "run"))


def judge(root: Path) -> GateResult:
    record = run_gate(FirmwareImageGate(), GateContext(root, parse_config({"top": "soc"})))
    assert not isinstance(record, str)
    return record.result


def test_firmware_as_built_passes(run: Path) -> None:
    result = judge(run)
    assert result.verdict is Verdict.PASS and len(result.tables["programs"]) == 4
    assert all(row["stack"] > 0 and row["bytes"] > 0 for row in result.tables["programs"])


def flip(name: str, at: int) -> Callable[[Path], None]:
    def plant(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[at] ^= 1
        (folder / name).write_bytes(data)

    return plant


def other_image(load: int = 0x1000_0000, entry: int = 0x1000_0081, cut: int = 0) -> Callable[[Path], None]:
    """A flash image that is whole in itself."""

    def plant(folder: Path) -> None:
        binary = (folder / "infer.bin").read_bytes()
        (folder / "infer.flash.bin").write_bytes(pack_image(binary[: len(binary) - cut], load, entry))

    return plant


def grow(folder: Path) -> None:
    with (folder / "memtest.bin").open("ab") as file:
        file.write(bytes(8192))


def deep_stack(folder: Path) -> None:
    """The compiler says that a function of selftest needs more stack than DMEM has."""
    for other in sorted((folder / "selftest.objects").glob("*.su")):
        lines = [line.split("\t") for line in other.read_text().splitlines()]
        other.write_text("".join(f"{where}\t9000\t{what}\n" for where, _, what in lines))


def short_flash(folder: Path) -> None:
    (folder / "infer.flash.bin").write_bytes(b"ASFB")


FAULTS: list[tuple[Callable[[Path], None], str]] = [
    (flip("infer.flash.bin", 60), "CRC"),
    (flip("infer.flash.bin", 0), "magic"),
    (flip("infer.flash.bin", 16), "CRC"),
    (flip("infer.flash.bin", 4), "the header says"),
    (other_image(load=0x1800_0000, entry=0x1800_0081), "do not lie in imem"),
    (other_image(entry=0x1000_0080), "no Thumb address"),
    (other_image(cut=4), "does not hold the program"),
    (short_flash, "its header 20"),
    (flip("bootrom.bin", 8), "bootrom.sv does not hold"),
    (grow, "memtest: "),
    (deep_stack, "selftest: stack of"),
]


@pytest.mark.parametrize(("plant", "named"), FAULTS, ids=[named for _, named in FAULTS])
def test_fault_is_found_and_named(run: Path, plant: Callable[[Path], None], named: str) -> None:
    plant(run / "firmware")
    result = judge(run)
    assert result.verdict is Verdict.FAIL
    assert any(named in finding.text for finding in result.findings), result.findings


def test_lost_listing_is_unverified(run: Path) -> None:
    (run / "firmware/infer.lst").unlink()
    result = judge(run)
    assert result.verdict is Verdict.UNVERIFIED and "infer.lst" in result.summary


def test_lost_stack_report_is_unverified(run: Path) -> None:
    shutil.rmtree(run / "firmware/infer.objects")
    result = judge(run)
    assert result.verdict is Verdict.UNVERIFIED and "infer.objects" in result.summary
