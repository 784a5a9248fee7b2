"""Run the engine's RTL (or a netlist with its ports) in Verilator."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asicflow.errors import StageError
from asicflow.model.fixed import FixedType, IntArray, overflow
from asicflow.model.image import Image
from asicflow.model.spec import Spec
from asicflow.simulate import build_verilator

_MAIN = Path(__file__).parent / "engine_main.cpp"


@dataclass(frozen=True)
class EngineRun:
    """Outputs (N, n_out), cycles from ``start_i`` to ``done_o``, and the simulation's speed."""

    y_int: IntArray
    cycles: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Inferences simulated per second."""
        return len(self.y_int) / max(self.seconds, 1e-9)


def run_engine(
    spec: Spec,
    sources: Sequence[Path],
    x_int: IntArray,
    build_dir: Path,
    args: Sequence[str] = (),
    image: Image | None = None,
) -> EngineRun:
    """Simulate inferences.

    Parameters
    ----------
    spec : Spec
        The network (number of elements and their types).
    sources : sequence of Path
        Verilog files that define ``accel_engine``.
    x_int : (N, n_in) int64
        Inputs, integers of the input's type.
    build_dir : Path
        Where the model is built; reused when the sources are unchanged.
    args : sequence of str
        More arguments for Verilator.
    image : Image, optional
        Loaded first, into an engine with reloadable weights.

    Raises
    ------
    StageError
        If the model cannot be built, does not take the image, or an inference never ends.
    ToolMissing
        If Verilator or g++ is not installed.
    """
    defines = {"N_IN": spec.input.size, "N_OUT": spec.output.size, "RELOADABLE": int(image is not None)}
    exe = build_verilator("accel_engine", sources, _MAIN, build_dir, defines=defines, args=args)
    mask = np.int64((1 << spec.input.type.width) - 1)
    (build_dir / "input.bin").write_bytes((x_int & mask).astype("<u8").tobytes())
    command = [str(exe.resolve()), "input.bin", "output.bin"]
    if image is not None:
        (build_dir / "weights.bin").write_bytes(np.array(image.words, "<u4").tobytes())
        command.append("weights.bin")
    done = subprocess.run(
        command,
        cwd=build_dir,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StageError(f"the simulation stopped: {done.stderr.strip()[-300:]}", where=str(build_dir))
    count, cycles, seconds = done.stdout.split()
    raw = np.fromfile(build_dir / "output.bin", dtype="<u8").astype(np.int64).reshape(int(count), spec.output.size)
    plain = FixedType(width=spec.output.type.width, frac=0, signed=spec.output.type.signed)
    return EngineRun(overflow(raw, plain), int(cycles), float(seconds))
