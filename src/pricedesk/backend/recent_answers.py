"""Answers to the conversions that were asked lately, for as long as they are right.

What a line is answered depends on the line and on the moment, which is a rate book in a minute:
see there. In another moment everything here is forgotten.

Two things are remembered: whole answers by their lines, and by the words that follow an amount what
an answer says whatever the amount, with what can be computed before there is one. This is of the
lines, whose answers are bytes of their own; other doors keep theirs.
"""

from dataclasses import dataclass, replace

from pricedesk.backend.bureau import Answer, Bureau
from pricedesk.backend.conversion import Prepared, convert, prepared
from pricedesk.backend.moment import Moment
from pricedesk.errors import InvalidAmount
from pricedesk.known_lines import KnownLines
from pricedesk.money import ExactDecimal

ANSWERS_MAX = 16_384
"""So many answers are remembered; one more, and all are forgotten.

To forget the oldest instead would cost each new one more, and remember nothing at all of a few
more lines than there is room for, which are asked again and again in the same order."""

BYTES_MAX = 4 * 1024 * 1024
"""And with their lines they have so many bytes."""

KEPT_REPLY_BYTES_MAX = 16 * 1024
"""A longer reply that converts nothing is not remembered: few of them would fill the room."""

PAIRS_MAX = 1024
"""So many different words after an amount are remembered."""

KEPT_OF_CONVERTED = 8
"""Of so many reads whose lines were all converted anew one is remembered.

To remember a line takes as long as to convert it. Lines that are asked again and again are all
remembered after some rounds; those that never come again cost little."""

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


class Known(KnownLines):
    """The answers of a moment."""

    __slots__ = ("_bytes", "_pairs", "_prepared", "_reads_converted", "moment")

    def __init__(self, moment: Moment) -> None:
        super().__init__()
        self.moment = moment
        self._bytes = 0
        self._reads_converted = 0
        self._pairs: dict[tuple[bool, bytes], _Pair] = {}
        self._prepared: dict[bytes, Prepared] = {}

    def recall(self, data: bytes) -> bytes | None:
        """The answers to some lines with their ends, if of each no more than the amount is new."""
        known = super().recall(data)
        if known is not None:
            return known
        lines = data.splitlines(keepends=True)
        return self._converted(data, lines[0]) or self._one_by_one(lines)

    def add(self, line: bytes, answer: Answer, *, explained: bool) -> bytes:
        """What is said to a line with its end; it is remembered from now on."""
        pair = _pair(answer, explained=explained)
        conversion = answer.conversion
        said = pair.of(conversion.amount)
        if not _is_the_same_on_the_wire(line):
            return said
        amount, key = _taken_apart(line)
        if _number(amount) == conversion.amount:
            if len(self._pairs) >= PAIRS_MAX:
                self._pairs.clear()
                self._prepared.clear()
            self._pairs[key] = pair
            ready = prepared(conversion.rate, conversion.rounding)
            if ready is not None and not explained:
                self._prepared[_from_the_words_on(line)] = ready
        self._keep(line, said)
        return said

    def add_reply(self, line: bytes, said: bytes) -> None:
        """Remember what is said to a line with its end that converts nothing, if it is short."""
        if _is_the_same_on_the_wire(line) and len(said) <= KEPT_REPLY_BYTES_MAX:
            self._keep(line, said)

    def _converted(self, data: bytes, first: bytes) -> bytes | None:
        """The answers to lines that are plain amounts, each with the words that the first has."""
        words = _from_the_words_on(first)
        ready = self._prepared.get(words)
        if ready is None:
            return None
        amounts = data.split(words)
        if amounts.pop():  # What follows the last of these words; it may be a line with others.
            return None
        results = ready.results(amounts)
        if results is None:
            return None
        answers = ("\n".join(results) + "\n").encode("ascii")
        self._reads_converted += 1
        if self._reads_converted % KEPT_OF_CONVERTED == 0:
            self._keep(data, answers)
        return answers

    def _one_by_one(self, lines: list[bytes]) -> bytes | None:
        """The answers to lines with different words after their amounts, or before them."""
        answers = []
        for line in lines:
            answer = self.get(line) or self._converted(line, line) or self._unusual(line)
            if answer is None:
                return None
            answers.append(answer)
        return b"".join(answers)

    def _unusual(self, line: bytes) -> bytes | None:
        """The answer to a line that is explained, or has an amount that is not written plainly."""
        if not line.endswith(b"\n"):
            # It has only begun: what comes next may change what it says.
            return None
        amount, key = _taken_apart(line)
        pair, number = self._pairs.get(key), _number(amount)
        if pair is None or number is None:
            return None
        answer = pair.of(number)
        self._keep(line, answer)
        return answer

    def _keep(self, data: bytes, answers: bytes) -> None:
        """Remember what is said to some lines."""
        lines = data.splitlines(keepends=True)
        size = len(data) + len(answers)
        if len(self) + len(lines) > ANSWERS_MAX or self._bytes + size > BYTES_MAX:
            self.clear()
            self._bytes = 0
        self.update(zip(lines, answers.splitlines(keepends=True), strict=True))
        self._bytes += size


class RecentAnswers:
    """What was answered in the moment that is now."""

    def __init__(self, bureau: Bureau) -> None:
        self._bureau = bureau
        self._known = Known(bureau.moment())

    def now(self) -> Known:
        """The answers that are right at this instant."""
        return self._of(self._bureau.moment())

    def answer(self, line: bytes) -> bytes | None:
        """The answer to a line without its end, if it is known or only its amount is new."""
        return self.now().recall(line + b"\n")

    def keep(self, line: bytes, answer: Answer, *, explained: bool) -> bytes:
        """What is said to a line without its end, by an answer that was just made."""
        return self._of(answer.moment).add(line + b"\n", answer, explained=explained)

    def keep_reply(self, line: bytes, said: bytes, moment: Moment) -> None:
        """Remember what was said in a moment to a line without its end that converts nothing."""
        self._of(moment).add_reply(line + b"\n", said)

    def _of(self, moment: Moment) -> Known:
        if self._known.moment is not moment:
            self._known = Known(moment)
        return self._known


def _number(text: bytes) -> ExactDecimal | None:
    try:
        return ExactDecimal.parse(text.decode("ascii"))
    except (InvalidAmount, UnicodeDecodeError):
        return None


def _is_the_same_on_the_wire(line: bytes) -> bool:
    """Whether the bytes alone tell what was asked: a CR may be a part of a line's end, or not."""
    return b"\r" not in line


def _from_the_words_on(line: bytes) -> bytes:
    """What follows the amount of a line: space, words and end, or the end alone."""
    return line[line.find(b" ") :]  # Without a space the last byte.


def _taken_apart(line: bytes) -> tuple[bytes, tuple[bool, bytes]]:
    """The amount of a line and what else decides its answer, if it is written plainly.

    Written in another way, such as with two spaces, the first of both is no amount.
    """
    amount, _, words = line.removesuffix(b"\n").partition(b" ")
    explained = amount == _EXPLAIN
    if explained:
        amount, _, words = words.partition(b" ")
    return amount, (explained, words)
