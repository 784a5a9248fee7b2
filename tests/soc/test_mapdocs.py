"""What software and people read of the map says what the map says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from asicflow.soc.mapdocs import c_header, constants, html_page, load_map, map_json, python_constants
from asicflow.soc.rdl import RegisterMap


@pytest.fixture
def regmap(tiny_run: Path) -> RegisterMap:
    return load_map(tiny_run / "soc" / "map.json")


def test_json_round_trip(regmap: RegisterMap, tmp_path: Path) -> None:
    (tmp_path / "map.json").write_text(map_json(regmap))
    assert load_map(tmp_path / "map.json") == regmap
    (tmp_path / "map.json").write_text('{"schema": "something else"}')
    with pytest.raises(ValueError, match="not a register map"):
        load_map(tmp_path / "map.json")


def test_python_and_c_hold_the_same_constants(regmap: RegisterMap, tmp_path: Path) -> None:
    namespace: dict[str, object] = {}
    exec(python_constants(regmap), namespace)
    names = [name for name, _, _ in constants(regmap)]
    assert len(names) == len(set(names)) > 30
    (tmp_path / "block.h").write_text(c_header(regmap))
    prints = "".join(f'printf("{n} %u\\n", {n});' for n in names)
    (tmp_path / "main.c").write_text(f'#include <stdio.h>\n#include "block.h"\nint main(void){{{prints}}}')
    exe = tmp_path / "main"
    subprocess.run(["gcc", "-Wall", "-Werror", "-o", str(exe), str(tmp_path / "main.c")], check=True)
    printed = subprocess.run([str(exe)], capture_output=True, text=True, check=True).stdout.split()
    from_c = dict(zip(printed[::2], map(int, printed[1::2]), strict=True))
    assert from_c == {name: namespace[name] for name in names} == {n: v for n, v, _ in constants(regmap)}


def test_page_shows_every_register_field_and_window(regmap: RegisterMap) -> None:
    page = html_page(regmap)
    for register in regmap.registers:
        assert f'id="{register.name}"' in page and f"0x{register.offset:04X}" in page
        assert all(f"<td>{field.name}</td>" in page for field in register.fields)
    for window in regmap.windows:
        assert f'id="{window.name}"' in page
    assert not re.search(r"{{|}}|{%", page)
