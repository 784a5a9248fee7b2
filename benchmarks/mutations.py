"""Seeded errors against the sign-off gates: ``python -m benchmarks.mutations [--only FAMILY] [--run DIR] ...``.

Each mutation plants one error in a small clean design (a hand-wired SKY130 layout, a made-up run directory, a tiny
accelerator's netlist, a small system in simulation) and names the gates that claim to cover it; each of those must
say FAIL. The table gives the rate of detection per gate. Clean designs, and the run directories given with ``--run``,
must raise no alarm. Exit code 1 when an error was missed or a clean design failed.

Needs ASICFLOW_PDK_ROOT, Yosys, Verilator, arm-none-eabi-gcc, g++.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import klayout.db as kdb
from rich.console import Console
from rich.table import Table

from asicflow.config import Config
from asicflow.pdk.root import resolve
from asicflow.signoff.context import GateContext
from asicflow.signoff.evidence import load_evidence
from asicflow.signoff.gate import run_gate
from asicflow.signoff.gates import BUILT_IN
from asicflow.signoff.verdict import Verdict
from benchmarks import mutations_of_runs as runs
from benchmarks import mutations_of_systems as systems
from tests.signoff import hand_made, made_system
from tests.signoff.hand_made import PORTS, ROW, HandMade, P

GATES = {gate.id: gate for gate in BUILT_IN}
RULES = ("layout.drc", "layout.drc-lef")
CONNECT = ("lvs.top", "lvs.device")


@dataclass(frozen=True)
class Mutation:
    """One planted error: what it is, which gates claim it, how it is planted."""

    family: str
    name: str
    claims: tuple[str, ...]
    plant: Callable[[Path], GateContext]


def on_layout(
    master: HandMade, family: str, name: str, claims: tuple[str, ...], damage: Callable[[HandMade], object]
) -> Mutation:
    """A mutation of the hand-wired layout."""

    def plant(root: Path) -> GateContext:
        made = master.copy()
        damage(made)
        return hand_made.context_of(root, made)

    return Mutation(family, name, claims, plant)


# -- geometry -----------------------------------------------------------------------------------------


def own_shapes(made: HandMade, layer: str) -> list[kdb.Box]:
    """Boxes that the top cell draws, in a fixed order."""
    boxes = [s.bbox() for s in made.top.shapes(made.index(layer)).each()]
    return sorted(boxes, key=lambda b: (b.left, b.bottom, b.right, b.top))


def replace_box(layer: str, old: kdb.Box, *new: kdb.Box) -> Callable[[HandMade], None]:
    """Erase a rectangle of the top cell and draw others."""

    def damage(made: HandMade) -> None:
        shapes = made.top.shapes(made.index(layer))
        for shape in [s for s in shapes.each() if s.bbox() == old]:
            shapes.erase(shape)
        for box in new:
            shapes.insert(box)

    return damage


def wires(master: HandMade, rng: random.Random) -> Iterator[Mutation]:
    """Wires too narrow, off the grid, missing."""
    for layer, narrow in (("met1", 100), ("met2", 100), ("met3", 200), ("met4", 200)):
        boxes = own_shapes(master, layer)
        for box in rng.sample(boxes, min(5, len(boxes))):
            upright = box.height() > box.width()
            thin = kdb.Box(box.left, box.bottom, box.left + narrow, box.top) if upright else kdb.Box(
                box.left, box.bottom, box.right, box.bottom + narrow)  # fmt: skip
            off = kdb.Box(box.left + 2, box.bottom, box.right, box.top)
            spur = thin.moved(30_000, 30_000)
            place = f"{layer} {box.left},{box.bottom}"
            yield on_layout(master, "narrow wire", place, RULES, replace_box(layer, box, box, spur))
            yield on_layout(master, "off grid", place, RULES, replace_box(layer, box, off))
    tracks = [b for b in own_shapes(master, "met3") if b.bottom > 2 * ROW]
    columns = [b for b in own_shapes(master, "met2") if b.height() > 1500 and b.width() == 140]
    for layer, box in [("met3", b) for b in tracks] + [("met2", b) for b in columns]:
        yield on_layout(master, "missing wire", f"{layer} {box.left},{box.bottom}", CONNECT, replace_box(layer, box))


def cuts(master: HandMade) -> Iterator[Mutation]:
    """Cuts of pin stacks missing, moved, of a wrong size."""
    for (name, pin), (x, y) in sorted(master.pins.items()):
        for layer in ("mcon", "via"):
            half = hand_made.VIA[layer] // 2
            box = kdb.Box(x - half, y - half, x + half, y + half)
            place = f"{layer} of {name}/{pin}"
            yield on_layout(master, "missing cut", place, CONNECT, replace_box(layer, box))
            yield on_layout(master, "moved cut", place, RULES, replace_box(layer, box, box.moved(60, 0)))
            yield on_layout(master, "cut of wrong size", place, RULES, replace_box(layer, box, box.enlarged(10, 0)))


def shorts(master: HandMade) -> Iterator[Mutation]:
    """Neighbouring tracks, and tracks and straps, joined."""
    nets = list(master.tracks)
    for one, two in pairwise(nets):
        low, high = master.tracks[one], master.tracks[two]
        boxes = [b for b in own_shapes(master, "met3") if b.center().y in (low, high) and b.bottom > 2 * ROW]
        x = max(b.left for b in boxes) + 300

        left = min(b.left for b in boxes if b.center().y == low)

        def bridge(made: HandMade, x: int = x, low: int = low, high: int = high, left: int = left) -> None:
            made.box("met3", min(left, x - 150), low - 165, x + 150, low + 165)
            made.box("met3", x - 150, low, x + 150, high)

        yield on_layout(master, "short", f"{one} to {two}", CONNECT, bridge)
    for x, net in ((18_800, "VGND"), (21_000, "VPWR")):
        for other in nets[:3]:
            y = master.tracks[other]

            def join(made: HandMade, x: int = x, y: int = y) -> None:
                made.box("met4", x - 450, 2 * ROW, x + 450, y + 300)
                made.box("met3", 0, y - 165, x + 300, y + 165)
                made.cut("via3", x, y)

            yield on_layout(master, "short", f"{net} to {other}", (*CONNECT, "power.grid"), join)


def cells(master: HandMade) -> Iterator[Mutation]:
    """Cells moved off their place, exchanged, without taps."""
    names = [cell for _, cell, _, _ in hand_made.CELLS if not cell.startswith("tap")]

    def moved(cell: str, dx: int, dy: int) -> Callable[[HandMade], None]:
        def damage(made: HandMade) -> None:
            for inst in [i for i in made.top.each_inst() if i.cell.name == f"{P}{cell}"]:
                inst.transform(kdb.Trans(dx, dy))

        return damage

    for cell in names:
        for dx, dy in ((2, 0), (5, 0), (230, 0), (0, 340)):
            yield on_layout(master, "moved cell", f"{cell} by {dx},{dy}", ("layout.drc",), moved(cell, dx, dy))
        yield on_layout(master, "moved cell", f"{cell} by a row", CONNECT, moved(cell, 0, 4 * ROW))
    for old, new in (("inv_1", "inv_2"), ("nand2_1", "nor2_1"), ("nor2_1", "nand2_1"), ("inv_2", "inv_1")):

        def swapped(made: HandMade, old: str = old, new: str = new) -> None:
            for inst in [i for i in made.top.each_inst() if i.cell.name == f"{P}{old}"]:
                inst.cell = made.layout.cell(f"{P}{new}")

        yield on_layout(master, "wrong cell", f"{new} for {old}", CONNECT, swapped)
    yield on_layout(master, "no taps", "all", ("layout.drc", "lvs.device"), lambda made: [
        i.delete() for i in list(made.top.each_inst()) if "tapvpwr" in i.cell.name])  # fmt: skip


LAYERS = {"poly": (66, 20), "licon": (66, 44), "diff": (65, 20), "hvtp": (78, 44), "li1": (67, 20)}


def inside_cells(master: HandMade) -> Iterator[Mutation]:
    """Transistors damaged inside cells."""
    for cell in ("inv_1", "nand2_1", "dfxtp_1", "inv_2", "buf_1", "nor2_1"):
        for layer, pair in LAYERS.items():

            def damage(made: HandMade, cell: str = cell, layer: str = layer, pair: tuple[int, int] = pair) -> None:
                shapes = made.layout.cell(f"{P}{cell}").shapes(made.layout.layer(*pair))
                region = kdb.Region(shapes)
                if layer == "diff":
                    region = region + kdb.Region([p.bbox().enlarged(0, 30) for p in region.each()])
                elif layer == "hvtp":
                    region = kdb.Region()
                elif layer == "poly":
                    region -= kdb.Region(kdb.Box(-500, 1250, 20_000, 1500))
                elif layer == "licon":
                    region -= kdb.Region([p.bbox() for p in region.each() if p.bbox().center().y > 1450])
                else:
                    region += kdb.Region(kdb.Box(200, 200, region.bbox().right - 200, 2500))
                shapes.clear()
                shapes.insert(region.merged())

            yield on_layout(master, "inside a cell", f"{layer} of {cell}", ("lvs.cells", "lvs.device"), damage)


def labels(master: HandMade) -> Iterator[Mutation]:
    """Labels missing or wrong."""
    for text in [*PORTS, "VPWR", "VGND"]:
        claims = ("power.grid",) if text.startswith("V") else ("lvs.top",)
        yield on_layout(master, "missing label", text, claims, lambda made, t=text: made.erase_label(t))

    for one, two in (("a", "y"), ("clk", "b[0]"), ("b[0]", "b[1]")):

        def swapped(made: HandMade, one: str = one, two: str = two) -> None:
            for text, other in ((one, two), (two, one)):
                made.erase_label(text)
                made.label("met3", text, 200, made.tracks[other])

        yield on_layout(master, "swapped labels", f"{one} and {two}", ("lvs.top",), swapped)


def netlist(master: HandMade) -> Iterator[Mutation]:
    """The netlist says something else than the layout."""
    nets = sorted({n for pins in master.pin_nets.values() for n in pins.values()})
    for name, pins in sorted(master.pin_nets.items()):
        for pin, net in sorted(pins.items()):
            other = nets[(nets.index(net) + 3) % len(nets)]

            def rewired(made: HandMade, name: str = name, pin: str = pin, other: str = other) -> None:
                made.pin_nets[name][pin] = other

            yield on_layout(master, "rewired netlist", f"{name}/{pin} to {other}", CONNECT, rewired)

        yield on_layout(master, "instance not in the netlist", name, CONNECT,
                        lambda made, n=name: made.pin_nets.pop(n))  # fmt: skip


def electrical(master: HandMade) -> Iterator[Mutation]:
    """Antennas and full metal."""
    for name, pin in (("u1", "A"), ("u2", "A"), ("u2", "B"), ("u4", "A"), ("u6", "A"), ("u6", "B")):

        def antenna(made: HandMade, name: str = name, pin: str = pin) -> None:
            x, y = made.pins[name, pin]
            for k in range(12):
                made.box("met1", x - 165, 20_000 + 400 * k, x + 25_000, 20_140 + 400 * k)
                made.box("met1", x - 165, 20_000 + 400 * k, x - 25, 20_540 + 400 * k)
            made.box("met1", x - 165, y, x - 25, 20_000)

        yield on_layout(master, "antenna", f"{name}/{pin}", ("layout.antenna",), antenna)
    for layer in ("met1", "met2", "met3", "met4"):
        yield on_layout(master, "too much metal", layer, ("layout.density-max",),
                        lambda made, n=layer: made.box(n, -1000, -1000, 40_000, 40_000))  # fmt: skip


def layout_mutations(master: HandMade) -> list[Mutation]:
    """All mutations of the hand-wired layout."""
    rng = random.Random(1)
    found = [*wires(master, rng), *cuts(master), *shorts(master), *cells(master), *inside_cells(master)]
    return [*found, *labels(master), *netlist(master), *electrical(master)]


# -- the campaign -------------------------------------------------------------------------------------


def judge(gate: str, context: GateContext) -> Verdict:
    """The verdict of one gate; a checker that breaks has not detected anything."""
    record = run_gate(GATES[gate](), context)
    if isinstance(record, str) or "the checker broke" in record.result.summary:
        return Verdict.UNVERIFIED
    return record.result.verdict


def false_alarms(
    master: HandMade, pdk_root: Path, system: tuple[Path, Path], given: list[Path], console: Console
) -> int:
    """FAIL verdicts of clean designs: the small ones, and finished runs."""
    alarms = 0
    with tempfile.TemporaryDirectory() as folder:
        designs = [(hand_made.context_of(Path(folder) / "layout", master),
                    (*RULES, *CONNECT, "lvs.cells", "power.grid", "layout.antenna", "layout.density-max"))]  # fmt: skip
        designs += [*runs.clean(Path(folder), pdk_root), systems.clean(*system)]
        for context, gates in designs:
            for gate in gates:
                verdict = judge(gate, context)
                if verdict is not Verdict.PASS:
                    word = "false alarm" if verdict is Verdict.FAIL else "not decided"
                    console.print(f"{word}: {gate} says {verdict} on the clean {context.config.name}")
                    alarms += verdict is Verdict.FAIL
    for run in given:
        failed = [g["id"] for g in load_evidence(run)["gates"] if g["verdict"] == Verdict.FAIL]
        console.print(f"{run}: {len(failed)} FAIL" + "".join(f" {name}" for name in failed))
        alarms += len(failed)
    return alarms


def main() -> int:
    """Run the campaign; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", help="run one family of mutations")
    parser.add_argument("--run", type=Path, action="append", default=[], help="finished run that is known to be clean")
    parser.add_argument("--json", type=Path, help="write the table as JSON")
    arguments = parser.parse_args()
    console = Console()
    pdk_root = resolve(Config())
    master = hand_made.build(pdk_root)
    work = Path(tempfile.mkdtemp(prefix="mutations-"))
    console.print("building a small system and its simulator")
    system = work / "system", made_system.build(work / "system")
    of_runs = [*runs.mutations(work, pdk_root), *systems.mutations(*system)]
    mutations = [*layout_mutations(master), *(Mutation(*m) for m in of_runs)]
    if arguments.only:
        mutations = [m for m in mutations if m.family == arguments.only]
    claimed: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    families: dict[str, list[int]] = {}
    missed: list[str] = []
    for number, mutation in enumerate(mutations):
        root = work / f"m{number}"
        context = mutation.plant(root)
        verdicts = {gate: judge(gate, context) for gate in mutation.claims}
        claimed.update(mutation.claims)
        caught.update(g for g, v in verdicts.items() if v is Verdict.FAIL)
        lost = [f"{g} says {v}" for g, v in verdicts.items() if v is not Verdict.FAIL]
        missed += (new := [f"{mutation.family}, {mutation.name}: {text}" for text in lost])
        for text in new:
            console.print(f"missed: {text}", highlight=False)
        if number % 25 == 24:
            console.print(f"{number + 1} of {len(mutations)} mutations, {len(missed)} missed", highlight=False)
        count = families.setdefault(mutation.family, [0, 0])
        count[0] += 1
        count[1] += not lost
        shutil.rmtree(root, ignore_errors=True)
    alarms = false_alarms(master, pdk_root, system, arguments.run, console)
    shutil.rmtree(work, ignore_errors=True)
    for title, rows in (
        ("family", [(f, *c) for f, c in families.items()]),
        ("gate", [(g, claimed[g], caught[g]) for g in sorted(claimed)]),
    ):
        table = Table(title, "mutations", "detected", "rate")
        for name, total, found in rows:
            table.add_row(name, str(total), str(found), f"{found / total:.0%}")
        console.print(table)
    console.print(f"{len(mutations)} mutations, {len(missed)} missed, {alarms} false alarms")
    if arguments.json:
        data = {g: {"mutations": claimed[g], "detected": caught[g]} for g in sorted(claimed)}
        arguments.json.write_text(json.dumps(data, indent=1) + "\n")
    return 1 if missed or alarms else 0


if __name__ == "__main__":
    sys.exit(main())
