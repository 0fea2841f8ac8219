"""The ECB's whole history by the default limits: what docs/guards.md lists, and nothing else."""

import re
from datetime import date
from pathlib import Path

from pricedesk.backend.guards import judge
from pricedesk.backend.limits import Limits
from pricedesk.backend.rate_book import RateBook, SourceHistory
from pricedesk.backend.rates import Publication, Sheet
from pricedesk.backend.witnesses import Witnesses
from trials import ECB

PAGE = Path(__file__).parents[2] / "docs" / "guards.md"
CASE = re.compile(
    r"^\| (?P<day>[0-9-]{10}) \| (?P<code>[A-Z]{3}) \| (?P<value>[0-9.]+) \| (?P<before>[0-9.]+)"
    r" \| (?P<moved>[0-9.]+ %) \| (?P<limit>[0-9.]+ %) \|",
    re.MULTILINE,
)


class Replay(SourceHistory):
    """What was known in the evening of a day that moves on."""

    evening = date.min

    def as_of(self, day: date) -> Publication | None:
        """The last publication on or before a day, as far as it was known."""
        return super().as_of(min(day, self.evening))


def test_exactly_the_documented_values_of_the_whole_history_are_doubted(book: RateBook) -> None:
    known = Replay(book)
    found = []
    for publication in book:
        sheet = Sheet(publication.date, publication.rates())
        found += judge(sheet, ECB, known, Witnesses(), book.newest.date)
        known.evening = publication.date
    cases = list(CASE.finditer(PAGE.read_text(encoding="utf-8")))
    assert len(found) == len(cases) == 14
    for doubt, case in zip(found, cases, strict=True):
        assert (doubt.code, doubt.guard) == (case["code"], "jump")
        assert re.fullmatch(
            f"{case['code']} on {case['day']} is {case['value']}, {case['moved']} from"
            f" {case['before']} on [0-9-]*: it may move by {case['limit']}",
            doubt.reason,
        )


def test_the_limits_on_the_page_are_the_default_ones() -> None:
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    limits = Limits()
    sentences = {
        "six times the fourth largest of its currency's last sixty moves": (6, 4, 60),
        "at least 3 % and at most 25 %; 10 % as long as there are fewer than twenty": (3, 25, 10),
    }
    assert all(sentence in page for sentence in sentences)
    assert list(sentences.values()) == [
        (limits.jump_multiple, limits.jump_rank, limits.jump_moves),
        (limits.jump_least_percent, limits.jump_most_percent, limits.jump_unknown_percent),
    ]
