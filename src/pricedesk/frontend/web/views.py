"""What pages show, as text in the visitor's language: prices, their reasons, charts, quotes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import TypeAlias
from urllib.parse import quote as percent_encoded
from zlib import crc32

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from pricedesk.currencies import Currency, currency
from pricedesk.frontend.catalogue import Product
from pricedesk.frontend.desk import Price, is_address
from pricedesk.frontend.locales import (
    instant_text,
    money_text,
    publication_text,
    short_date_text,
)
from pricedesk.frontend.price_rules import UPWARDS, Step, StepName, parse_priced
from pricedesk.frontend.web.charts import Chart, Point, draw
from pricedesk.money import ExactDecimal, Money, round_ratio
from pricedesk.protocol_rates import HistoryReply, Unit
from pricedesk.quote_lines import NOTHING, QuoteReply, QuoteStatus

Words: TypeAlias = Callable[[str], str]
"""Translates a text of the pages."""

HUES = 6


@dataclass(frozen=True, slots=True)
class StepView:
    """A rule of the shop's, and what the price is after it."""

    words: str
    after: str


@dataclass(frozen=True, slots=True)
class PriceView:
    """A price with its reasons; `as_of` says when it was known, if that is not now."""

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

    @property
    def converted(self) -> bool:
        """Whether it is in another currency than the product's own."""
        return self.base != self.counter


@dataclass(frozen=True, slots=True)
class Card:
    """A product as it is shown; without a price it says why there is none."""

    sku: str
    name: str
    href: str
    category: str
    description: str
    picture: str
    letters: str
    hue: int
    own: str
    price: PriceView | None
    reason: str = ""


class Range(Enum):
    """How much of the past a chart shows: its name in an address, its days, and its steps.

    It has no days if it is all of the past.
    """

    MONTH = ("30d", 30, Unit.DAY)
    YEAR = ("1y", 366, Unit.DAY)
    FIVE_YEARS = ("5y", 5 * 366, Unit.WEEK)
    ALL = ("all", 0, Unit.MONTH)

    def __init__(self, key: str, days: int, unit: Unit) -> None:
        self.key = key
        self.days = days
        self.unit = unit

    def first(self, last: date) -> date:
        """The first day that is shown."""
        return last - timedelta(days=self.days) if self.days else FIRST_DAY

    def words(self, words: Words) -> str:
        """What it is called."""
        return {
            "30d": words("30 days"),
            "1y": words("1 year"),
            "5y": words("5 years"),
            "all": words("All"),
        }[self.key]


FIRST_DAY = date(1999, 1, 4)
"""The first day of the euro's reference rates, with which the packaged history begins."""

RANGES = {each.key: each for each in Range}

GAP_DAYS = {Unit.DAY: 6, Unit.WEEK: 13, Unit.MONTH: 45}
"""Points further apart are not joined: Easter, with weekends around it, is the longest pause."""


@dataclass(frozen=True, slots=True)
class RangeView:
    """A link to a chart of another time."""

    href: str
    text: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table behind a chart."""

    day: str
    value: str


@dataclass(frozen=True, slots=True)
class ChartView:
    """A chart, what it says in a sentence, and the figures behind it."""

    title: str
    column: str
    summary: str
    drawn: Chart | None
    ranges: tuple[RangeView, ...]
    rows: tuple[Row, ...]


def state_words(state: str, missed: int, words: Words) -> str:
    """How old a rate is that is not fresh, in words."""
    if state == "fresh":
        return words("fresh")
    if state == "none":
        return words("nothing known yet")
    later = words("1 publication missed") if missed == 1 else words("{} publications missed")
    return f"{words(state)}: {later.format(missed)}"


def step_words(step: Step, words: Words) -> str:
    """A rule in words."""
    value = step.value.removesuffix(UPWARDS)
    text = ""
    match step.name:
        case StepName.MARGIN:
            text = words("Margin of {} %")
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
    known = ""
    if as_of is not None:
        known = instant_text(as_of, locale)
    return PriceView(
        amount=price.amount,
        text=money_text(Money.parse(price.amount, unit), locale),
        own=money_text(own, locale),
        base=own.currency.code,
        counter=unit.code,
        conversion=money_text(Money.parse(price.conversion, unit), locale),
        conversion_amount=price.conversion,
        rate=price.rate,
        path=price.path,
        age=_age(price.source, price.date, locale),
        state=price.state,
        state_words=state_words(price.state, int(price.missed), words),
        steps=step_views(price.steps, locale, words),
        attribution=price.attribution,
        as_of=known,
    )


def _age(source: str, day: str, locale: Locale) -> str:
    """Whose rate it is, and of which day; empty where there is none in it."""
    if source in ("", NOTHING):
        return ""
    return publication_text(source, date.fromisoformat(day), locale)


def step_views(steps: Iterable[Step], locale: Locale, words: Words) -> tuple[StepView, ...]:
    """The shop's rules that made a price."""
    return tuple(
        StepView(step_words(step, words), money_text(step.after, locale)) for step in steps
    )


def card(product: Product, locale: Locale, price: PriceView | None, reason: str = "") -> Card:
    """A product with its price, or with the reason for which there is none."""
    return Card(
        sku=product.sku,
        name=product.name,
        href=product_path(product.sku),
        category=product.category,
        description=product.description,
        picture=f"/pictures/{product.picture}" if product.picture else "",
        letters=_letters(product.name),
        hue=crc32(product.sku.encode()) % HUES,
        own=money_text(product.price, locale),
        price=price,
        reason=reason,
    )


def _letters(name: str) -> str:
    """The first letters of the first two words, without such as "A" and "14"; or the first one."""
    words = [word for word in name.split() if len(word) > 1 and word[0].isalpha()] or [name]
    return "".join(word[0] for word in words[:2]).upper()


def product_path(sku: str) -> str:
    """Where a product's page is."""
    return f"/products/{percent_encoded(sku, safe='')}"


def price_points(own: Money, unit: Currency, history: HistoryReply) -> list[Point]:
    """What an amount would have cost at each published rate, by the conversion alone."""
    digits, scale = unit.minor_digits, own.currency.minor_digits
    found = []
    for day, text in history.points:
        rate = ExactDecimal.parse(text)
        minor = round_ratio(
            own.amount_minor * rate.unscaled * 10**digits, 10 ** (scale + rate.scale)
        )
        found.append(Point(day, ExactDecimal(minor, digits)))
    return found


def rate_points(history: HistoryReply) -> list[Point]:
    """The rates themselves."""
    return [Point(day, ExactDecimal.parse(text)) for day, text in history.points]


def chart_view(  # noqa: PLR0913  # what a chart is made of
    points: Sequence[Point],
    shown: Range,
    *,
    title: str,
    column: str,
    value_text: Callable[[ExactDecimal], str],
    href: Callable[[Range], str],
    locale: Locale,
    words: Words,
) -> ChartView:
    """A chart of points over a time."""
    drawn = draw(
        points,
        GAP_DAYS[shown.unit],
        lambda text: str(format_decimal(text, locale=locale, decimal_quantization=False)),
        lambda day: _day_mark(day, shown, locale),
    )
    summary = ""
    if drawn is not None:
        summary = words("From {} to {}: lowest {} on {}, highest {} on {}.").format(
            short_date_text(drawn.first.day, locale),
            short_date_text(drawn.last.day, locale),
            value_text(drawn.lowest.value),
            short_date_text(drawn.lowest.day, locale),
            value_text(drawn.highest.value),
            short_date_text(drawn.highest.day, locale),
        )
    return ChartView(
        title=title,
        column=column,
        summary=summary,
        drawn=drawn,
        ranges=tuple(
            RangeView(href(each), each.words(words), chosen=each is shown) for each in Range
        ),
        rows=tuple(
            Row(short_date_text(point.day, locale), value_text(point.value))
            for point in reversed(points)
        ),
    )


def _day_mark(day: date, shown: Range, locale: Locale) -> str:
    match shown:
        case Range.MONTH:
            return str(format_date(day, "d MMM", locale=locale))
        case Range.ALL | Range.FIVE_YEARS:
            return str(format_date(day, "yyyy", locale=locale)) if day.month == 1 else ""
        case Range.YEAR:
            return str(format_date(day, "MMM yyyy", locale=locale))


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
    left: str
    facts: tuple[tuple[str, str], ...]


def quote_view(
    reply: QuoteReply, product: Product | None, now: datetime, locale: Locale, words: Words
) -> QuoteView:
    """A quote, all from its record: nothing is computed again.

    Raises:
        InvalidRequest, UnknownCurrency: the record is not one of the desk's.
    """
    told = {name: value or "" for name, value in reply.fields.items()}
    own = Money.parse(told["amount"], currency(told["from"]))
    unit = currency(told["to"])
    priced = parse_priced(told["rules"]) if told["rules"] else None
    price = PriceView(
        amount=told["price"],
        text=money_text(Money.parse(told["price"], unit), locale),
        own=money_text(own, locale),
        base=told["from"],
        counter=told["to"],
        conversion=money_text(Money.parse(told["result"], unit), locale),
        conversion_amount=told["result"],
        rate=told["rate"],
        path=told["path"],
        age=_age(told["source"], told["date"], locale),
        state=told["state"],
        state_words=state_words(told["state"], int(told["missed"]), words),
        steps=step_views(priced.steps, locale, words) if priced is not None else (),
        attribution=told["attribution"] if is_address(told["attribution"]) else "",
    )
    expires = datetime.fromisoformat(told["expires"])
    return QuoteView(
        id=told["quote"],
        spelled=" ".join(told["quote"].replace("-", "")),
        name=told["name"] or told["ref"],
        href=product_path(product.sku) if product is not None else "",
        price=price,
        status=reply.status.value,
        status_words=_status_words(reply.status, words),
        ended_words=_ended_words(reply, locale, words),
        expires=told["expires"],
        left=time_left(expires - now),
        facts=tuple((name, value) for name, value in told.items() if value),
    )


def _status_words(status: QuoteStatus, words: Words) -> str:
    return {
        QuoteStatus.HELD: words("held"),
        QuoteStatus.REDEEMED: words("redeemed"),
        QuoteStatus.EXPIRED: words("expired"),
        QuoteStatus.CANCELLED: words("cancelled"),
    }[status]


def _ended_words(reply: QuoteReply, locale: Locale, words: Words) -> str:
    if reply.ended is None:
        return ""
    ended = datetime.fromisoformat(reply.ended)
    when = instant_text(ended, locale)
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
    seconds = max(0, int(left / timedelta(seconds=1)))
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
