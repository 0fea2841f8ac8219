"""docs/http.md is true about the API: its examples are replayed, its paths are described."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from asking import Asker
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.http.openapi import OPERATIONS
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.sources import ecb
from pricedesk.currencies import currency

PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text("utf-8")


def examples() -> Iterator[tuple[str, str]]:
    """What is sent and what comes back, from the fenced transcript."""
    transcript = PAGE.split("```transcript\n")[1].split("```", maxsplit=1)[0].splitlines()
    for sent, answered in zip(transcript[::2], transcript[1::2], strict=True):
        assert sent.startswith("> ")
        yield sent.removeprefix("> "), answered


def test_the_examples_on_the_page_are_what_happens() -> None:
    terms = Terms(currency("CAD"), currency("USD"))
    now = datetime(2026, 10, 30, 18, tzinfo=UTC)
    book = RateBook(packaged_publications())
    api = Asker(Bureau(book, [ecb.source("https://ecb.example")], lambda: now, terms))
    replayed = []
    for sent, _answered in examples():
        method, url, *body = sent.split(" ", 2)
        content = body[0].encode() if body else b""
        told = api.ask(method, url, content, content_type="application/json")
        replayed.append((sent, f"{told.status} {told.text}"))
    assert replayed == list(examples())


def test_every_path_of_the_api_is_on_the_page() -> None:
    words = set(re.findall(r"`(?:GET |POST )?(/[^`?\s]*)[^`]*`", PAGE))
    described = {
        re.sub(r"\{(?:start|end)\}", "DATE", one.path)
        .replace("{date}", "DATE")
        .replace("{base}", "BASE")
        .replace("{quote}", "QUOTE")
        .replace("{code}", "CODE")
        .replace("{id}", "ID")
        for one in OPERATIONS
        if one.tag != "service"
    } - {"/v1", "/v2"}
    assert described <= words
