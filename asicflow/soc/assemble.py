"""Assemble top ``accel``: the accelerator socket around one inference engine."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import jinja2
from pydantic import BaseModel, ConfigDict, ValidationError

from asicflow.errors import UserError
from asicflow.soc.constraints import Driver, write_sdc
from asicflow.soc.ip import IpManifest, load_ip
from asicflow.soc.mapdocs import c_header, html_page, map_json, python_constants
from asicflow.soc.rdl import RegisterMap, compile_map

SOC_SCHEMA = "asicflow.soc/1"
TOP = "accel"
SOCKET = "accel_socket"
CLOCK_PORT = "hclk_i"
RESET_PORT = "hreset_ni"
INPUTS = (
    RESET_PORT, "hsel_i", "haddr_i", "htrans_i", "hsize_i", "hwrite_i", "hwdata_i", "hready_i",
)  # fmt: skip
OUTPUTS = ("hrdata_o", "hreadyout_o", "hresp_o", "irq_o", "req_in_o", "req_out_o")
_TEMPLATES = Path(__file__).parent / "templates"


class EngineWeights(BaseModel):
    """Reloadable weights: 32-bit words of an image, bits that a word needs, architecture, the image's file."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    words: int
    data_width: int
    architecture: str
    image: str


class Engine(BaseModel):
    """What the assembly reads of ``accel.json``: the engine's face."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    module: str
    files: list[str]
    n_in: int
    n_out: int
    in_width: int
    in_signed: bool
    in_frac: int
    out_width: int
    out_signed: bool
    out_frac: int
    in_addr_width: int
    out_addr_width: int
    cycles: int
    area_nand2: float = 0
    weights: EngineWeights | None = None


@dataclass(frozen=True)
class Assembly:
    """Inputs of the assembly.

    ``model_sha256`` is the hash of the integer network as hex, with reloadable weights of its architecture;
    ``period_ns`` the clock period.
    """

    name: str
    accel_dir: Path
    model_sha256: str
    period_ns: float
    driver: Driver


def load_engine(accel_dir: Path) -> Engine:
    """Read ``accel.json`` (UserError when it is missing or malformed)."""
    path = accel_dir / "accel.json"
    try:
        return Engine.model_validate_json(path.read_text())
    except (OSError, ValidationError) as error:
        raise UserError(f"the engine's description cannot be read: {error}", where=str(path)) from error


def assemble(job: Assembly, out: Path) -> None:
    """Write RTL, register map, constraints and ``soc.json`` into ``out``.

    Raises
    ------
    UserError
        If the engine does not fit the socket (buffer window or element width).
    """
    engine = load_engine(job.accel_dir)
    socket = load_ip(SOCKET)
    cycles_width = min(32, engine.cycles.bit_length() + 1)
    socket.check_parameters(_parameters(engine, cycles_width))
    regmap = compile_map(socket.registers, rdl_parameters(engine, job.model_sha256))
    files = _write_rtl(job, engine, socket, regmap, cycles_width, out / "rtl")
    sdc = write_sdc(TOP, CLOCK_PORT, INPUTS, OUTPUTS, job.period_ns, job.driver)
    (out / f"{TOP}.sdc").write_text(sdc)
    (out / "map.json").write_text(map_json(regmap))
    (out / f"{SOCKET}.h").write_text(c_header(regmap))
    (out / f"{SOCKET}.py").write_text(python_constants(regmap))
    (out / "registers.html").write_text(html_page(regmap))
    if engine.weights:
        shutil.copyfile(job.accel_dir / engine.weights.image, out / engine.weights.image)
    description = _describe(job, engine, socket, cycles_width, [f"rtl/{name}" for name in files])
    (out / "soc.json").write_text(json.dumps(description, indent=2) + "\n")


def _parameters(engine: Engine, cycles_width: int) -> dict[str, int]:
    return {
        "InWidth": engine.in_width,
        "InAddrWidth": engine.in_addr_width,
        "OutWidth": engine.out_width,
        "OutAddrWidth": engine.out_addr_width,
        "OutSigned": int(engine.out_signed),
        "CyclesWidth": cycles_width,
        "Reloadable": int(engine.weights is not None),
    }


def rdl_parameters(engine: Engine, model_sha256: str) -> dict[str, int]:
    """Return the values of the parameters of ``accel_socket.rdl``; the hash is hex."""
    return {
        "MODEL_ID": int(model_sha256[:8], 16),
        "N_IN": engine.n_in,
        "N_OUT": engine.n_out,
        "IN_WIDTH": engine.in_width,
        "IN_FRAC": engine.in_frac & 0xFF,
        "IN_SIGNED": int(engine.in_signed),
        "OUT_WIDTH": engine.out_width,
        "OUT_FRAC": engine.out_frac & 0xFF,
        "OUT_SIGNED": int(engine.out_signed),
        "N_WEIGHTS": engine.weights.words if engine.weights else 0,
    }


def _write_rtl(
    job: Assembly, engine: Engine, socket: IpManifest, regmap: RegisterMap, cycles_width: int, rtl: Path
) -> list[str]:
    """Write every RTL file into one folder; return their names, dependencies first."""
    rtl.mkdir(parents=True, exist_ok=True)
    sources = [*(job.accel_dir / f for f in engine.files), *(socket.path(f) for f in socket.rtl)]
    names = [path.name for path in sources]
    for path in sources:
        if not path.is_file():
            raise UserError("an RTL file of the engine is missing", where=str(path))
        shutil.copyfile(path, rtl / path.name)
    socket.write_generated(rtl, regmap)
    loader = jinja2.FileSystemLoader(_TEMPLATES)
    environment = jinja2.Environment(loader=loader, trim_blocks=True, keep_trailing_newline=True)
    template = environment.get_template(f"{TOP}.sv.j2")
    (rtl / f"{TOP}.sv").write_text(template.render(name=job.name, a=engine, cycles_width=cycles_width))
    return [*names, *socket.generated, f"{TOP}.sv"]


def _describe(
    job: Assembly, engine: Engine, socket: IpManifest, cycles_width: int, files: list[str]
) -> dict[str, object]:
    return {
        "schema": SOC_SCHEMA,
        "name": job.name,
        "top": TOP,
        "files": files,
        "sdc": f"{TOP}.sdc",
        "clock": {"port": CLOCK_PORT, "period_ns": job.period_ns},
        "reset": {"port": RESET_PORT, "active_low": True, "async": True},
        "map": "map.json",
        "header": f"{SOCKET}.h",
        "registers": "registers.html",
        "socket": {"name": socket.name, "version": socket.version},
        "model_sha256": job.model_sha256,
        "engine": {**engine.model_dump(exclude={"files"}), "cycles_width": cycles_width},
    }
