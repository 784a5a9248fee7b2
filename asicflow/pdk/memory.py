"""Memory macros of a process: the ``memories`` of its PDK file, and how a memory is made of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from asicflow.errors import UserError
from asicflow.pdk.config import Pdk, load_pdk, pdk_names
from asicflow.resources import resource

FLIPFLOPS = "flipflops"
WORD_BITS = 32
_IP = "ip/soc_ram"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MacroSize(_Data):
    """Words and bits of a macro."""

    words: int
    bits: int


class Memories(_Data):
    """The ``memories`` section of a PDK file; in the paths ``{macro}`` is the macro's name."""

    data: Path
    lef: str
    gds: str
    wrapper: str
    models: list[str]
    corners: dict[str, str]
    macros: dict[str, MacroSize]


@dataclass(frozen=True)
class MemoryRtl:
    """Files of a technology: the one with module ``soc_ram``, and the macros' models for simulation."""

    wrapper: Path
    models: list[Path]


@dataclass(frozen=True)
class Macro:
    """A macro with its files; ``liberty`` by corner.  A file need not exist: see ``is_file()``."""

    name: str
    words: int
    bits: int
    lef: Path
    gds: Path
    liberty: dict[str, Path]


@dataclass(frozen=True)
class MacroPlan:
    """A memory made of macros: ``banks`` in depth, ``lanes`` in width."""

    macro: Macro
    banks: int
    lanes: int

    @property
    def count(self) -> int:
        """Macros in all."""
        return self.banks * self.lanes


def memories(pdk: Pdk) -> Memories | None:
    """Return the memory section of a PDK file, None when it has none (UserError when it is not valid)."""
    raw = pdk.raw.get("memories")
    if raw is None:
        return None
    try:
        return Memories.model_validate(raw)
    except ValidationError as error:
        raise UserError(f"the PDK file is not valid: {error}", where=str(pdk.config_path)) from error


def memory_technologies() -> list[str]:
    """Return the names that :func:`memory_rtl` takes: flip-flops, and each PDK with macros."""
    return [FLIPFLOPS, *(name for name in pdk_names() if memories(load_pdk(name, Path("."))) is not None)]


def memory_rtl(technology: str) -> MemoryRtl:
    """Return the files of module ``soc_ram`` in a technology.

    Raises
    ------
    UserError
        If the technology has no macros.
    """
    ip = resource(_IP)
    if technology == FLIPFLOPS:
        return MemoryRtl(ip / "rtl" / "soc_ram.sv", [])
    found = memories(load_pdk(technology, Path(".")))
    if found is None:
        raise UserError(f"{technology} has no memory macros", where="soc.ram", hint="soc.ram: flipflops")
    return MemoryRtl(ip / found.wrapper, [ip / name for name in found.models])


def macros(pdk: Pdk) -> list[Macro]:
    """Return the macros of a process, smallest first."""
    found = memories(pdk)
    if found is None:
        return []
    base = pdk.root / found.data
    made = [
        Macro(
            name=name,
            words=size.words,
            bits=size.bits,
            lef=base / found.lef.format(macro=name),
            gds=base / found.gds.format(macro=name),
            liberty={corner: base / path.format(macro=name) for corner, path in found.corners.items()},
        )
        for name, size in found.macros.items()
    ]
    return sorted(made, key=lambda macro: macro.words * macro.bits)


def compose(pdk: Pdk, size: int) -> MacroPlan:
    """Return how a memory of ``size`` bytes (a power of two) is made, as the PDK's wrapper does it.

    The wrapper takes the macro with as many words as the memory, or banks of the
    deepest one.

    Raises
    ------
    UserError
        If the process has no macros, the size is no power of two, or the memory is smaller
        than the smallest macro.
    """
    available = macros(pdk)
    words = size * 8 // WORD_BITS
    if not available:
        raise UserError(f"{pdk.name} has no memory macros", where="soc.ram", hint="soc.ram: flipflops")
    if size & (size - 1):
        raise UserError(f"a memory of {size} bytes: the size is a power of two", where="soc.imem_bytes, soc.dmem_bytes")
    if words < available[0].words:
        raise UserError(
            f"a memory of {size} bytes is smaller than the smallest macro of {pdk.name} ({available[0].words} words)",
            where="soc.imem_bytes, soc.dmem_bytes",
            hint="choose more, or soc.ram: flipflops",
        )
    fitting = [macro for macro in available if macro.words <= words]
    macro = max(fitting, key=lambda m: m.words)
    return MacroPlan(macro, banks=words // macro.words, lanes=WORD_BITS // macro.bits)
