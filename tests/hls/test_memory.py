"""Reloadable weights: the engine equals one whose weights are constants, for any weights of the same types."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asicflow.config import parse_config
from asicflow.errors import StageError, UserError
from asicflow.explore.area import MAPPED, cell_area, typical_liberty
from asicflow.explore.energy import MappedEngine, inference_energy
from asicflow.hls.area import time_multiplexed_nand2
from asicflow.hls.choose import Budget, choose_engine
from asicflow.hls.memory import memories, weights_image
from asicflow.hls.plan import EnginePlan, plan_engine
from asicflow.hls.simulate import run_engine
from asicflow.hls.stage import TOP, run_hls, write_engine
from asicflow.hls.stages import build_stages
from asicflow.model import golden
from asicflow.model.fixed import IntArray
from asicflow.model.image import Image, architecture
from asicflow.model.spec import Dense, Spec
from asicflow.pdk import load_pdk
from asicflow.workspace import Workspace

from .icarus import run_icarus
from .networks import networks, other_weights, random_inputs
from .test_engine import write_rtl
from .test_plan import dense_network


def splits(spec: Spec, inputs: int) -> int:
    """``inputs``, or 1 where a saturating accumulator wants it."""
    return 1 if any(stage.saturate for stage in build_stages(spec, reloadable=True).stages) else inputs


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(spec=networks(), outputs=st.integers(1, 4), inputs=st.integers(1, 5), seed=st.integers(0, 1000))
def test_loaded_weights_equal_constants(spec: Spec, outputs: int, inputs: int, seed: int) -> None:
    """One engine, the weights of two networks: results and cycles of engines that hold them as constants."""
    inputs = splits(spec, inputs)
    plan, x_int = plan_engine(spec, outputs, inputs, reloadable=True), random_inputs(spec, 8, seed)
    for network in (spec, other_weights(spec, seed)):
        image = weights_image(plan_engine(network, outputs, inputs, reloadable=True), "")
        with tempfile.TemporaryDirectory() as folder:
            found, cycles = run_icarus(plan, x_int, Path(folder) / "loaded", image)
            constant = run_icarus(plan_engine(network, outputs, inputs), x_int, Path(folder) / "constant")
        np.testing.assert_array_equal(found, golden.run(network, x_int))
        np.testing.assert_array_equal(found, constant[0])
        assert cycles == constant[1] == plan.cycles


@settings(max_examples=200, deadline=None)
@given(spec=networks(), outputs=st.integers(1, 6), inputs=st.integers(1, 6), seed=st.integers(0, 1000))
def test_other_weights_have_the_same_engine(spec: Spec, outputs: int, inputs: int, seed: int) -> None:
    """Widths, memories and architecture come from the types alone."""
    inputs = splits(spec, inputs)
    other = other_weights(spec, seed)
    plans = [plan_engine(network, outputs, inputs, reloadable=True) for network in (spec, other)]
    faces = [
        (p.operand_bits, p.weight_bits, p.bias_bits, p.sum_bits, p.accum_bits, p.slots, memories(p)) for p in plans
    ]
    assert faces[0] == faces[1]
    images = [weights_image(plan, "") for plan in plans]
    assert [len(image.words) for image in images] == [memories(plan).words for plan in plans]
    assert images[0].architecture == images[1].architecture


def loaded(plan: EnginePlan, image: Image, folder: Path) -> IntArray:
    x_int = random_inputs(plan.spec, 100, seed=3)
    return run_engine(plan.spec, write_rtl(plan, folder / "rtl"), x_int, folder / "sim", image=image).y_int


@pytest.fixture
def plan() -> EnginePlan:
    return plan_engine(other_weights(dense_network(16, 24, 12, 5), 1), 3, 4, reloadable=True)


def test_every_bit_of_the_image_counts(plan: EnginePlan, tmp_path: Path) -> None:
    """Negative control: one bit of a weight or a bias is another one."""
    image = weights_image(plan, "")
    right = golden.run(plan.spec, random_inputs(plan.spec, 100, seed=3))
    np.testing.assert_array_equal(loaded(plan, image, tmp_path), right)
    for word in (0, 100, len(image.words) - 2):
        words = list(image.words)
        words[word] ^= 1 << 6
        assert not np.array_equal(loaded(plan, image.model_copy(update={"words": words}), tmp_path), right)


def test_an_image_that_is_too_short_or_too_long_is_not_taken(plan: EnginePlan, tmp_path: Path) -> None:
    image = weights_image(plan, "")
    for words in (image.words[:-1], [*image.words, 0]):
        with pytest.raises(StageError, match="does not take the weights"):
            loaded(plan, image.model_copy(update={"words": words}), tmp_path)


def test_image_file(plan: EnginePlan, tmp_path: Path) -> None:
    image = weights_image(plan, "abc")
    image.save(tmp_path / "w.json")
    assert Image.load(tmp_path / "w.json") == image
    text = (tmp_path / "w.json").read_text()
    word = f"{image.words[7]:08x}"
    (tmp_path / "w.json").write_text(text.replace(word, f"{image.words[7] ^ 1:08x}", 1))
    with pytest.raises(UserError, match="damaged"):
        Image.load(tmp_path / "w.json")
    for other in (text.replace("asicflow.weights/1", "asicflow.weights/9"), "[]", "{", "{}"):
        (tmp_path / "w.json").write_text(other)
        with pytest.raises(UserError, match="no image"):
            Image.load(tmp_path / "w.json")
    with pytest.raises(UserError, match="cannot read"):
        Image.load(tmp_path / "none.json")


def test_an_image_of_another_architecture_is_refused(plan: EnginePlan) -> None:
    image, spec = weights_image(plan, ""), plan.spec
    image.check(architecture(spec, 3, 4), "here")
    layer = spec.layers[0]
    assert isinstance(layer, Dense)
    wider = layer.model_copy(update={"weight_type": layer.weight_type.model_copy(update={"frac": 3})})
    others = (
        architecture(spec, 4, 3),
        architecture(spec.model_copy(update={"layers": [wider, *spec.layers[1:]]}), 3, 4),
        architecture(dense_network(16, 24, 12, 4), 3, 4),
    )
    for other in others:
        with pytest.raises(UserError, match="architecture"):
            image.check(other, "here")


def test_stage_writes_the_image_and_says_what_it_takes(tmp_path: Path) -> None:
    spec = dense_network(16, 24, 12, 5)
    report = write_engine(spec, None, tmp_path / "loaded", reloadable=True)
    constant = write_engine(spec, None, tmp_path / "constant")
    image = Image.load(tmp_path / "loaded" / report["weights"]["image"])
    assert len(image.words) == report["weights"]["words"]
    assert image.architecture == report["weights"]["architecture"]
    assert report["cycles"] == constant["cycles"]
    assert "weights" not in constant and not (tmp_path / "constant" / "weights.json").exists()
    assert report["area_nand2"] > constant["area_nand2"]


def test_energy_is_measured_with_loaded_weights(pdk_root: Path, tmp_path: Path) -> None:
    """The mapped engine answers as the integer network does; with a bit of a weight changed it is refused."""
    spec = other_weights(dense_network(4, 3), 2)
    report = write_engine(spec, None, tmp_path, reloadable=True)
    library = load_pdk("sky130", pdk_root).library()
    cell_area([tmp_path / name for name in report["files"]], TOP, typical_liberty(library, tmp_path), tmp_path)
    words = Image.load(tmp_path / "weights.json").words
    x_int = random_inputs(spec, 64, 1)
    y_int = golden.run(spec, x_int)
    engine = MappedEngine(spec, tmp_path / MAPPED, TOP, report["cycles"], library, words)
    assert inference_energy(engine, x_int, y_int, 20.0).energy.total > 0
    with pytest.raises(StageError, match="does not equal"):
        inference_energy(replace(engine, weights=[words[0] ^ 1 << 6, *words[1:]]), x_int, y_int, 20.0)


def test_area_grows_with_the_memory() -> None:
    areas = [time_multiplexed_nand2(plan_engine(dense_network(16, n, 4), 1, 4, True)) for n in (8, 16, 32)]
    assert areas == sorted(areas)


def test_an_adder_graph_has_no_memory(pdk_root: Path, tmp_path: Path) -> None:
    hls = {"engine": "adder-graph", "weights": "reloadable"}
    config = parse_config({"hls": hls, "pdk": {"name": "sky130", "root": str(pdk_root)}})
    (tmp_path / "model").mkdir()
    dense_network(4, 3).save(tmp_path / "model" / "spec.json")
    with pytest.raises(UserError, match="reloadable"):
        run_hls(config, Workspace(tmp_path), lambda _: None)


def test_weights_that_do_not_fit_the_budget_are_named(pdk_root: Path) -> None:
    with pytest.raises(UserError, match="budget") as error:
        choose_engine(dense_network(64, 64, 64), None, None, Budget(0.3, 3.75), reloadable=True)
    assert "memory of weights" in str(error.value.hint)
