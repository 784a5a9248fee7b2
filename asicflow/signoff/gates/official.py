"""The foundry's own KLayout deck, run by the KLayout application when the PDK root or the user has one."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import klayout.rdb as rdb

from asicflow.signoff.context import GateContext
from asicflow.signoff.gate import Gate
from asicflow.signoff.verdict import Finding, GateResult, Rows, Tool, UnverifiedError, verdict_of

OPTIONS = {"feol": "true", "beol": "true", "offgrid": "true"}
"""Switches that the public SKY130 deck asks for; other decks ignore them."""


class OfficialDrcGate(Gate):
    """Reads the report database that the deck wrote, not the exit status."""

    id = "layout.official-drc"
    title = "Official KLayout DRC deck"
    inputs = ("layout/{top}.gds",)
    external = True

    def run(self, context: GateContext) -> GateResult:
        """PASS only when the deck ran, checked something and marked nothing."""
        deck = self._deck(context)
        program = shutil.which("klayout")
        if program is None:
            raise UnverifiedError("the KLayout application is not installed", "apt-get install klayout")
        report, log = self.build_folder(context) / "report.lyrdb", self.log_file(context)
        report.unlink(missing_ok=True)
        settings = {"input": context.path(self.inputs[0]), "report": report, "topcell": context.top,
                    "top_cell": context.top, **OPTIONS}  # fmt: skip
        command = [program, "-b", "-r", str(deck), *(w for k, v in settings.items() for w in ("-rd", f"{k}={v}"))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        log.write_text(done.stdout + done.stderr)
        if not report.is_file():
            lines = [s for s in (done.stderr + done.stdout).splitlines() if "rror" in s]
            text = f"the deck {deck.name} wrote no report" + (f": {lines[0][:120]}" if lines else "")
            return GateResult(verdict_of([text]), text, findings=[Finding(text, "report")], evidence=[deck, log])
        rows, findings = read_report(report)
        if not rows:
            findings.append(Finding(f"the report of {deck.name} holds no rule: nothing was checked", "empty"))
        return GateResult(
            verdict_of(findings),
            f"{sum(int(r['violations'] or 0) for r in rows)} violations of {len(rows)} rules of {deck.name}",
            {"violations": len(findings), "rules": len(rows)},
            {"rules": rows},
            findings,
            [deck, report, log],
            Tool("klayout application", _version(program)),
        )

    def _deck(self, context: GateContext) -> Path:
        given = context.config.signoff.drc_deck
        decks = [given] if given else (context.pdk.drc_decks if context.pdk else [])
        found = next((d for d in decks if d.is_file()), None)
        if found is None:
            names = ", ".join(d.name for d in decks) or "no deck"
            raise UnverifiedError(
                f"the PDK root has no {names}",
                "complete the PDK root with the foundry's KLayout deck, or name one with signoff.drc_deck",
            )
        return found


def read_report(path: Path) -> tuple[Rows, list[Finding]]:
    """Rules and markers of a KLayout report database."""
    database = rdb.ReportDatabase(path.name)
    database.load(str(path))
    names = {c.rdb_id(): c.name() for c in database.each_category()}
    texts = {c.rdb_id(): c.description or c.name() for c in database.each_category()}
    count: Counter[int] = Counter()
    findings: list[Finding] = []
    for item in database.each_item():
        rule = item.category_id()
        count[rule] += 1
        finding = Finding(f"{names[rule]}: {texts[rule]}", names[rule])
        box = next((b for b in map(_box, item.each_value()) if b), None)
        if box is not None:
            x1, y1, x2, y2 = box
            finding.x_um, finding.y_um, finding.size_um = (x1 + x2) / 2, (y1 + y2) / 2, max(x2 - x1, y2 - y1)
        findings.append(finding)
    rows: Rows = [{"rule": name, "text": texts[i], "violations": count[i]} for i, name in names.items()]
    return rows, findings


def _box(value: rdb.RdbItemValue) -> tuple[float, float, float, float] | None:
    """The box around a marker, from its text form: kinds and coordinates."""
    numbers = [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", str(value).partition(":")[2])]
    points = [(numbers[i], numbers[i + 1]) for i in range(0, len(numbers) - 1, 2)]
    if not points:
        return None
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return min(xs), min(ys), max(xs), max(ys)


def _version(program: str) -> str:
    text = subprocess.run([program, "-v"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"KLayout (\S+)", text)
    return match[1] if match else "unknown"
