"""Gates on design rules: the manual's, those of the technology LEF, and whether both agree."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

import klayout.db as kdb

from asicflow.errors import UserError
from asicflow.signoff.apart import run_apart
from asicflow.signoff.context import GateContext
from asicflow.signoff.deck import load_deck
from asicflow.signoff.drc import DrcResult, Marker, check_file
from asicflow.signoff.gate import Gate
from asicflow.signoff.rules import AREA_KINDS, Rule, RuleSet, derive_rules
from asicflow.signoff.verdict import Finding, GateResult, Rows, Tool, UnverifiedError, Verdict, verdict_of

GDS = "layout/{top}.gds"
KLAYOUT = Tool("klayout", kdb.__version__)


class RuleSetGate(Gate):
    """A rule set on the whole layout, cells included."""

    inputs = (GDS,)
    external = True

    @abstractmethod
    def rule_set(self, context: GateContext) -> RuleSet:
        """The rules to check."""

    def check(self, context: GateContext) -> tuple[RuleSet, DrcResult]:
        """Check all rule sets once per run, in a process of its own: they share much, and their agreement is judged."""
        if self.id not in context.rule_checks:
            sets = {self.id: self.rule_set(context)}
            for other in (DrcGate(), LefDrcGate()):
                with suppress(UnverifiedError, UserError):  # that gate says it itself
                    sets.setdefault(other.id, other.rule_set(context))
            outlines = {n: (0, 0, m.width, m.height) for n, m in context.macros.items()}
            layout = (context.path(GDS), context.top, context.library.layers, context.fill_layers)
            done = run_apart(check_file, layout, [*sets.values()], outlines, context.block_names, context.pad_names)
            context.rule_checks |= dict(zip(sets, zip(sets.values(), done, strict=True), strict=True))
        return context.rule_checks[self.id]

    def run(self, context: GateContext) -> GateResult:
        """Check every rule; markers that a library cell shows alone are told apart, not dropped."""
        rules, done = self.check(context)
        count = Counter(m.rule.id for m in done.markers)
        inside = Counter(m.rule.id for m in done.library)
        rows: Rows = [
            {
                "rule": r.id,
                "layer": r.layer,
                "text": r.text,
                "limit": limit_text(r),
                "violations": count[r.id],
                "in_library_cells": inside[r.id],
            }
            for r in rules.rules
        ]
        findings = [_finding(m, False) for m in done.markers]
        library = [_finding(m, True) for m in _some(done.library)]
        shapes: Rows = [{"layer": n, "polygons": c} for n, c in done.shapes.items()]
        judged = sum(done.shapes.values())
        text = f"{len(findings)} violations of {len(rules.rules)} rules on {judged} polygons"
        if library:
            text += f"; {len(done.library)} more lie inside library cells"
        if context.pad_names:
            text += "; pads judged at their rims only"
        if judged == 0:
            findings.append(Finding("there is nothing on any layer", "empty"))
        return GateResult(
            verdict_of(findings),
            text,
            {
                "violations": len(findings),
                "in_library_cells": len(done.library),
                "rules": len(rules.rules),
                "polygons": judged,
                "layers_without_gds": ", ".join(rules.unmapped),
            },
            {"rules": rows, "shapes": shapes},
            findings + library,
            tool=KLAYOUT,
        )


class DrcGate(RuleSetGate):
    """Wells, taps, implants, poly, contacts, metals and cuts by the rules of the public design manual."""

    id = "layout.drc"
    title = "Design rules of the manual (own KLayout rule set)"

    def rule_set(self, context: GateContext) -> RuleSet:
        """The shipped rule file of the process."""
        process = context.library.pdk
        try:
            return load_deck(process).rule_set()
        except FileNotFoundError as error:
            close = f"write signoff/rules/{process}.yaml from the design manual"
            raise UnverifiedError(f"no rule set for {process}", close) from error


class LefDrcGate(RuleSetGate):
    """Metal and cut rules from the technology LEF."""

    id = "layout.drc-lef"
    title = "Metal and cut rules of the technology LEF"

    def rule_set(self, context: GateContext) -> RuleSet:
        """Derived from the LEF that placed and routed."""
        return derive_rules(context.tech, context.library.layers)


class DrcAgreementGate(Gate):
    """Both rule sets state the same limits and find the same on the layers that both judge."""

    id = "layout.drc-agreement"
    title = "Manual and technology LEF agree"
    mandatory = False
    inputs = (GDS,)
    last = True

    def run(self, context: GateContext) -> GateResult:
        """Compare limits and counts by layer and kind; a stricter LEF is fine, a laxer one is not."""
        manual, found = DrcGate().check(context)
        lef, found_lef = LefDrcGate().check(context)
        left, right = _by_kind(manual, found), _by_kind(lef, found_lef)
        rows: Rows = []
        findings: list[Finding] = []
        for key in [k for k in left if k in right]:
            layer, kind = key
            (limit, markers), (limit_lef, markers_lef) = left[key], right[key]
            rows.append(
                {
                    "layer": layer,
                    "kind": kind.replace("_", " "),
                    "manual": limit,
                    "lef": limit_lef,
                    "violations_manual": markers,
                    "violations_lef": markers_lef,
                }
            )
            if limit_lef < limit:
                text = f"{layer} {kind}: the LEF allows {limit_lef:g}, the manual {limit:g}"
                findings.append(Finding(text, "limit", layer=layer))
            if bool(markers) != bool(markers_lef) and limit == limit_lef:
                text = f"{layer} {kind}: {markers} violations by the manual, {markers_lef} by the LEF"
                findings.append(Finding(text, "count", layer=layer))
        if not rows:
            return GateResult(Verdict.FAIL, "the rule sets have no rule in common", tool=KLAYOUT)
        stricter = sum(float(r["lef"] or 0) > float(r["manual"] or 0) for r in rows)
        return GateResult(
            verdict_of(findings),
            f"{len(rows)} rules in common, {len(findings)} disagreements, {stricter} stricter in the LEF",
            {"rules_in_common": len(rows), "disagreements": len(findings)},
            {"rules": rows},
            findings,
            tool=KLAYOUT,
        )


LISTED = 20
"""Markers inside library cells that are listed per rule; all are counted."""


def _some(markers: Sequence[Marker]) -> list[Marker]:
    """The first markers of each rule: a memory's bit cells repeat the same one."""
    seen: Counter[str] = Counter()
    found = []
    for marker in markers:
        seen[marker.rule.id] += 1
        if seen[marker.rule.id] <= LISTED:
            found.append(marker)
    return found


COMPARED = ("width", "space", "wide_space", "area", "enclosed_area", "cut_size")


def _by_kind(rules: RuleSet, done: DrcResult) -> dict[tuple[str, str], tuple[float, int]]:
    """(layer, kind) to (limit in um or um2, markers)."""
    count = Counter(m.rule.id for m in done.markers)
    return {(r.layer, r.kind): (r.value_um, count[r.id]) for r in rules.rules if r.kind in COMPARED}


def limit_text(rule: Rule) -> str:
    """The limit of a rule with its unit; empty where the kind has none."""
    if rule.kind in ("forbidden", "requires"):
        return ""
    if rule.kind == "angle":
        return f"{rule.value} degrees"
    return f"{rule.value_um:g} {'um2' if rule.kind in AREA_KINDS else 'um'}"


def _finding(marker: Marker, library: bool) -> Finding:
    x, y = marker.centre_um
    text = f"{marker.rule.id}: {marker.text} ({marker.rule.text})"
    return Finding(text, marker.rule.id, x, y, marker.rule.layer, marker.size_um, library)
