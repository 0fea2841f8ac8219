"""What benchmarks share: percentiles, the scales of plots, what is told of one that was not run."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from _all import Outcome, names, run, summary
from _machine import Run, medians, percentile, ratio, three_percentiles
from _plot import Panel, comparison, even_ticks, figure, logarithmic_ticks, picture_among, svg
from _tools import LACKING
from pricedesk.backend.grpc import currency_service

ROOT = Path(__file__).parents[1]
SVG = "{http://www.w3.org/2000/svg}"


def a_run(per_second: float, ms: float = 1) -> Run:
    return Run(per_second, ms, ms, ms, 10, 50)


@pytest.mark.parametrize(
    ("count", "percent", "found"),
    [
        (1, 50, 1),
        (1, 99.9, 1),
        (2, 50, 1),
        (3, 50, 2),
        (100, 50, 50),
        (100, 99, 99),
        (100, 99.9, 100),
        (100, 100, 100),
        (1000, 99, 990),
        (1000, 99.9, 999),
        (10_000, 99.9, 9990),
    ],
)
def test_so_many_percent_of_all_values_are_not_above_a_percentile(
    count: int, percent: float, found: int
) -> None:
    assert percentile(reversed(range(1, count + 1)), percent) == found


def test_three_percentiles_are_of_values_in_any_order() -> None:
    assert three_percentiles(range(1000, 0, -1)) == (500, 990, 999)


def test_a_ratio_is_the_median_over_rounds_and_not_that_of_medians() -> None:
    """The machine was twice as fast in the second round and four times as fast in the third."""
    ours, rivals = [a_run(50), a_run(120), a_run(160)], [a_run(100), a_run(200), a_run(400)]
    assert ratio(ours, rivals) == 0.5
    assert medians(ours).per_second == 120


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([1, 10, 100, 1000], [1, 10, 100, 1000]),
        ([12_192, 147_325], [10_000, 20_000, 50_000, 100_000, 200_000]),
        ([0.09, 0.4], [0.05, 0.1, 0.2, 0.5]),
        ([0.09, 10.8], [0.01, 0.1, 1, 10, 100]),
        ([10, 10], [10, 20]),
        ([100], [100, 200]),
    ],
)
def test_a_logarithmic_axis_has_all_values_between_its_ends(
    values: list[float], ticks: list[float]
) -> None:
    found = logarithmic_ticks(values)
    assert found[0] <= min(values)
    assert max(values) <= found[-1]
    assert [figure(tick) for tick in found] == [figure(tick) for tick in ticks]


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.49, 1], ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        ([0.28, 12.5], ["0", "5", "10", "15"]),
        ([1.19], ["0", "0.2", "0.4", "0.6", "0.8", "1", "1.2"]),
        ([0.06], ["0", "0.01", "0.02", "0.03", "0.04", "0.05", "0.06"]),
    ],
)
def test_an_even_axis_begins_with_zero(values: list[float], ticks: list[str]) -> None:
    assert [figure(tick) for tick in even_ticks(values)] == ticks


@pytest.mark.parametrize(
    ("value", "text"),
    [(1_000_000, "1,000,000"), (1, "1"), (0.05, "0.05"), (12.5, "12.5"), (0, "0")],
)
def test_a_figure_is_written_without_what_says_nothing(value: float, text: str) -> None:
    assert figure(value) == text


def test_a_point_is_where_its_axes_say() -> None:
    """Half way between two powers of ten is their geometric mean."""
    panel = Panel("Answers", "connections", {"ours": [(1, 10), (10, 31.6227766), (100, 100)]})
    path = 'd="M66.0 244.0 L221.0 139.0 L376.0 34.0"'
    assert path in svg("a title", [panel])


def test_a_comparison_says_its_units_its_lines_and_what_is_wanted() -> None:
    results = {
        n: {"Node": [a_run(10 * n)], "ours & co": [a_run(30 * n)], "others": [a_run(5 * n)]}
        for n in (1, 10)
    }
    drawn = ET.fromstring(comparison("By number", "connections", results, "Node", 3))  # noqa: S314  # made here
    texts = [element.text for element in drawn.iter(f"{SVG}text")]
    titles = [each.text for each in drawn.iter(f"{SVG}text") if "font-weight" in each.attrib]
    assert titles == [
        "Answers a second",
        'Times as many as "Node"',
        "p50, milliseconds",
        "p99, milliseconds",
    ]
    assert texts.count("connections") == 4
    assert texts.count("wanted: 3") == 1
    assert texts[-3:] == ["Node", "ours & co", "others"]


def test_who_was_not_asked_with_a_number_has_a_shorter_line() -> None:
    results = {1: {"C": [a_run(1)], "ours": [a_run(1)]}, 10: {"C": [a_run(1)]}}
    drawn = ET.fromstring(comparison("By number", "connections", results, "C"))  # noqa: S314  # made here
    circles = [each.attrib["fill"] for each in drawn.iter(f"{SVG}circle")]
    assert circles == ["#555555", "#555555", "#0b62a4"] * 4


@pytest.mark.parametrize(
    ("arguments", "picture", "left"),
    [
        ([], None, []),
        (["3", "1"], None, ["3", "1"]),
        (["a.svg"], Path("a.svg"), []),
        (["3", "1", "docs/a.svg"], Path("docs/a.svg"), ["3", "1"]),
    ],
)
def test_the_last_argument_may_name_a_picture(
    arguments: list[str], picture: Path | None, left: list[str]
) -> None:
    assert picture_among(arguments) == picture
    assert arguments == left


LACKING_PROGRAM = f"""
import sys
sys.path.insert(0, {str(ROOT / "bench")!r})
from _tools import PACKAGES, need
PACKAGES["no-such-program"] = "some-package"
need("no-such-program")
print("went on")
"""


def test_a_benchmark_that_lacks_a_program_names_its_package_and_is_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lacks.py").write_text(LACKING_PROGRAM)
    outcome = run("lacks", folder=tmp_path)
    assert (outcome.code, outcome.failed) == (LACKING, False)
    said = "all of it: no-such-program cannot be found (Debian: some-package)"
    assert outcome.not_measured == (said,)
    assert capsys.readouterr().out == f"not measured: {said}\n"


def test_what_a_benchmark_prints_is_passed_on_and_a_failure_is_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = "import sys\nprint(sys.argv[1])\nprint('not measured: half: why', flush=True)\n"
    (tmp_path / "fails.py").write_text(program + "sys.exit('a reason')\n")
    outcome = run("fails", ["argument"], tmp_path)
    assert (outcome.code, outcome.failed, outcome.not_measured) == (1, True, ("half: why",))
    assert capsys.readouterr().out == "argument\nnot measured: half: why\na reason\n"


def test_the_end_tells_what_became_of_each_and_what_was_not_measured() -> None:
    outcomes = [
        Outcome("lines", 61.2, 0, ()),
        Outcome("quotes", 30, 0, ("PostgreSQL: not here",)),
        Outcome("images", 0.4, LACKING, ("all of it: no engine",)),
        Outcome("web", 2, 1, ()),
    ]
    assert summary(outcomes) == [
        ["lines", "61 s", "measured"],
        ["quotes", "30 s", "measured"],
        ["", "", "not measured: PostgreSQL: not here"],
        ["images", "0 s", "not run"],
        ["", "", "not measured: all of it: no engine"],
        ["web", "2 s", "failed, exit code 1"],
    ]


def test_what_a_benchmark_switches_off_is_there_to_be_switched_off() -> None:
    """Else an answer that is kept would be measured as one that is not."""
    text = (ROOT / "bench" / "grpc_door.py").read_text("utf-8")
    [limit] = re.findall(r"import currency_service as c; c\.(\w+) = 0$", text, re.MULTILINE)
    assert getattr(currency_service, limit) > 0


def test_the_commands_of_the_documentation_are_those_of_the_benchmarks_heads() -> None:
    """With PYTHONPATH where one needs it, and without where not."""
    page = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    command = re.compile(r"^    (.*)python bench/(\w+)\.py", re.MULTILINE)
    heads = {
        name: before
        for path in (ROOT / "bench").glob("*.py")
        for before, name in command.findall(path.read_text("utf-8"))
    }
    told = {name: before for before, name in command.findall(page)}
    assert told == {name: heads[name] for name in names() if name != "guards"}


def test_every_benchmark_is_in_the_documentation_and_so_is_every_picture() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    assert [name for name in names() if f"bench/{name}.py" not in page] == []
    pictures = re.findall(r"!\[(.+)\]\((pictures/.+)\)", page)
    assert [path for _, path in pictures if not (ROOT / "docs" / path).is_file()] == []
    assert {path.rpartition("/")[2] for _, path in pictures} == {
        "lines.svg",
        "telnet.svg",
        "http_door.svg",
        "grpc_door.svg",
    }
