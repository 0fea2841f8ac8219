"""`pricedesk quotes`: what was held, for people and for programs; nothing is changed by looking."""

import csv
import io
import json
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from held import Asking, Clock, quote_id
from pricedesk import __version__
from pricedesk.backend.bureau import Bureau, Terms
from pricedesk.backend.history import packaged_publications
from pricedesk.backend.rate_book import RateBook
from pricedesk.backend.sources import ecb
from pricedesk.backend.store import open_store
from pricedesk.cli import main
from pricedesk.cli_quotes import COLUMNS
from pricedesk.currencies import currency

NIGHT = "2026-10-30T23:00:00Z"
ONE, TWO, THREE = map(quote_id, (1, 2, 3))
DOCUMENT = "73db21584dd46cebf5cd6df75ebb6de7afcdeebff52f54d5046ca8e459c0fbb3"


def run(folder: Path, database: str, *words: str, now: str = NIGHT) -> Result:
    """Run a command of `pricedesk quotes` in this process, on Friday night."""
    environment = {
        "PRICEDESK_DATA_DIR": str(folder),
        "PRICEDESK_DATABASE": database,
        "PRICEDESK_CLOCK": now,
    }
    return CliRunner().invoke(main, ["quotes", *words], env=environment)


@pytest.fixture
def records(database: str, tmp_path: Path) -> list[str]:
    """The records of three quotes: one of them was redeemed, the last one cancelled."""
    book = RateBook([p for p in packaged_publications() if p.date >= date(2026, 10, 1)])
    terms = Terms(currency("CAD"), currency("USD"))
    with closing(open_store(database, tmp_path)) as store:
        source = ecb.source("https://ecb.example")
        clock = Clock()
        ask = Asking(store, Bureau(book, [source], clock, terms), clock)
        said = ask(
            "hold 1100 CAD USD ref=laptop name=%1B[2JCaf%C3%A9%20laptop for=ada",
            "hold 1 CAD JPY",
            "hold 1 CAD USD rules=none",
        )
        ask(f"redeem {TWO}", f"cancel {THREE}")
    return [line.removesuffix(" status=held") for line in said]


LISTED = (
    "quote           status     held                  expires               ref      price"
    "  currency\n"
    "0000-0000-0001  held       2026-10-30T18:00:00Z  2026-10-31T18:00:00Z  laptop  787.47"
    "  USD\n"
    "0000-0000-0002  redeemed   2026-10-30T18:00:00Z  2026-10-31T18:00:00Z          113   "
    "  JPY\n"
    "0000-0000-0003  cancelled  2026-10-30T18:00:00Z  2026-10-31T18:00:00Z            0.72"
    "  USD\n"
)


def test_a_person_sees_a_table(database: str, tmp_path: Path, records: list[str]) -> None:
    assert run(tmp_path, database, "list").output == LISTED


def test_quotes_are_listed_by_what_became_of_them(
    database: str, tmp_path: Path, records: list[str]
) -> None:
    heading, *lines = LISTED.splitlines()
    for status, line in zip(("held", "redeemed", "cancelled"), lines, strict=True):
        shown = run(tmp_path, database, "list", "--status", status).output.splitlines()
        assert [row.split() for row in shown] == [heading.split(), line.split()]
    nothing = run(tmp_path, database, "list", "--status", "expired")
    assert (nothing.stdout, nothing.stderr) == ("", "there is no such quote\n")


def test_a_programs_list_has_more(database: str, tmp_path: Path, records: list[str]) -> None:
    listed = json.loads(run(tmp_path, database, "list", "--json").output)
    assert listed[0] == {
        "quote": ONE,
        "status": "held",
        "held": "2026-10-30T18:00:00Z",
        "expires": "2026-10-31T18:00:00Z",
        "ref": "laptop",
        "price": "787.47",
        "currency": "USD",
        "amount": "1100",
        "from": "CAD",
        "result": "787.47",
        "date": "2026-10-30",
        "source": "ECB",
        "name": "\x1b[2JCafé laptop",
        "ended": None,
    }
    assert listed[1]["ended"] == "2026-10-30T18:00:00Z"
    rows = list(csv.reader(io.StringIO(run(tmp_path, database, "list", "--csv").output)))
    assert rows[0] == [column.name for column in COLUMNS]
    assert [row[0] for row in rows[1:]] == [ONE, TWO, THREE]


def test_one_quote_is_shown_a_field_a_line(
    database: str, tmp_path: Path, records: list[str]
) -> None:
    shown = run(tmp_path, database, "show", THREE.lower().replace("-", "")).output
    assert shown == (
        f"quote       {THREE}\n"
        "ref         none\n"
        "name        none\n"
        "amount      1\n"
        "from        CAD\n"
        "to          USD\n"
        "result      0.72\n"
        "price       0.72\n"
        "rate        0.715878508266\n"
        "date        2026-10-30\n"
        "source      ECB\n"
        "path        CAD/EUR/USD\n"
        "published   EUR/CAD:1.5606,EUR/USD:1.1172\n"
        "pegs        none\n"
        "unrounded   0.715878508266\n"
        "rounding    half-up\n"
        "state       fresh\n"
        "missed      0\n"
        "rules       none\n"
        f"document    {DOCUMENT}\n"
        "attribution none\n"
        "held        2026-10-30T18:00:00Z\n"
        "expires     2026-10-31T18:00:00Z\n"
        f"version     {__version__}\n"
        "status      cancelled\n"
        "ended       2026-10-30T18:00:00Z\n"
    )
    assert r"name        \x1b[2JCafé laptop" in run(tmp_path, database, "show", ONE).output


def test_the_record_is_printed_as_it_is_kept(
    database: str, tmp_path: Path, records: list[str]
) -> None:
    for number, record in zip((ONE, TWO, THREE), records, strict=True):
        assert run(tmp_path, database, "show", number, "--raw").output == f"{record}\n"


def test_all_are_exported_a_json_object_a_line(
    database: str, tmp_path: Path, records: list[str]
) -> None:
    lines = run(tmp_path, database, "export").output.splitlines()
    exported = [json.loads(line) for line in lines]
    assert [quote["record"] for quote in exported] == records
    assert [quote["status"] for quote in exported] == ["held", "redeemed", "cancelled"]
    assert (exported[0]["rules"], exported[2]["rules"]) == (None, "none")
    assert "\x1b" not in lines[0]


def test_to_look_at_a_quote_changes_nothing(
    database: str, tmp_path: Path, records: list[str]
) -> None:
    later = "2026-10-31T18:00:00Z"
    listed = run(tmp_path, database, "list", "--status", "expired", now=later).output
    assert listed.splitlines()[1].startswith(f"{ONE}  expired ")
    with closing(open_store(database, tmp_path)) as store:
        states = store.rows("SELECT state FROM quote_end ORDER BY state")
    assert states == [("cancelled",), ("redeemed",)]


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("7F3K-9QXD-2MTA", "there is no quote 7F3K-9QXD-2MTA"),
        ("laptop", '"laptop" is not the id of a quote, which is like 7F3K-9QXD-2MTA'),
    ],
)
def test_a_quote_that_there_is_not_is_named(
    database: str, tmp_path: Path, records: list[str], typed: str, complaint: str
) -> None:
    done = run(tmp_path, database, "show", typed)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"pricedesk: {complaint}\n")


def test_without_a_store_there_are_no_quotes(tmp_path: Path) -> None:
    done = run(tmp_path, "", "list")
    assert (done.exit_code, done.stdout) == (6, "")
    assert done.stderr == f"pricedesk: no back-end has made a store in {tmp_path} so far\n"
