"""Gates on transistors: each used cell against its CDL, the whole layout against netlist and CDL."""

from __future__ import annotations

import klayout.db as kdb

from asicflow.signoff.apart import run_apart
from asicflow.signoff.cdl import Subcircuit, read_subcircuits
from asicflow.signoff.context import GateContext
from asicflow.signoff.device_lvs import Match, compare_cells, compare_file
from asicflow.signoff.devices import DeviceFile, load_devices
from asicflow.signoff.gate import Gate
from asicflow.signoff.gates.lvs import demand
from asicflow.signoff.verdict import Finding, GateResult, Rows, Tool, UnverifiedError, Verdict, verdict_of
from asicflow.workspace import write_atomically

KLAYOUT = Tool("klayout", kdb.__version__)


class DeviceGate(Gate):
    """Needs a device file of the process and the library's CDL."""

    def files(self, context: GateContext) -> tuple[DeviceFile, dict[str, Subcircuit]]:
        """The device file and the subcircuits."""
        library = context.library
        try:
            devices = load_devices(library.pdk)
        except FileNotFoundError as error:
            close = f"write signoff/devices/{library.pdk}.yaml"
            raise UnverifiedError(f"no device file for {library.pdk}", close) from error
        if not library.cdl:
            raise UnverifiedError(f"the PDK file names no CDL of {library.name}", "add the library's CDL to it")
        return devices, read_subcircuits(library.cdl)


class CellDevicesGate(DeviceGate):
    """Every cell that the layout uses, as it is drawn there, has the transistors of its CDL."""

    id = "lvs.cells"
    title = "Device-level LVS of every used cell (layout against CDL)"
    inputs = ("layout/{top}.gds",)

    def run(self, context: GateContext) -> GateResult:
        """PASS only when every used cell was compared and matches, and there were devices."""
        devices, cells = self.files(context)
        grounds = {*context.library.power.ground_pins}
        rows: Rows = []
        findings: list[Finding] = []
        blocks = context.block_names
        drawn = {p.cell for p in context.layout.instances()}
        used = sorted(drawn - blocks)
        findings += [Finding(f"{name} has no CDL", "cdl") for name in used if name not in cells]
        known = [cells[name] for name in used if name in cells]
        for name, match in compare_cells(context.layout.db, known, devices, grounds).items():
            findings += match.findings
            rows.append({"cell": name, "devices": match.devices, "nets": match.nets, "pins": match.pins,
                         "lines_of_cdl": len(cells[name].lines), "match": match.matched})  # fmt: skip
        matched = sum(bool(r["match"]) for r in rows)
        total = sum(int(r["devices"] or 0) for r in rows)
        findings += demand(matched, len(used), "cells") + demand(total, max(total, 1), "devices")
        log = self.log_file(context)
        lines = [f"{r['cell']}: {'match' if r['match'] else 'NO MATCH'}, {r['devices']} devices" for r in rows]
        write_atomically(log, "\n".join([*lines, *(f.text for f in findings)]) + "\n")
        apart = sorted(drawn & blocks)
        verdict = verdict_of(findings)
        open_blocks = verdict is Verdict.PASS and bool(apart)
        return GateResult(
            Verdict.UNVERIFIED if open_blocks else verdict,
            f"{matched} of {len(used)} cells match their CDL, {total} distinct devices"
            + (f"; hard macros not compared: {', '.join(apart)}" if apart else ""),
            {"cells": len(used), "cells_matched": matched, "devices": total},
            {"cells": rows},
            findings,
            [log],
            KLAYOUT,
            close="compare each hard macro with its maker's netlist, with the maker's LVS deck" if open_blocks else "",
        )


class TopDevicesGate(DeviceGate):
    """The whole layout, transistors and wells included, is the netlist of cells with their CDL."""

    id = "lvs.device"
    title = "Device-level LVS of the whole layout (KLayout)"
    inputs = ("layout/{top}.gds", "layout/{top}.pg.v")
    external = True
    limit = 300
    """Processor seconds that the comparison may take."""

    def run(self, context: GateContext) -> GateResult:
        """PASS only when nothing differs and instances, nets and devices were matched."""
        devices, cells = self.files(context)
        netlist = context.netlist
        blocks = context.block_names
        path = context.path(self.inputs[0])
        power = context.library.power
        try:
            match = run_apart(compare_file, path, context.top, netlist, cells, devices, power, blocks, limit=self.limit)
        except TimeoutError:
            raise UnverifiedError(
                f"transistors of {len(netlist.instances)} cells were not compared in {self.limit} s of processor time",
                "run the process' own LVS deck on the GDS; lvs.cells and lvs.top judge cells and wires",
            ) from None
        apart = sum(i.cell in blocks for i in netlist.instances.values())
        active = [i for i in netlist.instances.values() if i.cell in cells and cells[i.cell].lines]
        transistors = sum(len(cells[i.cell].lines) for i in active)
        findings = list(match.findings)
        findings += demand(match.subcircuits, len(active), "instances")
        findings += demand(match.devices, max(match.devices, 1), "devices")
        log = self.log_file(context)
        write_atomically(log, _log(match, len(active), transistors))
        word = "match uniquely" if not findings else "do not match"
        return GateResult(
            verdict_of(findings),
            f"layout and netlist {word}: {match.subcircuits} of {len(active)} instances, {match.nets} nets, "
            f"{transistors} transistors in {match.circuits} circuits"
            + (f", {apart} hard macros left out" if apart else ""),
            {
                "instances": len(active),
                "instances_matched": match.subcircuits,
                "nets_matched": match.nets,
                "circuits_matched": match.circuits,
                "transistors": transistors,
            },
            findings=findings,
            evidence=[log],
            tool=KLAYOUT,
        )


def _log(match: Match, instances: int, transistors: int) -> str:
    counts = {"circuits": match.circuits, "instances": match.subcircuits, "nets": match.nets, "pins": match.pins}
    lines = [f"{what} matched: {count}" for what, count in counts.items()]
    lines.append(f"instances of the netlist: {instances}, transistors: {transistors}")
    lines.append("netlists match uniquely" if match.matched else "netlists do not match")
    return "\n".join([*lines, *(f.text for f in match.findings)]) + "\n"
