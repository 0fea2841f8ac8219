"""Quotes on lines: what holds a price, what asks for a quote, and the one line that answers.

A quote's record is a line of `name=value` words, written once, when the price is held. It is
kept and sent as that text; a later version of Pricedesk may write more words, and reads these.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias
from urllib.parse import unquote

from pricedesk.currencies import Currency, currency
from pricedesk.error_lines import raise_error
from pricedesk.errors import InvalidAmount, InvalidRequest, in_quotes
from pricedesk.money import ExactDecimal, Money
from pricedesk.quote_codes import parse_quote_id

REF_CHARACTERS_MAX = 64
NAME_CHARACTERS_MAX = 120
RULES_CHARACTERS_MAX = 240
CUSTOMER_CHARACTERS_MAX = 64
KEY_CHARACTERS_MAX = 255
ASKED_CHARACTERS_MAX = 64
"""How long each text of a hold may be; a line has its own limit besides."""

NOTHING = "none"
"""The value of a field that there is nothing for; a text that says so is written %6Eone."""

_ENCODED_IN_RECORDS = re.compile("[^!-$&-~]")
"""All but the printable characters of ASCII without the space and the percent sign."""

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PLAIN_ASCII = re.compile("[ -~]+")


class QuoteStatus(Enum):
    """What has become of a quote; each but the first is its end."""

    HELD = "held"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class QuoteVerb(Enum):
    """What can be asked of a quote that there is."""

    QUOTE = "quote"
    REDEEM = "redeem"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class OfQuote:
    """Look at a quote, redeem it or cancel it: `quote ID`, `redeem ID`, `cancel ID`."""

    verb: QuoteVerb
    quote_id: str

    def __str__(self) -> str:
        return f"{self.verb.value} {self.quote_id}"


@dataclass(frozen=True, slots=True)
class OfKey:
    """Look at the quote that a key was used for, if it was for the same: `quote key=K asked=A`.

    Who holds a price with a key has asked for something by it, which `asked` stands for as in a
    hold. So he finds his quote again, whatever has become of the product or of the rates.
    """

    key: str
    asked: str

    def __str__(self) -> str:
        words = {"key": self.key, "asked": self.asked}
        return " ".join(["quote", *(f"{name}={_in_a_word(v)}" for name, v in words.items())])


@dataclass(frozen=True, slots=True)
class Hold:
    """Hold a price: `hold AMOUNT FROM TO` and words such as `ref=laptop`.

    `ref` and `name` are the product's, `customer` is whose limit the quote counts for. With
    `key` the same request again is answered with the same quote. `expects` is the result of
    the conversion that the customer has seen: another one is not held. `price` is what is to
    be paid where `rules` made it of the result; without it that is the result itself. `asked`
    stands for what the customer himself asked for: with it, two requests are the same if that
    is, though a product may be called otherwise meanwhile.
    """

    amount: ExactDecimal
    base: Currency
    counter: Currency
    ref: str | None = None
    name: str | None = None
    key: str | None = None
    customer: str | None = None
    expects: Money | None = None
    price: Money | None = None
    rules: str | None = None
    asked: str | None = None

    @property
    def words(self) -> dict[str, str]:
        """What is asked for, by the names on the wire; without what is not there."""
        told = {
            "amount": self.amount,
            "from": self.base,
            "to": self.counter,
            "ref": self.ref,
            "name": self.name,
            "key": self.key,
            "for": self.customer,
            "expects": self.expects,
            "price": self.price,
            "rules": self.rules,
            "asked": self.asked,
        }
        return {name: str(value) for name, value in told.items() if value is not None}

    def __str__(self) -> str:
        words = self.words
        pair = " ".join(words.pop(name) for name in _POSITIONAL)
        return " ".join(["hold", pair, *(f"{name}={_in_a_word(v)}" for name, v in words.items())])


QuoteRequest: TypeAlias = Hold | OfQuote | OfKey
"""All that can be asked about quotes."""

_POSITIONAL = ("amount", "from", "to")
_HOLD_ORDER = "hold AMOUNT FROM TO name=value is the order"
_KEY_ORDER = "quote key=KEY asked=TEXT is all that it has"

_TEXTS_MAX = {
    "ref": REF_CHARACTERS_MAX,
    "name": NAME_CHARACTERS_MAX,
    "key": KEY_CHARACTERS_MAX,
    "for": CUSTOMER_CHARACTERS_MAX,
    "rules": RULES_CHARACTERS_MAX,
    "asked": ASKED_CHARACTERS_MAX,
}
HOLD_NAMES = (
    *_POSITIONAL,
    *("ref", "name", "key", "for", "expects", "price", "rules", "asked"),
)
"""What a request to hold may say, on every door; the first three it has to."""


def parse_hold(words: list[str]) -> Hold:
    """Read the words after `hold`.

    Raises:
        InvalidRequest: a word is missing, unknown, there twice, or no text.
        InvalidAmount, UnknownCurrency: an amount or a currency is off.
    """
    if len(words) < len(_POSITIONAL) or any("=" in word for word in words[: len(_POSITIONAL)]):
        raise InvalidRequest("hold needs AMOUNT FROM TO, as in hold 1100 CAD USD ref=laptop")
    values = dict(zip(_POSITIONAL, words[: len(_POSITIONAL)], strict=True))
    return hold_of(values | _named(words[len(_POSITIONAL) :], _HOLD_ORDER))


def hold_of(values: Mapping[str, str]) -> Hold:
    """What is to be held, from HOLD_NAMES and their values.

    Raises:
        InvalidRequest: a name is missing or unknown, or a text empty, too long or no text.
        InvalidAmount: an amount is no number, finer than its currency's minor unit, or negative.
        UnknownCurrency: there is no such currency.
    """
    for name in values:
        if name not in HOLD_NAMES:
            raise InvalidRequest(
                f"{in_quotes(name)} is not known: hold has {', '.join(HOLD_NAMES)}"
            )
    for name in _POSITIONAL:
        if name not in values:
            raise InvalidRequest(f"hold needs {name}")
    texts = {name: _text(name, values[name]) for name in _TEXTS_MAX if name in values}
    amount = ExactDecimal.parse(values["amount"])
    if amount.unscaled < 0:
        raise InvalidAmount(f"{in_quotes(values['amount'])} is negative: such a price is not held")
    counter = currency(values["to"])
    return Hold(
        amount,
        currency(values["from"]),
        counter,
        ref=texts.get("ref"),
        name=texts.get("name"),
        key=texts.get("key"),
        customer=texts.get("for"),
        expects=_money(values.get("expects"), counter),
        price=_money(values.get("price"), counter),
        rules=texts.get("rules"),
        asked=texts.get("asked"),
    )


def parse_of_quote(verb: QuoteVerb, words: list[str]) -> OfQuote | OfKey:
    """Read the words after `quote`, `redeem` or `cancel`: an id, with spaces in it or not.

    After `quote` there may be a key instead, and what was asked with it.

    Raises:
        InvalidRequest: they are no id, and no key either.
    """
    if not words:
        raise InvalidRequest(f"{verb.value} needs an id, as in {verb.value} 7F3K-9QXD-2MTA")
    if verb is QuoteVerb.QUOTE and "=" in words[0]:
        return _parse_of_key(words)
    return OfQuote(verb, parse_quote_id(" ".join(words)))


def _parse_of_key(words: list[str]) -> OfKey:
    values = _named(words, _KEY_ORDER)
    for name in values:
        if name not in _KEY_NAMES:
            raise InvalidRequest(f"{in_quotes(name)} is not known: {_KEY_ORDER}")
    for name in _KEY_NAMES:
        if name not in values:
            # The key alone would tell a quote to whoever has guessed it.
            raise InvalidRequest(f"quote needs {name}: {_KEY_ORDER}")
    return OfKey(*(_text(name, values[name]) for name in _KEY_NAMES))


_KEY_NAMES = ("key", "asked")


def _named(words: list[str], order: str) -> dict[str, str]:
    """The values of words such as ref=laptop, by their names, decoded."""
    values: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        name = name.lower()
        if not equals or name in _POSITIONAL:
            raise InvalidRequest(f"{in_quotes(word)} is one word too many: {order}")
        if name in values:
            raise InvalidRequest(f"{in_quotes(name)} is there twice")
        values[name] = _from_a_word(value)
    return values


@dataclass(frozen=True, slots=True)
class QuoteReply:
    """A quote as every door tells of it: its record, and what has become of it.

    `ended` is the instant at which it was redeemed or cancelled, or expired.
    """

    record: str
    status: QuoteStatus
    ended: str | None = None

    @property
    def fields(self) -> dict[str, str | None]:
        """The record's values by their names, decoded; None where there is nothing."""
        return record_fields(self.record)

    @property
    def told(self) -> dict[str, str | None]:
        """The record's values and what has become of the quote, as programs are told."""
        return {**self.fields, "status": self.status.value, "ended": self.ended}

    def __str__(self) -> str:
        told = f"{self.record} {_STATUS}{self.status.value}"
        return told if self.ended is None else f"{told} {self.status.value}={self.ended}"


_STATUS = "status="


def parse_quote_reply(line: str) -> QuoteReply:
    """Read the line that tells of a quote; words of a later version are passed over.

    Raises:
        ErrorReply: the back-end answered with an error.
        InvalidRequest: the line tells of no quote.
    """
    raise_error(line)
    record, found, told = line.partition(f" {_STATUS}")
    word, *more = told.split() or [""]
    statuses = {status.value: status for status in QuoteStatus}
    if not (found and record.startswith("quote=") and word in statuses):
        raise InvalidRequest(f"{in_quotes(line)} tells of no quote")
    ended = dict(words.partition("=")[::2] for words in more).get(word)
    return QuoteReply(record, statuses[word], ended)


def record_text(values: Mapping[str, str | None]) -> str:
    """The record with these values, in their order: one line of printable ASCII."""
    return " ".join(f"{name}={_in_a_record(value)}" for name, value in values.items())


def record_fields(record: str) -> dict[str, str | None]:
    """The values of a record by their names, decoded; None where there is nothing."""
    words = (word.partition("=")[::2] for word in record.split(" "))
    return {name: None if value == NOTHING else unquote(value) for name, value in words}


def _in_a_record(value: str | None) -> str:
    if value is None:
        return NOTHING
    if value == NOTHING:
        return f"%{ord(value[0]):02X}{value[1:]}"
    return _ENCODED_IN_RECORDS.sub(_percent, value)


def _in_a_word(value: str) -> str:
    """A text as a word of a request: what prints is shorter as it is."""
    return "".join(c if c.isprintable() and c not in " %" else _percent_of(c) for c in value)


def _percent(found: re.Match[str]) -> str:
    return _percent_of(found[0])


def _percent_of(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


def _from_a_word(value: str) -> str:
    if _BROKEN_ESCAPE.search(value):
        raise InvalidRequest(f"{in_quotes(value)} has a % without two hexadecimal digits after it")
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{in_quotes(value)} is not UTF-8") from error


def _text(name: str, value: str) -> str:
    most = _TEXTS_MAX[name]
    if not 0 < len(value) <= most:
        raise InvalidRequest(f"{name} is to have 1 to {most} characters, not {len(value)}")
    if name == "key" and not _PLAIN_ASCII.fullmatch(value):
        raise InvalidRequest(f"key is {in_quotes(value)}: it is to be printable ASCII")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{name} is {in_quotes(value)}, which is no text") from error
    return value


def _money(text: str | None, unit: Currency) -> Money | None:
    if text is None:
        return None
    money = Money.parse(text, unit)
    if money.amount_minor < 0:
        raise InvalidAmount(f"{in_quotes(text)} is negative: such a price is not held")
    return money
