"""Plots as SVG, for the documentation: panels in two columns, with one legend for all of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from pathlib import Path

from _machine import Run, medians, ratio

COLUMNS = 2
WIDTH, HEIGHT = 400, 290
LEFT, RIGHT, TOP, BOTTOM = 66, 24, 34, 46
LEGEND_HEIGHT = 28
COLOURS = ("#555555", "#0b62a4", "#c2410c", "#15803d")
DASHES = ("", "", "6 3", "2 3")
WANTED_COLOUR = "#b91c1c"

DECADES_WITH_STEPS = 3
"""Over so many powers of ten there are lines at 2 and 5 as well."""

EVEN_STEPS_MAX = 6


@dataclass(frozen=True)
class Panel:
    """One plot: a title with the unit, and for each line its points, (x, y)."""

    title: str
    across: str
    lines: Mapping[str, Sequence[tuple[float, float]]]
    from_zero: bool = False
    """The upright axis begins with zero and is even, instead of logarithmic."""
    wanted: float | None = None
    """What is demanded at least: a line of its own."""


def picture_among(arguments: list[str]) -> Path | None:
    """The file that a picture goes to, taken off the end of a program's arguments."""
    return Path(arguments.pop()) if arguments and arguments[-1].endswith(".svg") else None


def comparison(
    title: str,
    across: str,
    results: Mapping[int, Mapping[str, Sequence[Run]]],
    rival: str,
    wanted: float | None = None,
) -> str:
    """What runs in turn gave, by a number such as that of connections: four panels.

    Who was not asked with all of these numbers has a shorter line; the first one has everybody.
    `wanted` is how many times the rival's answers a second are demanded of ours.
    """
    [first, *_] = results.values()
    names = sorted(first, key=lambda name: (name != rival, not name.startswith("ours")))

    def lines(
        figure: Callable[[Mapping[str, Sequence[Run]], str], float],
    ) -> dict[str, list[tuple[float, float]]]:
        return {
            name: [(n, figure(of, name)) for n, of in results.items() if name in of]
            for name in names
        }

    panels = [
        Panel("Answers a second", across, lines(lambda of, name: medians(of[name]).per_second)),
        Panel(
            f'Times as many as "{rival}"',
            across,
            lines(lambda of, name: ratio(of[name], of[rival])),
            from_zero=True,
            wanted=wanted,
        ),
        Panel("p50, milliseconds", across, lines(lambda of, name: medians(of[name]).p50_ms)),
        Panel("p99, milliseconds", across, lines(lambda of, name: medians(of[name]).p99_ms)),
    ]
    return svg(title, panels)


def svg(title: str, panels: Sequence[Panel]) -> str:
    """The panels with their titles, and one legend; they have the same lines."""
    rows = -(-len(panels) // COLUMNS)
    width, height = WIDTH * min(COLUMNS, len(panels)), HEIGHT * rows + LEGEND_HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        '<g font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for number, panel in enumerate(panels):
        row, column = divmod(number, COLUMNS)
        place = f"{column * WIDTH} {row * HEIGHT}"
        parts += [f'<g transform="translate({place})">', *_panel(panel), "</g>"]
    x = LEFT
    y = HEIGHT * rows + LEGEND_HEIGHT // 2
    for number, name in enumerate(panels[0].lines):
        parts.append(f'<path d="M{x} {y}h24" {_stroke(number)}/>')
        parts.append(f'<text x="{x + 30}" y="{y + 4}">{escape(name)}</text>')
        x += 54 + 7 * len(name)
    return "\n".join([*parts, "</g>", "</svg>", ""])


def _stroke(number: int) -> str:
    dash = f' stroke-dasharray="{DASHES[number]}"' if DASHES[number] else ""
    return f'fill="none" stroke="{COLOURS[number]}" stroke-width="2"{dash}'


def logarithmic_ticks(values: Sequence[float]) -> list[float]:
    """From below the least value to above the greatest: 1, 2 and 5 times powers of ten.

    Only the powers themselves where there are many.
    """
    low, high = min(values), max(values)
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    many = len(decades) > DECADES_WITH_STEPS
    steps = [m * 10.0**n for n in decades for m in ((1,) if many else (1, 2, 5))]
    first = max(step for step in steps if step <= low)
    beyond = [step for step in steps if step >= high and step > first]
    last = min(beyond, default=first * 10)
    return [step for step in steps if first <= step < last] + [last]


def even_ticks(values: Sequence[float]) -> list[float]:
    """From zero to above the greatest value, in EVEN_STEPS_MAX steps at most."""
    high = max(values)
    power = 10.0 ** floor(log10(high))
    candidates = (power * part for part in (0.1, 0.2, 0.5, 1, 2, 5))
    step = next(each for each in candidates if high / each <= EVEN_STEPS_MAX)
    return [step * n for n in range(ceil(high / step) + 1)]


def figure(value: float) -> str:
    """A number as it is written beside an axis."""
    text = f"{value:,.4f}"
    return text.rstrip("0").rstrip(".")


class _Scale:
    """Values to places, from the first tick to the last."""

    def __init__(self, ticks: Sequence[float], begin: float, end: float, *, even: bool) -> None:
        self.ticks = ticks
        self._of = float if even else log10
        self._begin, self._end = begin, end

    def __call__(self, value: float) -> float:
        low, high = self._of(self.ticks[0]), self._of(self.ticks[-1])
        part = (self._of(value) - low) / (high - low)
        return round(self._begin + part * (self._end - self._begin), 1)


def _panel(panel: Panel) -> list[str]:
    points = [point for line in panel.lines.values() for point in line]
    numbers = [x for x, _ in points]
    heights = [y for _, y in points] + ([panel.wanted] if panel.wanted else [])
    left_to_right = _Scale(logarithmic_ticks(numbers), LEFT, WIDTH - RIGHT, even=False)
    ticks = even_ticks(heights) if panel.from_zero else logarithmic_ticks(heights)
    up = _Scale(ticks, HEIGHT - BOTTOM, TOP, even=panel.from_zero)
    parts = [f'<text x="{LEFT}" y="18" font-weight="bold">{escape(panel.title)}</text>']
    for x in left_to_right.ticks:
        place, below = left_to_right(x), HEIGHT - BOTTOM + 16
        parts.append(f'<path d="M{place} {TOP}V{HEIGHT - BOTTOM}" stroke="#dddddd"/>')
        parts.append(f'<text x="{place}" y="{below}" text-anchor="middle">{figure(x)}</text>')
    for y in up.ticks:
        place = up(y)
        parts.append(f'<path d="M{LEFT} {place}H{WIDTH - RIGHT}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{place + 4}" text-anchor="end">{figure(y)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    across = escape(panel.across)
    parts.append(f'<text x="{middle}" y="{HEIGHT - 12}" text-anchor="middle">{across}</text>')
    for number, line in enumerate(panel.lines.values()):
        places = [(left_to_right(x), up(y)) for x, y in line]
        path = " L".join(f"{x} {y}" for x, y in places)
        parts.append(f'<path d="M{path}" {_stroke(number)}/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{COLOURS[number]}"/>' for x, y in places]
    return parts if panel.wanted is None else [*parts, *_wanted(panel.wanted, up(panel.wanted))]


def _wanted(value: float, place: float) -> list[str]:
    stroke = f'stroke="{WANTED_COLOUR}" stroke-width="1.5" stroke-dasharray="1 3"'
    where = f'x="{WIDTH - RIGHT - 6}" y="{place + 14}" text-anchor="end" font-size="11"'
    # A white edge, so that it can be read above a line.
    colours = f'fill="{WANTED_COLOUR}" stroke="#ffffff" stroke-width="4" paint-order="stroke"'
    return [
        f'<path d="M{LEFT} {place}H{WIDTH - RIGHT}" {stroke}/>',
        f"<text {where} {colours}>wanted: {figure(value)}</text>",
    ]
