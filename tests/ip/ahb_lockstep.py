"""Run an AHB-Lite slave in lockstep with its reference model.

The model is ``ip/<name>/tb/model.py``: class ``Model`` with

* ``WORD_ONLY``: only aligned 32-bit accesses are legal;
* ``places()``: byte addresses worth visiting;
* ``drive(rng, pins)``: change the inputs that are no bus signals of the slave;
* ``legal(address, write, pins)``: the access is allowed;
* ``read(address, pins)``: the word that a read shows in its data phase, None if unknown;
* ``outputs(pins, transfer, done)``: other outputs in this cycle; ``transfer`` is (address, write) of the data phase
  or None, ``done`` tells that a legal one ends;
* optionally ``stalls(before, transfer, age)``: it has a wait state in this cycle of its data phase; ``before`` is the
  transfer whose data phase ended when this one began, or None; transfers are (address, write, size);
* optionally ``word(rng, address)``: a word to write there, else any;
* ``clock(pins, write)``: one clock edge; ``write`` is (address, word, byte lanes) or None.

Traffic, other slaves' wait states and errors, and resets are random; every output is compared in every cycle, in a
four-valued simulator.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lockstep import Pins, difference, model_of, simulate

from asicflow.soc.ip import IpManifest, load_ip

_BUS = ("hsel_i", "haddr_i", "htrans_i", "hsize_i", "hwrite_i", "hwdata_i", "hready_i")


def ahb_lockstep(
    name: str,
    work: Path,
    cycles: int = 6000,
    seed: int = 1,
    mutant: str | None = None,
    manifest: IpManifest | None = None,
    resets: bool = True,
) -> str:
    """Return the first difference between design and model, "" if there is none; ``mutant`` as in ``lockstep``."""
    manifest = manifest or load_ip(name)
    bits = manifest.ports["haddr_i"].bits({k: p.default for k, p in manifest.parameters.items()})
    steps = list(_run(model_of(manifest), manifest, bits, cycles, seed, resets))
    stimulus, expected = [pins for pins, _ in steps], [outputs for _, outputs in steps]
    return difference(expected, simulate(manifest, work, stimulus, mutant))


def _run(
    model_class: Any, manifest: IpManifest, bits: int, cycles: int, seed: int, resets: bool
) -> Iterator[tuple[Pins, Pins]]:
    rng = random.Random(seed)
    ports = {k for k, p in manifest.ports.items() if p.direction == "input" and k != "clk_i"}
    model, transfer, second, other = model_class(), None, False, False
    pins = dict.fromkeys(ports, 0)
    held = False  # the address phase may not change
    before, age = None, 0
    failing = False  # another slave's ERROR response ends in this cycle
    data = 0
    yield {**pins, "rst_ni": 0}, {}
    for _ in range(cycles):
        if resets and rng.random() < 0.004:
            model, transfer, second, other, held = model_class(), None, False, False, False
            pins = {**pins, "rst_ni": 0, "htrans_i": 0, "hready_i": 1}
            yield dict(pins), {"hreadyout_o": 1, "hresp_o": 0}
        pins["rst_ni"] = 1
        if not held:
            _address_phase(rng, model, pins, bits)
        pins["hwdata_i"] = data
        model.drive(rng, pins)
        refused = transfer is not None and not second and not _allowed(model, transfer, pins)
        waits = transfer is not None and hasattr(model, "stalls") and model.stalls(before, transfer, age)
        ready = not refused and not waits
        pins["hready_i"] = int(ready if transfer else not other or failing or rng.random() < 0.6)
        done = transfer is not None and ready and not second
        shown = None if transfer is None else (transfer[0], transfer[1])
        want: Pins = {"hreadyout_o": int(ready), "hresp_o": int(refused or second), **model.outputs(pins, shown, done)}
        write = None
        if transfer is None and manifest.bus is not None and manifest.bus.quiet:
            want["hrdata_o"] = 0
        if done and transfer is not None:
            if transfer[1]:
                write = (transfer[0], data, _lanes(transfer))
            elif (word := model.read(transfer[0], pins)) is not None:
                want["hrdata_o"] = word
        yield dict(pins), {k: v for k, v in want.items() if k in manifest.ports}
        model.clock(pins, write)
        second, age = refused, age + 1
        failing = other and not pins["hready_i"] and rng.random() < 0.2
        held = not pins["hready_i"] and bool(pins["htrans_i"] & 2) and not failing
        if pins["hready_i"]:
            active = pins["htrans_i"] & 2
            before, age = transfer, 0
            mine = active and pins["hsel_i"]
            transfer = (pins["haddr_i"], pins["hwrite_i"], pins["hsize_i"]) if mine else None
            other = bool(active) and not mine
            data = model.word(rng, pins["haddr_i"]) if hasattr(model, "word") else rng.getrandbits(32)


def _address_phase(rng: random.Random, model: Any, pins: Pins, bits: int) -> None:
    size = 2 if rng.random() < 0.8 else rng.randrange(2)
    address = rng.choice(model.places()) if rng.random() < 0.9 else rng.getrandbits(bits)
    if rng.random() < 0.3:
        address += rng.randrange(4)
    address &= (1 << bits) - 1
    if not model.WORD_ONLY or rng.random() < 0.8:
        address &= ~((1 << size) - 1)
    pins |= {
        "hsel_i": int(rng.random() < 0.85), "htrans_i": rng.choice([0, 1, 2, 2, 2, 2, 3]), "hsize_i": size,
        "haddr_i": address, "hwrite_i": rng.getrandbits(1),
    }  # fmt: skip


def _allowed(model: Any, transfer: tuple[int, int, int], pins: Pins) -> bool:
    address, write, size = transfer
    if model.WORD_ONLY and (size != 2 or address % 4):
        return False
    return bool(model.legal(address, write, pins))


def _lanes(transfer: tuple[int, int, int]) -> int:
    address, _, size = transfer
    return ((1 << (1 << size)) - 1) << (address % 4) & 15
