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


@dataclass(frozen=True)
class Span:
    """A stretch of a line chart's points with a name."""

    label: str
    first: int
    end: int


def line_chart(values: Sequence[float], spans: Sequence[Span], unit: str, title: str, form: Format = WIDE) -> Markup:
    """One line from left to right above zero, its stretches named and divided; largest value on the left."""
    height, bottom, left = 120.0, 138, 64
    top = max(values, default=0.0) or 1.0
    step = (form.width - left - 6) / max(len(values) - 1, 1)

    def at(k: int, value: float) -> str:
        return f"{left + k * step:.1f},{8 + height * (1 - value / top):.1f}"

    parts = [
        f'<polyline class="line" points="{" ".join(at(k, v) for k, v in enumerate(values))}"/>',
        f'<line class="axis" x1="{left}" x2="{form.width}" y1="{8 + height}" y2="{8 + height}"/>',
        f'<text class="label" x="{left - 8}" y="16">{top:.3g} {escape(unit)}</text>',
        f'<text class="label" x="{left - 8}" y="{8 + height:.0f}">0</text>',
    ]
    for span in spans:
        x = left + span.first * step
        middle = left + (span.first + span.end) / 2 * step
        parts.append(f'<line class="divide" x1="{x:.1f}" x2="{x:.1f}" y1="8" y2="{8 + height}"/>')
        parts.append(f'<text class="divide-text" x="{middle:.1f}" y="{bottom + 6}">{escape(span.label)}</text>')
    return Markup(
        f'<svg class="chart" viewBox="0 0 {form.width} {bottom + 14}" style="max-width: {1.2 * form.width:.0f}px"'
        f' role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'
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
