"""The call that PYNQ's users know: ``NeuralNetworkOverlay(run).predict(X)``.

The signature of ``predict`` is that of hls4ml 1.3's VivadoAccelerator driver (its template
``vivado_accelerator/pynq-z2/python_drivers/axi_stream_driver.py``), so notebooks go on working.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rich.progress import track

from asicflow.board.bench import open_simulated
from asicflow.board.chip import Chip, describe
from asicflow.board.link import Counts, Link
from asicflow.board.transport import DEFAULT_BAUD, SerialTransport, Transport
from asicflow.errors import UserError
from asicflow.model.fixed import to_float
from asicflow.model.golden import Profile, quantize_input
from asicflow.model.image import Image
from asicflow.model.spec import Spec
from asicflow.workspace import Workspace

log = logging.getLogger(__name__)

DebugOrFirmware = Literal["debug", "firmware"]
Prediction = NDArray[np.float32] | tuple[NDArray[np.float32], float, float]


@dataclass(frozen=True)
class Last:
    """What the chip and the link said of the last ``predict``.

    Attributes
    ----------
    cycles : (N,) int64
        The engine's clock cycles of each inference, from the chip.
    elapsed : (N,) int64 or None
        Firmware path: the processor's cycles from seeing a request to its result.
    out_of_range : int
        Input values that did not fit the input's type; they saturated or wrapped as the model's type says.
    link : Counts
        Frames, retries and misunderstood commands.
    resets : int
        How often the chip was reset from outside meanwhile.
    """

    cycles: NDArray[np.int64]
    elapsed: NDArray[np.int64] | None
    out_of_range: int
    link: Counts
    resets: int


class NeuralNetworkOverlay:
    """A chip that infers.

    Parameters
    ----------
    run_dir : path
        The run directory that the chip was made from.
    port : str
        ``"sim"``, or a serial device such as ``/dev/ttyUSB0`` or the pseudo-terminal of ``asicflow sim``.
    path : {"firmware", "debug"}
        ``firmware``: the processor runs ``infer``. ``debug``: the debug port drives the accelerator while the
        processor is held in reset, which works on a chip whose processor is dead.
    baud : int
        Bits per second of a serial device.
    progress : bool
        Show a bar while a batch takes longer than a moment.

    Raises
    ------
    UserError
        If the run directory is not complete or the port cannot be opened.
    LinkError
        If the chip does not answer, or is another one (ChipError).
    """

    def __init__(
        self,
        run_dir: str | Path,
        port: str = "sim",
        *,
        path: DebugOrFirmware = "firmware",
        baud: int = DEFAULT_BAUD,
        progress: bool = True,
    ) -> None:
        if path not in ("debug", "firmware"):
            raise UserError(f"there is no path '{path}'", where="path", hint="choose debug or firmware")
        ws = Workspace(Path(run_dir))
        described = describe(ws.soc, ws.firmware)
        self._spec = Spec.load(ws.model / "spec.json")
        self._path = path
        self._progress = progress
        self._transport: Transport = open_simulated(ws) if port == "sim" else SerialTransport(port, baud)
        self._chip = Chip(Link(self._transport), described)
        self.last: Last | None = None
        try:
            self._chip.port.connect()
            self._chip.identify()
            self._chip.mark()
            if path == "firmware":
                self._chip.load("infer")
            else:
                self._chip.port.hold_cpu()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> NeuralNetworkOverlay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the port back."""
        self._transport.close()

    def load_weights(self, path: str | Path) -> None:
        """Give the chip other weights: an image that ``asicflow weights`` has written.

        The chip must have been made with ``hls.weights: reloadable``; without this call it has its model's own.

        Raises
        ------
        UserError
            If the file is no image or damaged, is for another architecture, or the chip's weights are constants.
        LinkError
            If the weights do not arrive intact.
        """
        self._chip.load_weights(Image.load(Path(path)), str(path))

    def predict(
        self,
        X: ArrayLike,
        debug: bool = False,
        profile: bool = False,
        encode: Callable[[Any], ArrayLike] | None = None,
        decode: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Infer a batch.

        Parameters
        ----------
        X : (N, ...) array
            Real inputs of the model's shape or flat; one input without the first axis, too.
        debug : bool
            Print what is being done.
        profile : bool
            Print and return the time.
        encode : callable, optional
            Its result on ``X`` is taken as integers of the input's type; by default ``spec.json`` says how
            to convert.
        decode : callable, optional
            Called with the (N, n_out) integers of the output's type; by default they become real numbers.

        Returns
        -------
        y : (N, n_out) float32, or what ``decode`` returns
        seconds, rate : float
            Only with ``profile``: wall time, inferences per second.

        Raises
        ------
        UserError
            If ``X`` has the wrong shape, is not numeric, or has NaN or infinite values.
        LinkError
            If the chip stops answering; says what was seen last.
        """
        start = perf_counter()
        x, out_of_range = self._integers(X) if encode is None else (self._encoded(encode(X)), 0)
        if debug:
            print(f"{len(x)} inputs of {x.shape[1]} values, {out_of_range} values out of range")
        y = self._infer(x, out_of_range)
        if debug:
            print(f"{len(y)} outputs of {y.shape[1]} values, link: {self.last and self.last.link}")
        result = decode(y) if decode is not None else to_float(y, self._spec.output.type).astype(np.float32)
        if not profile:
            return result
        seconds = perf_counter() - start
        rate = len(y) / seconds
        print(f"Classified {len(y)} samples in {seconds} seconds ({rate} inferences / s)")
        return result, seconds, rate

    def _infer(self, x: NDArray[np.int64], out_of_range: int) -> NDArray[np.int64]:
        port = self._chip.port
        before, resets = Counts(**vars(port.counts)), self._chip.resets
        rows: list[NDArray[np.int64]] = []
        cycles, elapsed = [], []
        for vector in self._shown(x):
            if self._path == "debug":
                y, taken = self._chip.infer(vector)
            else:
                y, taken, spent = self._chip.infer_by_program(vector)
                elapsed.append(spent)
            rows.append(y)
            cycles.append(taken)
        self.last = Last(
            np.array(cycles, np.int64),
            np.array(elapsed, np.int64) if self._path == "firmware" else None,
            out_of_range,
            port.counts.since(before),
            self._chip.resets - resets,
        )
        return np.array(rows, np.int64).reshape(len(x), self._spec.output.size)

    def _shown(self, x: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        yield from track(x, "inferring", transient=True, disable=not self._progress or len(x) < 2)

    def _integers(self, values: ArrayLike) -> tuple[NDArray[np.int64], int]:
        """Inputs as integers, and how many values were out of range."""
        x = self._shaped(values)
        bad = int(np.count_nonzero(~np.isfinite(x)))
        if bad:
            first = tuple(int(k) for k in np.argwhere(~np.isfinite(x))[0])
            raise UserError(f"X has {bad} NaN or infinite values, the first at {first}", where="predict")
        counted = Profile()
        integers = quantize_input(self._spec, x, counted)
        statistics = counted.of("input")
        lost = statistics.wrapped + statistics.saturated
        if lost:
            what = "wrapped" if statistics.wrapped else "saturated"
            log.warning("%d of %d input values do not fit %s and %s", lost, x.size, self._spec.input.type, what)
        return integers, lost

    def _encoded(self, values: ArrayLike) -> NDArray[np.int64]:
        x, kind = self._shaped(values), self._spec.input.type
        if not np.array_equal(x, np.round(x)) or x.min(initial=0) < kind.low or x.max(initial=0) > kind.high:
            raise UserError(
                f"encode() does not give integers from {kind.low} to {kind.high}", where="predict", hint=f"for {kind}"
            )
        return x.astype(np.int64)

    def _shaped(self, values: ArrayLike) -> NDArray[np.float64]:
        """Numbers of shape (N, n_in)."""
        shape, size = tuple(self._spec.input.shape), self._spec.input.size
        given = np.asarray(values)
        if given.dtype == object or not (np.issubdtype(given.dtype, np.number) or given.dtype == bool):
            raise UserError(f"X holds {given.dtype}, not numbers", where="predict")
        if np.iscomplexobj(given):
            raise UserError("X holds complex numbers", where="predict")
        if given.shape in (shape, (size,)):
            given = given[None]
        if given.ndim < 2 or given.shape[1:] not in (shape, (size,)):
            wanted = " or ".join(f"(N, {', '.join(map(str, s))})" for s in dict.fromkeys((shape, (size,))))
            raise UserError(f"X has the shape {given.shape}; the network takes {wanted}", where="predict")
        return given.reshape(len(given), size).astype(np.float64)
