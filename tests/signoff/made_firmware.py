"""The firmware of a small chip, and ways to damage what the firmware stage left."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "soc"))
from tiny_chip import write_chip

from asicflow.config import parse_config
from asicflow.firmware.image import pack_image
from asicflow.firmware.stage import run_firmware
from asicflow.signoff.context import GateContext


def build(root: Path) -> Path:
    """Write a chip and its firmware below ``root``."""
    ws = write_chip(root)
    run_firmware(parse_config({}), ws, lambda _: None)
    return ws.root


def context_of(root: Path) -> GateContext:
    """A context on a run of a whole system."""
    return GateContext(root, parse_config({"top": "soc"}))


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
    (flip("bootrom.bin", 8), "bootrom.sv does not hold the boot ROM's program, first at byte 0x8"),
    (grow, "memtest: "),
    (deep_stack, "selftest: stack of"),
]
