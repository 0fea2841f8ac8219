"""What comes in from several sources: judged, kept, withheld, released, and answered from."""

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.intake import GUARDS, WITHHELD_AT_ONCE_MAX, Intake, Intaken
from pricedesk.backend.quarantine import Decision, Verdict
from pricedesk.backend.rate_book import Order, RateBook
from pricedesk.backend.rates import Provenance, Sheet
from pricedesk.backend.sources import find_sources
from pricedesk.backend.store import Kept, RawDocument, Store, open_store
from pricedesk.currencies import currency
from pricedesk.errors import (
    CannotRelease,
    DecidedAlready,
    NoRateForDate,
    RefusedDocument,
    UnknownWithheldValue,
)
from pricedesk.money import ExactDecimal

KEYS = ("ECB", "BOC", "CNB", "NB")
FIRST = date(2026, 9, 28)
FRIDAY, MONDAY = date(2026, 10, 30), date(2026, 11, 2)
USUAL = {
    "ECB": {"USD": "1.1172", "CAD": "1.5606", "CZK": "24.40", "JPY": "175.68"},
    "BOC": {"USD": "1.3969", "EUR": "1.5606", "JPY": "0.008883"},
    "CNB": {"USD": "21.840", "EUR": "24.400", "CAD": "15.635", "JPY": "0.13889"},
    "NB": {"USD": "9.8720", "EUR": "11.0290", "CAD": "7.0671"},
}
"""What the sources say on every working day before: the same rates, and no move."""

DOLLAR_DOWN = {
    "ECB": {"USD": "1.3965"},
    "BOC": {"USD": "1.1175"},
    "CNB": {"USD": "17.472"},
    "NB": {"USD": "7.8976"},
}
"""On Monday the dollar has lost a fifth against everything."""

ADA = Decision(Verdict.RELEASED, datetime(2026, 11, 3, 9, tzinfo=UTC), "ada", "it is real")


class Desk:
    """A bureau and a store that know five quiet weeks of four sources, on Monday evening."""

    def __init__(self, store: Store) -> None:
        self.now = datetime(2026, 11, 2, 22, tzinfo=UTC)
        self.store = store
        sources = find_sources(KEYS, "https://ecb.example")
        self.sources = {source.key: source for source in sources}
        terms = Terms(currency("CAD"), currency("USD"))
        self.bureau = Bureau(RateBook([], Order(KEYS)), sources, lambda: self.now, terms)
        self.intake = Intake(self.bureau, store)
        days = [FIRST + timedelta(days=n) for n in range((FRIDAY - FIRST).days + 1)]
        for key in KEYS:
            proven = self.sources[key].calendar.is_publication_day
            self.reads(key, *(Sheet(day, USUAL[key]) for day in days if proven(day)))

    def reads(self, key: str, *sheets: Sheet) -> Intaken:
        """Take a document of a source in."""
        raw = f"{key} {self.now} {sheets}".encode()
        provenance = Provenance(hashlib.sha256(raw).hexdigest(), self.now)
        self.now += timedelta(minutes=1)
        document = RawDocument(key, "document", raw, provenance)
        taken = self.intake.take_in(self.sources[key], document, sheets)
        self.intake.reconsider(self.now)
        return taken

    def monday(self, key: str, **changed: str) -> Intaken:
        """Take in Monday's publication of a source."""
        return self.reads(key, Sheet(MONDAY, USUAL[key] | changed))

    def answer(self, pair: str = "EUR/USD", key: str = "ECB", on: date | None = None) -> str:
        """The rate of a pair, and the date that it is of."""
        base, counter = (currency(code) for code in pair.split("/"))
        one = ExactDecimal.parse("1")
        explained = self.bureau.convert(one, base, counter, on, keys=(key,)).explained()
        return f"{explained.rate} {explained.date} {explained.state}"

    def waiting(self) -> list[str]:
        values = self.store.withheld(waiting_only=True)
        return [
            f"{v.number} {v.source} {v.date} {v.code} {v.value} {v.doubt.guard}" for v in values
        ]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with closing(open_store("", tmp_path)) as store:
        yield Desk(store)


def test_a_quiet_history_is_accepted_whole(desk: Desk) -> None:
    assert desk.waiting() == []
    counts = {key: len(desk.bureau.book.of(key)) for key in KEYS}
    # Canada had 30 September and 12 October off, the Czech Republic 28 September and 28 October.
    assert counts == {"ECB": 25, "BOC": 23, "CNB": 23, "NB": 25}


@pytest.mark.parametrize(
    ("value", "guard"),
    [
        ("11.172", "factor"),
        ("111.72", "factor"),
        ("0.8951", "direction"),
        ("1.3965", "jump"),
        ("NaN", "value"),
        ("1e400", "value"),
        ("0", "value"),
        ("-1.1172", "value"),
        ("", "value"),
    ],
)
def test_a_poisoned_value_is_withheld_and_the_rest_of_the_publication_is_used(
    desk: Desk, value: str, guard: str
) -> None:
    taken = desk.monday("ECB", USD=value, JPY="176.00")
    assert [(p.rates()["JPY"], *p.withheld) for p in taken.accepted] == [("176.00", "USD")]
    assert desk.waiting() == [f"1 ECB 2026-11-02 USD {value} {guard}"]
    # The dollar's last rate goes on answering, and is late by the calendar: that is the truth.
    assert desk.answer("EUR/USD") == "1.1172 2026-10-30 late"
    assert desk.answer("EUR/JPY") == "176.00 2026-11-02 fresh"


def test_two_currencies_in_each_others_place_are_withheld(desk: Desk) -> None:
    desk.monday("ECB", USD="1.5606", CAD="1.1172")
    assert desk.waiting() == [
        "1 ECB 2026-11-02 CAD 1.1172 swapped",
        "2 ECB 2026-11-02 USD 1.5606 swapped",
    ]


@pytest.mark.parametrize(
    ("day", "rates", "guard"),
    [
        (date(2026, 11, 9), USUAL["ECB"], "date"),
        (date(2026, 10, 31), USUAL["ECB"], "date"),
        (MONDAY, {"JPY": "175.68"}, "completeness"),
    ],
)
def test_a_publication_that_cannot_be_is_withheld_as_a_whole(
    desk: Desk, day: date, rates: dict[str, str], guard: str
) -> None:
    book = desk.bureau.book
    taken = desk.reads("ECB", Sheet(day, rates))
    assert (taken.accepted, len(taken.withheld)) == ((), len(rates))
    assert {value.doubt.guard for value in taken.withheld} == {guard}
    assert [p.row for p in desk.bureau.book.of("ECB")] == [p.row for p in book.of("ECB")]
    assert desk.answer() == "1.1172 2026-10-30 late"


def test_the_same_value_read_again_makes_no_second_entry(desk: Desk) -> None:
    first, again = desk.monday("ECB", USD="11.172"), desk.monday("ECB", USD="11.1720")
    assert (len(first.withheld), again) == (1, Intaken())
    assert len(desk.store.withheld()) == 1


def test_a_doubted_correction_leaves_what_is_known(desk: Desk) -> None:
    desk.monday("ECB")
    taken = desk.monday("ECB", USD="11.172", JPY="175.90")
    assert [(p.revision, p.rates()["USD"]) for p in taken.accepted] == [(2, "1.1172")]
    assert desk.answer("EUR/JPY") == "175.90 2026-11-02 fresh"
    assert desk.answer("EUR/USD") == "1.1172 2026-11-02 fresh"
    assert desk.waiting() == ["1 ECB 2026-11-02 USD 11.172 factor"]


def test_when_several_sources_move_together_the_move_is_accepted_without_a_person(
    desk: Desk,
) -> None:
    first = desk.monday("ECB", **DOLLAR_DOWN["ECB"])
    assert len(first.withheld) == 1
    assert desk.answer() == "1.1172 2026-10-30 late"
    second = desk.monday("CNB", **DOLLAR_DOWN["CNB"])
    assert second.withheld == ()
    assert desk.waiting() == []
    assert desk.answer() == "1.3965 2026-11-02 fresh"
    third = desk.monday("BOC", **DOLLAR_DOWN["BOC"])
    assert (third.withheld, desk.answer("USD/CAD", "BOC")) == ((), "1.1175 2026-11-02 fresh")
    [value] = desk.store.withheld()
    assert value.decision is not None
    assert (value.decision.decided_by, value.decision.verdict) == (GUARDS, Verdict.RELEASED)


def test_a_source_that_repeats_another_ones_figures_confirms_nothing(desk: Desk) -> None:
    desk.monday("ECB", **DOLLAR_DOWN["ECB"])
    desk.monday("NB", **DOLLAR_DOWN["NB"])
    assert len(desk.waiting()) == 2
    assert desk.answer() == "1.1172 2026-10-30 late"


def test_a_move_of_one_source_alone_is_withheld_until_a_person_releases_it(desk: Desk) -> None:
    for key in ("BOC", "CNB", "NB"):
        desk.monday(key)
    desk.monday("ECB", **DOLLAR_DOWN["ECB"])
    assert desk.waiting() == ["1 ECB 2026-11-02 USD 1.3965 jump"]
    [released] = desk.intake.release([1], ADA)
    assert (released.revision, released.withheld, released.known_since) == (
        2,
        frozenset(),
        ADA.decided_at,
    )
    assert desk.answer() == "1.3965 2026-11-02 fresh"
    [value] = desk.store.withheld()
    assert value.decision == ADA


def test_what_was_released_was_not_known_before(desk: Desk) -> None:
    desk.monday("ECB", **DOLLAR_DOWN["ECB"])
    desk.intake.release([1], ADA)
    one, eur, usd = ExactDecimal.parse("1"), currency("EUR"), currency("USD")
    desk.now = ADA.decided_at
    before = ADA.decided_at - timedelta(seconds=1)
    answer = desk.bureau.convert(one, eur, usd, known_at=before).explained()
    assert (answer.rate, answer.date) == ("1.1172", "2026-10-30")


def test_a_rejected_value_stays_out_when_it_is_read_again(desk: Desk) -> None:
    desk.monday("ECB", **DOLLAR_DOWN["ECB"])
    desk.store.decide([1], replace(ADA, verdict=Verdict.REJECTED))
    for key in ("BOC", "CNB"):
        desk.monday(key, **DOLLAR_DOWN[key])
    assert desk.monday("ECB", **DOLLAR_DOWN["ECB"]) == Intaken()
    assert desk.answer() == "1.1172 2026-10-30 late"
    # Another value is another matter.
    desk.monday("ECB", USD="1.3966")
    assert desk.answer() == "1.3966 2026-11-02 fresh"


def test_a_whole_publication_is_released_value_by_value_or_at_once(desk: Desk) -> None:
    desk.reads("ECB", Sheet(MONDAY, {"JPY": "175.70"}))
    assert desk.waiting() == ["1 ECB 2026-11-02 JPY 175.70 completeness"]
    [released] = desk.intake.release([1], ADA)
    assert (released.revision, released.rates()) == (1, {"JPY": "175.70"})
    assert desk.answer("EUR/JPY") == "175.70 2026-11-02 fresh"
    with pytest.raises(NoRateForDate):
        desk.answer("EUR/USD")


@pytest.mark.parametrize(
    ("numbers", "error", "sentence"),
    [
        ([7], UnknownWithheldValue, "no value with the number 7 was withheld"),
        (
            [1],
            CannotRelease,
            '1 cannot be released: "NaN" for CAD by ECB is nothing to convert with here',
        ),
    ],
)
def test_what_cannot_be_released_is_refused_and_nothing_changes(
    desk: Desk, numbers: list[int], error: type[Exception], sentence: str
) -> None:
    desk.monday("ECB", CAD="NaN", USD="11.172")
    with pytest.raises(error) as refusal:
        desk.intake.release([*numbers, 2], ADA)
    assert str(refusal.value) == sentence
    assert len(desk.waiting()) == 2


def test_a_decision_is_made_once(desk: Desk) -> None:
    desk.monday("ECB", **DOLLAR_DOWN["ECB"])
    desk.intake.release([1], ADA)
    with pytest.raises(DecidedAlready, match="ada: it is real"):
        desk.intake.release([1], replace(ADA, decided_by="bob"))
    assert len([p for p in desk.bureau.book.of("ECB").revisions if p.date == MONDAY]) == 2


def test_a_document_of_which_too_much_is_doubted_is_refused_as_a_whole(desk: Desk) -> None:
    days = [date(2020, 1, 1) + timedelta(days=n) for n in range(WITHHELD_AT_ONCE_MAX)]
    sheets = [Sheet(day, {"USD": "NaN", "CAD": "NaN"}) for day in days]
    with pytest.raises(RefusedDocument) as refusal:
        desk.reads("ECB", *sheets)
    assert str(refusal.value) == (
        "1000 values are doubted, more than 500; the first: CAD on 2020-01-01 is"
        ' "NaN", not a positive plain decimal with up to 12 digits on each side'
    )
    assert desk.store.withheld() == []


def test_a_part_that_is_released_takes_nothing_from_the_rest(desk: Desk) -> None:
    saturday = USUAL["ECB"] | {"USD": "1.1180"}
    desk.reads("ECB", Sheet(date(2026, 10, 31), saturday))
    desk.intake.release([1], ADA)
    assert desk.waiting()[0].startswith("2 ECB 2026-10-31 CZK")
    # The other currencies of that day are withheld, so the day before goes on answering.
    assert desk.answer("EUR/USD") == "1.1172 2026-10-30 late"
    assert desk.answer("EUR/CAD") == "1.5606 2026-10-31 late"


def test_an_older_doubted_value_does_not_come_back_over_a_newer_accepted_one(desk: Desk) -> None:
    desk.reads("ECB", Sheet(MONDAY, {"USD": "1.1170"}))
    assert desk.waiting() == ["1 ECB 2026-11-02 USD 1.1170 completeness"]
    desk.monday("ECB", USD="1.1175")
    assert desk.answer() == "1.1175 2026-11-02 fresh"
    assert [p.revision for p in desk.bureau.book.of("ECB").revisions if p.date == MONDAY] == [1]


def test_a_currency_that_disappears_from_past_days_stays_known_and_stops_nothing(
    desk: Desk,
) -> None:
    days = desk.bureau.book.of("ECB").dates
    without = {code: text for code, text in USUAL["ECB"].items() if code != "CZK"}
    taken = desk.reads("ECB", *(Sheet(day, without) for day in [*days, MONDAY]))
    assert ([p.date for p in taken.accepted], taken.withheld) == ([MONDAY], ())
    assert desk.answer("EUR/CZK", on=FRIDAY) == "24.40 2026-10-30 fresh"


def test_what_followed_a_released_value_follows_however_long_it_waited(desk: Desk) -> None:
    """A source alone: after the shock each further day is doubted too, until a person decides."""
    day = MONDAY
    for _ in range(40):
        if desk.sources["ECB"].calendar.is_publication_day(day):
            desk.now = datetime(day.year, day.month, day.day, 22, tzinfo=UTC)
            desk.reads("ECB", Sheet(day, USUAL["ECB"] | DOLLAR_DOWN["ECB"]))
        day += timedelta(days=1)
    waiting = desk.waiting()
    assert len(waiting) == 30
    decision = replace(ADA, decided_at=desk.now)
    assert len(desk.intake.release([1], decision)) == len(waiting)
    assert desk.waiting() == []
    assert desk.answer() == "1.3965 2026-12-11 fresh"


def test_a_publication_of_tomorrow_is_believed_tomorrow(desk: Desk) -> None:
    desk.reads("ECB", Sheet(date(2026, 11, 3), USUAL["ECB"] | {"USD": "1.1180"}))
    assert len(desk.waiting()) == 4
    desk.now = datetime(2026, 11, 3, 16, tzinfo=UTC)
    desk.intake.reconsider(desk.now)
    assert desk.waiting() == []
    assert desk.answer() == "1.1180 2026-11-03 fresh"


def test_what_another_process_accepts_is_answered_from_after_catching_up(
    desk: Desk, tmp_path: Path
) -> None:
    with closing(open_store("", tmp_path)) as store:
        other = Bureau(RateBook([], Order(KEYS)), desk.sources.values(), lambda: desk.now, Terms(
            currency("CAD"), currency("USD")
        ))  # fmt: skip
        kept = Intake(other, store)
        assert len(kept.catch_up()) == 96
        desk.monday("ECB")
        assert [(p.source, p.date) for p in kept.catch_up()] == [("ECB", MONDAY)]
        assert kept.catch_up() == []
        assert other.book.of("ECB").newest == desk.bureau.book.of("ECB").newest


class Watched(Store):
    """A store that says when a thread asks it for publications."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.database)
        self.asked = threading.Event()

    def publications(self, after: int = 0) -> Kept:
        self.asked.set()
        return super().publications(after)


def test_a_thread_that_keeps_something_and_one_that_catches_up_do_not_wait_for_each_other(
    desk: Desk,
) -> None:
    store = Watched(desk.store)
    intake = Intake(desk.bureau, store, desk.store.publications().sequence)
    watch = threading.Thread(target=intake.catch_up, daemon=True)

    def keep() -> None:
        with store.transaction():
            watch.start()
            store.asked.wait()
            intake.catch_up()

    keeping = threading.Thread(target=keep, daemon=True)
    keeping.start()
    for thread in (keeping, watch):
        thread.join(timeout=60)
        assert not thread.is_alive()


def test_threads_that_catch_up_at_once_take_each_publication_over_once(desk: Desk) -> None:
    other = Intake(
        Bureau(RateBook([]), desk.sources.values(), lambda: desk.now, desk.bureau.terms), desk.store
    )
    with ThreadPoolExecutor(4) as threads:
        took = [job.result() for job in [threads.submit(other.catch_up) for _ in range(8)]]
    kept = desk.store.publications().publications
    assert sorted(map(len, took)) == [0] * 7 + [len(kept)]


def test_a_slip_that_its_source_corrected_speaks_for_nobody(desk: Desk) -> None:
    """Else it would confirm the same slip of another source."""
    desk.monday("BOC", EUR="15.6053")
    desk.monday("BOC", EUR="1.6053")
    desk.monday("ECB", CAD="15.6053")
    assert desk.waiting() == [
        "1 BOC 2026-11-02 EUR 15.6053 factor",
        "2 ECB 2026-11-02 CAD 15.6053 factor",
    ]
    assert desk.answer("EUR/CAD", "BOC") == "1.6053 2026-11-02 fresh"


def test_a_value_that_is_read_again_and_believed_then_waits_no_more(desk: Desk) -> None:
    desk.monday("BOC", EUR="1.95")
    assert desk.waiting() == ["1 BOC 2026-11-02 EUR 1.95 jump"]
    # Taken in without the look at what waits that follows it otherwise.
    raw = b"the ECB's"
    provenance = Provenance(hashlib.sha256(raw).hexdigest(), desk.now)
    ecb = Sheet(MONDAY, USUAL["ECB"] | {"CAD": "1.95"})
    desk.intake.take_in(desk.sources["ECB"], RawDocument("ECB", "d", raw, provenance), [ecb])
    desk.monday("BOC", EUR="1.95", GBP="1.86")
    assert desk.answer("EUR/CAD", "BOC") == "1.95 2026-11-02 fresh"
    assert desk.waiting() == []
    [value] = desk.store.withheld(source="BOC")
    assert value.decision is not None
    assert (value.decision.verdict, value.decision.decided_by) == (Verdict.RELEASED, GUARDS)


def test_a_correction_of_another_currency_does_not_end_one_that_waits(desk: Desk) -> None:
    desk.monday("BOC")
    desk.monday("BOC", EUR="1.95")
    desk.monday("BOC", EUR="1.95", USD="1.3970")
    assert desk.waiting() == ["1 BOC 2026-11-02 EUR 1.95 correction"]
    desk.monday("ECB", CAD="1.95")
    assert desk.waiting() == []
    assert desk.answer("EUR/CAD", "BOC") == "1.95 2026-11-02 fresh"
