"""docs/lines.md is true: its session is replayed, its table of errors is complete."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pricedesk import line_service, lines, unread
from pricedesk.error_lines import GOODBYES
from pricedesk.errors import NoRate, PricedeskError, QuoteError, RequestError, StoreFailed
from pricedesk.quote_lines import record_fields
from services import Client, backend

PAGE = Path(__file__).parents[2] / "docs" / "lines.md"


def exchanges(page: str) -> Iterator[tuple[str, str]]:
    """What is sent and what comes back, from the fenced transcript."""
    transcript = page.split("```transcript\n")[1].split("```", maxsplit=1)[0].splitlines()
    for sent, answered in zip(transcript[::2], transcript[1::2], strict=True):
        assert sent.startswith("> ")
        yield sent.removeprefix("> "), answered


QUOTE_ID = "7F3K-9QXD-2MTA"


def with_id(sent: str, given_id: str) -> str:
    """A line of the page with the id that the quote has here, written in the same way."""
    if not given_id:
        return sent
    as_typed = QUOTE_ID.lower().replace("-", " ")
    return sent.replace(QUOTE_ID, given_id).replace(as_typed, given_id.lower().replace("-", " "))


def as_on_the_page(answered: str, given_id: str) -> str:
    """An answer with the id of the page's quote, and all in one second."""
    same_id = answered.replace(given_id, QUOTE_ID) if given_id else answered
    return re.sub(r"(T18:00:)[0-9]{2}Z", r"\g<1>00Z", same_id)


def test_the_session_on_the_page_is_what_happens(tmp_path: Path) -> None:
    recorded = list(exchanges(PAGE.read_text(encoding="utf-8")))
    with backend(tmp_path) as (_, port), Client(port) as client:
        replayed, given_id = [], ""
        for sent, _answered in recorded:
            client.send(f"{with_id(sent, given_id)}\n".encode())
            answered = client.line().decode().removesuffix("\n")
            if sent.startswith("hold") and not given_id:
                given_id = record_fields(answered)["quote"] or ""
            replayed.append((sent, as_on_the_page(answered, given_id)))
        assert replayed == recorded
        assert client.rest() == b""


KIB = 1024


@pytest.mark.parametrize(
    "limit",
    [
        f"has at most {lines.LINE_BYTES_MAX} bytes",
        f"nothing for {unread.STALLED_OUTPUT_SECONDS} seconds of the replies",
        f"while more than {line_service.OUTPUT_BYTES_MAX // KIB} KiB wait",
        f"After {line_service.LINES_AT_ONCE} of a client's lines",
        f"{line_service.OUTPUT_BYTES_MAX // KIB} KiB of replies to it, or a millisecond",
        f"cut off after {unread.LINGER_SECONDS} seconds",
    ],
)
def test_every_limit_is_on_the_page(limit: str) -> None:
    assert limit in " ".join(PAGE.read_text(encoding="utf-8").split())


def test_every_error_that_the_door_can_give_is_in_the_table() -> None:
    row = re.compile(r"^\| `([a-z-]+)` \|.*\| (?:goes on|ends) \|$", re.MULTILINE)
    kinds: list[type[PricedeskError]] = [
        *RequestError.__subclasses__(),
        *NoRate.__subclasses__(),
        *QuoteError.__subclasses__(),
        StoreFailed,
    ]
    expected = {kind.slug for kind in kinds} | set(GOODBYES) | {"internal"}
    assert set(row.findall(PAGE.read_text(encoding="utf-8"))) == expected
