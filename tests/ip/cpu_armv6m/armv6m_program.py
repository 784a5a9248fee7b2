"""Constrained-random Armv6-M programs, as lists of items that can be taken out one by one."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from armv6m_bench import DATA, Job, image

BASE, INDEX, COUNT = 6, 7, 5  # R6 points into data, R7 is a small multiple of 4, R5 counts loops
START = 0x100
DATA_WORDS = 9000


@dataclass(frozen=True)
class Item:
    """Some instructions.  ``literal`` fills a literal load, ``target`` is the item a branch goes to."""

    text: str
    halves: tuple[int, ...] = ()
    load: int = -1  # low register of a literal load
    literal: int = 0
    target: int = -1  # number of an item
    branch: str = ""  # how halves follow from the offset; "address": the literal is the target


@dataclass(frozen=True)
class Program:
    """Items by number; a removed item is None."""

    items: tuple[Item | None, ...]
    seed: int
    prefix: int

    def without(self, numbers: set[int]) -> Program:
        """Return the program without some items."""
        return replace(self, items=tuple(None if i in numbers else item for i, item in enumerate(self.items)))


def _size(item: Item) -> int:
    if item.load >= 0:
        return 2
    return {"": 2 * len(item.halves), "bl": 4}.get(item.branch, 2)


def branch_halves(kind: str, offset: int) -> tuple[int, ...]:
    """Encode a branch; ``offset`` is relative to its address + 4."""
    if kind == "b":
        return (0xE000 | offset >> 1 & 0x7FF,)
    if kind == "bl":
        s = offset >> 24 & 1
        j1, j2 = 1 ^ (offset >> 23 & 1) ^ s, 1 ^ (offset >> 22 & 1) ^ s
        return (0xF000 | s << 10 | offset >> 12 & 0x3FF, 0xD000 | j1 << 13 | j2 << 11 | offset >> 1 & 0x7FF)
    return (0xD000 | int(kind) << 8 | offset >> 1 & 0xFF,)


def assemble(program: Program, **options: int) -> Job:
    """Place a program behind its vectors, with a pool of literals at its end."""
    address, at = START, []
    for item in program.items:
        at.append(address)
        address += _size(item) if item else 0
    end = address
    at.append(end)
    pool = (end + 2 + 3) & ~3
    code = {0: 0x8000, 2: DATA >> 16, 4: START | 1, 6: 0, end: 0xE7FE}
    for item, here in zip(program.items, at, strict=False):
        if item is None:
            continue
        halves = item.halves
        if item.load >= 0:
            value = at[item.target] | 1 if item.branch == "address" else item.literal
            code[pool], code[pool + 2] = value & 0xFFFF, value >> 16
            halves = (0x4800 | item.load << 8 | (pool - (here + 4 & ~3)) >> 2,)
            pool += 4
        elif item.branch:
            halves = branch_halves(item.branch, at[item.target] - here - 4)
        for k, half in enumerate(halves):
            code[here + 2 * k] = half
    assert pool - START < 1300
    data = np.random.default_rng(program.seed).integers(0, 1 << 32, DATA_WORDS, np.uint32)
    return Job(image(code, pool), data, end=end, seed=program.seed, **options)


def listing(program: Program) -> str:
    """Return the items that are left, one per line."""
    return "\n".join(f"  {i:4}  {item.text}" for i, item in enumerate(program.items) if item)


class _Writer:
    """Draws items."""

    def __init__(self, seed: int, still_stack: bool) -> None:
        self.r, self.still_stack = random.Random(seed), still_stack
        self.items: list[Item] = []
        self.forward: list[int] = []  # items whose target is set later
        self.in_loop = False

    def low(self) -> int:
        return self.r.randrange(8)

    def dst(self) -> int:
        return self.r.randrange(5)

    def high_dst(self) -> int:
        return self.r.choice([0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 14])

    def add(self, text: str, *halves: int) -> None:
        self.items.append(Item(text, halves))

    def literal(self, reg: int, value: int) -> None:
        self.items.append(Item(f"ldr r{reg}, ={value:#x}", load=reg, literal=value))

    def value(self) -> int:
        edges = [0, 1, 0xFFFF_FFFF, 0x8000_0000, 0x7FFF_FFFF, 31, 32, 33, 255, 256, 1 << self.r.randrange(32)]
        return self.r.choice(edges) if self.r.random() < 0.6 else self.r.getrandbits(32)

    def prefix(self) -> None:
        for reg in (*range(8, 13), 14):
            self.literal(0, self.value())
            self.add(f"mov r{reg}, r0", 0x4680 | (reg & 8) << 4 | (reg & 7) if reg < 8 else 0x4680 | (reg & 7))
        for reg in range(6):
            self.literal(reg, self.value())
        self.pointers()
        self.add("cmp r0, r1", 0x4288)

    def pointers(self) -> None:
        self.literal(BASE, DATA + 4 * self.r.randrange(1000, 3000))
        self.literal(INDEX, 4 * self.r.randrange(64))

    # One method for each kind of item.

    def shift_add(self) -> None:
        op = self.r.randrange(0x20)
        if op < 0x18:  # shifts by immediate, three-operand add and subtract
            half = self.r.randrange(0x2000) & ~7 | self.dst()
            return self.add(f"shift/add {half:#06x}", half)
        half = 0x2000 | (op & 3) << 11 | self.dst() << 8 | self.r.getrandbits(8)
        return self.add(f"imm8 {half:#06x}", half)

    def data_processing(self) -> None:
        op = self.r.randrange(16)
        rd = self.low() if op in (8, 10, 11) else self.dst()
        half = 0x4000 | op << 6 | self.low() << 3 | rd
        self.add(f"dp {half:#06x}", half)

    def shift_amount(self) -> None:
        """A shift by a register whose value is near the interesting amounts."""
        rs, rd = self.r.sample(range(5), 2)
        self.add("movs amount", 0x2000 | rs << 8 | self.r.choice([0, 1, 2, 31, 32, 33, 63, 64, 65, 255]))
        half = 0x4000 | self.r.choice([2, 3, 4, 7]) << 6 | rs << 3 | rd
        self.add(f"shift {half:#06x}", half)

    def high(self) -> None:
        op = self.r.choice([0, 1, 2])
        rd = self.high_dst() if op != 1 else self.r.choice([*range(8, 13), 14, self.low()])
        rm = self.r.choice([*range(13), 13, 14, 15]) if op != 1 else self.r.choice([*range(13), 14])
        if op == 1 and rd < 8 and rm < 8:
            rm = 8
        half = 0x4400 | op << 8 | (rd & 8) << 4 | rm << 3 | rd & 7
        self.add(f"high {half:#06x}", half)

    def extend(self) -> None:
        half = self.r.choice([0xB200, 0xB240, 0xB280, 0xB2C0, 0xBA00, 0xBA40, 0xBAC0]) | self.low() << 3 | self.dst()
        self.add(f"extend {half:#06x}", half)

    def address(self) -> None:
        half = self.r.choice([0xA000, 0xA800]) | self.dst() << 8 | self.r.getrandbits(8)
        self.add(f"adr/add sp {half:#06x}", half)

    def memory(self) -> None:
        r, kind = self.r, self.r.randrange(4)
        load = r.random() < 0.5
        rt = self.dst() if load else self.low()
        if kind == 0:
            size = r.choice([0x6000, 0x7000, 0x8000])
            half = size | load << 11 | r.getrandbits(5) << 6 | BASE << 3 | rt
        elif kind == 1:
            op = r.choice([3, 4, 5, 6, 7]) if load else r.choice([0, 1, 2])
            first, second = r.choice([(BASE, INDEX), (INDEX, BASE)])
            half = 0x5000 | op << 9 | second << 6 | first << 3 | rt
        elif kind == 2:
            half = 0x9000 | load << 11 | rt << 8 | r.getrandbits(8)
        else:
            half = 0x4800 | self.dst() << 8 | r.getrandbits(8)
        self.add(f"memory {half:#06x}", half)

    def multiple(self) -> None:
        r = self.r
        stored = r.getrandbits(8) & ~(1 << BASE) or 1
        loaded = r.getrandbits(8) & 0x1F or 1
        kind = r.randrange(5)
        if kind == 0:
            self.add(f"stm {stored:#x}", 0xC000 | BASE << 8 | stored)
        elif kind == 1:
            self.add(f"ldm {loaded:#x}", 0xC800 | BASE << 8 | loaded)
        elif kind == 2:
            base = r.randrange(5)  # The base is in the list: loaded, not written back
            self.add("mov base", 0x0000 | BASE << 3 | base)
            self.add(f"ldm in list {loaded:#x}", 0xC800 | base << 8 | loaded | 1 << base)
        elif kind == 3:
            self.add("push", 0xB400 | r.getrandbits(1) << 8 | (r.getrandbits(8) or 1))
        else:
            self.add("pop", 0xBC00 | loaded)

    def base_first(self) -> None:
        """STM whose base is the lowest register of the list: the old value is stored."""
        base = self.r.randrange(3)
        self.add("mov base", BASE << 3 | base)
        self.add("stm base first", 0xC000 | base << 8 | (0xFF << base & 0xFF & (self.r.getrandbits(8) | 1 << base)))

    def stack_pointer(self) -> None:
        if self.still_stack:
            return
        if self.r.random() < 0.3:
            self.literal(0, DATA + 4 * self.r.randrange(6000, 8000))
            self.add(*self.r.choice([("mov sp, r0", 0x4685), ("msr msp, r0", 0xF380, 0x8808)]))
        else:
            self.add("add/sub sp", 0xB000 | self.r.getrandbits(1) << 7 | self.r.randrange(16))

    def special(self) -> None:
        r = self.r
        kind = r.randrange(9)
        if kind == 8:
            reg = self.dst()  # Unicorn keeps bits that a stack pointer does not have
            self.add(
                f"lsrs, lsls, msr psp, r{reg}", 0x0880 | reg << 3 | reg, 0x0080 | reg << 3 | reg, 0xF380 | reg, 0x8809
            )
            self.add("mrs psp", 0xF3EF, 0x8009 | self.high_dst() << 8)
        elif kind == 0:
            self.add("mrs apsr", 0xF3EF, 0x8000 | self.high_dst() << 8)
        elif kind == 1:
            reg = self.dst()  # Only the flags: unicorn keeps a Q flag, which Armv6-M does not have
            self.add("lsrs, lsls, msr apsr", 0x0F00 | reg << 3 | reg, 0x0700 | reg << 3 | reg, 0xF380 | reg, 0x8800)
        elif kind == 2:
            self.add("barrier", 0xF3BF, r.choice([0x8F4F, 0x8F5F, 0x8F6F]))
        elif kind == 3:
            self.add("hint", r.choice([0xBF00, 0xBF40, 0xBF50]))
        elif kind == 4:
            self.add("mrs msp", 0xF3EF, 0x8008 | self.dst() << 8)
        elif kind == 5:
            self.add("mrs 0", 0xF3EF, r.choice([0x8005, 0x8006, 0x8007]) | self.dst() << 8)
        else:
            self.add("cps", r.choice([0xB662, 0xB662, 0xB662, 0xB672]))
            self.add("cpsie", *[0xBF00] * 4, 0xB662)

    def branch(self) -> None:
        r = self.r
        kind = r.choice(["b", "bl", *map(str, range(14)), *map(str, range(14))])
        self.forward.append(len(self.items))
        self.items.append(Item(f"branch {kind}", branch=kind))

    def jump(self) -> None:
        """BX, BLX, MOV PC, or POP PC to a later item."""
        r, reg = self.r, self.r.randrange(5)
        self.forward.append(len(self.items))
        self.items.append(Item(f"ldr r{reg}, =target", load=reg, branch="address"))
        kind = r.randrange(4)
        if kind != 3 and r.random() < 0.5:
            high = r.choice([*range(8, 13), 14])
            self.add(f"mov r{high}, r{reg}", 0x4680 | reg << 3 | high & 7)
            reg = high
        if kind == 0:
            self.add(f"bx r{reg}", 0x4700 | reg << 3)
        elif kind == 1:
            self.add(f"blx r{reg}", 0x4780 | reg << 3)
        elif kind == 2:
            self.add(f"mov pc, r{reg}", 0x4687 | reg << 3)
        else:
            low = r.getrandbits(reg) if reg else 0
            self.add(f"push to r{reg}", 0xB400 | 1 << reg | low)
            self.add("pop pc", 0xBD00 | low)

    def loop(self) -> None:
        if self.in_loop:
            return
        self.add("movs count", 0x2000 | COUNT << 8 | self.r.randrange(1, 6))
        head, self.in_loop = len(self.items), True
        held, self.forward = self.forward, []
        for _ in range(self.r.randrange(2, 8)):
            self.draw()
        self.land(len(self.items))
        self.forward = held
        self.add("subs count", 0x3801 | COUNT << 8)
        self.items.append(Item("bne head", target=head, branch="1"))
        self.in_loop = False

    def land(self, target: int) -> None:
        """Give every open forward branch its target."""
        for i in self.forward:
            self.items[i] = replace(self.items[i], target=target)
        self.forward = []

    def draw(self) -> None:
        kinds: list[tuple[Callable[[], None], int]] = [
            (self.shift_add, 12), (self.data_processing, 16), (self.shift_amount, 3), (self.high, 8),
            (self.extend, 4), (self.address, 2), (self.memory, 16), (self.multiple, 6), (self.base_first, 1),
            (self.stack_pointer, 2), (self.special, 4), (self.branch, 8), (self.jump, 3), (self.loop, 2),
            (self.pointers, 3),
        ]  # fmt: skip
        self.r.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]()
        if self.forward and self.r.random() < 0.3:
            self.land(len(self.items))


def random_program(seed: int, draws: int = 110, still_stack: bool = False) -> Program:
    """Draw a program; with ``still_stack`` only PUSH and POP move the stack pointer."""
    writer = _Writer(seed, still_stack)
    writer.prefix()
    prefix = len(writer.items)
    for _ in range(draws):
        writer.draw()
    writer.land(len(writer.items))
    return Program(tuple(writer.items), seed, prefix)


def shrink(program: Program, fails: Callable[[Program], bool]) -> Program:
    """Take out items as long as the program still fails."""
    chunk = max(1, len(program.items) // 2)
    while chunk:
        start = program.prefix
        while start < len(program.items):
            numbers = {i for i in range(start, min(start + chunk, len(program.items))) if program.items[i]}
            smaller = program.without(numbers)
            if numbers and fails(smaller):
                program = smaller
            start += chunk
        chunk //= 2
    return program
