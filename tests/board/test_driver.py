"""PYNQ's call, on a simulated board behind a pseudo-terminal."""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny import Tiny

from asicflow.board import NeuralNetworkOverlay
from asicflow.board.bench import SimulatedBench, simulator
from asicflow.board.bridge import Bridge
from asicflow.errors import UserError
from asicflow.firmware.image import BootMode
from asicflow.model.fixed import FixedType
from asicflow.model.spec import Dense, OutputPort, Port, Spec
from asicflow.workspace import Workspace

pytestmark = pytest.mark.slow

TINY = Tiny()
INPUT = FixedType(width=8, frac=4, rounding="RND", saturation="SAT")
OUTPUT = FixedType(width=12, frac=4)
Vectors = tuple[NDArray[np.int64], NDArray[np.int64]]


@pytest.fixture(scope="module")
def run_dir(chip_run: tuple[Workspace, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of the test engine, with a description of what it computes."""
    root = tmp_path_factory.mktemp("driver")
    for name in ("soc", "firmware", "sim"):
        (root / name).symlink_to(chip_run[0].root / name)
    (root / "model").mkdir()
    weights = [[i + j + 1 for j in range(TINY.n_out)] for i in range(TINY.n_in)]
    layer = Dense(
        name="all", n_in=TINY.n_in, n_out=TINY.n_out, weight=weights, weight_type=FixedType(width=8, frac=0),
        bias=[0] * TINY.n_out, bias_type=FixedType(width=8, frac=0), accum=OUTPUT, result=OUTPUT,
    )  # fmt: skip
    Spec(
        schema="asicflow.spec/1",
        name="tiny",
        input=Port(shape=[TINY.n_in], size=TINY.n_in, type=INPUT),
        output=OutputPort(shape=[TINY.n_out], size=TINY.n_out, type=OUTPUT),
        layers=[layer],
    ).save(root / "model" / "spec.json")
    return root


@pytest.fixture(scope="module", params=["firmware", "debug"])
def overlay(run_dir: Path, request: pytest.FixtureRequest) -> Iterator[NeuralNetworkOverlay]:
    with NeuralNetworkOverlay(run_dir, port="sim", path=request.param, progress=False) as made:
        yield made


def test_the_signature_is_pynqs() -> None:
    names = list(inspect.signature(NeuralNetworkOverlay.predict).parameters)
    assert names == ["self", "X", "debug", "profile", "encode", "decode"]


def test_real_inputs_give_real_outputs(
    overlay: NeuralNetworkOverlay, vectors: Vectors, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = vectors[0][:4], vectors[1][:4]
    found, seconds, rate = overlay.predict(x / 16, profile=True, debug=True)
    assert found.dtype == np.float32 and np.array_equal(found, y / 16)
    assert rate == pytest.approx(4 / seconds)
    text = capsys.readouterr().out
    assert "Classified 4 samples" in text and "0 values out of range" in text
    assert overlay.last is not None and overlay.last.cycles.tolist() == [TINY.cycles] * 4
    assert (overlay.last.elapsed is not None) == (overlay._path == "firmware")
    assert np.array_equal(overlay.predict(x[0] / 16), y[:1] / 16)  # one input, not a batch


def test_encode_and_decode_are_the_callers(overlay: NeuralNetworkOverlay, vectors: Vectors) -> None:
    x, y = vectors[0][:2], vectors[1][:2]
    found = overlay.predict(x / 16, encode=lambda v: np.round(v * 16), decode=lambda v: v * 2)
    assert np.array_equal(found, 2 * y)
    with pytest.raises(UserError, match="integers from -128 to 127"):
        overlay.predict(x / 16, encode=lambda v: v)


def test_out_of_range_values_are_counted_and_follow_the_type(
    overlay: NeuralNetworkOverlay, caplog: pytest.LogCaptureFixture
) -> None:
    x = np.array([[0.0, 100.0, -100.0, 0.0, 0.0]])
    saturated = np.array([[0, 127, -128, 0, 0]])
    assert np.array_equal(overlay.predict(x), TINY.golden(saturated) / 16)
    assert overlay.last is not None and overlay.last.out_of_range == 2
    assert "2 of 5 input values" in caplog.text and "saturated" in caplog.text


@pytest.mark.parametrize(
    ("x", "error"),
    [
        (np.zeros((2, 4)), r"shape \(2, 4\); the network takes \(N, 5\)"),
        (np.zeros((2, 5, 1)), "shape"),
        (np.array(["a"] * 5), "not numbers"),
        (np.full((1, 5), np.nan), r"5 NaN or infinite values, the first at \(0, 0\)"),
        (np.array([[0, 0, np.inf, 0, 0]]), r"1 NaN or infinite values, the first at \(0, 2\)"),
        (np.zeros((1, 5), complex), "complex"),
    ],
)
def test_inputs_that_cannot_be(overlay: NeuralNetworkOverlay, x: NDArray[np.generic], error: str) -> None:
    with pytest.raises(UserError, match=error):
        overlay.predict(x)


def test_an_empty_batch_gives_an_empty_answer(overlay: NeuralNetworkOverlay) -> None:
    assert overlay.predict(np.zeros((0, 5))).shape == (0, TINY.n_out)


def test_a_run_or_port_that_is_not_there(run_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        NeuralNetworkOverlay(tmp_path)
    with pytest.raises(UserError, match="cannot be opened"):
        NeuralNetworkOverlay(run_dir, port=str(tmp_path / "tty"))
    with pytest.raises(UserError, match="no path 'fast'"):
        NeuralNetworkOverlay(run_dir, path="fast")  # type: ignore[arg-type]


def test_the_bridge_serves_another_program(chip_run: tuple[Workspace, Path], run_dir: Path, vectors: Vectors) -> None:
    """``asicflow sim``'s pseudo-terminal, opened by path like a device."""
    described, executable = simulator(chip_run[0])
    bench = SimulatedBench(executable, described.soc["clock"]["hz"])
    bench.board.reset(BootMode.HOST)
    with Bridge(bench) as bridge:
        thread = threading.Thread(target=bridge.serve)
        thread.start()
        try:
            with NeuralNetworkOverlay(run_dir, port=bridge.path, baud=3_000_000, progress=False) as nn:
                assert np.array_equal(nn.predict(vectors[0][:2] / 16), vectors[1][:2] / 16)
            assert bench.board.bit_time == pytest.approx(50e6 / 3e6, abs=0.2)
            assert os.path.exists(bridge.path)
        finally:
            bridge.stop()
            thread.join(20)
    bench.close()
    assert not thread.is_alive()
