"""Base class of asicflow's own SiliconCompiler tasks, which run inside Python."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from siliconcompiler.asic import ASICTask

from asicflow import __version__
from asicflow.errors import AsicflowError
from asicflow.flow.settings import FlowSettings

ERROR_FILE = "error.json"


class FlowTask(ASICTask, ABC):  # type: ignore[misc]
    """A task that reads the flow settings and reports errors as a file.

    A subclass declares its files in :meth:`declare` and works in :meth:`execute`,
    in the node's directory: inputs are in ``inputs/``, results go to ``outputs/``
    and ``reports/``.
    """

    TOOL = "asicflow"

    def __init__(self) -> None:
        super().__init__()
        self.add_parameter("settings", "file", "settings of the flow (JSON)")

    def tool(self) -> str:
        """All in-process tasks belong to the tool asicflow."""
        return self.TOOL

    def get_exe_version(self, workdir: str | None = None) -> str:
        """Version of the package: there is no executable."""
        return __version__

    def setup(self) -> None:
        """Declare what the node reads and writes."""
        super().setup()
        self.set_threads(1)
        self.add_required_key("var", "settings")
        self.declare()

    @abstractmethod
    def declare(self) -> None:
        """Add the task's own inputs, outputs and required keys."""

    @abstractmethod
    def execute(self, settings: FlowSettings) -> None:
        """Do the work; raises AsicflowError when it cannot be done."""

    def run(self) -> int:
        """Run the task; an error that a user can act on is kept in ``error.json``."""
        Path("reports").mkdir(exist_ok=True)
        try:
            self.execute(FlowSettings.load(Path(self.find_files("var", "settings"))))
        except AsicflowError as error:
            write_error(Path(ERROR_FILE), error)
            self.logger.error(str(error))
            return 1
        return 0

    def progress(self, text: str) -> None:
        """Tell the user what is being done."""
        self.logger.info(text, extra={"asicflow_progress": text})

    def record(self, report: Path, metrics: Mapping[str, tuple[float | None, str | None]]) -> None:
        """Record metrics as (value, unit); a value of None is left out."""
        for name, (value, unit) in metrics.items():
            if value is not None:
                self.record_metric(name, value, source_file=str(report), source_unit=unit)


def write_error(path: Path, error: AsicflowError) -> None:
    """Keep an error for the process that started the flow."""
    data = {
        "type": type(error).__name__,
        "what": error.what,
        "where": error.where,
        "hint": error.hint,
        "exit_code": int(error.exit_code),
    }
    path.write_text(json.dumps(data, indent=2) + "\n")


def read_error(path: Path) -> dict[str, Any] | None:
    """Return the error that a task kept, or None."""
    return dict(json.loads(path.read_text())) if path.is_file() else None
