"""Lint: SiliconCompiler's Verilator step, with warnings counted instead of fatal."""

from __future__ import annotations

from pathlib import Path

from siliconcompiler.tools.verilator.lint import LintTask


class VerilatorLint(LintTask):  # type: ignore[misc]
    """Run ``verilator --lint-only`` on the elaborated design.

    Errors stop the flow.  Warnings become the metric ``warnings``: Verilator
    itself would end with an error code on the first one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.add_parameter("boxes", "file", "Verilog modules of hard macros")

    def set_boxes(self, path: Path) -> None:
        """Name the file with the hard macros: Verilator wants to know modules of generate branches not taken, too."""
        self.set("var", "boxes", str(path))

    def runtime_options(self) -> list[str]:
        """Stock options, plus one that keeps warnings from ending the run, and the macros."""
        boxes = self.find_files("var", "boxes")
        return [*super().runtime_options(), "-Wno-fatal", *(["-v", str(boxes)] if boxes else [])]
