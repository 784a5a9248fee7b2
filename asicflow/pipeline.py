"""Run the stages in order, skip what is current, record what was done.

Data flows one way: model -> hls -> soc -> flow -> signoff for the accelerator; for
the whole system firmware and sim come between soc and flow.  A stage is named by
its folder; its function is imported only when it has to run, so that a re-run
with nothing to do stays fast.
"""

from __future__ import annotations

import errno
import importlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from asicflow import __version__
from asicflow.config import Config
from asicflow.errors import StageError, UserError
from asicflow.pdk import load_pdk, missing_files
from asicflow.pdk.pads import chip_slot, need_pads
from asicflow.pdk.root import resolve
from asicflow.resources import resource
from asicflow.soc.plan import check_memories
from asicflow.workspace import STAGES, Workspace, sha256, sha256_text

log = logging.getLogger(__name__)

TITLES = {
    "model": "trained model to integer network",
    "hls": "integer network to accelerator RTL",
    "soc": "bus socket and constraints",
    "firmware": "boot ROM and programs",
    "sim": "the system boots and infers in simulation",
    "flow": "synthesis, place and route, timing",
    "signoff": "checks and report",
}


_PACKAGES = {"sim": "board"}
"""Packages of stages that are not named like them."""


_SOURCES = {"soc": ("ip", {"tb"}), "firmware": ("firmware", set()), "sim": ("ip", {"rtl"})}
"""Shipped folders that a stage builds from, and their parts that it does not: a change makes it run again."""


class Listener(Protocol):
    """What the pipeline tells while it works."""

    def begin(self, stage: str) -> None:
        """A stage starts."""

    def progress(self, stage: str, message: str) -> None:
        """A stage has something to say."""

    def skipped(self, stage: str) -> None:
        """A stage is current and was not run."""

    def done(self, stage: str, seconds: float) -> None:
        """A stage finished."""


@dataclass(frozen=True)
class Outcome:
    """What :func:`run` did: wall seconds per stage run, and the stages that were current."""

    ran: dict[str, float]
    skipped: list[str]


def check_inputs(config: Config) -> None:
    """Refuse a run whose files or PDK are missing, before anything is written.

    Raises
    ------
    UserError
        Names the missing file, the unknown PDK, library or supply.
    """
    model = config.model
    if model.file is None:
        raise UserError("no model given", where="model.file", hint="asicflow run --pdk sky130 --model model.h5")
    for key, path in (
        ("model.file", model.file),
        ("model.weights", model.weights),
        ("model.data", model.data),
    ):
        if path is not None and not path.is_file():
            raise UserError(f"file not found: {path}", where=key, hint="check the path")
    if config.top != "accel":
        check_memories(load_pdk(config.pdk.name, config.pdk.root or Path(".")), config.soc)
    _check_slot(config)
    if model.file.suffix == ".json" and model.weights is None:
        raise UserError(
            f"{model.file.name} holds only the architecture",
            where="model.weights",
            hint="give the .h5 with its weights: --weights FILE",
        )


def _check_slot(config: Config) -> None:
    """A chip needs a slot and the supply and engine that know pads; nothing else has one (UserError)."""
    if config.top != "chip":
        if config.layout.slot is not None:
            raise UserError(f"top {config.top} fills no slot", where="layout.slot", hint="give it with top chip only")
        return
    pdk = load_pdk(config.pdk.name, config.pdk.root or Path("."))
    slot = chip_slot(pdk, config.layout.slot)
    volts = pdk.library(config.pdk.library, config.pdk.supply).supply
    if not slot.frame and volts != need_pads(pdk).supply:
        raise UserError(
            f"the pads of {pdk.name} need {need_pads(pdk).supply:g} V, not {volts:g} V", where="pdk.supply",
            hint="leave out pdk.supply, or use top soc",
        )  # fmt: skip
    if config.layout.engine == "openroad":
        raise UserError("the engine openroad fills no slot", where="layout.engine", hint="use open, or top soc")
    for key in ("die_um", "aspect", "rings"):
        if getattr(config.layout, key) != type(config.layout).model_fields[key].default:
            raise UserError(f"the slot decides on layout.{key}", where=f"layout.{key}", hint="leave it out")


def bind_pdk(config: Config, flag: Path | None, progress: Callable[[str], None]) -> dict[str, str]:
    """Resolve the PDK root, check the library's files and return their hashes.

    Raises
    ------
    UserError
        If the PDK, library or supply is unknown, or a file is missing.
    """
    config.pdk.root = resolve(config, flag=flag, progress=progress)
    library = load_pdk(config.pdk.name, config.pdk.root).library(config.pdk.library, config.pdk.supply)
    missing = missing_files(library)
    if missing:
        raise UserError(
            f"{len(missing)} file(s) of the PDK are missing or are Git LFS pointers, first: {missing[0]}",
            where=f"PDK root {config.pdk.root}",
            hint="asicflow doctor lists every file; --pdk-root or ASICFLOW_PDK_ROOT names another folder",
        )
    return {f"pdk:{p.relative_to(config.pdk.root)}": sha256(p) for p in library.files()}


def run(
    config: Config,
    ws: Workspace,
    listener: Listener,
    *,
    pdk_root: Path | None = None,
    to: str | None = None,
    force: bool = False,
) -> Outcome:
    """Bring the run directory up to date.

    Parameters
    ----------
    config : Config
        The resolved configuration; ``pdk.root`` is filled in.
    ws : Workspace
        The run directory, locked by the caller.
    listener : Listener
        Told of every stage.
    pdk_root : Path, optional
        The PDK root from the command line; it wins over everything else.
    to : str, optional
        Last stage to run; default: all.
    force : bool
        Run every stage, even a current one.

    Raises
    ------
    AsicflowError
        From a stage; the stage is recorded as failed.
    """
    stages = STAGES[config.top]
    stages = stages[: stages.index(to) + 1 if to else None]
    pdk_hashes = bind_pdk(config, pdk_root, lambda message: listener.progress("pdk", message))
    ran: dict[str, float] = {}
    skipped: list[str] = []
    for stage in stages:
        inputs = _inputs(stage, config, ws, pdk_hashes)
        if not force and not ran and ws.inputs_current(stage, inputs):
            listener.skipped(stage)
            skipped.append(stage)
            continue
        listener.begin(stage)
        ran[stage] = _run_stage(stage, config, ws, listener, inputs)
        listener.done(stage, ran[stage])
    return Outcome(ran=ran, skipped=skipped)


def _run_stage(stage: str, config: Config, ws: Workspace, listener: Listener, inputs: dict[str, str]) -> float:
    log.info("stage %s begins", stage)
    function = getattr(importlib.import_module(f"asicflow.{_PACKAGES.get(stage, stage)}.stage"), f"run_{stage}")

    def progress(message: str) -> None:
        log.info("%s: %s", stage, message)
        listener.progress(stage, message)

    ws.clean(stage)
    ws.stage_dir(stage).mkdir(parents=True, exist_ok=True)
    try:
        return ws.run_stage(stage, inputs, lambda: function(config, ws, progress))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StageError(
                "the disk is full",
                where=str(error.filename or ws.root),
                hint="free some space and run the same command again: finished stages are kept",
            ) from error
        raise


def _inputs(stage: str, config: Config, ws: Workspace, pdk_hashes: dict[str, str]) -> dict[str, str]:
    """Everything that the outcome of a stage depends on, as name -> hash; of files the contents, not where they lie."""
    model = config.model
    sections = {
        "model": [model.model_dump_json(exclude={"file", "weights", "data"}), config.name],
        "hls": [str(model.reuse), config.hls.model_dump_json(), config.pdk.name, str(config.pdk.library)],
        "soc": [
            config.clock.model_dump_json(),
            config.top,
            config.pdk.name,
            str(config.pdk.library),
            config.soc.model_dump_json() if config.top != "accel" else "",
            str(config.layout.slot),
        ],
        "firmware": [],
        "sim": [],
        "flow": [
            config.pdk.model_dump_json(exclude={"root"}),
            config.layout.model_dump_json(),
            config.clock.model_dump_json(),
        ],
        "signoff": [config.signoff.model_dump_json(exclude={"drc_deck", "waivers"})],
    }
    found = {"asicflow": __version__, "config": sha256_text("|".join(sections[stage]))}
    named = {
        "model": {"model.file": model.file, "model.weights": model.weights, "model.data": model.data},
        "signoff": {"signoff.drc_deck": config.signoff.drc_deck, "signoff.waivers": config.signoff.waivers},
    }
    found |= ws.hash_files(named.get(stage, {}))
    if stage in _SOURCES:
        name, apart = _SOURCES[stage]
        folder = resource(name)
        files = sorted(p for p in folder.rglob("*") if p.is_file() and not {"__pycache__", *apart} & set(p.parts))
        found[name] = sha256_text("".join(f"{p.relative_to(folder)} {sha256(p)}\n" for p in files))
    if stage in ("flow", "signoff"):
        found |= pdk_hashes
    stages = STAGES[config.top]
    for earlier in stages[: stages.index(stage)]:
        record = ws.record(earlier)
        if record is not None:
            found |= record.outputs
    return found


def output_dir(config: Config, given: Path | None) -> Path:
    """Return the run directory: the one given, or ``build/<name>_<pdk>``."""
    return given if given is not None else Path("build") / f"{config.name}_{config.pdk.name}"
