"""A function in a process of its own: result, error, death and the limit."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from asicflow.errors import UserError
from asicflow.signoff.apart import run_apart


def twice(value: int) -> tuple[int, int]:
    return 2 * value, os.getpid()


def refuse(text: str) -> None:
    raise UserError(text, where="here", hint="do this")


def die(code: int) -> None:
    os._exit(code)


def test_result_comes_from_another_process() -> None:
    doubled, process = run_apart(twice, 21)
    assert doubled == 42 and process != os.getpid()


def test_error_arrives_whole() -> None:
    with pytest.raises(UserError, match="no layout") as caught:
        run_apart(refuse, "no layout")
    assert caught.value.where == "here" and caught.value.hint == "do this"


def test_dead_process_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="code 7"):
        run_apart(die, 7)


def spin() -> None:
    while True:
        pass


def test_limit_ends_the_process() -> None:
    with pytest.raises(TimeoutError, match="not finished after 2 processor seconds"):
        run_apart(spin, limit=2)


def sleeper(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    time.sleep(60)


def test_process_ends_with_its_parent(tmp_path: Path) -> None:
    note = tmp_path / "process"
    parent = multiprocessing.get_context("spawn").Process(target=run_apart, args=(sleeper, str(note)))
    parent.start()
    while not (note.exists() and note.read_text()):
        time.sleep(0.05)
    parent.kill()
    parent.join()
    for _ in range(100):
        if not Path(f"/proc/{note.read_text()}").exists():
            return
        time.sleep(0.1)
    pytest.fail("the process is still there")
