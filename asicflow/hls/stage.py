"""The hls stage: ``accel/accel.json`` and ``accel/rtl/*.sv`` from ``spec.json``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asicflow.config import Config, HlsConfig
from asicflow.errors import UserError
from asicflow.hls.area import least_nand2, time_multiplexed_nand2, unrolled_nand2
from asicflow.hls.choose import Budget, Choice, better_graph, choose_engine, plan_for_reuse
from asicflow.hls.memory import memories, weights_image
from asicflow.hls.plan import EnginePlan
from asicflow.hls.rtl import engine_rtl
from asicflow.hls.unroll import UnrolledPlan, plan_unrolled
from asicflow.hls.unroll_rtl import unrolled_rtl
from asicflow.hls.verilog import index_bits
from asicflow.model.image import architecture
from asicflow.model.spec import Spec
from asicflow.pdk import load_pdk
from asicflow.pdk.area import nand2_um2
from asicflow.pdk.root import resolve
from asicflow.workspace import Workspace, sha256_text

SCHEMA = "asicflow.accel/1"
TOP = "accel_engine"
WEIGHTS_FILE = "weights.json"
"""The image of the network's own weights, when they are reloadable."""


def run_hls(config: Config, ws: Workspace, progress: Callable[[str], None]) -> None:
    """Run the stage: read ``model/spec.json``, write the folder ``accel/``."""
    spec = Spec.load(ws.model / "spec.json")
    requested = None if config.model.reuse == "auto" else int(config.model.reuse)
    progress("generating the engine")
    library = load_pdk(config.pdk.name, config.pdk.root or resolve(config)).library(
        config.pdk.library, config.pdk.supply
    )
    budget = Budget(config.hls.budget_mm2, nand2_um2(library))
    if config.hls.engine == "adder-graph":
        if config.hls.weights == "reloadable":
            raise UserError(
                "the weights of an adder graph are its wiring; they cannot be reloadable",
                where="hls.weights",
                hint="use hls.engine: time-multiplexed, or weights: constant",
            )
        if requested not in (None, 1):
            raise UserError(
                f"an adder graph shares no multipliers; a reuse factor of {requested} is not possible",
                where="model.reuse",
                hint="leave it out, or use hls.engine: time-multiplexed",
            )
        report = write_unrolled(spec, config.hls.levels, ws.accel, budget)
        progress(f"unrolled, about {report['area_mm2']:.2f} mm2 of cells, {report['cycles']} cycles per inference")
        return
    report, choice = write_chosen(spec, config.hls, requested, ws.accel, budget)
    if "weights" in report:
        progress(f"weights in a memory of {report['weights']['bits']:,} bits; {WEIGHTS_FILE} has {spec.name}'s")
    size = f"{report['macs']['no']} x {report['macs']['ni']} multipliers" if "macs" in report else "unrolled"
    progress(
        f"{size}, {report['cycles']} cycles per inference, about {report['area_mm2']:.2f} mm2 of cells ({choice.why})"
    )


def write_chosen(
    spec: Spec, settings: HlsConfig, reuse: int | None, folder: Path, budget: Budget
) -> tuple[dict[str, Any], Choice]:
    """Choose an engine (`asicflow.hls.choose`) and write it; the content of ``accel.json``, and the choice.

    Parameters
    ----------
    spec : Spec
        The integer network.
    settings : HlsConfig
        ``engine`` auto or time-multiplexed, ``weights``, ``levels`` and ``max_cycles``.
    reuse : int or None
        The reuse factor asked for; None: automatic.
    folder : Path
        Output folder.
    budget : Budget
        What the engine may take.

    Raises
    ------
    UserError
        If no engine keeps the limits.
    """
    reloadable = settings.weights == "reloadable"
    choice = choose_engine(spec, reuse, settings.max_cycles, budget, reloadable)
    unrolls = settings.engine == "auto" and not reloadable
    graph = better_graph(spec, choice, reuse, settings.levels, budget) if unrolls else None
    if graph is None:
        report = engine_report(choice.plan, reuse, _write_shared(choice.plan, folder))
        report["area_mm2"] = budget.area_mm2(report["area_nand2"])
    else:
        report = unrolled_report(graph, _write_texts(unrolled_rtl(graph), folder), budget)
    report["choice"] = {"why": choice.why, "considered": choice.considered}
    return _write_report(report, folder), choice


def write_unrolled(spec: Spec, levels: int | None, folder: Path, budget: Budget) -> dict[str, Any]:
    """Write ``accel.json`` and ``rtl/*.sv`` of an unrolled engine into ``folder``; return the former's content.

    Parameters
    ----------
    spec : Spec
        The integer network.
    levels : int or None
        Most adders between two registers; None: registers only behind layers.
    folder : Path
        Output folder.
    budget : Budget
        What the engine may take.

    Raises
    ------
    UserError
        If no adder graph equals the network, or it is too large.
    ToolMissing
        If da4ml is not installed.
    """
    plan = plan_unrolled(spec, levels, lambda stage: budget.check(least_nand2(stage), f"layer '{stage.name}' alone"))
    budget.check(unrolled_nand2(plan), "the adder graph")
    return _write_report(unrolled_report(plan, _write_texts(unrolled_rtl(plan), folder), budget), folder)


def unrolled_report(plan: UnrolledPlan, files: list[str], budget: Budget) -> dict[str, Any]:
    """The content of ``accel.json`` of an unrolled engine."""
    area = unrolled_nand2(plan)
    return _face(plan.spec, files, plan.cycles) | {
        "engine": "adder-graph",
        "area_nand2": round(area),
        "area_mm2": budget.area_mm2(area),
        "levels": plan.levels,
        "adders": sum(len(made.positions) * len(made.graph.nodes) for made in plan.stages),
        "adder_bits": sum(len(made.positions) * made.graph.adder_bits for made in plan.stages),
        "stages": [
            {"name": made.stage.name, "n_in": made.stage.n_in, "n_out": made.stage.n_out, "steps": made.cycles}
            for made in plan.stages
        ],
    }


def write_engine(spec: Spec, reuse: int | None, folder: Path, reloadable: bool = False) -> dict[str, Any]:
    """Write ``accel.json`` and ``rtl/*.sv`` into ``folder``; return the content of the former.

    Parameters
    ----------
    spec : Spec
        The integer network.
    reuse : int or None
        Requested reuse factor; None aims at four multipliers.
    folder : Path
        Output folder.
    reloadable : bool
        Weights lie in a memory; their image is written, too.
    """
    return write_plan(plan_for_reuse(spec, reuse, reloadable), reuse, folder)


def write_plan(plan: EnginePlan, reuse: int | None, folder: Path) -> dict[str, Any]:
    """Write the engine of a plan; see :func:`write_engine`."""
    return _write_report(engine_report(plan, reuse, _write_shared(plan, folder)), folder)


def _write_shared(plan: EnginePlan, folder: Path) -> list[str]:
    """Write the sources of a time-multiplexed engine and the image of its weights; the sources' names."""
    files = _write_texts(engine_rtl(plan), folder)
    if plan.reloadable:
        weights_image(plan, sha256_text(plan.spec.text())).save(folder / WEIGHTS_FILE)
    return files


def _write_texts(texts: dict[str, str], folder: Path) -> list[str]:
    """Write sources; their names inside the folder."""
    (folder / "rtl").mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / "rtl" / name).write_text(text)
    return [f"rtl/{name}" for name in texts]


def _write_report(report: dict[str, Any], folder: Path) -> dict[str, Any]:
    (folder / "accel.json").write_text(json.dumps(report, indent=2) + "\n")
    return report


def _face(spec: Spec, files: list[str], cycles: int) -> dict[str, Any]:
    """What ``accel.json`` holds of every engine: its ports."""
    source, sink = spec.input, spec.output
    return {
        "schema": SCHEMA,
        "name": spec.name,
        "module": TOP,
        "files": files,
        "n_in": source.size,
        "n_out": sink.size,
        "in_width": source.type.width,
        "in_signed": source.type.signed,
        "in_frac": source.type.frac,
        "out_width": sink.type.width,
        "out_signed": sink.type.signed,
        "out_frac": sink.type.frac,
        "decision": sink.decision,
        "in_addr_width": index_bits(source.size),
        "out_addr_width": index_bits(sink.size),
        "cycles": cycles,
        "multiplications": spec.multiplications,
    }


def engine_report(plan: EnginePlan, reuse: int | None, files: list[str]) -> dict[str, Any]:
    """The content of ``accel.json``."""
    return (
        _face(plan.spec, files, plan.cycles)
        | _weights(plan)
        | {
            "engine": "time-multiplexed",
            "area_nand2": round(time_multiplexed_nand2(plan)),
            "macs": {"no": plan.outputs, "ni": plan.inputs},
            "rom_bits": 0 if plan.reloadable else plan.words * plan.multipliers * plan.weight_bits,
            "slot_bits": sum(slot.width for slot in plan.slots),
            "widths": {
                "operand": plan.operand_bits,
                "weight": plan.weight_bits,
                "sum": plan.sum_bits,
                "accumulator": plan.accum_bits,
            },
            "reuse": {
                "requested": "auto" if reuse is None else reuse,
                "effective": plan.spec.largest_layer / plan.multipliers,
            },
            "stages": [
                {"name": stage.name, "n_in": stage.n_in, "n_out": stage.n_out, "steps": walk.steps}
                for stage, walk in zip(plan.stages, plan.walks, strict=True)
            ],
        }
    )


def _weights(plan: EnginePlan) -> dict[str, Any]:
    """What ``accel.json`` holds of reloadable weights; nothing of constants."""
    if not plan.reloadable:
        return {}
    found = memories(plan)
    return {
        "weights": {
            "words": found.words,
            "bits": found.bits,
            "data_width": found.data_bits,
            "architecture": architecture(plan.spec, plan.outputs, plan.inputs),
            "image": WEIGHTS_FILE,
        }
    }
