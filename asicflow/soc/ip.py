"""IP manifests: ``ip/<name>/ip.yaml`` as a typed object.

A manifest names everything that a build needs of a block: sources, registers,
clock, reset, bus, parameters and ports.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from asicflow.errors import UserError
from asicflow.resources import resource
from asicflow.soc.rdl import RegisterMap, compile_map
from asicflow.soc.regblock import write_regblock

IP_SCHEMA = "asicflow.ip/1"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reset(_Section):
    """A reset input."""

    active: Literal["low", "high"]
    assertion: Literal["asynchronous", "synchronous"]
    release: Literal["asynchronous", "synchronous"]


class Bus(_Section):
    """The bus interface; ``signals`` maps the protocol's names to ports."""

    protocol: Literal["ahb-lite", "apb"]
    role: Literal["slave", "master"]
    data_bits: int
    window_bytes: int = 0  # slaves only
    wait_states: int = 0  # slaves only
    bounded: bool = False  # slaves only: it ends every data phase by itself, whatever happens behind it
    quiet: bool = False  # slaves only: read data are 0 but in an own data phase (AHB-Lite) or while selected (APB)
    steady: bool = False  # masters only: it keeps the address until the data phase ends
    signals: dict[str, str]


class Parameter(_Section):
    """A parameter of the top module and the range it is made for."""

    default: int
    min: int
    max: int
    desc: str


class Port(_Section):
    """A port; the width is a number or a parameter, plus or minus a number: ``Width``, ``Width-2``."""

    direction: Literal["input", "output"]
    width: int | Annotated[str, Field(pattern=r"^[A-Za-z]\w*([+-]\d+)?$")]

    def bits(self, values: Mapping[str, int]) -> int:
        """Return the width for these values of the parameters (KeyError when one is missing)."""
        if isinstance(self.width, int):
            return self.width
        name, sign, number = re.fullmatch(r"(\w+?)(?:([+-])(\d+))?", self.width).groups()  # type: ignore[union-attr]
        return values[name] + int(f"{sign or '+'}{number or 0}")


class IpManifest(_Section):
    """One block.  ``rdl`` (if any), ``rtl`` and ``testbench`` are paths relative to ``folder``."""

    schema_: Literal["asicflow.ip/1"] = Field(alias="schema")
    folder: Path
    name: str
    title: str
    version: str
    license: str
    maturity: Literal["draft", "verified", "silicon"]
    top: str
    external: str | None = None  # the external block that this one wraps
    rdl: Path | None = None
    rtl: list[Path]
    generated: list[str] = []
    testbench: list[Path]
    clocks: dict[str, str]
    resets: dict[str, Reset]
    bus: Bus | None = None
    master: Bus | None = None  # a second interface, of a block that is slave and master
    interrupts: dict[str, str]
    parameters: dict[str, Parameter]
    ports: dict[str, Port]

    def path(self, relative: Path | str) -> Path:
        """Return the absolute path of one of the block's files."""
        return self.folder / relative

    @property
    def registers(self) -> Path:
        """Absolute path of the register map.

        Raises
        ------
        UserError
            If the block has no registers.
        """
        if self.rdl is None:
            raise UserError(f"{self.name} has no register map", where=str(self.folder))
        return self.path(self.rdl)

    def write_generated(self, folder: Path, regmap: RegisterMap | None = None) -> list[Path]:
        """Write the generated RTL of the block into ``folder`` and return its files.

        ``regmap`` is the block's compiled register map, by default the one without parameters.

        Raises
        ------
        UserError
            If the register description is not valid or does not fit the bus window.
        """
        if self.rdl is None or self.bus is None:
            return []
        (name,) = self.generated
        text = write_regblock(regmap or compile_map(self.registers), self.bus.window_bytes)
        (folder / name).write_text(text)
        return [folder / name]

    def check_parameters(self, values: dict[str, int]) -> None:
        """Refuse a value outside the manifest's range.

        Raises
        ------
        UserError
            If a parameter is unknown or out of range; names it and its range.
        """
        for name, value in values.items():
            parameter = self.parameters.get(name)
            if parameter is None:
                raise UserError(f"{self.name} has no parameter {name}", where=str(self.folder))
            if not parameter.min <= value <= parameter.max:
                raise UserError(
                    f"{self.name}: {name} ({parameter.desc}) is {value}, possible is {parameter.min} to {parameter.max}"
                )


def load_ip(name: str) -> IpManifest:
    """Read the manifest of a block.

    Raises
    ------
    UserError
        If the manifest is missing, malformed, or names a file that is not there.
    """
    try:
        folder = resource(f"ip/{name}")
    except FileNotFoundError as error:
        raise UserError(f"there is no IP named {name}") from error
    path = folder / "ip.yaml"
    try:
        data: dict[str, Any] = yaml.safe_load(path.read_text())
        manifest = IpManifest.model_validate({**data, "folder": folder})
    except (OSError, yaml.YAMLError, TypeError, ValidationError) as error:
        raise UserError(f"the manifest of {name} is not valid: {error}", where=str(path)) from error
    for relative in [*filter(None, [manifest.rdl]), *manifest.rtl, *manifest.testbench]:
        if not manifest.path(relative).is_file():
            raise UserError(f"the manifest names {relative}, which is not there", where=str(path))
    return manifest
