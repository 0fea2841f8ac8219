"""What pages show beside prices and quotes, as text in the visitor's language: cards, charts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from urllib.parse import quote as percent_encoded
from zlib import crc32

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from pricedesk.currencies import Currency
from pricedesk.frontend.catalogue import Product
from pricedesk.frontend.locales import money_text, short_date_text
from pricedesk.frontend.offers import Offer
from pricedesk.frontend.price_views import PriceView
from pricedesk.frontend.translations import Words
from pricedesk.frontend.web.charts import Chart, Point, draw
from pricedesk.money import ExactDecimal, Money, round_ratio
from pricedesk.rate_lines import HistoryReply, Unit

HUES = 6


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
    """A chart, what it says in a sentence, and the figures behind it.

    `attribution` is the address that its source wants to be named with it, if any.
    """

    title: str
    column: str
    summary: str
    drawn: Chart | None
    ranges: tuple[RangeView, ...]
    rows: tuple[Row, ...]
    attribution: str


def card(
    product: Product,
    locale: Locale,
    price: PriceView | None,
    reason: str = "",
    *,
    pictured: bool = False,
) -> Card:
    """A product with its price, or with the reason for which there is none.

    It is `pictured` where its picture can be shown.
    """
    return Card(
        sku=product.sku,
        name=product.name,
        href=product_path(product.sku),
        category=product.category,
        description=product.description,
        picture=f"/pictures/{product.picture}" if pictured else "",
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


def price_points(
    offer: Offer, unit: Currency, history: HistoryReply, priced: Callable[[Money], Money]
) -> list[Point]:
    """What a product would have cost at each published rate; `priced` is what the rules make.

    The back-end does not say how it rounds. This rounds half up, as it does by default, and from
    rates that are rounded themselves: a conversion may be one minor unit off from what was
    answered on its day. At the publication that made the price it is the price.
    """
    own, now = offer.product.price, offer.price
    digits, scale = unit.minor_digits, own.currency.minor_digits
    found = []
    for day, text in history.points:
        rate = ExactDecimal.parse(text)
        minor = round_ratio(
            own.amount_minor * rate.unscaled * 10**digits, 10 ** (scale + rate.scale)
        )
        if now is not None and (str(day), history.source) == (now.date, now.source):
            price = Money.parse(now.amount, unit)
        else:
            price = priced(Money(minor, unit))
        found.append(Point(day, ExactDecimal(price.amount_minor, digits)))
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
    attribution: str,
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
        attribution=attribution,
    )


def _day_mark(day: date, shown: Range, locale: Locale) -> str:
    match shown:
        case Range.MONTH:
            return str(format_date(day, "d MMM", locale=locale))
        case Range.ALL | Range.FIVE_YEARS:
            return str(format_date(day, "yyyy", locale=locale)) if day.month == 1 else ""
        case Range.YEAR:
            return str(format_date(day, "MMM yyyy", locale=locale))
