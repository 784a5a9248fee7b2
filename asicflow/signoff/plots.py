"""Small charts as inline SVG; colours come from the page's CSS variables, so they follow light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

ROW = 30


@dataclass(frozen=True)
class Format:
    """Widths of a chart in pixels: all of it, the labels on the left, the texts on the right."""

    width: int
    label: int
    value: int


WIDE = Format(460, 132, 118)
NARROW = Format(330, 98, 78)


@dataclass(frozen=True)
class Bar:
    """One bar: its label, value, the text shown beside it, and a kind: good, bad, main or calm."""

    label: str
    value: float
    text: str
    kind: str = "main"


@dataclass(frozen=True)
class Mark:
    """A limit line across a bar chart."""

    value: float
    text: str


def bar_chart(bars: Sequence[Bar], title: str, marks: Sequence[Mark] = (), form: Format = WIDE) -> Markup:
    """Horizontal bars around a common zero, with a text per bar.

    Parameters
    ----------
    bars : sequence of Bar
        From top to bottom; values may be negative.
    title : str
        Read by screen readers.
    marks : sequence of Mark
        Limits drawn as dashed lines.
    form : Format
        How wide it is.
    """
    values = [b.value for b in bars] + [m.value for m in marks] + [0.0]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    left, right = form.label, form.width - form.value

    def at(value: float) -> float:
        return left + (value - low) / span * (right - left)

    parts = [_row(bar, i, at, left - 10) for i, bar in enumerate(bars)]
    height = ROW * len(bars)
    parts.append(f'<line class="axis" x1="{at(0):.1f}" x2="{at(0):.1f}" y1="0" y2="{height}"/>')
    for mark in marks:
        x = at(mark.value)
        parts.append(f'<line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}"/>')
        parts.append(f'<text class="limit-text" x="{x:.1f}" y="{height + 13}">{escape(mark.text)}</text>')
    total = height + (18 if marks else 4)
    return Markup(
        f'<svg class="chart" viewBox="0 0 {form.width} {total}" style="max-width: {1.2 * form.width:.0f}px" role="img"'
        f' aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )


def _row(bar: Bar, index: int, at: object, label_x: float) -> str:
    assert callable(at)
    y = index * ROW + 6
    x0, x1 = sorted((at(0.0), at(bar.value)))
    text_x = max(x1, at(0.0)) + 8
    middle = y + ROW / 2 - 3
    return (
        f'<text class="label" x="{label_x}" y="{middle + 1}">{escape(bar.label)}</text>'
        f'<rect class="bar {bar.kind}" x="{x0:.1f}" y="{y}" width="{max(x1 - x0, 1.5):.1f}"'
        f' height="{ROW - 12}" rx="3"/>'
        f'<text class="value {bar.kind}" x="{text_x:.1f}" y="{middle + 1}">{escape(bar.text)}</text>'
    )
