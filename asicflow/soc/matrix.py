"""Write the bus of a SoC: the matrix of ``ip/ahb_matrix`` with named ports and an address map."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from asicflow.errors import UserError

ADDRESS_BITS = 32
SHARE = "share"
"""The port of the matrix behind which several targets are."""
JOIN = "join"
"""The port of the matrix in front of which several initiators are."""

# Port, bits, direction seen from the matrix: of an initiator, and of a target.
_INITIATOR = (
    ("haddr", 32, "input"), ("htrans", 2, "input"), ("hsize", 3, "input"), ("hprot", 4, "input"),
    ("hwrite", 1, "input"), ("hwdata", 32, "input"),
    ("hrdata", 32, "output"), ("hready", 1, "output"), ("hresp", 1, "output"),
)  # fmt: skip
_TARGET = (
    ("hsel", 1, "output"), ("haddr", 32, "output"), ("htrans", 2, "output"), ("hsize", 3, "output"),
    ("hprot", 4, "output"), ("hwrite", 1, "output"), ("hwdata", 32, "output"), ("hready", 1, "output"),
    ("hrdata", 32, "input"), ("hreadyout", 1, "input"), ("hresp", 1, "input"),
)  # fmt: skip
_MEANING = {
    "hsel": "select", "haddr": "address", "htrans": "transfer type", "hsize": "size", "hprot": "protection",
    "hwrite": "1 write, 0 read", "hwdata": "write data, in the data phase", "hrdata": "read data",
    "hready": "HREADY", "hreadyout": "the data phase ends", "hresp": "1 ERROR",
}  # fmt: skip


@dataclass(frozen=True)
class Region:
    """A part of the address map.

    Attributes
    ----------
    target : str
        Who answers there.
    base, size : int
        First address and bytes; the size is a power of two, the base a multiple of it.
    enable : str or None
        Input of the matrix that puts the region into the map while it is 1; None: always there.
        Such a region comes before those that it overlaps.
    """

    target: str
    base: int
    size: int
    enable: str | None = None


@dataclass(frozen=True)
class Matrix:
    """A bus: initiators by falling priority, and the address map; its targets in order of appearance.

    ``bounded`` are the targets that end every data phase by themselves: the time limit is for the others.
    ``shared`` are targets behind one port of the matrix; ``steady`` are initiators that keep the address until
    the data phase ends; ``quiet`` are targets whose read data are 0 but in their data phases. ``joined`` are
    initiators in front of one port of the matrix, which has the priority of the first of them; they are steady.
    """

    name: str
    initiators: Sequence[str]
    regions: Sequence[Region]
    timeout: int = 128
    bounded: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    steady: frozenset[str] = frozenset()
    quiet: frozenset[str] = frozenset()
    joined: frozenset[str] = frozenset()

    @property
    def targets(self) -> list[str]:
        """The targets, in the order of their first regions."""
        return list(dict.fromkeys(region.target for region in self.regions))

    @property
    def layers(self) -> list[str]:
        """The ports of the matrix: targets with a port of their own, then that of those who share one."""
        return [*(t for t in self.targets if t not in self.shared), *([SHARE] if self.shared else [])]

    @property
    def fronts(self) -> list[str]:
        """The initiators' side of the matrix: those with a port of their own, and the port of those who are joined."""
        return list(dict.fromkeys(JOIN if i in self.joined else i for i in self.initiators))

    def targets_of(self, layer: str) -> set[str]:
        """The targets behind a port of the matrix."""
        return {t for t in self.targets if self.layer(t) == layer}

    def layer(self, target: str) -> str:
        """The port of the matrix that leads to a target."""
        return SHARE if target in self.shared else target

    def ports(self) -> list[tuple[str, int, bool]]:
        """The bus ports of the generated module: name, bits, True for an output."""
        sides = ((self.initiators, _INITIATOR), (self.targets, _TARGET))
        return [
            (_port(name, signal, direction), bits, direction == "output")
            for names, signals in sides
            for name, (signal, bits, direction) in product(names, signals)
        ]

    @property
    def enables(self) -> list[str]:
        """The inputs that put regions into the map."""
        return list(dict.fromkeys(region.enable for region in self.regions if region.enable))


def write_matrix(matrix: Matrix) -> str:
    """Return the SystemVerilog of module ``matrix.name``, a wrapper of ``ahb_matrix``.

    Raises
    ------
    UserError
        If a name is no identifier or appears twice, a region is not aligned, or two regions
        overlap and neither can be switched off before the other.
    """
    _check(matrix)
    regions = [r for r in matrix.regions if r.target not in matrix.shared]
    lines = [
        "// SPDX-License-Identifier: Apache-2.0",
        "// Generated by asicflow from the address map. Do not edit.",
        "//",
        f"// Bus matrix; the priority falls in the order {', '.join(matrix.initiators)}.",
        "",
        f"module {matrix.name} (",
        _ports(matrix),
        ");",
        "",
        *_join_nets(matrix),
        *_share_nets(matrix),
        "  ahb_matrix #(",
        f"    .NumInitiators({len(matrix.fronts)}),",
        f"    .NumTargets({len(matrix.layers)}),",
        f"    .NumRegions({len(regions)}),",
        f"    .Rest({len(matrix.layers) - bool(matrix.shared)}),",
        f"    .Timeout({matrix.timeout}),",
        f"    .Guarded({_bits(matrix.targets_of(layer) - matrix.bounded for layer in matrix.layers)}),",
        f"    .Steady({_bits(name == JOIN or name in matrix.steady for name in matrix.fronts)}),",
        f"    .Disjoint({_bits([not any(_overlap(*pair) for pair in combinations(regions, 2))])}),",
        f"    .RegionBase({_words([r.base for r in regions], 32)}),",
        f"    .RegionMask({_words([(1 << ADDRESS_BITS) - r.size for r in regions], 32)}),",
        f"    .RegionTarget({_words([matrix.layers.index(matrix.layer(r.target)) for r in regions], 8)})",
        "  ) i_matrix (",
        "    .clk_i(clk_i),",
        "    .rst_ni(rst_ni),",
        f"    .region_i({_concatenation([f'{r.enable}_i' if r.enable else '1' + chr(39) + 'b1' for r in regions])}),",
        ",\n".join(
            [
                *_connections("i", _INITIATOR, matrix.fronts),
                *_connections("t", _TARGET, matrix.layers),
            ]
        ),
        "  );",
        "",
        *_join(matrix),
        *_share(matrix),
        "endmodule",
        "",
    ]
    return "\n".join(lines)


def _check(matrix: Matrix) -> None:
    names = [matrix.name, *matrix.initiators, *matrix.targets, *matrix.enables, *([SHARE] if matrix.shared else [])]
    names += [JOIN] if matrix.joined else []
    for name in names:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or names.count(name) > 1:
            raise UserError(f"{name!r} is not a name of its own for a part of the bus", where=matrix.name)
    unknown = ((matrix.shared | matrix.quiet) - set(matrix.targets)) | (matrix.steady - set(matrix.initiators))
    if matrix.joined - matrix.steady or len(matrix.joined) == 1:
        what = f"{sorted(matrix.joined)[0]} shares a port with no other initiator"
        if moving := sorted(matrix.joined - matrix.steady):
            what = f"{moving[0]} is joined with others, but does not keep its address until the data phase ends"
        raise UserError(what, where=matrix.name)
    if unknown or len(matrix.shared) == 1:
        what = f"has no {sorted(unknown)[0]}" if unknown else "has one target that shares a port with none"
        raise UserError(f"the bus {what}", where=matrix.name)
    if not 1 <= len(matrix.initiators) <= 8 or not 1 <= len(matrix.targets) <= 32:
        raise UserError("a bus has 1 to 8 initiators and 1 to 32 targets", where=matrix.name)
    if not 2 <= matrix.timeout <= 65535:
        raise UserError(f"the time limit is {matrix.timeout}, possible is 2 to 65535", where=matrix.name)
    for region in matrix.regions:
        if region.size < 4 or region.size & (region.size - 1) or region.base % region.size:
            raise UserError(
                f"the region of {region.target} at {region.base:#x}, {region.size:#x} bytes, is not aligned",
                where=matrix.name,
                hint="the size is a power of two, the base a multiple of it",
            )
        if region.base + region.size > 1 << ADDRESS_BITS:
            raise UserError(f"the region of {region.target} does not fit in {ADDRESS_BITS} bits")
    for first, second in combinations(matrix.regions, 2):
        overlap = _overlap(first, second)
        if first.target in matrix.shared and (first.enable or (overlap and second.target not in matrix.shared)):
            raise UserError(
                f"{first.target} shares a port: its region at {first.base:#x} can cover no other and is always there",
                where=matrix.name,
            )
        if overlap and not first.enable:
            raise UserError(
                f"the regions of {first.target} and {second.target} overlap at {max(first.base, second.base):#x}",
                where=matrix.name,
                hint="a region that covers another has an enable and comes first",
            )


def _overlap(first: Region, second: Region) -> bool:
    """Whether an address lies in both regions, when both are in the map."""
    return first.base < second.base + second.size and second.base < first.base + first.size


def _ports(matrix: Matrix) -> str:
    ports = [
        ("input", 1, "clk_i", "Clock"),
        ("input", 1, "rst_ni", "Reset, active low: asynchronous assertion, synchronous release"),
        *(("input", 1, f"{name}_i", "Put the region into the map") for name in matrix.enables),
    ]
    for names, signals in ((matrix.initiators, _INITIATOR), (matrix.targets, _TARGET)):
        for name, (signal, bits, direction) in product(names, signals):
            ports.append((direction, bits, _port(name, signal, direction), f"{name}: {_MEANING[signal]}"))
    lines = []
    for direction, bits, name, comment in ports:
        comma = "," if name != ports[-1][2] else ""
        shape = f"[{bits - 1}:0]" if bits > 1 else ""
        lines.append(f"  {direction:<6} logic {shape:<6} {name + comma:<24} // {comment}")
    return "\n".join(lines)


def _port(name: str, signal: str, direction: str) -> str:
    return f"{name}_{signal}_{direction[0]}"


def _connections(side: str, signals: Sequence[tuple[str, int, str]], names: Sequence[str]) -> list[str]:
    return [
        f"    .{side}_{signal}_{direction[0]}({_concatenation([_port(name, signal, direction) for name in names])})"
        for signal, _, direction in signals
    ]


def _join_nets(matrix: Matrix) -> list[str]:
    """The signals between the matrix and joined initiators."""
    if not matrix.joined:
        return []
    return [*(f"  logic {_range(bits):<6} {_port(JOIN, signal, way)};" for signal, bits, way in _INITIATOR), ""]


def _join(matrix: Matrix) -> list[str]:
    """The instance of ``ahb_join``."""
    if not matrix.joined:
        return []
    masters = [i for i in matrix.initiators if i in matrix.joined]
    turned = {"input": "o", "output": "i"}
    pins = {"clk_i": "clk_i", "rst_ni": "rst_ni"}
    pins |= {f"{s}_{turned[way]}": _port(JOIN, s, way) for s, _, way in _INITIATOR}
    pins |= {f"m_{s}_{way[0]}": _concatenation([_port(m, s, way) for m in masters]) for s, _, way in _INITIATOR}
    return [
        f"  ahb_join #(.NumMasters({len(masters)})) i_join (",
        ",\n".join(f"    .{port}({net})" for port, net in pins.items()),
        "  );",
        "",
    ]


def _share_nets(matrix: Matrix) -> list[str]:
    """The signals between the matrix and what several targets share."""
    if not matrix.shared:
        return []
    nets = [f"  logic {_range(bits):<6} {_port(SHARE, signal, way)};" for signal, bits, way in _TARGET]
    return [*nets, ""]


def _share(matrix: Matrix) -> list[str]:
    """The instance of ``ahb_share``, and the signals that its targets see alike."""
    if not matrix.shared:
        return []
    slaves = [t for t in matrix.targets if t in matrix.shared]
    regions = [r for r in matrix.regions if r.target in matrix.shared]
    own = ("hsel", "htrans", "hrdata", "hreadyout", "hresp")
    pins = {"clk_i": "clk_i", "rst_ni": "rst_ni"}
    pins |= {f"{s}_i": f"{SHARE}_{s}_o" for s in ("hsel", "haddr", "htrans", "hready")}
    pins |= {f"{s}_o": f"{SHARE}_{s}_i" for s in ("hrdata", "hreadyout", "hresp")}
    pins |= {f"s_{s}_{way[0]}": _concatenation([_port(t, s, way) for t in slaves]) for s, _, way in _TARGET if s in own}
    common = [
        f"  assign {_port(t, s, way)} = {_port(SHARE, s, way)};"
        for t in slaves
        for s, _, way in _TARGET
        if s not in own
    ]
    return [
        "  ahb_share #(",
        f"    .NumSlaves({len(slaves)}),",
        f"    .NumRegions({len(regions)}),",
        f"    .RegionBase({_words([r.base for r in regions], 32)}),",
        f"    .RegionMask({_words([(1 << ADDRESS_BITS) - r.size for r in regions], 32)}),",
        f"    .RegionSlave({_words([slaves.index(r.target) for r in regions], 8)}),",
        f"    .Quiet({_bits(s in matrix.quiet for s in slaves)})",
        "  ) i_share (",
        ",\n".join(f"    .{port}({net})" for port, net in pins.items()),
        "  );",
        "",
        *common,
        "",
    ]


def _range(bits: int) -> str:
    return f"[{bits - 1}:0]" if bits > 1 else ""


def _bits(values: Iterable[object]) -> str:
    """Return a concatenation of bits, the first one lowest: 1 where the value is true or not empty."""
    return _concatenation([f"1'b{int(bool(value))}" for value in values])


def _concatenation(parts: Sequence[str]) -> str:
    """Return a concatenation with the first part lowest."""
    return f"{{{', '.join(reversed(parts))}}}"


def _words(values: Sequence[int], bits: int) -> str:
    return _concatenation([f"{bits}'h{value:0{bits // 4}x}" for value in values])
