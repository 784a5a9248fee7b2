"""The stack bound: right sums, and no bound where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from asicflow.errors import UserError
from asicflow.firmware.stack import FRAME, read_calls, read_usage, stack_bound


def listing(**functions: tuple[str, ...]) -> str:
    """A disassembly: name = its instructions."""
    lines = []
    for k, (name, instructions) in enumerate(functions.items()):
        lines.append(f"{0x1000_0000 + 64 * k:08x} <{name}>:")
        lines += [f" {0x1000_0000 + 64 * k + 2 * j:x}:\tbf00      \t{text}" for j, text in enumerate(instructions)]
    return "\n".join(lines)


PUSH = "push\t{r4, r5, r6, lr}"


def test_the_deepest_chain_counts() -> None:
    text = listing(
        start=("bl\t10000040 <a>", "bl\t10000080 <b>"),
        a=(PUSH, "sub\tsp, #24", "bl\t10000080 <b>"),
        b=("push\t{r4-r7, lr}", "beq.n\t10000084 <b+0x4>"),
    )
    assert stack_bound(text, {}, ["start"]) == 16 + 24 + 20
    assert stack_bound(text, {"b": 100}, ["start"]) == 16 + 24 + 100  # the compiler's figure wins


def test_a_handler_lies_on_top() -> None:
    text = listing(start=(PUSH,), irq_3=(PUSH, "bl\t10000080 <a>"), a=("push\t{r4}",))
    assert stack_bound(text, {}, ["start"]) == 16 + FRAME + 16 + 4


def test_a_jump_to_another_function_is_a_call() -> None:
    assert stack_bound(listing(start=("b.w\t10000040 <a>",), a=(PUSH,)), {}, ["start"]) == 16


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (listing(start=("bl\t10000040 <a>",), a=("bl\t10000000 <start>",)), "calls itself"),
        (listing(start=("bl\t10000000 <start>",)), "calls itself"),
        (listing(start=("blx\tr3",)), "through a register"),
        (listing(start=("bl\t10000040 <a>",)), "is not in the program"),
    ],
)
def test_no_bound(text: str, error: str) -> None:
    with pytest.raises(UserError, match=error):
        stack_bound(text, {}, ["start"])


def test_a_size_that_depends_on_data_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.su"
    path.write_text("a.c:1:5:f\t16\tstatic\na.c:9:5:g.part.0\t8\tdynamic,bounded\n")
    assert read_usage([path]) == {"f": 16, "g": 8}
    path.write_text("a.c:1:5:f\t16\tdynamic\n")
    with pytest.raises(UserError, match="stack of f depends on data"):
        read_usage([path])


def test_the_compilers_figures_are_those_of_the_disassembly(built_firmware: Path) -> None:
    """Two ways to the same bytes, for every C function of every program."""
    compared = 0
    for program in ("bootrom", "infer", "selftest", "memtest"):
        usage = read_usage((built_firmware / f"{program}.objects").glob("*.su"))
        for name, function in read_calls((built_firmware / f"{program}.lst").read_text()).items():
            if name in usage:
                assert usage[name] == function.bytes, (program, name)
                compared += 1
    assert compared > 20
