"""``evidence.json``: every verdict with the hashes of the files behind it, and the exit codes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jsonschema

from asicflow import __version__
from asicflow.errors import ExitCode, UserError
from asicflow.resources import resource
from asicflow.signoff.context import GateContext
from asicflow.signoff.verdict import Finding, GateRecord, Tool, Verdict
from asicflow.workspace import now, sha256, write_atomically

EVIDENCE_SCHEMA = "asicflow.evidence/1"
MAX_FINDINGS = 200

Evidence = dict[str, Any]
"""The parsed ``evidence.json``."""


def build_evidence(
    context: GateContext, records: Sequence[GateRecord], left_out: Sequence[tuple[str, str, str]]
) -> Evidence:
    """Assemble the evidence of one run.

    Parameters
    ----------
    context : GateContext
        The judged run.
    records : sequence of GateRecord
        Gates that ran, in the order of the report.
    left_out : sequence of (id, title, reason)
        Gates that do not apply to this run.

    Raises
    ------
    jsonschema.ValidationError
        If a gate produced something that the schema forbids (a defect of the gate).
    """
    verdicts = Counter(record.result.verdict for record in records)
    hashes: dict[Path, str] = {}
    gates = [_gate(context, record, hashes) for record in records]
    evidence: Evidence = {
        "schema": EVIDENCE_SCHEMA,
        "design": context.config.name,
        "top": context.top,
        "pdk": context.config.pdk.name,
        "library": context.maybe_library.name if context.maybe_library else "",
        "asicflow": __version__,
        "created": now(),
        "seconds": round(sum(r.seconds for r in records), 3),
        "verdict": overall(gates).value,
        "counts": {v.value: verdicts.get(v, 0) for v in Verdict},
        "gates": gates,
        "not_applicable": [{"id": i, "title": t, "reason": r} for i, t, r in left_out],
        "tools": _tools(context, records),
    }
    validate(evidence)
    return evidence


def overall(gates: Sequence[dict[str, Any]]) -> Verdict:
    """FAIL on any FAIL, UNVERIFIED when a mandatory gate is, else PASS."""
    if any(g["verdict"] == Verdict.FAIL for g in gates):
        return Verdict.FAIL
    if not any(g["mandatory"] for g in gates):
        return Verdict.UNVERIFIED
    if any(g["mandatory"] and not Verdict(g["verdict"]).is_clean for g in gates):
        return Verdict.UNVERIFIED
    return Verdict.PASS


def report_exit_code(evidence: Evidence) -> ExitCode:
    """Exit code of ``asicflow report``: 0 ready, 1 on any FAIL, 3 when only UNVERIFIED stands in the way."""
    codes = {Verdict.FAIL: ExitCode.GATE_FAILED, Verdict.UNVERIFIED: ExitCode.UNVERIFIED}
    return codes.get(overall(evidence["gates"]), ExitCode.OK)


def run_exit_code(evidence: Evidence) -> ExitCode:
    """Exit code of ``asicflow run``: 0 unless a gate says FAIL."""
    failed = any(g["verdict"] == Verdict.FAIL for g in evidence["gates"])
    return ExitCode.GATE_FAILED if failed else ExitCode.OK


def unverified(evidence: Evidence) -> list[dict[str, Any]]:
    """The UNVERIFIED gates."""
    return [g for g in evidence["gates"] if g["verdict"] == Verdict.UNVERIFIED]


def validate(evidence: Evidence) -> None:
    """Check against the published schema; jsonschema.ValidationError names the first offence."""
    schema = json.loads(resource("signoff/evidence.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(evidence)


def write_evidence(path: Path, evidence: Evidence) -> None:
    """Write ``evidence.json`` in one step."""
    write_atomically(path, json.dumps(evidence, indent=1) + "\n")


def load_evidence(path: Path) -> Evidence:
    """Read ``evidence.json``.

    Parameters
    ----------
    path : Path
        The file, or the run directory that holds ``signoff/evidence.json``.

    Raises
    ------
    UserError
        If there is no such file or it does not follow the schema.
    """
    if path.is_dir():
        path = path / "signoff" / "evidence.json"
    try:
        data: Evidence = json.loads(path.read_text())
        validate(data)
    except OSError as error:
        raise UserError(
            "there is no sign-off evidence", where=str(path), hint="run `asicflow run` to the end first"
        ) from error
    except (json.JSONDecodeError, jsonschema.ValidationError) as error:
        reason = error.message if isinstance(error, jsonschema.ValidationError) else str(error)
        raise UserError(
            f"the sign-off evidence is damaged: {reason[:200]}",
            where=str(path),
            hint="remove the signoff folder and run `asicflow run` again",
        ) from error
    return data


def _gate(context: GateContext, record: GateRecord, hashes: dict[Path, str]) -> dict[str, Any]:
    result = record.result
    files = list(dict.fromkeys(p for p in result.evidence if p.is_file()))
    for path in files:
        hashes.setdefault(path, sha256(path))
    gate: dict[str, Any] = {
        "id": record.id,
        "group": record.group,
        "title": record.title,
        "mandatory": record.mandatory,
        "verdict": result.verdict.value,
        "summary": result.summary,
        "seconds": record.seconds,
        "figures": result.figures,
        "tables": result.tables,
        "evidence": [{"path": context.relative(p), "sha256": hashes[p]} for p in files],
        "tool": asdict(result.tool) if result.tool else None,
        "waiver": asdict(record.waiver) if record.waiver else None,
        "findings_total": len(result.findings),
        "findings": [_finding(f) for f in result.findings[:MAX_FINDINGS]],
    }
    if result.close:
        gate["close"] = result.close
    return gate


def _finding(finding: Finding) -> dict[str, Any]:
    data = asdict(finding)
    for key in ("x_um", "y_um"):
        if data[key] is not None:
            data[key] = round(data[key], 4)
    return data


def _tools(context: GateContext, records: Sequence[GateRecord]) -> dict[str, str]:
    tools = dict(context.manifest.get("tools", {}))
    used: list[Tool] = [r.result.tool for r in records if r.result.tool]
    tools.update({t.name: t.version for t in used})
    return {k: str(v) for k, v in sorted(tools.items())}
