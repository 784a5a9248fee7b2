"""One SiliconCompiler job from RTL to timing, and the copy of its results to ``layout/``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from asicflow.flow.settings import FlowSettings
from asicflow.pdk.config import Library, Pdk

FLOW_SCHEMA = "asicflow.flow/1"


@dataclass(frozen=True)
class Attempt:
    """A finished run: where its nodes are, how it mapped, its timing and its figures per step."""

    folder: Path
    strategy: str
    timing: dict[str, Any]
    steps: dict[str, dict[str, Any]]

    @property
    def setup_slack_ns(self) -> float:
        """Worst setup slack of all corners."""
        return float(self.timing["worst_setup_slack_ns"])

    @property
    def hold_slack_ns(self) -> float:
        """Worst hold slack of all corners."""
        return float(self.timing["worst_hold_slack_ns"])

    @property
    def utilization(self) -> float | None:
        """The utilisation at which wires found their way; None where the engine does not lower it by itself."""
        path = self.folder / "place_route" / "0" / "outputs" / "layout.json"
        if not path.is_file():
            return None
        found = json.loads(path.read_text()).get("asked_utilization")
        return None if found is None else float(found)


@dataclass(frozen=True)
class Job:
    """What is laid out, with which engine and process, and where SiliconCompiler builds it."""

    settings: FlowSettings
    files: list[Path]
    build: Path
    engine: str
    pdk: Pdk
    library: Library
    suffix: str = ""

    def with_hold_margin(self, margin_ns: float) -> Job:
        """Return the same job with another slack for place and route's hold repair.

        It is built beside the first one, so either result can be taken.
        """
        settings = self.settings.model_copy(update={"hold_margin_ns": margin_ns})
        return replace(self, settings=settings, suffix="_hold")

    def with_utilization(self, utilization: float | None) -> Job:
        """Return the same job at the utilisation that an earlier attempt ended with; None changes nothing."""
        if utilization is None:
            return self
        return replace(self, settings=self.settings.model_copy(update={"utilization": utilization}))

    def run(self, strategy: str, progress: Callable[[str], None]) -> Attempt:
        """Run the flow; a step whose inputs have not changed since the last run is skipped.

        Raises
        ------
        StageError
            If a step fails.
        """
        from asicflow.flow.project import make_project
        from asicflow.flow.runner import run_project, step_figures

        name = strategy + self.suffix
        project = make_project(
            self.settings, self.files, self.build, self.engine, self.pdk, self.library, strategy, name
        )
        finished = run_project(project, progress, self.build)
        folder = self.build / self.settings.top / name
        timing = json.loads((folder / "timing" / "0" / "outputs" / "timing.json").read_text())
        return Attempt(folder, strategy, timing, step_figures(finished))


def publish(attempt: Attempt, job: Job, layout: Path) -> None:
    """Copy the results of an attempt out of SiliconCompiler's tree into ``layout/``.

    ``timing.json`` names the reports relative to ``layout/``; ``flow.json`` holds the
    figures of each step.
    """
    outputs = sorted((attempt.folder / "finish" / "0" / "outputs").iterdir())
    copies = {path: layout / path.name for path in outputs if not path.name.endswith(".pkg.json")}
    timing = json.loads(json.dumps(attempt.timing))
    for corner, entry in timing["corners"].items():
        for kind, report in entry["reports"].items():
            target = layout / "reports" / f"{kind}_{corner}.rpt"
            copies[Path(report)] = target
            entry["reports"][kind] = str(target.relative_to(layout))
    (layout / "reports").mkdir(parents=True, exist_ok=True)
    for source, target in copies.items():
        shutil.copyfile(source, target)
    figures = {
        "schema": FLOW_SCHEMA,
        "engine": job.engine,
        "library": job.library.name,
        "strategy": attempt.strategy,
        "steps": attempt.steps,
    }
    _write(layout / "flow.json", figures)
    _write(layout / "timing.json", timing)


def _write(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2) + "\n")
