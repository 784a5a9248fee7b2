"""Weights that are written at run time: their memories, the image that fills them, and the network it belongs to.

A memory has an entry for every word of weights, another one for every group of biases. An entry is written in
pieces of 32 bits, the lowest first; the image is all pieces of all weights, then all pieces of all biases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from asicflow.hls.plan import EnginePlan
from asicflow.hls.verilog import TEMPLATES, Port, index_bits, module, port_list
from asicflow.hls.weights import bias_words, plan_words
from asicflow.model.image import PIECE_BITS, Image, architecture


@dataclass(frozen=True)
class Memory:
    """A memory of ``entries`` of ``bits`` bits."""

    entries: int
    bits: int

    @property
    def pieces(self) -> int:
        """Words of the bus in an entry."""
        return -(-self.bits // PIECE_BITS)

    @property
    def data_bits(self) -> int:
        """Bits of the widest piece."""
        return min(PIECE_BITS, self.bits)

    def slices(self) -> Iterator[tuple[int, int]]:
        """The lowest and highest bit of every piece."""
        for low in range(0, self.bits, PIECE_BITS):
            yield low, min(low + PIECE_BITS, self.bits) - 1


@dataclass(frozen=True)
class Memories:
    """The memories of a plan."""

    weights: Memory
    biases: Memory

    @property
    def words(self) -> int:
        """Words of an image."""
        return sum(memory.entries * memory.pieces for memory in (self.weights, self.biases))

    @property
    def bits(self) -> int:
        """Bits that are stored."""
        return sum(memory.entries * memory.bits for memory in (self.weights, self.biases))

    @property
    def data_bits(self) -> int:
        """Bits of the data that are written at a time."""
        return max(self.weights.data_bits, self.biases.data_bits)

    @property
    def entry_bits(self) -> int:
        """Bits of the number of an entry."""
        return index_bits(max(self.weights.entries, self.biases.entries))


def memories(plan: EnginePlan) -> Memories:
    """The memories of a plan's weights and biases."""
    return Memories(
        Memory(plan.words, plan.multipliers * plan.weight_bits), Memory(plan.groups, plan.outputs * plan.bias_bits)
    )


def weights_image(plan: EnginePlan, model_sha256: str) -> Image:
    """The image of a plan's own weights; ``model_sha256`` names the integer network that they come from."""
    found = memories(plan)
    words: list[int] = []
    for memory, entries in ((found.weights, plan_words(plan)), (found.biases, bias_words(plan))):
        for entry in entries:
            words += [(entry >> low) & ((1 << (high - low + 1)) - 1) for low, high in memory.slices()]
    return Image(
        name=plan.spec.name,
        architecture=architecture(plan.spec, plan.outputs, plan.inputs),
        model_sha256=model_sha256,
        words=words,
    )


def memory_rtl(plan: EnginePlan) -> dict[str, str]:
    """Modules ``accel_engine_load``, ``accel_engine_weights`` and ``accel_engine_bias``: name to text."""
    found = memories(plan)
    return {
        "accel_engine_load": _load(found),
        "accel_engine_weights": _memory("accel_engine_weights", "words of weights", found.weights),
        "accel_engine_bias": _memory("accel_engine_bias", "groups of biases", found.biases),
    }


def _load(found: Memories) -> str:
    weights, biases = found.weights, found.biases
    ports: list[Port] = [
        ("input", None, "clk_i", "Clock"),
        ("input", None, "rst_ni", "Reset, active low, asynchronous"),
        ("input", None, "clear_i", "One-cycle pulse: the next word is the image's first"),
        ("input", None, "we_i", "Write the next word; ignored while busy_i and when the image is in place"),
        ("input", None, "busy_i", "An inference runs"),
        ("output", None, "loaded_o", "The whole image is in place"),
        ("output", found.entry_bits, "entry_o", "Entry that is written"),
        ("output", weights.pieces, "weights_we_o", "Piece of a word of weights that is written"),
        ("output", biases.pieces, "bias_we_o", "Piece of a group of biases that is written"),
    ]
    return TEMPLATES.get_template("accel_engine_load.sv.j2").render(
        ports=port_list(ports),
        words=weights.entries,
        groups=biases.entries,
        weight_pieces=weights.pieces,
        bias_pieces=biases.pieces,
        entry_bits=found.entry_bits,
        piece_bits=index_bits(max(weights.pieces, biases.pieces)),
    )


def _memory(name: str, what: str, memory: Memory) -> str:
    """A memory, in a column of registers for every piece."""
    ports: list[Port] = [
        ("input", None, "clk_i", "Clock"),
        ("input", memory.pieces, "we_i", "Pieces of the entry to write"),
        ("input", index_bits(memory.entries), "addr_i", "Entry to read or write"),
        ("input", memory.data_bits, "wdata_i", "Piece to write"),
        ("output", memory.bits, "data_o", "Entry, one cycle after its address"),
    ]
    body = []
    for k, (low, high) in enumerate(memory.slices()):
        bits = high - low + 1
        body += [
            f"  logic [{bits - 1}:0] piece_{k} [0:{memory.entries - 1}];",
            f"  logic [{bits - 1}:0] piece_{k}_q;",
            "  always_ff @(posedge clk_i) begin",
            f"    if (we_i[{k}]) piece_{k}[addr_i] <= wdata_i[{bits - 1}:0];",
            f"    piece_{k}_q <= piece_{k}[addr_i];",
            "  end",
            f"  assign data_o[{high}:{low}] = piece_{k}_q;",
            "",
        ]
    about = [f"Memory of {memory.entries} {what} of {memory.bits} bits, undefined after power-up."]
    return module(name, about, ports, body[:-1])
