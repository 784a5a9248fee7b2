"""Run a SiliconCompiler project quietly: its log to asicflow's log, its events to the progress line."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from siliconcompiler import ASIC, NodeStatus
from siliconcompiler.flowgraph import RuntimeFlowgraph
from siliconcompiler.scheduler import Scheduler
from siliconcompiler.scheduler.listener import RunListener

from asicflow.errors import AsicflowError, ExitCode, StageError
from asicflow.flow.task import ERROR_FILE, read_error

log = logging.getLogger(__name__)


class _Forward(logging.Handler):
    """Pass SiliconCompiler's records to asicflow's logger, and marked ones to the progress line."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        super().__init__()
        self.progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        """Forward one record."""
        log.log(min(record.levelno, logging.ERROR), "%s", record.getMessage())
        text = getattr(record, "asicflow_progress", None)
        if text is not None:
            self.progress(str(text))


class _Events(RunListener):  # type: ignore[misc]
    """Report the begin and the end of each node of one project."""

    def __init__(self, project: ASIC, progress: Callable[[str], None]) -> None:
        self.project = project
        self.progress = progress
        self.started: dict[str, float] = {}

    def node_started(self, project: ASIC, step: str, index: str) -> None:
        """Remember when the node began."""
        self.started[step] = time.monotonic()
        self.progress(f"{step} ...")

    def node_finished(self, project: ASIC, step: str, index: str) -> None:
        """Report how the node ended."""
        status = project.get("record", "status", step=step, index=index)
        seconds = time.monotonic() - self.started.get(step, time.monotonic())
        word = "done" if NodeStatus.is_success(status) else status
        self.progress(f"{step} {word} ({seconds:.1f} s)")


def run_project(project: ASIC, progress: Callable[[str], None], build: Path) -> ASIC:
    """Run the project; returns the finished job with its records and metrics.

    Raises
    ------
    StageError
        If a node fails: with what the node's task reported, or else the last
        meaningful lines of the node's log.
    KeyboardInterrupt
        If the user stops the run; a later run goes on with the node that was stopped.
    """
    nodes = RuntimeFlowgraph.from_project(project).get_nodes()
    events, forward = _Events(project, progress), _Forward(progress)
    logger = project.logger
    project._logger_console.addFilter(lambda record: False)
    logger.propagate = False
    logger.addHandler(forward)
    Scheduler.add_listener(events)
    try:
        finished = project.run()
    except SystemExit as stop:  # SiliconCompiler's answer to an interrupt, with code 0
        raise KeyboardInterrupt from stop
    except RuntimeError as error:
        raise explain(project, build, error) from error
    finally:
        Scheduler.remove_listener(events)
        logger.removeHandler(forward)
    if not _succeeded(finished, nodes):
        raise KeyboardInterrupt  # the only way SiliconCompiler returns from an unfinished run
    return finished


def _succeeded(job: ASIC, nodes: Iterable[tuple[str, str]]) -> bool:
    """True when every node ended well or was skipped on purpose."""
    statuses = [job.get("record", "status", step=step, index=index) for step, index in nodes]
    return all(NodeStatus.is_success(status) or status == NodeStatus.SKIPPED for status in statuses)


def explain(project: ASIC, build: Path, error: RuntimeError) -> AsicflowError:
    """Return the error of the first node that failed."""
    job = build / project.name / project.option.get_jobname()
    for step, index in project.get_flow().get_nodes():
        if project.get("record", "status", step=step, index=index) != NodeStatus.ERROR:
            continue
        node = job / step / index
        report = read_error(node / ERROR_FILE)
        if report is not None:
            return _as_reported(step, report)
        return StageError(f"step {step} failed: {meaningful_lines(node, step)}", where=str(node))
    return StageError(f"the flow could not start: {error}", where=str(job / "job.log"), hint="asicflow doctor")


def _as_reported(step: str, report: dict[str, Any]) -> AsicflowError:
    found = StageError(f"step {step}: {report['what']}", where=report["where"], hint=report["hint"])
    found.exit_code = ExitCode(report["exit_code"])
    return found


def meaningful_lines(node: Path, step: str, count: int = 3) -> str:
    """Return the last lines of a node's logs that speak of an error, joined by bars."""
    lines: list[str] = []
    for name in (f"{step}.log", f"sc_{step}_{node.name}.log"):
        path = node / name
        if path.is_file():
            lines += [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return " | ".join((errors or lines)[-count:]) or "no log was written"


def step_figures(job: ASIC) -> dict[str, dict[str, Any]]:
    """Return what SiliconCompiler recorded per step: tool, version, seconds, metrics with units."""
    found: dict[str, dict[str, Any]] = {}
    flow = job.get_flow()
    for step, index in flow.get_nodes():
        figures = {}
        for name in job.getkeys("metric"):
            value = job.get("metric", name, step=step, index=index)
            if value is not None:
                figures[name] = {"value": value, "unit": job.get("metric", name, field="unit")}
        found[step] = {
            "tool": flow.get(step, index, "tool"),
            "task": flow.get(step, index, "task"),
            "version": job.get("record", "toolversion", step=step, index=index),
            "metrics": figures,
        }
    return found
