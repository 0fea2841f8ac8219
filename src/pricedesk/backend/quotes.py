"""Quotes: prices that are held. What is written of one, and what may become of it.

A quote's record is made once. After that nothing is added to a quote but its end, and that
once: redeemed, cancelled or expired.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TypeAlias

from pricedesk import __version__
from pricedesk.backend.bureau import Answer
from pricedesk.backend.calendars import State
from pricedesk.errors import PriceChanged, PricedeskError, RateNotFresh
from pricedesk.protocol import Explanation
from pricedesk.quote_lines import (
    NOTHING,
    Hold,
    OfKey,
    OfQuote,
    QuoteReply,
    QuoteStatus,
    record_text,
)


@dataclass(frozen=True, slots=True)
class QuoteTerms:
    """For how long prices are held, and whether at stale rates; how many in all and for a customer.

    Each counts until its time is over, whatever has become of it by then.
    """

    seconds: int = 86_400
    held_max: int = 100_000
    per_customer_max: int = 100
    stale: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """What became of a quote, and when that was recorded."""

    status: QuoteStatus
    at: datetime


@dataclass(frozen=True, slots=True)
class Quote:
    """A price that was held: `record` is all that was said of it then, `end` what came after."""

    quote_id: str
    record: str
    held_at: datetime
    expires_at: datetime
    end: End | None = None

    @property
    def status(self) -> QuoteStatus:
        """What has become of it, as far as is recorded."""
        return self.end.status if self.end is not None else QuoteStatus.HELD

    def seen_at(self, now: datetime) -> "Quote":
        """The quote as it is at an instant of the ledger: its time may be over."""
        if self.end is not None or now < self.expires_at:
            return self
        return replace(self, end=End(QuoteStatus.EXPIRED, now))

    @property
    def ended_at(self) -> datetime | None:
        """When it ended; it has expired when it was to, whenever somebody noticed."""
        if self.end is None:
            return None
        return self.expires_at if self.status is QuoteStatus.EXPIRED else self.end.at

    @property
    def reply(self) -> QuoteReply:
        """What every door tells of it."""
        ended = instant_text(self.ended_at) if self.ended_at is not None else None
        return QuoteReply(self.record, self.status, ended)


@dataclass(frozen=True, slots=True)
class Offer:
    """What could be held for a request: the values of the record that the ledger does not give."""

    hold: Hold
    values: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class NoOffer:
    """A request that is refused, unless its key has a quote already."""

    hold: Hold
    refusal: PricedeskError


Asked: TypeAlias = Offer | NoOffer | OfQuote | OfKey
"""What the ledger settles."""


def offer(hold: Hold, answer: Answer, terms: QuoteTerms) -> Offer:
    """What is held for a request that was converted so.

    Raises:
        PriceChanged: the customer has seen another result.
        RateNotFresh: the rate is stale, and such a price is not held.
    """
    explanation, result = answer.explained(with_others=False), answer.conversion.result
    if hold.expects is not None and hold.expects != result:
        raise PriceChanged(f"the result is {result} {result.currency} now, not {hold.expects}")
    if explanation.state == State.STALE.value and not terms.stale:
        raise RateNotFresh(
            f"the rate is of {explanation.date} ({explanation.source}) and stale:"
            f" {explanation.missed} later publications are due and not known here;"
            " a price is not held at such a rate"
        )
    return Offer(hold, _values(hold, explanation))


def _values(hold: Hold, explanation: Explanation) -> dict[str, str | None]:
    """The record in its order, up to what the ledger gives; the first is the ledger's too."""
    said = {n: None if v == NOTHING else v for n, v in explanation.as_dict().items()}
    of_rate = ("rate", "date", "source", "path", "published", "pegs", "unrounded", "rounding")
    return {
        "quote": None,
        "ref": hold.ref,
        "name": hold.name,
        **{name: said[name] for name in ("amount", "from", "to", "result")},
        "price": str(hold.price) if hold.price is not None else said["result"],
        **{name: said[name] for name in (*of_rate, "state", "missed")},
        "rules": hold.rules,
        "document": said["document"],
        "attribution": said["attribution"],
    }


def made(offered: Offer, quote_id: str, now: datetime, terms: QuoteTerms) -> Quote:
    """The quote of an offer, held from `now` on; its record is written here, once."""
    expires_at = now + timedelta(seconds=terms.seconds)
    record = record_text(
        {
            **offered.values,
            "quote": quote_id,
            "held": instant_text(now),
            "expires": instant_text(expires_at),
            "version": __version__,
        }
    )
    return Quote(quote_id, record, now, expires_at)


def fingerprint(request: Hold | OfKey) -> str:
    """What tells requests apart that come with the same key.

    It is the digest of all that a request asks for but its key, or of what it says that it asks.

    Keys are kept for ever, so this never changes for a request that could be made before.
    """
    if request.asked is not None:
        words = {"asked": request.asked}
    else:
        words = {name: value for name, value in request.words.items() if name != "key"}
    return sha256(record_text(dict(sorted(words.items()))).encode()).hexdigest()


def instant_text(instant: datetime) -> str:
    """An instant as it is kept and shown; of the ledger's all are whole seconds."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def instant_of(text: str) -> datetime:
    """An instant from its text.

    Raises:
        ValueError: it is none.
    """
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
