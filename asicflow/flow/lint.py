"""Lint: SiliconCompiler's Verilator step, with warnings counted instead of fatal."""

from __future__ import annotations

from siliconcompiler.tools.verilator.lint import LintTask


class VerilatorLint(LintTask):  # type: ignore[misc]
    """Run ``verilator --lint-only`` on the elaborated design.

    Errors stop the flow.  Warnings become the metric ``warnings``: Verilator
    itself would end with an error code on the first one.
    """

    def runtime_options(self) -> list[str]:
        """Stock options, plus one that keeps warnings from ending the run."""
        return [*super().runtime_options(), "-Wno-fatal"]
