"""Manifests agree with the RTL they describe."""

from __future__ import annotations

from pathlib import Path

import pyslang
import pytest
import yaml
from test_lint import IPS, block

from asicflow.errors import UserError
from asicflow.soc import ip
from asicflow.soc.ip import load_ip
from asicflow.soc.rdl import compile_map


def elaborate(files: list[Path], top: str) -> pyslang.ast.InstanceBodySymbol:
    compilation = pyslang.ast.Compilation()
    for path in files:
        compilation.addSyntaxTree(pyslang.syntax.SyntaxTree.fromFile(str(path)))
    tops = {instance.name: instance for instance in compilation.getRoot().topInstances}
    return tops[top].body


@pytest.mark.parametrize("name", IPS)
def test_ports_and_parameters_are_those_of_the_rtl(name: str, tmp_path: Path) -> None:
    manifest = load_ip(name)
    body = elaborate(block(manifest, tmp_path).files, manifest.top)
    defaults = {p.name: int(p.value.value) for p in body.parameters if not p.isLocalParam}
    assert defaults == {key: p.default for key, p in manifest.parameters.items()}
    ports = {p.name: (p.direction.name, p.type.bitWidth) for p in body.portList}
    widths = {key: port.bits(defaults) for key, port in manifest.ports.items()}
    assert ports == {key: ("In" if p.direction == "input" else "Out", widths[key]) for key, p in manifest.ports.items()}
    signals = [port for bus in (manifest.bus, manifest.master) if bus for port in bus.signals.values()]
    named = {*manifest.clocks, *manifest.resets, *manifest.interrupts, *signals}
    assert named <= ports.keys()


@pytest.mark.parametrize("name", IPS)
def test_every_port_has_a_comment(name: str) -> None:
    manifest = load_ip(name)
    for path in manifest.rtl:
        head = manifest.path(path).read_text().split(");")[0]
        for line in head.splitlines():
            if line.lstrip().startswith(("input", "output", "parameter")):
                assert "//" in line, line


def test_parameters_out_of_range_are_refused() -> None:
    manifest = load_ip("accel_socket")
    with pytest.raises(UserError, match="1 to 32"):
        manifest.check_parameters({"InWidth": 0})
    with pytest.raises(UserError, match="no parameter"):
        manifest.check_parameters({"Depth": 1})


@pytest.mark.parametrize(
    ("change", "message"),
    [({"rtl": ["rtl/nothing.sv"]}, "not there"), ({"clock": {}}, "clock"), ({"schema": "other"}, "schema")],
)
def test_malformed_manifests_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], message: str
) -> None:
    data = yaml.safe_load((load_ip("accel_socket").folder / "ip.yaml").read_text())
    (tmp_path / "ip.yaml").write_text(yaml.safe_dump({**data, **change}))
    for name in ["rdl/accel_socket.rdl"]:
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    monkeypatch.setattr(ip, "resource", lambda _: tmp_path)
    with pytest.raises(UserError, match=message):
        load_ip("accel_socket")


def test_an_unknown_ip_is_refused() -> None:
    with pytest.raises(UserError, match="no IP named"):
        load_ip("nothing")


@pytest.mark.parametrize("name", [name for name in IPS if load_ip(name).rdl])
def test_the_version_is_that_of_the_register_map(name: str) -> None:
    manifest = load_ip(name)
    registers = {register.name: register for register in compile_map(manifest.registers).registers}
    if "VERSION" not in registers:
        return  # a plain peripheral: its software does not ask
    fields = {field.name: field.reset for field in registers["VERSION"].fields}
    assert manifest.version == f"{fields['major']}.{fields['minor']}.{fields['patch']}"
