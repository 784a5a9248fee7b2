"""Run all gates on one run directory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import Gate, run_gate
from asicflow.signoff.pictures import picture_findings
from asicflow.signoff.verdict import GateRecord, Verdict

log = logging.getLogger(__name__)

LeftOut = tuple[str, str, str]
"""(id, title, reason) of a gate that does not apply."""


def run_gates(
    context: GateContext, gates: Sequence[Gate], progress: Callable[[str], None] = lambda text: None
) -> tuple[list[GateRecord], list[LeftOut]]:
    """Run the gates in order; return their records and those that do not apply, with the reason."""
    context.out.mkdir(parents=True, exist_ok=True)
    records: list[GateRecord] = []
    left_out: list[LeftOut] = []
    for gate in gates:
        progress(gate.title)
        record = run_gate(gate, context)
        if isinstance(record, str):
            left_out.append((gate.id, gate.title, record))
            continue
        if record.result.verdict is Verdict.FAIL:
            picture_findings(context, record)
        log.info("%s %s: %s", record.id, record.result.verdict, record.result.summary)
        records.append(record)
    return records, left_out
