"""The typed configuration: defaults, round trip, and errors that name the key."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from asicflow.config import Config, dump_config, load_config, parse_config
from asicflow.errors import UserError


def test_dump_and_load_give_the_same_configuration(tmp_path: Path) -> None:
    config = parse_config({"name": "digits", "model": {"reuse": 64}, "layout": {"die_um": [300, 400]}})
    path = tmp_path / "asicflow.yaml"
    path.write_text(dump_config(config))
    assert load_config(path) == config


def test_every_key_is_documented_in_the_dump() -> None:
    lines = dump_config(Config()).splitlines()
    keys = [i for i, line in enumerate(lines) if not line.lstrip().startswith("#")]
    assert len(keys) > 25
    assert all(lines[i - 1].lstrip().startswith("# ") and len(lines[i - 1]) > 10 for i in keys)


@pytest.mark.parametrize(
    ("data", "location", "near"),
    [
        ({"pkd": {}}, "pkd", "pdk"),
        ({"pdk": {"nam": "sky130"}}, "pdk.nam", "name"),
        ({"model": {"precision": {"widht": 8}}}, "model.precision.widht", "width"),
        ({"model": {"precision": {"layers": {"fc1": {"wieght": "fixed<8,2>"}}}}}, "wieght", "weight"),
    ],
)
def test_unknown_key_is_refused_with_the_nearest_name(data: dict, location: str, near: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_config(data)
    assert location in caught.value.what
    assert caught.value.hint == f"did you mean '{near}'?"


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"clock": {"period_ns": -1}}, "clock.period_ns"),
        ({"layout": {"utilization": 2}}, "layout.utilization"),
        ({"model": {"reuse": "many"}}, "model.reuse"),
        ({"name": "9 lives"}, "name"),
    ],
)
def test_wrong_value_names_the_key(data: dict, key: str) -> None:
    with pytest.raises(UserError, match=key):
        parse_config(data)


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    path = tmp_path / "asicflow.yaml"
    path.write_text(yaml.safe_dump({"model": {"file": "net/model.h5"}}))
    assert load_config(path).model.file == tmp_path / "net" / "model.h5"


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [1,\n"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "asicflow.yaml"
    path.write_text(text)
    with pytest.raises(UserError):
        load_config(path)
