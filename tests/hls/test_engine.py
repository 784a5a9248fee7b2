"""The engine of the digits example: a thousand vectors in Verilator, and a rude bus in Icarus."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from asicflow.hls.plan import EnginePlan, choose_split, plan_engine
from asicflow.hls.rtl import engine_rtl
from asicflow.hls.simulate import run_engine
from asicflow.hls.verilog import index_bits
from asicflow.model import golden
from asicflow.model.spec import Spec

from . import icarus
from .icarus import run_icarus
from .networks import random_inputs
from .test_plan import dense_network


def write_rtl(plan: EnginePlan, folder: Path) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for name, text in engine_rtl(plan).items():
        (folder / name).write_text(text)
    return sorted(folder.glob("accel_engine*.sv"))


@pytest.mark.parametrize("multipliers", [4, 24])
def test_thousand_vectors(multipliers: int, tmp_path: Path) -> None:
    spec = dense_network(16, 24, 12, 5)
    plan = plan_engine(spec, *choose_split(spec, multipliers))
    x_int = random_inputs(spec, 1200, seed=multipliers)
    run = run_engine(spec, write_rtl(plan, tmp_path / "rtl"), x_int, tmp_path / "sim")
    np.testing.assert_array_equal(run.y_int, golden.run(spec, x_int))
    assert run.cycles == plan.cycles


def test_a_wrong_weight_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: flip one bit of the weight table."""

    def tampered(plan: EnginePlan) -> dict[str, str]:
        texts = engine_rtl(plan)
        table = texts["accel_engine_weights_0.sv"]
        digit = table.split("weights_o = ")[1].split("'h")[1][0]
        texts["accel_engine_weights_0.sv"] = table.replace(f"'h{digit}", f"'h{int(digit, 16) ^ 1:x}", 1)
        return texts

    spec = dense_network(8, 6, 3)
    plan, x_int = plan_engine(spec, 1, 4), random_inputs(spec, 50, seed=0)
    np.testing.assert_array_equal(run_icarus(plan, x_int, tmp_path / "good")[0], golden.run(spec, x_int))
    monkeypatch.setattr(icarus, "engine_rtl", tampered)
    assert not np.array_equal(run_icarus(plan, x_int, tmp_path / "bad")[0], golden.run(spec, x_int))


def test_protocol(tmp_path: Path) -> None:
    spec: Spec = dense_network(10, 9, 4)
    plan = plan_engine(spec, 1, 4)
    write_rtl(plan, tmp_path)
    assert run_protocol(spec, plan.cycles, tmp_path).startswith("PASS")


def run_protocol(spec: Spec, cycles: int, folder: Path) -> str:
    """Run protocol.sv on the engine whose source is in ``folder``; its verdict."""
    x_int = random_inputs(spec, 4, seed=5)[2:]
    y_int = golden.run(spec, x_int)
    for name, values, bits in (
        ("input", x_int, spec.input.type.width),
        ("expected", y_int, spec.output.type.width),
    ):
        words = values & ((1 << bits) - 1)
        (folder / f"{name}.hex").write_text("\n".join(f"{v:x}" for v in words.ravel().tolist()) + "\n")
    macros = {
        "N_IN": spec.input.size, "N_OUT": spec.output.size, "IN_BITS": spec.input.type.width,
        "OUT_BITS": spec.output.type.width, "IN_ADDR": index_bits(spec.input.size),
        "OUT_ADDR": index_bits(spec.output.size), "CYCLES": cycles,
    }  # fmt: skip
    bench = Path(__file__).parent / "protocol.sv"
    sources = [str(path) for path in sorted(folder.glob("*.sv"))]
    command = ["iverilog", "-g2012", "-s", "protocol", "-o", "protocol.vvp"]
    command += [f"-D{name}={value}" for name, value in macros.items()]
    subprocess.run([*command, str(bench), *sources], cwd=folder, check=True, capture_output=True)
    done = subprocess.run(["vvp", "protocol.vvp"], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip().splitlines()[-1]
