"""The built-in gates, one class per check."""

from __future__ import annotations

from asicflow.signoff.gate import Gate

BUILT_IN: list[type[Gate]] = []
"""Every gate that comes with asicflow, in the order of the report within its group."""
