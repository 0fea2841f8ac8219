"""`pricedesk rates backfill` as a program: what it says, what it keeps, who else sees it."""

import asyncio
import re
import signal
import sys
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

import rerouted
from archives import TENFOLD, boc, boc_value, by_key, nbp
from fake_source import Answer, Exchange, FakeSource, reply, silent
from pricedesk.backend.rates import Publication
from pricedesk.backend.store import open_store
from services import Client, backend, environment
from terminal import Terminal

NIGHT = "2026-10-30T22:00:00Z"
HANG_SECONDS = 60
SPAN_DAYS = 365


class Said(NamedTuple):
    """What a program has written, and its exit code."""

    out: str
    err: str
    code: int


def command(source: FakeSource, *words: str) -> tuple[str, ...]:
    """`pricedesk rates backfill` with its sources at this server."""
    address = f"http://127.0.0.1:{source.port}"
    program = (sys.executable, rerouted.__file__, address, str(SPAN_DAYS))
    return (*program, "rates", "backfill", *words)


def settings(folder: Path, sources: str) -> dict[str, str]:
    return environment(data_dir=str(folder), sources=sources, clock=NIGHT)


async def started(
    source: FakeSource, folder: Path, *words: str, sources: str = "BOC"
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command(source, *words),
        env=settings(folder, sources),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def ended(process: asyncio.subprocess.Process) -> Said:
    out, err = await process.communicate()
    assert process.returncode is not None
    return Said(out.decode(), err.decode(), process.returncode)


async def backfill(source: FakeSource, folder: Path, *words: str, sources: str = "BOC") -> Said:
    return await ended(await started(source, folder, *words, sources=sources))


def kept(folder: Path) -> list[Publication]:
    with closing(open_store("", folder)) as store:
        assert store.check() == []
        return store.publications().publications


def first_days(source: FakeSource) -> list[str]:
    """The first day of each range that the Bank of Canada was asked for."""
    return re.findall(r"start_date=([-0-9]+)", " ".join(source.requests))


async def test_a_history_is_fetched_once(tmp_path: Path) -> None:
    async with FakeSource(by_key({"BOC": boc})) as source:
        assert await backfill(source, tmp_path) == (
            (
                "BOC: 2445 new publications, done up to 2026-10-30,"
                " 7 values withheld (see pricedesk quarantine list)\n"
            ),
            "",
            0,
        )
        assert await backfill(source, tmp_path) == ("BOC: nothing is missing\n", "", 0)
    assert len(first_days(source)) == 10
    dollars = {p.date: p.rates()["USD"] for p in kept(tmp_path)}
    assert dollars == {day: boc_value(day) for day in dollars}
    assert not TENFOLD & dollars.keys()


async def test_no_day_before_the_one_that_is_named_is_asked_for(tmp_path: Path) -> None:
    async with FakeSource(by_key({"BOC": boc})) as source:
        said = await backfill(source, tmp_path, "boc", "--from", "2026-09-01")
        assert said.out == "BOC: 41 new publications, done up to 2026-10-30\n"
        assert first_days(source) == ["2026-09-01"]
        await backfill(source, tmp_path, "BOC", "--from", "2026-08-01")
    assert first_days(source) == ["2026-09-01", "2026-08-01"]
    assert min(p.date for p in kept(tmp_path)) == date(2026, 8, 4)


async def test_a_source_that_fails_does_not_keep_the_others_from_being_fetched(
    tmp_path: Path,
) -> None:
    words = ("--from", "2026-09-01")
    async with FakeSource(by_key({"BOC": boc, "NBP": nbp})) as source:
        said = await backfill(source, tmp_path, *words, sources="ERAPI,BOC,CNB,NBP")
        address = f"http://127.0.0.1:{source.port}/CNB/cnbapi/exrates/daily-year"
    assert said == (
        (
            "BOC: 41 new publications, done up to 2026-10-30\n"
            "CNB: 0 new publications\n"
            "NBP: 44 new publications, done up to 2026-10-30\n"
        ),
        (
            "ERAPI: has no history to fetch\n"
            f"CNB: 2026-09-01 to 2026-10-30 failed: {address} answered with status 404;"
            " what has come is kept: the same command goes on from there\n"
        ),
        5,
    )


async def test_a_range_without_tables_is_no_failure_of_the_nbp(tmp_path: Path) -> None:
    """It answers 404 for the first days of November 2025: a weekend."""
    with closing(open_store("", tmp_path)) as store:
        store.cover("NBP", date(2002, 1, 2), date(2025, 10, 31))
        store.cover("NBP", date(2025, 11, 3), date(2026, 10, 29))
    async with FakeSource(by_key({"NBP": nbp})) as source:
        assert await backfill(source, tmp_path, sources="NBP") == (
            "NBP: 1 new publication, done up to 2026-10-30\n",
            "",
            0,
        )
    assert len(source.requests) == 1


def fails_from(year: int, otherwise: Answer) -> Answer:
    """A web page in the place of the documents of a year and of those after it."""

    async def answer(exchange: Exchange) -> None:
        asked = re.findall(r"end_date=([0-9]{4})", exchange.path)
        page = reply(b"<html>\x1b[2Jdown for maintenance</html>")
        await (page if int(asked[0]) >= year else otherwise)(exchange)

    return answer


async def test_what_came_before_a_failure_is_kept_and_the_next_time_goes_on(
    tmp_path: Path,
) -> None:
    async with FakeSource(by_key({"BOC": fails_from(2019, boc)})) as source:
        said = await backfill(source, tmp_path)
    assert said == (
        (
            "BOC: 249 new publications, done up to 2018-01-02,"
            " 1 value withheld (see pricedesk quarantine list)\n"
        ),
        (
            "BOC: 2018-01-03 to 2019-01-02 failed: the document is a web page or XML, which the"
            " source's is not; what has come is kept: the same command goes on from there\n"
        ),
        5,
    )
    async with FakeSource(by_key({"BOC": boc})) as source:
        assert (await backfill(source, tmp_path)).code == 0
    assert first_days(source)[0] == "2018-01-03"
    assert len(kept(tmp_path)) == 2445


async def test_an_interrupted_one_says_how_far_it_came_and_goes_on_from_there(
    tmp_path: Path,
) -> None:
    hanging = asyncio.Event()

    async def hangs(exchange: Exchange) -> None:
        if "end_date=2019" not in exchange.path:
            await boc(exchange)
            return
        hanging.set()
        await silent(exchange)

    async with FakeSource(by_key({"BOC": hangs})) as source:
        process = await started(source, tmp_path)
        await hanging.wait()
        process.send_signal(signal.SIGINT)
        assert await ended(process) == (
            (
                "BOC: 249 new publications, done up to 2018-01-02,"
                " 1 value withheld (see pricedesk quarantine list)\n"
            ),
            "interrupted; what has come is kept: the same command goes on from there\n",
            130,
        )
    async with FakeSource(by_key({"BOC": boc})) as source:
        assert (await backfill(source, tmp_path)).code == 0
    assert first_days(source)[0] == "2018-01-03"


async def test_two_at_once_keep_each_publication_once(tmp_path: Path) -> None:
    async with FakeSource(by_key({"BOC": boc})) as source:
        both = [backfill(source, tmp_path, "--from", "2024-01-01") for _ in range(2)]
        said = await asyncio.gather(*both)
    assert [code for _, _, code in said] == [0, 0]
    found = kept(tmp_path)
    assert len(found) == len({publication.date for publication in found}) == 706
    with closing(open_store("", tmp_path)) as store:
        assert [str(value.date) for value in store.withheld()] == ["2024-05-17"]


async def test_a_store_that_cannot_be_written_ends_it(tmp_path: Path) -> None:
    (tmp_path / "pricedesk.sqlite3").write_bytes(b"no database" * 100)
    async with FakeSource(by_key({"BOC": boc})) as source:
        said = await backfill(source, tmp_path)
    assert (said.out, said.code) == ("", 6)
    assert said.err.startswith(f"pricedesk: the store {tmp_path}/pricedesk.sqlite3 ")
    assert source.requests == []


@pytest.mark.parametrize("no_color", ["", "1"])
async def test_on_a_terminal_a_bar_shows_how_far_it_is(no_color: str, tmp_path: Path) -> None:
    async with FakeSource(by_key({"BOC": boc})) as source:
        given = [f"PRICEDESK_{name}" for name in ("DATA_DIR", "SOURCES", "CLOCK")]
        wanted = settings(tmp_path, "BOC")
        variables = [f"{name}={wanted[name]}" for name in given]

        def run() -> tuple[str, int]:
            words = command(source, "--from", "2024-01-01")
            with Terminal("env", f"NO_COLOR={no_color}", *variables, *words) as terminal:
                return terminal.end()

        screen, code = await asyncio.to_thread(run)
    assert code == 0
    assert re.search(r"BOC +\[#+\] +100%", screen)
    last = screen.splitlines()[-1].replace("\x1b[?25h", "")
    assert last.startswith("BOC: 706 new publications, done up to 2026-10-30")


async def test_a_running_service_answers_from_it(tmp_path: Path) -> None:
    with (
        backend(tmp_path, sources="BOC", clock=NIGHT) as (service, port),
        Client(port) as client,
    ):
        client.send(b"100 USD CAD 2026-03-04\n")
        assert client.line() == b"error no-rates-known no rates are known yet\n"
        async with FakeSource(by_key({"BOC": boc})) as source:
            assert (await backfill(source, tmp_path, "--from", "2026-01-01")).code == 0
        seen = asyncio.to_thread(service.wait_for, "rates from the store")
        news = await asyncio.wait_for(seen, HANG_SECONDS)
        assert (news["publications"], news["newest"]) == (208, "2026-10-30")
        client.send(b"100 USD CAD 2026-03-04\n")
        hundredfold = boc_value(date(2026, 3, 4)).replace(".", "")
        assert client.line() == f"{hundredfold[:3]}.{hundredfold[3:]}\n".encode()
