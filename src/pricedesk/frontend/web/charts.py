"""Charts as SVG, drawn here: lines over days, with honest gaps and round figures at the side.

All geometry is in whole tenths of a unit, so that a chart is the same text on every machine.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from pricedesk.money import ExactDecimal, decimal_text

WIDTH, HEIGHT = 720, 260
_TOP, _BOTTOM = 16, 28
_TENTHS = 10
_EDGE_TENTHS = 500
"""Nearer to an edge a day's text would not fit."""

_CHARACTER, _BESIDE = 14, 8
"""How wide a character of a figure at the side is on a phone, where it is the largest, and how far
the line is from it."""

TICKS_WANTED = 4
"""About so many lines across a chart."""


class Point(NamedTuple):
    """What something cost on a day, or was."""

    day: date
    value: ExactDecimal


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across a chart, or a mark below it, and what is written there."""

    at: str
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What a template needs to draw: coordinates as text within WIDTH and HEIGHT.

    `lines` are the paths of the line, one between two gaps; `areas` what is below them. Both
    leave room at the left for the figures of `values`. `lowest`, `highest`, `first` and `last` are
    for words beside it.
    """

    lines: tuple[str, ...]
    areas: tuple[str, ...]
    dots: tuple[tuple[str, str], ...]
    values: tuple[Tick, ...]
    days: tuple[Tick, ...]
    first: Point
    last: Point
    lowest: Point
    highest: Point
    width: int = WIDTH
    height: int = HEIGHT


def spark(points: Sequence[Point], gap_days: int, width: int = 120, height: int = 32) -> str:
    """The path of a small chart without words; empty for fewer than two points."""
    if len(points) < 2:  # noqa: PLR2004  # a line has two ends
        return ""
    scale = _common_scale(points)
    values = [_units(point, scale) for point in points]
    x_of = _axis(points[0].day.toordinal(), points[-1].day.toordinal(), 0, width)
    y_of = _axis(max(values), min(values), 2, height - 2)
    return " ".join(_path(run, x_of, y_of, scale) for run in runs(points, gap_days))


def draw(
    points: Sequence[Point],
    gap_days: int,
    value_text: Callable[[str], str],
    day_text: Callable[[date], str],
) -> Chart | None:
    """The chart of points in order of their days; None where there are fewer than two.

    Days further apart than `gap_days` are not joined. `value_text` and `day_text` write the
    figures at the side and the days below.
    """
    if len(points) < 2:  # noqa: PLR2004  # a line has two ends
        return None
    scale = _common_scale(points)
    values = [_units(point, scale) for point in points]
    marks, scale_up = _round_values(min(values), max(values))
    low, high = min(marks[0], min(values) * scale_up), max(marks[-1], max(values) * scale_up)
    scale += len(str(scale_up)) - 1
    begin, end = points[0].day.toordinal(), points[-1].day.toordinal()
    texts = [value_text(_plain(mark, scale)) for mark in marks]
    left = min(max(map(len, texts)) * _CHARACTER + _BESIDE, WIDTH // 2)
    x_of = _axis(begin, end, left, WIDTH)
    y_of = _axis(high, low, _TOP, HEIGHT - _BOTTOM)
    joined = list(runs(points, gap_days))
    floor = _shown((HEIGHT - _BOTTOM) * _TENTHS)
    lines = tuple(_path(run, x_of, y_of, scale) for run in joined if len(run) > 1)
    areas = tuple(
        f"{_path(run, x_of, y_of, scale)}V{floor}H{_shown(x_of(run[0].day.toordinal()))}Z"
        for run in joined
        if len(run) > 1
    )
    dots = tuple(
        (_shown(x_of(run[0].day.toordinal())), _shown(y_of(_units(run[0], scale))))
        for run in joined
        if len(run) == 1
    )
    return Chart(
        lines=lines,
        areas=areas,
        dots=dots,
        values=tuple(
            Tick(_shown(y_of(mark)), text) for mark, text in zip(marks, texts, strict=True)
        ),
        days=tuple(
            Tick(_shown(x_of(day.toordinal())), day_text(day))
            for day in _round_days(points[0].day, points[-1].day)
            if _EDGE_TENTHS + left * _TENTHS
            < x_of(day.toordinal())
            < WIDTH * _TENTHS - _EDGE_TENTHS
        ),
        first=points[0],
        last=points[-1],
        lowest=points[values.index(min(values))],
        highest=points[values.index(max(values))],
    )


def runs(points: Iterable[Point], gap_days: int) -> Iterable[list[Point]]:
    """The points in runs, between which there is a gap."""
    run: list[Point] = []
    for point in points:
        if run and (point.day - run[-1].day).days > gap_days:
            yield run
            run = []
        run.append(point)
    if run:
        yield run


def _common_scale(points: Iterable[Point]) -> int:
    return max(point.value.scale for point in points)


def _units(point: Point, scale: int) -> int:
    finer: int = 10 ** (scale - point.value.scale)
    return point.value.unscaled * finer


def _axis(first: int, last: int, begin: int, end: int) -> Callable[[int], int]:
    """From a value to a place in tenths; in the middle where all values are the same."""
    span = last - first
    if span == 0:
        return lambda _value: (begin + end) * _TENTHS // 2
    return lambda value: begin * _TENTHS + (value - first) * (end - begin) * _TENTHS // span


def _path(
    run: Sequence[Point], x_of: Callable[[int], int], y_of: Callable[[int], int], scale: int
) -> str:
    places = [
        f"{_shown(x_of(point.day.toordinal()))} {_shown(y_of(_units(point, scale)))}"
        for point in run
    ]
    return "M" + "L".join(places)


def _shown(tenths: int) -> str:
    whole, rest = divmod(tenths, _TENTHS)
    return f"{whole}.{rest}" if rest else str(whole)


def _plain(units: int, scale: int) -> str:
    """A value without zeros at its end."""
    text = decimal_text(units, scale)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _round_values(low: int, high: int) -> tuple[list[int], int]:
    """Round values between two, about TICKS_WANTED of them, and how much finer they are.

    They are one, two or five times a power of ten apart.
    """
    finer = 1
    while (high - low) * finer < TICKS_WANTED * 2 and finer < 10**6:
        finer *= 10
    low, high = low * finer, high * finer
    span = max(high - low, 1)
    power = 10 ** max(0, len(str(span)) - 2)
    steps = [factor * power for factor in (1, 2, 5, 10, 20, 50, 100)]
    step = next(step for step in steps if span // step <= TICKS_WANTED)
    first = -(-low // step) * step
    marks = list(range(first, high + 1, step))
    return marks or [low], finer


_MONTHS_A_YEAR = 12


def _round_days(first: date, last: date) -> list[date]:
    """First days of months or years between two days, a handful; Mondays where it is short."""
    months = (last.year - first.year) * _MONTHS_A_YEAR + last.month - first.month
    if months <= 2:  # noqa: PLR2004  # too few first days of months
        mondays = range(first.toordinal() + (7 - first.weekday()) % 7, last.toordinal() + 1, 7)
        return [date.fromordinal(day) for day in mondays][1::2]
    every = next(
        (n for n in (1, 2, 3, 6, 12, 24, 60) if months // n <= 6),  # noqa: PLR2004  # what fits
        120,
    )
    found = []
    for n in range(first.year * _MONTHS_A_YEAR, (last.year + 1) * _MONTHS_A_YEAR):
        day = date(n // _MONTHS_A_YEAR, n % _MONTHS_A_YEAR + 1, 1)
        if n % every == 0 and first < day <= last:
            found.append(day)
    return found
