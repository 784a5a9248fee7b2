"""``asicflow weights``: an image of other weights for a chip whose weights are reloadable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from asicflow.hls.reload import reload_weights
from asicflow.workspace import Workspace


def weights(
    run: Annotated[Path, typer.Argument(help="the run directory that the chip was made from")],
    model: Annotated[Path, typer.Option("--model", "-m", help="the model, trained anew")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the image, a .json file")],
    weights_file: Annotated[Path | None, typer.Option("--weights", help=".h5 weights of a .json model")] = None,
    clip: Annotated[
        bool, typer.Option("--clip", help="clip weights that do not fit the chip's number formats, instead of refusing")
    ] = False,
) -> None:
    """Write the image of other weights: the same architecture, in the number formats of the run.

    [bold]asicflow weights build/digits --model retrained.h5 -o retrained.json[/bold]

    Beside it OUTPUT.npz gets the run's test vectors with the results that these weights give. Needs a run with
    hls.weights: reloadable. Load it with NeuralNetworkOverlay.load_weights, or over the bus.
    """
    console = Console()
    found = reload_weights(Workspace(run), model, weights_file, clip, lambda text: console.print(text, highlight=False))
    found.image.save(output)
    vectors = output.with_suffix(".npz")
    np.savez_compressed(vectors, x_int=found.x_int, y_int=found.y_int)
    console.print(
        f"wrote {output}: {len(found.image.words)} words, CRC {found.image.crc32:08x}; {vectors}: "
        f"{len(found.x_int)} test vectors",
        highlight=False,
    )
