"""Four-state simulation of top ``accel`` from power-up, in Icarus Verilog."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asicflow.errors import StageError, ToolMissing
from asicflow.soc.ip import load_ip
from asicflow.soc.testbench import load_weights

_DEFINE = re.compile(r"^#define ACCEL_SOCKET_(\w+)\s+0x([0-9a-fA-F]+)u", re.MULTILINE)
_RESULT = re.compile(r"^RESULT (\d+) (\d+) (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class PowerUp:
    """Inferences run and exact, unknown values seen on outputs, and what the simulation said of them."""

    n: int
    exact: int
    unknown: int
    messages: tuple[str, ...]
    log: Path

    @property
    def clean(self) -> bool:
        """True when inferences ran, all were exact and nothing was unknown."""
        return 0 < self.n == self.exact and self.unknown == 0 and not self.messages


def is_clean(log: str) -> bool:
    """True when the log of a run from power-up says that nothing was unknown and all was exact."""
    match = _RESULT.search(log)
    return match is not None and 0 < int(match[1]) == int(match[2]) and int(match[3]) == 0


def icarus_version() -> str:
    """The version of Icarus Verilog on PATH, for example ``"11.0"``.

    Raises
    ------
    ToolMissing
        If it is not installed.
    """
    for tool in ("iverilog", "vvp"):
        if shutil.which(tool) is None:
            raise ToolMissing(tool, "apt-get install iverilog")
    text = subprocess.run(["iverilog", "-V"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"version (\S+)", text)
    return match[1] if match else "unknown"


def run_power_up(sources: Sequence[Path], soc_dir: Path, vectors: Path, n: int, folder: Path) -> PowerUp:
    """Run ``n`` inferences from power-up; reloadable weights are loaded first.

    Parameters
    ----------
    sources : sequence of Path
        The RTL.
    soc_dir : Path
        Folder of the soc stage (``soc.json`` and the register header).
    vectors : Path
        ``vectors.npz`` with ``x_int`` (N, n_in) and ``y_int`` (N, n_out).
    n : int
        Inferences; at most N.
    folder : Path
        Receives the simulator, its data and its log.

    Raises
    ------
    ToolMissing
        If Icarus Verilog is not installed.
    StageError
        If the files do not compile or the simulation gives no result.
    """
    log = folder / "power_up.log"
    log.unlink(missing_ok=True)
    icarus_version()
    folder.mkdir(parents=True, exist_ok=True)
    soc = json.loads((soc_dir / "soc.json").read_text())
    engine = soc["engine"]
    header = {k: int(v, 16) for k, v in _DEFINE.findall((soc_dir / soc["header"]).read_text())}
    with np.load(vectors) as data:
        x, y = data["x_int"], data["y_int"]
    n = min(n, len(x))
    image = load_weights(soc_dir)
    weights = np.array(image.words if image else [], np.int64)
    for name, values in (("x.hex", x[:n]), ("y.hex", y[:n]), ("w.hex", weights)):
        words = values.astype(np.int64).ravel() & 0xFFFFFFFF
        (folder / name).write_text("\n".join(f"{int(w):08x}" for w in words) + "\n")
    macros = {
        "N_IN": engine["n_in"],
        "N_OUT": engine["n_out"],
        "VECTORS": n,
        "LIMIT": 4 * engine["cycles"] + 1000,
        "INPUT": header["INPUT_BUFFER_OFFSET"],
        "OUTPUT": header["OUTPUT_BUFFER_OFFSET"],
        "CTRL": header["CTRL_OFFSET"],
        "GO": header["CTRL_START_MASK"] | header["CTRL_IRQ_ENABLE_MASK"],
    }
    if image:
        macros |= {"N_WEIGHTS": len(weights), "PORT": header["WEIGHT_PORT_OFFSET"]}
    exe = folder / "power_up.vvp"
    bench = load_ip("accel_socket").path("tb/power_up.v")
    command = ["iverilog", "-g2012", "-o", str(exe), *(f"-D{k}={v}" for k, v in macros.items()), "-s", "power_up"]
    built = subprocess.run([*command, *map(str, sources), str(bench)], capture_output=True, text=True, check=False)
    log.write_text(built.stdout + built.stderr)
    if built.returncode != 0:
        lines = [s for s in built.stderr.splitlines() if "error" in s.lower()]
        raise StageError("Icarus cannot compile the RTL: " + " | ".join(lines[:3]), where=str(log))
    text = subprocess.run(["vvp", str(exe)], cwd=folder, capture_output=True, text=True, check=False).stdout
    log.write_text(log.read_text() + text)
    match = _RESULT.search(text)
    if match is None:
        raise StageError("the simulation from power-up gave no result", where=str(log))
    said = tuple(s for s in text.splitlines() if s.startswith(("UNKNOWN", "NO END")))
    return PowerUp(int(match[1]), int(match[2]), int(match[3]), said, log)
