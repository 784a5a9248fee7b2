"""Figures of firmware and link: ``python -m benchmarks.board [--fuzz N]``.

Boot to prompt in clock cycles, bulk load rate as a share of the line's rate, cycles that the firmware path adds to
an inference, wall time of one predict of 100 vectors; with --fuzz the link on a line that corrupts N frames.

Needs a run: ``asicflow run --pdk gf180 --top soc --model examples/digits/model.h5 --data examples/digits/test.npz
--to sim -o build/s2`` (another place: --run DIR).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from rich.console import Console

from asicflow.board import NeuralNetworkOverlay
from asicflow.board.bench import simulator
from asicflow.board.chip import BANNER, Chip
from asicflow.board.fuzz import FuzzResult, fuzz
from asicflow.board.link import Link
from asicflow.board.simulated import BIT_CYCLES, SimulatedBoard
from asicflow.board.transport import BITS_PER_CHARACTER
from asicflow.firmware.image import BootMode
from asicflow.firmware.vectors import load_vectors
from asicflow.workspace import Workspace

BITS = (BIT_CYCLES, 54.25, 217)  # clock cycles of a bit; 217: 115,200 bit/s at 25 MHz
REPORT_EVERY = 60  # seconds


def boot_cycles(board: SimulatedBoard) -> tuple[int, int]:
    """Clock cycles from reset to the prompt, and to the end of the boot ROM's text, the host sending ESC at once."""
    board.reset(BootMode.HOST)
    start = board.cycles
    board.run(50)
    board.write(b"\x1b")
    text = b""
    prompt = end = 0
    while part := board.read(1, 200):
        text += part
        end = board.cycles - start
        if not prompt and part == b"]":
            prompt = end
    console = b"".join(
        text[k + 1 : k + 2] for k in range(len(text) - 2) if text[k : k + 1] == b"<" and text[k + 2 : k + 3] == b">"
    )
    assert BANNER.encode()[-4:] in console, text
    return prompt, end


def bulk_share(executable: Path, ws: Workspace, bit_cycles: float) -> float:
    """Rate of a checked load of all of IMEM, as a share of the line's."""
    described, _ = simulator(ws)
    with SimulatedBoard(executable, bit_cycles) as board:
        board.reset(BootMode.HOST)
        board.run(2000)
        port = Link(board)
        port.connect()
        chip = Chip(port, described)
        chip.start_rom()
        memory = described.system.memory("imem")
        data = np.random.default_rng(1).bytes(memory.bytes)
        start = board.cycles
        port.load(memory.base, data, chip.mailbox("bootrom"))
        return len(data) * BITS_PER_CHARACTER * bit_cycles / (board.cycles - start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("build/s2"), metavar="DIR")
    parser.add_argument("--fuzz", type=int, metavar="N", help="corrupted frames")
    parser.add_argument("--rate", type=float, default=1 / 200, help="mean errors per byte of the fuzz (%(default)s)")
    options = parser.parse_args()
    console = Console(highlight=False)
    ws = Workspace(options.run)
    described, executable = simulator(ws)
    x, y = load_vectors(ws.model / "vectors.npz")
    if options.fuzz:
        with SimulatedBoard(executable) as board:
            last = [time.monotonic()]

            def report(so_far: FuzzResult) -> None:
                if time.monotonic() - last[0] > REPORT_EVERY:
                    last[0] = time.monotonic()
                    console.print(so_far, soft_wrap=True)

            console.print(fuzz(board, described, x, y, options.fuzz, options.rate, progress=report), soft_wrap=True)
            console.print(f"{board.cycles} cycles, breaches of the bus protocol: {board.messages()}")
        return
    with SimulatedBoard(executable) as board:
        prompt, banner = boot_cycles(board)
    console.print(f"reset to prompt: {prompt} cycles; to the end of the banner: {banner} cycles ({BIT_CYCLES} per bit)")
    for bits in BITS:
        console.print(
            f"checked load of IMEM, {bits} cycles per bit: {bulk_share(executable, ws, bits):.1%} of the line's rate"
        )
    with NeuralNetworkOverlay(options.run, progress=False) as nn:
        vectors = np.load(ws.model / "vectors.npz")["x_float"][:100]
        _, seconds, _ = nn.predict(vectors, profile=True)
        assert nn.last is not None and nn.last.elapsed is not None
        added = nn.last.elapsed - nn.last.cycles
    console.print(f"firmware path: {added.max()} cycles more than the engine's {nn.last.cycles.max()} per inference")
    console.print(f"predict of {len(vectors)} vectors on the simulated board: {seconds:.2f} s")


if __name__ == "__main__":
    main()
