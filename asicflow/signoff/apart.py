"""Run one function in a process of its own: beside other work, and for a limited time."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


def run_apart(function: Callable[..., T], *arguments: Any, limit: int | None = None) -> T:
    """Return what ``function(*arguments)`` returns; function, arguments and result must be picklable.

    Parameters
    ----------
    limit : int, optional
        Processor seconds after which the process is ended: what is decided must not hang on the machine's load.

    Raises
    ------
    TimeoutError
        If the limit was reached.
    RuntimeError
        If the process died, for example for want of memory.
    """
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, function, arguments, limit), daemon=True)
    process.start()
    sender.close()
    try:
        result, error = receiver.recv()
    except EOFError as error:
        process.join()
        if process.exitcode == -signal.SIGXCPU:
            raise TimeoutError(f"not finished after {limit} processor seconds") from error
        raise RuntimeError(f"the process ended with code {process.exitcode}") from error
    finally:
        process.kill()
        process.join()
    if error is not None:
        raise error
    value: T = result
    return value


def _work(sender: Connection, function: Callable[..., object], arguments: tuple[Any, ...], limit: int | None) -> None:
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        answer: tuple[object, Exception | None] = (function(*arguments), None)
    except Exception as error:
        answer = (None, error)
    sender.send(answer)


def _end_with_parent() -> None:
    """Nobody waits for the result of a process whose parent was killed."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
