"""Mutations of run directories: timing reports, records, model, RTL, netlists. See ``benchmarks.mutations``."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from asicflow.flow.yosys import run_yosys
from asicflow.pdk import load_pdk
from asicflow.signoff.context import GateContext
from tests.signoff import made_run
from tests.soc.tiny import Tiny, sources, write_tiny

Planted = tuple[str, str, tuple[str, ...], Callable[[Path], GateContext]]
"""Family, name, gates that claim it, and how it is planted."""

CLEAN_GATES = (
    "model.golden", "model.csim", "rtl.lint", "rtl.structure", "rtl.cdc", "rtl.reset", "timing.setup",
    "timing.hold", "timing.slew", "timing.capacitance", "timing.unconstrained", "timing.clock", "timing.corners",
    "provenance.hashes", "provenance.tools", "provenance.run", "provenance.licences",
)  # fmt: skip


def clean(folder: Path, pdk_root: Path) -> list[tuple[GateContext, tuple[str, ...]]]:
    """The clean designs and the gates that must pass on them."""
    made_run.write_run(folder / "run")
    netlists(folder / "tiny", pdk_root)
    tiny = made_run.open_run(folder / "tiny", pdk_root)
    return [
        (made_run.open_run(folder / "run", pdk_root), CLEAN_GATES),
        (tiny, ("equivalence.formal", "equivalence.formal-rtl")),
    ]


def netlists(root: Path, pdk_root: Path) -> None:
    """A tiny accelerator with its mapped netlist, which also stands for the routed one."""
    soc = write_tiny(root, Tiny(), count=8)
    layout = root / "layout"
    layout.mkdir()
    liberty = layout / "cells.lib"
    liberty.write_bytes(gzip.decompress(load_pdk("sky130", pdk_root).library().typical.liberty.read_bytes()))
    files = " ".join(f'"{p}"' for p in sources(soc))
    run_yosys(
        f"read_verilog -sv {files}\nhierarchy -top accel\nproc\nflatten\nmemory -nordff\nsynth -flatten -top accel\n"
        f"dfflibmap -liberty {liberty}\nabc -liberty {liberty}\nopt_clean -purge\n"
        f"write_verilog -noattr {layout / 'accel.mapped.v'}\n",
        layout / "synth.log",
    )
    shutil.copyfile(layout / "accel.mapped.v", layout / "accel.v")


def mutations(work: Path, pdk_root: Path) -> Iterator[Planted]:
    """All mutations of run directories."""
    made_run.write_run(work / "clean")
    netlists(work / "tiny", pdk_root)

    def planted(family: str, name: str, gate: str, damage: Callable[[Path], object], base: str = "clean") -> Planted:
        def plant(root: Path) -> GateContext:
            shutil.copytree(work / base, root)
            damage(root)
            return made_run.open_run(root, pdk_root)

        return family, name, (gate,), plant

    for name, gate, damage in [*_timing(), *_records(), *_model(), *_rtl()]:
        yield planted(gate.split(".")[0], name, gate, damage)
    text = (work / "tiny" / "layout" / "accel.v").read_text()
    for name, edit in _gates(text):
        yield planted("wrong gate", name, "equivalence.formal", edit, "tiny")


Damage = tuple[str, str, Callable[[Path], object]]


def _timing() -> Iterator[Damage]:
    def edit(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
        def damage(root: Path) -> None:
            data = made_run.timing()
            change(data)
            made_run.write_timing(root, data)

        return damage

    pin = [{"pin": "u1/X", "cell": "buf_1", "value": 1.0, "limit": 0.5}]
    for corner in made_run.CORNERS:

        def at(key: str, value: object, corner: str = corner) -> Callable[[Path], None]:
            return edit(lambda d: d["corners"][corner].update({key: value}))

        yield f"setup, {corner}", "timing.setup", at("setup_slack_ns", -0.01)
        yield f"hold, {corner}", "timing.hold", at("hold_slack_ns", -0.01)
        yield f"slew, {corner}", "timing.slew", at("max_slew", pin)
        yield f"load, {corner}", "timing.capacitance", at("max_capacitance", pin)
        yield f"unconstrained, {corner}", "timing.unconstrained", at("unconstrained", 2)
        yield f"unclocked, {corner}", "timing.unconstrained", at("unclocked", 1)
        yield f"period, {corner}", "timing.clock", at("clock_period_ns", 50.0)
        yield f"voltage, {corner}", "timing.corners", at("voltage", 1.62)
        yield f"no corner {corner}", "timing.corners", edit(lambda d, c=corner: d["corners"].pop(c))
        for kind in ("setup", "hold", "check"):
            gate = "timing.unconstrained" if kind == "check" else f"timing.{kind}"
            yield f"no {kind} report, {corner}", gate, lambda root, k=kind, c=corner: (
                root / "layout" / "reports" / f"{k}_{c}.rpt").unlink()  # fmt: skip
        yield f"report of another run, {corner}", "timing.setup", lambda root, c=corner: (
            root / "layout" / "reports" / f"setup_{c}.rpt").write_text("  9.000   slack (MET)\n")  # fmt: skip
        yield f"error in the report, {corner}", "timing.hold", lambda root, c=corner: (
            root / "layout" / "reports" / f"hold_{c}.rpt").open("a").write("Error: no clock\n")  # fmt: skip


def _records() -> Iterator[Damage]:
    for name in ("model/spec.json", "model/vectors.npz", "soc/soc.json", "soc/rtl/accel.sv", "soc/accel.sdc"):
        yield f"changed {name}", "provenance.hashes", lambda root, n=name: (root / n).open("ab").write(b"\n")
        yield f"lost {name}", "provenance.hashes", lambda root, n=name: (root / n).unlink()

    def manifest(key: str) -> Callable[[Path], object]:
        def damage(root: Path) -> None:
            path = root / "manifest.json"
            data = json.loads(path.read_text())
            data.pop(key)
            path.write_text(json.dumps(data))

        return damage

    yield "no seed", "provenance.run", manifest("seed")
    yield "no command", "provenance.run", manifest("command")


def _model() -> Iterator[Damage]:
    for vector in (0, 3, 17, 39):

        def damage(root: Path, vector: int = vector) -> None:
            path = root / "model" / "vectors.npz"
            with np.load(path) as data:
                arrays = {k: data[k].copy() for k in data}
            arrays["y_int"][vector, 1] += 1
            np.savez(path, **arrays)

        yield f"wrong golden vector {vector}", "model.golden", damage
    for bias in ("0.75f", "0.4f", "-0.5f"):
        yield f"C simulation with bias {bias}", "model.csim", lambda root, b=bias: made_run.compile_csim(root, b)


def _rtl() -> Iterator[Damage]:
    def edit(old: str, new: str) -> Callable[[Path], None]:
        def damage(root: Path) -> None:
            path = root / "soc" / "rtl" / "accel.sv"
            assert old in path.read_text()
            path.write_text(path.read_text().replace(old, new))

        return damage

    flop = "q_o <= d_i;\n  end"
    yield (
        "latch",
        "rtl.structure",
        edit(flop, "q_o <= {d_i[3:1], l};\n  end\n  logic l; always_latch if (en_i) l = d_i[0];"),
    )
    yield "loop", "rtl.structure", edit(flop, flop + "\n  wire a, b; assign a = ~b & en_i; assign b = a | d_i[1];")
    yield (
        "second clock",
        "rtl.cdc",
        edit(flop, "q_o <= {d_i[3:1], s};\n  end\n  logic s; always_ff @(posedge en_i) s <= d_i[0];"),
    )
    yield "missing module", "rtl.lint", edit(flop, flop + "\n  nothing i_nothing (.a(en_i));")
    yield "no licence", "provenance.licences", edit("SPDX-License-Identifier: Apache-2.0", "")


SWAPS = (("nand2_1", "nor2_1"), ("nor2_1", "nand2_1"), ("and2_0", "or2_0"), ("xnor2_1", "nor2_1"), ("xor2_1", "or2_1"))


def _gates(text: str) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Single gates exchanged at several places of the routed netlist."""
    for old, new in SWAPS:
        places = [m.start(1) for m in re.finditer(rf"sky130_fd_sc_hd__({old}) ", text)]
        for place in places[:: max(1, len(places) // 4)][:4]:
            changed = text[:place] + new + text[place + len(old) :]
            yield f"{new} for {old} at {place}", lambda root, t=changed: (root / "layout" / "accel.v").write_text(t)
