"""What makes a stage run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from asicflow import pipeline
from asicflow.config import parse_config
from asicflow.workspace import Workspace


@pytest.mark.parametrize(("stage", "folder"), [("soc", "ip"), ("firmware", "firmware")])
def test_a_changed_source_makes_its_stage_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, folder: str
) -> None:
    source = tmp_path / folder / "deep" / "source.txt"
    source.parent.mkdir(parents=True)
    source.write_text("one")
    monkeypatch.setattr(pipeline, "resource", lambda name: tmp_path / name)
    config, ws = parse_config({"top": "soc"}), Workspace(tmp_path / "run")
    before = pipeline._inputs(stage, config, ws, {})
    assert pipeline._inputs(stage, config, ws, {}) == before
    source.write_text("two")
    after = pipeline._inputs(stage, config, ws, {})
    assert {key for key in before | after if before.get(key) != after.get(key)} == {folder}
