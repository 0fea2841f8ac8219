"""Prices and quotes as texts in the customer's language, for pages and for telnet."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from babel import Locale

from pricedesk.currencies import currency
from pricedesk.errors import RequestError, printable
from pricedesk.frontend.locales import (
    instant_text,
    money_text,
    number_text,
    percent_text,
    publication_text,
)
from pricedesk.frontend.offers import Price, is_address, parities_of
from pricedesk.frontend.price_rules import UPWARDS, Step, StepName, parse_priced
from pricedesk.frontend.translations import Words
from pricedesk.money import Money
from pricedesk.quote_lines import NOTHING, QuoteReply, QuoteStatus


@dataclass(frozen=True, slots=True)
class StepView:
    """A rule of the shop's, and what the price is after it."""

    words: str
    after: str


@dataclass(frozen=True, slots=True)
class PriceView:
    """A price with its reasons; `as_of` says when it was known, if that is not now.

    `age` says whose rate it is, of which day and over which official parities: `published` and
    `parities` in one.
    """

    amount: str
    text: str
    own: str
    base: str
    counter: str
    conversion: str
    conversion_amount: str
    rate: str
    path: str
    age: str
    state: str
    state_words: str
    steps: tuple[StepView, ...]
    attribution: str = ""
    as_of: str = ""
    published: str = ""
    parities: str = ""

    @property
    def converted(self) -> bool:
        """Whether it is in another currency than the product's own."""
        return self.base != self.counter


def state_words(state: str, missed: int, words: Words) -> str:
    """How old a rate is that is not fresh, in words."""
    if state == "fresh":
        return words("fresh")
    if state == "none":
        return words("nothing known yet")
    later = words("1 publication missed") if missed == 1 else words("{} publications missed")
    return f"{words(state)}: {later.format(missed)}"


def step_words(step: Step, locale: Locale, words: Words) -> str:
    """A rule in words, its value as the locale writes it."""
    value = number_text(step.value.removesuffix(UPWARDS), locale)
    text = ""
    match step.name:
        case StepName.MARGIN:
            value = percent_text(step.value, locale)
            text = words("Margin of {}")
        case StepName.ENDING:
            text = words("Up to a price that ends in {}")
        case StepName.STEP:
            up = step.value.endswith(UPWARDS)
            text = words("Up to a multiple of {}") if up else words("To the nearest multiple of {}")
        case StepName.CASH:
            text = words("Rounded to what can be paid in cash: {}")
        case StepName.FLOOR:
            text = words("Never below {}")
    return text.format(value)


def price_view(
    price: Price, own: Money, locale: Locale, words: Words, as_of: datetime | None = None
) -> PriceView:
    """A price of the desk's."""
    unit = currency(price.currency)
    return PriceView(
        amount=price.amount,
        text=money_text(Money.parse(price.amount, unit), locale),
        own=money_text(own, locale),
        base=own.currency.code,
        counter=unit.code,
        conversion=money_text(Money.parse(price.conversion, unit), locale),
        conversion_amount=price.conversion,
        rate=number_text(price.rate, locale),
        path=price.path,
        **_origin(price.source, price.date, price.pegs, locale, words),
        state=price.state,
        state_words=state_words(price.state, int(price.missed), words),
        steps=step_views(price.steps, locale, words),
        attribution=price.attribution,
        as_of=instant_text(as_of, locale) if as_of is not None else "",
    )


def _origin(
    source: str, day: str, pegs: str, locale: Locale, words: Words
) -> dict[Literal["age", "published", "parities"], str]:
    """Where a rate is from, by a view's names; what there is nothing of is empty."""
    published = ""
    if source not in ("", NOTHING):
        published = publication_text(source, date.fromisoformat(day), locale)
    parities = ", ".join(
        f"{pair} {number_text(value, locale)}" for pair, value in parities_of(pegs)
    )
    told = (published, f"{words('parity')} {parities}" if parities else "")
    age = ", ".join(filter(None, told))
    return {"age": age, "published": published, "parities": parities}


def step_views(steps: Iterable[Step], locale: Locale, words: Words) -> tuple[StepView, ...]:
    """The shop's rules that made a price."""
    return tuple(
        StepView(step_words(step, locale, words), money_text(step.after, locale)) for step in steps
    )


@dataclass(frozen=True, slots=True)
class QuoteView:
    """A quote as it was recorded, and what has become of it."""

    id: str
    spelled: str
    name: str
    href: str
    price: PriceView
    status: str
    status_words: str
    ended_words: str
    expires: str
    until: str
    left: str
    facts: tuple[tuple[str, str], ...]


def quote_view(
    reply: QuoteReply, href: str, now: datetime, locale: Locale, words: Words
) -> QuoteView:
    """A quote, all from its record: nothing is computed again. `href` is its product's page.

    One that was held without a desk may have an amount that is no price, and rules of another
    kind: they are shown as they are.

    Raises:
        KeyError, ValueError, RequestError: the record is none.
    """
    told = {name: printable(value or "") for name, value in reply.fields.items()}
    unit = currency(told["to"])
    price = PriceView(
        amount=told["price"],
        text=money_text(Money.parse(told["price"], unit), locale),
        own=_own_text(told["amount"], told["from"], locale),
        base=told["from"],
        counter=told["to"],
        conversion=money_text(Money.parse(told["result"], unit), locale),
        conversion_amount=told["result"],
        rate=number_text(told["rate"], locale),
        path=told["path"],
        **_origin(told["source"], told["date"], told.get("pegs", ""), locale, words),
        state=told["state"],
        state_words=state_words(told["state"], int(told["missed"]), words),
        steps=_recorded_steps(told["rules"], locale, words),
        attribution=told["attribution"] if is_address(told["attribution"]) else "",
    )
    expires = datetime.fromisoformat(told["expires"])
    return QuoteView(
        id=told["quote"],
        spelled=" ".join(told["quote"].replace("-", "")),
        name=told["name"] or told["ref"],
        href=href,
        price=price,
        status=reply.status.value,
        status_words=status_words(reply.status, words),
        ended_words=_ended_words(reply, locale, words),
        expires=told["expires"],
        until=instant_text(expires, locale),
        left=time_left(expires - now),
        facts=tuple((name, value) for name, value in told.items() if value),
    )


def _own_text(amount: str, code: str, locale: Locale) -> str:
    try:
        return money_text(Money.parse(amount, currency(code)), locale)
    except RequestError:
        return f"{amount} {code}"


def _recorded_steps(rules: str, locale: Locale, words: Words) -> tuple[StepView, ...]:
    try:
        return step_views(parse_priced(rules).steps, locale, words) if rules else ()
    except RequestError:
        return ()


def status_words(status: QuoteStatus, words: Words) -> str:
    """What has become of a quote, in a word."""
    return {
        QuoteStatus.HELD: words("held"),
        QuoteStatus.REDEEMED: words("redeemed"),
        QuoteStatus.EXPIRED: words("expired"),
        QuoteStatus.CANCELLED: words("cancelled"),
    }[status]


def _ended_words(reply: QuoteReply, locale: Locale, words: Words) -> str:
    if reply.ended is None:
        return ""
    when = instant_text(datetime.fromisoformat(reply.ended), locale)
    match reply.status:
        case QuoteStatus.REDEEMED:
            text = words("This price was redeemed on {}.")
        case QuoteStatus.CANCELLED:
            text = words("This quote was cancelled on {}.")
        case _:
            text = words("This quote expired on {}; its price cannot be redeemed any more.")
    return text.format(when)


def time_left(left: timedelta) -> str:
    """Hours, minutes and seconds: 23:59:58."""
    seconds = max(0, left // timedelta(seconds=1))
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
