"""A small made-up run directory: a network, RTL, timing and manifest, every gate of which passes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from asicflow.config import Config
from asicflow.model import golden
from asicflow.model.fixed import FixedType
from asicflow.model.spec import Dense, OutputPort, Port, Spec
from asicflow.pdk import load_pdk
from asicflow.signoff.context import GateContext
from asicflow.workspace import Workspace

RTL = """\
// SPDX-License-Identifier: Apache-2.0
// A register with a clock enable.
module accel (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic en_i,
  input  logic [3:0] d_i,
  output logic [3:0] q_o
);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) q_o <= '0;
    else if (en_i) q_o <= d_i;
  end
endmodule
"""

CSIM = """\
#include <cmath>
#include <algorithm>
extern "C" void network_float(float *x, float *y) {
  y[0] = BIAS0 + 2 * x[0] - x[1];
  y[1] = x[1] + 3 * x[0];
}
"""


def network() -> Spec:
    """Two inputs, two outputs, integers with two fractional bits."""
    data = FixedType(width=8, frac=2, rounding="TRN")
    wide = FixedType(width=16, frac=2)
    weight = FixedType(width=4, frac=0)
    layer = Dense(
        name="only",
        n_in=2,
        n_out=2,
        weight=[[2, 3], [-1, 1]],
        weight_type=weight,
        bias=[2, 0],
        bias_type=FixedType(width=6, frac=2),
        accum=wide,
        result=wide,
    )
    return Spec(
        name="tiny",
        input=Port(shape=[2], size=2, type=data),
        output=OutputPort(shape=[2], size=2, type=wide, decision="argmax"),
        layers=[layer],
    )


def write_model(root: Path, count: int = 40) -> None:
    """Write spec.json, vectors.npz, model.json and a compiled C simulation."""
    folder = root / "model"
    (folder / "hls" / "firmware").mkdir(parents=True)
    spec = network()
    spec.save(folder / "spec.json")
    x = (np.random.default_rng(1).integers(-32, 32, (count, 2)) / 4).astype(np.float32)
    x_int = golden.quantize_input(spec, x)
    y_int = golden.run(spec, x_int)
    labels = y_int.argmax(axis=1)
    labels[0] = 1 - labels[0]
    np.savez(folder / "vectors.npz", x_float=x, x_int=x_int, y_int=y_int, labels=labels, n_data=count)
    report = {
        "real_data": True,
        "samples": count,
        "accuracy_float": 0.98,
        "accuracy_fixed": (count - 1) / count,
        "agreement": 0.99,
        "precision_reason": "because",
        "input_type": "fixed<8,6>",
        "layers": [
            {
                "name": "only",
                "kind": "dense",
                "n_in": 2,
                "n_out": 2,
                "weight": "fixed<4,4>",
                "bias": "fixed<6,4>",
                "accum": "fixed<16,14>",
                "result": "fixed<16,14>",
            }
        ],
        "reuse": {"effective_by_layer": {"only": 1}},
    }
    (folder / "model.json").write_text(json.dumps(report))
    compile_csim(root, bias="0.5f")


def compile_csim(root: Path, bias: str) -> None:
    """Compile the C simulation with a given bias of output 0."""
    folder = root / "model" / "hls" / "firmware"
    source = folder / "network.cpp"
    source.write_text(CSIM.replace("BIAS0", bias))
    command = ["g++", "-shared", "-fPIC", str(source), "-o", str(folder / "network-abc.so")]
    subprocess.run(command, check=True)


def write_soc(root: Path, rtl: str = RTL) -> None:
    """Write soc.json, the SDC and the RTL."""
    (root / "soc" / "rtl").mkdir(parents=True, exist_ok=True)
    (root / "soc" / "rtl" / "accel.sv").write_text(rtl)
    soc = {
        "top": "accel",
        "files": ["rtl/accel.sv"],
        "sdc": "accel.sdc",
        "clock": {"port": "clk_i", "period_ns": 40.0},
    }
    (root / "soc" / "soc.json").write_text(json.dumps(soc))
    (root / "soc" / "accel.sdc").write_text(
        "create_clock -name clk -period 40.0000 [get_ports clk_i]\n"
        "set_input_delay 16 -clock clk [get_ports {rst_ni en_i d_i}]\n"
    )


CORNERS = {"slow": ("ss", 1.4, -40, 0.25), "typical": ("tt", 1.8, 25, 1.5), "fast": ("ff", 1.95, 100, 2.0)}


def timing() -> dict[str, Any]:
    """A clean timing.json of three corners."""
    corners = {}
    for name, (process, voltage, temperature, slack) in CORNERS.items():
        corners[name] = {
            "process": process,
            "voltage": voltage,
            "temperature": temperature,
            "setup_slack_ns": slack,
            "hold_slack_ns": slack / 2,
            "setup_tns_ns": 0.0,
            "hold_tns_ns": 0.0,
            "setup_violations": [],
            "hold_violations": [],
            "max_slew": [],
            "max_capacitance": [],
            "unconstrained": 0,
            "tied": [],
            "unclocked": 0,
            "clock_period_ns": 40.0,
            "fmax_mhz": 50.0,
            "reports": {k: f"reports/{k}_{name}.rpt" for k in ("setup", "hold", "check")},
        }
    return {
        "schema": "asicflow.timing/1",
        "tool": "OpenSTA 2.0.17",
        "clock_period_ns": 40.0,
        "fmax_mhz": 50.0,
        "corners": corners,
    }


def write_timing(root: Path, data: dict[str, Any]) -> None:
    """Write timing.json with reports that agree with it."""
    folder = root / "layout" / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    (root / "layout" / "timing.json").write_text(json.dumps(data))
    for name, corner in data["corners"].items():
        for kind in ("setup", "hold"):
            slack = corner[f"{kind}_slack_ns"]
            word = "MET" if slack >= 0 else "VIOLATED"
            text = f"Startpoint: a\nEndpoint: b\n  {slack:9.3f}   slack ({word})\n"
            (folder / f"{kind}_{name}.rpt").write_text(text)
        (folder / f"check_{name}.rpt").write_text("")


def write_manifest(root: Path) -> Workspace:
    """Record stages with the hashes of what is there."""
    ws = Workspace(root)
    ws.begin(Config(name="tiny"), ["asicflow", "run"])
    ws.set_tools(dict.fromkeys(("hls4ml", "siliconcompiler", "pyosys", "klayout", "sta", "verilator"), "1.0"))
    for stage in ("model", "soc"):
        ws.run_stage(stage, {}, lambda: None)
    return ws


def write_run(root: Path) -> None:
    """Write everything but the layout."""
    write_model(root)
    write_soc(root)
    write_timing(root, timing())
    write_manifest(root)


def open_run(root: Path, pdk_root: Path) -> GateContext:
    """Open the run directory with the SKY130 PDK."""
    pdk = load_pdk("sky130", pdk_root)
    return GateContext(root, Config(name="tiny"), pdk, pdk.library(), Workspace(root).manifest())
