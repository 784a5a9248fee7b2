"""Run all gates on one run directory."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import Gate, run_gate
from asicflow.signoff.pictures import picture_findings
from asicflow.signoff.verdict import GateRecord, Verdict

log = logging.getLogger(__name__)

SWITCH_S = 0.0005
"""Gates that talk to a simulator in small steps must not wait long for one that computes in this process."""

LeftOut = tuple[str, str, str]
"""(id, title, reason) of a gate that does not apply."""


def run_gates(
    context: GateContext, gates: Sequence[Gate], progress: Callable[[str], None] = lambda text: None
) -> tuple[list[GateRecord], list[LeftOut]]:
    """Run the gates; return their records and those that do not apply with the reason, both in order.

    Gates that wait for other programs run beside those that work in this process, those of one group one after
    another; gates that judge the others run last.
    """

    def tell(gate: Gate) -> None:
        if gate.of_layout or not context.foreign_top:
            progress(gate.title)

    context.out.mkdir(parents=True, exist_ok=True)
    sys.setswitchinterval(SWITCH_S)
    outcomes: dict[str, GateRecord | str] = {}
    with ExitStack() as stack:
        external = [gate for gate in gates if gate.external and not gate.last]
        lanes = {group: stack.enter_context(ThreadPoolExecutor(1)) for group in {gate.group for gate in external}}
        beside = {gate.id: lanes[gate.group].submit(run_gate, gate, context) for gate in external}
        for gate in gates:
            if gate.id not in beside and not gate.last:
                tell(gate)
                outcomes[gate.id] = run_gate(gate, context)
        for gate in gates:
            if gate.id in beside:
                tell(gate)
                outcomes[gate.id] = beside[gate.id].result()
    if context.waivers is not None:
        for gate in gates:
            outcome = outcomes.get(gate.id)
            if isinstance(outcome, GateRecord):
                context.waivers.apply(outcome)
    context.verdicts = {n: o.result.verdict for n, o in outcomes.items() if isinstance(o, GateRecord)}
    for gate in gates:
        if gate.last:
            tell(gate)
            outcomes[gate.id] = run_gate(gate, context)
    return _sorted(context, gates, outcomes)


def _sorted(
    context: GateContext, gates: Sequence[Gate], outcomes: dict[str, GateRecord | str]
) -> tuple[list[GateRecord], list[LeftOut]]:
    """Records in the order of the gates, with pictures of what was found."""
    records: list[GateRecord] = []
    left_out: list[LeftOut] = []
    for gate in gates:
        outcome = outcomes[gate.id]
        if isinstance(outcome, str):
            left_out.append((gate.id, gate.title, outcome))
            continue
        if outcome.result.verdict in (Verdict.FAIL, Verdict.WAIVED):
            picture_findings(context, outcome)
        log.info("%s %s: %s", outcome.id, outcome.result.verdict, outcome.result.summary)
        records.append(outcome)
    return records, left_out
