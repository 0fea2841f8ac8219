"""Charts: what is drawn where, to the tenth of a unit; gaps are gaps."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.frontend.web.charts import HEIGHT, WIDTH, Chart, Point, draw, runs, spark
from pricedesk.money import ExactDecimal

FIRST = date(2026, 3, 2)


def points(*values: str | None) -> list[Point]:
    """A value a day from FIRST on; None for a day without one."""
    days = (FIRST + timedelta(days=n) for n in range(len(values)))
    return [
        Point(day, ExactDecimal.parse(value))
        for day, value in zip(days, values, strict=True)
        if value is not None
    ]


def drawn(found: list[Point], gap_days: int = 6) -> Chart:
    chart = draw(found, gap_days, str, str)
    assert chart is not None
    return chart


def test_a_line_goes_from_the_figures_to_the_edge_and_from_the_lowest_to_the_highest() -> None:
    chart = drawn(points("1.00", "3.00", "2.00"))
    assert chart.lines == ("M50 232L385 16L720 124",)
    assert chart.areas == ("M50 232L385 16L720 124V232H50Z",)
    assert [(tick.at, tick.text) for tick in chart.values] == [
        ("232", "1"),
        ("178", "1.5"),
        ("124", "2"),
        ("70", "2.5"),
        ("16", "3"),
    ]
    assert (str(chart.lowest.value), str(chart.highest.value)) == ("1.00", "3.00")


@pytest.mark.parametrize(
    ("before", "left"), [("", "50"), ("US", "78"), ("20000", "120"), ("0" * 90, "360")]
)
def test_the_longer_the_figures_are_the_more_room_they_have(before: str, left: str) -> None:
    chart = draw(points("1", "3"), 6, lambda text: before + text, str)
    assert chart is not None
    assert chart.lines == (f"M{left} 232L720 16",)


def test_what_never_moved_is_a_line_in_the_middle() -> None:
    chart = drawn(points("7.46", "7.46"))
    assert chart.lines == ("M64 124L720 124",)


@pytest.mark.parametrize(
    ("values", "count", "dots"),
    [
        (("1", "2", None, "3", "4"), 1, 0),
        (("1", "2", None, None, "3", "4"), 2, 0),
        (("1", None, None, "2", None, None, "3"), 0, 3),
        (("1", "2", None, None, "3"), 1, 1),
    ],
)
def test_days_too_far_apart_are_not_joined(
    values: tuple[str | None, ...], count: int, dots: int
) -> None:
    chart = drawn(points(*values), gap_days=2)
    assert (len(chart.lines), len(chart.dots)) == (count, dots)


@pytest.mark.parametrize("values", [(), ("1",)])
def test_one_point_is_no_line(values: tuple[str, ...]) -> None:
    assert draw(points(*values), 6, str, str) is None
    assert spark(points(*values), 6) == ""


def test_a_small_chart_is_a_path_alone() -> None:
    assert spark(points("1", "2", None, None, None, "1", "2"), 2) == ("M0 30L20 2 M100 30L120 2")


SERIES = st.lists(
    st.builds(ExactDecimal, st.integers(0, 10**15), st.integers(0, 12)), min_size=2, max_size=40
)


@given(SERIES, st.lists(st.integers(1, 400), min_size=40, max_size=40))
def test_everything_is_within_the_picture(values: list[ExactDecimal], steps: list[int]) -> None:
    days, found = FIRST, []
    for value, step in zip(values, steps, strict=False):
        found.append(Point(days, value))
        days += timedelta(days=step)
    chart = drawn(found)
    for path in chart.lines:
        for place in path.removeprefix("M").split("L"):
            x, y = (ExactDecimal.parse(text) for text in place.split(" "))
            assert 0 <= x.unscaled <= WIDTH * 10**x.scale
            assert 0 <= y.unscaled <= HEIGHT * 10**y.scale
    assert 1 <= len(chart.values) <= 12
    assert len(chart.days) <= 8
    assert [point for run in runs(found, 6) for point in run] == found
