"""The state of the back-end as metrics in Prometheus's text format.

Nothing is counted here: at each look the numbers are read where they are kept anyway, so
that a request costs no more than an addition. Names follow Prometheus's conventions: a
prefix, base units, `_total` for what only grows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from pricedesk import __version__
from pricedesk.backend.bureau import Bureau, SourceAge
from pricedesk.backend.calendars import State
from pricedesk.backend.surroundings import DoorCount, Gauges
from pricedesk.quote_lines import QuoteStatus
from pricedesk.tally import BOUNDS_SECONDS

NOTHING_KNOWN = "none"
"""In the place of a state, for a source of which no publication is known."""


class Metrics(Collector):
    """All metrics of the back-end; `doors` are looked at anew each time."""

    def __init__(
        self,
        bureau: Bureau,
        doors: Callable[[], Sequence[DoorCount]],
        gauges: Gauges,
    ) -> None:
        self._bureau = bureau
        self._doors = doors
        self._gauges = gauges
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def text(self) -> bytes:
        """All metrics as text."""
        return generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """Nothing: the registry need not look before anything is known."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric, read now."""
        build = GaugeMetricFamily("pricedesk_build_info", "Always 1.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        yield from self._of_workers()
        yield from self._of_sources()
        yield from self._of_store()
        yield from self._of_quotes()
        doors = self._doors()
        yield from _of_requests(doors)
        yield from _of_connections(doors)

    def _of_workers(self) -> Iterator[Metric]:
        replaced = self._gauges.workers_replaced()
        if replaced is not None:
            yield CounterMetricFamily(
                "pricedesk_workers_replaced_total",
                "Workers that have died and been replaced.",
                value=replaced,
            )

    def _of_sources(self) -> Iterator[Metric]:
        now = self._bureau.clock()
        ages = self._bureau.ages()
        due = {age.key: age.published_at for age in ages if age.published_at is not None}
        known = [age for age in ages if age.key in due]
        yield _gauge(
            "pricedesk_rate_age_seconds",
            "Since the newest publication of a source was due.",
            {source: int((now - instant).total_seconds()) for source, instant in due.items()},
        )
        yield _gauge(
            "pricedesk_newest_publication_timestamp_seconds",
            "When the newest publication of a source was due.",
            {source: int(instant.timestamp()) for source, instant in due.items()},
        )
        yield _gauge(
            "pricedesk_publications_missed",
            "Publications that are due by a source's calendar and not known.",
            {age.key: age.missed for age in known},
        )
        yield _states(ages)
        failures = CounterMetricFamily(
            "pricedesk_refresh_failures_total",
            "Looks for a publication that failed.",
            labels=["source"],
        )
        for source, count in self._gauges.refresh_failures().items():
            failures.add_metric([source], count)
        yield failures
        yield _gauge(
            "pricedesk_withheld_values_waiting",
            "Published values that are doubted and wait for a decision.",
            {**dict.fromkeys(self._bureau.sources, 0), **self._gauges.withheld_waiting()},
        )

    def _of_store(self) -> Iterator[Metric]:
        up = self._gauges.store_up()
        if up is not None:
            yield GaugeMetricFamily(
                "pricedesk_store_up", "Whether the store can be read: 1 or 0.", value=int(up)
            )

    def _of_quotes(self) -> Iterator[Metric]:
        held = self._gauges.quotes_held()
        if held is not None:
            yield GaugeMetricFamily(
                "pricedesk_quotes_held", "Prices that are held in the store.", value=held
            )
        ahead = self._gauges.ledger_ahead()
        if ahead is not None:
            yield GaugeMetricFamily(
                "pricedesk_ledger_ahead_seconds",
                "By how much the ledger's time is ahead of the clock; 0 is as it should be.",
                value=ahead,
            )
        ended = CounterMetricFamily(
            "pricedesk_quotes_ended_total",
            "Quotes by what became of them, as this back-end has recorded it.",
            labels=["state"],
        )
        counts = self._gauges.quotes_ended()
        for status in QuoteStatus:
            if status is not QuoteStatus.HELD:
                ended.add_metric([status.value], counts.get(status.value, 0))
        yield ended


def _gauge(name: str, meaning: str, by_source: Mapping[str, int]) -> Metric:
    gauge = GaugeMetricFamily(name, meaning, labels=["source"])
    for source, value in by_source.items():
        gauge.add_metric([source], value)
    return gauge


def _states(ages: list[SourceAge]) -> Metric:
    """The state of each source, by the words that `rates status` has for it."""
    gauge = GaugeMetricFamily(
        "pricedesk_rate_state",
        "1 for the state that a source's rates are in, 0 for the others.",
        labels=["source", "state"],
    )
    for age in ages:
        current = age.state.value if age.newest is not None else NOTHING_KNOWN
        for each in (*(state.value for state in State), NOTHING_KNOWN):
            gauge.add_metric([age.key, each], int(each == current))
    return gauge


def _of_requests(doors: Sequence[DoorCount]) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "pricedesk_requests_total",
        "Requests by what came of them: answered, refused (the asker's side), failed (ours).",
        labels=["door", "outcome"],
    )
    took = HistogramMetricFamily(
        "pricedesk_request_seconds",
        "From a request's being read to its answer; lines that come together share one.",
        labels=["door"],
    )
    bounds = [*map(str, BOUNDS_SECONDS), "+Inf"]
    for door in doors:
        tally = door.tally
        for outcome in ("answered", "refused", "failed"):
            requests.add_metric([door.name, outcome], getattr(tally, outcome))
        buckets = [*zip(bounds, accumulate(tally.buckets), strict=True)]
        took.add_metric([door.name], buckets, tally.taken_seconds)
    yield requests
    yield took


def _of_connections(doors: Sequence[DoorCount]) -> Iterator[Metric]:
    connected = GaugeMetricFamily(
        "pricedesk_connections", "Clients that are connected.", labels=["door"]
    )
    refused = CounterMetricFamily(
        "pricedesk_refused_connections_total",
        "Connections over the limit, told so or cut off.",
        labels=["door"],
    )
    for door in doors:
        connected.add_metric([door.name], door.visitors.connections)
        refused.add_metric([door.name], door.visitors.refusals)
    yield connected
    yield refused
