"""Timing analysis, with the faults that it must find planted one by one."""

from pathlib import Path

import pytest

from asicflow.errors import StageError, ToolMissing
from asicflow.flow import sta
from asicflow.pdk import Library, load_pdk

NETLIST = """
module pipe (clk_i, d_i, q_o);
  input clk_i;
  input [1:0] d_i;
  output q_o;
  wire \\core.a_q[0] , \\core.b ;
  sky130_fd_sc_hd__nand2_1 \\core.u1  (.A(d_i[0]), .B(d_i[1]), .Y(\\core.b ));
  sky130_fd_sc_hd__dfxtp_1 \\core.a_reg[0]  (.CLK(clk_i), .D(\\core.b ), .Q(\\core.a_q[0] ));
  sky130_fd_sc_hd__dfxtp_1 _7_ (.CLK(clk_i), .D(\\core.a_q[0] ), .Q(q_o));
endmodule
"""
WIRES = {  # net: pins, the driver first
    "clk_i": ["*P clk_i I", "*I core\\.a_reg\\[0\\]:CLK I", "*I _7_:CLK I"],
    "d_i[0]": ["*P d_i[0] I", "*I core\\.u1:A I"],
    "d_i[1]": ["*P d_i[1] I", "*I core\\.u1:B I"],
    "q_o": ["*I _7_:Q O", "*P q_o O"],
    "core\\.a_q\\[0\\]": ["*I core\\.a_reg\\[0\\]:Q O", "*I _7_:D I"],
    "core\\.b": ["*I core\\.u1:Y O", "*I core\\.a_reg\\[0\\]:D I"],
}
SDC = """
create_clock -name clk -period {period} [get_ports clk_i]
set_input_delay 1.0 -clock clk [get_ports {{d_i[*]}}]
set_output_delay {output_delay} -clock clk [get_ports q_o]
"""
HEADER = """*SPEF "IEEE 1481-1998"
*DESIGN "pipe"
*DATE "today"
*VENDOR "none"
*PROGRAM "none"
*VERSION "0"
*DESIGN_FLOW "NETLIST_TYPE_VERILOG"
*DIVIDER /
*DELIMITER :
*BUS_DELIMITER [ ]
*T_UNIT 1 NS
*C_UNIT 1 PF
*R_UNIT 1 OHM
*L_UNIT 1 HENRY

"""


def spef_text(wires: dict[str, list[str]], picofarad: dict[str, float] | None = None) -> str:
    """A star of 10 ohm resistors per net, 0.01 pF unless said otherwise."""
    text = HEADER
    for net, pins in wires.items():
        value = (picofarad or {}).get(net, 0.01)
        arms = [f"{i} {net}:1 {pin.split()[1]} 10.0" for i, pin in enumerate(pins, 1)]
        text += "\n".join([f"*D_NET {net} {value}", "*CONN", *pins, "*CAP", f"1 {net}:1 {value}", "*RES", *arms])
        text += "\n*END\n\n"
    return text


@pytest.fixture(scope="module")
def library(pdk_root: Path) -> Library:
    return load_pdk("sky130", pdk_root).library()


class Bench:
    """A two-stage pipeline whose files a test may damage before it is analysed."""

    def __init__(self, folder: Path, library: Library) -> None:
        self.folder, self.library = folder, library
        self.netlist, self.spef, self.sdc = (folder / n for n in ("pipe.v", "pipe.spef", "pipe.sdc"))
        self.netlist.write_text(NETLIST)
        self.spef.write_text(spef_text(WIRES))
        self.constrain()

    def constrain(self, period: float = 20.0, output_delay: float = 1.0) -> None:
        self.sdc.write_text(SDC.format(period=period, output_delay=output_delay))

    def analyse(self, corner: str = "typical") -> sta.CornerTiming:
        entry = self.library.corners[corner]
        return sta.analyse(self.netlist, self.spef, self.sdc, "pipe", corner, entry, self.folder / "sta")


@pytest.fixture
def bench(tmp_path: Path, library: Library) -> Bench:
    return Bench(tmp_path, library)


def test_clean_design(bench: Bench) -> None:
    result = bench.analyse()
    assert result.clean
    assert result.clock_period_ns == 20.0
    assert result.setup_slack_ns > 15 and result.hold_slack_ns > 0
    assert result.register_slack_ns > result.setup_slack_ns  # the port paths are the slower ones here
    assert result.fmax_mhz == pytest.approx(1000 / (20 - result.register_slack_ns))
    assert "core.a_reg[0]" in (bench.folder / "sta" / "hold.rpt").read_text().replace("\\", "")
    assert not (bench.folder / "sta" / "corner.lib").exists()


def test_slow_corner_is_slower_than_fast(bench: Bench) -> None:
    slow, fast = bench.analyse("slow"), bench.analyse("fast")
    assert slow.setup_slack_ns < fast.setup_slack_ns
    assert slow.fmax_mhz < fast.fmax_mhz


def test_too_fast_clock_has_negative_slack(bench: Bench) -> None:
    bench.constrain(period=0.3, output_delay=0.1)
    result = bench.analyse("slow")
    assert result.setup_slack_ns < 0 and not result.clean
    worst = result.setup_violations[0]
    assert worst.slack_ns == pytest.approx(result.setup_slack_ns, abs=1e-3)
    assert worst.end in ("q_o", "_7_/D", "core.a_reg[0]/D")


def test_late_clock_at_the_second_flop_breaks_hold(bench: Bench) -> None:
    late = "wire late; sky130_fd_sc_hd__dlygate4sd3_1 u9 (.A(clk_i), .X(late));\nendmodule"
    text = NETLIST.replace(".CLK(clk_i), .D(\\core.a_q[0] )", ".CLK(late), .D(\\core.a_q[0] )")
    assert text != NETLIST
    bench.netlist.write_text(text.replace("endmodule", late))
    wires = WIRES | {
        "clk_i": ["*P clk_i I", "*I core\\.a_reg\\[0\\]:CLK I", "*I u9:A I"],
        "late": ["*I u9:X O", "*I _7_:CLK I"],
    }
    bench.spef.write_text(spef_text(wires, {"late": 1.0}))
    result = bench.analyse("slow")
    assert result.hold_slack_ns < 0 and not result.clean
    assert result.hold_violations[0].end == "_7_/D"
    assert result.clock_skew_ns > 1.0


def test_overloaded_net_is_listed(bench: Bench) -> None:
    bench.spef.write_text(spef_text(WIRES, {"core\\.b": 3.0}))
    result = bench.analyse()
    assert [v.pin for v in result.max_capacitance] == ["core.u1/Y"]
    assert result.max_capacitance[0].value == pytest.approx(3.0, abs=0.1)
    assert {v.pin for v in result.max_slew} == {"core.u1/Y", "core.a_reg[0]/D"}


def test_unconstrained_endpoint_is_counted(bench: Bench) -> None:
    bench.sdc.write_text(
        "create_clock -name clk -period 20 [get_ports clk_i]\nset_input_delay 1 -clock clk [get_ports {d_i[*]}]\n"
    )
    assert bench.analyse().unconstrained == 1


def test_a_register_of_a_constant_is_no_unconstrained_endpoint(bench: Bench) -> None:
    tie = "sky130_fd_sc_hd__conb_1 tie (.HI(core.one));"
    text = NETLIST.replace(".D(\\core.b )", ".D(\\core.one )").replace("endmodule", f"  {tie}\nendmodule")
    bench.netlist.write_text(text.replace("(core.one)", "(\\core.one )"))
    assert bench.netlist.read_text().count("core.one") == 2
    wires = {n: p for n, p in WIRES.items() if n != "core\\.b"} | {
        "core\\.b": ["*I core\\.u1:Y O"],
        "core\\.one": ["*I tie:HI O", "*I core\\.a_reg\\[0\\]:D I"],
    }
    bench.spef.write_text(spef_text(wires))
    assert bench.analyse().unconstrained == 0


def port_bench(bench: Bench, level: str) -> None:
    """Another output port at a constant (level HI) or at what nobody drives, and a port of both directions."""
    ports = NETLIST.replace("q_o);\n", "q_o, one_o, pad_io);\n  output one_o;\n  inout pad_io;\n", 1)
    pins = f"({f'.{level}(one_o)' if level else ''})"
    bench.netlist.write_text(ports.replace("endmodule", f"  sky130_fd_sc_hd__conb_1 tie {pins};\nendmodule"))
    wires = WIRES | ({"one_o": [f"*I tie:{level} O", "*P one_o O"]} if level else {})
    bench.spef.write_text(spef_text(wires))


def test_output_at_a_constant_and_idle_pin_are_no_unconstrained_endpoints(bench: Bench) -> None:
    port_bench(bench, "HI")
    result = bench.analyse()
    assert result.unconstrained == 0 and result.tied == ["one_o", "pad_io"]


def test_output_that_nothing_drives_is_unconstrained(bench: Bench) -> None:
    port_bench(bench, "")
    assert bench.analyse().unconstrained == 1


def test_unclocked_register_is_counted(bench: Bench) -> None:
    bench.netlist.write_text(NETLIST.replace("_7_ (.CLK(clk_i)", "_7_ (.CLK(d_i[1])"))
    wires = WIRES | {
        "clk_i": ["*P clk_i I", "*I core\\.a_reg\\[0\\]:CLK I"],
        "d_i[1]": ["*P d_i[1] I", "*I core\\.u1:B I", "*I _7_:CLK I"],
    }
    bench.spef.write_text(spef_text(wires))
    assert bench.analyse().unclocked == 1


@pytest.mark.parametrize("victim", ["spef", "netlist", "sdc"])
def test_missing_or_empty_file_fails(bench: Bench, victim: str) -> None:
    path: Path = getattr(bench, victim)
    path.write_text("")
    with pytest.raises(StageError, match="not there or is empty"):
        bench.analyse()
    path.unlink()
    with pytest.raises(StageError, match="not there or is empty"):
        bench.analyse()


def test_net_without_parasitics_fails(bench: Bench) -> None:
    bench.spef.write_text(spef_text({n: p for n, p in WIRES.items() if n != "core\\.b"}))
    with pytest.raises(StageError, match=r"1 of 3 nets have no parasitics, for example core.b"):
        bench.analyse()


def test_parasitics_that_the_analyser_drops_fail(bench: Bench) -> None:
    text = spef_text(WIRES)
    bench.spef.write_text("\n".join(line for line in text.splitlines() if "core\\.b:1 core" not in line))
    with pytest.raises(StageError, match=r"did not take the parasitics of 1 nets, for example core.b"):
        bench.analyse()


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b.spef.write_text(spef_text(WIRES | {"stranger": ["*I core\\.u1:Y O"]})),
        lambda b: b.spef.write_text(spef_text(WIRES).replace('*DATE "today"\n', "")),
        lambda b: b.sdc.write_text(b.sdc.read_text() + "set_false_path -from [get_ports gone_i]\n"),
        lambda b: b.sdc.write_text(b.sdc.read_text() + "no_such_command\n"),
        lambda b: b.sdc.write_text(b.sdc.read_text() + 'error "planted"\n'),
        lambda b: b.netlist.write_text(NETLIST.replace("nand2_1", "nand2_77")),
        lambda b: b.netlist.write_text(NETLIST.replace("endmodule", "")),
        lambda b: b.netlist.write_text(NETLIST.replace("module pipe", "module tube")),
        lambda b: b.sdc.write_text("# no clock\n"),
    ],
    ids=["net", "spef-syntax", "port", "command", "error", "cell", "syntax", "top", "no-clock"],
)
def test_faults_are_errors(bench: Bench, damage) -> None:
    damage(bench)
    with pytest.raises(StageError):
        bench.analyse()


def test_spef_capacitances() -> None:
    text = "*C_UNIT 1 FF\n*NAME_MAP\n*1 core\\.b\n*2 x\\[3\\]\n*D_NET *1 7\n*D_NET plain 2\n*CAP\n1 *2:1 2\n"
    assert sta.spef_capacitances(text.splitlines()) == pytest.approx({"core.b": 7e-15, "plain": 2e-15})


def test_missing_tool_names_the_package(monkeypatch) -> None:
    sta.version.cache_clear()
    monkeypatch.setattr(sta.shutil, "which", lambda name: None)
    with pytest.raises(ToolMissing, match="apt-get install opensta"):
        sta.version()
    sta.version.cache_clear()
