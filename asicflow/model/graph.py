"""hls4ml's graph and C simulation of a Keras network."""

from __future__ import annotations

import contextlib
import io
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asicflow.errors import StageError, ToolMissing, UserError
from asicflow.model.network import KerasNetwork, WeightReader

log = logging.getLogger(__name__)

BACKEND = "AsicFlow"


def convert(
    network: KerasNetwork,
    hls_config: dict[str, Any] | None = None,
    output_dir: str | Path = "asicflow-hls",
    project_name: str = "network",
) -> Any:
    """Convert a Keras network with hls4ml's backend ``AsicFlow``.

    Parameters
    ----------
    network : KerasNetwork
        The float network.
    hls_config : dict, optional
        hls4ml's ``Model`` and ``LayerName`` settings; ``fixed<16,6>`` for everything by default.
    output_dir : path
        Where ``compile()`` writes the C++ project.
    project_name : str
        Name of the C++ top function.

    Returns
    -------
    hls4ml.model.ModelGraph
    """
    with quiet():
        import hls4ml.backends
        from hls4ml.converters.keras_v2_to_hls import parse_keras_model
        from hls4ml.model import ModelGraph
        from hls4ml.utils.config import create_config

        if BACKEND.lower() not in hls4ml.backends.get_available_backends():
            raise ToolMissing(f"the hls4ml backend {BACKEND}", "pip install asicflow (or: pip install -e .)")
        config = create_config(
            output_dir=str(output_dir), project_name=project_name, backend=BACKEND, io_type="io_parallel"
        )
        config["HLSConfig"] = hls_config or {"Model": {"Precision": "fixed<16,6>", "ReuseFactor": 1}}
        try:
            layers, inputs, outputs, _ = parse_keras_model(network.architecture(), WeightReader(network))
            return ModelGraph.from_layer_list(config, _kept_dimensions(layers, network, outputs), inputs, outputs)
        except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise UserError(
                f"hls4ml cannot convert the model: {type(error).__name__}: {error}",
                where=str(network.file),
                hint="the log of the run names the layer that hls4ml came to last",
            ) from error


def _kept_dimensions(layers: list[dict[str, Any]], network: KerasNetwork, outputs: list[str]) -> list[dict[str, Any]]:
    """hls4ml's layers with a Reshape after each global pooling of ``keepdims``, whose result hls4ml makes flat."""
    keeping = {layer.name for layer in network.layers if layer.config.get("keepdims")} - {*outputs}
    kept = []
    for layer in layers:
        kept.append(layer)
        if layer["name"] in keeping and layer["class_name"].startswith("Global"):
            name, flat = layer["name"], f"{layer['name']}_flat"
            axes = 2 if layer["class_name"].endswith("2D") else 1
            kept[-1] = {**layer, "outputs": [flat]}
            shape = [1] * axes + [layer["n_filt"]]
            reshape = {"class_name": "Reshape", "name": f"{name}_keepdims", "target_shape": shape}
            kept.append({**reshape, "inputs": [flat], "outputs": [name]})
    return kept


def compile_csim(model: Any) -> None:
    """Compile the C simulation with g++.

    Raises
    ------
    ToolMissing
        If there is no g++.
    StageError
        If the compilation fails.
    """
    if shutil.which("g++") is None:
        raise ToolMissing("g++", "apt-get install g++")
    try:
        with quiet() as output:
            model.compile()
    except Exception as error:
        raise StageError(
            f"the C simulation does not compile: {error}; {output.getvalue()[-300:]}",
            where=model.config.get_output_dir(),
        ) from error


def predict(model: Any, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Run the C simulation on inputs (N, n_in); returns (N, n_out) real numbers."""
    if not len(x):
        raise UserError("no inputs to simulate")
    inputs = np.ascontiguousarray(x, dtype=np.float64)
    return np.asarray(model.predict(inputs), dtype=np.float64).reshape(len(x), -1)


@contextlib.contextmanager
def quiet() -> Iterator[io.StringIO]:
    """Send what hls4ml prints to the log."""
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output):
            yield output
    finally:
        for line in output.getvalue().splitlines():
            log.debug("hls4ml: %s", line)
