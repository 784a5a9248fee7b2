"""March C- over the debug port: memories tested without a processor.

(w0) up(r0,w1) up(r1,w0) down(r0,w1) down(r1,w0) (r0); the source is named in ``firmware/apps/memtest/march.h``,
which is the same test for a processor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from asicflow.board.link import Link

ONES = 0xFFFFFFFF


@dataclass
class MarchResult:
    """``words`` tested; ``wrong``: address and expected value of each read that failed."""

    words: int = 0
    wrong: list[tuple[int, int]] = field(default_factory=list)


def march(
    port: Link, addresses: Sequence[int], progress: Callable[[float], None], plant: int | None = None
) -> MarchResult:
    """Test the words at ``addresses`` (ascending); their contents are lost.

    Parameters
    ----------
    port : Link
        The debug port; the processor should be held in reset.
    addresses : sequence of int
        Word addresses.
    progress : callable
        Takes the share that is done.
    plant : int, optional
        Address of a word that is changed on the way: the test must find it.

    On a bad line the chip may take a command for another one that writes: the test then starts again.
    """
    return port.persist(lambda: _march(port, addresses, progress, plant), port.hold_cpu)


def _march(port: Link, addresses: Sequence[int], progress: Callable[[float], None], plant: int | None) -> MarchResult:
    result = MarchResult(words=len(addresses))
    for block in _runs(addresses):
        port.fill(block[0], 0, len(block))
    for number, (expected, downwards) in enumerate(((0, False), (ONES, False), (0, True), (ONES, True))):
        if number == 1 and plant is not None:
            port.write(plant, ONES ^ 1)
        order = list(reversed(addresses)) if downwards else list(addresses)
        for k, address in enumerate(order):
            if not port.compare(address, expected):
                result.wrong.append((address, expected))
            port.write(address, expected ^ ONES)
            if k % 32 == 0:
                progress((number + k / len(order)) / 4)
    result.wrong += [(address, 0) for address in addresses if not port.compare(address, 0)]
    progress(1.0)
    return result


def ends(base: int, size: int, words: int | None) -> list[int]:
    """Return the word addresses of a memory, or only so many from both ends."""
    everything = list(range(base, base + size, 4))
    if words is None or words >= len(everything):
        return everything
    half = max(1, words // 2)
    return everything[:half] + everything[-half:]


def _runs(addresses: Sequence[int]) -> list[list[int]]:
    """Cut into runs without gaps."""
    runs: list[list[int]] = []
    for address in addresses:
        if runs and address == runs[-1][-1] + 4:
            runs[-1].append(address)
        else:
            runs.append([address])
    return runs
