"""The built-in gates, one class per check."""

from __future__ import annotations

from asicflow.signoff.gate import Gate
from asicflow.signoff.gates import drc, exactness, layout, lint, lvs, model, pending, provenance, structure, timing

BUILT_IN: list[type[Gate]] = [
    model.AccuracyGate,
    model.GoldenGate,
    model.CsimGate,
    model.RangeGate,
    lint.LintGate,
    structure.StructureGate,
    structure.ClockDomainsGate,
    structure.ResetGate,
    exactness.RtlExactnessGate,
    exactness.MappedExactnessGate,
    exactness.RoutedExactnessGate,
    timing.SetupGate,
    timing.HoldGate,
    timing.SlewGate,
    timing.CapacitanceGate,
    timing.FanoutGate,
    timing.UnconstrainedGate,
    timing.ClockGate,
    timing.CornersGate,
    layout.RoutingGate,
    drc.DrcGate,
    drc.LefDrcGate,
    drc.DrcAgreementGate,
    lvs.AntennaGate,
    layout.DensityMaxGate,
    layout.DensityMinGate,
    layout.SanityGate,
    layout.AreaGate,
    lvs.TopLvsGate,
    lvs.PowerGridGate,
    provenance.HashesGate,
    provenance.ToolsGate,
    provenance.PdkGate,
    provenance.RunGate,
    provenance.LfsGate,
    provenance.LicencesGate,
    *pending.PENDING,
]
"""Every gate that comes with asicflow, in the order of the report within its group."""
