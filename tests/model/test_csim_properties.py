"""hls4ml's C simulation equals the integer golden for any layer, shape and number format."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from asicflow.model import golden
from asicflow.model.fixed import to_float
from asicflow.model.graph import compile_csim, convert, predict
from asicflow.model.keras_file import load_keras
from asicflow.model.lower import lower
from asicflow.model.reference import forward

from .networks import batchnorm, dense, functional, input_layer, layer, write_h5

Entry = dict[str, Any]
Shape = tuple[int, ...]


@st.composite
def formats(draw: st.DrawFn, width: int = 12) -> str:
    """A type in hls4ml's notation; rounding and overflow of every kind that C simulation and hardware share."""
    bits = draw(st.integers(5, width))
    rounding = draw(st.sampled_from(["TRN", "RND", "RND_CONV", "RND_ZERO", "TRN_ZERO"]))
    saturation = draw(st.sampled_from(["WRAP", "SAT", "SAT_SYM"]))
    return f"fixed<{bits},{draw(st.integers(2, bits - 1))},{rounding},{saturation}>"


class Drawn:
    """A network in the making: entries, their precisions, and where it ends."""

    def __init__(self, draw: Callable[[Any], Any], shape: Shape, seed: int) -> None:
        self.draw, self.shape = draw, shape
        self.rng = np.random.default_rng(seed)
        self.entries: list[Entry] = [input_layer(*shape)]
        self.edges: dict[str, list[str]] = {}
        self.precision: dict[str, dict[str, str]] = {"input_layer": {"result": draw(formats())}}
        self.end = "in"

    def add(self, entry: Entry, *types: str, reads: list[str] | None = None) -> str:
        """Append a layer after the present end (or after ``reads``) with a type for each of ``types``."""
        name = f"{entry['config']['name']}_{len(self.entries)}"
        entry["config"]["name"] = name
        self.edges[name] = reads or [self.end]
        self.entries.append(entry)
        self.precision[name] = {kind: self.draw(formats()) for kind in types}
        activation = entry["config"].get("activation")
        if activation and entry["class_name"] != "Activation":
            self.precision[f"{name}_{activation}"] = {"result": self.draw(formats())}
        self.end = name
        return name

    def weights(self, *shape: int) -> Any:
        return self.rng.normal(size=shape, scale=0.7).astype(np.float32)

    def conv(self) -> None:
        """A convolution over one or two axes, maybe depthwise or separable."""
        axes, channels = len(self.shape) - 1, self.shape[-1]
        kind = self.draw(st.sampled_from(["Conv", "Conv", "DepthwiseConv", "SeparableConv"]))
        if axes == 1 and kind != "Conv":
            kind = "Conv"  # hls4ml has no exact parallel C simulation of the others in one dimension
        size = [self.draw(st.integers(1, min(3, n))) for n in self.shape[:-1]]
        filters = channels if kind == "DepthwiseConv" else self.draw(st.integers(1, 3))
        strides = [self.draw(st.integers(1, min(2, n))) for n in self.shape[:-1]]
        config = {
            "kernel_size": size, "strides": strides, "use_bias": True,
            "padding": self.draw(st.sampled_from(["same", "valid"])), "data_format": "channels_last",
            "activation": self.draw(st.sampled_from(["linear", "relu", "tanh"])), "depth_multiplier": 1,
        }  # fmt: skip
        weights = {"bias": self.weights(filters)}
        if kind != "Conv":
            weights["depthwise_kernel"] = self.weights(*size, channels, 1)
        if kind == "SeparableConv":
            weights["pointwise_kernel"] = self.weights(*[1] * axes, channels, filters)
        if kind == "Conv":
            weights["kernel"] = self.weights(*size, channels, filters)
        if kind != "DepthwiseConv":
            config["filters"] = filters
        self.add(layer(f"{kind}{axes}D", "conv", weights, **config), "weight", "bias", "accum", "result")

    def pool(self) -> None:
        """A pooling over one or two axes."""
        axes = len(self.shape) - 1
        function = self.draw(st.sampled_from(["Max", "Average"]))
        if self.draw(st.booleans()):
            self.add(layer(f"Global{function}Pooling{axes}D", "pool", keepdims=True), "result")
        else:
            size = [self.draw(st.integers(1, min(3, n))) for n in self.shape[:-1]]
            strides = [self.draw(st.integers(1, 3)) for _ in size]
            padding = self.draw(st.sampled_from(["same", "valid"])) if function == "Max" else "valid"
            config = {"pool_size": size, "strides": strides, "padding": padding, "data_format": "channels_last"}
            self.add(layer(f"{function}Pooling{axes}D", "pool", **config), "result")
        name = self.end
        self.precision[name]["accum"] = "fixed<24,14>" if function == "Average" else self.draw(formats())

    def join(self) -> None:
        """Two activations of the end, joined."""
        root = self.end
        functions = [self.draw(st.sampled_from(["relu", "sigmoid", "tanh"])) for _ in range(2)]
        ends = [self.add(layer("Activation", "act", activation=f), "result", reads=[root]) for f in functions]
        kind = self.draw(st.sampled_from(["Add", "Subtract", "Average", "Maximum", "Minimum", "Concatenate"]))
        self.add(layer(kind, "join", **({"axis": -1} if kind == "Concatenate" else {})), "result", reads=ends)

    def norm(self) -> None:
        """A batch normalisation per channel."""
        n = self.shape[-1]
        entry = batchnorm("norm", *(self.weights(n) for _ in range(3)), np.abs(self.weights(n)) + 0.1)
        self.add(entry, "scale", "bias", "result")

    def pad(self) -> None:
        """Zero padding."""
        axes = len(self.shape) - 1
        sides = [[self.draw(st.integers(0, 2)), self.draw(st.integers(0, 2))] for _ in range(axes)]
        self.add(layer(f"ZeroPadding{axes}D", "pad", padding=sides if axes == 2 else sides[0]), "result")

    def follow(self, path: Path) -> None:
        """Take the shape of the end from the float network."""
        network = load_keras(self.write(path))
        results = forward(network, np.zeros((1, network.input_size)))
        self.shape = results[list(results)[-1]].shape[1:]

    def write(self, path: Path) -> Path:
        """Write the file."""
        architecture = functional(self.entries)
        for entry in architecture["config"]["layers"][1:]:
            entry["inbound_nodes"] = [[[name, 0, 0, {}] for name in self.edges[entry["name"]]]]
        return write_h5(path, architecture, self.entries)


def drawn_network(draw: st.DrawFn, folder: Path) -> Drawn:
    """Two to four layers on a picture or a series, maybe a Dense layer at the end."""
    sizes = draw(st.lists(st.integers(3, 5), min_size=1, max_size=2))
    drawn = Drawn(draw, (*sizes, draw(st.integers(1, 3))), draw(st.integers(0, 99)))
    for _ in range(draw(st.integers(2, 4))):
        step = draw(st.sampled_from([drawn.conv, drawn.conv, drawn.pool, drawn.join, drawn.norm, drawn.pad]))
        step()
        drawn.follow(folder / "m.h5")
    if draw(st.booleans()):
        drawn.add(layer("Flatten", "flat"))
        n_in, activation = int(np.prod(drawn.shape)), draw(st.sampled_from(["relu", "sigmoid"]))
        entry = dense("dense", drawn.weights(n_in, 3), drawn.weights(3), activation)
        drawn.add(entry, "weight", "bias", "accum", "result")
    return drawn


@pytest.mark.slow
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data())
def test_csim_equals_golden(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        check(drawn_network(data.draw, Path(name)), Path(name))


@pytest.mark.slow
def test_a_convolution_after_a_global_pooling_that_keeps_its_dimensions(tmp_path: Path) -> None:
    kind = "fixed<9,4>"
    choices = iter([kind, "Average", True, kind, "Conv", 1, 1, 2, 1, 1, "same", "linear", *[kind] * 5])
    drawn = Drawn(lambda _: next(choices), (3, 4, 2), seed=1)
    drawn.pool()
    drawn.follow(tmp_path / "m.h5")
    assert drawn.shape == (1, 1, 2)
    drawn.conv()
    check(drawn, tmp_path)


def check(drawn: Drawn, folder: Path) -> None:
    """Demand that C simulation and golden agree on 60 random inputs."""
    network = load_keras(drawn.write(folder / "m.h5"))
    nodes = {node: {"Precision": types} for node, types in drawn.precision.items() if types}
    config = {"Model": {"Precision": "fixed<16,6>", "ReuseFactor": 1}, "LayerName": nodes}
    model = convert(network, config, folder / "hls")
    spec = lower(model)
    compile_csim(model)
    x = drawn.rng.normal(size=(60, network.input_size), scale=2).astype(np.float32)
    wanted = to_float(golden.run(spec, golden.quantize_input(spec, x)), spec.output.type)
    np.testing.assert_array_equal(predict(model, x), wanted)
