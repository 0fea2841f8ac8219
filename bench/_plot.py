"""A plot as SVG, for the documentation: panels side by side, both axes logarithmic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

WIDTH, HEIGHT = 400, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 24, 34, 46
LEGEND_HEIGHT = 28
COLOURS = ("#555555", "#0b62a4", "#c2410c", "#15803d")
DASHES = ("", "", "6 3", "2 3")


@dataclass(frozen=True)
class Panel:
    """One plot: a title with the unit, and for each line its points, (x, y)."""

    title: str
    across: str
    lines: Mapping[str, Sequence[tuple[float, float]]]


def svg(title: str, panels: Sequence[Panel]) -> str:
    """The panels under each other's titles, with one legend for all; they have the same lines."""
    width, height = WIDTH * len(panels), HEIGHT + LEGEND_HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        '<g font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for number, panel in enumerate(panels):
        parts += [f'<g transform="translate({number * WIDTH} 0)">', *_panel(panel), "</g>"]
    x = LEFT
    for number, name in enumerate(panels[0].lines):
        y = HEIGHT + LEGEND_HEIGHT / 2
        parts.append(f'<path d="M{x} {y}h24" {_stroke(number)}/>')
        parts.append(f'<text x="{x + 30}" y="{y + 4}">{escape(name)}</text>')
        x += 60 + 7 * len(name)
    return "\n".join([*parts, "</g>", "</svg>", ""])


def _stroke(number: int) -> str:
    dash = f' stroke-dasharray="{DASHES[number]}"' if DASHES[number] else ""
    return f'fill="none" stroke="{COLOURS[number]}" stroke-width="2"{dash}'


class _Scale:
    """Values to places, from a power of ten to another."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        self.low, self.high = floor(log10(min(values))), ceil(log10(max(values)))
        self.high = max(self.high, self.low + 1)
        self._begin, self._end = begin, end

    def __call__(self, value: float) -> float:
        part = (log10(value) - self.low) / (self.high - self.low)
        return round(self._begin + part * (self._end - self._begin), 1)

    def ticks(self) -> list[tuple[float, str]]:
        """The powers of ten and how they are written."""
        return [
            (self(10.0**n), f"{10.0**n:,.{max(0, -n)}f}") for n in range(self.low, self.high + 1)
        ]


def _panel(panel: Panel) -> list[str]:
    points = [point for line in panel.lines.values() for point in line]
    across = _Scale([x for x, _ in points], LEFT, WIDTH - RIGHT)
    up = _Scale([y for _, y in points], HEIGHT - BOTTOM, TOP)
    parts = [f'<text x="{LEFT}" y="18" font-weight="bold">{escape(panel.title)}</text>']
    for x, text in across.ticks():
        parts.append(f'<path d="M{x} {TOP}V{HEIGHT - BOTTOM}" stroke="#dddddd"/>')
        parts.append(f'<text x="{x}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{text}</text>')
    for y, text in up.ticks():
        parts.append(f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{text}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle">{panel.across}</text>')
    for number, line in enumerate(panel.lines.values()):
        places = [f"{across(x)} {up(y)}" for x, y in line]
        parts.append(f'<path d="M{" L".join(places)}" {_stroke(number)}/>')
        parts += [
            f'<circle cx="{across(x)}" cy="{up(y)}" r="3" fill="{COLOURS[number]}"/>'
            for x, y in line
        ]
    return parts
