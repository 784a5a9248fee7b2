"""The prechecks of open shuttles as data: which gate does each item, or why none can."""

from __future__ import annotations

from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from asicflow.resources import resource
from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import Gate
from asicflow.signoff.verdict import Finding, GateResult, Rows, Verdict


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Item(_Data):
    """One item of a precheck: done by gates, or not, with the reason."""

    item: str
    gates: list[str] = Field(default_factory=list)
    reason: str = ""


class Shuttle(_Data):
    """A shuttle's precheck for one process."""

    name: str
    process: str
    source: str
    items: list[Item]


class Shuttles(_Data):
    """``signoff/shuttles.yaml``."""

    schema_: Literal["asicflow.shuttles/1"] = Field(alias="schema")
    shuttles: list[Shuttle]


def load_shuttles() -> list[Shuttle]:
    """All shuttles."""
    return Shuttles.model_validate(yaml.safe_load(resource("signoff/shuttles.yaml").read_text())).shuttles


class PrecheckGate(Gate):
    """Every item of the precheck of a shuttle for this process, by the verdicts of the other gates."""

    id = "shuttle.precheck"
    title = "Shuttle precheck, item by item"
    mandatory = False
    last = True

    def not_applicable(self, context: GateContext) -> str:
        """Only processes that a shuttle takes."""
        known = [s.process for s in load_shuttles()]
        return "" if context.config.pdk.name in known else f"no shuttle is on record for {context.config.pdk.name}"

    def run(self, context: GateContext) -> GateResult:
        """FAIL when a gate of an item fails, UNVERIFIED while items are open, else PASS."""
        rows: Rows = []
        findings: list[Finding] = []
        open_items: list[str] = []
        shuttles = [s for s in load_shuttles() if s.process == context.config.pdk.name]
        for shuttle in shuttles:
            for item in shuttle.items:
                verdicts = {gate: context.verdicts.get(gate) for gate in item.gates}
                state = _state(item, list(verdicts.values()))
                rows.append({"shuttle": shuttle.name, "item": item.item, "state": state,
                             "gates": ", ".join(item.gates), "why_not": item.reason})  # fmt: skip
                if state == Verdict.FAIL:
                    bad = ", ".join(g for g, v in verdicts.items() if v is Verdict.FAIL)
                    findings.append(Finding(f"{shuttle.name}: {item.item}: {bad} fails", "item"))
                elif state not in (Verdict.PASS, Verdict.WAIVED):
                    open_items.append(item.item)
        done = len(rows) - len(findings) - len(open_items)
        text = f"{done} of {len(rows)} items of {', '.join(s.name for s in shuttles)} done"
        verdict = Verdict.FAIL if findings else Verdict.UNVERIFIED if open_items else Verdict.PASS
        path = resource("signoff/shuttles.yaml")
        close = f"open: {'; '.join(open_items[:6])}; run the shuttle's own precheck on the chip" if open_items else ""
        figures = {"items": len(rows), "items_done": done, "items_open": len(open_items)}
        return GateResult(verdict, text, dict(figures), {"items": rows}, findings, [path], close=close)


def _state(item: Item, verdicts: list[Verdict | None]) -> str:
    if not item.gates:
        return "not scriptable"
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    if all(v is not None and v.is_clean for v in verdicts):
        return Verdict.PASS
    return Verdict.UNVERIFIED
