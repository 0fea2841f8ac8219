"""docs/http.md is true: every metric and every limit is on it."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pricedesk import unread
from pricedesk.admission import Gate
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.http.metrics import Metrics
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.sources import ecb
from pricedesk.backend.surroundings import DoorCount, Gauges
from pricedesk.currencies import currency
from pricedesk.http import connection, refusals
from pricedesk.http.messages import Failure
from pricedesk.tally import Tally

PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text("utf-8")
NOW = datetime(2026, 10, 30, 18, tzinfo=UTC)


def test_every_metric_is_on_the_page_with_its_labels() -> None:
    terms = Terms(currency("CAD"), currency("USD"))
    sources = [ecb.source("https://ecb.example")]
    bureau = Bureau(RateBook(packaged_publications()), sources, lambda: NOW, terms)
    doors = [DoorCount("lines", Tally(), Gate[object](1, 1))]
    counts = (lambda: {"ECB": 0}, lambda: {"ECB": 0})
    gauges = Gauges(
        *counts, lambda: True, lambda: 0, ledger_ahead=lambda: 0, workers_replaced=lambda: 0
    )
    text = Metrics(bureau, lambda: doors, gauges).text().decode()
    served = {
        (re.sub("_(bucket|sum|count)$", "", name), ", ".join(n for n in labels if n != "le"))
        for family in text_string_to_metric_families(text)
        for name, labels, *_ in family.samples
    }
    told = re.findall(r"^\| `(pricedesk_\w+)` \| ?([\w, ]*?) ?\|", PAGE, re.MULTILINE)
    assert set(told) == served
    assert {name for name, _ in told} == set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))


def test_every_status_of_a_refusal_is_among_the_errors() -> None:
    errors = PAGE.split("\n### Errors\n")[1].split("\n## ")[0]
    given = {f.status for f in vars(refusals).values() if isinstance(f, Failure)}
    assert given == {400, 408, 413, 414, 431, 501, 503}
    assert {str(int(status)) for status in given} <= set(re.findall(r"\b[1-5][0-9]{2}\b", errors))


@pytest.mark.parametrize(
    ("row", "limit"),
    [
        ("from a request's begin to the end of its headers", f"{refusals.HEADER_SECONDS} s"),
        ("to the end of its body", f"{refusals.REQUEST_SECONDS} s"),
        ("between an answer and the next request", f"{connection.IDLE_SECONDS} s"),
        ("path with its query", f"{refusals.TARGET_BYTES_MAX // 1024} KiB"),
        ("request line and headers", f"{refusals.HEADER_BYTES_MAX // 1024} KiB"),
        ("body", f"{refusals.BODY_BYTES_MAX // 1024**2} MiB"),
        (
            "an answer of which the client takes nothing",
            f"{unread.STALLED_OUTPUT_SECONDS} s",
        ),
    ],
)
def test_every_limit_is_on_the_page(row: str, limit: str) -> None:
    assert re.search(rf"^\| {re.escape(row)}[^|]*\| {limit}[ ;]", PAGE, re.MULTILINE)
