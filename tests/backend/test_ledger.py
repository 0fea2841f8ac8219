"""The ledger, whatever it is kept in: what was held is read back for ever, and ends once."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from held import DAY, EVENING, Asking, Clock, Counting, quote_id
from pricedesk import __version__
from pricedesk.backend.bureau import Bureau
from pricedesk.backend.ledger import EXPIRED_AT_ONCE_MAX, Ledger
from pricedesk.backend.quotes import QuoteTerms
from pricedesk.backend.store import Store, open_store
from pricedesk.errors import StoreFailed
from pricedesk.quote_lines import QuoteStatus

HOLD = "hold 1100 CAD USD"
RECORD = (
    "quote=0000-0000-0001 ref=none name=none amount=1100 from=CAD to=USD result=787.47"
    " price=787.47 rate=0.715878508266 date=2026-10-30 source=ECB path=CAD/EUR/USD"
    " published=EUR/CAD:1.5606,EUR/USD:1.1172 pegs=none unrounded=787.466359092657"
    " rounding=half-up state=fresh missed=0 rules=none"
    " document=73db21584dd46cebf5cd6df75ebb6de7afcdeebff52f54d5046ca8e459c0fbb3"
    " attribution=none held=2026-10-30T18:00:00Z expires=2026-10-31T18:00:00Z"
    f" version={__version__}"
)
ONE, TWO, THREE = map(quote_id, (1, 2, 3))
SECOND = timedelta(seconds=1)


@pytest.fixture
def store(database: str, tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(database, tmp_path)) as opened:
        yield opened


@pytest.fixture
def ask(store: Store, bureau: Bureau) -> Asking:
    return Asking(store, bureau)


@pytest.fixture
def elsewhere(store: Store, database: str, tmp_path: Path, bureau: Bureau) -> Iterator[Asking]:
    """Another back-end on the same store."""
    with closing(open_store(database, tmp_path)) as opened:
        numbers = Counting()
        next(numbers.numbers)
        yield Asking(opened, bureau, random_bits=numbers)


def statuses(ask: Asking) -> list[str]:
    return [quote.status.value for quote in ask.ledger.quotes()]


def test_a_price_that_is_held_has_its_record(ask: Asking) -> None:
    assert ask.one(HOLD) == f"{RECORD} status=held"
    assert ask.one(f"quote {ONE}") == f"{RECORD} status=held"
    assert ask.store.check() == []


def test_the_words_of_a_request_are_in_the_record(ask: Asking) -> None:
    reply = ask.one(f"{HOLD} ref=a%20b name=Café price=789.99 rules=shop/7 for=10.0.0.1 key=k")
    assert " ref=a%20b name=Caf%C3%A9 amount=1100 " in reply
    assert " result=787.47 price=789.99 " in reply
    assert " rules=shop/7 " in reply
    assert "10.0.0.1" not in reply


def test_a_record_is_the_same_text_for_ever(ask: Asking, elsewhere: Asking, bureau: Bureau) -> None:
    said = ask.one(HOLD)
    bureau.book = type(bureau.book)([])  # No rate is known any more.
    record = said.removesuffix(" status=held")
    assert elsewhere.one(f"redeem {ONE}") == (
        f"{record} status=redeemed redeemed=2026-10-30T18:00:00Z"
    )
    assert [quote.record for quote in elsewhere.ledger.quotes()] == [record]


def test_a_quote_is_redeemed_once_and_each_time_with_the_first_instant(ask: Asking) -> None:
    ask.one(HOLD)
    ask.clock.now += SECOND
    redeemed = f"{RECORD} status=redeemed redeemed=2026-10-30T18:00:01Z"
    assert ask(f"redeem {ONE}", f"redeem {ONE}") == [redeemed] * 2
    ask.clock.now += 2 * DAY
    assert ask(f"redeem {ONE}", f"quote {ONE}") == [redeemed] * 2
    assert ask.one(f"cancel {ONE}") == (
        f"error quote-redeemed {ONE} was redeemed at 2026-10-30T18:00:01Z"
    )


def test_a_quote_is_cancelled_once_and_not_redeemed_then(ask: Asking) -> None:
    ask.one(HOLD)
    cancelled = f"{RECORD} status=cancelled cancelled=2026-10-30T18:00:00Z"
    assert ask(f"cancel {ONE}", f"cancel {ONE}", f"quote {ONE}") == [cancelled] * 3
    assert ask.one(f"redeem {ONE}") == (
        f"error quote-cancelled {ONE} was cancelled at 2026-10-30T18:00:00Z"
    )


def test_a_quote_holds_to_its_last_second_and_no_longer(ask: Asking) -> None:
    ask(HOLD, HOLD)
    ask.clock.now += DAY - timedelta(microseconds=1)
    assert " status=redeemed " in ask.one(f"redeem {ONE}")
    ask.clock.now += timedelta(microseconds=1)
    expired = f"{TWO} expired at 2026-10-31T18:00:00Z"
    assert ask(f"redeem {TWO}", f"cancel {TWO}") == [f"error quote-expired {expired}"] * 2
    assert ask.one(f"quote {TWO}").endswith(" status=expired expired=2026-10-31T18:00:00Z")


def test_what_has_expired_stays_so_when_the_clock_steps_back(
    ask: Asking, store: Store, bureau: Bureau
) -> None:
    ask(HOLD, HOLD)
    ask.clock.now += DAY
    assert " status=expired " in ask.one(f"quote {ONE}")
    ask.clock.now = EVENING
    # Also after a restart, and where it was noticed without being asked for.
    again = Asking(store, bureau)
    for asking in (ask, again):
        assert asking.one(f"redeem {ONE}").startswith(f"error quote-expired {ONE} expired at ")
        assert asking.one(f"redeem {TWO}").startswith(f"error quote-expired {TWO} expired at ")


def test_the_ledgers_time_never_goes_back(ask: Asking, store: Store, bureau: Bureau) -> None:
    ask.one(HOLD)
    again = Asking(store, bureau, Clock(EVENING - 30 * DAY), random_bits=ask.random_bits)
    assert " held=2026-10-30T18:00:00Z expires=2026-10-31T18:00:00Z " in again.one(HOLD)
    ask.clock.now += SECOND
    ask.one(f"redeem {ONE}")
    assert again.ledger.now() == EVENING + SECOND


def test_the_same_key_and_request_get_the_same_quote(ask: Asking, elsewhere: Asking) -> None:
    line = f"{HOLD} key=k ref=laptop"
    first, second = ask(line, line)
    assert (second, elsewhere.one(line)) == (first, first)
    ask.one(f"redeem {ONE}")
    ask.clock.now += 300 * DAY
    assert ask.one(line).startswith(first.removesuffix("held"))
    assert statuses(ask) == ["redeemed"]


def test_a_key_answers_also_where_the_price_could_not_be_held_now(ask: Asking) -> None:
    line = f"{HOLD} key=k expects=787.47"
    first = ask.one(line)
    ask.bureau.book = type(ask.bureau.book)([])
    assert ask.one(line) == first


@pytest.mark.parametrize("more", [" ref=x", " for=ada", " price=787.47", " expects=787.47"])
def test_a_key_with_another_request_is_refused(ask: Asking, more: str) -> None:
    first, second = ask(f"{HOLD} key=k", f"{HOLD} key=k{more}")
    assert (first, second) == (
        f"{RECORD} status=held",
        "error quote-key-reused the key came with another request before",
    )
    assert ask.one("hold 1100.0 CAD USD key=k") == second


def test_requests_are_the_same_that_say_so_whatever_else_is_another(ask: Asking) -> None:
    first = ask.one(f"{HOLD} key=k asked=wish name=Laptop expects=787.47")
    assert ask.one(f"{HOLD} key=k asked=wish name=Notebook expects=787.46") == first
    assert ask.one(f"{HOLD} key=k asked=another name=Laptop expects=787.47") == (
        "error quote-key-reused the key came with another request before"
    )


REUSED = "error quote-key-reused the key came with another request before"


def test_a_key_finds_its_quote_for_who_says_what_he_asked(ask: Asking, elsewhere: Asking) -> None:
    first = ask.one(f"{HOLD} key=k asked=wish")
    assert elsewhere.one("quote key=k asked=wish") == first == f"{RECORD} status=held"
    assert ask("quote key=k asked=other", "quote key=l asked=wish") == [
        REUSED,
        "error unknown-quote no price has been held with this key",
    ]
    ask.one(f"redeem {ONE}")
    ask.clock.now += 300 * DAY
    assert ask.one("quote key=k asked=wish") == (
        f"{RECORD} status=redeemed redeemed=2026-10-30T18:00:00Z"
    )
    assert statuses(ask) == ["redeemed"]


def test_a_key_whose_request_did_not_say_what_was_asked_finds_nothing(ask: Asking) -> None:
    ask.one(f"{HOLD} key=k")
    assert ask.one("quote key=k asked=wish") == REUSED


def test_to_look_by_a_key_takes_it_from_nobody(ask: Asking) -> None:
    found = ask("quote key=k asked=wish", f"{HOLD} key=k asked=other", "quote key=k asked=other")
    assert found == [
        "error unknown-quote no price has been held with this key",
        *[f"{RECORD} status=held"] * 2,
    ]


def test_a_request_that_is_refused_leaves_its_key_free(ask: Asking) -> None:
    assert ask.one(f"{HOLD} key=k expects=787.46") == (
        "error price-changed the result is 787.47 USD now, not 787.46"
    )
    assert ask.one(f"{HOLD} key=k").endswith(" status=held")


def test_one_that_is_refused_spoils_nothing(ask: Asking) -> None:
    answers = ask(HOLD, f"{HOLD} expects=1", "hold 1 CAD KWD", f"redeem {THREE}", HOLD)
    assert [answer.split()[:2] for answer in answers[1:4]] == [
        ["error", "price-changed"],
        ["error", "no-rate-for-currency"],
        ["error", "unknown-quote"],
    ]
    assert statuses(ask) == ["held", "held"]
    assert ask.store.check() == []


NO_MORE = "(redeemed and cancelled ones count until their time is over), and no more may be"


def test_so_many_prices_are_held_in_their_time_and_no_more(store: Store, bureau: Bureau) -> None:
    ask = Asking(store, bureau, terms=QuoteTerms(held_max=2))
    full = f"error too-many-quotes 2 prices have been held {NO_MORE}"
    assert [a.split()[-1] for a in ask(HOLD, HOLD)] == ["status=held"] * 2
    assert ask(HOLD, f"{HOLD} key=k") == [full] * 2
    assert ask(f"cancel {ONE}", HOLD)[1] == full
    ask.one(f"redeem {TWO}")
    ask.clock.now += DAY - SECOND
    assert ask.one(HOLD) == full
    ask.clock.now += SECOND
    assert ask.one(HOLD).endswith(" status=held")


def test_so_many_prices_are_held_for_a_customer_and_no_more(store: Store, bureau: Bureau) -> None:
    ask = Asking(store, bureau, terms=QuoteTerms(per_customer_max=1))
    ada, bob = f"{HOLD} for=ada%00", f"{HOLD} for=bob"
    full = f"error too-many-quotes 1 prices have been held for this customer {NO_MORE}"
    held = " status=held"
    assert [answer.endswith(held) for answer in ask(ada, bob, HOLD, HOLD)] == [True] * 4
    assert ask(ada, bob) == [full] * 2
    ask.one(f"redeem {ONE}")
    assert ask.one(ada) == full
    ask.clock.now += DAY
    assert ask.one(ada).endswith(held)


def test_what_other_back_ends_hold_counts_and_what_is_over_does_not(
    store: Store, bureau: Bureau, elsewhere: Asking
) -> None:
    ask = Asking(store, bureau, terms=QuoteTerms(held_max=5))
    ask.random_bits.numbers = count(100)
    ask(HOLD, HOLD)
    elsewhere(HOLD, HOLD)
    assert [answer.startswith("quote=") for answer in ask(HOLD, HOLD)] == [True, False]
    for _ in range(3):
        ask.clock.now += DAY
        for n in range(5):
            assert ask.one(HOLD).startswith("quote="), n
        assert ask.one(HOLD).startswith("error too-many-quotes 5 prices ")


def test_who_holds_and_cancels_in_turn_is_limited_all_the_same(
    store: Store, bureau: Bureau
) -> None:
    ask = Asking(store, bureau, terms=QuoteTerms(per_customer_max=5))
    for _ in range(50):
        answer = ask.one(f"{HOLD} for=ada")
        if answer.startswith("quote="):
            ask.one(f"cancel {answer[6:20]}")
    assert store.rows("SELECT COUNT(*) FROM quote") == [(5,)]
    assert store.rows("SELECT COUNT(*) FROM quote_end") == [(5,)]
    assert store.check() == []


def test_for_whom_a_price_is_held_is_known_until_its_time_is_over(ask: Asking) -> None:
    ask(f"{HOLD} for=ada", f"{HOLD} for=bob")
    ask.one(f"redeem {ONE}")
    known = "SELECT id, customer FROM quote_held ORDER BY id"
    assert ask.store.rows(known) == [(ONE, "ada"), (TWO, "bob")]
    ask.clock.now += DAY
    ask()
    assert ask.store.rows(known) == []
    assert statuses(ask) == ["redeemed", "expired"]
    assert ask.store.check() == []


def test_expiries_are_noticed_some_at_a_time(ask: Asking) -> None:
    for _ in range(2):
        ask(*[HOLD] * EXPIRED_AT_ONCE_MAX)
    ask.one(HOLD)
    ask.clock.now += DAY
    settled = [ask.ledger.settle([]) for _ in range(4)]
    assert [s.ended[QuoteStatus.EXPIRED] for s in settled] == [500, 500, 1, 0]
    assert [s.held for s in settled] == [501, 1, 0, 0]
    assert [s.more for s in settled] == [True, True, False, False]


def test_an_expiry_that_somebody_was_told_of_is_recorded_whatever_else_waits(
    ask: Asking, store: Store, bureau: Bureau
) -> None:
    ask(*[HOLD] * EXPIRED_AT_ONCE_MAX)
    ask.clock.now += SECOND
    last = ask.one(HOLD)[6:20]
    ask.clock.now += DAY
    assert ask.one(f"redeem {last}").startswith("error quote-expired ")
    ended = store.rows("SELECT COUNT(*) FROM quote_end WHERE id = ?", [last])
    assert ended == [(1,)]


class Reading(Store):
    """A store that nobody may write into."""

    @contextmanager
    def transaction(self, *, news: bool = True) -> Iterator[None]:
        assert news, "a transaction of the ledger was begun"
        with super().transaction():
            yield


def test_a_look_waits_for_no_writer(ask: Asking, elsewhere: Asking) -> None:
    ask(f"{HOLD} key=k asked=wish", HOLD)
    ask.one(f"redeem {TWO}")
    reading = Asking(Reading(ask.store.database), ask.bureau, ask.clock)
    with elsewhere.store.transaction():
        answers = reading(f"quote {ONE}", f"quote {TWO}", f"quote {THREE}")
        assert [answer.split()[-1] for answer in answers] == [
            "status=held",
            "redeemed=2026-10-30T18:00:00Z",
            THREE,
        ]
        assert reading.one("quote key=k asked=wish") == answers[0]
        assert reading.ledger.settle([]).held == 1


def test_a_look_records_that_the_time_of_what_it_saw_is_over(ask: Asking) -> None:
    ask(HOLD, HOLD)
    ask.clock.now += DAY
    reading = Asking(Reading(ask.store.database), ask.bureau, ask.clock)
    with pytest.raises(AssertionError, match="was begun"):
        reading.one(f"quote {ONE}")
    assert " status=expired " in ask.one(f"quote {ONE}")
    # It is recorded, so others need not be written for.
    assert " status=expired " in reading.one(f"quote {ONE}")


def test_a_look_among_others_sees_what_came_before_it(ask: Asking) -> None:
    answers = ask(HOLD, f"quote {ONE}", f"cancel {ONE}", f"quote {ONE}")
    assert [answer.partition(" status=")[2] for answer in answers] == [
        "held",
        "held",
        *["cancelled cancelled=2026-10-30T18:00:00Z"] * 2,
    ]


def test_how_far_the_ledgers_time_is_ahead_is_told(ask: Asking, elsewhere: Asking) -> None:
    ask.one(HOLD)
    assert ask.ledger.settle([]).ahead_seconds == 0
    elsewhere.clock.now -= timedelta(hours=1)
    assert elsewhere.ledger.settle([]).ahead_seconds == 3600
    elsewhere.clock.now += timedelta(minutes=59)
    assert elsewhere.ledger.settle([]).ahead_seconds == 60


def test_an_id_that_is_taken_is_drawn_again(ask: Asking, store: Store, bureau: Bureau) -> None:
    ask.one(HOLD)
    again = Asking(store, bureau)
    assert [answer[6:20] for answer in again(HOLD, HOLD)] == [TWO, THREE]


def test_where_no_id_is_free_nothing_is_held(ask: Asking, store: Store, bureau: Bureau) -> None:
    ask.one(HOLD)
    stuck = Asking(store, bureau)
    stuck.ledger = Ledger(store, stuck.clock, stuck.terms, lambda _: 1)
    with pytest.raises(StoreFailed, match=r"found no id that is free$"):
        stuck.one(HOLD)
    assert statuses(ask) == ["held"]


CHANGES = [
    "UPDATE quote SET record = 'x'",
    "DELETE FROM quote",
    "UPDATE quote_end SET state = 'expired'",
    "DELETE FROM quote_end",
    "UPDATE quote_key SET fingerprint = 'x'",
    "DELETE FROM quote_key",
    "INSERT INTO quote SELECT * FROM quote",
    "INSERT INTO quote_end SELECT * FROM quote_end",
    "INSERT INTO quote_key SELECT * FROM quote_key",
    "INSERT INTO quote_end VALUES ('0000-0000-000Z', 'redeemed', '2026-10-30T18:00:00Z')",
]
OF_SQLITE = [
    "INSERT OR REPLACE INTO quote SELECT * FROM quote",
    "INSERT OR REPLACE INTO quote_end SELECT * FROM quote_end",
    "INSERT OR REPLACE INTO quote_key SELECT * FROM quote_key",
]
OF_POSTGRES = [f"TRUNCATE {table} CASCADE" for table in ("quote", "quote_end", "quote_key")]


def test_the_database_refuses_to_change_or_delete_what_was_held(ask: Asking, database: str) -> None:
    ask(f"{HOLD} key=k", HOLD)
    ask.one(f"redeem {ONE}")
    for change in [*CHANGES, *(OF_POSTGRES if database else OF_SQLITE)]:
        with pytest.raises(StoreFailed):
            ask.store.database.execute(change)
        assert statuses(ask) == ["redeemed", "held"]
    assert ask.store.check() == []


class Dying(Store):
    """A store whose commits fail; what was to be kept may be there or not."""

    def _commit(self) -> None:
        raise StoreFailed("the disk went away")


def test_after_a_failed_commit_it_is_not_known_what_was_kept(store: Store, bureau: Bureau) -> None:
    ask = Asking(Dying(store.database), bureau)
    with pytest.raises(StoreFailed) as failure:
        ask.one(HOLD)
    assert str(failure.value) == (
        "the disk went away; it is not known whether this was kept: to ask again is safe, where"
        " a price is to be held with the same key"
    )


def test_before_a_commit_nothing_is_kept(store: Store, ask: Asking) -> None:
    store.database.execute("DROP TABLE quote_key")
    with pytest.raises(StoreFailed) as failure:
        ask.one(f"{HOLD} key=k")
    assert "not known" not in str(failure.value)
    assert store.rows("SELECT * FROM quote") == []


def test_quotes_are_listed_in_the_order_in_which_they_were_held(ask: Asking) -> None:
    ask(*[HOLD] * 300)
    listed = list(ask.ledger.quotes())
    held = ask.store.rows("SELECT id FROM quote ORDER BY sequence")
    assert [quote.quote_id for quote in listed] == [quote_id for (quote_id,) in held]
    assert len(listed) == 300


def test_a_look_at_the_ledger_records_nothing(ask: Asking) -> None:
    ask.one(HOLD)
    ask.clock.now += DAY
    found = ask.ledger.quote(ONE)
    assert found is not None
    assert found.status is QuoteStatus.EXPIRED
    assert statuses(ask) == ["expired"]
    assert ask.ledger.quote(TWO) is None
    assert ask.store.rows("SELECT * FROM quote_end") == []
