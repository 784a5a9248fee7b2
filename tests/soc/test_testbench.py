"""Top accel on its bus: exact results, and every answer as the reference model says."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from tiny import Tiny, write_tiny

from asicflow.errors import UserError
from asicflow.flow.yosys import run_yosys
from asicflow.soc.testbench import rtl_sources, run_protocol, run_vectors

SITUATIONS = {
    "back_to_back", "bad_address", "busy_transfer", "cancelled_after_error",
    "continued_after_error", "done_cleared", "finish_irq", "finish_silent", "hready_low_elsewhere",
    "idle_transfer", "input_while_busy", "output_before_result", "output_while_busy", "read",
    "read_only_write", "reset", "reset_mid_error", "reset_mid_run", "result_checked", "start",
    "start_while_busy", "unaligned", "waiting_for_the_bus", "weights_in_place", "weights_while_busy", "write",
    "write_only_read", "wrong_size",
}  # fmt: skip


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("build")


def test_vectors_are_exact_by_interrupt_and_by_polling(tiny_run: Path, build: Path) -> None:
    soc, vectors = tiny_run / "soc", tiny_run / "model" / "vectors.npz"
    for wait in ("irq", "poll"):
        result = run_vectors(rtl_sources(soc), soc, vectors, 300, build, seed=7, wait=wait)  # type: ignore[arg-type]
        assert result.passed and result.n == 300
        assert result.cycles == Tiny().cycles


def test_a_wrong_golden_value_is_found_and_named(tiny_run: Path, build: Path, tmp_path: Path) -> None:
    with np.load(tiny_run / "model" / "vectors.npz") as data:
        x, y = data["x_int"], data["y_int"].copy()
    y[17, 2] ^= 1
    np.savez(tmp_path / "bad.npz", x_int=x, y_int=y)
    soc = tiny_run / "soc"
    result = run_vectors(rtl_sources(soc), soc, tmp_path / "bad.npz", 100, build)
    assert not result.passed and result.exact == 99
    assert dataclasses.astuple(result.first_mismatch) == (17, 2, y[17, 2], y[17, 2] ^ 1)  # type: ignore[arg-type]


def test_an_engine_that_never_ends_is_reported(tiny_run: Path, tmp_path: Path) -> None:
    soc = tiny_run / "soc"
    rtl = [tmp_path / p.name for p in rtl_sources(soc)]
    endless = {"if (last) busy_q <= 1'b0;": "", "= last :": "= 1'b0 :", "late_q <= last;": "late_q <= 1'b0;"}
    for source, copy in zip(rtl_sources(soc), rtl, strict=True):
        text = source.read_text()
        for right, wrong in endless.items():
            text = text.replace(right, wrong)
        copy.write_text(text)
    result = run_vectors(rtl, soc, tiny_run / "model" / "vectors.npz", 10, tmp_path / "build")
    assert not result.passed and "no end" in result.messages[0]


def test_vectors_of_another_shape_are_refused(tiny_run: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", x_int=np.zeros((3, 4), np.int64), y_int=np.zeros((3, 3), np.int64))
    soc = tiny_run / "soc"
    with pytest.raises(UserError, match="shapes"):
        run_vectors(rtl_sources(soc), soc, tmp_path / "v.npz", 1, tmp_path)


def test_hostile_traffic_visits_everything_and_differs_nowhere(tiny_run: Path, build: Path) -> None:
    soc, vectors = tiny_run / "soc", tiny_run / "model" / "vectors.npz"
    seen: set[str] = set()
    for seed in (1, 2, 3):
        result = run_protocol(rtl_sources(soc), soc, vectors, 50_000, build, seed=seed)
        assert result.passed, result.messages
        assert result.transfers >= 50_000
        seen |= result.coverage.keys()
    assert seen == SITUATIONS


def test_reloadable_weights_on_a_hostile_bus(tmp_path: Path) -> None:
    tiny = Tiny(n_weights=7)
    soc, vectors = write_tiny(tmp_path, tiny), tmp_path / "model" / "vectors.npz"
    result = run_vectors(rtl_sources(soc), soc, vectors, 100, tmp_path / "build")
    assert result.passed, result
    seen: set[str] = set()
    for seed in (1, 2):
        hostile = run_protocol(rtl_sources(soc), soc, vectors, 50_000, tmp_path / "build", seed=seed)
        assert hostile.passed, hostile.messages
        seen |= hostile.coverage.keys()
    assert seen == SITUATIONS | {"loaded", "start_without_weights"}


def test_another_image_gives_other_results(tmp_path: Path) -> None:
    """Negative controls: a bit of the image, an image of another architecture, one for a design of constants."""
    tiny = Tiny(n_weights=7)
    soc, vectors = write_tiny(tmp_path, tiny), tmp_path / "model" / "vectors.npz"
    words = [tiny.image().words[0] ^ 1, *tiny.image().words[1:]]
    tiny.image().model_copy(update={"words": words}).save(tmp_path / "bit.json")
    result = run_vectors(rtl_sources(soc), soc, vectors, 20, tmp_path / "build", image=tmp_path / "bit.json")
    assert result.exact == 0 and not result.messages
    tiny.image().model_copy(update={"architecture": "cd" * 32}).save(tmp_path / "other.json")
    with pytest.raises(UserError, match="architecture"):
        run_vectors(rtl_sources(soc), soc, vectors, 1, tmp_path, image=tmp_path / "other.json")
    constant = write_tiny(tmp_path / "constant", Tiny())
    with pytest.raises(UserError, match="constants"):
        run_vectors(rtl_sources(constant), constant, vectors, 1, tmp_path, image=tmp_path / "bit.json")


@pytest.mark.parametrize(
    "tiny",
    [
        Tiny(n_in=1, n_out=1, in_width=1, in_signed=False, out_width=1, out_signed=False),
        Tiny(n_in=64, n_out=10, in_width=32, out_width=32, early_done=True),
        pytest.param(
            Tiny(n_in=3, n_out=17, in_width=5, in_signed=False, out_width=32, out_signed=False),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_other_shapes_and_types(tmp_path: Path, tiny: Tiny) -> None:
    soc = write_tiny(tmp_path, tiny)
    vectors = tmp_path / "model" / "vectors.npz"
    exact = run_vectors(rtl_sources(soc), soc, vectors, 200, tmp_path / "build")
    assert exact.passed, exact
    assert exact.cycles == tiny.cycles
    hostile = run_protocol(rtl_sources(soc), soc, vectors, 20_000, tmp_path / "build")
    assert hostile.passed, hostile.messages
    assert hostile.coverage["result_checked"] > 0


@pytest.mark.slow
def test_a_gate_netlist_behaves_like_the_rtl(tiny_run: Path, tmp_path: Path) -> None:
    soc, vectors = tiny_run / "soc", tiny_run / "model" / "vectors.npz"
    files = " ".join(str(path) for path in rtl_sources(soc))
    netlist = tmp_path / "gates.v"
    script = f"read_verilog -sv {files}\nsynth -flatten -top accel\nwrite_verilog -noattr {netlist}\n"
    run_yosys(script, tmp_path / "yosys.log")
    assert "$_" not in netlist.read_text() and "accel_socket_regs i_regs" not in netlist.read_text()
    assert run_vectors([netlist], soc, vectors, 200, tmp_path / "build").passed
    assert run_protocol([netlist], soc, vectors, 20_000, tmp_path / "build").passed
