"""docs/grpc.md: each row of its table is answered as it says, and its limits are the code's."""

import re
from pathlib import Path

import pytest

from grpc_cases import REQUEST, money, request
from pricedesk import unread
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.grpc import http2, own_server, server_limits
from pricedesk.backend.grpc.currency_service import CurrencyService
from pricedesk.backend.grpc.statuses import STATUS, Refusal, Status, refusal_of
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.sources import ecb
from pricedesk.clock import clock_from
from pricedesk.currencies import currency
from pricedesk.errors import PricedeskError
from pricedesk.settings import read_settings

PAGE = (Path(__file__).parents[2] / "docs" / "grpc.md").read_text("utf-8")
EVENING = "2026-10-30T18:00:00Z"

ROWS = re.findall(
    r"^\| (?:`(-?\d+) (-?\d+) (\w+)` to `(\w+)`|no `from`) \| (?:([A-Z_]+) )?`(.*?)` \|",
    PAGE,
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def service() -> CurrencyService:
    clock = read_settings({"PRICEDESK_CLOCK": EVENING}).clock
    terms = Terms(currency("CAD"), currency("USD"))
    sources = [ecb.source("https://ecb.example")]
    return CurrencyService(
        Bureau(RateBook(packaged_publications()), sources, clock_from(clock), terms)
    )


def answer(service: CurrencyService, data: bytes) -> tuple[str, str]:
    """The status of an answer, empty for OK, and its text."""
    try:
        code, units, nanos = money(service.convert(data))
    except Refusal as refusal:
        return refusal.status.name, refusal.text
    except PricedeskError as error:
        return refusal_of(error).status.name, str(error)
    return "", f"{units} {nanos} {code}"


@pytest.mark.parametrize("row", ROWS)
def test_each_row_is_answered_as_the_page_says(
    service: CurrencyService, row: tuple[str, ...]
) -> None:
    units, nanos, base, counter, status, text = row
    if units:
        data = request(base, int(units), int(nanos), counter)
    else:
        data = REQUEST(to_code="EUR").SerializeToString()
    assert answer(service, data) == (status, text)


def test_the_table_is_read() -> None:
    assert len(ROWS) == 10


def test_each_failure_is_under_its_status() -> None:
    rows = dict(re.findall(r"^\| ([A-Z_]+) \| (.*) \|$", PAGE, re.MULTILINE))
    for kind, status in STATUS.items():
        if kind.slug != "service-unavailable":
            assert f"`{kind.slug}`" in rows[status.name]
    assert rows.keys() <= Status.__members__.keys()


KIB, MIB = 2**10, 2**20
LIMITS = [
    f"| calls of a connection at a time | {server_limits.CALLS_PER_CONNECTION_MAX} |",
    f"| streams of answers at a time | {own_server.STREAMS_MAX:,} of all clients",
    f"but {own_server.STREAMS_SHARE} of each client in any case; one more is refused",
    f"| a message | {server_limits.MESSAGE_BYTES_MAX // MIB} MiB; ",
    f"{own_server.BODIES_PER_CONNECTION_BYTES_MAX // MIB} MiB under way of one client",
    f"{own_server.BODIES_BYTES_MAX // MIB} MiB of all",
    f"{own_server.BODIES_SHARE_BYTES // KIB} KiB of each client in any case",
    f"| headers of a call | {server_limits.HEADERS_BYTES_MAX // KIB} KiB; ",
    f"with {http2.HEADERS_UNPACKED_BYTES_MAX // KIB} KiB, ",
    f"or {http2.BLOCK_BYTES_MAX // KIB} KiB as they are sent",
    f"within {own_server.SETTINGS_SECONDS} s of connecting",
    f"within {own_server.REQUEST_SECONDS} s of its headers",
    f"| answers that nobody reads | {own_server.OUTPUT_BYTES_MAX // KIB} KiB, ",
    f"to a stream of requests {own_server.QUEUED_BYTES_MAX // MIB} MiB",
    f"cut off after {unread.STALLED_OUTPUT_SECONDS} s without progress",
    f"a single call after {own_server.STUCK_SECONDS} s",
    f"| answers for which no window is open | {own_server.QUEUED_BYTES_MAX // MIB} MiB of one",
    f"{own_server.QUEUED_IN_ALL_BYTES_MAX // MIB} MiB of all, ",
    f"beside {own_server.QUEUED_SHARE_BYTES // KIB} KiB each",
    f"{unread.LINGER_SECONDS} s after it has last taken anything",
    f"is pinged after {server_limits.KEEPALIVE_SECONDS} s",
    f"and cut off {server_limits.KEEPALIVE_TIMEOUT_SECONDS} s later",
    f"{http2.IDLE_FRAMES_MAX:,} a second, and {http2.IDLE_FRAMES_PER_CALL} for each call",
    f"{http2.IDLE_FRAMES_PER_MESSAGE} for each message of a stream",
    f"after {http2.CONTINUATIONS_MAX} frames or {http2.BLOCK_BYTES_MAX // KIB} KiB",
    f"at most {http2.SETTINGS_MAX} settings in a frame",
]


@pytest.mark.parametrize("limit", LIMITS)
def test_the_limits_are_those_of_the_code(limit: str) -> None:
    assert limit in PAGE
