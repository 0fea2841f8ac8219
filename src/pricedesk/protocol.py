"""The grammar of the lines on port 3000, which both programs speak: text in, values out.

Requests are what a client may say, replies what the back-end answers; for both, the
parser reads back exactly what the writer wrote. `docs/lines.md` shows it from outside.
"""

import re
from dataclasses import dataclass, fields
from datetime import date
from enum import Enum
from typing import TypeAlias

from pricedesk.currencies import Currency, currency
from pricedesk.dates import parse_date
from pricedesk.error_lines import raise_error
from pricedesk.errors import InvalidRequest, in_quotes
from pricedesk.money import ExactDecimal
from pricedesk.quote_lines import NOTHING, QuoteRequest, QuoteVerb, parse_hold, parse_of_quote
from pricedesk.rate_lines import RATES_VERBS, RatesRequest, parse_rates_request

_DATE_LIKE = re.compile(r"[0-9]+[-/][0-9]+[-/][0-9]+")


class Command(Enum):
    """The requests that take no arguments."""

    CURRENCIES = "currencies"
    HELP = "help"
    PING = "ping"
    VERSION = "version"
    QUIT = "quit"


@dataclass(frozen=True, slots=True)
class Convert:
    """Convert an amount: `[explain] AMOUNT [FROM [TO]] [DATE]`.

    A currency that is not named is the back-end's default one, a date that is not named
    is today.
    """

    amount: ExactDecimal
    base: Currency | None = None
    counter: Currency | None = None
    on: date | None = None
    explained: bool = False

    def __str__(self) -> str:
        words = [self.base, self.counter, self.on]
        text = " ".join(str(word) for word in [self.amount, *words] if word is not None)
        return f"explain {text}" if self.explained else text


Request: TypeAlias = Command | Convert | QuoteRequest | RatesRequest

_COMMANDS = {command.value: command for command in Command}
_QUOTE_VERBS = {verb.value: verb for verb in QuoteVerb}
HOLD = "hold"


def parse_request(line: str) -> Request:
    """Read one request line.

    Raises:
        InvalidRequest: no such request, too many words, or no id of a quote.
        InvalidAmount, UnknownCurrency, InvalidDate: a word of a conversion is off.
    """
    words = line.split()
    if not words:
        raise InvalidRequest("the line is empty: send an amount, or help")
    verb = words[0].lower()
    command = _COMMANDS.get(verb)
    if command is not None:
        if len(words) > 1:
            raise InvalidRequest(f"{verb} takes no arguments, but got {in_quotes(words[1])}")
        return command
    if verb in RATES_VERBS:
        return parse_rates_request(words)
    if verb == HOLD:
        return parse_hold(words[1:])
    if verb in _QUOTE_VERBS:
        return parse_of_quote(_QUOTE_VERBS[verb], words[1:])
    explained = verb == "explain"
    if explained:
        del words[0]
        if not words:
            raise InvalidRequest("explain needs an amount, as in explain 1100 CAD USD")
    return _parse_convert(words, explained=explained)


def _parse_convert(words: list[str], *, explained: bool) -> Convert:
    amount = ExactDecimal.parse(words[0])
    on = parse_date(words.pop()) if len(words) > 1 and _DATE_LIKE.match(words[-1]) else None
    codes = words[1:]
    if len(codes) > 2:  # noqa: PLR2004  # a pair is two
        raise InvalidRequest(
            f"{in_quotes(codes[2])} is one word too many: AMOUNT FROM TO YYYY-MM-DD is the order"
        )
    pair = [currency(code) for code in codes]
    return Convert(
        amount=amount,
        base=pair[0] if pair else None,
        counter=pair[1] if len(pair) > 1 else None,
        on=on,
        explained=explained,
    )


@dataclass(frozen=True, slots=True)
class Explanation:
    """A conversion with its reasons, as the text that every door shows.

    `rate` is units of `counter` for one unit of `base`. A rate that its source published is
    its own text; one that was computed is given to twelve significant digits, for reading:
    the conversion used the exact fraction of what `published` lists. `missed` counts the
    publications that the source's calendar expected since `date`. `pegs` are the official
    parities that went in. `others` is what the other sources have for the pair, as
    SOURCE:DATE:RATE. `document` is the SHA-256 of the raw document, `fetched` when it came.
    `attribution` is the address that the source's terms want to be shown beside its rates.
    What there is nothing of is "none".
    """

    amount: str
    base: str
    counter: str
    result: str
    rate: str
    date: str
    source: str
    path: str
    state: str
    missed: str
    published: str
    unrounded: str
    rounding: str
    pegs: str
    others: str
    document: str
    fetched: str
    attribution: str

    def as_dict(self) -> dict[str, str]:
        """The fields by their names on the wire: the currencies are `from` and `to`."""
        return {wire: getattr(self, name) for name, wire in _EXPLANATION_NAMES.items()}

    def __str__(self) -> str:
        return " ".join(f"{name}={value}" for name, value in self.as_dict().items())


def words_in(listed: str) -> list[str]:
    """What a field of an explanation lists."""
    return [] if listed == NOTHING else listed.split(",")


def pairs_in(listed: str) -> list[tuple[str, str]]:
    """The pairs that such a field lists, each with what it is worth, as in EUR/CAD:1.5606."""
    return [(pair, value) for pair, _, value in (w.rpartition(":") for w in words_in(listed))]


_EXPLANATION_NAMES = {field.name: field.name for field in fields(Explanation)}
_EXPLANATION_NAMES.update(base="from", counter="to")


def parse_explanation(line: str) -> Explanation:
    """Read the reply to an `explain` request; fields of a later version are passed over.

    Raises:
        ErrorReply: the back-end answered with an error.
        InvalidRequest: the line is no reply to `explain`.
    """
    raise_error(line)
    values = dict(word.partition("=")[::2] for word in line.split())
    missing = [name for name in _EXPLANATION_NAMES.values() if name not in values]
    if missing:
        raise InvalidRequest(f"{in_quotes(line)} is not an explanation: it has no {missing[0]}")
    return Explanation(**{name: values[wire] for name, wire in _EXPLANATION_NAMES.items()})
