"""What those who run the back-end ask, without a server."""

import json
import platform
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from operator import eq, gt
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from asking import respond
from pricedesk import __version__
from pricedesk.admission import Gate
from pricedesk.backend.bureau import Bureau, SourceAge, Terms
from pricedesk.backend.calendars import State
from pricedesk.backend.http.door import api_tables
from pricedesk.backend.http.metrics import Metrics
from pricedesk.backend.http.operations import operations_table
from pricedesk.backend.rate_book import Order, RateBook
from pricedesk.backend.rates import Convention, Provenance, Sheet, publication_of
from pricedesk.backend.sources import ecb, find_sources
from pricedesk.backend.surroundings import DoorCount, Gauges, Readiness
from pricedesk.currencies import currency
from pricedesk.http.messages import Response
from pricedesk.http.routes import Router
from pricedesk.tally import Tally

TUESDAY_EVENING = datetime(2026, 11, 3, 18, tzinfo=UTC)
PAGE = Path(__file__).parents[3] / "docs" / "operations.md"
NAME = re.compile(r"pricedesk(_[a-z0-9]+)+")


def empty_bureau() -> Bureau:
    terms = Terms(currency("CAD"), currency("USD"))
    return Bureau(RateBook([]), [ecb.source("http://ecb.example")], lambda: TUESDAY_EVENING, terms)


def metrics_of(bureau: Bureau, gauges: Gauges | None = None, *doors: DoorCount) -> Metrics:
    return Metrics(bureau, lambda: list(doors), gauges or Gauges())


def router(bureau: Bureau, readiness: Readiness | None = None) -> Router:
    operations = operations_table(bureau, readiness or Readiness(bureau), metrics_of(bureau).text)
    return Router([*api_tables(bureau), operations])


def body(response: Response) -> bytes:
    assert isinstance(response.body, bytes)
    return response.body


def test_alive_asks_nothing_else() -> None:
    response = respond(router(empty_bureau()), "GET", "/healthz")
    assert (response.status, body(response)) == (200, b'{"status":"ok"}')


def test_ready_with_rates(bureau: Bureau) -> None:
    response = respond(router(bureau), "GET", "/readyz")
    assert (response.status, body(response)) == (200, b'{"status":"ok"}')


def test_not_ready_without_rates() -> None:
    response = respond(router(empty_bureau()), "GET", "/readyz")
    assert (response.status, body(response)) == (
        503,
        b'{"status":"unavailable","reason":"no rates are known yet"}',
    )


def test_not_ready_when_the_end_is_near_but_alive(bureau: Bureau) -> None:
    readiness = Readiness(bureau)
    readiness.drain()
    door = router(bureau, readiness)
    response = respond(door, "GET", "/readyz")
    assert (response.status, body(response)) == (
        503,
        b'{"status":"unavailable","reason":"the service is shutting down"}',
    )
    assert respond(door, "GET", "/healthz").status == 200


def known_of(*newest: str) -> Bureau:
    """A bureau that asks two sources; the newest dates are those of the first ones."""
    document = Provenance("5" * 64, TUESDAY_EVENING)
    keys, convention = ("ECB", "BOC"), Convention("EUR", per_pivot=True)
    book = RateBook(
        [
            publication_of(key, convention, Sheet(date.fromisoformat(day), {"USD": "1"}), document)
            for key, last in zip(keys, newest, strict=False)
            for day in ("2026-10-27", last)
            if last
        ],
        Order(keys),
    )
    sources = find_sources(keys, "http://ecb.example")
    return Bureau(book, sources, lambda: TUESDAY_EVENING, empty_bureau().terms)


@pytest.mark.parametrize(
    ("known", "newest"),
    [
        ((), None),
        (("2026-10-30",), "2026-10-30"),
        (("2026-10-30", "2026-10-29"), "2026-10-30"),
        (("2026-10-29", "2026-10-30"), "2026-10-30"),
        (("", "2026-10-28"), "2026-10-28"),
    ],
)
def test_the_version_names_what_runs_and_the_newest_date_of_all_sources(
    known: tuple[str, ...], newest: str | None
) -> None:
    response = respond(router(known_of(*known)), "GET", "/version")
    assert json.loads(body(response)) == {
        "name": "pricedesk",
        "version": __version__,
        "python": platform.python_version(),
        "newest_publication": newest,
    }


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/version", "/metrics"])
def test_what_is_asked_about_the_service_is_never_kept(bureau: Bureau, path: str) -> None:
    response = respond(router(bureau), "GET", path, headers={"origin": "https://a.example"})
    assert ("Cache-Control", "no-store") in response.headers
    assert not {"ETag", "Access-Control-Allow-Origin"} & {name for name, _ in response.headers}


def test_the_index_leads_to_the_versions(bureau: Bureau) -> None:
    response = respond(router(bureau), "GET", "/")
    assert response.status == 200
    assert ("Cache-Control", "public, max-age=86400") in response.headers
    index = json.loads(body(response))
    assert {key: value["base"] for key, value in index["versions"].items()} == {
        "v1": "/v1",
        "v2": "/v2",
    }


def test_an_unknown_path_is_told_as_frankfurter_does(bureau: Bureau) -> None:
    response = respond(router(bureau), "GET", "/favicon.ico")
    assert (response.status, body(response)) == (404, b'{"status":404,"message":"not found"}')


def test_ages_follow_the_calendar_of_each_source(bureau: Bureau) -> None:
    sources = find_sources(("ECB", "BOC"), "http://ecb.example")
    two = Bureau(
        bureau.book,
        sources,
        lambda: TUESDAY_EVENING,
        Terms(currency("CAD"), currency("USD")),
    )
    wednesday = datetime(2026, 11, 4, 15, tzinfo=UTC)
    published = datetime(2026, 10, 30, 15, tzinfo=UTC)
    newest = bureau.book.newest
    assert two.ages() == [
        SourceAge("ECB", wednesday, newest, published, missed=2, state=State.STALE),
        SourceAge("BOC", datetime(2026, 11, 3, 21, 30, tzinfo=UTC)),
    ]


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_metrics_show_how_old_the_rates_are(bureau: Bureau) -> None:
    bureau.clock = lambda: TUESDAY_EVENING
    found = samples(metrics_of(bureau))
    assert found["pricedesk_rate_age_seconds", "ECB"] == (4 * 24 + 3) * 3600
    assert found["pricedesk_newest_publication_timestamp_seconds", "ECB"] == 1793372400
    assert found["pricedesk_publications_missed", "ECB"] == 2
    states = {key[2]: found[key] for key in found if key[0] == "pricedesk_rate_state"}
    assert states == {"fresh": 0, "late": 0, "stale": 1, "none": 0}


def test_metrics_show_what_each_door_answered(bureau: Bureau) -> None:
    tally, gate = Tally(), Gate[object](1, 1)
    gate.admit(object(), "::1")
    gate.admit(object(), "::1")
    tally.took(0.00005, 10)
    tally.took(0.0003)
    tally.took(60)
    tally.refused, tally.failed = 3, 1
    found = samples(metrics_of(bureau, None, DoorCount("lines", tally, gate)))
    assert found["pricedesk_requests_total", "lines", "answered"] == 8
    assert found["pricedesk_requests_total", "lines", "refused"] == 3
    assert found["pricedesk_requests_total", "lines", "failed"] == 1
    assert found["pricedesk_request_seconds_bucket", "lines", "0.0001"] == 10
    assert found["pricedesk_request_seconds_bucket", "lines", "0.0005"] == 11
    assert found["pricedesk_request_seconds_bucket", "lines", "10.0"] == 11
    assert found["pricedesk_request_seconds_bucket", "lines", "+Inf"] == 12
    assert found["pricedesk_request_seconds_count", "lines"] == 12
    assert found["pricedesk_request_seconds_sum", "lines"] == pytest.approx(60.0008)
    assert found["pricedesk_connections", "lines"] == 1
    assert found["pricedesk_refused_connections_total", "lines"] == 1


def test_metrics_show_how_many_prices_are_held_and_what_became_of_others(bureau: Bureau) -> None:
    gauges = Gauges(quotes_held=lambda: 7, quotes_ended=lambda: {"redeemed": 3})
    found = samples(metrics_of(bureau, gauges))
    assert {key: found[key] for key in found if "quotes" in key[0]} == {
        ("pricedesk_quotes_held",): 7,
        ("pricedesk_quotes_ended_total", "redeemed"): 3,
        ("pricedesk_quotes_ended_total", "expired"): 0,
        ("pricedesk_quotes_ended_total", "cancelled"): 0,
    }


def test_metrics_show_how_far_the_ledgers_time_is_ahead(bureau: Bureau) -> None:
    found = samples(metrics_of(bureau, Gauges(ledger_ahead=lambda: 61)))
    assert found["pricedesk_ledger_ahead_seconds",] == 61
    assert ("pricedesk_ledger_ahead_seconds",) not in samples(metrics_of(bureau))


def test_before_somebody_has_counted_metrics_say_nothing_of_held_prices(bureau: Bureau) -> None:
    assert ("pricedesk_quotes_held",) not in samples(metrics_of(bureau))


def test_metrics_show_the_store_and_what_waits(bureau: Bureau) -> None:
    gauges = Gauges(lambda: {"ECB": 4}, lambda: {"BOC": 2}, lambda: False)
    found = samples(metrics_of(bureau, gauges))
    assert found["pricedesk_refresh_failures_total", "ECB"] == 4
    assert found["pricedesk_withheld_values_waiting", "BOC"] == 2
    assert found["pricedesk_withheld_values_waiting", "ECB"] == 0
    assert found["pricedesk_store_up",] == 0


def test_every_metric_has_a_name_by_the_rules_and_a_meaning(bureau: Bureau) -> None:
    gauges = Gauges(lambda: {"ECB": 4}, lambda: {"BOC": 2}, lambda: True)
    door = DoorCount("lines", Tally(), Gate[object](1, 1))
    text = metrics_of(bureau, gauges, door).text().decode()
    for family in text_string_to_metric_families(text):
        assert NAME.fullmatch(family.name)
        assert family.documentation.endswith(".")
        total = all(sample.name.endswith("_total") for sample in family.samples)
        assert total is (family.type == "counter")


def test_a_source_without_rates_has_no_age_and_the_state_none() -> None:
    found = samples(metrics_of(empty_bureau()))
    assert {key: value for key, value in found.items() if "ECB" in key} == {
        ("pricedesk_rate_state", "ECB", "fresh"): 0,
        ("pricedesk_rate_state", "ECB", "late"): 0,
        ("pricedesk_rate_state", "ECB", "stale"): 0,
        ("pricedesk_rate_state", "ECB", "none"): 1,
        ("pricedesk_withheld_values_waiting", "ECB"): 0,
    }


ALERTS = re.findall(
    r"^\| `(\w+)(?:\{\w+=\"(\w+)\"\})? (>|==) ([0-9]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE
)
"""The conditions that the page advises: a metric, perhaps the value of a label, and a bound."""


def alerting(found: Mapping[tuple[str, ...], float]) -> set[str]:
    """The metrics of which a sample meets a condition on the page."""
    compare = {">": gt, "==": eq}
    return {
        name
        for name, label, sign, limit in ALERTS
        for key, value in found.items()
        if key[0] == name and label in ("", *key[1:]) and compare[sign](value, float(limit))
    }


def test_the_advised_alerts_are_silent_while_all_is_well(bureau: Bureau) -> None:
    gauges = Gauges(lambda: {"ECB": 4}, dict, lambda: True, ledger_ahead=lambda: 0)
    found = samples(metrics_of(bureau, gauges))
    assert len(ALERTS) == 5
    assert {alert[0] for alert in ALERTS} <= {key[0] for key in found}
    assert alerting(found) == set()


def test_the_advised_alerts_tell_of_what_is_wrong(bureau: Bureau) -> None:
    gauges = Gauges(dict, lambda: {"ECB": 1}, lambda: False, ledger_ahead=lambda: 61)
    bureau.clock = lambda: TUESDAY_EVENING
    of_sources = {"pricedesk_publications_missed", "pricedesk_withheld_values_waiting"}
    of_store = {"pricedesk_store_up", "pricedesk_ledger_ahead_seconds"}
    assert alerting(samples(metrics_of(bureau, gauges))) == of_sources | of_store
    assert alerting(samples(metrics_of(empty_bureau()))) == {"pricedesk_rate_state"}


def test_metrics_are_served_as_text_that_prometheus_reads(bureau: Bureau) -> None:
    response = respond(router(bureau), "GET", "/metrics")
    assert response.media_type == "text/plain; version=0.0.4; charset=utf-8"
    assert body(response) == metrics_of(bureau).text()
