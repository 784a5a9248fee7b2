"""SystemRDL to register map."""

from __future__ import annotations

from pathlib import Path

import pytest

from asicflow.errors import UserError
from asicflow.soc.ip import load_ip
from asicflow.soc.rdl import FieldKind, compile_map


def rdl(tmp_path: Path, body: str) -> Path:
    path = tmp_path / "block.rdl"
    path.write_text(f"addrmap block #(longint unsigned N = 4) {{ default regwidth = 32; {body} }};")
    return path


def test_socket_map_takes_the_models_values() -> None:
    socket = load_ip("accel_socket")
    regmap = compile_map(socket.path(socket.rdl), {"MODEL_ID": 0xDEADBEEF, "N_IN": 784, "N_OUT": 10})
    assert regmap.register("MODEL_HASH").fields[0].reset == 0xDEADBEEF
    assert regmap.window("input_buffer").entries == 784
    assert regmap.window("output_buffer").access == "r"
    assert {f.name: f.kind for f in regmap.register("STATUS").fields} == {
        "busy": FieldKind.WIRE,
        "done": FieldKind.W1C,
        "start_error": FieldKind.W1C,
        "access_error": FieldKind.W1C,
        "loaded": FieldKind.WIRE,
    }


def test_readable_and_writable_follow_the_fields(tmp_path: Path) -> None:
    body = """reg { field { sw = w; hw = r; singlepulse; } go[0:0] = 0; } GO @ 0x0;
              reg { field { sw = r; hw = na; } id[31:0] = 7; } ID @ 0x4;"""
    regmap = compile_map(rdl(tmp_path, body))
    assert [(r.readable, r.writable) for r in regmap.registers] == [(False, True), (True, False)]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("reg { field { sw = r; hw = na; } v[3:0] = 16; } A @ 0x0;", "fit"),
        ("reg { field { sw = rw; hw = rw; } v[3:0] = 0; } A @ 0x0;", "not supported"),
        ("reg { field { sw = rw; hw = r; } v[3:0]; } A @ 0x0;", "reset value"),
        ("reg { regwidth = 16; field { sw = rw; hw = r; } v[3:0] = 0; } A @ 0x0;", "32 bits"),
        ("external mem { mementries = N; memwidth = 32; sw = rw; } m @ 0x8;", "not aligned"),
        ("external mem { mementries = N; memwidth = 16; sw = rw; } m @ 0x0;", "32 bits"),
        ("regfile { reg { field { sw = rw; hw = r; } v[3:0] = 0; } A; } F @ 0x0;", "only registers"),
        ("reg { field { sw = rw; hw = r; } v[3:0] = 0; } A @ 0x0", "not valid"),
    ],
)
def test_errors_name_the_file_and_the_reason(tmp_path: Path, body: str, message: str) -> None:
    path = rdl(tmp_path, body)
    with pytest.raises(UserError) as error:
        compile_map(path)
    assert message in error.value.what and str(path) in str(error.value.where)


def test_unknown_parameter_is_refused(tmp_path: Path) -> None:
    path = rdl(tmp_path, "reg { field { sw = rw; hw = r; } v[3:0] = 0; } A @ 0x0;")
    with pytest.raises(UserError):
        compile_map(path, {"M": 1})
