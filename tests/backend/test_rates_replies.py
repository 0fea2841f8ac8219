"""`rates`, `history` and `sources` on port 3000: their lines, digit by digit."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.calendars import AgeLimits
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.line_server import LineSession
from pricedesk.backend.pegs import all_pegs
from pricedesk.backend.rate_book import PEG, Order, RateBook
from pricedesk.backend.rates import Convention, Provenance, Publication, Sheet, publication_of
from pricedesk.backend.sources import ecb, find_sources
from pricedesk.backend.store import Look
from pricedesk.currencies import CURRENCIES, currency
from pricedesk.lines import LINE_BYTES_MAX
from pricedesk.rate_lines import (
    FAILURE_CHARACTERS_MAX,
    REPLY_BYTES_MAX,
    parse_history,
    parse_rates,
    parse_sources,
)

FRIDAY_EVENING = datetime(2026, 10, 30, 18, tzinfo=UTC)
PROVENANCE = Provenance("5" * 64, FRIDAY_EVENING)
TERMS = Terms(currency("CAD"), currency("USD"))
ECB_URL = (
    "https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates"
    "/html/index.en.html"
)
ECB_WORD = f"European%20Central%20Bank,Source:%20ECB,{ECB_URL},no,yes"
DOLLAR = (
    "AUD=1.01909521979:2026-10-30:ECB:fresh:0 BRL=3.88901704473:2026-10-30:ECB:fresh:0"
    " CHF=0.58913238498:2026-10-30:ECB:fresh:0"
)

WORDS = st.sampled_from(
    [
        "CAD",
        "eur",
        "BGN",
        "KWD",
        "XXX",
        "2020-02-14",
        "2025-01-01",
        "9999-12-31",
        "1999-01-01",
        "day",
        "week",
        "month",
        "quit",
        "\x1b[2J",
    ]
)


def asked(bureau: Bureau, line: str, looks: dict[str, Look] | None = None) -> str:
    """The reply to a line, without its end."""
    reply = LineSession(bureau, looks=lambda: looks or {}).answer(line.encode())
    assert isinstance(reply, bytes)
    assert reply.endswith(b"\n")
    return reply.decode().removesuffix("\n")


def bureau_of(publications: list[Publication], keys: tuple[str, ...] = ("ECB",)) -> Bureau:
    """A bureau of these sources, with the official parities."""
    sources = find_sources([key for key in keys if key != PEG], "https://ecb.example")
    book = RateBook(publications, Order(keys), all_pegs())
    return Bureau(book, sources, lambda: FRIDAY_EVENING, TERMS)


def test_the_rates_of_a_currency_are_those_that_explain_shows(bureau: Bureau) -> None:
    line = asked(bureau, "rates CAD")
    assert line.startswith(f"base=CAD on=2026-10-30 {DOLLAR} ")
    rates = parse_rates(line).rates
    codes = asked(bureau, "currencies").split()
    assert [*rates] == [code for code in codes if code != "CAD"]
    for code, rate in rates.items():
        words = asked(bureau, f"explain 1 CAD {code}").split()
        explained = dict(word.split("=", 1) for word in words)
        assert str(rate).split(":") == [
            explained[name] for name in ("rate", "date", "source", "state", "missed")
        ]


def test_the_rates_of_a_day_are_those_that_held_on_it(bureau: Bureau) -> None:
    line = asked(bureau, "rates EUR 2020-02-16")
    table = parse_rates(line)
    assert str(table.rates["USD"]) == "1.0842:2020-02-14:ECB:fresh:0"
    assert str(table.rates["BGN"]) == "1.9558:2020-02-14:ECB:fresh:0"
    assert (str(table.on), "RUB" in table.rates, "EUR" in table.rates) == (
        "2020-02-16",
        True,
        False,
    )


def test_each_rate_has_its_own_source_and_state() -> None:
    canadian = Convention("CAD", per_pivot=False)
    known = [
        publication_of("ECB", ecb.CONVENTION, Sheet(day, {"USD": "2", "CAD": "4"}), PROVENANCE)
        for day in (date(2026, 10, 28), date(2026, 10, 29))
    ] + [publication_of("BOC", canadian, Sheet(date(2026, 10, 28), {"INR": "0.016"}), PROVENANCE)]
    bureau = bureau_of(known, ("ECB", "BOC", PEG))
    rates = parse_rates(asked(bureau, "rates CAD")).rates
    assert {code: str(rates[code]) for code in ("EUR", "INR", "AED", "XOF")} == {
        "EUR": "0.25:2026-10-29:ECB:late:1",
        "INR": "62.5:2026-10-28:BOC:late:1",
        "AED": "1.83625:2026-10-29:ECB:late:1:USD/AED",
        "XOF": "163.98925:2026-10-29:ECB:late:1:EUR/XOF",
    }
    of_parity = parse_rates(asked(bureau, "rates AED")).rates["SAR"]
    assert str(of_parity) == "1.02110279101:2026-10-30:none:fresh:0:USD/AED,USD/SAR"
    for pair, told in (
        ("CAD XOF", "source=ECB points=2026-10-29:163.98925 pegs=EUR/XOF"),
        ("AED SAR", "source=none points=none pegs=USD/AED,USD/SAR"),
        ("CAD USD", "source=ECB points=2026-10-29:0.5"),
    ):
        assert asked(bureau, f"history {pair} 2026-10-29 2026-10-30").endswith(f" unit=day {told}")
    assert " pegs=EUR/XOF:655.957 " in asked(bureau, "explain 1 CAD XOF")


def test_every_currency_there_is_fits_into_a_line() -> None:
    texts = {code: "123456789012.123456789012" for code in CURRENCIES if code != "EUR"}
    sheet = Sheet(date(1999, 1, 4), texts)
    line = asked(bureau_of([publication_of("ECB", ecb.CONVENTION, sheet, PROVENANCE)]), "rates EUR")
    assert len(parse_rates(line).rates) == len(CURRENCIES) - 1
    assert len(line) <= REPLY_BYTES_MAX


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (
            "history CAD USD 2026-10-24 2026-10-30",
            (
                "base=CAD counter=USD unit=day source=ECB points=2026-10-26:0.712838483594"
                ",2026-10-27:0.713097979023,2026-10-28:0.711919682824,2026-10-29:0.714514990049"
                ",2026-10-30:0.715878508266"
            ),
        ),
        (
            "history eur usd 2020-01-15 2020-03-01 month",
            "base=EUR counter=USD unit=month source=ECB points=2020-01-31:1.1052,2020-02-28:1.0977",
        ),
        (
            "history EUR BGN 2025-12-22 2026-10-30 WEEK",
            "base=EUR counter=BGN unit=week source=ECB points=2025-12-24:1.9558,2025-12-31:1.9558",
        ),
        (
            "history EUR USD 2026-10-24 2026-10-25",
            "base=EUR counter=USD unit=day source=ECB points=none",
        ),
        (
            "history CAD CAD 2020-01-01 2020-12-31",
            "error invalid-request CAD to CAD has no history: it is always 1",
        ),
        (
            "history CAD USD 1999-01-01 2026-10-30",
            (
                "error invalid-request there are more than 2000 rates"
                " from 1999-01-01 to 2026-10-30: ask by week or by month"
            ),
        ),
        (
            "history CAD USD 2026-10-30 2026-10-29",
            "error invalid-date 2026-10-30 is after 2026-10-29: the earlier day comes first",
        ),
        (
            "history CAD USD 2026-10-30 2026-11-30",
            "error no-rate-for-date 2026-11-30 is in the future: there is no rate for it yet",
        ),
        (
            "history CAD KWD 2020-01-01 2020-12-31",
            "error no-rate-for-currency ECB does not publish KWD",
        ),
        (
            "history EUR BGN 2026-01-01 2026-10-30",
            (
                "error no-rate-for-date there is no rate for BGN on 2026-10-30:"
                " ECB has it from 2000-07-19 to 2025-12-31"
            ),
        ),
        ("rates KWD", "error no-rate-for-currency ECB does not publish KWD"),
        ("rates XXX", 'error unknown-currency "XXX" is not an ISO 4217 currency code'),
        (
            "rates CAD 2026-11-30",
            "error no-rate-for-date 2026-11-30 is in the future: there is no rate for it yet",
        ),
        (
            "rates CAD 1999-01-03",
            (
                "error no-rate-for-date there is no rate for CAD on 1999-01-03:"
                " ECB has it since 1999-01-04"
            ),
        ),
    ],
)
def test_each_request_has_its_line(bureau: Bureau, line: str, reply: str) -> None:
    assert asked(bureau, line) == reply


def test_all_that_there_is_of_a_pair_can_be_had_by_week_and_by_month(bureau: Bureau) -> None:
    for unit, count in (("week", 1452), ("month", 334)):
        line = asked(bureau, f"history CAD USD 1999-01-01 2026-10-30 {unit}")
        history = parse_history(line)
        assert (len(history.points), len(line) <= REPLY_BYTES_MAX) == (count, True)
        assert [str(point[0]) for point in history.points[::count]] == [
            {"week": "1999-01-08", "month": "1999-01-29"}[unit]
        ]


def test_a_history_of_more_bytes_than_a_reply_may_have_is_refused() -> None:
    value = "123456789012.123456789012"
    days = [date(2020, 1, 1) + timedelta(days=number) for number in range(2000)]
    known = [
        publication_of("ECB", ecb.CONVENTION, Sheet(d, {"USD": value}), PROVENANCE) for d in days
    ]
    bureau = bureau_of(known)
    assert asked(bureau, f"history EUR USD {days[0]} {days[-1]}") == (
        f"error invalid-request the rates from 2020-01-01 to {days[-1]} are more than 65535 bytes:"
        " ask by week or by month"
    )
    assert (
        len(parse_history(asked(bureau, f"history EUR USD {days[0]} {days[1700]}")).points) == 1701
    )


def test_the_rates_of_a_history_may_be_older_than_is_answered_with(bureau: Bureau) -> None:
    bureau.terms = replace(TERMS, ages=AgeLimits(refuse_after_missed=1))
    bureau.clock = lambda: datetime(2026, 11, 6, 18, tzinfo=UTC)
    assert asked(bureau, "rates CAD").startswith("error rate-too-old ")
    line = "history EUR USD 2026-10-30 2026-11-06"
    assert asked(bureau, line).endswith(" source=ECB points=2026-10-30:1.1172")
    assert asked(bureau, line.replace("10-30", "11-02")).startswith("error rate-too-old ")


def test_sources_are_told_with_what_a_status_table_shows(bureau: Bureau) -> None:
    book = bureau.book.version[:16]
    standing = "ECB=2026-10-30,fresh,0,2026-11-02T15:00:00Z"
    assert asked(bureau, "sources") == (
        f"book={book} holds_stale=no {standing},none,none,{ECB_WORD},none"
    )
    looked = Look("ECB", datetime(2026, 10, 30, 15, 5, 1, 500, tzinfo=UTC))
    assert asked(bureau, "sources", {"ECB": looked}) == (
        f"book={book} holds_stale=no {standing},none,none,{ECB_WORD},2026-10-30T15:05:01Z"
    )
    failed = Look(
        "ECB",
        FRIDAY_EVENING,
        failure="no answer, 2 of 3",
        failing_since=datetime(2026, 10, 30, 15, 5, 1, 500, tzinfo=UTC),
    )
    assert asked(bureau, "sources", {"ECB": failed}) == (
        f"book={book} holds_stale=no {standing}"
        f",2026-10-30T15:05:01Z,no%20answer%2C%202%20of%203,{ECB_WORD},2026-10-30T18:00:00Z"
    )


def test_a_source_of_which_nothing_is_known_says_so_and_so_do_its_terms() -> None:
    sources = parse_sources(asked(bureau_of([], ("ECB", "ERAPI")), "sources")).sources
    assert {key: (s.newest, s.state, s.missed) for key, s in sources.items()} == {
        "ECB": (None, "none", 0),
        "ERAPI": (None, "none", 0),
    }
    assert (sources["ERAPI"].attribution_required, sources["ERAPI"].redistributable) == (
        True,
        False,
    )
    assert sources["ERAPI"].attribution_url == "https://www.exchangerate-api.com"


def test_a_long_reason_is_cut(bureau: Bureau) -> None:
    look = Look("ECB", FRIDAY_EVENING, failure="é" * 5000, failing_since=FRIDAY_EVENING)
    line = asked(bureau, "sources", {"ECB": look})
    failure = parse_sources(line).sources["ECB"].failure
    assert failure == "é" * (FAILURE_CHARACTERS_MAX - 3) + "..."


def test_the_book_has_another_name_after_whatever_changes_a_price(bureau: Bureau) -> None:
    def name() -> str:
        return parse_sources(asked(bureau, "sources")).book

    first = name()
    assert name() == first
    bureau.take(())
    assert name() == first
    newest = bureau.book.newest
    names = [first]
    for publication in (
        publication_of("ECB", ecb.CONVENTION, Sheet(date(2026, 11, 2), {"USD": "1.2"}), PROVENANCE),
        replace(newest, row=newest.row.replace("1.1172", "1.1173"), revision=2),
        replace(
            newest,
            row=newest.row.replace("1.1172", "1.1173"),
            revision=3,
            withheld=frozenset({"RUB"}),
        ),
    ):
        bureau.take([publication])
        names.append(name())
    assert len(set(names)) == len(names)


def test_two_processes_that_know_the_same_have_the_same_name_for_it(bureau: Bureau) -> None:
    another = Bureau(RateBook(packaged_publications()), [], lambda: FRIDAY_EVENING, TERMS)
    assert parse_sources(asked(another, "sources")).book == bureau.book.version[:16]


@given(st.sampled_from(["rates", "history", "sources"]), st.lists(WORDS, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_words_get_one_printable_line(bureau: Bureau, verb: str, words: list[str]) -> None:
    line = " ".join([verb, *words])
    assert len(line) <= LINE_BYTES_MAX
    reply = asked(bureau, line)
    assert reply.isascii()
    assert reply.isprintable()
    assert len(reply) <= REPLY_BYTES_MAX
