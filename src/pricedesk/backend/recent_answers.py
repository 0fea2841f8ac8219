"""Answers to the conversions that were asked lately, for as long as they are right.

What a line is answered depends on the line, on the rate book and on the instant. A book never
changes: a new one takes its place. The instant decides what day it is, which days are still to
come, and how many publications should be out. All of that changes at the beginning of a minute:
days begin then, in every zone, and calendars have their times in whole minutes. So with one book
and within one minute of the clock a line has one answer, in whichever direction the clock steps;
with another book or in another minute everything here is forgotten.

Two things are remembered: whole answers by their lines, and what an answer says whatever the amount
by the words that follow the amount. This is of the lines, whose answers are bytes of their own;
other doors keep theirs.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pricedesk.backend.bureau import Answer, Bureau
from pricedesk.backend.conversion import convert
from pricedesk.backend.rate_book import RateBook
from pricedesk.errors import InvalidAmount
from pricedesk.money import ExactDecimal

ANSWERS_MAX = 16_384
"""So many answers are remembered; one more, and all are forgotten.

To forget the oldest instead would cost each new one more, and remember nothing at all of a few
more lines than there is room for, which are asked again and again in the same order."""

BYTES_MAX = 4 * 1024 * 1024
"""And with their lines they have so many bytes."""

PAIRS_MAX = 1024
"""So many different words after an amount are remembered."""

ONE_MINUTE = timedelta(minutes=1)

_EXPLAIN = b"explain"
_AMOUNT = "\0"
"""In a text stands for what depends on the amount; no answer has this character."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """An answer without its amount: `around` is an explanation's text around what depends on it."""

    answer: Answer
    around: tuple[str, ...] = ()

    def of(self, amount: ExactDecimal) -> bytes:
        """The answer for an amount."""
        before = self.answer.conversion
        conversion = convert(amount, before.rate, before.rounding)
        if not self.around:
            return f"{conversion.result}\n".encode("ascii")
        first, second, third, last = self.around
        unrounded = conversion.unrounded_text
        text = f"{first}{amount}{second}{conversion.result}{third}{unrounded}{last}\n"
        return text.encode("ascii")


def _pair(answer: Answer, *, explained: bool) -> _Pair:
    if not explained:
        return _Pair(answer)
    told = replace(answer.explained(), amount=_AMOUNT, result=_AMOUNT, unrounded=_AMOUNT)
    return _Pair(answer, tuple(str(told).split(_AMOUNT)))


class Known(dict[bytes, bytes]):
    """Answers of one book in one minute, by their lines with their ends.

    A line of which only the amount is new is answered when it is looked up; any other that is not
    there is a KeyError.
    """

    __slots__ = ("_bytes", "_pairs", "begins", "book", "ends")

    def __init__(self, book: RateBook, instant: datetime) -> None:
        super().__init__()
        self.book = book
        self.begins = instant.replace(second=0, microsecond=0)
        self.ends = self.begins + ONE_MINUTE
        self._bytes = 0
        self._pairs: dict[tuple[bool, bytes], _Pair] = {}

    def __missing__(self, line: bytes) -> bytes:
        if not line.endswith(b"\n"):
            # It has only begun: what comes next may change what it says.
            raise KeyError(line)
        amount, key = _taken_apart(line)
        pair = self._pairs.get(key)
        if pair is None:
            raise KeyError(line)
        try:
            answer = pair.of(ExactDecimal.parse(amount.decode("ascii")))
        except (InvalidAmount, UnicodeDecodeError) as error:
            raise KeyError(line) from error
        self._keep(line, answer)
        return answer

    def add(self, line: bytes, answer: Answer, *, explained: bool) -> bytes:
        """What is said to a line; it is remembered from now on."""
        pair = _pair(answer, explained=explained)
        said = pair.of(answer.conversion.amount)
        if b"\r" in line:
            # On the wire it may be the end of a line or none: the bytes alone do not tell.
            return said
        amount, key = _taken_apart(line)
        if _is(amount, answer.conversion.amount):
            if len(self._pairs) >= PAIRS_MAX:
                self._pairs.clear()
            self._pairs[key] = pair
        self._keep(line, said)
        return said

    def _keep(self, line: bytes, answer: bytes) -> None:
        size = len(line) + len(answer)
        if len(self) >= ANSWERS_MAX or self._bytes + size > BYTES_MAX:
            self.clear()
            self._bytes = 0
        self[line] = answer
        self._bytes += size


class RecentAnswers:
    """What was answered of the bureau's book of now, in the minute of now."""

    def __init__(self, bureau: Bureau) -> None:
        self._bureau = bureau
        self._known = Known(bureau.book, bureau.clock())

    def now(self) -> Known:
        """The answers that are right at this instant."""
        return self._at(self._bureau.clock())

    def answer(self, line: bytes) -> bytes | None:
        """The answer to a line without its end, if it is known or only its amount is new."""
        try:
            return self.now()[line + b"\n"]
        except KeyError:
            return None

    def keep(self, line: bytes, answer: Answer, *, explained: bool, book: RateBook) -> bytes:
        """What is said to a line without its end, by an answer that was just made.

        `book` is the bureau's from before the answer was made: if it is another one by now, nobody
        knows which of them answered, and it is not remembered.
        """
        known = self._at(answer.question.asked_at)
        if known.book is not book:
            known = Known(book, answer.question.asked_at)
        return known.add(line + b"\n", answer, explained=explained)

    def _at(self, instant: datetime) -> Known:
        known, book = self._known, self._bureau.book  # A thread may put another book there.
        if known.begins <= instant < known.ends and known.book is book:
            return known
        self._known = Known(book, instant)
        return self._known


def _is(text: bytes, amount: ExactDecimal) -> bool:
    try:
        return ExactDecimal.parse(text.decode("ascii")) == amount
    except (InvalidAmount, UnicodeDecodeError):
        return False


def _taken_apart(line: bytes) -> tuple[bytes, tuple[bool, bytes]]:
    """The amount of a line and what else decides its answer, if it is written plainly.

    Written in another way, such as with two spaces, the first of both is no amount.
    """
    amount, _, words = line.removesuffix(b"\n").partition(b" ")
    explained = amount == _EXPLAIN
    if explained:
        amount, _, words = words.partition(b" ")
    return amount, (explained, words)
