"""A small design in Caravel's frame: registers between Wishbone and pads, as a mapped netlist for SKY130."""

from __future__ import annotations

from pathlib import Path

from asicflow.pdk import load_pdk
from asicflow.pdk.config import Library
from asicflow.pdk.frame import FixedFrame, Frame, frame
from asicflow.pdk.pads import chip_slot

TOP = "user_project_wrapper"
CELL = "sky130_fd_sc_hd__"
BITS = 8


def small_frame(root: Path) -> tuple[Frame, FixedFrame, Library]:
    """The frame, what place and route needs of it, and the library with its names of the supplies."""
    pdk = load_pdk("sky130", root)
    slot = chip_slot(pdk, TOP)
    assert slot.frame and slot.die_um
    found = frame(pdk, slot.frame)
    return found, found.fixed(slot.die_um), pdk.library().with_supplies(found.power, found.ground)


def netlist(found: Frame) -> str:
    """Registers from wbs_dat_i over wbs_dat_o; the far pads of every side are in use, the rest is constant."""
    outputs = {f"wbs_dat_o[{k}]": f"q{k}" for k in range(BITS)}
    outputs |= {"wbs_ack_o": "ack", "io_out[14]": "q0", "io_out[15]": "q1", "io_out[23]": "q2", "io_out[24]": "q3"}
    outputs |= {"io_out[37]": "q4", "user_irq[2]": "q5", "la_data_out[127]": "q6"}
    lines = [f"module {found.name} ({', '.join(found.ports)});"]
    for name, (way, bits) in found.ports.items():
        lines.append(f"  {way} {f'[{bits - 1}:0] ' if bits > 1 else ''}{name};")
    lines.append(f"  wire ask, ack, mixed, {', '.join(f'd{k}, q{k}' for k in range(BITS))};")
    for pin in found.bits():
        if found.ports[pin.split("[")[0]][0] == "output":
            value = outputs.get(pin) or ("1'h1" if pin.startswith("io_oeb") else "1'h0")
            lines.append(f"  assign {pin} = {value};")
    lines.append(f"  {CELL}and3_1 u_ask (.A(wbs_stb_i), .B(wbs_cyc_i), .C(wbs_we_i), .X(ask));")
    lines.append(f"  {CELL}dfxtp_1 u_ack (.CLK(wb_clk_i), .D(ask), .Q(ack));")
    lines.append(f"  {CELL}xor2_1 u_mix (.A(io_in[36]), .B(io_in[0]), .X(mixed));")
    for k in range(BITS):
        other = "mixed" if k == 0 else f"q{k - 1}"
        lines.append(f"  {CELL}mux2_1 u_m{k} (.A0({other}), .A1(wbs_dat_i[{k}]), .S(ask), .X(d{k}));")
        lines.append(f"  {CELL}dfxtp_1 u_q{k} (.CLK(wb_clk_i), .D(d{k}), .Q(q{k}));")
    return "\n".join([*lines, "endmodule", ""])
