"""Eight sources behind a local server, which goes wrong in every way that sources do.

After each fault what was known is unchanged, the reason can be seen, the others go on, and
the source itself goes on as soon as it is well again.
"""

import gzip
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from fake_source import Answer, Exchange, FakeSource, dripping, head, raw, reply
from pricedesk.backend.assembly import sources_in
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.download import Downloads, Rules
from pricedesk.backend.intake import Intake
from pricedesk.backend.quarantine import Decision, Verdict
from pricedesk.backend.rate_book import Order, RateBook
from pricedesk.backend.rates import Provenance, Publication, Sheet
from pricedesk.backend.refresh import Refresher, Tick
from pricedesk.backend.sources.source import Source
from pricedesk.backend.store import RawDocument, Store, open_store
from pricedesk.currencies import currency
from pricedesk.money import round_ratio
from pricedesk.settings import Settings
from published_as import document_of

KEYS = ("ECB", "BOC", "NB", "BOE", "CNB", "NBP", "RB", "ERAPI")
PER_EURO = {
    "EUR": Fraction(1),
    "USD": Fraction("1.1172"),
    "CAD": Fraction("1.5606"),
    "JPY": Fraction("175.68"),
    "CHF": Fraction("0.9243"),
    "GBP": Fraction("0.83820"),
    "SEK": Fraction("11.1385"),
    "NOK": Fraction("10.4545"),
    "CZK": Fraction("24.369"),
    "PLN": Fraction("4.4038"),
}
"""What all sources agree on, in the beginning."""

EVENING = datetime(2026, 11, 3, 20, tzinfo=UTC)
"""Of these days each source has just published its own newest one."""

HISTORY_DAYS = 25
BYTES_MAX = 8 * 1024 * 1024


def sheet_of(source: Source, day: date, per_euro: Mapping[str, Fraction] = PER_EURO) -> Sheet:
    """What a source says on a day: six decimals, the way round in which it publishes."""
    pivot = source.convention.pivot
    rates = {}
    for code in per_euro:
        if code == pivot:
            continue
        per_pivot = per_euro[code] / per_euro[pivot]
        value = per_pivot if source.convention.per_pivot else 1 / per_pivot
        rates[code] = text_of(value)
    return Sheet(day, rates)


def text_of(value: Fraction) -> str:
    """A value with six decimals."""
    millionths = round_ratio(value.numerator * 10**6, value.denominator)
    return f"{millionths // 10**6}.{millionths % 10**6:06}"


class Backend:
    """Eight refreshers, a bureau and a store, at an instant that a test moves on."""

    def __init__(self, store: Store, server: FakeSource) -> None:
        self.now = EVENING
        self.store = store
        base = f"http://127.0.0.1:{server.port}"
        settings = Settings(
            sources=KEYS,
            ecb_url=f"{base}/ECB",
            source_urls={key: f"{base}/{key}" for key in KEYS if key != "ECB"},
        )
        self.sources = {source.key: source for source in sources_in(settings)}
        book, terms = RateBook([], Order(KEYS)), Terms(currency("CAD"), currency("USD"))
        self.bureau = Bureau(book, self.sources.values(), lambda: self.now, terms)
        self.intake = Intake(self.bureau, store)
        self.refreshers = {
            key: Refresher(
                source,
                self.bureau,
                self.intake,
                store,
                Downloads(
                    Rules(bytes_max=source.document_bytes_max, private=True), lambda: self.now
                ),
            )
            for key, source in self.sources.items()
        }

    def newest(self, key: str) -> date:
        """The newest day for which a source publishes, at the beginning of a test."""
        return self.sources[key].calendar.newest_possible(EVENING)

    def days(self, key: str) -> list[date]:
        """The publication days of a source before the newest one."""
        calendar = self.sources[key].calendar
        days = (self.newest(key) - timedelta(days=n) for n in range(1, 60))
        return sorted([day for day in days if calendar.is_publication_day(day)][:HISTORY_DAYS])

    def history(self, key: str) -> list[Sheet]:
        """What a source published before the newest day."""
        return [sheet_of(self.sources[key], day) for day in self.days(key)]

    def document(self, key: str, newest: Sheet) -> bytes:
        """The document with a source's last days and this newest one."""
        sheets = self.history(key) if self.sources[key].has_history else []
        return document_of(key, [*sheets, newest])

    def well(self, key: str) -> bytes:
        """The document of a source that is well."""
        return self.document(key, sheet_of(self.sources[key], self.newest(key)))

    async def look(self, key: str) -> Tick:
        """Look at a source, an hour and a bit later: none is asked more often."""
        tick = await self.refreshers[key].tick(self.now)
        self.now += timedelta(minutes=61)
        return tick

    def reject(self, tick: Tick) -> None:
        """Decide that what was withheld is wrong: it speaks for no other source's error."""
        decision = Decision(Verdict.REJECTED, self.now, "ada", "it is wrong")
        numbers = [v.number for v in self.store.withheld(waiting_only=True)]
        assert len(numbers) == len(tick.withheld)
        self.store.decide(numbers, decision)

    def known(self, key: str) -> list[Publication]:
        """Every publication of a source that is known and kept, every revision."""
        kept = [p for p in self.store.publications().publications if p.source == key]
        held = self.bureau.book.of(key).revisions
        assert sorted(kept, key=in_order) == sorted(held, key=in_order)
        return list(held)


def in_order(publication: Publication) -> tuple[date, int]:
    return publication.date, publication.revision


pytestmark = pytest.mark.usefixtures("downloads_here")


Answers = dict[str, Answer]


@asynccontextmanager
async def backend(folder: Path) -> AsyncIterator[tuple[Backend, Answers]]:
    """A back-end that knows the history of all eight, and what each of them answers next."""
    answers: Answers = {}

    async def dispatch(exchange: Exchange) -> None:
        await answers[exchange.path.split("/")[1]](exchange)

    async with FakeSource(dispatch) as server:
        with closing(open_store("", folder)) as store:
            made = Backend(store, server)
            for key, source in made.sources.items():
                days = made.days(key)
                newest = sheet_of(source, days[-1])
                sheets = [*made.history(key)[:-1], newest]
                for whole in [sheets] if source.has_history else [[s] for s in sheets]:
                    raw_document = document_of(key, whole)
                    made.intake.take_in(source, raw_of(source, raw_document), whole)
            assert made.store.withheld() == []
            yield made, answers


def raw_of(source: Source, content: bytes) -> RawDocument:
    provenance = Provenance(hashlib.sha256(content).hexdigest(), EVENING - timedelta(days=1))
    return RawDocument(source.key, "before", content, provenance)


def gigabyte(sent: list[int]) -> Answer:
    """A body of a gigabyte, which counts how much of it was taken."""

    async def answer(exchange: Exchange) -> None:
        exchange.writer.write(head(content_length=10**9))
        while True:
            exchange.writer.write(b"x" * 65536)
            await exchange.writer.drain()
            sent.append(65536)

    return answer


def with_doctype(document: bytes) -> bytes:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    if not document.startswith(b"<?xml"):
        return bomb + document
    declaration, rest = document.split(b"?>", 1)
    return declaration + b"?>" + bomb + rest


HTML = b"<!doctype html><html><body>Request unsuccessful.</body></html>"

CUT_OFF = (
    "^the document is not (JSON: Expecting|well-formed XML: unclosed token)"
    "|^the last row is cut off$|^row 14 has 7 cells for 10 columns$"
)

SHAPES: Mapping[str, tuple[Callable[[bytes], Answer], str]] = {
    "500": (lambda _: reply(status=500), " answered with status 500$"),
    "404": (lambda _: reply(status=404), " answered with status 404$"),
    "429 with Retry-After": (
        lambda _: reply(status=429, retry_after=120),
        " answered with status 429 and may be asked again at 2026-11-03T20:02:00Z$",
    ),
    "empty 200": (lambda _: reply(b""), "^the document is empty$"),
    "HTML 200": (lambda _: reply(HTML), "^the document is (a web page or XML|not well-formed XML)"),
    "cut off": (
        lambda d: raw(head(content_length=len(d)) + d[: len(d) // 2]),
        ' cannot be fetched: "peer closed connection ',
    ),
    "half of it": (lambda d: reply(d[: len(d) // 2]), CUT_OFF),
    "one byte a second": (
        lambda d: dripping(head() + d, b" ", passing=1),
        r" did not send a document within 8\.5 s$",
    ),
    "gzip bomb": (
        lambda _: reply(gzip.compress(bytes(2**24)), content_encoding="gzip"),
        ' answered in the encoding "gzip", which was not asked for$',
    ),
    "redirect to another host": (
        lambda _: reply(status=302, location="http://127.0.0.1:1/"),
        ' answered with status 302 and sends to "http://127.0.0.1:1/", which is not followed$',
    ),
    "DOCTYPE": (
        lambda d: reply(with_doctype(d)),
        "^the document (is a web page or XML|declares a DOCTYPE)",
    ),
}
"""What goes wrong with a whole document, and what the reason says."""


def odd_code(key: str) -> str:
    """The currency whose value is poisoned."""
    return "USD" if key == "BOC" else "CAD"


VALUES: Mapping[str, tuple[Callable[[Fraction], str], str]] = {
    "x10": (lambda v: text_of(v * 10), "factor"),
    "x100": (lambda v: text_of(v * 100), "factor"),
    "a hundredth": (lambda v: text_of(v / 100), "factor"),
    "inverted": (lambda v: text_of(1 / v), "direction"),
    "a fifth more": (lambda v: text_of(v * 6 / 5), "jump"),
    "NaN": (lambda _: "NaN", "value"),
    "1e400": (lambda _: "1e400", "value"),
    "zero": (lambda _: "0", "value"),
    "negative": (lambda v: f"-{text_of(v)}", "value"),
}
"""What goes wrong with one value, and the guard that sees it."""


async def the_source_is_well_again(desk: Backend, answers: Answers, key: str) -> None:
    answers[key] = reply(desk.well(key))
    tick = await desk.look(key)
    assert tick.failure is None
    newest = desk.bureau.book.of(key).newest
    assert newest is not None
    assert Sheet(newest.date, newest.rates()) == sheet_of(desk.sources[key], desk.newest(key))
    assert newest.withheld == frozenset()
    assert desk.store.looks()[key].failure is None


@pytest.mark.parametrize("fault", SHAPES)
async def test_a_document_that_is_none_changes_nothing_and_stops_nobody(
    tmp_path: Path, fault: str
) -> None:
    answer, reason = SHAPES[fault]
    async with backend(tmp_path) as (desk, answers):
        for key in KEYS:
            before = {other: desk.known(other) for other in KEYS}
            answers[key] = answer(desk.well(key))
            tick = await desk.look(key)
            assert (len(tick.accepted), len(tick.withheld)) == (0, 0)
            assert tick.failure is not None
            assert re.search(reason, tick.failure)
            assert {other: desk.known(other) for other in KEYS} == before
            assert desk.store.looks()[key].failure == tick.failure
            desk.now = EVENING
        for key in KEYS:
            desk.now = EVENING + timedelta(minutes=61)
            await the_source_is_well_again(desk, answers, key)
        assert desk.store.withheld() == []


async def test_of_a_gigabyte_no_more_than_a_few_are_taken(tmp_path: Path) -> None:
    async with backend(tmp_path) as (desk, answers):
        for key in KEYS:
            sent: list[int] = []
            answers[key] = gigabyte(sent)
            desk.now = EVENING
            tick = await desk.look(key)
            assert "answered with more than" in (tick.failure or "")
            assert sum(sent) <= BYTES_MAX


@pytest.mark.parametrize("fault", VALUES)
async def test_a_poisoned_value_is_withheld_and_the_rest_is_used(
    tmp_path: Path, fault: str
) -> None:
    poison, guard = VALUES[fault]
    async with backend(tmp_path) as (desk, answers):
        # With the Bank of England a zero stands for no value, which is no poison.
        for key in (key for key in KEYS if (key, fault) != ("BOE", "zero")):
            before = desk.known(key)
            code, good = odd_code(key), sheet_of(desk.sources[key], desk.newest(key))
            bad = poison(Fraction(good.rates[code]))
            answers[key] = reply(desk.document(key, Sheet(good.date, {**good.rates, code: bad})))
            desk.now = EVENING
            tick = await desk.look(key)
            assert [(v.code, v.value, v.doubt.guard) for v in tick.withheld] == [(code, bad, guard)]
            [accepted] = tick.accepted
            assert accepted.rates() == {c: v for c, v in good.rates.items() if c != code}
            assert desk.known(key) == [*before, accepted]
            assert desk.store.looks()[key].withheld == 1
            desk.reject(tick)
        for key in KEYS:
            # The day's publication is known; what was wrong in it comes as a correction.
            sheets = [sheet_of(desk.sources[key], desk.newest(key))]
            document = raw_of(desk.sources[key], document_of(key, sheets))
            desk.intake.take_in(desk.sources[key], document, sheets)
            newest = desk.bureau.book.of(key).newest
            assert newest is not None
            assert (newest.rates(), newest.withheld) == (sheets[0].rates, frozenset())


async def test_two_values_in_each_others_place_are_withheld(tmp_path: Path) -> None:
    async with backend(tmp_path) as (desk, answers):
        for key in KEYS:
            code, good = odd_code(key), sheet_of(desk.sources[key], desk.newest(key))
            swapped = {code: good.rates["CHF"], "CHF": good.rates[code]}
            answers[key] = reply(desk.document(key, Sheet(good.date, {**good.rates, **swapped})))
            desk.now = EVENING
            tick = await desk.look(key)
            seen = {(value.code, value.doubt.guard) for value in tick.withheld}
            assert seen == {(code, "swapped"), ("CHF", "swapped")}
            desk.reject(tick)


async def test_a_publication_of_the_future_is_withheld_as_a_whole(tmp_path: Path) -> None:
    async with backend(tmp_path) as (desk, answers):
        for key in KEYS:
            before = desk.known(key)
            source = desk.sources[key]
            future = sheet_of(source, desk.newest(key) + timedelta(days=7))
            sheets = [*desk.history(key), future] if source.has_history else [future]
            answers[key] = reply(document_of(key, sheets))
            desk.now = EVENING
            tick = await desk.look(key)
            assert tick.accepted == ()
            assert {value.doubt.guard for value in tick.withheld} == {"date"}
            assert len(tick.withheld) == len(future.rates)
            assert desk.known(key) == before


DOLLAR_DOWN = PER_EURO | {"USD": PER_EURO["USD"] * 5 / 4}
"""A fifth lost against everything."""


async def test_a_move_that_all_sources_see_is_accepted(tmp_path: Path) -> None:
    async with backend(tmp_path) as (desk, answers):
        for key in KEYS:
            moved = sheet_of(desk.sources[key], desk.newest(key), DOLLAR_DOWN)
            answers[key] = reply(desk.document(key, moved))
            desk.now = EVENING
            await desk.look(key)
        assert desk.store.withheld(waiting_only=True) == []
        for key in KEYS:
            newest = desk.bureau.book.of(key).newest
            assert newest is not None
            assert (
                newest.rates() == sheet_of(desk.sources[key], desk.newest(key), DOLLAR_DOWN).rates
            )


async def test_a_move_that_one_source_sees_alone_waits_for_a_person(tmp_path: Path) -> None:
    async with backend(tmp_path) as (desk, answers):
        for key in KEYS:
            rates = DOLLAR_DOWN if key == "ECB" else PER_EURO
            sheet = sheet_of(desk.sources[key], desk.newest(key), rates)
            answers[key] = reply(desk.document(key, sheet))
            desk.now = EVENING
            await desk.look(key)
        [waiting] = desk.store.withheld(waiting_only=True)
        assert (waiting.source, waiting.code, waiting.doubt.guard) == ("ECB", "USD", "jump")
        decision = Decision(Verdict.RELEASED, desk.now, "ada", "it is real")
        [released] = desk.intake.release([waiting.number], decision)
        assert released.rates()["USD"] == waiting.value
        newest = desk.bureau.book.of("ECB").newest
        assert newest is not None
        assert (newest.rates(), newest.withheld) == (released.rates(), frozenset())
