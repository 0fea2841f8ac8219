"""Log lines: JSON for machines, text for a person, and which of the two when."""

import io
import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import date

import pytest

from pricedesk.logs import JsonFormatter, TextFormatter, start_logging

FRIDAY_EVENING = 1793383200.25
"""2026-10-30T18:00:00.250Z."""


class Terminal(io.StringIO):
    """A standard output that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def _logging_as_it_was() -> Iterator[None]:
    loggers = [logging.getLogger(), logging.getLogger("pricedesk")]
    before = [(logger.handlers, logger.level) for logger in loggers]
    yield
    for logger, (handlers, level) in zip(loggers, before, strict=True):
        logger.handlers = handlers
        logger.setLevel(level)


@pytest.fixture
def _toronto(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as context:
        context.setenv("TZ", "America/Toronto")
        time.tzset()
        yield
    time.tzset()


def record(
    message: str, *args: object, level: int = logging.INFO, **extra: object
) -> logging.LogRecord:
    made = logging.getLogger("pricedesk.tests").makeRecord(
        "pricedesk.tests", level, "file.py", 1, message, args, None, extra=extra
    )
    made.created = FRIDAY_EVENING
    return made


def failed(message: str) -> logging.LogRecord:
    """A record with the trace of an error."""
    made = record(message, level=logging.ERROR)
    try:
        int("no number")
    except ValueError:
        made.exc_info = sys.exc_info()
    return made


@pytest.mark.parametrize(
    ("made", "rest"),
    [
        (
            record("listening", address="[::]:3000"),
            '"level": "info", "service": "backend", "event": "listening", "address": "[::]:3000"}',
        ),
        (
            record("%s of %s", 1, 3, level=logging.WARNING, seen=2),
            '"level": "warning", "service": "backend", "event": "1 of 3", "seen": 2}',
        ),
        (
            record("a\n\x1b[2J", day=date(2026, 10, 30)),
            r'"level": "info", "service": "backend", "event": "a\n\u001b[2J", "day": "2026-10-30"}',
        ),
    ],
)
def test_a_record_is_one_line_of_json(made: logging.LogRecord, rest: str) -> None:
    line = f'{{"ts": "2026-10-30T18:00:00.250+00:00", {rest}'
    assert JsonFormatter("backend").format(made) == line


def test_the_trace_of_a_bug_is_part_of_the_line() -> None:
    line = JsonFormatter("backend").format(failed("internal error"))
    said = json.loads(line)
    assert "\n" not in line
    assert list(said) == ["ts", "level", "service", "event", "trace"]
    assert said["level"] == "error"
    assert said["trace"].splitlines()[0] == "Traceback (most recent call last):"
    assert (
        said["trace"].splitlines()[-1]
        == "ValueError: invalid literal for int() with base 10: 'no number'"
    )


@pytest.mark.usefixtures("_toronto")
@pytest.mark.parametrize(
    ("made", "line"),
    [
        (
            record("listening", address="0.0.0.0:3000"),
            "14:00:00 backend: listening address=0.0.0.0:3000",
        ),
        (record("stopped"), "14:00:00 backend: stopped"),
        (
            record("no new rates", level=logging.WARNING, reason="it is away"),
            "14:00:00 backend: warning: no new rates reason=it is away",
        ),
    ],
)
def test_a_person_reads_a_short_line_with_the_time_of_the_place(
    made: logging.LogRecord, line: str
) -> None:
    assert TextFormatter("backend").format(made) == line


@pytest.mark.usefixtures("_toronto")
def test_a_person_reads_a_trace_on_lines_of_its_own() -> None:
    lines = TextFormatter("backend").format(failed("internal error")).splitlines()
    assert lines[0] == "14:00:00 backend: error: internal error"
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: invalid literal for int() with base 10: 'no number'"


@pytest.mark.usefixtures("_logging_as_it_was")
@pytest.mark.parametrize(
    ("log_format", "output", "formatter"),
    [
        ("auto", io.StringIO(), JsonFormatter),
        ("auto", Terminal(), TextFormatter),
        ("json", io.StringIO(), JsonFormatter),
        ("json", Terminal(), JsonFormatter),
        ("text", io.StringIO(), TextFormatter),
        ("text", Terminal(), TextFormatter),
    ],
)
def test_a_terminal_gets_text_and_all_else_json_unless_it_is_said(
    log_format: str, output: io.StringIO, formatter: type[logging.Formatter]
) -> None:
    with redirect_stdout(output):
        start_logging("backend", log_format)
    made = record("hello")
    logging.getLogger("pricedesk.tests").handle(made)
    assert output.getvalue() == f"{formatter('backend').format(made)}\n"


@pytest.mark.usefixtures("_logging_as_it_was")
def test_our_own_news_and_the_warnings_of_libraries_are_logged() -> None:
    with redirect_stdout(io.StringIO()) as output:
        start_logging("backend", "json")
    for name in ("pricedesk.backend.service", "httpx2"):
        for level in (logging.DEBUG, logging.INFO, logging.WARNING):
            logging.getLogger(name).log(level, "%s %s", name, logging.getLevelName(level))
    assert [json.loads(line)["event"] for line in output.getvalue().splitlines()] == [
        "pricedesk.backend.service INFO",
        "pricedesk.backend.service WARNING",
        "httpx2 WARNING",
    ]
