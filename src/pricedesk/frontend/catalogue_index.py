"""Finding products by words in a large catalogue: SQLite's full-text index, in memory.

It holds positions, not products, and is asked by one thread at a time. Workers share one that was
made before they were forked: SQLite forbids that for the sake of files and their locks, and of a
database in memory that has neither it only reads.
"""

import sqlite3
from collections.abc import Iterator, Sequence

from pricedesk.frontend.catalogue import Catalogue, searched_words

INDEXED_FROM = 2000
"""Products from which on an index is worth its memory; fewer are looked at one by one."""

_CATEGORY = "\ue000"
"""Before the number of a category, so that it is a word which nobody types."""


class WordIndex:
    """The index of one catalogue; making it takes about a second for 100,000 products."""

    def __init__(self, catalogue: Catalogue) -> None:
        numbers = {category.name: n for n, category in enumerate(catalogue.categories)}

        def rows() -> Iterator[tuple[int, str]]:
            for position, product in enumerate(catalogue):
                words = searched_words(product)
                if product.category:
                    words.append(f"{_CATEGORY}{numbers[product.category]}")
                yield position, " ".join(words)

        # Made in a thread, asked in another.
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        # The words have been taken apart already. The tokenizer `ascii` leaves all that is not
        # ASCII alone; `prefix` keeps a list for each beginning that would have too many words.
        self._database.execute(
            "CREATE VIRTUAL TABLE product USING fts5(words, content='', tokenize='ascii',"
            " columnsize=0, prefix='1 2 3')"
        )
        with self._database:
            self._database.executemany("INSERT INTO product (rowid, words) VALUES (?, ?)", rows())

    def find(
        self, words: Sequence[str], category: int | None, first: int, count: int
    ) -> tuple[Sequence[int], int]:
        """Positions of some products that have all words, and how many have them."""
        terms = [f'"{word}"*' for word in words]
        if category is not None:
            terms.append(f'"{_CATEGORY}{category}"')
        asked = " AND ".join(terms)
        total = self._database.execute(
            "SELECT count(*) FROM product WHERE product MATCH ?", (asked,)
        ).fetchone()[0]
        if first >= total:
            return (), int(total)  # To pass over all of them would take as long as to find them.
        found = self._database.execute(
            "SELECT rowid FROM product WHERE product MATCH ? ORDER BY rowid LIMIT ? OFFSET ?",
            (asked, count, first),
        )
        return [int(position) for (position,) in found], int(total)


def with_index(catalogue: Catalogue) -> Catalogue:
    """A catalogue that is searched fast, whatever its size."""
    if len(catalogue) < INDEXED_FROM or catalogue.is_indexed:
        return catalogue
    return catalogue.indexed(WordIndex)
