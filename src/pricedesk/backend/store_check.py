"""Whether a store is in order: what is in it can be read, and belongs together.

Everything is read once, a few rows at a time, however large the store is.
"""

import hashlib
import zlib
from collections.abc import Callable, Iterator
from itertools import islice

from pricedesk.backend import store_rows as rows
from pricedesk.backend.database import Database, Row, pages
from pricedesk.backend.ledger_check import ledger_problems
from pricedesk.backend.rates import Publication
from pricedesk.errors import StoreFailed

PROBLEMS_MAX = 100
"""The most problems that are listed."""


def problems(database: Database) -> list[str]:
    """What is wrong with a store, a sentence each; empty if nothing is.

    Raises:
        StoreFailed: it cannot be read, though the database finds nothing wrong with itself.
    """
    damage = database.damage()
    try:
        found = list(islice(_problems(database), PROBLEMS_MAX))
    except StoreFailed as error:
        if not damage:
            raise
        found = [str(error)]
    return list(dict.fromkeys([*damage, *found]))[:PROBLEMS_MAX]


def _problems(database: Database) -> Iterator[str]:
    for page in pages(database, "document", "sha256, content", key="sha256"):
        for row in page:
            yield from _of_document(row)
    for table in ("publication", "withheld"):
        lacking = database.execute(
            f"SELECT source, date, document FROM {table}"  # noqa: S608  # the names are ours
            " WHERE document NOT IN (SELECT sha256 FROM document) ORDER BY source, date"
        )
        for source, day, document in lacking:
            yield f"the document {document} of {source} on {day} is not there"
    yield from _of_publications(database)
    others = [
        ("withheld", rows.WITHHELD_COLUMNS, "number", _withheld),
        ("decision", f"{rows.DECISION_COLUMNS}, number", "number", _decision),
        ("look", rows.LOOK_COLUMNS, "source", rows.look_of_row),
        ("coverage", "first, last, source", "source, first", rows.days_of_row),
    ]
    for table, columns, key, meaning in others:
        for page in pages(database, table, columns, key=key):
            for row in page:
                yield from _unreadable(table, row, meaning)
    yield from ledger_problems(database)


def _of_document(row: Row) -> Iterator[str]:
    sha256, content = row
    try:
        digest = hashlib.sha256(zlib.decompress(content)).hexdigest()
    except zlib.error as error:
        yield f"the document {sha256} cannot be read: {error}"
        return
    if digest != sha256:
        yield f"the document {sha256} has the digest {digest}"


def _of_publications(database: Database) -> Iterator[str]:
    """Each can be read; revisions have no hole, and each says something else than the last.

    The first one of a day may be its second: the package's history has the first one then.
    """
    before: tuple[Row, Publication | None] | None = None
    key = "source, date, revision"
    for page in pages(database, "publication", rows.PUBLICATION_COLUMNS, key=key):
        for row in page:
            _, source, day, revision = row[:4]
            named = f"{source} on {day}, revision {revision}"
            try:
                publication = rows.publication_of_row(row)
            except ValueError as error:
                yield f"{named} cannot be read: {error}"
                publication = None
            corrected = before if before is not None and before[0][1:3] == row[1:3] else None
            expected = corrected[0][3] + 1 if corrected is not None else min(revision, 2)
            if revision != expected:
                yield f"{named} is there, revision {expected} is not"
            if corrected is not None and _equal(corrected[1], publication):
                yield f"{named} says the same as the one before"
            before = row, publication


def _equal(one: Publication | None, other: Publication | None) -> bool:
    if one is None or other is None:
        return False
    return one.says_the_same(other) and one.withheld == other.withheld


def _unreadable(table: str, row: Row, meaning: Callable[[Row], object]) -> Iterator[str]:
    try:
        meaning(row)
    except ValueError as error:
        yield f"a row of {table} cannot be read: {error}"


def _withheld(row: Row) -> object:
    return rows.withheld_of_row((*row, None, None, None, None))


def _decision(row: Row) -> object:
    return rows.decision_of_row(row[:4])
