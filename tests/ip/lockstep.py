"""Run an APB peripheral in lockstep with its reference model.

The model is ``ip/<name>/tb/model.py``: class ``Model`` with

* ``outputs(pins)``: the outputs in this cycle, ``{port: value}``;
* ``read(name)``: the word that a read of a register or window shows;
* ``clock(pins, write, read)``: one clock edge; ``write`` is (name, word) or None, ``read`` a name or None.

The bus, the pins and resets are random; every output is compared in every cycle, in a four-valued
simulator, so that a register without reset shows.
"""

from __future__ import annotations

import importlib.util
import random
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asicflow.soc.ip import IpManifest, load_ip
from asicflow.soc.rdl import RegisterMap, compile_map

_SWITCH = re.compile("«(.*?) → (.*?)»", re.DOTALL)
_BUS = ("clk_i", "rst_ni", "psel_i", "penable_i", "pwrite_i", "paddr_i", "pwdata_i")

Pins = dict[str, int]


def lockstep(name: str, work: Path, cycles: int = 6000, seed: int = 1, mutant: str | None = None) -> str:
    """Return the first difference between design and model, "" if there is none.

    ``mutant`` is an error to plant: "text «right → wrong» text", where text and right occur once in the RTL.
    """
    manifest = load_ip(name)
    regmap = compile_map(manifest.registers)
    stimulus = list(_stimulus(manifest, regmap, cycles, seed))
    quiet = manifest.bus is not None and manifest.bus.quiet
    expected = _expected(model_of(manifest), regmap, stimulus, quiet)
    answers = simulate(manifest, work, stimulus, mutant)
    return difference(expected, answers)


def difference(expected: list[Pins], answers: list[dict[str, int | None]]) -> str:
    """Return the first output that is unknown or not as expected, "" if there is none."""
    for cycle, (want, got) in enumerate(zip(expected, answers, strict=True)):
        for port, value in want.items():
            if got[port] is None or got[port] != value:
                return f"cycle {cycle}: {port} is {got[port]}, expected {value}"
    return ""


def model_of(manifest: IpManifest) -> Any:
    """Return class Model of ``tb/model.py``."""
    spec = importlib.util.spec_from_file_location(f"{manifest.name}_model", manifest.path("tb/model.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Model


def _stimulus(manifest: IpManifest, regmap: RegisterMap, cycles: int, seed: int) -> Any:
    """Yield the inputs of each cycle; an access takes two, as APB demands."""
    rng = random.Random(seed)
    places = [node.offset for node in (*regmap.registers, *regmap.windows)]
    inputs = {k: int(p.width) for k, p in manifest.ports.items() if p.direction == "input"}
    pins = dict.fromkeys((k for k in inputs if k not in _BUS), 0)
    bus = {"rst_ni": 0, "psel_i": 0, "penable_i": 0, "pwrite_i": 0, "paddr_i": 0, "pwdata_i": 0}
    yield {**bus, **pins}
    for _ in range(cycles):
        if bus["psel_i"] and not bus["penable_i"]:
            bus = {**bus, "penable_i": 1}
        else:
            busy = rng.random() < 0.6
            small = rng.choice([0, 1, 2, 3, 4, 7, 9, rng.getrandbits(32)])
            address = rng.choice(places) if rng.random() < 0.95 else rng.getrandbits(11)
            if rng.random() < 0.03:
                address += rng.randrange(1, 4)
            write = rng.getrandbits(1)
            bus = {"psel_i": busy, "penable_i": 0, "pwrite_i": write, "paddr_i": address, "pwdata_i": small}
        for pin in pins:
            if rng.random() < 0.3:
                pins[pin] = rng.getrandbits(inputs[pin])
        bus["rst_ni"] = int(rng.random() > 0.005)
        if not bus["rst_ni"]:
            bus["psel_i"] = bus["penable_i"] = 0
        yield {**bus, **pins}


def _expected(model_class: Any, regmap: RegisterMap, stimulus: list[Pins], quiet: bool) -> list[Pins]:
    places = {node.offset: node for node in (*regmap.registers, *regmap.windows)}
    model = model_class()
    expected = []
    for pins in stimulus:
        if not pins["rst_ni"]:
            model = model_class()
        access = pins["psel_i"] and pins["penable_i"]
        node = places.get(pins["paddr_i"])
        legal = node is not None and (node.writable if pins["pwrite_i"] else node.readable)
        want = {**model.outputs(pins), "pready_o": 1, "pslverr_o": int(access and not legal)}
        write = read = None
        if access and legal and node is not None:
            if pins["pwrite_i"]:
                write = (node.name, pins["pwdata_i"])
            else:
                read = node.name
                want["prdata_o"] = model.read(node.name, pins)
        if quiet and not pins["psel_i"]:
            want["prdata_o"] = 0
        expected.append(want)
        if pins["rst_ni"]:
            model.clock(pins, write, read)
        elif hasattr(model, "in_reset"):
            model.in_reset(pins)
    return expected


def simulate(
    manifest: IpManifest,
    work: Path,
    stimulus: list[Pins],
    mutant: str | None,
    parameters: Mapping[str, int] | None = None,
) -> list[dict[str, int | None]]:
    """Return the outputs in each cycle of the stimulus; ``parameters`` override those of the top."""
    rtl = "\n".join(p.read_text() for p in [*manifest.write_generated(work), *map(manifest.path, manifest.rtl)])
    if mutant is not None:
        switch = _SWITCH.search(mutant)
        assert switch, mutant
        right, wrong = mutant.replace(switch[0], switch[1]), mutant.replace(switch[0], switch[2])
        assert rtl.count(right) == 1, f"{right!r} occurs {rtl.count(right)} times in the RTL"
        rtl = rtl.replace(right, wrong)
    chosen = dict(parameters or {})
    values = {key: parameter.default for key, parameter in manifest.parameters.items()} | chosen
    ports = {k: p.bits(values) for k, p in manifest.ports.items()}
    inputs = [k for k, p in manifest.ports.items() if p.direction == "input" and k != "clk_i"]
    outputs = [k for k, p in manifest.ports.items() if p.direction == "output"]
    override = f"#({', '.join(f'.{key}({value})' for key, value in chosen.items())}) " if chosen else ""
    (work / "bench.sv").write_text(rtl + _bench(f"{manifest.top} {override}", ports, inputs, outputs, len(stimulus)))
    (work / "stimulus.hex").write_text("\n".join(_pack(pins, inputs, ports) for pins in stimulus))
    subprocess.run(["iverilog", "-g2012", "-s", "bench", "-o", "sim", "bench.sv"], cwd=work, check=True)
    done = subprocess.run(["vvp", "-n", "sim"], cwd=work, capture_output=True, text=True, check=True)
    return [_unpack(line.split(), outputs) for line in done.stdout.splitlines()]


def _bench(top: str, ports: dict[str, int], inputs: list[str], outputs: list[str], count: int) -> str:
    total = sum(ports[k] for k in inputs)
    declared = "\n".join(f"  logic [{ports[k] - 1}:0] {k};" for k in [*inputs, *outputs])
    pins = ", ".join(f".{k}({k})" for k in [*inputs, *outputs])
    return f"""
module bench;
  logic clk_i = 0;
{declared}
  logic [{total - 1}:0] stimulus [0:{count - 1}];
  {top}dut (.clk_i(clk_i), {pins});
  initial begin
    $readmemh("stimulus.hex", stimulus);
    for (integer k = 0; k < {count}; k = k + 1) begin
      {{{", ".join(inputs)}}} = stimulus[k];
      #1 $display("{" ".join(["%h"] * len(outputs))}", {", ".join(outputs)});
      clk_i = 1; #1 clk_i = 0; #1;
    end
  end
endmodule
"""


def _pack(pins: Pins, inputs: list[str], ports: dict[str, int]) -> str:
    word = 0
    for key in inputs:
        word = word << ports[key] | pins[key]
    return f"{word:x}"


def _unpack(words: list[str], outputs: list[str]) -> dict[str, int | None]:
    """Return the outputs; None where a bit is unknown."""
    known = re.compile("[0-9a-f]+")
    return {k: int(w, 16) if known.fullmatch(w) else None for k, w in zip(outputs, words, strict=True)}
