"""What the desk remembers of the back-end's answers, and how much of it."""

from datetime import UTC, datetime

import pytest

from pricedesk.frontend import last_answers
from pricedesk.frontend.last_answers import LastAnswers

NOON = datetime(2026, 10, 30, 12, tzinfo=UTC)


class Echo:
    """Answers with what it is told to."""

    def __init__(self) -> None:
        self.reply = ""
        self.dropped = 0

    async def ask(self, request: str) -> str:
        return self.reply or request

    def drop(self) -> None:
        self.dropped += 1


async def test_the_last_answer_is_known_with_its_time() -> None:
    echo = Echo()
    answers = LastAnswers(echo, lambda: NOON)
    assert answers.last("ping") is None
    for reply in ("one", "two"):
        echo.reply = reply
        assert await answers.ask("ping") == reply
    assert answers.last("ping") == ("two", NOON)


async def test_an_error_is_handed_on_and_takes_no_answer_away() -> None:
    echo = Echo()
    answers = LastAnswers(echo, lambda: NOON)
    echo.reply = "one"
    await answers.ask("ping")
    echo.reply = "error no-rates-known no rates are known yet"
    assert await answers.ask("ping") == echo.reply
    assert answers.last("ping") == ("one", NOON)


async def test_who_cannot_be_trusted_is_forgotten() -> None:
    echo = Echo()
    answers = LastAnswers(echo, lambda: NOON)
    await answers.ask("ping")
    answers.drop()
    assert (answers.last("ping"), echo.dropped) == (None, 1)


async def test_what_was_not_asked_for_longest_is_forgotten_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(last_answers, "CHARACTERS_MAX", 12)
    answers = LastAnswers(Echo(), lambda: NOON)
    for request in ("aa", "bb", "cc", "aa", "dd"):
        await answers.ask(request)
    assert [r for r in ("aa", "bb", "cc", "dd") if answers.last(r)] == ["aa", "cc", "dd"]
    await answers.ask("longest")
    assert answers.last("longest") is None
    await answers.ask("ee")
    assert answers.last("ee") == ("ee", NOON)
