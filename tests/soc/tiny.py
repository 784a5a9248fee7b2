"""A small inference engine with the face of the real ones, so that tests of the socket are fast.

Output j is the sum over i of x[i] * (i + j + 1), wrapped to the output's width;
one product per clock cycle.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asicflow.model.image import Image
from asicflow.soc.assemble import Assembly, assemble
from asicflow.soc.constraints import Driver

SOURCE = Path(__file__).with_name("tiny_engine.sv")


@dataclass(frozen=True)
class Tiny:
    """Shape and types of the engine; ``early_done`` pulses done in the last busy cycle.

    ``n_weights``: words of an image that outputs begin with, in turn; 0: from 0.
    """

    n_in: int = 5
    n_out: int = 3
    in_width: int = 8
    in_signed: bool = True
    out_width: int = 12
    out_signed: bool = True
    early_done: bool = False
    n_weights: int = 0

    @property
    def cycles(self) -> int:
        return self.n_in * self.n_out + (0 if self.early_done else 1)

    def golden(self, x: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return (N, n_out) int64 from (N, n_in) int64."""
        i, j = np.arange(self.n_in), np.arange(self.n_out)
        y = x @ (i[:, None] + j[None, :] + 1)
        if self.n_weights:
            y = y + np.array(self.image().words, np.int64)[j % self.n_weights]
        y %= 1 << self.out_width
        half = 1 << (self.out_width - 1)
        return y - ((y >= half) << self.out_width) if self.out_signed else y

    def image(self, seed: int = 2) -> Image:
        words = np.random.default_rng(seed).integers(0, 1 << 32, self.n_weights).tolist()
        return Image(name="tiny", architecture="ab" * 32, model_sha256="", words=words)

    def inputs(self, count: int, seed: int = 1) -> NDArray[np.int64]:
        low = -(1 << (self.in_width - 1)) if self.in_signed else 0
        return np.random.default_rng(seed).integers(low, low + (1 << self.in_width), (count, self.n_in))


def index_bits(entries: int) -> int:
    return max(1, (entries - 1).bit_length())


def write_tiny(root: Path, tiny: Tiny, count: int = 200) -> Path:
    """Write model/, accel/ and soc/ of the tiny engine below ``root``; return the soc folder."""
    (root / "model").mkdir(parents=True)
    (root / "accel" / "rtl").mkdir(parents=True)
    x = tiny.inputs(count)
    np.savez(root / "model" / "vectors.npz", x_int=x, y_int=tiny.golden(x))
    spec = json.dumps(asdict(tiny))
    (root / "model" / "spec.json").write_text(spec)
    face = {
        "schema": "asicflow.accel/1",
        "module": "accel_engine",
        "files": ["rtl/accel_engine.sv"],
        "n_in": tiny.n_in,
        "n_out": tiny.n_out,
        "in_width": tiny.in_width,
        "in_signed": tiny.in_signed,
        "in_frac": 4,
        "out_width": tiny.out_width,
        "out_signed": tiny.out_signed,
        "out_frac": -1,
        "in_addr_width": index_bits(tiny.n_in),
        "out_addr_width": index_bits(tiny.n_out),
        "cycles": tiny.cycles,
    }
    if tiny.n_weights:
        image = tiny.image()
        image.save(root / "accel" / "weights.json")
        face["weights"] = {
            "words": tiny.n_weights, "data_width": 32, "architecture": image.architecture, "image": "weights.json"
        }  # fmt: skip
    (root / "accel" / "accel.json").write_text(json.dumps(face))
    values = {
        "NIn": tiny.n_in,
        "NOut": tiny.n_out,
        "InWidth": tiny.in_width,
        "InSigned": int(tiny.in_signed),
        "OutWidth": tiny.out_width,
        "InAddrWidth": face["in_addr_width"],
        "OutAddrWidth": face["out_addr_width"],
        "EarlyDone": int(tiny.early_done),
        "NWeights": tiny.n_weights,
    }
    text = SOURCE.read_text()
    for name, value in values.items():
        text = text.replace(f"parameter int {name} = 0", f"parameter int {name} = {value}")
    if tiny.n_weights:
        text = "`define TINY_WEIGHTS\n" + text
    (root / "accel" / "rtl" / "accel_engine.sv").write_text(text)
    job = Assembly("tiny", root / "accel", hashlib.sha256(spec.encode()).hexdigest(), 10.0, Driver("buf", "X"))
    assemble(job, root / "soc")
    return root / "soc"


def sources(soc: Path) -> list[Path]:
    """Return the RTL files of a soc folder."""
    return [soc / name for name in json.loads((soc / "soc.json").read_text())["files"]]
