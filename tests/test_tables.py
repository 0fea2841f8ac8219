"""Tables: what a person sees, and what programs get."""

import csv
import io
import json

import click
import pytest

from pricedesk import tables
from pricedesk.tables import Column, Place, columns, show

NAMED = (
    Column("pair"),
    Column("the_rate", Place.NUMBER),
    Column("reason", Place.BELOW),
    Column("more", Place.DATA),
)
REASON = "it is ten times what it was on the day before, and no other source has anything like it"
ROWS = [
    ("USD/CAD", "1.39", None, "a,b"),
    ("EUR/JPY", "175.6800", REASON, None),
    ("EUR/HUF", "366", None, None),
]
WICKED = "\x1b[2J\x9b31m\x07\u202e\ud83d\x00é"
"""What clears a terminal, colours it, rings, turns writing round; and half a surrogate."""


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard output is a terminal of 60 columns."""
    monkeypatch.setattr(tables, "on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")


def test_columns_are_aligned_numbers_by_their_points_and_long_texts_are_below(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(NAMED, ROWS)
    assert capsys.readouterr().out == (
        "pair     the rate\n"
        "USD/CAD    1.39\n"
        "EUR/JPY  175.6800\n"
        f"    reason: {REASON}\n"
        "EUR/HUF  366\n"
    )


@pytest.mark.usefixtures("on_terminal")
def test_on_a_terminal_a_long_text_is_in_lines_that_fit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(NAMED, ROWS)
    assert capsys.readouterr().out.splitlines()[3:5] == [
        "    reason: it is ten times what it was on the day before,",
        "    and no other source has anything like it",
    ]


@pytest.mark.usefixtures("on_terminal")
def test_on_a_terminal_a_cell_that_is_too_wide_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    show(columns("text"), [["x" * 30], ["y" * 31]])
    assert capsys.readouterr().out == f"text\n{'x' * 30}\n{'y' * 27}...\n"


def test_elsewhere_no_cell_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    show(columns("text"), [["x" * 300]])
    assert capsys.readouterr().out == f"text\n{'x' * 300}\n"


def test_json_has_every_column_null_where_there_is_no_value(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(NAMED, ROWS[:1], as_json=True)
    assert json.loads(capsys.readouterr().out) == [
        {"pair": "USD/CAD", "the_rate": "1.39", "reason": None, "more": "a,b"}
    ]


def test_csv_has_every_column_empty_where_there_is_no_value(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(NAMED, ROWS[:1], as_csv=True)
    assert capsys.readouterr().out == 'pair,the_rate,reason,more\nUSD/CAD,1.39,,"a,b"\n'


def test_a_mapping_is_an_object_in_json_and_pairs_elsewhere(
    capsys: pytest.CaptureFixture[str],
) -> None:
    named, rows = columns("retired"), [[{"BGN": "2025-12-31", "HRK": "2022-12-30"}]]
    show(named, rows, as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"retired": rows[0][0]}]
    show(named, rows, as_csv=True)
    assert capsys.readouterr().out == "retired\nBGN:2025-12-31 HRK:2022-12-30\n"
    show(named, rows)
    assert capsys.readouterr().out == "retired\nBGN 2025-12-31, HRK 2022-12-30\n"


@pytest.mark.parametrize(
    ("asked", "printed"),
    [({}, ""), ({"as_json": True}, "[]\n"), ({"as_csv": True}, "pair\n")],
)
def test_without_rows_standard_error_says_so(
    asked: dict[str, bool], printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show(columns("pair"), [], **asked, nothing="there is nothing")
    assert capsys.readouterr() == (printed, "there is nothing\n")


def test_two_formats_at_once_are_refused() -> None:
    with pytest.raises(click.UsageError, match="--json and --csv exclude each other"):
        show(columns("pair"), [], as_json=True, as_csv=True)


@pytest.mark.parametrize("place", [Place.COLUMN, Place.NUMBER, Place.BELOW])
def test_nothing_in_a_table_steers_the_terminal(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    show([Column("key"), Column("text", place)], [["a", WICKED], ["b", {WICKED: WICKED}]])
    out = capsys.readouterr().out.replace("\n", "")
    assert out.isprintable()
    assert r"\x1b[2J\x9b31m\x07\u202e\ud83d\x00é" in out


def test_json_has_the_exact_text_in_characters_that_steer_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(columns("text"), [[WICKED]], as_json=True)
    out = capsys.readouterr().out
    assert out.replace("\n", "").isprintable()
    assert json.loads(out) == [{"text": WICKED}]


def test_csv_has_the_exact_text_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    text = WICKED.replace("\ud83d", "")
    show(columns("text"), [[f'{text}"\r\n,'], ["\ud83d"]], as_csv=True)
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out, newline="")))
    assert rows == [["text"], [f'{text}"\r\n,'], [r"\ud83d"]]


@pytest.mark.usefixtures("on_terminal")
def test_csv_on_a_terminal_does_not_steer_it(capsys: pytest.CaptureFixture[str]) -> None:
    show(columns("text"), [[WICKED]], as_csv=True)
    assert capsys.readouterr().out.replace("\n", "").isprintable()
