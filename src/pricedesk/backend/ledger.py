"""The ledger of quotes in the store: what was held, and what became of it, for ever.

Requests are settled many at a time in one transaction, in which this process is the store's only
writer, so that several back-ends on one store see each other's quotes, keys and limits. The
ledger's own time never goes back: what has expired stays so, whatever clocks do.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pricedesk.backend.database import PAGE_ROWS, Row, Value
from pricedesk.backend.ledger_page import Keyed, Page
from pricedesk.backend.quotes import (
    Asked,
    End,
    Offer,
    Quote,
    QuoteTerms,
    instant_of,
    instant_text,
)
from pricedesk.backend.store import Store
from pricedesk.backend.store_rows import keepable
from pricedesk.clock import Clock
from pricedesk.errors import PricedeskError, StoreFailed
from pricedesk.quote_codes import RandomBits, new_quote_id
from pricedesk.quote_lines import OfKey, OfQuote, QuoteStatus, QuoteVerb

EXPIRED_AT_ONCE_MAX = 500
"""How many quotes whose time is over are noticed in one transaction."""

DRAWS_MAX = 10
"""How often ids are drawn again that are taken; by chance that never happens once."""

_QUOTES = (
    "SELECT quote.sequence, quote.id, record, held_at, expires_at, state, at FROM quote"
    " LEFT JOIN quote_end ON quote_end.id = quote.id"
)


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of requests, each in its place; how many quotes are new, how many ended.

    `held` is how many have no end, counted only where nothing was asked. `ahead_seconds` is how
    far the ledger's time is ahead of the clock, `more` whether more quotes may wait to be noticed
    whose time is over.
    """

    outcomes: list[Quote | PricedeskError]
    new: int = 0
    ended: Counter[QuoteStatus] = field(default_factory=Counter)
    held: int | None = None
    ahead_seconds: int = 0
    more: bool = False


class Ledger:
    """The quotes of one store. Called by one thread at a time."""

    def __init__(
        self, store: Store, clock: Clock, terms: QuoteTerms, random_bits: RandomBits
    ) -> None:
        self._store = store
        self._clock = clock
        self._terms = terms
        self._random_bits = random_bits
        self._latest = datetime.min.replace(tzinfo=UTC)
        self._ahead_seconds = 0
        # No quote, when there was none: so it is, whatever the ledger has by now.
        self._last_count = (0, 0)

    def settle(self, asked: Sequence[Asked]) -> Settled:
        """Settle requests in their order, in one transaction; what it kept is on the disk.

        Each gets its quote or its own refusal. Quotes whose time is over are noticed besides;
        where nothing is asked, that is all, and those that are held are counted. Who only looks
        waits for no writer: there is a transaction only if the time of a quote proves to be over.

        Raises:
            StoreFailed: nothing was kept, or it is not known whether: the text says which.
        """
        settled = self._looked(asked) if all(map(_is_look, asked)) else None
        if settled is None:
            settled = self._settled(asked)
        return settled if asked else replace(settled, held=self._held())

    def _looked(self, asked: Sequence[Asked]) -> Settled | None:
        """What was asked for, read only; None where something is to be recorded.

        It is of one instant of the ledger or of a later one: what has been told of an instant
        holds at each later one, but for a time that is over, and such a one is recorded.
        """
        page = self._page(asked)
        if not asked:
            self._notice(page)
        outcomes = [page.settle(one) for one in asked]
        if page.ends or page.over:
            return None
        return Settled(outcomes, ahead_seconds=self._ahead_seconds)

    def _settled(self, asked: Sequence[Asked]) -> Settled:
        at_commit = False
        try:
            # What is answered from rates does not change by it, so nobody need be told.
            with self._store.transaction(news=False):
                page = self._page(asked)
                more = self._notice(page)
                outcomes = [page.settle(one) for one in asked]
                self._keep(page)
                at_commit = True
        except StoreFailed as error:
            if not at_commit:
                raise
            raise StoreFailed(
                f"{error}; it is not known whether this was kept: to ask again is safe,"
                " where a price is to be held with the same key"
            ) from error
        ended = Counter(end.status for end in page.ends.values())
        return Settled(outcomes, len(page.new), ended, ahead_seconds=self._ahead_seconds, more=more)

    def now(self) -> datetime:
        """The ledger's instant, in whole seconds: never before one that it has in it.

        Raises:
            StoreFailed: the store cannot be read, or is damaged.
        """
        found = self._rows(
            "SELECT (SELECT held_at FROM quote ORDER BY sequence DESC LIMIT 1),"
            " (SELECT MAX(at) FROM quote_end)"
        )
        known = [self._instant(text) for text in found[0] if text is not None]
        clock = self._clock().replace(microsecond=0)
        self._latest = max([clock, self._latest, *known])
        self._ahead_seconds = int((self._latest - clock).total_seconds())
        return self._latest

    def quotes(self) -> Iterator[Quote]:
        """All quotes as they are now, in the order in which they were held; some at a time.

        Raises:
            StoreFailed: the store cannot be read, or is damaged.
        """
        now, after = self.now(), 0
        while rows := self._rows(
            f"{_QUOTES} WHERE quote.sequence > ? ORDER BY quote.sequence LIMIT {PAGE_ROWS}",
            [after],
        ):
            after = rows[-1][0]
            yield from (self._quote(row).seen_at(now) for row in rows)

    def quote(self, quote_id: str) -> Quote | None:
        """The quote with an id as it is now; nothing is recorded.

        Raises:
            StoreFailed: the store cannot be read, or is damaged.
        """
        now, rows = self.now(), self._rows(f"{_QUOTES} WHERE quote.id = ?", [quote_id])
        return self._quote(rows[0]).seen_at(now) if rows else None

    def _page(self, asked: Sequence[Asked]) -> Page:
        """All that the requests are about, as it is now."""
        now = self.now()
        keys = {_key(one) for one in asked} - {None}
        keyed = {
            key: Keyed(fingerprint, quote_id)
            for key, fingerprint, quote_id in self._listed(
                "SELECT key, fingerprint, id FROM quote_key WHERE key", sorted(map(str, keys))
            )
        }
        ids = {one.quote_id for one in asked if isinstance(one, OfQuote)}
        ids.update(known.quote_id for known in keyed.values())
        quotes = [
            self._quote(row) for row in self._listed(f"{_QUOTES} WHERE quote.id", sorted(ids))
        ]
        offers = [one for one in asked if isinstance(one, Offer)]
        return Page(
            now,
            self._terms,
            {quote.quote_id: quote for quote in quotes},
            keyed,
            self._free_ids(len(offers)),
            self._counted(now, len(offers)),
            self._counted_by(now, {one.hold.customer for one in offers}),
        )

    def _notice(self, page: Page) -> bool:
        """Put on the page whose time is over, so many at once; True if there may be more."""
        over = self._rows(
            "SELECT quote_held.id, state FROM quote_held"
            " LEFT JOIN quote_end ON quote_end.id = quote_held.id"
            " WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",
            [instant_text(page.now), EXPIRED_AT_ONCE_MAX],
        )
        for quote_id, state in over:
            if state is None:
                page.expire(quote_id)
            page.over.add(quote_id)
        return len(over) == EXPIRED_AT_ONCE_MAX

    def _held(self) -> int:
        [(held,)] = self._rows(
            "SELECT COUNT(*) FROM quote_held WHERE NOT EXISTS"
            " (SELECT 1 FROM quote_end WHERE quote_end.id = quote_held.id)"
        )
        return int(held)

    def _counted(self, now: datetime, offers: int) -> int:
        """How many quotes have time left; at most so many, where there is room for all offers.

        Counting a hundred thousand takes longer than holding a price. Since the last count there
        can only be as many more as there are new quotes, of whichever process.
        """
        if not offers:
            return 0
        last = self._last_sequence()
        counted, then = self._last_count
        at_most = counted + last - then
        if then <= last and at_most + offers <= self._terms.held_max:
            return at_most
        [(counted,)] = self._rows(
            "SELECT COUNT(*) FROM quote_held WHERE expires_at > ?", [instant_text(now)]
        )
        self._last_count = (int(counted), last)
        return int(counted)

    def _last_sequence(self) -> int:
        [(last,)] = self._rows("SELECT COALESCE(MAX(sequence), 0) FROM quote")
        return int(last)

    def _counted_by(self, now: datetime, customers: set[str | None]) -> dict[str, int]:
        names = {keepable(name): name for name in customers if name is not None}
        found = self._listed(
            "SELECT customer, COUNT(*) FROM quote_held WHERE expires_at > ? AND customer",
            sorted(names),
            [instant_text(now)],
            "GROUP BY customer",
        )
        return {names[kept]: int(counted) for kept, counted in found}

    def _free_ids(self, count: int) -> Iterator[str]:
        """So many ids that no quote has."""
        free: dict[str, None] = {}
        for _ in range(DRAWS_MAX):
            if len(free) >= count:
                break
            free |= dict.fromkeys(new_quote_id(self._random_bits) for _ in range(count - len(free)))
            for (taken,) in self._listed("SELECT id FROM quote WHERE id", list(free)):
                del free[taken]
        if len(free) < count:
            raise StoreFailed(f"the ledger {self._store.name} found no id that is free")
        return iter(free)

    def _keep(self, page: Page) -> None:
        last = self._last_sequence()
        new = [page.quotes[quote_id] for quote_id in page.new]
        self._write(
            "INSERT INTO quote (sequence, id, record, held_at, expires_at) VALUES (?, ?, ?, ?, ?)",
            [[n, *_values(quote)] for n, quote in enumerate(new, start=last + 1)],
        )
        self._write(
            "INSERT INTO quote_held (id, expires_at, customer) VALUES (?, ?, ?)",
            [
                [quote_id, instant_text(page.quotes[quote_id].expires_at), _kept_name(customer)]
                for quote_id, customer in page.new.items()
            ],
        )
        self._write(
            "INSERT INTO quote_key (key, fingerprint, id) VALUES (?, ?, ?)",
            [[key, used.fingerprint, used.quote_id] for key, used in page.new_keys.items()],
        )
        self._write(
            "INSERT INTO quote_end (id, state, at) VALUES (?, ?, ?)",
            [[i, end.status.value, instant_text(end.at)] for i, end in page.ends.items()],
        )
        self._write("DELETE FROM quote_held WHERE id = ?", [[i] for i in page.over])

    def _write(self, statement: str, rows: list[list[Value]]) -> None:
        if rows:
            self._store.database.execute_many(statement, rows)

    def _listed(
        self, select: str, wanted: Sequence[str], before: Sequence[Value] = (), after: str = ""
    ) -> list[Row]:
        """The rows of a SELECT whose last column is one of these; none are asked for none."""
        if not wanted:
            return []
        places = ", ".join("?" * len(wanted))
        return self._rows(f"{select} IN ({places}) {after}", [*before, *wanted])

    def _rows(self, select: str, values: Sequence[Value] = ()) -> list[Row]:
        return self._store.rows(select, values)

    def _quote(self, row: Row) -> Quote:
        _, quote_id, record, held_at, expires_at, state, at = row
        try:
            end = None if state is None else End(QuoteStatus(state), instant_of(at))
            return Quote(quote_id, record, instant_of(held_at), instant_of(expires_at), end)
        except ValueError as error:
            raise self._damaged(error) from error

    def _instant(self, text: str) -> datetime:
        try:
            return instant_of(text)
        except ValueError as error:
            raise self._damaged(error) from error

    def _damaged(self, error: ValueError) -> StoreFailed:
        return StoreFailed(f"the store {self._store.name} is damaged: {error}")


def _is_look(asked: Asked) -> bool:
    """Whether a request changes nothing of a quote."""
    if isinstance(asked, OfQuote):
        return asked.verb is QuoteVerb.QUOTE
    return isinstance(asked, OfKey)


def _key(asked: Asked) -> str | None:
    """The key that a request is made with."""
    match asked:
        case OfQuote():
            return None
        case OfKey(key=key):
            return key
        case _:
            return asked.hold.key


def _values(quote: Quote) -> list[Value]:
    held_at, expires_at = instant_text(quote.held_at), instant_text(quote.expires_at)
    return [quote.quote_id, quote.record, held_at, expires_at]


def _kept_name(customer: str | None) -> str | None:
    return None if customer is None else keepable(customer)
