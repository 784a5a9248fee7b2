"""A ``yosys`` executable made from the pyosys wheel.

The wheel carries Yosys as a Python module, without the executable and without
Tcl, while SiliconCompiler drives Yosys through Tcl scripts.  This module closes
the gap with the Tcl interpreter inside Python's ``tkinter``; no display is used.

Run as ``python -m asicflow.flow.yosys_shell`` with one of

``--version``
    print the version;
``-c FILE``
    run a Tcl script, with the commands ``yosys`` and ``rtlil::{has,get,set}_attr``;
``-s FILE``
    run a Yosys script.

A failing pass prints ``ERROR: ...`` and ends the process with code 1, as the
real executable does.
"""

from __future__ import annotations

import os
import sys
import tempfile
import tkinter
import traceback
from collections.abc import Callable
from typing import Any

from pyosys import libyosys


class TclBridge:
    """The Tcl commands of Yosys, working on one design.

    Two calls behave differently in the wheel and are adapted here: ``tee -s``
    leaves an empty string in the scratchpad, and a module's attributes are
    handed out as a copy.
    """

    def __init__(self) -> None:
        self.design = libyosys.Design()
        self.tcl = tkinter.Tcl()
        self.tcl.eval("fconfigure stdout -buffering line; namespace eval rtlil {}")
        for name, function in (
            ("yosys", self.yosys),
            ("rtlil::has_attr", self.has_attr),
            ("rtlil::get_attr", self.get_attr),
            ("rtlil::set_attr", self.set_attr),
        ):
            self.tcl.createcommand(name, _reporting(function))

    def source(self, script: str) -> None:
        """Run a Tcl script file; raises ``tkinter.TclError`` when it fails."""
        self.tcl.setvar("argv", "")
        self.tcl.setvar("argc", "0")
        self.tcl.setvar("argv0", script)
        self.tcl.call("source", script)

    def yosys(self, *words: str) -> str:
        """Run one pass; returns what ``tee -s result.string`` captured, else an empty string."""
        args = [str(word) for word in words]
        if not args or args[0] == "-import":
            return ""
        if args[0] == "tee" and "-s" in args:
            return self._capture(args)
        self._call(args)
        return ""

    def _capture(self, args: list[str]) -> str:
        """Run ``tee ... -s NAME ...``: capture through a file, then set the scratchpad entry."""
        at = args.index("-s")
        name = args[at + 1]
        handle, path = tempfile.mkstemp(suffix=".txt")
        os.close(handle)
        try:
            self._call([*args[:at], "-o", path, *args[at + 2 :]])
            with open(path, encoding="utf-8", errors="replace") as captured:
                text = captured.read()
        finally:
            os.unlink(path)
        self.design.scratchpad_set_string(name, text)
        return text if name == "result.string" else ""

    def _call(self, args: list[str]) -> None:
        sys.stdout.flush()
        libyosys.Pass.call(self.design, args)

    def has_attr(self, *words: str) -> int:
        """``has_attr [-mod] MODULE [OBJECT] NAME`` -> 1 or 0."""
        target, _, name = self._target(words, values=1)
        return int(target.has_attribute(_id(name[0])))

    def get_attr(self, *words: str) -> str | int:
        """``get_attr [-mod] [-string|-bool|-int|-uint] MODULE [OBJECT] NAME`` -> the value."""
        target, flags, name = self._target(words, values=1)
        if "-string" in flags:
            return str(target.get_string_attribute(_id(name[0])))
        if "-bool" in flags:
            return int(target.get_bool_attribute(_id(name[0])))
        return int(target.attributes[_id(name[0])].as_int())

    def set_attr(self, *words: str) -> str:
        """``set_attr [-mod] [-string|...] MODULE [OBJECT] NAME VALUE``."""
        flags = [word for word in words if word.startswith("-")]
        *path, name, value = [word for word in words if not word.startswith("-")]
        if "-string" in flags:
            value = f'"{value}"'
        scope = ["-mod"] if "-mod" in flags else []
        self._call(["setattr", *scope, "-set", name, value, "=" + "/".join(path)])
        return ""

    def _target(self, words: tuple[str, ...], values: int) -> tuple[Any, set[str], list[str]]:
        """Split a ``rtlil::`` command line into the object, the flags and the last words."""
        flags = {word for word in words if word.startswith("-")}
        plain = [word for word in words if not word.startswith("-")]
        path, rest = plain[:-values], plain[-values:]
        module = self.design.module(_id(path[0]))
        if module is None:
            raise LookupError(f"no module {path[0]}")
        if "-mod" in flags:
            return module, flags, rest
        item = module.cell(_id(path[1])) or module.wire(_id(path[1]))
        if item is None:
            raise LookupError(f"no cell or wire {path[1]} in module {path[0]}")
        return item, flags, rest


def _id(name: str) -> Any:
    """Return the Yosys identifier of a name as it is written in Tcl."""
    return libyosys.IdString(name if name[:1] in ("\\", "$") else "\\" + name)


def _reporting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Print the Python traceback of a failing command; Tcl only keeps an empty message."""

    def wrapped(*words: str) -> Any:
        try:
            return function(*words)
        except Exception:
            traceback.print_exc(file=sys.stdout)
            raise

    return wrapped


def main(argv: list[str]) -> int:
    """Run the command line; returns the exit code."""
    if argv in (["--version"], ["-V"]):
        print(libyosys.yosys_maybe_version())
        return 0
    if len(argv) != 2 or argv[0] not in ("-c", "-s"):
        print(f"ERROR: unsupported arguments {argv}; use --version, -c FILE or -s FILE")
        return 2
    mode, script = argv
    if mode == "-s":
        libyosys.run_pass(f"script {script}", libyosys.Design())
        return 0
    bridge = TclBridge()
    try:
        bridge.source(script)
    except tkinter.TclError as error:
        print(f"ERROR: {error}\n{bridge.tcl.eval('set errorInfo')}")
        return 1
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    # Yosys' own tear-down inside a Python interpreter is slow; nothing is left to write.
    os._exit(code)
