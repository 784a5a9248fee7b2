"""hls4ml backend plugin ``AsicFlow`` (entry point group ``hls4ml.backends``).

Plain hls4ml finds it once asicflow is installed::

    import hls4ml
    config = hls4ml.utils.config_from_keras_model(model, granularity="name", backend="AsicFlow")
    hls_model = hls4ml.converters.convert_from_keras_model(model, hls_config=config, backend="AsicFlow",
                                                           output_dir="prj")
    hls_model.compile()
    y = hls_model.predict(x)          # C simulation, bit-exact with the engine
    report = hls_model.build()        # prj/asicflow/: spec.json, accel.json, rtl/*.sv

``convert_from_keras_model`` needs Keras.  Without it, hls4ml reads a whole-model
``.h5`` (or ``KerasJson`` and ``KerasH5``) with h5py alone::

    config = hls4ml.utils.config.create_config(backend="AsicFlow", output_dir="prj")
    config["KerasH5"] = "model.h5"
    config["HLSConfig"] = {"Model": {"Precision": "fixed<16,6>", "ReuseFactor": 64}}
    hls_model = hls4ml.converters.keras_v2_to_hls(config)

``convert_from_config`` does not do this: in hls4ml 1.3.0 it returns None for
these keys.  :func:`convert_keras_file` below also reads files of Keras 3 and
refuses what is not supported before hls4ml sees it.

A ``Softmax`` at the end is removed: the engine gives the logits, whose largest
is the decision.  ``ReuseFactor`` R of the model gives the largest layer a
multiplier for every R of its multiplications; hls4ml's default of 1 is read as
"not chosen" and aims at four multipliers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hls4ml.backends.fpga.passes.hgq_proxy_model import ProcessFixedPointQuantizerLayer, generate_mask_fn
from hls4ml.backends.vitis.vitis_backend import VitisBackend
from hls4ml.backends.vivado.vivado_backend import VivadoBackend
from hls4ml.model.flow import get_flow, register_flow
from hls4ml.model.optimizer import OptimizerPass, model_optimizer
from hls4ml.model.types import Source
from hls4ml.writer.vitis_writer import VitisWriter

from asicflow.model.lower import DECISION, lower, quantise_weights

log = logging.getLogger(__name__)

NAME = "AsicFlow"


class RemoveFinalSoftmax(OptimizerPass):  # type: ignore[misc]
    """Remove a softmax at the end; the logits decide as well as the probabilities do."""

    def match(self, node: Any) -> bool:
        """True for a softmax that nothing reads."""
        return bool(node.class_name == "Softmax" and not node.get_output_nodes())

    def transform(self, model: Any, node: Any) -> bool:
        """Remove the node and remember the decision."""
        model.config.config[DECISION] = "argmax"
        model.remove_node(node)
        return True


class UseLatencyStrategy(OptimizerPass):  # type: ignore[misc]
    """Run the C simulation with the Latency strategy: it adds products in order, as the engine does."""

    def match(self, node: Any) -> bool:
        """True once per model, at its input."""
        config = node.model.config
        chosen = {
            config.model_strategy,
            *config.layer_type_strategy.values(),
            *config.layer_name_strategy.values(),
        }
        return any(strategy.lower() != "latency" for strategy in chosen)

    def transform(self, model: Any, node: Any) -> bool:
        """Drop every other choice of strategy."""
        config = model.config
        log.info("%s runs the C simulation with the Latency strategy", NAME)
        config.model_strategy = "latency"
        config.layer_type_strategy.clear()
        config.layer_name_strategy.clear()
        return False


class QuantiseWeights(OptimizerPass):  # type: ignore[misc]
    """Round weights to their types once, so that C simulation and engine read the same values."""

    def match(self, node: Any) -> bool:
        """True for a node with weights that are not rounded yet."""
        return bool(node.weights) and not node.get_attr("_asicflow_quantised")

    def transform(self, model: Any, node: Any) -> bool:
        """Round the weights."""
        quantise_weights(node)
        node.set_attr("_asicflow_quantised", True)
        return False


class WriteQuantizers(ProcessFixedPointQuantizerLayer):  # type: ignore[misc]
    """Generate the C++ of quantizers per element, which hls4ml does for the backends that it knows by name."""

    def transform(self, model: Any, node: Any) -> bool:
        """Give the node its function."""
        shape = node.get_input_variable().shape
        text = generate_mask_fn(node.name, shape, *node.mask_kbi, node.RND, node.SAT, "Vitis")
        node.set_attr("mask_fn_codegen", Source(text))
        return False


class AsicFlowWriter(VitisWriter):  # type: ignore[misc]
    """Writes hls4ml's C++ project, which ``compile`` and ``predict`` use."""


class AsicFlowBackend(VitisBackend):  # type: ignore[misc]
    """Vitis' C++ as the golden model, and an engine in SystemVerilog as the product."""

    def __init__(self) -> None:
        super(VivadoBackend, self).__init__(name=NAME)
        self._register_layer_attributes()
        self.register_pass("remove_final_softmax", RemoveFinalSoftmax)
        self.register_pass("use_latency_strategy", UseLatencyStrategy)
        self.register_pass("quantise_weights", QuantiseWeights)
        self.register_pass("write_quantizers", WriteQuantizers)
        self._register_flows()

    def _register_flows(self) -> None:
        prefix = NAME.lower()
        prepare = register_flow(
            "prepare", [f"{prefix}:use_latency_strategy", f"{prefix}:remove_final_softmax"], backend=self.name
        )
        quantise = register_flow(
            "quantise", [f"{prefix}:quantise_weights"], requires=["vivado:specific_types"], backend=self.name
        )
        vivado = get_flow("vivado:optimize")
        passes = [
            f"{prefix}:write_quantizers" if name == "vivado:process_fixed_point_quantizer_layer" else name
            for name in vivado.optimizers
        ]
        optimise = register_flow("optimize", passes, requires=vivado.requires, backend=self.name)
        requires = [prepare, *(optimise if name == vivado.name else name for name in get_flow("vivado:ip").requires)]
        requires.insert(requires.index("vivado:apply_templates"), quantise)
        self._default_flow = register_flow("ip", None, requires=requires, backend=self.name)
        self._writer_flow = register_flow(
            "write", ["make_stamp", f"{prefix}:write_hls"], requires=[f"{prefix}:ip"], backend=self.name
        )

    @model_optimizer()  # type: ignore[untyped-decorator]
    def write_hls(self, model: Any) -> bool:
        """Pass that writes the C++ project."""
        self.writer.write_hls(model)
        return True

    def build(self, model: Any, **options: Any) -> dict[str, Any]:
        """Write ``spec.json`` and the engine's RTL to ``<output_dir>/asicflow``.

        Returns
        -------
        dict
            The content of ``accel.json``.
        """
        from asicflow.hls.stage import write_engine

        if options:
            raise TypeError(f"build() of {NAME} takes no options (given: {', '.join(options)})")
        spec = lower(model)
        folder = Path(model.config.get_output_dir()) / "asicflow"
        folder.mkdir(parents=True, exist_ok=True)
        spec.save(folder / "spec.json")
        requested = model.config.model_rf
        return write_engine(spec, None if requested in (None, 1) else int(requested), folder)


def convert_keras_file(file: str | Path, weights: str | Path | None = None, **options: Any) -> Any:
    """Convert a Keras file with backend ``AsicFlow`` and h5py alone.

    Parameters
    ----------
    file, weights
        ``.h5`` whole model, or ``.json`` architecture and ``.h5`` weights.
    options
        ``hls_config`` (default: ``fixed<16,6>`` for everything), ``output_dir``, ``project_name``.

    Returns
    -------
    hls4ml.model.ModelGraph
        Ready for ``compile()``, ``predict()``, ``build()``.
    """
    from asicflow.model.frontend import load_network
    from asicflow.model.graph import convert

    network = load_network(Path(file), Path(weights) if weights is not None else None)
    return convert(network, **options)


def register(*, register_backend: Callable[..., None], register_writer: Callable[..., None]) -> None:
    """Entry point: register the writer, then the backend (whose constructor looks the writer up)."""
    register_writer(NAME, AsicFlowWriter)
    register_backend(NAME, AsicFlowBackend)
