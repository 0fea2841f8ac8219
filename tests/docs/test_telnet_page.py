"""docs/telnet.md is true: its session is replayed, and it has every word."""

import re
from collections.abc import Iterator
from pathlib import Path

from pricedesk.frontend.dialogue import Dialogue
from services import Client, backend, frontend

PAGE = (Path(__file__).parents[2] / "docs" / "telnet.md").read_text(encoding="utf-8")
QUOTE_ID = "7F3K-9QXD-2MTA"
ANY_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){2}")


def exchanges() -> Iterator[tuple[str, list[str]]]:
    """What is typed and the lines that come back; first the menu, for which nothing is."""
    transcript = PAGE.split("```transcript\n")[1].split("```", maxsplit=1)[0]
    menu, *others = transcript.split("> ")
    yield "", menu.splitlines()
    for exchange in others:
        typed, *answered = exchange.splitlines()
        yield typed, answered


def as_on_the_page(line: str) -> str:
    """A line with the id of the page's quote, and all in one instant of that evening."""
    same_id = ANY_ID.sub(QUOTE_ID, line)
    same_second = re.sub(r"(?<![0-9])(6|18):[0-9]{2}:[0-9]{2}", r"\g<1>:00:00", same_id)
    return re.sub(r"\b2(?:3:[0-9]{2}:[0-9]{2}|4:00:[0-9]{2})", "23:59:59", same_second)


def test_the_session_on_the_page_is_what_happens(tmp_path: Path) -> None:
    recorded = list(exchanges())
    replayed, quote_id = [], QUOTE_ID
    with backend(tmp_path) as (_, port), frontend(port) as (_, desk), Client(desk) as client:
        for typed, answered in recorded:
            if typed:
                client.send(f"{typed.replace(QUOTE_ID, quote_id)}\n".encode())
            lines = client.lines(len(answered)).decode().splitlines()
            if typed.startswith("hold"):
                quote_id = "".join(ANY_ID.findall("\n".join(lines))[:1])
            replayed.append((typed, [as_on_the_page(line) for line in lines]))
        assert client.rest() == b""
    assert replayed == recorded


def test_every_word_is_on_the_page() -> None:
    words = {word.shown for word in Dialogue.WORDS.values()}
    assert {word for word in words if f"`{word}`" not in PAGE} == set()
