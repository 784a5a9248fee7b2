"""Mutations of a whole system: firmware images, flash and board, and single bytes on the line to the debug port.

See ``benchmarks.mutations``. Bytes are hit where they carry something: white space, answers with a checksum that are
asked for until they are whole, and patience of a poll are left out.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from itertools import cycle, islice, pairwise
from pathlib import Path
from typing import Any

from asicflow.board.adp import PROMPT
from asicflow.signoff.context import GateContext
from asicflow.soc.system import load_system
from benchmarks.mutations_of_runs import Planted
from tests.signoff import made_firmware, made_system
from tests.signoff.made_system import Damaged

BOOT = ("firmware.boot",)
IMAGE = ("firmware.image",)
RECEIVED, SENT = 48, 32
"""Bytes that are hit, by direction."""

HITS: dict[str, made_system.Damage] = {
    "corrupted": lambda two: bytes([two[0] ^ 1]) + two[1:],
    "dropped": lambda two: two[1:],
    "doubled": lambda two: two[:1] + two,
    "out of order": lambda two: two[::-1],
}


def clean(root: Path, executable: Path) -> tuple[GateContext, tuple[str, ...]]:
    """The clean system, simulated, and the gates that must pass on it."""
    with Damaged(executable) as board:
        made_system.simulate(root, board)
    return made_system.context_of(root), (*BOOT, *IMAGE)


def mutations(root: Path, executable: Path) -> Iterator[Planted]:
    """All mutations of a system below ``root`` with its simulator."""
    with Damaged(executable) as board:
        made_system.simulate(root, board)
        traffic = board.traffic
    for name, damage in [*_images(root), *_stacks()]:
        yield "firmware", name, IMAGE, _copied(root, damage)
    for name, edit in _records():
        yield "system's record", name, BOOT, _copied(root, edit)

    def on_board(**faults: Any) -> Callable[[Path], None]:
        def damage(run: Path) -> None:
            wrong, named = faults.pop("wrong", False), faults.pop("fault", "none")
            with Damaged(executable, **faults) as board:
                board.fault(named)
                made_system.simulate(run, board, wrong)

        return damage

    for name, faults in _boards(root):
        yield "board", name, BOOT, _copied(root, on_board(**faults))
    dmem = load_system(root / "soc" / "map.json").memory("dmem")
    quiet = range(dmem.base, dmem.base + dmem.bytes)
    for direction, places in (("received", _received(traffic, quiet)), ("sent", _sent(traffic))):
        for number, kind, text in places:
            name = f"{direction} byte {number} {kind}: {text}"
            yield "line", name, BOOT, _copied(root, on_board(**{direction: {number: HITS[kind]}}))


def _copied(root: Path, damage: Callable[[Path], object]) -> Callable[[Path], GateContext]:
    def plant(copy: Path) -> GateContext:
        shutil.copytree(root, copy, ignore=shutil.ignore_patterns("build"))
        damage(copy)
        return made_system.context_of(copy)

    return plant


# -- firmware -----------------------------------------------------------------------------------------


def _images(root: Path) -> Iterator[tuple[str, Callable[[Path], object]]]:
    """Bits of every image, the ROM included, and images that are whole in themselves but wrong."""

    def in_firmware(damage: Callable[[Path], object]) -> Callable[[Path], object]:
        return lambda run: damage(run / "firmware")

    for damage, named in made_firmware.FAULTS:
        yield named, in_firmware(damage)
    for path in sorted((root / "firmware").glob("*.flash.bin")):
        size = path.stat().st_size
        for at in (0, 5, 9, 12, 17, 20, size // 2, size - 1):
            yield f"bit of {path.name} at {at}", in_firmware(made_firmware.flip(path.name, at))
        yield f"{path.name} cut", lambda run, n=path.name: _resize(run / "firmware" / n, -4)
        yield f"{path.name} longer", lambda run, n=path.name: _resize(run / "firmware" / n, 4)
    rom = (root / "firmware" / "bootrom.sv").read_text()
    words = [k for k in range(len(rom) - 3) if rom.startswith("'h", k) and rom[k + 2] in "0123456789abcdef"]
    for place in words[:: max(1, len(words) // 6)][:6]:
        digit = "1" if rom[place + 2] != "1" else "2"
        changed = rom[: place + 2] + digit + rom[place + 3 :]
        yield f"ROM digit at {place}", lambda run, t=changed: (run / "firmware" / "bootrom.sv").write_text(t)


def _resize(path: Path, by: int) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:by] if by < 0 else data + bytes(by))


def _stacks() -> Iterator[tuple[str, Callable[[Path], object]]]:
    """Programs whose variables leave no room for their stack."""
    for name in ("infer", "memtest", "bootrom"):

        def damage(run: Path, name: str = name) -> None:
            path = run / "firmware" / f"{name}.map"
            lines = path.read_text().splitlines()
            end = load_system(run / "soc" / "map.json").memory("dmem")
            full = f"                0x{end.base + end.bytes - 16:08x}                __bss_end = ."
            path.write_text("\n".join(full if "__bss_end = " in line else line for line in lines))

        yield f"variables of {name} fill DMEM", damage


# -- board --------------------------------------------------------------------------------------------


def _boards(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Dead and wrong parts of the board and the chip."""
    yield "dead host", {"deaf": True}
    yield "dead flash", {"fault": "dead-flash"}
    yield "stuck processor", {"fault": "stuck-cpu"}
    yield "golden output of another model", {"wrong": True}
    other = (root / "firmware" / "memtest.flash.bin").read_bytes()
    yield "another program in the flash", {"flashed": lambda image: other}
    yield "erased flash", {"flashed": lambda image: b"\xff" * len(image)}
    for at in (0, 4, 8, 12, 16, 20, 100, 400):
        yield (
            f"bit in the flash at {at}",
            {"flashed": lambda image, at=at: image[:at] + bytes([image[at] ^ 16]) + image[at + 1 :]},
        )


def _records() -> Iterator[tuple[str, Callable[[Path], object]]]:
    """What the simulation left says something else."""

    def edit(change: Callable[[dict[str, Any]], object], name: str = "sim/sim.json") -> Callable[[Path], object]:
        def damage(run: Path) -> None:
            data = json.loads((run / name).read_text())
            change(data)
            (run / name).write_text(json.dumps(data))

        return damage

    yield "an inference differs by program", edit(lambda d: d["program"].update(exact=0))
    yield "no inference by debug port", edit(lambda d: d["debug_port"].update(exact=0, vectors=0))
    yield "no boot from flash", edit(lambda d: d["flash_boot"].update(exact=0))
    yield "breach of the bus protocol", edit(lambda d: d.update(protocol_breaches=["htrans while waiting"]))
    yield "no counts of the link", edit(lambda d: d.pop("link"))
    yield "chip of another build", edit(lambda d: d.update(build_sha256="0" * 64), "soc/soc.json")
    yield "chip of another model", edit(lambda d: d.update(model_sha256="0" * 64), "soc/soc.json")


SAME_FORM = {"corrupted", "out of order"}
"""Hits that leave an answer its form: the states that C answers with hold bits that nobody asked for."""


# -- line ---------------------------------------------------------------------------------------------

Place = tuple[int, str, str]
"""Number of a byte, what happens to it, what is said there."""


def _received(traffic: list[tuple[str, int, bytes]], quiet: range) -> Iterator[Place]:
    """Bytes of answers and of the processor's output; words read from ``quiet`` addresses have a checksum."""
    stream: list[tuple[int, int, str]] = []  # number, byte, command
    command, address = "", 0
    for direction, first, data in traffic:
        if direction == "sent":
            command = data[:1].decode("latin-1")
            if command == "A":
                address = int(data.split()[1], 16)
        else:
            carries = command in "AWUCRMV" and not (command == "R" and address in quiet)
            stream += [(first + k, byte, command if carries else "") for k, byte in enumerate(data)]
    usable: dict[str, list[Place]] = {}
    for (number, byte, command), (_, following, _) in pairwise(stream):
        if command and min(byte, following) > ord(" ") and byte != following:
            text = f"{chr(byte)!r} before {chr(following)!r} in an answer to {command}"
            barred = SAME_FORM if command == "C" else {"out of order"} if byte == PROMPT[0] else set()
            usable.setdefault(command, []).extend((number, kind, text) for kind in HITS if kind not in barred)
    yield from _spread(usable, RECEIVED)


def _sent(traffic: list[tuple[str, int, bytes]]) -> Iterator[Place]:
    """Bytes of commands and of raw data whose damage makes another command (C has two ways to the same outputs)."""
    usable: dict[str, list[Place]] = {}
    for direction, first, data in traffic:
        command = data[:1].decode("latin-1")
        if direction == "sent" and command in "AWURMV":
            for k in range(len(data) - 1):
                text = f"{data[k : k + 1]!r} before {data[k + 1 : k + 2]!r} of {command}"
                for kind, hit in HITS.items():
                    if _meaning(data[:k] + hit(data[k : k + 2]) + data[k + 2 :]) != _meaning(data):
                        usable.setdefault(command, []).append((first + k, kind, text))
    yield from _spread(usable, SENT)


def _meaning(data: bytes) -> tuple[str, int | str, bytes]:
    """Letter, argument and raw data of a command."""
    line, _, raw = data.partition(b"\n")
    line = line.replace(b" ", b"")  # the port skips spaces
    letter, argument = line[:1].decode("latin-1"), line[1:].decode("latin-1")
    try:
        return letter, int(argument, 16), raw
    except ValueError:
        return letter, argument, raw


def _spread(usable: dict[str, list[Place]], count: int) -> Iterator[Place]:
    """Places of every command, each kind of hit in turn."""
    rng = random.Random(2)
    groups = [[p for p in usable[command] if p[1] == kind] for kind in HITS for command in sorted(usable)]
    for group in islice(cycle(filter(None, groups)), count):
        yield rng.choice(group)
