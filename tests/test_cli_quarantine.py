"""`pricedesk quarantine`: what is shown, what a decision does, and who answers from it."""

import asyncio
import csv
import getpass
import io
import json
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kept import document_of, withheld_value
from pricedesk.backend.quarantine import Doubt, Verdict, WithheldValue
from pricedesk.backend.rates import Convention, Publication
from pricedesk.backend.store import RawDocument, Store, open_store
from pricedesk.cli import main
from services import Client, backend
from terminal import Terminal

NIGHT = datetime(2026, 10, 30, 23, tzinfo=UTC)
HANG_SECONDS = 60
DOCUMENT = document_of(b"\x1b[2J the document \x00\xff")
SHA256 = DOCUMENT.provenance.sha256
ESCAPES = "\x1b]0;gotcha\x07\x9b2J"


def quarantine(folder: Path, database: str, *words: str) -> Result:
    """Run a command of `pricedesk quarantine` in this process, on Friday night."""
    environment = {
        "PRICEDESK_DATA_DIR": str(folder),
        "PRICEDESK_DATABASE": database,
        "PRICEDESK_SOURCES": "BOC",
        "PRICEDESK_CLOCK": NIGHT.isoformat(),
    }
    return CliRunner().invoke(main, ["quarantine", *words], env=environment)


def doubted(code: str, value: str, reason: str) -> WithheldValue:
    jump = Doubt(code, "jump", reason)
    return replace(withheld_value(DOCUMENT), doubt=jump, value=value)


VALUES = [
    doubted("USD", "13.9", "USD is ten times what it was"),
    doubted("JPY", "0.0088", f"JPY says {ESCAPES}"),
    doubted("EUR", "NaN", "EUR is no number"),
]


def made(folder: Path, database: str = "") -> Store:
    """A store in which three values of Friday wait, and the dollar's of Thursday is known."""
    store = open_store(database, folder)
    convention = Convention("CAD", per_pivot=False)
    known = Publication(
        "BOC", date(2026, 10, 29), convention, ("USD", "JPY"), "1.39,0.009", DOCUMENT.provenance
    )
    document = RawDocument("BOC", "rates.json", DOCUMENT.content, DOCUMENT.provenance)
    store.add(document, [known])
    store.withhold(document, VALUES)
    return store


@pytest.fixture
def folder(database: str, tmp_path: Path) -> Path:
    made(tmp_path, database).close()
    return tmp_path


LISTED = (
    "number  source  date        currency     value  units  guard  verdict\n"
    "     1  BOC     2026-10-30  USD        13.9         1  jump   waiting\n"
    "    reason: USD is ten times what it was\n"
    "     2  BOC     2026-10-30  JPY         0.0088      1  jump   waiting\n"
    "    reason: JPY says \\x1b]0;gotcha\\x07\\x9b2J\n"
    "     3  BOC     2026-10-30  EUR       NaN           1  jump   waiting\n"
    "    reason: EUR is no number\n"
)


def test_list_shows_what_waits_with_the_reason(folder: Path, database: str) -> None:
    result = quarantine(folder, database, "list")
    assert (result.stdout, result.stderr, result.exit_code) == (LISTED, "", 0)


def test_list_says_when_nothing_waits(database: str, tmp_path: Path) -> None:
    assert quarantine(tmp_path, database, "list", "--json").output == (
        "[]\nnothing waits for a decision\n"
    )
    assert quarantine(tmp_path, database, "list", "--all").output == "nothing was withheld\n"
    assert list(tmp_path.iterdir()) == []


def test_list_can_be_of_one_source(folder: Path, database: str) -> None:
    assert quarantine(folder, database, "list", "--source", "boc").stdout == LISTED
    assert quarantine(folder, database, "list", "--source", "NB").stdout == ""
    result = quarantine(folder, database, "list", "--source", "FOO")
    said = 'pricedesk: "FOO" is no source: ECB, BOC, NB, BOE, CNB, NBP, RB, ERAPI\n'
    assert (result.output, result.exit_code) == (said, 2)


def test_json_and_csv_have_the_exact_texts_and_all_that_is_known(
    folder: Path, database: str
) -> None:
    quarantine(folder, database, "reject", "2", "--by", "ada", "--why", "a typing error")
    first, second, _ = json.loads(quarantine(folder, database, "list", "--all", "--json").stdout)
    assert second == {
        "number": "2",
        "source": "BOC",
        "date": "2026-10-30",
        "currency": "JPY",
        "value": "0.0088",
        "units": "1",
        "guard": "jump",
        "verdict": "rejected",
        "reason": f"JPY says {ESCAPES}",
        "why": "a typing error",
        "withheld": "2026-10-30T15:04:05Z",
        "document": SHA256,
        "decided": "2026-10-30T23:00:00Z",
        "by": "ada",
    }
    assert (first["verdict"], first["why"]) == ("waiting", None)
    rows = csv.DictReader(
        io.StringIO(quarantine(folder, database, "list", "--all", "--csv").stdout, newline="")
    )
    assert list(rows)[1] == second


def test_show_tells_all_of_one_value(folder: Path, database: str) -> None:
    quarantine(folder, database, "reject", "2", "--by", "ada", "--why", f"a trick{ESCAPES}")
    assert quarantine(folder, database, "show", "2").output == (
        "number   2\n"
        "source   BOC\n"
        "date     2026-10-30\n"
        "currency JPY\n"
        "value    0.0088\n"
        "units    1\n"
        "guard    jump\n"
        "verdict  rejected\n"
        "reason   JPY says \\x1b]0;gotcha\\x07\\x9b2J\n"
        "why      a trick\\x1b]0;gotcha\\x07\\x9b2J\n"
        "withheld 2026-10-30T15:04:05Z\n"
        f"document {SHA256}\n"
        "decided  2026-10-30T23:00:00Z\n"
        "by       ada\n"
    )


def test_show_gives_the_raw_document_to_programs(folder: Path, database: str) -> None:
    result = quarantine(folder, database, "show", "1", "--document")
    assert result.stdout_bytes == DOCUMENT.content


def test_a_raw_document_is_not_shown_on_a_terminal(tmp_path: Path) -> None:
    made(tmp_path).close()
    command = (sys.executable, "-m", "pricedesk.cli", "quarantine", "show", "1", "--document")
    with Terminal("env", f"PRICEDESK_DATA_DIR={tmp_path}", *command) as terminal:
        screen, code = terminal.end()
    assert code == 2
    assert "document of 20 bytes is not shown on a terminal: send it to a file" in screen
    assert "\x1b[2J" not in screen


def test_release_puts_a_value_in_and_records_who_when_and_why(folder: Path, database: str) -> None:
    result = quarantine(folder, database, "release", "1", "2", "--why", "the bank confirmed it")
    assert (result.output, result.exit_code) == ("BOC 2026-10-30 has revision 1\n", 0)
    with closing(open_store(database, folder)) as store:
        added = store.publications().publications[-1]
        assert added.rates() == {"USD": "13.9", "JPY": "0.0088"}
        decision = store.withheld(numbers=[1])[0].decision
    assert decision is not None
    assert (decision.verdict, decision.decided_by) == (Verdict.RELEASED, getpass.getuser())
    assert decision.why == "the bank confirmed it"
    assert decision.decided_at.replace(second=0, microsecond=0) == NIGHT


def test_reject_withholds_for_good(folder: Path, database: str) -> None:
    result = quarantine(folder, database, "reject", "3", "1", "1", "--why", "typing errors")
    assert (result.output, result.exit_code) == ("rejected 1, 3\n", 0)
    waiting = json.loads(quarantine(folder, database, "list", "--json").stdout)
    assert [value["number"] for value in waiting] == ["2"]


@pytest.mark.parametrize("verb", ["release", "reject"])
@pytest.mark.parametrize(
    ("numbers", "why", "code", "said"),
    [
        (("7",), "x", 2, "pricedesk: no value with the number 7 was withheld\n"),
        (("1", "7"), "x", 2, "pricedesk: no value with the number 7 was withheld\n"),
        (("1",), " ", 2, "pricedesk: --why is empty: a decision has a reason\n"),
        (
            ("1", "2"),
            "x",
            2,
            "pricedesk: 2 was rejected on 2026-10-30 23:00 UTC by ada\\x1b[2J: a trick\\x07\n",
        ),
    ],
)
def test_a_decision_that_cannot_be_made_changes_nothing(  # noqa: PLR0913, PLR0917  # a table
    verb: str, numbers: tuple[str, ...], why: str, code: int, said: str, tmp_path: Path
) -> None:
    made(tmp_path).close()
    quarantine(tmp_path, "", "reject", "2", "--by", "ada\x1b[2J", "--why", "a trick\x07")
    result = quarantine(tmp_path, "", verb, *numbers, "--why", why)
    assert (result.stdout, result.stderr, result.exit_code) == ("", said, code)
    waiting = json.loads(quarantine(tmp_path, "", "list", "--json").stdout)
    assert [value["number"] for value in waiting] == ["1", "3"]


def test_what_is_no_rate_cannot_be_released(tmp_path: Path) -> None:
    made(tmp_path).close()
    result = quarantine(tmp_path, "", "release", "1", "3", "--why", "x")
    said = 'pricedesk: 3 cannot be released: "NaN" for EUR by BOC is nothing to convert with here\n'
    assert (result.output, result.exit_code) == (said, 2)


@pytest.mark.parametrize(
    "words",
    [("show", "1"), ("release", "1", "--why", "x"), ("reject", "1", "--why", "x")],
)
def test_where_no_store_is_none_is_made(tmp_path: Path, words: tuple[str, ...]) -> None:
    result = quarantine(tmp_path / "none", "", *words)
    said = f"pricedesk: no back-end has made a store in {tmp_path / 'none'} so far\n"
    assert (result.output, result.exit_code) == (said, 6)
    assert not (tmp_path / "none").exists()


async def test_a_running_service_answers_from_what_is_released(folder: Path, database: str) -> None:
    with (
        backend(folder, sources="BOC", clock=NIGHT.isoformat(), database=database) as running,
        Client(running[1]) as client,
    ):
        client.send(b"100 USD CAD\n")
        assert client.line() == b"139.00\n"
        assert quarantine(folder, database, "release", "1", "--why", "real").exit_code == 0
        seen = asyncio.to_thread(running[0].wait_for, "rates from the store")
        news = await asyncio.wait_for(seen, HANG_SECONDS)
        assert (news["publications"], news["newest"]) == (1, "2026-10-30")
        client.send(b"100 USD CAD\n")
        assert client.line() == b"1390.00\n"
