"""What becomes of requests about quotes, decided one by one on a part of the ledger; no SQL here.

The ledger loads a page with all that some requests need, settles them on it, and keeps what is
new on it in one transaction. A request that is refused leaves nothing on the page.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from pricedesk.backend.quotes import (
    Asked,
    End,
    NoOffer,
    Offer,
    Quote,
    QuoteTerms,
    fingerprint,
    instant_text,
    made,
)
from pricedesk.errors import (
    PricedeskError,
    QuoteCancelled,
    QuoteExpired,
    QuoteKeyReused,
    QuoteRedeemed,
    TooManyQuotes,
    UnknownQuote,
)
from pricedesk.quote_lines import OfKey, OfQuote, QuoteStatus, QuoteVerb

_NO_MORE = " (redeemed and cancelled ones count until their time is over), and no more may be"

_WANTED = {
    QuoteVerb.REDEEM: QuoteStatus.REDEEMED,
    QuoteVerb.CANCEL: QuoteStatus.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Keyed:
    """What a key was used for: the request's fingerprint, and the quote that it got."""

    fingerprint: str
    quote_id: str


@dataclass(slots=True)
class Page:
    """A part of the ledger at one of its instants.

    `quotes` and `keys` are those of the requests that the ledger has, `free_ids` ids that it
    does not have, one for each price that may be held. `counted` and `counted_by` are how many
    were held and have time left, whatever became of them, in all (at most so many, where there is
    room for all requests) and by customer. These are what is limited, or who holds and cancels in
    turn would fill the ledger. `new`, each with its customer, `new_keys` and `ends` are to be
    kept; `over` are no longer to be counted.
    """

    now: datetime
    terms: QuoteTerms
    quotes: dict[str, Quote]
    keys: dict[str, Keyed]
    free_ids: Iterator[str]
    counted: int = 0
    counted_by: dict[str, int] = field(default_factory=dict)
    new: dict[str, str | None] = field(default_factory=dict)
    new_keys: dict[str, Keyed] = field(default_factory=dict)
    ends: dict[str, End] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)

    def settle(self, asked: Asked) -> Quote | PricedeskError:
        """The quote that answers a request, or the reason why there is none."""
        try:
            if isinstance(asked, OfQuote):
                return self._of_quote(asked)
            if isinstance(asked, OfKey):
                return self._of_key(asked)
            return self._hold(asked)
        except PricedeskError as error:
            return error

    def expire(self, quote_id: str) -> None:
        """Record that the time of a quote is over; it stays over if the clock steps back."""
        self.ends[quote_id] = End(QuoteStatus.EXPIRED, self.now)
        self.over.add(quote_id)

    def _hold(self, asked: Offer | NoOffer) -> Quote:
        key = asked.hold.key
        before = self._asked_before(key, fingerprint(asked.hold)) if key is not None else None
        if before is not None:
            return before
        if isinstance(asked, NoOffer):
            raise asked.refusal
        customer = asked.hold.customer
        self._check_room(customer)
        quote = made(asked, next(self.free_ids), self.now, self.terms)
        self.quotes[quote.quote_id] = quote
        self.new[quote.quote_id] = customer
        self.counted += 1
        if customer is not None:
            self.counted_by[customer] = self.counted_by.get(customer, 0) + 1
        if key is not None:
            self.keys[key] = self.new_keys[key] = Keyed(fingerprint(asked.hold), quote.quote_id)
        return quote

    def _check_room(self, customer: str | None) -> None:
        if self.counted >= self.terms.held_max:
            raise TooManyQuotes(f"{self.counted} prices have been held{_NO_MORE}")
        if customer is not None and self.counted_by.get(customer, 0) >= self.terms.per_customer_max:
            of_customer = self.counted_by[customer]
            raise TooManyQuotes(f"{of_customer} prices have been held for this customer{_NO_MORE}")

    def _of_quote(self, asked: OfQuote) -> Quote:
        quote = self._seen(asked.quote_id)
        wanted = _WANTED.get(asked.verb)
        if wanted is None or (quote.end is not None and quote.end.status is wanted):
            return quote
        if quote.end is not None:
            raise _refusal(quote)
        end = End(wanted, self.now)
        self.ends[quote.quote_id] = end
        self.quotes[quote.quote_id] = ended = replace(quote, end=end)
        return ended

    def _of_key(self, asked: OfKey) -> Quote:
        quote = self._asked_before(asked.key, fingerprint(asked))
        if quote is None:
            raise UnknownQuote("no price has been held with this key")
        return quote

    def _asked_before(self, key: str, asked: str) -> Quote | None:
        """The quote that a key was used for; `asked` is the fingerprint of what it is to be for."""
        before = self.keys.get(key)
        if before is None:
            return None
        if before.fingerprint != asked:
            # Nothing of the quote: its id is for the one who made the other request.
            raise QuoteKeyReused("the key came with another request before")
        return self._seen(before.quote_id)

    def _seen(self, quote_id: str) -> Quote:
        """A quote of the ledger; if its time is over, that is recorded now."""
        quote = self.quotes.get(quote_id)
        if quote is None:
            raise UnknownQuote(f"there is no quote {quote_id}")
        seen = self.quotes[quote_id] = quote.seen_at(self.now)
        if seen.end is not None and quote.end is None:
            self.expire(quote_id)
        return seen


_REFUSALS: Mapping[QuoteStatus, type[PricedeskError]] = {
    QuoteStatus.REDEEMED: QuoteRedeemed,
    QuoteStatus.EXPIRED: QuoteExpired,
    QuoteStatus.CANCELLED: QuoteCancelled,
}


def _refusal(quote: Quote) -> PricedeskError:
    ended = instant_text(quote.ended_at) if quote.ended_at is not None else ""
    was = "" if quote.status is QuoteStatus.EXPIRED else "was "
    return _REFUSALS[quote.status](f"{quote.quote_id} {was}{quote.status.value} at {ended}")
