"""The memory controller, with a memory, in lockstep with its model."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from asicflow.soc.ip import IpManifest, Port, load_ip

sys.path.insert(0, str(Path(__file__).parents[1]))
from ahb_lockstep import ahb_lockstep

MUTANTS = {
    "HREADY ignored": "assign accept = «hready_i → 1'b1» &",
    "HSEL ignored": "& «hsel_i → 1'b1» &",
    "IDLE is a transfer": "& «htrans_i[1] → 1'b1»;",
    "a late read is lost": "assign en_o    = write_q | «late_q → 1'b0» | (accept",
    "a late read does not wait": "assign hreadyout_o = «~late_q → 1'b1»;",
    "every read waits": "late_q  <= accept & ~hwrite_i & «write_q → 1'b1»;",
    "the write takes the next address": "assign addr_o  = («write_q | late_q → late_q») ?",
    "the late read takes the next address": "assign addr_o  = («write_q | late_q → write_q») ?",
    "a read writes": "assign we_o    = «write_q → 1'b1» ?",
    "a halfword is a word": "hsize_i[1] ? 4'b1111 : hsize_i[0] ? («haddr_i[1] ? 4'b1100 : 4'b0011 → 4'b1111»)",
    "bytes swapped": ": «4'b0001 << haddr_i[1:0] → 4'b1000 >> haddr_i[1:0]»;",
}  # fmt: skip


def with_memory() -> IpManifest:
    """The controller and the flip-flop memory in the testbench's top."""
    manifest, ram = load_ip("ahb_ram"), load_ip("soc_ram")
    rtl = [ram.path(ram.rtl[0]), *map(manifest.path, manifest.rtl), manifest.path("tb/ahb_ram_tb.sv")]
    bus = {key: port for key, port in manifest.ports.items() if key[0] in "hcr" and key != "rdata_i"}
    ports = {**bus, "haddr_i": Port(direction="input", width=6)}
    return manifest.model_copy(update={"rtl": rtl, "top": "ahb_ram_tb", "ports": ports})


@pytest.mark.parametrize("seed", [1, 2])
def test_it_does_what_the_model_does(tmp_path: Path, seed: int) -> None:
    assert ahb_lockstep("ahb_ram", tmp_path, seed=seed, manifest=with_memory(), resets=False) == ""


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_error_is_found(tmp_path: Path, name: str) -> None:
    manifest = with_memory()
    assert ahb_lockstep("ahb_ram", tmp_path, mutant=MUTANTS[name], manifest=manifest, resets=False), name
