"""What the lines say of many rates, and of the sources: the bureau's answers as replies."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from pricedesk.backend.bureau import Bureau, SourceAge
from pricedesk.backend.moment import Found
from pricedesk.backend.pair_history import SHORTER
from pricedesk.backend.question import Question
from pricedesk.backend.sources.source import Source
from pricedesk.backend.store_rows import Look
from pricedesk.currencies import CURRENCIES, Currency
from pricedesk.errors import InvalidRequest
from pricedesk.rate_lines import (
    FAILURE_CHARACTERS_MAX,
    NEVER,
    REPLY_BYTES_MAX,
    AskHistory,
    AskRates,
    AskSources,
    DayRate,
    HistoryReply,
    RatesReply,
    RatesRequest,
    SourcesReply,
    SourceStatus,
)

BOOK_CHARACTERS = 16
"""So much of the digest of all publications is told: 64 bits, to see that it is another."""


def rates_line(
    bureau: Bureau,
    asked: RatesRequest,
    looks: Callable[[], Mapping[str, Look]],
    *,
    holds_stale: bool = False,
) -> str:
    """The reply to one of these requests; `looks` gives the last look at each source.

    Raises:
        NoRate, InvalidRequest: there is none.
    """
    match asked:
        case AskRates():
            return str(rates_reply(bureau, asked))
        case AskHistory():
            return history_line(bureau, asked)
        case AskSources():
            return str(replace(sources_reply(bureau, looks()), holds_stale=holds_stale))


def rates_reply(bureau: Bureau, asked: AskRates) -> RatesReply:
    """All rates of a currency that hold on a day.

    Raises:
        NoRate: there are none, or the day is still to come.
    """
    question = Question(bureau.clock(), asked.on)
    found = bureau.table(asked.base, question)
    if not found:  # It knows why.
        bureau.rate(asked.base, _another(bureau, asked.base), question)
    first_of: dict[int, Found] = {}
    rates = {code: _day_rate(of_pair, first_of) for code, of_pair in found.items()}
    return RatesReply(asked.base.code, question.day, rates)


def _another(bureau: Bureau, base: Currency) -> Currency:
    terms = bureau.terms
    pair = (terms.base, terms.counter, *CURRENCIES.values())
    return next(currency for currency in pair if currency != base)


def _day_rate(found: Found, first_of: dict[int, Found]) -> DayRate:
    """A rate as it is told; how old it is, is counted for the first of each publication alone."""
    rate = found.rate
    aged = first_of.setdefault(id(rate.publication), found)
    return DayRate(
        str(rate),
        found.date,
        rate.publication.source if rate.publication is not None else None,
        aged.state.value,
        aged.missed,
        rate.pegged,
    )


def history_line(bureau: Bureau, asked: AskHistory) -> str:
    """The rates of a pair that one source published in a span of days, as a line.

    Raises:
        InvalidRequest: it is a currency to itself, or there are too many.
        NoRate: there are none, or a day is still to come.
    """
    found = bureau.history(asked.base, asked.counter, asked.first, asked.last, asked.unit)
    pair = asked.base.code, asked.counter.code
    line = str(HistoryReply(*pair, asked.unit, found.source, found.points, found.pegs))
    if len(line) > REPLY_BYTES_MAX:
        raise InvalidRequest(
            f"the rates from {asked.first} to {asked.last} are more than {REPLY_BYTES_MAX} bytes:"
            f" {SHORTER[asked.unit]}"
        )
    return line


def sources_reply(bureau: Bureau, looks: Mapping[str, Look]) -> SourcesReply:
    """How each source stands now, and when the last look at it was and how it went.

    A source that is in none of the `looks` was never looked at.
    """
    found = {
        age.key: _status(bureau.sources[age.key], age, looks.get(age.key)) for age in bureau.ages()
    }
    return SourcesReply(bureau.book.version[:BOOK_CHARACTERS], found)


def _status(source: Source, age: SourceAge, look: Look | None) -> SourceStatus:
    return SourceStatus(
        newest=age.newest.date if age.newest is not None else None,
        state=age.state.value if age.newest is not None else "none",
        missed=age.missed,
        expected_at=age.expected_at,
        failing_since=look.failing_since if look is not None else None,
        failure=_short(look.failure) if look is not None and look.failure is not None else None,
        name=source.name,
        attribution=source.attribution,
        attribution_url=source.attribution_url,
        attribution_required=source.attribution_required,
        redistributable=source.redistribute,
        looked_at=look.at if look is not None else NEVER,
    )


def _short(text: str) -> str:
    if len(text) <= FAILURE_CHARACTERS_MAX:
        return text
    return f"{text[: FAILURE_CHARACTERS_MAX - 3]}..."
