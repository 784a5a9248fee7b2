"""Precision x reuse x PDK: every point to cell area, cycles, energy and accuracy, and those that none beats.

A point is kept in a file of its own with the hash of what it depends on; a sweep
that was interrupted, or that grows, computes only what is missing.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asicflow import __version__
from asicflow.config import Config
from asicflow.errors import UserError
from asicflow.explore.area import MAPPED, cell_area, typical_liberty
from asicflow.explore.energy import MappedEngine, inference_energy
from asicflow.hls.choose import Budget
from asicflow.hls.stage import TOP, write_chosen
from asicflow.model.image import Image
from asicflow.model.spec import Spec
from asicflow.model.stage import run_model
from asicflow.pdk import load_pdk
from asicflow.pdk.area import nand2_um2
from asicflow.pdk.config import Library
from asicflow.workspace import Workspace, sha256, sha256_text

Progress = Callable[[str], None]

_SCHEMA = "asicflow.point/2"


@dataclass(frozen=True)
class Choice:
    """What varies: bits of weights and activations, reuse factor, PDK."""

    pdk: str
    width: int
    reuse: int

    @property
    def name(self) -> str:
        """Name of the point's folder."""
        return f"{self.pdk}_w{self.width}_r{self.reuse}"


@dataclass(frozen=True)
class Point:
    """A choice and what comes of it.

    ``quality`` is the accuracy on labelled data, else the agreement of decisions with
    the float network, else 1 minus the relative RMS error (``measure`` says which). ``settled_nj`` is the
    energy of an inference without glitches, ``energy_nj`` with those of equal cell delays; no wires.
    ``predicted_um2`` is what the cost model said. ``multipliers`` is 0 for an adder graph, which `asicflow.hls.choose`
    takes where it is no larger.
    """

    choice: Choice
    quality: float
    measure: str
    area_um2: float
    cycles: int
    latency_us: float
    multipliers: int
    settled_nj: float
    energy_nj: float
    predicted_um2: float

    def beats(self, other: Point) -> bool:
        """True when no figure is worse and one is better."""
        mine = (-self.quality, self.area_um2, self.latency_us, self.energy_nj)
        theirs = (-other.quality, other.area_um2, other.latency_us, other.energy_nj)
        return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))


def best(points: Iterable[Point]) -> list[Point]:
    """The points of each PDK that no other of it beats."""
    found = list(points)
    return [p for p in found if not any(q.beats(p) for q in found if q.choice.pdk == p.choice.pdk)]


def sweep(
    config: Config,
    root: Path,
    choices: list[Choice],
    folder: Path,
    jobs: int,
    progress: Progress,
    launcher: Sequence[str] = (),
) -> list[Point]:
    """Bring every point up to date; the points in the order of ``choices``.

    Parameters
    ----------
    config : Config
        Model, data and everything that does not vary.
    root : Path
        PDK root.
    choices : list of Choice
        The points.
    folder : Path
        Where models, engines and points are kept.
    jobs : int
        Engines that are synthesised at a time.
    progress : callable
        Receives a line per finished part.
    launcher : sequence of str, optional
        What runs the synthesis elsewhere (`asicflow.explore.cluster`).

    Raises
    ------
    UserError
        If the configuration asks for an engine without reuse factors.
    AsicflowError
        From a point; finished points stay.
    """
    if config.hls.engine == "adder-graph":
        raise UserError(
            "a sweep varies the reuse factor, which an adder graph does not have",
            where="hls.engine",
            hint="sweep with hls.engine: auto; python -m benchmarks.engines compares the two",
        )
    folder.mkdir(parents=True, exist_ok=True)
    libraries = {name: load_pdk(name, root).library() for name in sorted({c.pdk for c in choices})}
    widths = sorted({choice.width for choice in choices})
    models = {width: _model(config, width, folder / f"model_w{width}", progress) for width in widths}
    points: dict[Choice, Point] = {}
    lock, engines = threading.Lock(), _Engines(folder / "engines")

    def make(choice: Choice) -> Point:
        found, fresh = _point(choice, models[choice.width], libraries[choice.pdk], config, folder, engines, launcher)
        with lock:
            points[choice] = found
            state = "" if fresh else ", kept"
            progress(
                f"{len(points)}/{len(choices)} {choice.name}: {found.area_um2:,.0f} um2, {found.cycles} cycles, "
                f"{found.energy_nj:.1f} nJ{state}"
            )
        return found

    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(make, choice) for choice in choices]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [points[choice] for choice in choices]


def _model(config: Config, width: int, folder: Path, progress: Progress) -> Path:
    """The model stage for a width; its folder."""
    mine = config.model_copy(deep=True)
    mine.model.precision.default, mine.model.precision.width, mine.model.reuse = "auto", width, "auto"
    files = [mine.model.file, mine.model.weights, mine.model.data]
    text = "|".join([__version__, mine.model.model_dump_json(), *(sha256(f) for f in files if f is not None)])
    stamp = folder / "inputs.sha256"
    ws = Workspace(folder)
    if stamp.is_file() and stamp.read_text() == sha256_text(text):
        return ws.model
    ws.model.mkdir(parents=True, exist_ok=True)
    run_model(mine, ws, lambda message: progress(f"{width} bits: {message}"))
    stamp.write_text(sha256_text(text))
    return ws.model


class _Engines:
    """Areas and energies of engines, by what they are made of: points that share an engine measure it once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}

    def measure(self, key: str, compute: Callable[[], dict[str, float]]) -> dict[str, float]:
        """What was computed for ``key``, now or before."""
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        path = self.folder / f"{key[:20]}.json"
        with lock:
            if path.is_file():
                kept = json.loads(path.read_text())
                if kept.pop("key") == key:
                    return {name: float(value) for name, value in kept.items()}
            found = compute()
            self.folder.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"key": key, **found}, indent=2) + "\n")
            return found


def _point(
    choice: Choice,
    model: Path,
    library: Library,
    config: Config,
    folder: Path,
    engines: _Engines,
    launcher: Sequence[str],
) -> tuple[Point, bool]:
    """The point of a choice, and whether it was computed now."""
    mine = folder / choice.name
    hashes = [sha256(model / "spec.json"), sha256(library.typical.liberty)]
    key = "|".join([_SCHEMA, __version__, *hashes, str(choice), str(config.clock.period_ns), str(config.hls)])
    path = mine / "point.json"
    if path.is_file():
        kept = json.loads(path.read_text())
        if kept.pop("inputs") == sha256_text(key):
            return Point(choice=Choice(**kept.pop("choice")), **kept), False
    mine.mkdir(parents=True, exist_ok=True)
    spec, nand2 = Spec.load(model / "spec.json"), nand2_um2(library)
    report, _ = write_chosen(spec, config.hls, choice.reuse, mine, Budget(math.inf, nand2))
    sources = [mine / name for name in report["files"]]
    period = config.clock.period_ns or library.clock_period_ns["accel"]

    def measure() -> dict[str, float]:
        area = cell_area(sources, TOP, typical_liberty(library, mine), mine, launcher)
        with np.load(model / "vectors.npz") as vectors:
            x_int, y_int = (vectors[name].astype(np.int64) for name in ("x_int", "y_int"))
        weights = Image.load(mine / report["weights"]["image"]).words if "weights" in report else ()
        engine = MappedEngine(spec, mine / MAPPED, TOP, report["cycles"], library, weights)
        spent = inference_energy(engine, x_int, y_int, period).energy
        return {"area_um2": area, "settled_nj": spent.settled * 1e9, "energy_nj": spent.total * 1e9}

    parts = [_SCHEMA, *hashes, *(path.read_text() for path in sources), str(period)]
    quality, said = quality_of(json.loads((model / "model.json").read_text()))
    point = Point(
        choice=choice,
        quality=quality,
        measure=said,
        cycles=report["cycles"],
        latency_us=report["cycles"] * period / 1000,
        multipliers=report["macs"]["no"] * report["macs"]["ni"] if "macs" in report else 0,
        predicted_um2=report["area_nand2"] * nand2,
        **engines.measure(sha256_text("|".join(parts)), measure),
    )
    path.write_text(json.dumps({"inputs": sha256_text(key), **asdict(point)}, indent=2) + "\n")
    return point, True


def quality_of(report: dict[str, Any]) -> tuple[float, str]:
    """How good a model stage's integer network is, and by which measure."""
    if report["accuracy_fixed"] is not None:
        return float(report["accuracy_fixed"]), "accuracy on the data"
    where = "the data" if report["real_data"] else "made-up inputs"
    if report["agreement"] is not None:
        return float(report["agreement"]), f"decisions equal to the float network's on {where}"
    return 1 - report["rms_error"] / max(report["rms_output"], 1e-12), f"1 - relative RMS error on {where}"
