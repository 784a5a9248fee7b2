"""``asicflow.yaml``: the typed configuration of a run, every default in one place.

Each key carries its description; ``asicflow new`` writes them as comments and
``docs/configuration.md`` is generated from them.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from asicflow.errors import UserError

CONFIG_NAME = "asicflow.yaml"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True, protected_namespaces=())


class LayerPrecision(_Section):
    """Types of one layer, in hls4ml's notation, for example ``fixed<8,2,RND,SAT>``."""

    weight: str | None = Field(None, description="type of the weights")
    bias: str | None = Field(None, description="type of the biases")
    accum: str | None = Field(None, description="accumulator type; 'auto' lets hls4ml choose a lossless one")
    result: str | None = Field(None, description="type of the layer's output")


class PrecisionConfig(_Section):
    """Number formats of the integer network."""

    default: str = Field(
        "auto",
        description="'auto' chooses types of `width` bits per layer from the weight and activation ranges; "
        "or one hls4ml type for everything, for example fixed<16,6>",
    )
    width: int = Field(8, ge=2, le=24, description="bits of weights and activations when default is auto")
    layers: dict[str, LayerPrecision] = Field(
        default_factory=dict, description="types per layer, by the layer's name; they win over the default"
    )


class ModelConfig(_Section):
    """The trained network and its data."""

    file: Path | None = Field(None, description="Keras .h5 or .keras, the .json of an architecture, or .onnx")
    weights: Path | None = Field(None, description=".h5 with the weights, when file is a .json")
    data: Path | None = Field(
        None,
        description=".npz with inputs x (N, ...) and labels y (N,) or (N, classes); for ranges and accuracy",
    )
    precision: PrecisionConfig = Field(default_factory=PrecisionConfig, description="number formats")
    reuse: int | Literal["auto"] = Field(
        "auto",
        description="hls4ml's reuse factor: multiplications of the largest layer that share one multiplier; "
        "'auto' aims at four multipliers, see hls.max_cycles and hls.budget_mm2",
    )
    vectors: int = Field(1000, ge=1, description="test vectors kept for the exactness chain")


class HlsConfig(_Section):
    """The engine that computes the network."""

    engine: Literal["auto", "time-multiplexed", "adder-graph"] = Field(
        "auto",
        description="time-multiplexed: few multipliers, shared as model.reuse says; adder-graph: every product "
        "unrolled into adders, reuse factor 1 (pip install 'asicflow[adder-graph]'); auto: time-multiplexed, or an "
        "adder graph where the cost model finds it better",
    )
    weights: Literal["constant", "reloadable"] = Field(
        "constant",
        description="constant: weights are logic; reloadable: they lie in a memory that software fills before the "
        "first inference (engine time-multiplexed only), with any weights of the same architecture and number formats",
    )
    levels: int | None = Field(
        None,
        ge=1,
        description="engine adder-graph: most adders, one behind the other, between two registers; "
        "default: a register behind each layer only",
    )
    budget_mm2: float = Field(
        2.0,
        gt=0,
        description="largest cell area that may be predicted for the engine; beyond it the run stops before synthesis "
        "(reuse auto takes fewer multipliers first)",
    )
    max_cycles: int | None = Field(
        None,
        ge=1,
        description="most clock cycles of an inference, from start to done: reuse auto takes the fewest multipliers "
        "that keep it; default: no limit",
    )


class PdkConfig(_Section):
    """The process and its cell library."""

    name: str = Field("sky130", description="sky130 or gf180: a file of pdk_configs/")
    root: Path | None = Field(
        None,
        description="folder that holds lambdapdk/ (also --pdk-root or ASICFLOW_PDK_ROOT); "
        "left out, SiliconCompiler downloads the PDK data",
    )
    library: str | None = Field(None, description="standard-cell library; default: the PDK file's first")
    supply: float | None = Field(None, gt=0, description="nominal supply in volts; selects the corners")


class ClockConfig(_Section):
    """The clock of the design."""

    period_ns: float | None = Field(None, gt=0, description="clock period in ns; default: the PDK file's value")


class SocConfig(_Section):
    """The system around the accelerator."""

    cpu: Literal["armv6m", "arm-cortex-m0"] = Field(
        "armv6m", description="armv6m: the open core; arm-cortex-m0: your own licensed deliverable"
    )
    cpu_path: Path | None = Field(
        None, description="folder of the licensed deliverable (cpu: arm-cortex-m0); used in place, never copied"
    )
    imem_bytes: int = Field(4096, ge=256, le=65536, description="instruction memory, a power of two")
    dmem_bytes: int = Field(4096, ge=256, le=65536, description="data memory, a power of two")
    ram: Literal["macros", "flipflops"] = Field(
        "macros", description="memories of the PDK's macros, or of flip-flops (larger, but all open)"
    )


class LayoutConfig(_Section):
    """Floorplan and place-and-route."""

    engine: Literal["auto", "open", "openroad"] = Field(
        "auto",
        description="open: the engine that comes with asicflow; openroad: needs OpenROAD on PATH; auto: open",
    )
    utilization: float | None = Field(
        None, gt=0.05, lt=0.95, description="cell area over core area; default: the PDK file's value"
    )
    aspect: float = Field(1.0, gt=0.2, lt=5.0, description="height over width of the core")
    die_um: tuple[float, float] | None = Field(
        None, description="fixed die width and height in um; the design must fit"
    )
    slot: str | None = Field(
        None,
        description="shuttle slot that a chip fills (top chip): 0p5x1 or another one on gf180, user_project_wrapper "
        "on sky130; its die has this size",
    )
    rings: bool = Field(False, description="power rings around the core (engine open)")
    fill: bool | None = Field(
        None,
        description="density fill, for a layout that becomes a chip as it is (engine open); default: true for top chip",
    )
    clock_gates: bool | None = Field(
        None,
        description="stop the clock of registers that keep their value, with the library's clock gates: less area "
        "and power; default: true but for top accel",
    )
    seed: int = Field(1, ge=0, description="seed of placement and routing")


class SignoffConfig(_Section):
    """What the report checks."""

    vectors: int = Field(1000, ge=1, description="vectors run through RTL and each netlist")
    min_agreement: float = Field(
        0.9, ge=0, le=1, description="fraction of decisions that float and fixed point must share on the data"
    )
    drc_deck: Path | None = Field(None, description="official KLayout DRC deck; default: the PDK root's, if any")
    waivers: Path | None = Field(None, description="waivers.yaml: findings accepted, with reason and expiry")
    max_accuracy_drop: float = Field(
        0.02, ge=0, le=1, description="largest accepted loss of accuracy from float to fixed point"
    )


class Config(_Section):
    """The whole of ``asicflow.yaml``."""

    name: str = Field("design", pattern=r"^[A-Za-z][A-Za-z0-9_]*$", description="name used in reports and files")
    top: Literal["accel", "soc", "chip"] = Field(
        "accel",
        description="what is built: accel, the accelerator with its bus socket; "
        "soc, a whole system with processor; chip, the same in the pads or the frame of layout.slot",
    )
    model: ModelConfig = Field(default_factory=ModelConfig, description="the trained network and its data")
    hls: HlsConfig = Field(default_factory=HlsConfig, description="the engine that computes the network")
    pdk: PdkConfig = Field(default_factory=PdkConfig, description="the process and its cell library")
    clock: ClockConfig = Field(default_factory=ClockConfig, description="the clock")
    soc: SocConfig = Field(default_factory=SocConfig, description="the system on chip, top soc only")
    layout: LayoutConfig = Field(default_factory=LayoutConfig, description="floorplan, place and route")
    signoff: SignoffConfig = Field(default_factory=SignoffConfig, description="what the report checks")


def load_config(path: Path) -> Config:
    """Read ``asicflow.yaml``.

    Relative paths in the file are taken from the file's own folder.

    Raises
    ------
    UserError
        If the file is missing, is no YAML mapping, holds an unknown key (the
        nearest known name is given) or a value of the wrong kind.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise UserError(
            f"cannot read the configuration: {error.strerror}",
            where=str(path),
            hint="write one with: asicflow new DIR --model MODEL --pdk PDK",
        ) from error
    try:
        data = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise UserError(f"the configuration is not valid YAML: {error}", where=str(path)) from error
    if not isinstance(data, dict):
        raise UserError("the configuration must be a mapping of keys", where=str(path))
    config = parse_config(data, str(path))
    base = path.resolve().parent
    for section, key in (
        ("model", "file"),
        ("model", "weights"),
        ("model", "data"),
        ("pdk", "root"),
        ("soc", "cpu_path"),
        ("signoff", "waivers"),
        ("signoff", "drc_deck"),
    ):
        owner = getattr(config, section)
        value = getattr(owner, key)
        if value is not None and not value.is_absolute():
            setattr(owner, key, base / value)
    return config


def parse_config(data: dict[str, Any], where: str = CONFIG_NAME) -> Config:
    """Validate a mapping; see :func:`load_config` for the errors."""
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        location = ".".join(str(p) for p in first["loc"])
        if first["type"] == "extra_forbidden":
            near = nearest(str(first["loc"][-1]), _keys_at(first["loc"][:-1]))
            hint = f"did you mean '{near}'?" if near else "see docs/configuration.md for the keys"
            raise UserError(f"unknown key '{location}'", where=where, hint=hint) from error
        raise UserError(
            f"{location}: {first['msg']} (given: {first.get('input')!r})",
            where=where,
            hint="see docs/configuration.md for what the key takes",
        ) from error


def nearest(name: str, known: list[str]) -> str | None:
    """Return the known name most like ``name``, or None when nothing is near."""
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return found[0] if found else None


def dump_config(config: Config) -> str:
    """Return the configuration as YAML with every key and its description as a comment."""
    lines: list[str] = []
    _dump_section(config, lines, 0)
    return "\n".join(lines) + "\n"


def _dump_section(section: BaseModel, lines: list[str], depth: int) -> None:
    pad = "  " * depth
    for key, field in type(section).model_fields.items():
        value = getattr(section, key)
        lines.append(f"{pad}# {field.description}")
        if isinstance(value, BaseModel):
            lines.append(f"{pad}{key}:")
            _dump_section(value, lines, depth + 1)
        else:
            plain = section.model_dump(mode="json", include={key}, exclude_none=False)[key]
            text = yaml.safe_dump(plain, default_flow_style=True, width=1000).removesuffix("...\n").strip()
            lines.append(f"{pad}{key}: {text}")


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the section class that a field holds, or None for a plain value."""
    candidates = [field.annotation, *get_args(field.annotation)]
    for kind in candidates:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _keys_at(location: tuple[Any, ...]) -> list[str]:
    kind: type[BaseModel] = Config
    for part in location:
        field = kind.model_fields.get(str(part))
        if field is None:
            continue
        inner = section_of(field)
        if inner is None:
            return list(LayerPrecision.model_fields)
        kind = inner
    return list(kind.model_fields)
