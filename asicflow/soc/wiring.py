"""Write the SoC's top module from the address map, the IP manifests and ``ip/soc/soc.yaml``.

Clocks, bus signals and interrupts follow from map and manifests; ``soc.yaml``
names the rest: resets, signals between blocks, pins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from asicflow.errors import UserError
from asicflow.pdk.pads import PadKind
from asicflow.resources import resource
from asicflow.soc.ip import Bus, IpManifest, Port, load_ip
from asicflow.soc.matrix import Matrix, Region
from asicflow.soc.system import Block, Memory, System

BUS = "bus"
BUS_MODULE = "soc_bus"
BRIDGE_IP = "ahb_apb_bridge"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class TopPort(Port):
    """A port of the top module."""

    desc: str


class PadSpec(_Section):
    """The pads of a pin, one a bit: the system's ports behind it, its resistor; `desc` when it is not the port's."""

    kind: PadKind
    input: str | None = None
    output: str | None = None
    enable: str | None = None
    pull: Literal["up", "down"] | None = None
    desc: str = ""


class Wires(_Section):
    """What is special about one instance; see the comments of ``soc.yaml``."""

    ip: str | None = None
    module: str | None = None
    clock: str | None = None
    resets: str | None = None
    reset: str | None = None
    parameters: dict[str, str | int] = {}
    ports: dict[str, Port] = {}
    connect: dict[str, str] = {}


class Addition(_Section):
    """What a system has besides: initiators in their new order, more ports and instances, more pins of instances."""

    initiators: list[str]
    joined: list[str]
    ports: dict[str, TopPort]
    outputs: dict[str, str] = {}
    instances: dict[str, Wires]


class Wiring(_Section):
    """The whole of ``soc.yaml``; ``outputs`` are ports of the top that are made of several nets."""

    schema_: Literal["asicflow.soc_wiring/1"] = Field(alias="schema")
    name: str
    title: str
    clock: str
    reset_pin: str
    reset: str
    initiators: list[str]
    joined: list[str] = []
    shared: list[str] = []
    irq: str
    nmi: str
    ports: dict[str, TopPort]
    pads: dict[str, PadSpec] = {}
    outputs: dict[str, str] = {}
    instances: dict[str, Wires]
    additions: dict[str, Addition] = {}

    def extended(self, name: str) -> Wiring:
        """Return the wiring of a system with an addition (UserError when there is none of that name)."""
        if name not in self.additions:
            raise UserError(f"the system has no addition {name}", where="ip/soc/soc.yaml, additions")
        more = self.additions[name]
        instances = dict(self.instances)
        for key, wires in more.instances.items():
            old = instances.get(key, Wires())
            given = {field: getattr(wires, field) for field in wires.model_fields_set}
            instances[key] = old.model_copy(update={**given, "connect": {**old.connect, **wires.connect}})
        return self.model_copy(
            update={
                "initiators": more.initiators,
                "joined": more.joined,
                "ports": {**self.ports, **more.ports},
                "outputs": {**self.outputs, **more.outputs},
                "instances": instances,
            }
        )


@dataclass
class _Instance:
    """One instance: parameter and port connections in the order of the module's ports."""

    name: str
    module: str
    parameters: dict[str, str] = field(default_factory=dict)
    pins: dict[str, str] = field(default_factory=dict)


@dataclass
class _Builder:
    wiring: Wiring
    system: System
    values: Mapping[str, int]
    cpu: str
    nets: dict[str, int] = field(default_factory=dict)
    instances: list[_Instance] = field(default_factory=list)
    ips: dict[str, IpManifest] = field(default_factory=dict)

    def ip(self, name: str) -> IpManifest:
        if name not in self.ips:
            self.ips[name] = load_ip(name)
        return self.ips[name]

    def net(self, name: str, bits: int) -> str:
        """Declare a net that a block drives, unless it is a port of the top."""
        if _NAME.fullmatch(name) and name not in self.wiring.ports:
            self.nets[name] = bits
        return name


@dataclass(frozen=True)
class Top:
    """The generated top: its SystemVerilog, its bus, and the IPs inside in order of first use."""

    text: str
    bus: Matrix
    ips: list[IpManifest]


def load_wiring(path: Path | None = None, addition: str = "") -> Wiring:
    """Read ``soc.yaml``, with one of its additions if named (UserError when it is not valid)."""
    path = path or resource("ip/soc/soc.yaml")
    try:
        wiring = Wiring.model_validate(yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise UserError(f"the wiring of the SoC is not valid: {error}", where=str(path)) from error
    return wiring.extended(addition) if addition else wiring


def build_bus(system: System, wiring: Wiring) -> Matrix:
    """Return the bus of a SoC: its initiators, and the regions of memories, bridges and blocks."""
    mirrored = [m for m in system.memories if m.mirror is not None]
    mirrored.sort(key=lambda m: m.mirror_when is None)  # a region that can be switched off covers the others
    regions = [Region(m.name, m.mirror or 0, m.bytes, m.mirror_when) for m in mirrored]
    regions += [Region(m.name, m.base, m.bytes) for m in system.memories]
    window = _bus(load_ip(BRIDGE_IP)).window_bytes
    regions += [Region(bridge.name, bridge.base, window) for bridge in system.bridges]
    regions += [
        Region(block.name, block.base, _bus(load_ip(block.ip)).window_bytes)
        for block in system.blocks
        if block.bridge is None
    ]
    targets = {memory.name: memory.ip for memory in system.memories} | {b.name: b.ip for b in system.blocks}
    bounded = frozenset(name for name, ip in targets.items() if _bus(load_ip(ip)).bounded)
    targets |= {bridge.name: BRIDGE_IP for bridge in system.bridges}
    quiet = frozenset(r.target for r in regions if _bus(load_ip(targets[r.target])).quiet)
    return Matrix(
        name=BUS_MODULE,
        initiators=wiring.initiators,
        regions=regions,
        bounded=bounded,
        quiet=quiet,
        shared=frozenset(wiring.shared),
        joined=frozenset(wiring.joined),
        steady=frozenset(name for name in wiring.initiators if _is_steady(name, system, wiring)),
    )


def _is_steady(initiator: str, system: System, wiring: Wiring) -> bool:
    """Whether an initiator keeps its address until the data phase ends; the processor does not."""
    for block in system.blocks:
        if initiator == f"{block.name}_master":
            bus = load_ip(block.ip).master
            return bus is not None and bus.steady
    ip = wiring.instances[initiator].ip if initiator in wiring.instances else None
    return ip is not None and ip != "$cpu" and _bus(load_ip(ip)).steady


def write_top(system: System, wiring: Wiring, values: Mapping[str, int], cpu: str) -> Top:
    """Write the top module.

    Parameters
    ----------
    system : System
        The address map.
    wiring : Wiring
        ``soc.yaml``.
    values : mapping
        The numbers that ``soc.yaml`` names.
    cpu : str
        IP of the processor.

    Raises
    ------
    UserError
        If an input is not connected, or a name is unknown; says which.
    """
    make = _Builder(wiring, system, values, cpu)
    bus = build_bus(system, wiring)
    _add_bus(make, bus)
    for name, wires in wiring.instances.items():
        if name == BUS or name in {*(m.name for m in system.memories), *(b.name for b in system.blocks)}:
            continue
        _add_other(make, name, wires)
    for memory in system.memories:
        _add_memory(make, memory)
    for bridge in system.bridges:
        _add_bridge(make, bridge.name)
    for block in system.blocks:
        _add_block(make, block)
    return Top(_text(make), bus, list(make.ips.values()))


def _bus(manifest: IpManifest) -> Bus:
    if manifest.bus is None:
        raise UserError(f"{manifest.name} has no bus interface", where=str(manifest.folder))
    return manifest.bus


# -- instances -------------------------------------------------------------------------------------


def _add_bus(make: _Builder, bus: Matrix) -> None:
    make.ip("ahb_matrix")
    pins = {"clk_i": make.wiring.clock, "rst_ni": make.wiring.reset}
    wires = make.wiring.instances.get(BUS, Wires())
    for signal in bus.enables:
        pins[f"{signal}_i"] = signal
    for port, bits, is_output in bus.ports():
        net = re.sub(r"_[io]$", "", port)
        pins[port] = make.net(net, bits) if is_output else net
    make.instances.append(_Instance(f"i_{BUS}", BUS_MODULE, {}, {**pins, **wires.connect}))


def _add_other(make: _Builder, name: str, wires: Wires) -> None:
    """A block that the address map does not have."""
    pins: dict[str, str] = {}
    if wires.ip is None:
        _add(make, name, wires, None, pins)
        return
    manifest = make.ip(make.cpu if wires.ip == "$cpu" else wires.ip)
    if manifest.bus and manifest.bus.role == "master":
        pins = _bus_pins(name, manifest.bus)
    _add(make, name, wires, manifest, pins)


def _add_memory(make: _Builder, memory: Memory) -> None:
    manifest = make.ip(memory.ip)
    pins = _bus_pins(memory.name, _bus(manifest))
    bits = (memory.bytes - 1).bit_length()
    pins[_bus(manifest).signals["HADDR"]] += f"[{bits - 1}:0]"
    wires = make.wiring.instances.get(memory.name, Wires())
    _add(make, memory.name, wires, manifest, pins, {"AddrWidth": bits})


def _add_block(make: _Builder, block: Block) -> None:
    manifest, wires = make.ip(block.ip), make.wiring.instances.get(block.name, Wires())
    bus = _bus(manifest)
    if block.bridge is None:
        pins = _bus_pins(block.name, bus)
        pins[bus.signals["HADDR"]] += f"[{(bus.window_bytes - 1).bit_length() - 1}:0]"
    else:
        shared = ("PENABLE", "PWRITE", "PADDR", "PWDATA")
        pins = {
            port: f"{block.bridge if signal in shared else block.name}_{signal.lower()}"
            for signal, port in bus.signals.items()
        }
    if manifest.master:
        pins |= _bus_pins(f"{block.name}_master", manifest.master)
    for port in manifest.interrupts:
        pins[port] = f"{block.name}_irq" if block.irq is not None or block.nmi else f"unused_{block.name}_irq"
    _add(make, block.name, wires, manifest, pins)


def _add_bridge(make: _Builder, name: str) -> None:
    manifest = make.ip(BRIDGE_IP)
    blocks = [b for b in make.system.blocks if b.bridge == name]
    base = next(b.base for b in make.system.bridges if b.name == name)
    slots = ", ".join(f"8'h{(b.base - base) >> 12:02x}" for b in reversed(blocks))
    pins = _bus_pins(name, _bus(manifest))
    bits = (_bus(manifest).window_bytes - 1).bit_length()
    pins[_bus(manifest).signals["HADDR"]] += f"[{bits - 1}:0]"
    pins |= {f"{signal}_o": f"{name}_{signal}" for signal in ("penable", "pwrite", "paddr", "pwdata")}
    for port, signal in (("psel_o", "psel"), ("prdata_i", "prdata"), ("pready_i", "pready"), ("pslverr_i", "pslverr")):
        pins[port] = "{" + ", ".join(f"{b.name}_{signal}" for b in reversed(blocks)) + "}"
    for block in blocks:
        make.net(f"{block.name}_psel", 1)
    quiet = ", ".join(f"1'b{int(_bus(make.ip(b.ip)).quiet)}" for b in reversed(blocks))
    parameters = {"NumSlaves": str(len(blocks)), "Slot": f"{{{slots}}}", "Quiet": f"{{{quiet}}}"}
    _add(make, name, Wires(), manifest, pins, {}, parameters)


def _bus_pins(name: str, bus: Bus) -> dict[str, str]:
    """Return port -> net of an AHB-Lite interface; signals that the bus does not have stay out."""
    absent = ("HBURST", "HMASTLOCK")
    return {port: f"{name}_{signal.lower()}" for signal, port in bus.signals.items() if signal not in absent}


def _add(
    make: _Builder,
    name: str,
    wires: Wires,
    manifest: IpManifest | None,
    pins: dict[str, str],
    values: Mapping[str, int] | None = None,
    texts: Mapping[str, str] | None = None,
) -> None:
    """Connect every port of an instance: clock and reset, the given pins, then what soc.yaml says."""
    wiring = make.wiring
    values = dict(values or {})
    for key, value in wires.parameters.items():
        values[key] = value if isinstance(value, int) else make.values[value]
    named = {port: Template(text).substitute(make.values) for port, text in wires.connect.items()}
    ports = _ports(wires, manifest, {*pins, *named})
    defaults = {key: p.default for key, p in manifest.parameters.items()} if manifest else {}
    if manifest:
        manifest.check_parameters(dict(values))
    clock = [wires.clock] if wires.clock else list(manifest.clocks) if manifest else []
    reset = [wires.resets] if wires.resets else list(manifest.resets) if manifest else []
    pins = {**dict.fromkeys(clock, wiring.clock), **dict.fromkeys(reset, wires.reset or wiring.reset), **pins, **named}
    unknown = set(named) - set(ports)
    if unknown:
        raise UserError(f"{name} has no port {sorted(unknown)[0]}", where="ip/soc/soc.yaml")
    instance = _Instance(f"i_{name}", wires.module or (manifest.top if manifest else name))
    instance.parameters = {key: str(value) for key, value in values.items()} | dict(texts or {})
    for port in [*clock, *reset, *(p for p in ports if p not in (*clock, *reset))]:
        spec = ports.get(port)
        if spec is not None and spec.direction == "output":
            width = spec.bits({**make.values, **defaults, **values})
            instance.pins[port] = make.net(pins.get(port, f"unused_{name}_{port}"), width)
        elif port in pins:
            instance.pins[port] = pins[port]
        else:
            raise UserError(f"input {port} of {name} is not connected", where="ip/soc/soc.yaml")
    make.instances.append(instance)


def _ports(wires: Wires, manifest: IpManifest | None, named: set[str]) -> dict[str, Port]:
    """Return the ports of the module; another module with an IP's face has those that are named."""
    if wires.ports or manifest is None:
        return dict(wires.ports)
    if wires.module:
        return {port: spec for port, spec in manifest.ports.items() if port in named}
    return dict(manifest.ports)


# -- text ------------------------------------------------------------------------------------------


def _text(make: _Builder) -> str:
    wiring = make.wiring
    lines = [
        "// SPDX-License-Identifier: Apache-2.0",
        "// Generated by asicflow from the address map, the IP manifests and soc.yaml. Do not edit.",
        "//",
        f"// {wiring.title}.",
        "",
        f"module {wiring.name} (",
        _port_list(wiring),
        ");",
        "",
        *(f"  logic {_shape(bits)}{net};" for net, bits in sorted(make.nets.items())),
        *_interrupts(make),
        *_ignored(make),
    ]
    for instance in make.instances:
        lines += ["", *_instance(instance)]
    if wiring.outputs:
        lines += ["", *(f"  assign {port} = {nets};" for port, nets in wiring.outputs.items())]
    return "\n".join([*lines, "", "endmodule", ""])


def _port_list(wiring: Wiring) -> str:
    rows = [(p.direction, _shape(p.bits({})).strip(), name, p.desc) for name, p in wiring.ports.items()]
    last = rows[-1][2]
    return "\n".join(
        f"  {direction:<6} logic {shape:<6} {name + ('' if name == last else ','):<12} // {desc}"
        for direction, shape, name, desc in rows
    )


def _interrupts(make: _Builder) -> list[str]:
    lines = {b.irq: f"{b.name}_irq" for b in make.system.blocks if b.irq is not None}
    nmi = [f"{b.name}_irq" for b in make.system.blocks if b.nmi] or ["1'b0"]
    return [
        "",
        f"  logic [31:0] {make.wiring.irq};",
        f"  logic {make.wiring.nmi};",
        *(f"  assign {make.wiring.irq}[{k}] = {lines.get(k, f'1{chr(39)}b0')};" for k in range(32)),
        f"  assign {make.wiring.nmi} = {nmi[0]};",
    ]


def _ignored(make: _Builder) -> list[str]:
    """What the bus offers and a target does not look at: high address bits, protection."""
    targets = {pins["haddr_i"] for pins in (i.pins for i in make.instances) if "haddr_i" in pins and "hsel_i" in pins}
    parts = []
    for text in sorted(targets):
        found = re.fullmatch(r"(\w+)_haddr\[(\d+):0\]", text)
        if found:
            parts += [f"{found[1]}_haddr[31:{int(found[2]) + 1}]", f"{found[1]}_hprot"]
    inner = ", ".join(parts)
    return ["", "  logic unused_bus;", f"  assign unused_bus = ^{{{inner}}};"]


def _shape(bits: int) -> str:
    return f"[{bits - 1}:0] " if bits > 1 else ""


def _instance(instance: _Instance) -> list[str]:
    lines = [f"  {instance.module} "]
    if instance.parameters:
        inner = ",\n".join(f"    .{key}({value})" for key, value in instance.parameters.items())
        lines[0] += f"#(\n{inner}\n  ) "
    lines[0] += f"{instance.name} ("
    width = max(map(len, instance.pins))
    lines.append(",\n".join(f"    .{port:<{width}} ( {net} )" for port, net in instance.pins.items()))
    return [*lines, "  );"]
