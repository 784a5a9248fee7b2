"""Checks that a review asks for and that are not made here: UNVERIFIED, with the way to close them."""

from __future__ import annotations

from dataclasses import dataclass

from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import Gate
from asicflow.signoff.verdict import GateResult, Verdict


@dataclass(frozen=True)
class _Pending:
    """One such check."""

    id: str
    title: str
    mandatory: bool
    summary: str
    close: str
    top: str = ""
    """Reason for leaving it out when the top is the accelerator alone."""


_NO_SHUTTLE = "the top is a block: shuttle rules apply to the chip that carries it"

_PENDING = (
    _Pending("shuttle.rules", "Shuttle slot rules", True, "not checked",
             "build the chip for a slot of the shuttle", _NO_SHUTTLE),
)  # fmt: skip


class PendingGate(Gate):
    """A check that is named and never passes here."""

    pending: _Pending

    def not_applicable(self, context: GateContext) -> str:
        """The reason when the accelerator alone has no such thing."""
        return self.pending.top if context.top == "accel" else ""

    def run(self, context: GateContext) -> GateResult:
        """UNVERIFIED."""
        return GateResult(Verdict.UNVERIFIED, self.pending.summary, close=self.pending.close)


def _gate(pending: _Pending) -> type[Gate]:
    name = pending.id.title().replace(".", "").replace("-", "") + "Gate"
    return type(
        name,
        (PendingGate,),
        {"__doc__": pending.title, "__module__": __name__, "id": pending.id, "title": pending.title,
         "mandatory": pending.mandatory, "pending": pending},
    )  # fmt: skip


PENDING: list[type[Gate]] = [_gate(p) for p in _PENDING]
"""One gate per open check."""
