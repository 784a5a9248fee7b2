"""JUnit XML of the gates, for continuous integration."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from asicflow.signoff.evidence import Evidence
from asicflow.signoff.verdict import Verdict
from asicflow.workspace import write_atomically

_ILLEGAL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd]")


def junit_xml(evidence: Evidence) -> str:
    """Render the gates: one suite per group; FAIL is a failure, UNVERIFIED is skipped with the reason.

    A reader of the XML that counts skipped tests as passed does not see a tape-out verdict: that one is
    the property ``verdict`` of the root.
    """
    root = ET.Element("testsuites", name=f"asicflow sign-off {evidence['design']}")
    _count(root, evidence["gates"])
    properties = ET.SubElement(root, "properties")
    ET.SubElement(properties, "property", name="verdict", value=evidence["verdict"])
    groups: dict[str, list[dict[str, Any]]] = {}
    for gate in evidence["gates"]:
        groups.setdefault(gate["group"], []).append(gate)
    for name, gates in groups.items():
        suite = ET.SubElement(root, "testsuite", name=name, timestamp=evidence["created"])
        _count(suite, gates)
        for gate in gates:
            _case(suite, gate)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def write_junit(path: Path, evidence: Evidence) -> None:
    """Write ``report.xml``."""
    write_atomically(path, junit_xml(evidence))


def _count(element: ET.Element, gates: list[dict[str, Any]]) -> None:
    verdicts = [g["verdict"] for g in gates]
    element.set("tests", str(len(gates)))
    element.set("failures", str(verdicts.count(Verdict.FAIL)))
    element.set("errors", "0")
    element.set("skipped", str(verdicts.count(Verdict.UNVERIFIED)))
    element.set("time", f"{sum(g.get('seconds', 0) for g in gates):.3f}")


def _case(suite: ET.Element, gate: dict[str, Any]) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"asicflow.{gate['group']}",
        name=gate["id"],
        time=f"{gate.get('seconds', 0):.3f}",
    )
    if gate["verdict"] == Verdict.FAIL:
        failure = ET.SubElement(case, "failure", message=_clean(gate["summary"]))
        failure.text = "\n".join(_clean(_line(f)) for f in gate.get("findings", []))
    elif gate["verdict"] == Verdict.UNVERIFIED:
        ET.SubElement(case, "skipped", message=_clean(f"UNVERIFIED: {gate['summary']}; {gate['close']}"))
    else:
        out = ET.SubElement(case, "system-out")
        out.text = _clean(f"{gate['verdict']}: {gate['summary']}")


def _line(finding: dict[str, Any]) -> str:
    place = ""
    if finding.get("x_um") is not None:
        place = f" at ({finding['x_um']:.3f}, {finding['y_um']:.3f}) um {finding.get('layer', '')}"
    return f"{finding['text']}{place}"


def _clean(text: str) -> str:
    return _ILLEGAL.sub("?", text)
