"""Whatever one source answers costs little, and the others are had as before."""

import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest

from fake_banks import FAULTS, KEYS, RECORDED, FakeBanks
from pricedesk.backend import download
from pricedesk.backend.assembly import RARELY, downloads_of, sources_in
from pricedesk.backend.connections import HEAD_BYTES_MAX, OVERHEAD_BYTES_MAX
from pricedesk.backend.download import ATTEMPTS, DOWNLOAD_SECONDS, Downloads
from pricedesk.backend.rates import Sheet
from pricedesk.backend.sources.source import Request, Source
from pricedesk.errors import DownloadFailed, InvalidSetting, RefusedDocument
from pricedesk.settings import Settings, read_settings

NOW = datetime(2026, 3, 20, 18, tzinfo=UTC)
DAY = date(2026, 3, 17)
SPENT_BYTES_MAX = 8 * 1024 * 1024
SPENT_SECONDS_MAX = 10


pytestmark = pytest.mark.usefixtures("downloads_here")


@pytest.fixture
async def banks() -> AsyncIterator[FakeBanks]:
    async with FakeBanks() as serving:
        yield serving


def settings(banks: FakeBanks) -> Settings:
    return read_settings({"PRICEDESK_SOURCE_URLS": banks.urls})


def downloads(source: Source) -> Downloads:
    """As the service has them, at an instant that stands still."""
    return downloads_of(source, lambda: NOW)


async def fetched_and_read(source: Source, request: Request) -> list[Sheet]:
    raw = await downloads(source).fetch(request.url)
    assert raw is not None
    return source.read(request, raw)


def test_what_a_look_may_cost_is_within_the_promise() -> None:
    bytes_max = max(source.document_bytes_max for source in sources_in(Settings()))
    assert bytes_max + OVERHEAD_BYTES_MAX < SPENT_BYTES_MAX
    assert ATTEMPTS * HEAD_BYTES_MAX < OVERHEAD_BYTES_MAX
    assert DOWNLOAD_SECONDS < SPENT_SECONDS_MAX
    assert 2 * download.HEAD_SECONDS < DOWNLOAD_SECONDS


async def test_every_source_is_had_from_the_address_that_stands_for_its_host(
    banks: FakeBanks,
) -> None:
    sources = sources_in(settings(banks))
    assert [source.key for source in sources] == list(KEYS)
    for source in sources:
        request = source.request(DAY, DAY)
        raw = await downloads(source).fetch(request.url)
        assert raw == banks.document(source.key, request.url)
        assert source.read(request, raw)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_costs_less_than_the_promise_and_gives_no_document(
    banks: FakeBanks, fault: str
) -> None:
    ecb, boc, *_ = sources_in(settings(banks))
    asked = ecb.request(DAY, DAY)
    banks.faults["ECB"] = fault
    tracemalloc.start()
    try:
        with pytest.raises((DownloadFailed, RefusedDocument)) as caught:
            await fetched_and_read(ecb, asked)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    late = str(caught.value).endswith(" did not send a document within 8.5 s")
    assert late is (fault in {"a body byte by byte", "slow headers"})
    assert len(banks.requests) <= ATTEMPTS
    assert banks.sent < SPENT_BYTES_MAX
    assert peak_bytes < SPENT_BYTES_MAX
    request = boc.request(DAY, DAY)
    assert await downloads(boc).fetch(request.url) == banks.documents["BOC"]


async def test_after_a_fault_the_document_is_had_again(banks: FakeBanks) -> None:
    nb = next(source for source in sources_in(settings(banks)) if source.key == "NB")
    asked, url = downloads(nb), nb.request(DAY, DAY).url
    for fault in ("500", "half a body", "reset", "gzip bomb"):
        banks.faults["NB"] = fault
        with pytest.raises(DownloadFailed):
            await asked.fetch(url)
        del banks.faults["NB"]
        assert await asked.fetch(url) == banks.documents["NB"]


def test_the_fake_has_a_recording_of_every_source() -> None:
    assert tuple(source.key for source in sources_in(Settings())) == KEYS
    assert len(RECORDED) == len(KEYS) - 1


@pytest.mark.parametrize(
    ("variable", "value", "private"),
    [
        ("SOURCE_URLS", "", []),
        ("ECB_URL", "https://www.ecb.europa.eu/stats/eurofxref/", []),
        ("ECB_URL", "http://mirror/ecb", ["ECB"]),
        ("SOURCE_URLS", "ECB=http://mirror;NB=http://mirror", ["ECB", "NB"]),
    ],
)
def test_only_where_the_operator_named_a_host_it_may_be_private(
    variable: str, value: str, private: list[str]
) -> None:
    found = sources_in(read_settings({f"PRICEDESK_{variable}": value}))
    assert [source.key for source in found if source.private] == private


@pytest.mark.parametrize(
    ("variable", "value", "elsewhere"),
    [
        ("SOURCE_URLS", "", "https://data-api.ecb.europa.eu/service/data/EXR/"),
        ("SOURCE_URLS", "ECB=http://mirror/x", "http://mirror/x/service/data/EXR/"),
        ("ECB_URL", "http://mirror/ecb", None),
    ],
)
def test_the_second_place_is_at_the_mirror_too_and_who_names_a_folder_has_none(
    variable: str, value: str, elsewhere: str | None
) -> None:
    [source] = sources_in(
        read_settings({"PRICEDESK_SOURCES": "ECB", f"PRICEDESK_{variable}": value})
    )
    url = source.elsewhere(DAY, DAY).url if source.elsewhere is not None else None
    assert (url and url[: url.index("D..EUR")]) == elsewhere


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (
            {"SOURCE_URLS": "XYZ=http://mirror"},
            'PRICEDESK_SOURCE_URLS: "XYZ" is not in PRICEDESK_SOURCES',
        ),
        (
            {"SOURCE_URLS": "ECB=http://mirror", "ECB_URL": "http://other"},
            (
                "PRICEDESK_SOURCE_URLS and PRICEDESK_ECB_URL both say where the ECB is;"
                " one of them must go"
            ),
        ),
    ],
)
def test_an_address_that_is_for_nothing_is_refused(values: dict[str, str], reason: str) -> None:
    given = read_settings({f"PRICEDESK_{name}": value for name, value in values.items()})
    with pytest.raises(InvalidSetting) as refusal:
        sources_in(given)
    assert str(refusal.value) == reason


def test_a_mirror_keeps_path_and_query() -> None:
    found = sources_in(read_settings({"PRICEDESK_SOURCE_URLS": "BOC=http://mirror/boc"}))
    [url] = [source.request(DAY, DAY).url for source in found if source.key == "BOC"]
    [built_in] = [s.request(DAY, DAY).url for s in sources_in(Settings()) if s.key == "BOC"]
    assert url == built_in.replace("https://www.bankofcanada.ca", "http://mirror/boc")


def test_only_a_source_that_wants_long_pauses_is_asked_rarely() -> None:
    rarely = [source.key for source in sources_in(Settings()) if source.pause_min >= RARELY]
    assert rarely == ["ERAPI"]
