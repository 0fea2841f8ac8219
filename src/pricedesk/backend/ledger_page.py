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
from pricedesk.quote_lines import OfQuote, QuoteStatus, QuoteVerb

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
    does not have, one for each price that may be held. `held` and `held_by` count what is held,
    in all (None where no price is to be held) and by customer. `new`, each with its customer,
    `new_keys` and `ends` are to be kept.
    """

    now: datetime
    terms: QuoteTerms
    quotes: dict[str, Quote]
    keys: dict[str, Keyed]
    free_ids: Iterator[str]
    held: int | None = 0
    held_by: dict[str, int] = field(default_factory=dict)
    new: dict[str, str | None] = field(default_factory=dict)
    new_keys: dict[str, Keyed] = field(default_factory=dict)
    ends: dict[str, End] = field(default_factory=dict)

    def settle(self, asked: Asked) -> Quote | PricedeskError:
        """The quote that answers a request, or the reason why there is none."""
        try:
            if isinstance(asked, OfQuote):
                return self._of_quote(asked)
            return self._hold(asked)
        except PricedeskError as error:
            return error

    def expire(self, quote_id: str) -> None:
        """Record that the time of a quote is over; it stays over if the clock steps back."""
        self.ends[quote_id] = End(QuoteStatus.EXPIRED, self.now)

    def _hold(self, asked: Offer | NoOffer) -> Quote:
        key = asked.hold.key
        before = self.keys.get(key) if key is not None else None
        if before is not None:
            if before.fingerprint != asked.fingerprint:
                # Nothing of the quote: its id is for the one who made the other request.
                raise QuoteKeyReused("the key came with another request before")
            return self._seen(before.quote_id)
        if isinstance(asked, NoOffer):
            raise asked.refusal
        customer = asked.hold.customer
        held = self._room(customer)
        quote = made(asked, next(self.free_ids), self.now, self.terms)
        self.quotes[quote.quote_id] = quote
        self.new[quote.quote_id] = customer
        self.held = held + 1
        if customer is not None:
            self.held_by[customer] = self.held_by.get(customer, 0) + 1
        if key is not None:
            self.keys[key] = self.new_keys[key] = Keyed(asked.fingerprint, quote.quote_id)
        return quote

    def _room(self, customer: str | None) -> int:
        """How many prices are held, where one more may be."""
        held = self.held or 0
        if held >= self.terms.held_max:
            raise TooManyQuotes(f"{held} prices are held, and no more may be")
        if customer is not None and self.held_by.get(customer, 0) >= self.terms.per_customer_max:
            raise TooManyQuotes(
                f"{self.held_by[customer]} prices are held for this customer, and no more may be"
            )
        return held

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
        self.held = None if self.held is None else self.held - 1
        return ended

    def _seen(self, quote_id: str) -> Quote:
        """A quote of the ledger; if its time is over, that is recorded now."""
        quote = self.quotes.get(quote_id)
        if quote is None:
            raise UnknownQuote(f"there is no quote {quote_id}")
        seen = self.quotes[quote_id] = quote.seen_at(self.now)
        if seen.end is not None and quote.end is None:
            self.ends[quote_id] = seen.end
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
