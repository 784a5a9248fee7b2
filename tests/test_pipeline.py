"""What makes a stage run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from asicflow import pipeline
from asicflow.config import parse_config
from asicflow.errors import UserError
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


def test_where_files_lie_does_not_matter_but_what_they_hold(tmp_path: Path) -> None:
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "model.h5").write_bytes(b"model")
        (tmp_path / folder / "waivers.yaml").write_text("none")
    ws = Workspace(tmp_path / "run")

    def inputs(folder: str, stage: str) -> dict[str, str]:
        here = tmp_path / folder
        data = {"model": {"file": here / "model.h5"}, "signoff": {"waivers": here / "waivers.yaml"}}
        return pipeline._inputs(stage, parse_config({**data, "pdk": {"root": here}}), ws, {})

    for stage in ("model", "flow", "signoff"):
        assert inputs("one", stage) == inputs("other", stage)
    (tmp_path / "other" / "waivers.yaml").write_text("some")
    assert inputs("one", "signoff") != inputs("other", "signoff") and inputs("one", "flow") == inputs("other", "flow")
    (tmp_path / "other" / "model.h5").write_bytes(b"another")
    assert inputs("one", "model") != inputs("other", "model")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"pdk": {"name": "gf180"}}, "a chip needs the slot"),
        ({"pdk": {"name": "gf180"}, "layout": {"slot": "2x2"}}, "no slot '2x2'"),
        ({"pdk": {"name": "sky130"}, "layout": {"slot": "1x1"}}, "sky130 has no slot '1x1'"),
        ({"pdk": {"name": "gf180", "supply": 3.3}, "layout": {"slot": "1x1"}}, "need 5 V, not 3.3 V"),
        ({"pdk": {"name": "gf180"}, "layout": {"slot": "1x1", "engine": "openroad"}}, "openroad fills no slot"),
        ({"pdk": {"name": "gf180"}, "layout": {"slot": "1x1", "die_um": [100, 100]}}, "decides on layout.die_um"),
        ({"top": "soc", "pdk": {"name": "gf180"}, "layout": {"slot": "1x1"}}, "top soc fills no slot"),
    ],
)
def test_a_chip_that_cannot_be_is_refused_before_the_run(
    change: dict[str, object], says: str, project_root: Path
) -> None:
    model = {"file": project_root / "examples/digits/model.h5"}
    with pytest.raises(UserError, match=says):
        pipeline.check_inputs(parse_config({"top": "chip", "model": model, **change}))


@pytest.mark.parametrize(("pdk", "slot"), [("gf180", "1x0p5"), ("sky130", "user_project_wrapper")])
def test_a_chip_in_a_slot_is_accepted(project_root: Path, pdk: str, slot: str) -> None:
    model = {"file": project_root / "examples/digits/model.h5"}
    data = {"top": "chip", "model": model, "pdk": {"name": pdk}, "layout": {"slot": slot}}
    pipeline.check_inputs(parse_config(data))
