"""Ask a chip for digits, as a PYNQ notebook would: ``python examples/digits/predict.py --port sim``.

Needs a run of the whole system (it says how when there is none).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from asicflow.board import NeuralNetworkOverlay
from asicflow.errors import AsicflowError

HERE = Path(__file__).resolve().parent
COMMAND = """asicflow run --pdk gf180 --top soc --model examples/digits/model.h5 \\
    --data examples/digits/test.npz --to sim -o {run}"""


def main() -> int:
    """Predict the test set and compare the accuracy with the C simulation's; 1 when they differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("build/s2"), metavar="DIR", help="run directory (%(default)s)")
    parser.add_argument("--port", default="sim", help="sim, or a serial device (%(default)s)")
    parser.add_argument("--path", choices=("firmware", "debug"), default="firmware", help="who drives the accelerator")
    parser.add_argument("--count", type=int, default=None, metavar="N", help="only the first N samples")
    options = parser.parse_args()
    report = options.run / "model" / "model.json"
    if not report.is_file():
        print(f"there is no run in {options.run}; make one, from the project's folder:\n\n    "
              f"{COMMAND.format(run=options.run)}\n\nor give another with --run DIR", file=sys.stderr)  # fmt: skip
        return 2

    test = np.load(HERE / "test.npz")
    x, labels = test["x"][: options.count], test["y"][: options.count]

    nn = NeuralNetworkOverlay(options.run, port=options.port, path=options.path)
    y, _seconds, _rate = nn.predict(x, profile=True)

    right = int(np.count_nonzero(np.argmax(y, axis=1) == labels))
    print(
        f"accuracy {right / len(x):.4f} ({right} of {len(x)}), {nn.last.cycles.max()} cycles per inference on the chip"
    )
    if options.count is not None:
        return 0
    expected = json.loads(report.read_text())["accuracy_fixed"]
    print(f"C simulation: {expected:.4f}")
    return 0 if right == round(expected * len(x)) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AsicflowError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
