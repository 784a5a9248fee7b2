"""Lint of the RTL."""

from __future__ import annotations

import re
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

from asicflow.resources import resource
from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import Gate
from asicflow.signoff.verdict import Finding, GateResult, Tool, verdict_of
from asicflow.simulate import verilator_version
from asicflow.workspace import write_atomically

_MESSAGE = re.compile(r"^%(Warning|Error)(?:-(\w+))?: (?:(\S+?):(\d+)(?::\d+)?: )?(.*)$", re.MULTILINE)


class LintGate(Gate):
    """Verilator with all warnings on, and slang, have nothing to say."""

    id = "rtl.lint"
    title = "RTL lint (Verilator, slang)"
    inputs = ("soc/soc.json",)

    def run(self, context: GateContext) -> GateResult:
        """Run both front ends on the files that the flow reads."""
        sources = context.rtl
        version = verilator_version()
        waivers = [] if context.top == "accel" else [resource("ip/soc/lint.vlt")]
        verilator, complete = lint_verilator([*waivers, *sources], context.top)
        slang, units = lint_slang(sources, context.top)
        log = context.out / "logs" / "rtl.lint.log"
        write_atomically(log, f"# verilator {version}\n{verilator}\n# slang\n" + "\n".join(slang) + "\n")
        findings = [_finding(m, context) for m in _MESSAGE.finditer(verilator)]
        findings += [Finding(line, "slang") for line in slang]
        if not complete:
            findings.append(Finding("Verilator did not finish the design", "verilator"))
        if units == 0:
            findings.append(Finding("slang elaborated no module", "slang"))
        return GateResult(
            verdict_of(findings),
            f"{len(sources)} files, {units} modules, {len(findings)} messages",
            {"files": len(sources), "modules": units, "messages": len(findings)},
            findings=findings,
            evidence=[log, *waivers, *sources],
            tool=Tool("verilator", version),
        )


def lint_verilator(sources: list[Path], top: str) -> tuple[str, bool]:
    """Messages of ``verilator --lint-only -Wall``, and whether it read the design to the end."""
    command = ["verilator", "--lint-only", "-Wall", "-Wno-fatal", "--top-module", top, *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    text = done.stdout + done.stderr
    return text.strip(), done.returncode == 0 and "%Error" not in text


def lint_slang(sources: list[Path], top: str) -> tuple[list[str], int]:
    """Errors and default warnings of slang, one line each, and the number of modules it knows."""
    slang: Any = import_module("pyslang")
    driver = import_module("pyslang.driver").Driver()
    driver.addStandardArgs()
    driver.parseCommandLine(f"slang --top {top} {' '.join(map(str, sources))}")
    driver.processOptions()
    parsed = driver.parseAllSources()
    compilation = driver.createCompilation()
    ignored = slang.DiagnosticSeverity.Ignored
    told = [d for d in compilation.getAllDiagnostics() if driver.diagEngine.getSeverity(d.code, d.location) != ignored]
    text = str(slang.DiagnosticEngine.reportAll(driver.sourceManager, told)) if told else ""
    lines = re.findall(r"^.*(?:error|warning): .*$", text, re.MULTILINE)
    if not parsed and not lines:
        lines = ["error: slang could not parse the files"]
    return lines, len(compilation.getDefinitions())


def _finding(match: re.Match[str], context: GateContext) -> Finding:
    kind, rule, file, line, text = match.groups()
    place = f"{context.relative(Path(file))}:{line}: " if file else ""
    return Finding(f"{place}{text}", rule or kind.lower())
