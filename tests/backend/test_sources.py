"""The table of sources: each can be asked, and what it is, is written down."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pricedesk.backend.sources import find_sources
from pricedesk.backend.sources.source import Source
from pricedesk.errors import InvalidSetting

FIXTURES = Path(__file__).parents[1] / "fixtures"
ECB = "https://ecb.example"
KEYS = ("ECB", "BOC", "NB", "BOE", "CNB", "NBP", "RB", "ERAPI")
ALL = find_sources(KEYS, ECB)


def source_of(key: str) -> Source:
    [source] = find_sources((key,), ECB)
    return source


@pytest.mark.parametrize("key", KEYS[1:])
def test_each_source_can_be_asked_and_reads_its_recorded_answer(key: str) -> None:
    source = source_of(key)
    request = source.request(date(2026, 3, 16), date(2026, 3, 20))
    recordings = (FIXTURES / key.lower()).iterdir()
    recording = min(file for file in recordings if "gold" not in file.name)
    sheets = source.read(request, recording.read_bytes())
    assert request.url.startswith("https://")
    assert source.key == key
    assert all(sheet.date >= source.first_date for sheet in sheets)
    assert not any(source.convention.pivot in sheet.rates for sheet in sheets)


def test_a_source_that_does_not_exist_is_named() -> None:
    with pytest.raises(InvalidSetting, match=r'^PRICEDESK_SOURCES: "XYZ" is none of ECB, BOC, NB'):
        find_sources(("ECB", "XYZ"), ECB)


@pytest.mark.parametrize(
    ("key", "first", "last"),
    [
        ("ECB", date(2020, 1, 1), date(2026, 3, 20)),
        ("NBP", date(2025, 12, 1), date(2026, 3, 3)),
        ("CNB", date(2025, 12, 1), date(2025, 12, 31)),
    ],
)
def test_no_more_days_are_asked_for_at_once_than_a_source_gives(
    key: str, first: date, last: date
) -> None:
    assert source_of(key).last_day(first, date(2026, 3, 20)) == last


@pytest.mark.parametrize("source", ALL, ids=KEYS)
def test_each_source_has_terms_and_a_name_to_show_with_its_rates(source: Source) -> None:
    assert source.terms.endswith(".")
    assert source.terms_url.startswith("https://")
    assert source.attribution
    assert source.attribution_url.startswith("https://")


def test_what_the_terms_ask_to_be_shown_is_kept_word_for_word() -> None:
    erapi = source_of("ERAPI")
    assert (erapi.attribution, erapi.attribution_url) == (
        "Rates By Exchange Rate API",
        "https://www.exchangerate-api.com",
    )
    assert source_of("ECB").attribution == "Source: ECB"


def test_tables_that_may_not_be_handed_on_are_marked() -> None:
    assert [source.key for source in ALL if not source.redistribute] == ["BOE", "ERAPI"]


def test_sources_that_are_computed_from_others_are_marked() -> None:
    origins = {source.key: source.origin for source in ALL if source.origin is not None}
    assert origins == {"NB": "ECB", "RB": "ECB", "ERAPI": ""}


def test_one_source_says_itself_when_its_next_document_comes() -> None:
    assert [source.key for source in ALL if source.next_due] == ["ERAPI"]
    next_due = source_of("ERAPI").next_due
    assert next_due is not None
    made = (FIXTURES / "erapi" / "latest-USD.MADE-BY-US.json").read_bytes()
    assert next_due(made) == datetime(2026, 11, 1, 0, 22, 11, tzinfo=UTC)


def test_a_source_is_asked_as_seldom_as_it_wishes() -> None:
    paces = {s.key: (s.pause_min, s.delay_min, s.delay_max) for s in ALL}
    usual = (timedelta(minutes=1), timedelta(0), timedelta(seconds=60))
    patient = (timedelta(hours=1), timedelta(seconds=30), timedelta(seconds=300))
    assert paces == dict.fromkeys(KEYS, usual) | {"ERAPI": patient}
