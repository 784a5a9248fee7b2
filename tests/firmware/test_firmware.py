"""Boot ROM and programs: sizes, reproducibility, images, errors."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from tiny_chip import write_chip

from asicflow.config import Config
from asicflow.errors import StageError, ToolMissing, UserError
from asicflow.firmware import toolchain
from asicflow.firmware.image import HEADER, IMAGE_MAGIC, BootError, image_header, pack_image
from asicflow.firmware.rom import read_rom, write_rom
from asicflow.firmware.stage import build_app, describe_app, prepare, run_firmware
from asicflow.firmware.toolchain import build_program, memory_script
from asicflow.workspace import Workspace


def test_the_boot_rom_fits_and_starts_with_its_vectors(built: Workspace) -> None:
    data = json.loads((built.firmware / "firmware.json").read_text())["programs"]["bootrom"]
    assert 0 < data["bytes"] <= 2048 and data["load"] == 0x0800_0000
    stack, reset = struct.unpack_from("<2I", (built.firmware / "bootrom.bin").read_bytes())
    assert stack == 0x1800_1000 and reset == data["entry"] and reset & 1


def test_the_rom_of_logic_holds_the_program(built: Workspace) -> None:
    program = (built.firmware / "bootrom.bin").read_bytes()
    found = dict(re.findall(r"9'h(\w+): data_o = 32'h(\w{8});", (built.firmware / "bootrom.sv").read_text()))
    words = [int(found.get(f"{k:x}", "0"), 16) for k in range(len(program) // 4)]
    assert struct.pack(f"<{len(words)}I", *words) == program and len(found) > 100


def test_images_are_reproducible(built: Workspace, tmp_path: Path) -> None:
    other = Workspace(tmp_path / "elsewhere")
    write_chip(other.root)
    run_firmware(Config(), other, lambda _: None)
    for name in (
        "bootrom.bin",
        "bootrom.elf",
        "infer.bin",
        "infer.elf",
        "infer.flash.bin",
        "selftest.bin",
        "memtest.bin",
        "firmware.json",
    ):
        assert (built.firmware / name).read_bytes() == (other.firmware / name).read_bytes(), name


def test_an_image_is_what_the_header_says() -> None:
    data = pack_image(b"12345", 0x1000_0000, 0x1000_0005)
    words = struct.unpack(f"<{len(HEADER)}I", data[: 4 * len(HEADER)])
    assert words[:4] == (IMAGE_MAGIC, 8, 0x1000_0000, 0x1000_0005)
    assert data[20:] == b"12345\0\0\0"
    assert words[4] == zlib.crc32(data[:16] + data[20:])


def test_the_header_has_every_code() -> None:
    text = image_header()
    for error in BootError:
        assert f"#define BOOT_{error.name} {error.value}u" in text


def test_a_program_larger_than_the_rom_is_refused() -> None:
    assert "default" in write_rom("bootrom", bytes(64), 64)


def test_rom_holds_what_was_written() -> None:
    program = bytes(range(1, 43))
    text = write_rom("bootrom", program, 64)
    assert read_rom(text, 64) == program.ljust(64, b"\0")
    assert read_rom(text.replace("(* keep_hierarchy *)\n", ""), 64) == read_rom(text, 64)
    assert read_rom(text.replace("04030201", "04030200"), 64)[0] == 0
    twice = text.replace("      4'h1: ", "      4'h0: data_o = 32'h00000000;\n      4'h1: ")
    assert read_rom(twice, 64) == read_rom(text, 64)
    for wrong in ("", text.replace("default: data_o = 32'h0", "default: data_o = 32'h1"), text.replace("4'h1", "4'hx")):
        with pytest.raises(UserError, match="not one that asicflow wrote"):
            read_rom(wrong, 64)
    with pytest.raises(UserError, match="behind its 32 bytes"):
        read_rom(text, 32)
    with pytest.raises(UserError, match="1 more than its ROM"):
        write_rom("bootrom", bytes(65), 64)


def test_a_program_that_does_not_fit_says_how_much(built: Workspace, tmp_path: Path) -> None:
    (tmp_path / "include").symlink_to(built.firmware / "include")
    for imem, dmem, message in ((0x100, 0x1000, "IMEM"), (0x1000, 0x20, "DMEM")):
        small = {"IMEM": (0x1000_0000, imem, "rwx"), "DMEM": (0x1800_0000, dmem, "rwx")}
        (tmp_path / "memory.ld").write_text(memory_script(small))
        with pytest.raises(UserError, match=rf"does not fit in {message}: \d+ bytes too many"):
            build_app("infer", built.soc / "include", tmp_path)


@pytest.mark.parametrize("text", ["int main(void) { return x; }", "int main(void) { int unused; return 0; }"])
def test_errors_and_warnings_of_the_compiler_stop_the_build(built: Workspace, tmp_path: Path, text: str) -> None:
    source = tmp_path / "main.c"
    source.write_text(text)
    script = tmp_path / "app.ld"
    script.write_text("SECTIONS {}\n")
    with pytest.raises(StageError, match=r"gcc stopped: .*main\.c:1"):
        build_program("bad", [source], script, [], tmp_path, tmp_path)


def test_a_missing_compiler_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain.shutil, "which", lambda _: None)
    with pytest.raises(ToolMissing, match="arm-none-eabi-gcc") as caught:
        toolchain.compiler_version()
    assert "gcc-arm-none-eabi" in str(caught.value)


def test_a_stack_that_does_not_fit_says_how_much(built: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "deep"
    folder.mkdir()
    (folder / "main.c").write_text(
        "int use(volatile char *p); int use(volatile char *p) { return p[7]; }\n"
        "int main(void) { volatile char big[5000]; big[7] = 1; return use(big); }\n"
    )
    system = prepare(built.soc, built.model / "vectors.npz", tmp_path)
    with pytest.raises(UserError, match=r"stack of deep does not fit in DMEM: \d+ bytes too many"):
        describe_app(build_app("deep", built.soc / "include", tmp_path, folder), system, tmp_path)


def test_the_command_builds_sizes_and_writes_images(built: Workspace, tmp_path: Path) -> None:
    def asicflow(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from asicflow.cli import main; main()", "firmware", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    done = asicflow("build", str(built.root), "-o", "out")
    assert done.returncode == 0 and "bootrom" in done.stdout, done.stderr
    assert (tmp_path / "out" / "infer.bin").read_bytes() == (built.firmware / "infer.bin").read_bytes()
    assert "memtest" in asicflow("size", str(built.root)).stdout
    assert asicflow("flash-image", str(built.root), "infer", "-o", "i.bin").returncode == 0
    assert (tmp_path / "i.bin").read_bytes() == (built.firmware / "infer.flash.bin").read_bytes()
    wrong = asicflow("flash-image", str(built.root), "bootrom")
    assert wrong.returncode == 2 and "choose one of: infer, selftest, memtest" in wrong.stderr
    assert asicflow("size", str(tmp_path)).returncode == 2
    assert asicflow("build", str(built.root), "nowhere").returncode == 2
