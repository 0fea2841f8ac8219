"""docs/operations.md is true: its sessions are replayed, one after the other, on one store."""

import asyncio
import re
import shlex
import sys
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import rerouted
from archives import CALENDARS, boc_json, by_key, publication_days
from fake_source import Exchange, FakeSource, reply
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.rate_book import SourceHistory
from pricedesk.backend.store import Look, open_store
from pricedesk.exit_codes import EXIT_CODES
from services import environment

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
NIGHT = "2026-10-30T23:00:00Z"
TENFOLD = date(2024, 5, 17)

Exchanges = list[tuple[str, str]]


def exchanges() -> Exchanges:
    """What is typed and what comes back, from the fenced sessions."""
    found = []
    for session in re.findall(r"```session\n(.*?)```", PAGE, re.DOTALL):
        for part in session.split("$ ")[1:]:
            typed, _, answered = part.partition("\n")
            found.append((typed, answered))
    return found


class Canada:
    """The Bank of Canada, which says of the dollar what the ECB does, and once ten times that."""

    def __init__(self) -> None:
        self._ecb = SourceHistory(packaged_publications())

    async def answer(self, exchange: Exchange) -> None:
        asked = parse_qs(urlsplit(exchange.path).query)
        first, last = (date.fromisoformat(asked[f"{end}_date"][0]) for end in ("start", "end"))
        days = publication_days(CALENDARS["BOC"], first, last)
        await reply(boc_json({day: self._dollar(day) for day in days}))(exchange)

    def _dollar(self, day: date) -> str:
        known = self._ecb.as_of(day)
        assert known is not None
        digits = {code: text.replace(".", "").ljust(5, "0") for code, text in known.rates().items()}
        text = str(int(digits["CAD"]) * 10**4 // int(digits["USD"]))
        return f"{text[:2]}.{text[2:]}" if day == TENFOLD else f"{text[0]}.{text[1:]}"


async def replayed(typed: list[str], folder: Path) -> Exchanges:
    """What comes back to each of these commands."""
    said = []
    async with FakeSource(by_key({"BOC": Canada().answer})) as source:
        for line in typed:
            program, *words = shlex.split(line)
            assert program == "pricedesk"
            address = f"http://127.0.0.1:{source.port}"
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, rerouted.__file__, address, "365", *words),
                env=environment(sources="ECB,BOC,ERAPI", clock=NIGHT, data_dir=str(folder)),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            output, _ = await process.communicate()
            said.append((line, output.decode()))
    return said


async def test_the_sessions_on_the_page_are_what_happens(tmp_path: Path) -> None:
    with closing(open_store("", tmp_path)) as store:
        store.note_look(Look("ECB", datetime(2026, 10, 30, 15, 0, 7, tzinfo=UTC)))
        looked, since = (datetime(2026, 10, 30, 22, m, tzinfo=UTC) for m in (47, 17))
        failure = "https://www.bankofcanada.ca/valet/... answered with status 503"
        store.note_look(Look("BOC", looked, failure=failure, failing_since=since))
    recorded = exchanges()
    assert await replayed([typed for typed, _ in recorded], tmp_path) == recorded


def test_every_exit_code_is_on_the_page() -> None:
    found = {int(code) for code in re.findall(r"^\| ([0-9]+) \|", PAGE, re.MULTILINE)}
    assert found == {0, 1, 130, *EXIT_CODES.values()}
