"""The table of real models in docs/models.md: complete, and what the models give today."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.models import COLUMNS, EXAMPLE, follow, label, models

MODELS = [(EXAMPLE, None), *(models(Path(folder)) if (folder := os.environ.get("ASICFLOW_MODELS")) else ())]
"""The shipped example, and the other files of the table where a folder has them: hls4ml publishes those."""

TOLERANCE = 0.03
"""Area and energy may differ by so much: another Yosys maps in another way."""


def table(project_root: Path) -> dict[str, dict[str, str]]:
    """The rows of the page by model."""
    text = (project_root / "docs/models.md").read_text()
    lines = text[text.index(f"| {COLUMNS[0]} |") :].partition("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == list(COLUMNS)
    return {row[0]: dict(zip(COLUMNS, row, strict=True)) for row in cells[2:]}


def test_every_model_has_its_figures_or_a_reason(project_root: Path) -> None:
    rows = table(project_root)
    assert len(rows) >= 10
    for name, row in rows.items():
        figures = [row[column] for column in COLUMNS[1:-1]]
        assert all(figures) != bool(row["why not"]), name
        assert "NO" not in figures, name


def number(text: str) -> float:
    return float(text.replace(",", ""))


@pytest.mark.slow
@pytest.mark.parametrize(("file", "weights"), MODELS, ids=[label(file) for file, _ in MODELS])
def test_row_is_what_the_model_gives(file: Path, weights: Path | None, project_root: Path, tmp_path: Path) -> None:
    row, found = table(project_root)[label(file)], follow(file, weights, tmp_path).cells
    for column in COLUMNS[1:]:
        stated, now = row[column], found.get(column, "")
        if column in ("area um2", "nJ") and stated and now:
            assert number(now) == pytest.approx(number(stated), rel=TOLERANCE), column
        elif column != "predicted":
            assert now == stated, column
