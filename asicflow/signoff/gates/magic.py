"""Magic's design-rule check with the PDK's technology, where a Magic is installed that is new enough for it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import Gate
from asicflow.signoff.verdict import Finding, GateResult, Rows, Tool, UnverifiedError, verdict_of

FROM_SOURCE = "build a current Magic from its source (distributions still carry 8.3.105) and put it on PATH"

SCRIPT = """\
crashbackups stop
drc off
gds read {gds}
load {top}
select top cell
drc euclidean on
drc style drc(full)
drc check
drc catchup
set report [open {report} w]
puts $report "scale [cif scale output]"
puts $report "box [box values]"
puts $report "cells [llength [cellname list allcells]]"
foreach {{rule places}} [drc listall why] {{
  puts $report "rule $rule"
  foreach place $places {{ puts $report "at $place" }}
}}
puts $report "end"
close $report
quit -noprompt
"""
"""``drc check`` alone only marks areas: without ``drc catchup`` the list is empty whatever the layout."""


class MagicDrcGate(Gate):
    """Reads the list that Magic wrote, not the exit status."""

    id = "layout.magic-drc"
    title = "Magic DRC with the PDK technology"
    inputs = ("layout/{top}.gds",)
    external = True

    def run(self, context: GateContext) -> GateResult:
        """PASS only when Magic loaded the technology and the layout, wrote its whole list, and the list is empty."""
        tech = context.pdk.magic_tech if context.pdk else None
        if tech is None:
            raise UnverifiedError("the PDK file names no Magic technology", "add magic_tech to the PDK file")
        if not tech.is_file():
            raise UnverifiedError(f"the PDK root has no {tech.name}", "complete the PDK root")
        program = shutil.which("magic")
        if program is None:
            raise UnverifiedError("Magic is not installed", FROM_SOURCE)
        version = _output([program, "--version"]).strip()
        needed = re.search(r"^\s*requires\s+magic-(\S+)", tech.read_text(), re.MULTILINE)
        if needed and _numbers(version) < _numbers(needed[1]):
            raise UnverifiedError(
                f"Magic is {version or 'of unknown version'}, {tech.name} needs {needed[1]}", FROM_SOURCE
            )
        folder = self.build_folder(context)
        report, log = self.log_file(context, "report"), self.log_file(context)
        report.unlink(missing_ok=True)
        script = folder / "drc.tcl"
        gds = context.path(self.inputs[0]).resolve()
        script.write_text(SCRIPT.format(gds=_braced(gds), top=context.top, report=_braced(report.resolve())))
        command = [program, "-dnull", "-noconsole", "-rcfile", "/dev/null", "-T", str(tech), str(script.resolve())]
        log.write_text(_output(command, folder))
        tool = Tool("magic", version)
        if not report.is_file():
            finding = Finding("Magic wrote no list of violations", "report")
            return GateResult(verdict_of([finding]), finding.text, findings=[finding], evidence=[tech, log], tool=tool)
        rows, findings = read_list(report.read_text())
        return GateResult(
            verdict_of(findings),
            f"{sum(int(r['violations'] or 0) for r in rows)} violations by the rules of {tech.name}",
            {"violations": len(findings), "rules_violated": len(rows)},
            {"rules": rows},
            findings,
            [tech, report, log],
            tool,
        )


def read_list(text: str) -> tuple[Rows, list[Finding]]:
    """Violated rules and places of the list that :data:`SCRIPT` writes.

    A list that breaks off, or one of a layout without area, is itself a finding.
    """
    rows: Rows = []
    findings: list[Finding] = []
    lines = text.splitlines()
    scale, box = 0.0, [0, 0, 0, 0]
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "scale":
            scale = float(rest)
        elif word == "box":
            box = [int(n) for n in rest.split()]
        elif word == "rule":
            rows.append({"rule": _name(rest), "text": rest, "violations": 0})
        elif word == "at":
            x1, y1, x2, y2 = (int(n) * scale for n in rest.split())
            row = rows[-1]
            row["violations"] = int(row["violations"] or 0) + 1
            size = max(x2 - x1, y2 - y1)
            middle = round((x1 + x2) / 2, 3), round((y1 + y2) / 2, 3)
            findings.append(Finding(str(row["text"]), str(row["rule"]), *middle, size_um=round(size, 3)))
    if not lines or lines[-1] != "end" or scale <= 0:
        findings.append(Finding("Magic's list of violations breaks off", "report"))
    if box[0] >= box[2] or box[1] >= box[3]:
        findings.append(Finding("Magic saw an empty layout", "empty"))
    return rows, findings


def _name(text: str) -> str:
    """The rule's name, which the technology writes in brackets at the end."""
    found = re.search(r"\(([^()]+)\)$", text)
    return found[1] if found else text


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version))


def _braced(path: Path) -> str:
    """A path as one word of Tcl."""
    return "{" + str(path) + "}"


def _output(command: list[str], folder: Path | None = None) -> str:
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False,
    )  # fmt: skip
    return done.stdout
