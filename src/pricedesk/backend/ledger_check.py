"""Whether the ledger of quotes is in order: no quote is missing, each says what its row says."""

from collections.abc import Iterator

from pricedesk.backend.database import Database, Row, pages
from pricedesk.backend.quotes import instant_of
from pricedesk.errors import InvalidRequest
from pricedesk.quote_codes import parse_quote_id
from pricedesk.quote_lines import QuoteStatus, record_fields

_LACKING = {
    "the end of the quote {} is there, the quote is not": (
        "SELECT id FROM quote_end WHERE NOT EXISTS"
        " (SELECT 1 FROM quote WHERE quote.id = quote_end.id) ORDER BY id"
    ),
    "the key of the quote {} is there, the quote is not": (
        "SELECT id FROM quote_key WHERE NOT EXISTS"
        " (SELECT 1 FROM quote WHERE quote.id = quote_key.id) ORDER BY id"
    ),
    "the quote {} is counted, and not there": (
        "SELECT id FROM quote_held WHERE NOT EXISTS"
        " (SELECT 1 FROM quote WHERE quote.id = quote_held.id) ORDER BY id"
    ),
    "the quote {} has expired, and is counted still": (
        "SELECT quote_held.id FROM quote_held JOIN quote_end ON quote_end.id = quote_held.id"
        " WHERE state = 'expired' ORDER BY quote_held.id"
    ),
    "the quote {} is held, and not counted": (
        "SELECT id FROM quote WHERE"
        " NOT EXISTS (SELECT 1 FROM quote_end WHERE quote_end.id = quote.id)"
        " AND NOT EXISTS (SELECT 1 FROM quote_held WHERE quote_held.id = quote.id) ORDER BY id"
    ),
    "the quote {} is counted for another time than it is held": (
        "SELECT quote.id FROM quote JOIN quote_held ON quote_held.id = quote.id"
        " WHERE quote_held.expires_at <> quote.expires_at ORDER BY quote.id"
    ),
}
"""What each of these finds, and how it is told."""


def ledger_problems(database: Database) -> Iterator[str]:
    """What is wrong with the ledger, a sentence each.

    Raises:
        StoreFailed: it cannot be read.
    """
    last = 0
    columns = "sequence, id, record, held_at, expires_at"
    for page in pages(database, "quote", columns, key="sequence"):
        for row in page:
            if row[0] != last + 1:
                yield f"the ledger lacks what was before the quote {row[1]}: see its sequence"
            last = row[0]
            yield from _of_quote(row)
    for sentence, select in _LACKING.items():
        for (quote_id,) in database.execute(select):
            yield sentence.format(quote_id)
    ends = "quote_end JOIN quote ON quote.id = quote_end.id"
    columns = "quote_end.id, state, at, held_at, expires_at"
    for page in pages(database, ends, columns, key="quote_end.id"):
        for row in page:
            yield from _of_end(row)


def _of_quote(row: Row) -> Iterator[str]:
    _, quote_id, record, *instants = row
    told = record_fields(record)
    said = [told.get(name) for name in ("quote", "held", "expires")]
    if said != [quote_id, *instants]:
        yield f"the record of the quote {quote_id} says something else than its row"
    try:
        held_at, expires_at = map(instant_of, instants)
        sound = parse_quote_id(quote_id) == quote_id and held_at < expires_at
    except (ValueError, InvalidRequest) as error:
        yield f"the quote {quote_id} cannot be read: {error}"
        return
    if not sound:
        yield f"the quote {quote_id} expires before it is held, or its id is off"


def _of_end(row: Row) -> Iterator[str]:
    quote_id, state, at, held_at, expires_at = row
    try:
        instant_of(at)
        status = QuoteStatus(state)
    except ValueError as error:
        yield f"the end of the quote {quote_id} cannot be read: {error}"
        return
    # Instants have one notation, so their texts are in their order.
    in_time = held_at <= at < expires_at
    if (status is QuoteStatus.EXPIRED) == in_time:
        yield f"the quote {quote_id} was {state} at {at}, which is not its time"
