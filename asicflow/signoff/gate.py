"""The base class of a gate, and how one gate is run without ever inventing a verdict."""

from __future__ import annotations

import logging
import time
import traceback
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from asicflow.errors import ToolMissing
from asicflow.signoff.context import GateContext
from asicflow.signoff.verdict import GateRecord, GateResult, UnverifiedError, Verdict

log = logging.getLogger(__name__)

GROUPS = (
    "model",
    "rtl",
    "equivalence",
    "timing",
    "layout",
    "lvs",
    "power",
    "firmware",
    "provenance",
    "shuttle",
)
"""Groups in the order of the report."""


LAYOUT_GROUPS = ("timing", "layout", "lvs", "power", "shuttle")
"""Groups that a layout made elsewhere is judged by."""


class Gate(ABC):
    """One sign-off check.

    Class attributes
    ----------------
    id : str
        ``group.name``, unique.
    title : str
        One line for the report.
    mandatory : bool
        True when tape-out needs PASS or WAIVED here.
    inputs : tuple of str
        Files that the gate reads, relative to the run directory; ``{top}`` stands for the top module.
        One of them missing makes the gate UNVERIFIED by the file's name.
    external : bool
        True when the gate waits for other programs; it then runs beside gates that work in this process.
    last : bool
        True when the gate judges the other gates' outcome.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    mandatory: ClassVar[bool] = True
    inputs: ClassVar[tuple[str, ...]] = ()
    external: ClassVar[bool] = False
    last: ClassVar[bool] = False

    @property
    def group(self) -> str:
        """The part of the id before the first dot."""
        return self.id.split(".", 1)[0]

    def not_applicable(self, context: GateContext) -> str:
        """Why the gate has no place in this run; empty when it has."""
        return ""

    def input_paths(self, context: GateContext) -> list[Path]:
        """The declared inputs as absolute paths."""
        return [context.path(name) for name in self.inputs]

    def input_evidence(self, context: GateContext) -> list[Path]:
        """The inputs as evidence; a gate whose input goes on changing gives a copy instead."""
        return self.input_paths(context)

    def build_folder(self, context: GateContext) -> Path:
        """The gate's own folder for what its tools need and leave; made when it is not there."""
        folder = context.out / "build" / self.id
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def log_file(self, context: GateContext, ending: str = "log") -> Path:
        """The gate's log, or another text of its, among the evidence; its folder exists."""
        path = context.out / "logs" / f"{self.id}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def of_layout(self) -> bool:
        """True when the gate has its place for a layout that asicflow did not make."""
        return self.group in LAYOUT_GROUPS

    @abstractmethod
    def run(self, context: GateContext) -> GateResult:
        """Read the artefacts and judge them.

        Raises
        ------
        UnverifiedError
            If something that is no declared input is absent (a PDK file, a tool's report).
        """


def run_gate(gate: Gate, context: GateContext) -> GateRecord | str:
    """Run one gate; the reason as a string when it does not apply.

    A missing input or tool gives UNVERIFIED with the way to close it; an exception inside the gate
    gives FAIL, because a checker that breaks has not checked.
    """
    start = time.monotonic()
    try:
        foreign = context.foreign_top and not gate.of_layout
        reason = "only a layout and its netlist were given" if foreign else gate.not_applicable(context)
        if reason:
            return reason
        result = _judge(gate, context)
    except Exception as error:
        log.exception("gate %s broke", gate.id)
        result = _broken(gate, context, error)
    record = GateRecord(gate.id, gate.group, gate.title, gate.mandatory, result)
    record.seconds = round(time.monotonic() - start, 3)
    return record


def _judge(gate: Gate, context: GateContext) -> GateResult:
    missing = [p for p in gate.input_paths(context) if not p.is_file()]
    if missing:
        names = [context.relative(p) for p in missing]
        return GateResult(
            Verdict.UNVERIFIED,
            f"missing: {', '.join(names)}",
            close="; ".join(sorted({context.how_to_get(name) for name in names})),
        )
    try:
        result = gate.run(context)
    except UnverifiedError as error:
        return GateResult(Verdict.UNVERIFIED, error.what, close=error.close)
    except ToolMissing as error:
        return GateResult(Verdict.UNVERIFIED, error.what, close=error.hint or "")
    result.evidence = [*gate.input_evidence(context), *result.evidence]
    return result


def _broken(gate: Gate, context: GateContext, error: Exception) -> GateResult:
    path = gate.log_file(context, "traceback.txt")
    path.write_text(traceback.format_exc())
    reason = str(error).splitlines()[0] if str(error) else ""
    return GateResult(Verdict.FAIL, f"the checker broke: {type(error).__name__}: {reason}", evidence=[path])
