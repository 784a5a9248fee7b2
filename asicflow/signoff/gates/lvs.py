"""Gates on connectivity: LVS of the top level, power grid, antenna."""

from __future__ import annotations

import klayout.db as kdb

from asicflow.signoff.antenna import antenna_ratios
from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import Gate
from asicflow.signoff.verdict import Finding, GateResult, Rows, Tool, UnverifiedError, Verdict, verdict_of

KLAYOUT = Tool("klayout", kdb.__version__)
INPUTS = ("layout/{top}.gds", "layout/{top}.pg.v", "layout/{top}.def")


class TopLvsGate(Gate):
    """Signals: what the metal connects is what the netlist connects."""

    id = "lvs.top"
    title = "LVS of the top level by geometry (signals)"
    inputs = INPUTS

    def run(self, context: GateContext) -> GateResult:
        """PASS only when every net and pin of the netlist was found and matched, and there were some."""
        done = context.comparison
        findings = list(done.signal)
        findings += demand(done.matched_nets, done.nets, "nets")
        findings += demand(done.matched_pins, done.pins, "pins")
        return GateResult(
            verdict_of(findings),
            f"{done.matched_nets} of {done.nets} nets and {done.matched_pins} of {done.pins} pins match",
            {
                "nets": done.nets,
                "nets_matched": done.matched_nets,
                "pins": done.pins,
                "pins_matched": done.matched_pins,
                "instances": done.instances,
                "physical_cells": done.physical,
                "body_pins_not_seen": done.unseen_pins,
            },
            findings=findings,
            tool=KLAYOUT,
        )


class PowerGridGate(Gate):
    """Supplies: every supply pin of every cell hangs on its one labelled net, and no metal floats."""

    id = "power.grid"
    title = "Power grid connectivity (rails, straps, labels)"
    inputs = INPUTS

    def run(self, context: GateContext) -> GateResult:
        """PASS only when both supplies are whole and reach every pin."""
        done = context.comparison
        findings = list(done.supply)
        findings += demand(done.matched_supply_nets, done.supply_nets, "supply nets")
        findings += demand(done.matched_supply_pins, done.supply_pins, "supply pins")
        floating = sum(f.rule == "floating" for f in findings)
        if done.supply_nets < 2:
            findings.append(Finding("there are not two supply nets", "supplies"))
        return GateResult(
            verdict_of(findings),
            f"{done.matched_supply_nets} of {done.supply_nets} supplies whole, "
            f"{done.matched_supply_pins} of {done.supply_pins} pins reached, {floating} floating pieces",
            {
                "supplies": done.supply_nets,
                "supplies_whole": done.matched_supply_nets,
                "pins": done.supply_pins,
                "pins_matched": done.matched_supply_pins,
            },
            findings=findings,
            tool=KLAYOUT,
        )


def demand(matched: int, wanted: int, what: str) -> list[Finding]:
    """A finding unless something was wanted and all of it matched."""
    if wanted == 0:
        return [Finding(f"there are no {what} to match", "count")]
    return [] if matched == wanted else [Finding(f"{wanted - matched} of {wanted} {what} do not match", "count")]


class AntennaGate(Gate):
    """Antenna ratios from the routed geometry and the LEF's limits."""

    id = "layout.antenna"
    title = "Antenna ratios"
    inputs = ("layout/{top}.gds",)

    def run(self, context: GateContext) -> GateResult:
        """Measure every piece of metal on a gate, layer by layer; a DEF only names the instances."""
        found = context.extraction
        used = {p.cell for p in found.placed.values()}
        if not any(pin.gate_area > 0 for c in used for pin in context.macros[c].pins.values()):
            raise UnverifiedError("the LEF states no gate areas", "use the antenna rules of the shuttle's own deck")
        worst: dict[str, tuple[float, float, float]] = {}
        counts: dict[str, int] = {}
        findings = []
        for item in antenna_ratios(found, context.macros, context.tech):
            counts[item.layer] = counts.get(item.layer, 0) + 1
            share = item.ratio / item.limit
            if share > worst.get(item.layer, (-1.0, 0, 0))[0]:
                worst[item.layer] = (share, item.ratio, item.limit)
            if item.is_violated:
                where = f"{item.mark.pin[0]}/{item.mark.pin[1]}"
                text = f"{where}: ratio {item.ratio:.0f} on {item.layer}, {item.limit:.0f} allowed"
                findings.append(
                    Finding(text, f"{item.layer}.antenna", item.mark.x / 1000, item.mark.y / 1000, item.layer)
                )
        rows: Rows = [
            {
                "layer": name,
                "pieces": counts[name],
                "worst_ratio": round(worst[name][1], 1),
                "limit": round(worst[name][2], 1),
                "of_limit_percent": round(100 * worst[name][0], 1),
            }
            for name in counts
        ]
        total = sum(counts.values())
        if total == 0:
            return GateResult(Verdict.FAIL, "no metal is connected to any gate", tool=KLAYOUT)
        return GateResult(
            verdict_of(findings),
            f"{len(findings)} of {total} pieces above their limit",
            {"pieces": total, "violations": len(findings)},
            {"layers": rows},
            findings,
            [path for path in (context.path("layout/{top}.def"),) if path.is_file()],
            KLAYOUT,
        )
