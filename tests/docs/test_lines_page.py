"""docs/lines.md is true: its session is replayed, its table of errors is complete."""

import re
from collections.abc import Iterator
from pathlib import Path

from pricedesk.errors import NoRate, PricedeskError, RequestError
from pricedesk.protocol import GOODBYES
from services import Client, backend

PAGE = Path(__file__).parents[2] / "docs" / "lines.md"


def exchanges(page: str) -> Iterator[tuple[str, str]]:
    """What is sent and what comes back, from the fenced transcript."""
    transcript = page.split("```transcript\n")[1].split("```", maxsplit=1)[0].splitlines()
    for sent, answered in zip(transcript[::2], transcript[1::2], strict=True):
        assert sent.startswith("> ")
        yield sent.removeprefix("> "), answered


def test_the_session_on_the_page_is_what_happens(tmp_path: Path) -> None:
    recorded = list(exchanges(PAGE.read_text(encoding="utf-8")))
    with backend(tmp_path) as (_, port), Client(port) as client:
        replayed = []
        for sent, _answered in recorded:
            client.send(f"{sent}\n".encode())
            replayed.append((sent, client.line().decode().removesuffix("\n")))
        assert replayed == recorded
        assert client.rest() == b""


def test_every_error_that_the_door_can_give_is_in_the_table() -> None:
    row = re.compile(r"^\| `([a-z-]+)` \|.*\| (?:goes on|ends) \|$", re.MULTILINE)
    kinds: list[type[PricedeskError]] = [
        *RequestError.__subclasses__(),
        *NoRate.__subclasses__(),
    ]
    expected = {kind.slug for kind in kinds} | set(GOODBYES) | {"internal"}
    assert set(row.findall(PAGE.read_text(encoding="utf-8"))) == expected
