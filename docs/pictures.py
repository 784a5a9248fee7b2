"""Draw the pictures of docs/board.md from a run: ``python docs/pictures.py build/s2`` (needs ``pip install pywellen``).

* ``boot_waveform.png``: the chip boots ``infer`` from flash, and answers one request; from a waveform file.
* ``terminal.svg``: what a terminal shows of the debug port and of ``predict``.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pywellen
from rich.console import Console

from asicflow.board.bench import simulator
from asicflow.board.chip import Chip
from asicflow.board.link import Link
from asicflow.board.simulated import SimulatedBoard
from asicflow.firmware.image import BootMode
from asicflow.firmware.vectors import load_vectors
from asicflow.workspace import Workspace

IMAGES = Path(__file__).parent / "images"
BOOT_CYCLES = 260_000
BOOT = {
    "reset": "TOP.rst_ni", "flash select (low)": "TOP.spi_cs_no", "flash clock": "TOP.spi_sck_o",
    "flash data": "TOP.spi_miso_i", "accelerator, select": "TOP.soc.accel_hsel",
}  # fmt: skip
REQUEST = {
    "debug port in": "TOP.debug_rx_i", "debug port out": "TOP.debug_tx_o",
    "accelerator, select": "TOP.soc.accel_hsel", "accelerator, interrupt": "TOP.soc.accel_irq",
}  # fmt: skip


def main() -> None:
    """Simulate and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    ws = Workspace(parser.parse_args().run)
    waveforms(ws, IMAGES / "boot_waveform.png")
    terminal(ws, IMAGES / "terminal.svg")


def waveforms(ws: Workspace, picture: Path) -> None:
    """Boot from flash, then one request to the program."""
    described, executable = simulator(ws, "fst")
    x, _ = load_vectors(ws.model / "vectors.npz")
    with tempfile.TemporaryDirectory() as name, SimulatedBoard(executable) as board:
        boot, request = Path(name) / "boot.fst", Path(name) / "request.fst"
        board.flash(described.firmware / described.programs["infer"]["flash_image"])
        board.trace(boot)
        board.reset(BootMode.FLASH)
        board.run(BOOT_CYCLES)
        board.trace(None)
        port = Link(board)
        port.connect()
        chip = Chip(port, described)
        chip.infer_by_program(x[0])
        board.trace(request)
        chip.infer_by_program(x[1])
        board.trace(None)
        figure, axes = plt.subplots(
            2, 1, figsize=(11, 6.4), height_ratios=(len(BOOT), len(REQUEST)), layout="constrained"
        )
        draw(axes[0], boot, BOOT, "boot from flash: image into IMEM, CRC, then the program (clock cycles)")
        draw(axes[1], request, REQUEST, "one request to 'infer': vector in, inference, answer out (clock cycles)")
        figure.savefig(picture, dpi=110)


def draw(axis: plt.Axes, file: Path, signals: dict[str, str], title: str) -> None:
    """Signals of one bit over time, the first on top."""
    wave = pywellen.Waveform(str(file))
    edges = [t for t, value in wave["TOP.clk_i"].signal if value == 1]
    start, period = edges[0], edges[1] - edges[0]
    for row, (label, name) in enumerate(reversed(signals.items())):
        changes = [((t - start) / period, int(value)) for t, value in wave[name].signal]
        times = [t for t, _ in changes] + [(edges[-1] - start) / period]
        levels = [v for _, v in changes]
        axis.step(times, [row + 0.7 * v for v in [*levels, levels[-1]]], where="post", linewidth=0.7, color="#1f5f99")
        axis.text(-0.005, row + 0.3, label, transform=axis.get_yaxis_transform(), ha="right", va="center", fontsize=9)
    axis.set(yticks=[], xlim=(0, (edges[-1] - start) / period))
    axis.set_title(title, loc="left", fontsize=10)
    axis.spines[["left", "right", "top"]].set_visible(False)


def terminal(ws: Workspace, picture: Path) -> None:
    """A session with the debug port, then the example's script."""
    _, executable = simulator(ws)
    with SimulatedBoard(executable) as board:
        board.reset(BootMode.HOST)
        board.run(100)
        session = type_in(board, b"\x1b")
        for command in (b"A F0000000", b"R 00000003", b"A 10000000", b"W 600DCAFE", b"A 10000000", b"R"):
            session += type_in(board, command + b"\n")
    example = Path(__file__).parents[1] / "examples/digits/predict.py"
    command = [sys.executable, str(example), "--port", "sim", "--run", str(ws.root)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    console = Console(record=True, width=92, file=open("/dev/null", "w"), highlight=False)  # noqa: SIM115
    console.print("$ screen /dev/pts/1 115200", style="bold")
    console.print(session.strip(), markup=False)
    console.print("\n$ python examples/digits/predict.py --port sim", style="bold")
    console.print(answer.strip(), markup=False)
    drawn = console.export_svg(title="the simulated board")
    picture.write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL))  # fonts of the viewer


def type_in(board: SimulatedBoard, keys: bytes) -> str:
    """Send, and return what a terminal without local echo shows, with what was typed."""
    board.write(keys)
    answer = b""
    while part := board.read(1, 200):
        answer += part
    return keys.decode().strip("\x1b") + answer.decode().replace("\r", "")


if __name__ == "__main__":
    main()
