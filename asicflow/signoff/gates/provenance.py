"""Gates on where everything comes from: hashes, tools, PDK, command line, licences."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, ClassVar

from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import Gate
from asicflow.signoff.verdict import Finding, GateResult, Rows, UnverifiedError, Verdict, verdict_of
from asicflow.workspace import sha256, write_atomically

MANIFEST = "manifest.json"
LFS = b"version https://git-lfs"
GDS_HEADER = bytes.fromhex("00060002")
FREE_LICENCES = (
    "Apache-2.0",
    "MIT",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "CERN-OHL-P-2.0",
    "SHL-0.51",
    "Apache-2.0 WITH SHL-2.1",
    "CC0-1.0",
    "0BSD",
    "Unlicense",
)

TOOLS = (("hls4ml",), ("siliconcompiler",), ("yosys", "pyosys"), ("klayout",), ("sta",), ("verilator",))
"""Tools whose version a review asks for; alternatives together."""

_SPDX = re.compile(r"SPDX-License-Identifier:\s*([^\n*]+)")
_OWNED = re.compile(r"\bARM (?:Ltd|Limited)\b|\bproprietary\b|\bconfidential\b|\ball rights reserved\b", re.IGNORECASE)


class ManifestGate(Gate):
    """Reads the manifest, of which a copy is kept: the run goes on writing the original."""

    inputs: ClassVar[tuple[str, ...]] = (MANIFEST,)

    def input_evidence(self, context: GateContext) -> list[Path]:
        """The manifest as it was judged, and the other inputs."""
        copy = context.out / "manifest.json"
        write_atomically(copy, json.dumps(context.manifest, indent=1) + "\n")
        others = [p for p in self.input_paths(context) if p.name != MANIFEST]
        return [copy, *others]


class HashesGate(ManifestGate):
    """Every artefact is the one that its stage wrote."""

    id = "provenance.hashes"
    title = "Artefacts equal the manifest"

    def run(self, context: GateContext) -> GateResult:
        """Hash every file that the finished stages recorded."""
        stages = {n: s for n, s in context.manifest.get("stages", {}).items() if n != "signoff"}
        if not stages:
            raise UnverifiedError("the manifest records no stage", "run `asicflow run`, which records every stage")
        findings, rows = [], []
        for name, stage in stages.items():
            if stage.get("status") != "done":
                findings.append(Finding(f"stage {name} is {stage.get('status')}, not done", "stage"))
            outputs = stage.get("outputs", {})
            rows.append({"stage": name, "files": len(outputs), "finished": stage.get("finished", "")})
            if not outputs:
                findings.append(Finding(f"stage {name} recorded no file", "stage"))
            findings += [f for n, d in outputs.items() for f in _check(context.root / n, n, d)]
        total = sum(int(r["files"] or 0) for r in rows)
        return GateResult(
            verdict_of(findings),
            f"{total} files of {len(rows)} stages, {len(findings)} differ",
            {"files": total, "stages": len(rows)},
            {"stages": rows},
            findings,
        )


def _check(path: Path, name: str, digest: str) -> list[Finding]:
    if not path.is_file():
        return [Finding(f"{name} is gone", "missing")]
    return [] if sha256(path) == digest else [Finding(f"{name} is not the file that its stage wrote", "changed")]


class ToolsGate(ManifestGate):
    """The version of every tool that makes or judges the layout is on record."""

    id = "provenance.tools"
    title = "Tool versions on record"

    def run(self, context: GateContext) -> GateResult:
        """Demand a version of each tool of the flow; the others are listed."""
        tools: dict[str, Any] = context.manifest.get("tools", {})
        if not tools:
            raise UnverifiedError("the manifest names no tool", "run `asicflow run`, which records the tools")
        findings = []
        for names in TOOLS:
            if not any(re.search(r"\d", str(tools.get(n, ""))) for n in names):
                findings.append(Finding(f"no version of {' or '.join(names)}", "version"))
        rows: Rows = [{"tool": n, "version": str(v)} for n, v in tools.items()]
        text = f"{len(TOOLS) - len(findings)} of {len(TOOLS)} tools of the flow, {len(tools)} in all"
        return GateResult(verdict_of(findings), text, {"tools": len(tools)}, {"tools": rows}, findings)


class PdkGate(ManifestGate):
    """The PDK files are the ones that the layout was made with."""

    id = "provenance.pdk"
    title = "PDK files equal those of the layout"

    def run(self, context: GateContext) -> GateResult:
        """Hash the PDK files of the manifest again."""
        stage = context.manifest.get("stages", {}).get("flow", {})
        wanted = {n[4:]: d for n, d in stage.get("inputs", {}).items() if n.startswith("pdk:")}
        if not wanted or context.pdk is None:
            raise UnverifiedError("no PDK file is on record", "run `asicflow run` with the PDK root set")
        findings = [f for n, d in wanted.items() for f in _check(context.pdk.root / n, n, d)]
        rows: Rows = [{"file": n, "sha256": d} for n, d in wanted.items()]
        return GateResult(
            verdict_of(findings),
            f"{len(wanted)} PDK files of {context.pdk.title}",
            {"files": len(wanted)},
            {"files": rows},
            findings,
        )


class RunGate(ManifestGate):
    """Command line, seed and configuration are on record and unchanged."""

    id = "provenance.run"
    title = "Command line, seed and configuration on record"
    inputs = (MANIFEST, "asicflow.yaml")

    def run(self, context: GateContext) -> GateResult:
        """Read the head of the manifest and hash the configuration."""
        head = context.manifest
        findings = [
            Finding(f"the manifest states no {key}", "missing")
            for key in ("asicflow", "command", "seed", "config_sha256", "started")
            if head.get(key) is None
        ]
        if head.get("config_sha256") not in (None, sha256(context.root / "asicflow.yaml")):
            findings.append(Finding("asicflow.yaml is not the configuration that was run", "changed"))
        figures = {
            "command": " ".join(map(str, head.get("command", []))),
            "seed": head.get("seed"),
            "asicflow": head.get("asicflow"),
            "started": head.get("started"),
        }
        return GateResult(
            verdict_of(findings),
            f"asicflow {head.get('asicflow')}, seed {head.get('seed')}",
            figures,
            findings=findings,
        )


class LfsGate(Gate):
    """No artefact is a Git LFS pointer, and the GDS is a GDS."""

    id = "provenance.lfs"
    title = "No Git LFS pointer, GDS is a stream file"
    of_layout = True
    inputs = ("layout/{top}.gds",)

    def run(self, context: GateContext) -> GateResult:
        """Look at the first bytes of every file of the layout, and of the library's."""
        files = sorted(p for p in context.path("layout/{top}.gds").parent.glob("*") if p.is_file())
        files += [p for p in context.library.files() if p.is_file()]
        findings = []
        for path in files:
            with path.open("rb") as handle:
                if handle.read(len(LFS)) == LFS:
                    findings.append(Finding(f"{context.relative(path)} is a Git LFS pointer", "lfs"))
        gds = context.path("layout/{top}.gds")
        with gds.open("rb") as handle:
            head = handle.read(4)
        if head != GDS_HEADER:
            findings.append(Finding(f"{context.relative(gds)} does not begin like a GDS stream", "header"))
        return GateResult(
            verdict_of(findings),
            f"{len(files)} files looked at, GDS of {gds.stat().st_size:,} bytes",
            {"files": len(files), "gds_bytes": gds.stat().st_size},
            findings=findings,
        )


class LicencesGate(Gate):
    """Every RTL file says its licence, and none is under an owner's."""

    id = "provenance.licences"
    title = "Licence scan of the RTL"
    inputs = ("soc/soc.json",)

    def run(self, context: GateContext) -> GateResult:
        """Read the SPDX line of every RTL file that goes into the chip."""
        soc = context.json("soc/soc.json")
        files = [context.root / "soc" / name for name in soc["files"]]
        findings: list[Finding] = []
        rows: Rows = []
        for path in files:
            if not path.is_file():
                findings.append(Finding(f"{context.relative(path)} is missing", "missing"))
                continue
            text = path.read_text(errors="replace")
            found = _SPDX.search(text)
            licence = found.group(1).strip() if found else ""
            rows.append({"file": context.relative(path), "licence": licence or "none stated"})
            if licence not in FREE_LICENCES:
                what = f"licence {licence}" if licence else "no SPDX licence line"
                findings.append(Finding(f"{context.relative(path)}: {what}", "licence"))
            findings += [
                Finding(f"{context.relative(path)}: says '{m.group()}'", "owned") for m in _OWNED.finditer(text)
            ]
        verdict = verdict_of(findings) if rows else Verdict.FAIL
        names = ", ".join(sorted({str(r["licence"]) for r in rows}))
        return GateResult(
            verdict,
            f"{len(rows)} files under {names or 'nothing'}",
            {"files": len(rows)},
            {"files": rows},
            findings,
            [p for p in files if p.is_file()],
        )


class WaiversGate(Gate):
    """Waivers are in force, used, and no broader than they say."""

    id = "provenance.waivers"
    title = "Waivers in force, used and bounded"
    of_layout = True
    last = True

    def not_applicable(self, context: GateContext) -> str:
        """Without a file there is nothing to judge."""
        return "" if context.waivers else "the configuration names no waivers"

    def run(self, context: GateContext) -> GateResult:
        """Judge the waivers after all other gates."""
        waivers = context.waivers
        assert waivers is not None
        findings = waivers.problems()
        rows: Rows = [
            {"gate": e.gate, "rule": e.rule, "owner": e.owner, "expires": e.expires.isoformat(),
             "covers": waivers.use[i], "most": e.most, "reason": e.reason}
            for i, e in enumerate(waivers.entries)
        ]  # fmt: skip
        return GateResult(
            verdict_of(findings),
            f"{len(waivers.entries)} waivers, {sum(waivers.use.values())} findings covered",
            {"waivers": len(waivers.entries), "problems": len(findings)},
            {"waivers": rows},
            findings,
            [waivers.path],
        )
