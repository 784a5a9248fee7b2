"""Gates that read the RTL."""

from __future__ import annotations

import json
import re
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

from asicflow.flow.yosys import run_yosys
from asicflow.flow.yosys import version as yosys_version
from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import Gate
from asicflow.signoff.verdict import Finding, GateResult, Tool, verdict_of
from asicflow.simulate import verilator_version
from asicflow.soc.testbench import rtl_sources
from asicflow.workspace import write_atomically

_CHECK = re.compile(r"^Warning: (.*(?:loop|multiple|conflicting|undriven|no driver).*)$", re.MULTILINE)
_MESSAGE = re.compile(r"^%(Warning|Error)(?:-(\w+))?: (?:(\S+?):(\d+)(?::\d+)?: )?(.*)$", re.MULTILINE)


class LintGate(Gate):
    """Verilator with all warnings on, and slang, have nothing to say."""

    id = "rtl.lint"
    title = "RTL lint (Verilator, slang)"
    inputs = ("soc/soc.json",)

    def run(self, context: GateContext) -> GateResult:
        """Run both front ends on the files that the flow reads."""
        sources = rtl_sources(context.path("soc/soc.json").parent)
        version = verilator_version()
        verilator, complete = lint_verilator(sources, context.top)
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
            evidence=[log, *sources],
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
    told = [
        d
        for d in compilation.getAllDiagnostics()
        if driver.diagEngine.getSeverity(d.code, d.location) != ignored
    ]
    text = str(slang.DiagnosticEngine.reportAll(driver.sourceManager, told)) if told else ""
    lines = re.findall(r"^.*(?:error|warning): .*$", text, re.MULTILINE)
    if not parsed and not lines:
        lines = ["error: slang could not parse the files"]
    return lines, len(compilation.getDefinitions())


class StructureGate(Gate):
    """Yosys finds no latch, no combinational loop and no doubly driven net, and one clock."""

    id = "rtl.structure"
    title = "No latches, no combinational loops, one clock"
    inputs = ("soc/soc.json",)

    def run(self, context: GateContext) -> GateResult:
        """Elaborate the RTL and read what Yosys made of it."""
        sources = rtl_sources(context.path("soc/soc.json").parent)
        folder = context.out / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        log, dump = folder / "rtl.structure.log", folder / "rtl.structure.json"
        quoted = " ".join(f'"{path}"' for path in sources)
        run_yosys(
            f"read_verilog -sv {quoted}\nhierarchy -check -top {context.top}\nproc\nflatten\ncheck\n"
            f'opt_clean\nwrite_json "{dump}"\n',
            log,
        )
        cells = json.loads(dump.read_text())["modules"][context.top]["cells"]
        findings = [Finding(f"latch: {name}", "latch") for name, c in cells.items() if "latch" in c["type"]]
        findings += [Finding(text, "check") for text in _CHECK.findall(log.read_text())]
        flops = [c for c in cells.values() if "ff" in c["type"]]
        clocks = {tuple(c["connections"]["CLK"]) for c in flops if "CLK" in c["connections"]}
        if len(clocks) != 1 and flops:
            findings.append(Finding(f"{len(clocks)} different clock nets", "clock"))
        if not cells:
            findings.append(Finding("the design has no cells", "empty"))
        return GateResult(
            verdict_of(findings),
            f"{len(cells)} cells, {len(flops)} registers, {len(clocks)} clock, {len(findings)} problems",
            {"cells": len(cells), "register_groups": len(flops), "clocks": len(clocks)},
            findings=findings,
            evidence=[log, dump, *sources],
            tool=Tool("yosys", yosys_version()),
        )


def _finding(match: re.Match[str], context: GateContext) -> Finding:
    kind, rule, file, line, text = match.groups()
    place = f"{context.relative(Path(file))}:{line}: " if file else ""
    return Finding(f"{place}{text}", rule or kind.lower())
