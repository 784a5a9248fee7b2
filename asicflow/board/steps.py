"""The ten steps of bring-up, in the order in which they build on each other."""

from __future__ import annotations

import dataclasses
import statistics
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from asicflow.board.adp import Adp, BusError, ChipError, LinkError
from asicflow.board.chip import Chip
from asicflow.board.ladder import Controls, Job, NotAsked, Step, StepFailed
from asicflow.board.link import ATTEMPTS
from asicflow.board.march import ends, march
from asicflow.firmware.image import BOOT_CODE, BootError, BootMode
from asicflow.soc.system import System

SELFTESTS = ("vectors", "timer0", "timer1", "gpio", "dma", "systick")
CPU_TESTS, INTERRUPT_TESTS = (0, 3, 5), (1, 2, 4)
PASSED = 0x0001
CLOCK_TOLERANCE = 0.1
SUPPLIES = (0.9, 1.0, 1.1)
RATIOS = (1.0, 1.2, 1.4, 1.6, 1.8, 2.0)
_FLASH_BOOT_CYCLES = 1_500_000
_CLOCK_BYTES = 512


def power(job: Job, controls: Controls) -> None:
    """0: supply currents, asked of the person."""
    off = job.bench.ask("supply off: does the meter read 0? (y/n)")
    if off is None:
        raise NotAsked("a simulated board has no supply current")
    controls.must_differ("the meter tells supply on from off", off.strip() == "y")
    answer = job.bench.ask("supply on, reset held: current in mA, and the most that you expect, e.g. 0.4 1.0") or ""
    try:
        found, most = map(float, answer.split())
    except ValueError:
        raise StepFailed(f"'{answer}' is not two numbers") from None
    if not 0 < found <= most:
        raise StepFailed(f"supply current in reset: {found} mA, expected more than 0 and at most {most} mA")
    controls.note(f"supply current in reset: {found} mA of at most {most} mA")


def identity(job: Job, controls: Controls) -> None:
    """1: the debug port answers, the chip is the one of this run."""
    job.bench.reset(BootMode.HOST)
    chip = job.connect()
    controls.note("ESC brings the prompt")
    chip.identify()
    controls.expect("build", chip.table("BUILD"), int(job.described.soc["build_sha256"][:8], 16))
    controls.expect("model", chip.table("MODEL"), int(job.described.soc["model_sha256"][:8], 16))
    try:
        controls.note("banner: " + " | ".join(chip.boot_banner().split("\n")).strip(" |"))
    except ChipError:
        controls.note("banner: none; step 5 tells more of the processor")
    chip.port.hold_cpu()
    other = Chip(chip.port, dataclasses.replace(job.described, system=_other_build(job.described.system)))
    try:
        other.identify()
    except ChipError:
        controls.must_differ("a chip of another build", True)
    else:
        controls.must_differ("a chip of another build", False)
    try:
        chip.port.read(0x7000_0000)
    except BusError:
        controls.must_differ("an access to nothing", True)
    else:
        controls.must_differ("an access to nothing", False)


def _other_build(system: System) -> System:
    """The map of a chip whose system table has another build in it."""
    data = system.model_dump()
    (table,) = (block for block in data["blocks"] if block["name"] == "table")
    (build,) = (register for register in table["registers"]["registers"] if register["name"] == "BUILD")
    build["fields"][0]["reset"] ^= 1
    return System.model_validate(data)


def memories(job: Job, controls: Controls) -> None:
    """2: March C- on each memory through the debug port, the processor in reset."""
    chip = job.connected()
    chip.port.hold_cpu()
    for name in ("imem", "dmem"):
        memory = job.described.system.memory(name)
        addresses = ends(memory.base, memory.bytes, job.march_words)
        found = march(chip.port, addresses, _share(job, f"March C- on {name}"))
        if found.wrong:
            address, expected = found.wrong[0]
            raise StepFailed(
                f"{name}: {len(found.wrong)} reads are wrong, first {address:#010x}, expected {expected:#x}"
            )
        controls.note(f"{name}: {found.words} of {memory.bytes // 4} words, no wrong read")
        few = addresses[:8]
        planted = march(chip.port, few, lambda _: None, plant=few[3])
        controls.must_differ(f"a changed word in {name}", [a for a, _ in planted.wrong] == [few[3]])


def _share(job: Job, what: str) -> Callable[[float], None]:
    return lambda part: job.progress(f"{what}: {part:.0%}")


def peripherals(job: Job, controls: Controls) -> None:
    """3: system control, pins, timers, and the clock's frequency."""
    chip = job.connected()
    port, scratch = chip.port, chip.register("sysctrl", "SCRATCH")
    for value in (0xA5A5_5A5A, 0x5A5A_A5A5):
        port.write(scratch, value)
        controls.expect("SCRATCH", port.read(scratch)[0], value)
    controls.must_differ("another value in SCRATCH", port.read(scratch)[0] != 0xA5A5_5A5A)
    port.write(scratch, 0)
    hz = port.read(chip.register("sysctrl", "CLK_HZ"))[0]
    controls.expect("CLK_HZ", hz, job.described.soc["clock"]["hz"])
    controls.expect("boot straps", port.read(chip.register("sysctrl", "BOOT_CFG"))[0], BootMode.HOST.value)
    _pins(job, chip, controls)
    for name in ("timer0", "timer1"):
        controls.expect(f"{name} counts", _counts(chip, name, enable=1), True)
        controls.must_differ(f"{name} stopped", not _counts(chip, name, enable=0))
    found = clock_hz(job)
    if abs(found / hz - 1) > CLOCK_TOLERANCE:
        raise StepFailed(f"clock: {found / 1e6:.2f} MHz by the line's bit time, {hz / 1e6:.2f} MHz in CLK_HZ")
    controls.note(f"clock: {found / 1e6:.2f} MHz by the line's bit time, {hz / 1e6:.2f} MHz expected")
    controls.must_differ("a clock 1.5 times as fast", abs(1.5 * found / hz - 1) > CLOCK_TOLERANCE)


def _pins(job: Job, chip: Chip, controls: Controls) -> None:
    port = chip.port
    port.write(chip.register("gpio0", "OE"), 0xFFFF)
    for value in (0x5A3C, 0xA5C3):
        port.write(chip.register("gpio0", "OUT"), value)
        if (seen := job.bench.leds()) is None:
            controls.note("output pins: nobody looked")
            break
        controls.expect("output pins", seen, value)
    port.write(chip.register("gpio0", "OUT"), 0)
    port.write(chip.register("gpio0", "OE"), 0)
    if not job.bench.set_pins(0x1234):
        controls.note("input pins: nobody drove them")
        return
    controls.expect("input pins", port.read(chip.register("gpio0", "IN"))[0], 0x1234)
    job.bench.set_pins(0)
    controls.must_differ("other levels at the input pins", port.read(chip.register("gpio0", "IN"))[0] != 0x1234)


def _counts(chip: Chip, timer: str, enable: int) -> bool:
    port, value = chip.port, chip.register(timer, "VALUE")
    port.write(chip.register(timer, "RELOAD"), 0xFFFF_FFFF)
    port.write(chip.register(timer, "CTRL"), 4)  # load
    port.write(chip.register(timer, "CTRL"), enable)
    first, second = port.sample(value)[0], port.sample(value)[0]
    port.write(chip.register(timer, "CTRL"), 0)
    return second != first


def clock_hz(job: Job) -> float:
    """Return the chip's clock by the line's bit time, which the host knows: a timer counts during two uploads.

    Their difference in length takes ten bit times a byte, whatever else the commands take.
    """
    chip = job.connected()
    dmem = job.described.system.memory("dmem").base
    value = chip.register("timer0", "VALUE")
    chip.port.write(chip.register("timer0", "RELOAD"), 0xFFFF_FFFF)
    chip.port.write(chip.register("timer0", "CTRL"), 4)
    chip.port.write(chip.register("timer0", "CTRL"), 1)

    def taken(count: int) -> int:
        before = Adp.read(chip.port, value)[0]
        Adp.upload(chip.port, dmem, bytes(count))
        return before - Adp.read(chip.port, value)[0]

    cycles = []
    for _ in range(4 * ATTEMPTS):
        try:
            cycles.append(taken(64 + _CLOCK_BYTES) - taken(64))
        except LinkError:  # a byte was lost: no measurement
            chip.port.connect()
        if len(cycles) == 5:
            break
    if not cycles:
        raise StepFailed("the clock cannot be measured: no upload went through undisturbed")
    return statistics.median(cycles) / (10 * _CLOCK_BYTES) * job.bench.baud


def socket(job: Job, controls: Controls) -> None:
    """4: a known vector through the debug port alone."""
    chip = job.connected()
    chip.port.hold_cpu()
    exact = 0
    count = min(3, len(job.x))
    for x, y in zip(job.x[:count], job.y[:count], strict=True):
        found, cycles = chip.infer(x)
        exact += np.array_equal(found, y)
    job.agreement["debug path"] = (exact, count)
    controls.expect("exact vectors through the debug port", f"{exact} of {count}", f"{count} of {count}")
    controls.note(f"engine: {cycles} cycles")
    other = next((k for k in range(1, len(job.y)) if not np.array_equal(job.y[k], job.y[0])), None)
    if other is None:
        raise StepFailed("all vectors have the same outputs: they prove nothing")
    controls.must_differ("another vector's outputs", not np.array_equal(chip.infer(job.x[other])[0], job.y[0]))


def processor(job: Job, controls: Controls) -> None:
    """5: load IMEM, the processor runs ``selftest`` and ``memtest``."""
    chip = job.connected()
    chip.load("selftest")
    failed, exact, cycles = chip.ask("selftest", struct.pack("<I", 0))
    _demand(failed, CPU_TESTS)
    controls.note(f"selftest: {exact} vectors exact, {cycles} cycles each; {_names(CPU_TESTS)} passed")
    if (seen := job.bench.leds()) is not None:
        controls.expect("output pins", seen, PASSED)
    _spoil(chip, controls, CPU_TESTS)
    chip.load("memtest")
    words, errors, address, expected, found = chip.ask("memtest", struct.pack("<I", 0))
    if errors:
        raise StepFailed(f"memtest: {errors} wrong reads, first {address:#010x}: {found:#x}, expected {expected:#x}")
    controls.note(f"memtest: March C- by the processor on {words} words, no wrong read")
    memory = job.described.system.memory("dmem")
    plant = memory.base + memory.bytes // 2
    _, errors, address, *_ = chip.ask("memtest", struct.pack("<I", plant))
    controls.must_differ("a changed word in memtest", errors == 1 and address == plant)


def interrupts(job: Job, controls: Controls) -> None:
    """6: interrupts reach their handlers, the DMA copies."""
    chip = job.connected()
    chip.load("selftest")
    failed, *_ = chip.ask("selftest", struct.pack("<I", 0))
    _demand(failed, INTERRUPT_TESTS)
    controls.note(f"selftest: {_names(INTERRUPT_TESTS)} passed")
    _spoil(chip, controls, INTERRUPT_TESTS)


def _names(tests: tuple[int, ...]) -> str:
    return ", ".join(SELFTESTS[k] for k in tests)


def _demand(failed: int, tests: tuple[int, ...]) -> None:
    bad = [SELFTESTS[k] for k in tests if failed >> k & 1]
    if bad:
        raise StepFailed(f"selftest: {', '.join(bad)} failed")


def _spoil(chip: Chip, controls: Controls, tests: tuple[int, ...]) -> None:
    for k in tests:
        failed, *_ = chip.ask("selftest", struct.pack("<I", 1 << k))
        controls.must_differ(f"a wrong expected value in selftest's {SELFTESTS[k]}", failed == 1 << k)


def program(job: Job, controls: Controls) -> None:
    """7: ``infer`` answers, every vector exact."""
    chip = job.connected()
    chip.load("infer")
    exact, cycles, elapsed = 0, [], []
    for n, (x, y) in enumerate(zip(job.x, job.y, strict=True)):
        if n % 10 == 0:
            job.progress(f"infer: {n} of {len(job.x)} vectors")
        found, engine, spent = chip.infer_by_program(x)
        exact += np.array_equal(found, y)
        cycles.append(engine)
        elapsed.append(spent)
    job.agreement["firmware path"] = (exact, len(job.x))
    controls.expect("exact vectors through firmware", f"{exact} of {len(job.x)}", f"{len(job.x)} of {len(job.x)}")
    controls.note(f"engine {max(cycles)} cycles, with the program {max(elapsed)} cycles")
    spoiled = job.y[0].copy()
    spoiled[0] ^= 1
    controls.must_differ(
        "one wrong bit in the expected outputs", not np.array_equal(chip.infer_by_program(job.x[0])[0], spoiled)
    )


def flash_boot(job: Job, controls: Controls) -> None:
    """8: boot from flash without the host; an empty flash ends in the wait for the host."""
    job.bench.program_flash(_image(job, "selftest"))
    job.bench.reset(BootMode.FLASH)
    job.bench.wait(_FLASH_BOOT_CYCLES)
    seen = job.bench.leds()
    if seen is not None and seen != PASSED:
        raise StepFailed(f"selftest from flash, no host: output pins {seen:#x}, expected {PASSED:#x}{_boot_error(job)}")
    controls.note(f"selftest from flash, no host: output pins {seen if seen is None else hex(seen)}")
    if job.chip is not None:
        job.bench.program_flash(_image(job, "infer"))
        job.bench.reset(BootMode.FLASH)
        job.bench.wait(_FLASH_BOOT_CYCLES)
        chip = job.connect()
        if error := _boot_error(job):
            raise StepFailed(f"infer from flash{error}")
        found = chip.infer_by_program(job.x[0])[0]
        controls.expect("infer from flash is exact", bool(np.array_equal(found, job.y[0])), True)
    job.bench.program_flash(None)
    job.bench.reset(BootMode.FLASH)
    job.bench.wait(_FLASH_BOOT_CYCLES)
    if job.chip is not None:
        chip = job.connect()
        (code,) = chip.port.read(chip.register("sysctrl", "SCRATCH"))
        controls.must_differ("an empty flash, by the code in SCRATCH", code == BOOT_CODE | BootError.NO_IMAGE)
        chip.load("selftest")
        controls.note("after it, the chip takes a program from the host")
    else:
        controls.must_differ("an empty flash, by the output pins", job.bench.leds() != PASSED)


def _boot_error(job: Job) -> str:
    """What the boot ROM left in SCRATCH, when there is a link."""
    if job.chip is None:
        return ""
    chip = job.connect()
    (code,) = chip.port.read(chip.register("sysctrl", "SCRATCH"))
    if code & 0xFFFF0000 != BOOT_CODE:
        return "" if code == 0 else f": SCRATCH {code:#010x}"
    return f": the boot ROM says {BootError(code & 0xFFFF).name}, and waits for the host"


def _image(job: Job, name: str) -> Path:
    return job.described.firmware / str(job.described.programs[name]["flash_image"])


def sweep(job: Job, controls: Controls) -> None:
    """9: faster and faster to the first failure, at each supply (shmoo)."""
    nominal = job.bench.nominal_hz
    port = job.connected().port
    port.attempts = 3
    try:
        for supply in SUPPLIES:
            for ratio in RATIOS:
                job.progress(f"sweep: {ratio * nominal / 1e6:.1f} MHz at {supply:.0%} supply")
                job.bench.set_clock(ratio * nominal, supply)
                good = _works(job)
                job.shmoo.append({"hz": ratio * nominal, "supply": supply, "exact": good})
                if not good:
                    break
    finally:
        port.attempts = ATTEMPTS
        job.bench.set_clock(nominal, 1.0)
    fastest = max((p["hz"] for p in job.shmoo if p["exact"] and p["supply"] == 1.0), default=None)
    if fastest is None:
        raise StepFailed("not exact at the nominal clock and supply")
    bad = [p for p in job.shmoo if not p["exact"]]
    for point in bad:
        controls.note(f"first failure at {point['supply']:.0%} supply: {point['hz'] / 1e6:.1f} MHz")
    if not bad:
        controls.note(f"no failure up to {fastest / 1e6:.1f} MHz")
    controls.must_differ("another vector's outputs at the nominal clock", not _works(job, wrong=True))


def _works(job: Job, wrong: bool = False) -> bool:
    """One inference through the debug port after a reset; with ``wrong`` against spoiled outputs."""
    job.bench.reset(BootMode.HOST)
    try:
        chip = job.connect()
        chip.port.hold_cpu()
        found = chip.infer(job.x[0])[0]
    except LinkError:
        return False
    return bool(np.array_equal(found, job.y[0] ^ int(wrong)))


STEPS = (
    Step(0, "power and reset current", (), power),
    Step(1, "debug port and identity", (0,), identity),
    Step(2, "memories by the debug port", (1,), memories),
    Step(3, "system control, pins, timers, clock", (1,), peripherals),
    Step(4, "accelerator by the debug port", (1,), socket),
    Step(5, "processor runs from IMEM", (2,), processor),
    Step(6, "interrupts and DMA", (5,), interrupts),
    Step(7, "inference by firmware", (5, 4), program),
    Step(8, "boot from flash", (0,), flash_boot),
    Step(9, "clock sweep", (4,), sweep),
)
