"""The serial port: bytes in, bytes out, at bit times that are no whole number of cycles."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from asicflow.soc.ip import load_ip
from asicflow.soc.rdl import compile_map

sys.path.insert(0, str(Path(__file__).parents[1]))
from lockstep import Pins, simulate

FULL, RECEIVED, OVERRUN, LOST, BREAK = 1, 2, 4, 8, 16
ENABLE, RX_IRQ, TX_IRQ = 1, 2, 4

MUTANTS = {
    "bit time twice as long": ".period_i   ( «period → {period[18:0], 1'b0}»",
    "samples at the edge": "first  = Half ? «{1'b0, time_i[Width-1:1]} → time_i + 8» :",
    "seven bits": "assign rx_end    = rx_sample & (rx_bit_q == «4'd9 → 4'd8»);",
    "first bit last": "«{rx_i, rx_shift_q[7:1]} → {rx_shift_q[6:0], rx_i}»",
    "no stop bit sent": "tx_left_q  <= «4'd10 → 4'd9»;",
    "a read does not take": "in_full_q  <= rx_valid | (in_full_q & «~pop → 1'b1»);",
    "an overrun overwrites": "if (rx_valid & «(~in_full_q | pop) → 1'b1») in_data_q",
    "an overrun is not seen": "( «rx_valid & in_full_q & ~pop → 1'b0» )",
    "a written byte overwrites": "if («push & ~out_full_q → push») out_data_q",
    "a lost byte is not seen": "( «push & out_full_q → 1'b0» )",
    "a break is a byte": "assign rx_valid_o = rx_end & «rx_i → 1'b1»;",
    "a break is not seen": "assign break_o    = rx_end & «~rx_i → 1'b0» &",
    "interrupt not maskable": "= (in_full_q & «rx_irq → 1'b1») |",
    "interrupt while full": "| («~out_full_q → out_full_q» & tx_irq);",
}


class Scenario:
    """A script for the bus and the line, and what must be seen."""

    def __init__(self, period: int) -> None:
        manifest = load_ip("apb_uart")
        regmap = compile_map(manifest.registers)
        self.offset = {node.name: node.offset for node in (*regmap.registers, *regmap.windows)}
        self.period = period
        self.stimulus: list[Pins] = []
        self.reads: list[tuple[int, str, int]] = []  # cycle, register, expected word
        self.interrupts: list[tuple[int, int]] = []  # cycle, expected level
        self.sent: list[int] = []
        self.bus = dict.fromkeys(("psel_i", "penable_i", "pwrite_i", "paddr_i", "pwdata_i"), 0)
        self.step(rst_ni=0)

    def step(self, rx: int = 1, rst_ni: int = 1) -> None:
        self.stimulus.append({**self.bus, "rst_ni": rst_ni, "rx_i": rx})

    def access(self, name: str, word: int | None) -> None:
        access = {"psel_i": 1, "pwrite_i": int(word is not None), "paddr_i": self.offset[name]}
        for enable in (0, 1):
            self.bus = {**access, "penable_i": enable, "pwdata_i": word or 0}
            self.step()
        self.bus = dict.fromkeys(self.bus, 0)

    def write(self, name: str, word: int) -> None:
        self.access(name, word)

    def read(self, name: str, word: int) -> None:
        self.access(name, None)
        self.reads.append((len(self.stimulus) - 1, name, word))

    def interrupt(self, level: int) -> None:
        self.step()
        self.interrupts.append((len(self.stimulus) - 1, level))

    def bits(self, levels: list[int]) -> None:
        """Put levels on the line, each for one bit time."""
        for cycle in range(len(levels) * self.period // 8):
            self.step(levels[cycle * 8 // self.period])

    def receive(self, byte: int) -> None:
        self.bits([0, *(byte >> k & 1 for k in range(8)), 1, 1])

    def send(self, byte: int) -> None:
        self.write("data", byte)
        self.sent.append(byte)


def script(period: int, seed: int) -> Scenario:
    rng = random.Random(seed)
    s = Scenario(period)
    s.write("BAUD", period)
    s.write("CTRL", ENABLE)
    for _ in range(5):
        byte = rng.getrandbits(8)
        s.send(rng.getrandbits(8))
        s.interrupt(0)
        s.receive(byte)
        s.interrupt(0)
        s.read("STATUS", RECEIVED)
        s.write("CTRL", ENABLE | RX_IRQ)
        s.interrupt(1)
        s.read("data", byte)
        s.interrupt(0)
        s.write("CTRL", ENABLE)
        s.read("STATUS", 0)
    s.receive(0x35)
    s.receive(0xCA)
    s.read("STATUS", RECEIVED | OVERRUN)
    s.read("data", 0x35)
    s.bits([0] * 12 + [1] * 3)
    s.read("STATUS", OVERRUN | BREAK)
    s.send(0x5A)
    s.bits([1, 1])
    s.send(0xA7)  # waits behind the first
    s.write("data", 0x11)  # is lost
    s.write("CTRL", ENABLE | TX_IRQ)
    s.interrupt(0)
    s.read("STATUS", FULL | OVERRUN | LOST | BREAK)
    s.bits([1] * 24)
    s.interrupt(1)
    s.write("STATUS", OVERRUN | LOST)
    s.read("STATUS", BREAK)
    return s


def decode(line: list[int], period: int) -> list[int | None]:
    """Return the bytes on a line, None for one without a stop bit."""
    found: list[int | None] = []
    at = 0
    while at < len(line):
        if line[at]:
            at += 1
            continue
        samples = [line[at + (2 * k + 1) * period // 16] for k in range(10)]
        found.append(sum(bit << k for k, bit in enumerate(samples[1:9])) if samples[9] else None)
        at += (19 * period) // 16
    return found


def judge(work: Path, period: int, seed: int, mutant: str | None = None) -> str:
    """Return the first fault, "" if there is none."""
    s = script(period, seed)
    answers = simulate(load_ip("apb_uart"), work, s.stimulus, mutant)
    for cycle, name, word in s.reads:
        if answers[cycle]["prdata_o"] != word:
            return f"cycle {cycle}: {name} is {answers[cycle]['prdata_o']}, expected {word}"
    for cycle, level in s.interrupts:
        if answers[cycle]["irq_o"] != level:
            return f"cycle {cycle}: the interrupt is {answers[cycle]['irq_o']}, expected {level}"
    line = [answer["tx_o"] for answer in answers]
    if None in line:
        return "the line is unknown"
    sent = decode([int(bool(level)) for level in line], period)
    return "" if sent == s.sent else f"sent {sent}, expected {s.sent}"


@pytest.mark.parametrize(("period", "seed"), [(64, 1), (83, 2), (100, 3), (801, 4)])
def test_bytes_go_in_and_out(tmp_path: Path, period: int, seed: int) -> None:
    assert judge(tmp_path, period, seed) == ""


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_error_is_found(tmp_path: Path, name: str) -> None:
    assert judge(tmp_path, 83, 2, MUTANTS[name]), name
