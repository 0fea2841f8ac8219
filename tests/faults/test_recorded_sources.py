"""Eight sources that were well until Easter; then one of them is not, while all are looked at.

They were served as they were recorded. What was known stays as it was, to the byte, the reason
can be seen, the seven others have Tuesday's rates, and it costs little time and memory.
"""

import gzip
import re
import sqlite3
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner

import fake_source
from eight_sources import KEYS, Desk, check_taken_in, prepare, rounded, wednesday
from fake_source import Answer, FakeSource, dripping, endless, head, raw, reply
from pricedesk.backend.download import DOWNLOAD_SECONDS
from pricedesk.backend.quarantine import Decision, Verdict
from pricedesk.backend.rates import Publication, Sheet
from pricedesk.backend.refresh import Tick
from pricedesk.backend.store_sqlite import FILE_NAME
from pricedesk.cli import main
from published_as import document_of

SECONDS_MAX = 10
BYTES_MAX = 8 * 1024 * 1024

pytestmark = pytest.mark.usefixtures("downloads_here")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the store that knows what was published before Easter; made at first use."""
    return tmp_path_factory.mktemp("prepared")


async def make(prepared: Path) -> Path:
    """The store is there as a whole or not at all: it is made beside its place."""
    if not (prepared / FILE_NAME).exists():
        with TemporaryDirectory(dir=prepared) as unfinished:
            await prepare(Path(unfinished))
            (Path(unfinished) / FILE_NAME).rename(prepared / FILE_NAME)
    return prepared


def rows(desk: Desk) -> list[tuple[object, ...]]:
    """Everything that was accepted, as it is in the file."""
    with closing(sqlite3.connect(desk.file)) as file:
        return file.execute("SELECT * FROM publication ORDER BY sequence").fetchall()


@dataclass(frozen=True, slots=True)
class Cost:
    """What a look took of the processor and of memory."""

    cpu_seconds: float
    bytes_peak: int


async def at_what_cost(look: Awaitable[object]) -> Cost:
    tracemalloc.start()
    started = time.process_time()
    try:
        await look
        _, peak = tracemalloc.get_traced_memory()
        return Cost(time.process_time() - started, peak)
    finally:
        tracemalloc.stop()


def with_doctype(document: bytes) -> bytes:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    declaration, end, rest = document.partition(b"?>")
    return declaration + end + bomb + rest if end else bomb + document


ELSEWHERE = "http://127.0.0.1:1/rates"

SHAPES: Mapping[str, tuple[Callable[[bytes], Answer], str]] = {
    "500": (lambda _: reply(status=500), " answered with status 500$"),
    "429 with Retry-After": (
        lambda _: reply(status=429, retry_after=7200),
        " answered with status 429 and may be asked again at 2026-04-08T11:00:00Z$",
    ),
    "empty 200": (lambda _: reply(b""), "^the document is empty$"),
    "HTML 200": (
        lambda _: reply(b"<!doctype html><title>Sorry</title><p>Try again later."),
        "^the document is a web page or XML, which the source's is not$",
    ),
    "cut off": (
        lambda d: raw(head(content_length=len(d)) + d[: len(d) // 2]),
        ' cannot be fetched: "peer closed connection ',
    ),
    "cut off unseen": (lambda d: reply(d[: len(d) // 2]), "^the last row is cut off$"),
    "1 GB body": (
        lambda _: endless(head(content_length=2**30), b"x" * 65536),
        " answered with more than 2097152 bytes$",
    ),
    "1 GB body of no length": (
        lambda d: endless(head() + d, b" " * 65536),
        " answered with more than 2097152 bytes$",
    ),
    "gzip bomb": (
        lambda _: reply(gzip.compress(bytes(2**25)), content_encoding="gzip"),
        ' answered in the encoding "gzip", which was not asked for$',
    ),
    "gzip bomb unsaid": (
        lambda _: reply(gzip.compress(bytes(2**25))),
        "^the document is not UTF-8 text: ",
    ),
    "redirect to another host": (
        lambda _: reply(status=302, location=ELSEWHERE),
        f' answered with status 302 and sends to "{ELSEWHERE}", which is not followed$',
    ),
    "DOCTYPE": (
        lambda d: reply(with_doctype(d)),
        "^the document (is a web page or XML|declares a DOCTYPE), which ",
    ),
    "headers without end": (
        lambda _: endless(head()[:-2], b"x: " + b"y" * 60_000 + b"\r\n"),
        " answered with more than 32768 bytes of headers$",
    ),
    "another protocol": (
        lambda _: raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
        ' cannot be fetched: "Server disconnected ',
    ),
}
"""What is wrong with a whole answer, and what the reason says."""

ODD = "USD"


def odd_code(key: str) -> str:
    return "EUR" if key == "ERAPI" else ODD


def moved(sheet: Sheet, change: Callable[[Fraction], Fraction], *codes: str) -> Sheet:
    """The sheet with other values for these currencies, or for all of them."""
    changed = {
        code: rounded(change(Fraction(text)), 8)
        for code, text in sheet.rates.items()
        if not codes or code in codes
    }
    return replace(sheet, rates={**sheet.rates, **changed})


def put(sheet: Sheet, code: str, text: str) -> Sheet:
    return replace(sheet, rates={**sheet.rates, code: text})


def swapped(sheet: Sheet, code: str) -> Sheet:
    other = put(sheet, code, sheet.rates["AUD"])
    return put(other, "AUD", sheet.rates[code])


VALUES: Mapping[str, tuple[Callable[[Sheet, str], Sheet], str]] = {
    "x10": (lambda sheet, code: moved(sheet, lambda v: v * 10, code), "factor"),
    "x100": (lambda sheet, code: moved(sheet, lambda v: v * 100, code), "factor"),
    "all x10": (lambda sheet, _: moved(sheet, lambda v: v * 10), "factor"),
    "all x100": (lambda sheet, _: moved(sheet, lambda v: v * 100), "factor"),
    "inverted": (lambda sheet, code: moved(sheet, lambda v: 1 / v, code), "direction"),
    "swapped currencies": (swapped, "swapped"),
    "NaN": (lambda sheet, code: put(sheet, code, "NaN"), "value"),
    "1e400": (lambda sheet, code: put(sheet, code, "1e400"), "value"),
    "future date": (lambda sheet, _: replace(sheet, date=sheet.date + timedelta(days=28)), "date"),
}
"""What is wrong with the values of a day, and the guard that sees it."""


def rotated(faults: Mapping[str, object], each: int) -> list[tuple[str, str]]:
    """Each fault with some of the sources, so that each source has about as many."""
    return [
        (fault, KEYS[(number * each + n) % len(KEYS)])
        for number, fault in enumerate(faults)
        for n in range(each)
    ]


@pytest.mark.parametrize(("fault", "key"), rotated(SHAPES, 2))
async def test_an_answer_that_is_no_document_changes_nothing_and_stops_nobody(
    prepared: Path, tmp_path: Path, fault: str, key: str
) -> None:
    answer, reason = SHAPES[fault]
    async with wednesday(await make(prepared), tmp_path) as (world, desk):
        known, kept = desk.publications(), rows(desk)
        well, tuesday = document_of(key, desk.missing(key)), desk.wanted(key)
        world.answers[key] = answer(well)
        ticks = await desk.look(*KEYS)
        assert (ticks[key].accepted, ticks[key].withheld) == ((), ())
        look = desk.store.looks()[key]
        assert (look.at, look.failing_since) == (desk.now, desk.now)
        assert re.search(reason, str(look.failure))
        check_what_was_known(desk, known, kept)
        check_the_others(desk, key, ticks)
        assert desk.store.withheld() == []
        # And so does the source itself as soon as it is well, and wants to be asked.
        world.answers[key] = reply(well)
        desk.now = desk.refreshers[key].next_look(desk.now, 0.5)
        patient = desk.now - look.at >= timedelta(hours=2)
        assert patient or fault != "429 with Retry-After"
        check_taken_in(await desk.look(key))
        assert desk.newest(key) == tuesday


def check_what_was_known(
    desk: Desk, known: list[Publication], kept: list[tuple[object, ...]]
) -> None:
    """It answers as before, and is in the file as before."""
    answering = {(p.source, p.date, p.revision): p for p in desk.publications()}
    assert [answering.get((p.source, p.date, p.revision)) for p in known] == known
    assert rows(desk)[: len(kept)] == kept


def check_the_others(desk: Desk, key: str, ticks: Mapping[str, Tick]) -> None:
    """All seven have what is new."""
    others = {other: tick for other, tick in ticks.items() if other != key}
    assert len(others) == 7
    check_taken_in(others)
    assert all(tick.accepted for tick in others.values())
    assert [other for other in others if desk.newest(other) < desk.wanted(other)] == []


@pytest.mark.parametrize(("fault", "key"), rotated(VALUES, 2))
async def test_a_wrong_value_does_not_answer_and_waits_with_its_reason(
    prepared: Path, tmp_path: Path, fault: str, key: str
) -> None:
    spoil, guard = VALUES[fault]
    async with wednesday(await make(prepared), tmp_path) as (world, desk):
        known, kept = desk.publications(), rows(desk)
        *before, today = desk.missing(key)
        spoilt = spoil(today, odd_code(key))
        world.serve(key, [*before, spoilt])
        ticks = await desk.look(*KEYS)
        assert ticks[key].failure is None
        check_what_was_known(desk, known, kept)
        check_the_others(desk, key, ticks)
        check_only_good_values_answer(desk, key, today, spoilt)
        waiting = desk.store.withheld(waiting_only=True)
        assert waiting
        assert {value.source for value in waiting} == {key}
        assert guard in {value.doubt.guard for value in waiting}


def check_only_good_values_answer(desk: Desk, key: str, good: Sheet, spoilt: Sheet) -> None:
    """Of a spoilt sheet those values are accepted that are what they should be, and no others."""
    accepted = [p for p in desk.publications() if (p.source, p.date) == (key, spoilt.date)]
    right = {c: t for c, t in spoilt.rates.items() if t == good.rates[c]}
    if spoilt.date != good.date or not right:
        assert accepted == []
    else:
        [publication] = accepted
        assert publication.rates() == right
        assert publication.withheld == spoilt.rates.keys() - right.keys()


@pytest.mark.parametrize("fault", ["1 GB body", "1 GB body of no length", "gzip bomb", "DOCTYPE"])
@pytest.mark.parametrize("key", ["ECB", "CNB"])
async def test_what_is_large_or_grows_takes_little_time_and_memory(
    prepared: Path, tmp_path: Path, fault: str, key: str
) -> None:
    """With the source of the largest documents, and one of the others."""
    async with wednesday(await make(prepared), tmp_path) as (world, desk):
        # Once before, for what is loaded at the first use.
        await desk.look("ERAPI")
        answer, reason = SHAPES[fault]
        world.answers[key] = answer(document_of(key, desk.missing(key)))
        cost = await at_what_cost(desk.look(key))
        assert re.search(reason, str(desk.store.looks()[key].failure))
        assert cost.bytes_peak < BYTES_MAX
        assert cost.cpu_seconds < SECONDS_MAX


async def test_eight_sources_that_send_a_byte_a_second_are_all_given_up_within_ten_seconds(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In real time, as the service looks: all at once, with its own deadline."""
    monkeypatch.setattr(fake_source, "DRIP_SECONDS", 1)
    async with wednesday(await make(prepared), tmp_path) as (world, desk):
        known, kept = desk.publications(), rows(desk)
        world.answers |= dict.fromkeys(KEYS, dripping(b"HTTP/1.1 200 OK\r\n"))
        started = time.process_time()
        await desk.look(*KEYS)
        # What it waits is bounded by the deadline; a busy machine adds what it does.
        assert DOWNLOAD_SECONDS + time.process_time() - started < SECONDS_MAX
        assert (desk.publications(), rows(desk)) == (known, kept)
        reasons = [str(desk.store.looks()[key].failure) for key in KEYS]
        assert all(r.endswith(" did not send a document within 8.5 s") for r in reasons)


async def test_the_reason_is_shown_by_rates_status(prepared: Path, tmp_path: Path) -> None:
    async with wednesday(await make(prepared), tmp_path) as (world, desk):
        world.answers["BOC"] = reply(status=500)
        await desk.look(*KEYS)
        reason = desk.store.looks()["BOC"].failure
        given = {
            "PRICEDESK_DATA_DIR": str(tmp_path),
            "PRICEDESK_SOURCES": ",".join(KEYS),
            "PRICEDESK_CLOCK": desk.now.isoformat(),
        }
        said = CliRunner().invoke(main, ["rates", "status"], env=given).stdout.splitlines()
        failing = said.index("    failing since: 2026-04-08T09:00Z")
        assert said[failing - 1].startswith("BOC ")
        assert [line for line in said if "failure" in line] == [said[failing + 1]]
        assert said[failing + 1] == f"    failure: {reason}"
        assert str(reason).endswith(" answered with status 500")


async def test_no_request_goes_to_where_a_source_redirects(prepared: Path, tmp_path: Path) -> None:
    async with (
        FakeSource(reply(b"")) as other,
        wednesday(await make(prepared), tmp_path) as (world, desk),
    ):
        url = f"http://127.0.0.1:{other.port}/rates"
        for status in (301, 302, 303, 307, 308):
            world.answers["BOC"] = reply(status=status, location=url)
            await desk.look("BOC")
            assert f"answered with status {status}" in str(desk.store.looks()["BOC"].failure)
            desk.now += timedelta(minutes=1)
        assert other.requests == []


def dollar_down(key: str, sheet: Sheet) -> Sheet:
    """The dollar has lost a fifth against everything."""
    fifth = Fraction(4, 5)
    if key == "ERAPI":
        return moved(sheet, lambda v: v * fifth)
    per_pivot = key in ("ECB", "BOE")
    return moved(sheet, lambda v: v / fifth if per_pivot else v * fifth, ODD)


async def look_at_moved(
    prepared: Path, tmp_path: Path, keys: Sequence[str], check: Callable[[Desk], None]
) -> None:
    async with wednesday(await make(prepared), tmp_path) as (world, desk):
        for key in keys:
            *before, today = desk.missing(key)
            world.serve(key, [*before, dollar_down(key, today)])
        # One after another, in an order in which the doubt comes first.
        for key in KEYS:
            await desk.look(key)
        check(desk)


async def test_a_move_of_a_fifth_that_all_sources_see_is_accepted_without_a_person(
    prepared: Path, tmp_path: Path
) -> None:
    def check(desk: Desk) -> None:
        waiting = [(v.source, v.code) for v in desk.store.withheld(waiting_only=True)]
        # What open.er-api.com says is of Wednesday already; nobody can confirm that so far.
        assert {source for source, _ in waiting} == {"ERAPI"}
        for key in KEYS[:-1]:
            assert desk.newest(key) == desk.wanted(key)
        newest = desk.bureau.book.of("ECB").newest
        assert newest is not None
        assert newest.withheld == frozenset()

    await look_at_moved(prepared, tmp_path, KEYS, check)


async def test_a_move_of_a_fifth_that_one_source_sees_alone_waits_until_it_is_released(
    prepared: Path, tmp_path: Path
) -> None:
    def check(desk: Desk) -> None:
        [value] = desk.store.withheld(waiting_only=True)
        assert (value.source, value.code, value.date) == ("ECB", ODD, date(2026, 4, 7))
        newest = desk.bureau.book.of("ECB").newest
        assert newest is not None
        assert (newest.published(ODD), newest.withheld) == (None, frozenset({ODD}))
        decision = Decision(Verdict.RELEASED, desk.now, "ada", "it is real")
        desk.intake.release([value.number], decision)
        released = desk.bureau.book.of("ECB").newest
        assert released is not None
        assert (released.rates()[ODD], released.withheld) == (value.value, frozenset())

    await look_at_moved(prepared, tmp_path, ["ECB"], check)
