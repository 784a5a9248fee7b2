"""Made-up evidence: one gate of every verdict, with figures, tables and findings."""

from __future__ import annotations

from pathlib import Path

from asicflow.config import Config
from asicflow.signoff.context import GateContext
from asicflow.signoff.evidence import Evidence, build_evidence
from asicflow.signoff.verdict import Finding, GateRecord, GateResult, Tool, Verdict, Waiver


def made_up_context(root: Path) -> GateContext:
    """A context on an empty run directory."""
    return GateContext(root, Config(name="digits"), manifest={"tools": {"yosys": "0.70"}})


def made_up_records(root: Path) -> list[GateRecord]:
    """One record per verdict."""
    file = root / "layout" / "accel.gds"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"gds")
    passed = GateResult(
        Verdict.PASS, "512 of 512 vectors exact", {"vectors_exact": 512, "cycles": 301},
        {"cycles_per_layer": [{"layer": "hidden", "cycles": 300}]}, evidence=[file],
        tool=Tool("verilator", "5.006"),
    )  # fmt: skip
    failed = GateResult(
        Verdict.FAIL, "2 violations", {"violations": 2, "rules": 40},
        tables={"rules": [{"rule": "met1 spacing", "value_um": 0.14, "violations": 2}]},
        findings=[Finding("spacing 0.10 um < 0.14 um", "met1.space", 1.5, 2.25, "met1", 0.1),
                  Finding("no place & <markup>", "met1.area")],
        evidence=[file], tool=Tool("klayout", "0.30"),
    )  # fmt: skip
    open_ = GateResult(Verdict.UNVERIFIED, "Magic was not run", close="install Magic")
    waived = GateResult(Verdict.WAIVED, "density below minimum", evidence=[file])
    return [
        GateRecord("rtl.exactness", "rtl", "RTL equals the integer network", True, passed, 1.25),
        GateRecord("layout.drc", "layout", "Metal rules", True, failed, 3.5),
        GateRecord("layout.magic-drc", "layout", "Magic rules", True, open_),
        GateRecord("layout.density-min", "layout", "Density", False, waived, 0.2,
                   Waiver("met1.density", "fill comes with the frame", "A. Person", "2030-01-31")),
    ]  # fmt: skip


def made_up_evidence(root: Path) -> Evidence:
    """Evidence of the records above."""
    left_out = [("firmware.boot", "Boot", "the top is the accelerator alone")]
    return build_evidence(made_up_context(root), made_up_records(root), left_out)
