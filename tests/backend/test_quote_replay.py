"""Quotes that earlier versions have held read back byte for byte, for ever.

`fixtures/quotes/` has a folder for each version: a backup of its ledger, and what it said of each
quote. A folder is added when a version writes records differently, and none is ever changed.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from held import Clock, Counting
from pricedesk.backend.ledger import Ledger
from pricedesk.backend.quotes import NoOffer, QuoteTerms, fingerprint
from pricedesk.backend.store import open_store
from pricedesk.backend.store_backup import back_up, restore
from pricedesk.errors import InvalidAmount
from pricedesk.protocol import parse_request
from pricedesk.quote_lines import (
    Hold,
    OfQuote,
    QuoteVerb,
    parse_quote_reply,
    record_fields,
    record_text,
)

FIXTURES = Path(__file__).parents[1] / "fixtures" / "quotes"
SHA256 = {
    "0.1.0/ledger.db": "918f8007a205fed7103c5fdd5901be0293037162163f9871ed3cec7a7b906a92",
    "0.1.0/quotes.jsonl": "257f54aea0fe8bf0693e43a37dfd7be58e16ab5b2ed726a66cf98cee5d858032",
}
VERSIONS = sorted({name.partition("/")[0] for name in SHA256})
MONTHS_LATER = datetime(2027, 6, 1, tzinfo=UTC)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """Each version whose quotes were recorded."""
    return str(request.param)


@pytest.fixture
def said(version: str) -> list[dict[str, str]]:
    """Each quote's request, the request's fingerprint, and what was said of it in the end."""
    lines = (FIXTURES / version / "quotes.jsonl").read_text("ascii").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture
def ledger(version: str, database: str, tmp_path: Path) -> Iterator[Ledger]:
    """The ledger of that version, months later, in a store of this one."""
    with closing(open_store(database, tmp_path)) as store:
        restore(store, FIXTURES / version / "ledger.db")
        yield Ledger(store, Clock(MONTHS_LATER), QuoteTerms(), Counting())
        assert store.check() == []
        back_up(store, tmp_path / "again.db")


def as_in_the_end(reply: str) -> str:
    """What was held when it was recorded has expired by now."""
    held, record = " status=held", reply.removesuffix(" status=held")
    expired = f"{record} status=expired expired={record_fields(record)['expires']}"
    return expired if reply.endswith(held) else reply


def test_nobody_has_edited_what_was_recorded() -> None:
    assert {
        str(file.relative_to(FIXTURES)): sha256(file.read_bytes()).hexdigest()
        for file in FIXTURES.rglob("*")
        if file.is_file()
    } == SHA256


def test_a_quote_reads_back_byte_for_byte(ledger: Ledger, said: list[dict[str, str]]) -> None:
    records = [parse_quote_reply(one["reply"]).record for one in said]
    assert [quote.record for quote in ledger.quotes()] == records
    asked = [OfQuote(QuoteVerb.QUOTE, record[6:20]) for record in records]
    replies = [str(getattr(quote, "reply", quote)) for quote in ledger.settle(asked).outcomes]
    assert replies == [as_in_the_end(one["reply"]) for one in said]


def test_a_key_still_gets_its_quote(ledger: Ledger, said: list[dict[str, str]]) -> None:
    for one in said:
        request = parse_request(one["request"])
        assert isinstance(request, Hold)
        assert fingerprint(request) == one["fingerprint"]
        if request.key is not None:
            # Nothing is converted for it.
            asked = NoOffer(request, InvalidAmount("this was not asked for"))
            [quote] = ledger.settle([asked]).outcomes
            assert str(getattr(quote, "reply", quote)) == as_in_the_end(one["reply"])


def test_a_record_is_read_and_written_without_loss(said: list[dict[str, str]]) -> None:
    for one in said:
        record = parse_quote_reply(one["reply"]).record
        assert record_text(record_fields(record)) == record
