"""The hls stage: ``accel/accel.json`` and ``accel/rtl/*.sv`` from ``spec.json``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asicflow.config import Config
from asicflow.hls.plan import EnginePlan, choose_split, plan_engine
from asicflow.hls.rtl import engine_rtl
from asicflow.hls.verilog import index_bits
from asicflow.model.spec import Spec
from asicflow.workspace import Workspace

SCHEMA = "asicflow.accel/1"
TOP = "accel_engine"
AUTO_MULTIPLIERS = 4


def run_hls(config: Config, ws: Workspace, progress: Callable[[str], None]) -> None:
    """Run the stage: read ``model/spec.json``, write the folder ``accel/``."""
    spec = Spec.load(ws.model / "spec.json")
    requested = None if config.model.reuse == "auto" else int(config.model.reuse)
    progress("generating the engine")
    report = write_engine(spec, requested, ws.accel)
    macs = report["macs"]
    progress(f"{macs['no']} x {macs['ni']} multipliers, {report['cycles']} cycles per inference")


def plan_for_reuse(spec: Spec, reuse: int | None) -> EnginePlan:
    """Plan the engine for a reuse factor.

    The largest layer gets a multiplier for every ``reuse`` of its multiplications;
    ``None`` aims at four multipliers.
    """
    wanted = AUTO_MULTIPLIERS if reuse is None else -(-spec.largest_layer // reuse)
    return plan_engine(spec, *choose_split(spec, max(1, wanted)))


def write_engine(spec: Spec, reuse: int | None, folder: Path) -> dict[str, Any]:
    """Write ``accel.json`` and ``rtl/*.sv`` into ``folder``; return the content of the former.

    Parameters
    ----------
    spec : Spec
        The integer network.
    reuse : int or None
        Requested reuse factor; None aims at four multipliers.
    folder : Path
        Output folder.
    """
    return write_plan(plan_for_reuse(spec, reuse), reuse, folder)


def write_plan(plan: EnginePlan, reuse: int | None, folder: Path) -> dict[str, Any]:
    """Write the engine of a plan; see :func:`write_engine`."""
    rtl = folder / "rtl"
    rtl.mkdir(parents=True, exist_ok=True)
    texts = engine_rtl(plan)
    for name, text in texts.items():
        (rtl / name).write_text(text)
    report = engine_report(plan, reuse, [f"rtl/{name}" for name in texts])
    (folder / "accel.json").write_text(json.dumps(report, indent=2) + "\n")
    return report


def engine_report(plan: EnginePlan, reuse: int | None, files: list[str]) -> dict[str, Any]:
    """The content of ``accel.json``."""
    source, sink = plan.spec.input, plan.spec.output
    rom_bits = plan.words * plan.multipliers * plan.weight_bits
    return {
        "schema": SCHEMA,
        "name": plan.spec.name,
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
        "macs": {"no": plan.outputs, "ni": plan.inputs},
        "cycles": plan.cycles,
        "multiplications": plan.spec.multiplications,
        "rom_bits": rom_bits,
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
