"""Simulate top ``accel`` on its bus: test vectors, and a hostile protocol run.

Both work on RTL and on any netlist of the same top (cells as functional
Verilog).  Registers start with random contents, so a register that is used
before it is written shows.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from asicflow.errors import StageError, UserError
from asicflow.model.image import Image
from asicflow.simulate import build_verilator
from asicflow.soc.ip import load_ip

_SOCKET = "accel_socket"
_INCLUDE = re.compile(r'^#include "(?P<name>[^"]+)"$', re.MULTILINE)


@dataclass(frozen=True)
class Mismatch:
    """The first output element that differs from the golden one."""

    vector: int
    output: int
    expected: int
    got: int


@dataclass(frozen=True)
class ExactnessResult:
    """Outcome of :func:`run_vectors`.

    Attributes
    ----------
    n, exact : int
        Inferences run, and those with every output bit equal to the golden model.
    first_mismatch : Mismatch or None
        The first wrong output.
    cycles : int
        Clock cycles of one inference from start to done, the most that CYCLES showed.
    seconds : float
        Wall time of the simulation without building.
    messages : tuple of str
        Bus errors, wrong identification, no end of an inference.
    """

    n: int
    exact: int
    first_mismatch: Mismatch | None
    cycles: int
    seconds: float
    messages: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """True when vectors ran, all were exact, and nothing else was wrong."""
        return 0 < self.n == self.exact and not self.messages


@dataclass(frozen=True)
class ProtocolResult:
    """Outcome of :func:`run_protocol`.

    Attributes
    ----------
    transfers, clock_cycles : int
        Transfers to the design, and clock cycles simulated.
    coverage : dict
        How often each situation occurred.
    failures : int
        Differences from the reference model; ``messages`` has the first ones.
    """

    transfers: int
    clock_cycles: int
    coverage: dict[str, int]
    failures: int
    messages: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """True when transfers ran and no output differed from the reference model."""
        return self.transfers > 0 and self.failures == 0


def run_vectors(
    sources: Sequence[Path],
    soc_dir: Path,
    vectors: Path,
    n: int,
    build_dir: Path,
    *,
    seed: int = 1,
    wait: Literal["irq", "poll"] = "irq",
    optimise: str = "-O2",
    image: Path | None = None,
) -> ExactnessResult:
    """Run ``n`` inferences over the bus and compare each with the integer golden model.

    Reloadable weights are loaded first.

    Parameters
    ----------
    sources : sequence of Path
        Verilog with module ``accel``: the RTL, or a netlist with its cells.
    soc_dir : Path
        Folder of the soc stage (``soc.json`` and the register header).
    vectors : Path
        ``vectors.npz`` with ``x_int`` (N, n_in) and ``y_int`` (N, n_out); starts over after N.
    n : int
        Inferences to run.
    build_dir : Path
        Where the simulator is built; reused when nothing changed.
    seed : int
        Seed of the registers' initial contents.
    wait : {"irq", "poll"}
        How the driver learns of the end of an inference.
    optimise : str
        The C++ compiler's level; a netlist of gates is built once and run shortly.
    image : Path, optional
        Weights to load; default: those in ``soc_dir``.

    Raises
    ------
    UserError
        If the vectors do not have the engine's shape, or the weights are another architecture's.
    ToolMissing, StageError
        If the simulator cannot be built or stops without a result.
    """
    engine = _engine(soc_dir)
    golden = _golden(vectors, engine, soc_dir, image)
    limit = 4 * engine["cycles"] + 1000
    answer = _simulate(sources, soc_dir, golden, build_dir, [seed, "vectors", n, limit, wait], optimise)
    return ExactnessResult(
        n=answer["n"],
        exact=answer["exact"],
        first_mismatch=_mismatch(answer["mismatch"], golden.y, engine),
        cycles=answer["cycles_max"],
        seconds=answer["seconds"],
        messages=tuple(answer["messages"]),
    )


def run_protocol(
    sources: Sequence[Path],
    soc_dir: Path,
    vectors: Path,
    n_transfers: int,
    build_dir: Path,
    *,
    seed: int = 1,
    plusargs: Sequence[str] = (),
) -> ProtocolResult:
    """Drive random legal and illegal traffic; compare every output in every cycle with a reference model.

    Parameters
    ----------
    sources, soc_dir, vectors, build_dir
        As for :func:`run_vectors`.
    n_transfers : int
        Transfers to the design (idle cycles and transfers to other slaves come on top).
    seed : int
        Seed of the traffic and of the registers' initial contents.
    plusargs : sequence of str
        Verilog plusargs (``"+name=value"``) for the design.

    Raises
    ------
    UserError, ToolMissing, StageError
        As for :func:`run_vectors`.
    """
    engine = _engine(soc_dir)
    counter_max = (1 << engine["cycles_width"]) - 1
    arguments = [seed, "protocol", n_transfers, engine["cycles"], counter_max, *plusargs]
    golden = _golden(vectors, engine, soc_dir)
    answer = _simulate(sources, soc_dir, golden, build_dir, arguments)
    return ProtocolResult(
        transfers=answer["transfers"],
        clock_cycles=answer["clock_cycles"],
        coverage=answer["coverage"],
        failures=answer["failures"],
        messages=tuple(answer["messages"]),
    )


def rtl_sources(soc_dir: Path) -> list[Path]:
    """Return the RTL files of an assembled top."""
    return [soc_dir / name for name in _description(soc_dir)["files"]]


def _description(soc_dir: Path) -> dict[str, Any]:
    path = soc_dir / "soc.json"
    try:
        data: dict[str, Any] = json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise UserError(f"the description of the design cannot be read: {error}", where=str(path)) from error
    return data


def _engine(soc_dir: Path) -> dict[str, Any]:
    engine: dict[str, Any] = _description(soc_dir)["engine"]
    return engine


@dataclass(frozen=True)
class _Golden:
    """Inputs (N, n_in), outputs (N, n_out), words of an image of the weights (none where they are constants)."""

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    weights: list[int]


def load_weights(soc_dir: Path, image: Path | None = None) -> Image | None:
    """Return the weights of a design in ``soc_dir`` or of ``image``; None where they are constants.

    Raises
    ------
    UserError
        If the image cannot be read or is another architecture's, or the design takes none.
    """
    weights = _engine(soc_dir).get("weights")
    if weights is None:
        if image is not None:
            raise UserError("the design's weights are constants", where=str(image), hint="hls.weights: reloadable")
        return None
    path = image or soc_dir / weights["image"]
    found = Image.load(path)
    found.check(weights["architecture"], str(path))
    return found


def _golden(path: Path, engine: dict[str, Any], soc_dir: Path, image: Path | None = None) -> _Golden:
    """Read inputs and outputs, check their shapes, and read the weights."""
    try:
        with np.load(path) as data:
            x, y = data["x_int"].astype(np.int64), data["y_int"].astype(np.int64)
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"the test vectors cannot be read: {error}", where=str(path)) from error
    x, y = x.reshape(len(x), -1), y.reshape(len(y), -1)
    if len(x) == 0 or len(x) != len(y) or x.shape[1] != engine["n_in"] or y.shape[1] != engine["n_out"]:
        raise UserError(
            f"the test vectors have shapes {x.shape} and {y.shape}, "
            f"the engine has {engine['n_in']} inputs and {engine['n_out']} outputs",
            where=str(path),
        )
    weights = load_weights(soc_dir, image)
    return _Golden(x, y, weights.words if weights else [])


def _mismatch(found: list[int], y: NDArray[np.int64], engine: dict[str, Any]) -> Mismatch | None:
    vector, output, word = found
    if vector < 0:
        return None
    negative = engine["out_signed"] and word >> 31
    return Mismatch(vector, output, int(y[vector % len(y), output]), word - (negative << 32))


def _simulate(
    sources: Sequence[Path],
    soc_dir: Path,
    golden: _Golden,
    build_dir: Path,
    arguments: Sequence[int | str],
    optimise: str = "-O2",
) -> dict[str, Any]:
    """Build the testbench of the socket and run it; return its answer."""
    build_dir.mkdir(parents=True, exist_ok=True)
    main = build_dir / "accel_testbench.cpp"
    main.write_text(_one_file(soc_dir))
    exe = build_verilator("accel", sources, main, build_dir, optimise=optimise)
    data = build_dir / "vectors.bin"
    _write_vectors(golden, data)
    command = [str(exe.resolve()), str(data.resolve()), *(str(a) for a in arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError as error:
        raise StageError(
            f"the simulation stopped with code {done.returncode} and no result: {done.stderr.strip()[:300]}",
            where=str(exe),
        ) from error
    return answer


def _one_file(soc_dir: Path) -> str:
    """Return the testbench with its own headers in place, so that its content alone decides a rebuild."""
    socket = load_ip(_SOCKET)
    texts = {path.name: path for path in [soc_dir / f"{_SOCKET}.h", *map(socket.path, socket.testbench)]}
    known = set(texts)

    def expand(match: re.Match[str]) -> str:
        path = texts.pop(match["name"], None)  # once, like #pragma once
        if path is None:
            return "" if match["name"] in known else match[0]
        return _INCLUDE.sub(expand, path.read_text()).replace("#pragma once\n", "")

    return _INCLUDE.sub(expand, socket.path("tb/main.cpp").read_text())


def _write_vectors(golden: _Golden, path: Path) -> None:
    x, y, weights = golden.x, golden.y, np.array(golden.weights, np.int64)
    head = np.array([len(x), x.shape[1], y.shape[1], len(weights)], np.int64)
    words = np.concatenate([head, x.ravel(), y.ravel(), weights])
    (words & 0xFFFFFFFF).astype("<u4").tofile(path)
