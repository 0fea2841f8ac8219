"""docs/web.md is true: its session is replayed, its paths and settings are all there are."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pricedesk.backend.history import packaged_publications
from pricedesk.backend.rate_book import RateBook
from pricedesk.frontend.asking import OF_ITS_OWN
from pricedesk.frontend.catalogue import Product
from pricedesk.frontend.shop import NO_RATE
from pricedesk.frontend.web.api import OF_ANOTHER_SITE
from pricedesk.frontend.web.api_description import document
from pricedesk.frontend.web.framing import PASSING
from pricedesk.http.meanings import meanings
from pricedesk.money import Money
from pricedesk.settings import Settings, table
from web_desk import CAD, WebDesk, web_desk

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "web.md").read_text("utf-8")
LAPTOP = Product("laptop", "A laptop", Money(110000, CAD))


def examples() -> Iterator[tuple[str, str]]:
    """What is sent and what comes back, from the fenced transcript."""
    transcript = PAGE.split("```transcript\n")[1].split("```", maxsplit=1)[0].splitlines()
    for sent, answered in zip(transcript[::2], transcript[1::2], strict=True):
        assert sent.startswith("> ")
        yield sent.removeprefix("> "), answered


async def replayed(desk: WebDesk, sent: str) -> str:
    """The answer to `METHOD URL`, and a key and a body behind them."""
    method, url, *more = sent.split(" ", 3)
    headers = {"Idempotency-Key": more[0].removeprefix("key=")} if more else {}
    told = await desk.ask(method, url, headers, more[1].encode() if more else b"")
    return f"{told.status} {told.text}"


async def test_the_session_on_the_page_is_what_happens(tmp_path: Path) -> None:
    book = RateBook(packaged_publications())
    async with web_desk(tmp_path, book, [LAPTOP]) as desk:
        found = [(sent, await replayed(desk, sent)) for sent, _ in examples()]
    assert found == list(examples())


def test_every_path_of_the_json_is_on_the_page() -> None:
    described = document()
    assert isinstance(described, dict)
    paths = described["paths"]
    assert isinstance(paths, dict)
    named = set(re.findall(r"`(?:GET |POST )?(/api[^`]*)`", PAGE))
    assert {*paths} <= named


@pytest.mark.parametrize("word", ["WEB_", "SHOP_NAME", "PICTURES"])
def test_the_settings_of_the_page_are_on_it(word: str) -> None:
    variables = [variable for variable, *_ in table(Settings()) if word in variable]
    assert variables
    assert [variable for variable in variables if variable not in PAGE] == []


REFUSALS = {
    *("invalid-request", "invalid-amount", "unknown-currency", "unsupported-media-type"),
    *("unknown-product", "unknown-quote", "not-found", "method-not-allowed", "other-site"),
    *("no-rates-known", "no-rate-for-currency", "no-rate-for-date", "rate-too-old"),
    *("price-changed", "quote-key-reused", "too-many-quotes", "rate-not-fresh"),
    *("quote-expired", "quote-cancelled", "quote-redeemed"),
    *("service-unavailable", "internal"),
}
"""All that a request below /api may be refused with, once it is one of HTTP."""


def test_the_refusals_on_the_page_are_all_that_a_program_may_meet() -> None:
    errors = PAGE.split("### Errors\n")[1].split("\n\nA POST")[0]
    told = re.findall(r"^\| `([a-z-]+)` \| ([0-9]{3}) \|", errors, re.MULTILINE)
    known = meanings() | {OF_ANOTHER_SITE.slug: (OF_ANOTHER_SITE.status, "")}
    assert sorted(told) == sorted((slug, str(int(known[slug][0]))) for slug in REFUSALS)


def test_what_is_no_answer_of_the_back_end_is_none_of_the_refusals() -> None:
    assert REFUSALS - {"internal"} == REFUSALS - OF_ITS_OWN
    assert {*PASSING, *NO_RATE} <= REFUSALS


def test_the_pictures_are_there_and_small() -> None:
    named = set(re.findall(r"pictures/([a-z-]+\.png)", PAGE))
    pictures = {path.name: path for path in (ROOT / "docs" / "pictures").iterdir()}
    assert named <= pictures.keys()
    assert sum(path.stat().st_size for path in pictures.values()) < 700 * 1024
