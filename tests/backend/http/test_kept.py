"""What is kept is what would be made anew, at any instant, whichever way clock and book go."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from asking import content_of, respond
from held import DeskAtOnce
from pricedesk.backend.bureau import Answer, Bureau, Terms
from pricedesk.backend.calendars import AgeLimits, Calendar
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.http.caching import BureauGrounds
from pricedesk.backend.http.door import api_tables, make_router
from pricedesk.backend.moment import Found
from pricedesk.backend.pegs import all_pegs
from pricedesk.backend.rate_book import Order, RateBook
from pricedesk.backend.rates import Provenance, Sheet, publication_of
from pricedesk.backend.sources import find_sources
from pricedesk.backend.surroundings import Readiness
from pricedesk.currencies import currency
from pricedesk.http.kept import KeptAnswers, key_of
from pricedesk.http.messages import Response
from pricedesk.http.routes import Router

KEYS = ("ECB", "BOC", "NB", "BOE", "CNB", "NBP", "RB", "ERAPI")
SOURCES = {source.key: source for source in find_sources(KEYS, "https://ecb.example")}
FRIDAY = datetime(2026, 10, 30, 18, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)

TARGETS = (
    "/v1/latest?base=CAD&symbols=USD",
    "/v1/latest",
    "/v1/2026-10-31?symbols=USD",
    "/v1/2026-11-02?symbols=USD",
    "/v1/2026-10-20..?symbols=USD",
    "/v1/2026-10-20..2026-11-01?symbols=USD",
    "/v1/currencies",
    "/v2/rates?base=CAD&quotes=USD,SEK,NOK,EUR",
    "/v2/rates?date=2026-11-03&quotes=USD",
    "/v2/rate/USD/CAD?expand=providers",
    "/v2/rate/USD/CAD/2026-10-31",
    "/v2/rates?from=2026-10-20&quotes=USD",
    "/v2/rates?from=2026-11-02&quotes=USD",
    "/v2/rates?from=2026-10-20&to=2026-11-01&quotes=USD&group=week",
    "/v2/rates?providers=BOE,ERAPI&base=USD&quotes=EUR,GBP",
    "/v2/currencies",
    "/v2/currency/CAD",
    "/v2/providers",
    "/convert?amount=1100&from=CAD&to=USD",
    "/convert?amount=1100&from=CAD&to=USD&on=2026-11-03",
    "/convert?amount=1100&from=CAD&to=USD&explain=true",
    "/convert?amount=1&from=USD&to=USD",
    "/convert?amount=1&known_at=2026-10-30T18:00:00.5Z",
)


class Desk:
    """A bureau at an instant that a test sets, its routes, and what is kept of their answers."""

    def __init__(self, ages: AgeLimits, keys: Sequence[str] = KEYS) -> None:
        self.now = FRIDAY
        self.kept_count = 0
        terms = Terms(currency("CAD"), currency("USD"), ages=ages)
        sources = [SOURCES[key] for key in keys]
        self.bureau = Bureau(book_of(keys=keys), sources, lambda: self.now, terms)
        self.router = Router(api_tables(self.bureau))
        self.kept = KeptAnswers(BureauGrounds(self.bureau))

    def made(self, target: str, headers: dict[str, str]) -> Response:
        path, _, query = target.partition("?")
        return respond(self.router, "GET", path, query, headers)

    def given(self, target: str, headers: dict[str, str]) -> bytes:
        """What the door says: what is kept, else what is made and may be kept."""
        key = key_of(
            b"GET", target.encode(), [(k.encode(), v.encode()) for k, v in headers.items()]
        )
        assert key is not None
        known = self.kept.to_request(key, self.now)
        if known is not None:
            self.kept_count += 1
            return known[1]
        standing = self.kept.standing(self.now)
        response = self.made(target, headers)
        self.kept.keep(key, response, standing, self.now)
        return self.sent(response)

    def sent(self, response: Response) -> bytes:
        status = HTTPStatus(response.status)
        lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
        lines.append(f"date: {format_datetime(self.now, usegmt=True)}")
        lines += [f"{name.lower()}: {value}" for name, value in response.headers]
        return "\r\n".join([*lines, "", ""]).encode() + content_of(response)


def book_of(*later: tuple[str, date], keys: Sequence[str] = KEYS) -> RateBook:
    """The history from 2026-10-01 on, single figures of other sources, and what came later."""
    days = [
        *((key, date(2026, 10, 29)) for key in ("BOC", "NB", "ERAPI")),
        ("BOE", date(2026, 10, 28)),
        *later,
    ]
    provenance = Provenance("0" * 64, FRIDAY - timedelta(days=2))
    found = []
    for key, day in days:
        convention = SOURCES[key].convention
        other = "EUR" if convention.pivot != "EUR" else "USD"
        rates = {other: f"1.5{day.day}", "GBP": f"1.7{day.day}"}
        found.append(publication_of(key, convention, Sheet(day, rates), provenance))
    known = [p for p in packaged_publications() if p.date >= date(2026, 10, 1)]
    theirs = [p for p in found if p.source in keys]
    return RateBook([*known, *theirs], Order(tuple(keys)), all_pegs())


def edges(first: date, last: date, keys: Sequence[str] = KEYS) -> Sequence[datetime]:
    """All instants of some days at which a day begins, or a source has something due."""
    found = set()
    day = first
    while day <= last:
        found |= {datetime.combine(day, time(), UTC), datetime.combine(day, time(10), UTC)}
        for key in keys:
            calendar = SOURCES[key].calendar
            published = calendar.published(day)
            midnight = datetime.combine(day, time(), calendar.zone).astimezone(UTC)
            found |= {published, published + calendar.overdue_after, midnight}
        day += timedelta(days=1)
    return sorted(found)


@pytest.mark.parametrize("keys", [("ECB",), KEYS])
@pytest.mark.parametrize("ages", [AgeLimits(), AgeLimits(1, 2)])
def test_nothing_is_kept_beyond_an_edge(keys: Sequence[str], ages: AgeLimits) -> None:
    """Everything is asked just before each edge and at it, forwards and backwards."""
    desk = Desk(ages, keys)
    targets = [target for target in TARGETS if keys == KEYS or "providers=" not in target]
    instants = edges(date(2026, 10, 30), date(2026, 11, 3), keys)
    instants = [now for edge in instants for now in (edge - INSTANT, edge)]
    for n, desk.now in enumerate([*instants, *reversed(instants)]):
        for target in targets[n // 2 % 4 :: 4]:
            fresh = desk.sent(desk.made(target, {}))
            assert desk.given(target, {}) == fresh, (desk.now, target)


@pytest.mark.parametrize("ages", [AgeLimits(), AgeLimits(1, 2)])
def test_what_is_kept_is_what_would_be_made_anew(ages: AgeLimits) -> None:
    """On a walk of large and small steps of the clock, either way, with books that change."""
    random = Random(2026)  # noqa: S311  # the same walk each time
    instants = edges(date(2026, 10, 29), date(2026, 11, 8))
    books = [book_of(), book_of(("BOC", date(2026, 10, 30))), book_of(("BOE", date(2026, 10, 30)))]
    desk = Desk(ages)
    asked = 0
    for _ in range(250):
        match random.randrange(8):
            case 0:
                desk.now = random.choice(instants) + random.choice((-1, 0, 1)) * INSTANT
            case 1:
                desk.bureau.book = random.choice(books)
            case 2:
                desk.now -= timedelta(microseconds=random.randrange(3_000_000))
            case 3:
                desk.now += timedelta(microseconds=random.randrange(90_000_000))
            case 4:
                desk.now = desk.now.replace(microsecond=0)
            case _:
                desk.now += timedelta(microseconds=random.randrange(500_000))
        for target in random.sample(TARGETS, 4):
            headers = {"accept": random.choice(("*/*", "text/csv"))}
            headers |= {n: "*" for n in ("origin", "if-none-match") if not random.randrange(5)}
            fresh = desk.sent(desk.made(target, headers))
            assert desk.given(target, headers) == fresh, (desk.now, target, headers)
            assert desk.given(target, headers) == fresh, (desk.now, target, headers)
            asked += 2
    assert desk.kept_count > asked // 3, "nearly nothing was kept: this has shown nothing"


def test_an_instant_that_is_no_future_any_more_is_not_kept() -> None:
    """The second in which it was still to come has not ended; a clock may step back in it."""
    desk = Desk(AgeLimits())
    target = "/convert?amount=1&known_at=2026-10-30T18:00:00.5Z"
    for microsecond in (600_000, 400_000):
        desk.now = FRIDAY.replace(microsecond=microsecond)
        for _ in range(2):
            assert desk.given(target, {}) == desk.sent(desk.made(target, {}))
    assert desk.kept_count == 0


class Overtaken(Bureau):
    """Its book is replaced, as by a thread, as soon as an answer was made from it."""

    newer: RateBook

    def convert(self, *args: Any, **named: Any) -> Answer:  # noqa: ANN401  # handed on
        answer = super().convert(*args, **named)
        self.book = self.newer
        return answer

    def table(self, *args: Any) -> Mapping[str, Found]:  # noqa: ANN401  # handed on
        found = super().table(*args)
        self.book = self.newer
        return found


@pytest.mark.parametrize(
    "target",
    [
        "/convert?amount=1100&from=CAD&to=USD",
        "/v1/latest?base=CAD&symbols=USD",
        "/v2/rates?base=CAD&quotes=USD",
        "/v2/rate/CAD/USD?expand=providers",
    ],
)
def test_an_answer_during_which_publications_arrive_is_made_anew(
    target: str, quotes: DeskAtOnce
) -> None:
    """Else figures of the day before would be kept until the publication after the next."""
    newer = book_of(keys=["ECB"])
    older = RateBook([p for p in newer if p.date < date(2026, 10, 30)])
    terms, path, query = Terms(currency("CAD"), currency("USD")), *target.split("?")

    def asked(bureau: Bureau) -> Response:
        router = make_router(bureau, quotes, Readiness(bureau), lambda: b"")
        return respond(router, "GET", path, query)

    overtaken = Overtaken(older, [SOURCES["ECB"]], lambda: FRIDAY, terms)
    overtaken.newer = newer
    told = asked(overtaken)
    assert told == asked(Bureau(newer, [SOURCES["ECB"]], lambda: FRIDAY, terms))
    assert ("Cache-Control", "public, max-age=86400, must-revalidate") in told.headers
    before = asked(Bureau(older, [SOURCES["ECB"]], lambda: FRIDAY, terms))
    assert before.body != told.body
    assert ("Cache-Control", "public, max-age=60, must-revalidate") in before.headers


@pytest.mark.parametrize("key", KEYS)
def test_a_calendar_says_the_same_between_its_edges_and_something_else_beyond(key: str) -> None:
    calendar = SOURCES[key].calendar
    now, end = FRIDAY - timedelta(days=3), FRIDAY + timedelta(days=9)
    found = []
    while now < end:
        begin, now = calendar.unchanged(now)
        found.append(begin)
        assert calendar.unchanged(begin) == calendar.unchanged(now - INSTANT) == (begin, now)
        assert sayings(calendar, begin) == sayings(calendar, now - INSTANT)
        assert begin.microsecond == 0
    assert all(sayings(calendar, a) != sayings(calendar, b) for a, b in pairwise(found))


def sayings(calendar: Calendar, now: datetime) -> tuple[object, ...]:
    return (
        calendar.newest_expected(now),
        calendar.newest_possible(now),
        calendar.next_publication(now),
        calendar.today(now),
        calendar.missed(date(2026, 10, 1), now),
    )
