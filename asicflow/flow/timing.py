"""Timing sign-off of the finished layout in every corner, as one node of the flow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from asicflow.flow import sta
from asicflow.flow.settings import FlowSettings
from asicflow.flow.task import FlowTask

TIMING_SCHEMA = "asicflow.timing/1"


class TimingTask(FlowTask):
    """Routed netlist and SPEF in; ``timing.json`` and text reports out.

    A missed clock is no error here: the numbers are written, and the timing gate
    of the sign-off judges them.
    """

    def task(self) -> str:
        """Name of the task."""
        return "timing"

    def declare(self) -> None:
        """Netlist and parasitics in, the result out."""
        self.add_input_file(ext="v")
        for name in self.get_files_from_input_nodes():
            if name.endswith(".spef"):
                self.add_input_file(name)
        self.add_output_file("timing.json")

    def execute(self, settings: FlowSettings) -> None:
        """Analyse all corners of the supply, one after the other."""
        library = settings.load_library()
        inputs = Path("inputs").resolve()
        results = []
        for name, corner in library.corners.items():
            self.progress(f"timing in corner {name} ({corner.process}, {corner.voltage:g} V, {corner.temperature:g} C)")
            spef = spef_of(inputs, settings.top, corner.parasitics)
            netlist, reports = inputs / f"{settings.top}.v", Path("reports").resolve() / name
            blocks = [block.liberty[name] for block in settings.hard_macros]
            results.append(sta.analyse(netlist, spef, settings.sdc, settings.top, name, corner, reports, blocks))
        data = summary(results)
        Path("outputs/timing.json").write_text(json.dumps(data, indent=2) + "\n")
        self.record(
            Path("outputs/timing.json"),
            {
                "setupslack": (data["worst_setup_slack_ns"], "ns"),
                "holdslack": (data["worst_hold_slack_ns"], "ns"),
                "fmax": (data["fmax_mhz"], "MHz"),
                "unconstrained": (max(r.unconstrained for r in results), None),
                "drvs": (sum(len(r.max_slew) + len(r.max_capacitance) for r in results), None),
            },
        )


def spef_of(folder: Path, top: str, parasitics: str) -> Path:
    """Return the SPEF of an extraction corner, or the one SPEF when there is only one."""
    own = folder / f"{top}.{parasitics}.spef"
    return own if own.is_file() else folder / f"{top}.spef"


def summary(results: list[sta.CornerTiming]) -> dict[str, Any]:
    """Return the content of ``timing.json``: the worst of all corners, then each corner."""
    slowest = min(results, key=lambda r: r.fmax_mhz)
    return {
        "schema": TIMING_SCHEMA,
        "tool": f"OpenSTA {sta.version()}",
        "clock_period_ns": results[0].clock_period_ns,
        "worst_setup_slack_ns": min(r.setup_slack_ns for r in results),
        "worst_hold_slack_ns": min(r.hold_slack_ns for r in results),
        "fmax_mhz": slowest.fmax_mhz,
        "fmax_corner": slowest.corner,
        "clean": all(r.clean for r in results),
        "corners": {r.corner: r.model_dump(exclude={"corner"}) for r in results},
    }
