"""docs/sources.md is true: its tables are those of the code, its example works."""

import re
import tomllib
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

from pricedesk.backend.history import packaged_publications
from pricedesk.backend.pegs import all_pegs
from pricedesk.backend.rates import Sheet
from pricedesk.backend.sources import find_sources, source_keys
from pricedesk.backend.sources.facts import all_facts
from pricedesk.backend.sources.source import Source

PAGE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
FIXTURES = Path(__file__).parents[1] / "fixtures"
SOURCES = find_sources(source_keys(), "https://ecb.example")


def table(heading: str) -> list[list[str]]:
    """The rows of the table that begins with these columns."""
    lines = PAGE[PAGE.index(heading) :].splitlines()[2:]
    rows = lines[: next(n for n, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def published(source: Source) -> str:
    calendar = source.calendar
    later = f", {calendar.days_later} working day later" if calendar.days_later else ""
    return f"{calendar.publishes_at:%H:%M} {calendar.zone.key}{later}"


def facts(source: Source) -> list[str]:
    """What the first table says of a source, without the number of its currencies."""
    pivot, has_history = source.convention.pivot, source.next_due is None
    return [
        source.key,
        source.name,
        pivot,
        f"1 {pivot} = value" if source.convention.per_pivot else f"units = value {pivot}",
        ", ".join(f"`{code}`" for code in source.calendar.closed_with) or "none",
        published(source),
        str(source.first_date) if has_history else "its newest day only",
    ]


def newest_count(source: Source) -> int:
    """How many currencies the newest day has that is on record here."""
    if source.key == "ECB":
        return len(packaged_publications()[-1].rates())
    recordings = (FIXTURES / source.key.lower()).iterdir()
    recording = min(file for file in recordings if "gold" not in file.name)
    day = date(2026, 3, 17)
    return len(source.read(source.request(day, day), recording.read_bytes())[-1].rates)


def test_the_table_of_sources_says_what_the_code_says() -> None:
    rows = table("| key | source |")
    assert [row[:4] + row[5:] for row in rows] == [facts(source) for source in SOURCES]
    counts = {row[0]: row[4] for row in rows}
    recorded = {source.key: str(newest_count(source)) for source in SOURCES if not source.next_due}
    assert counts == recorded | {"ERAPI": "about 160"}


def test_the_table_of_terms_names_each_source_as_the_doors_do() -> None:
    rows = [(row[0], row[1], row[3]) for row in table("| key | name it as |")]
    assert rows == [
        (s.key, f"[{s.attribution}]({s.attribution_url})", "yes" if s.redistribute else "no")
        for s in SOURCES
    ]


def test_the_pegs_that_the_page_tells_of_are_in_their_table() -> None:
    pegs = {peg.currency: peg for peg in all_pegs()}
    flat = " ".join(PAGE.split())
    assert f"{pegs['AED'].value} dirhams to the dollar" in flat
    assert f"{pegs['XOF'].value} CFA francs to the euro" in flat
    assert f"the manat's parity of {pegs['TMT'].value}0 began on {pegs['TMT'].since}" in flat
    assert f"so its day is {pegs['AED'].since}" in flat
    assert f"29 of the {len(pegs)} at their parity" in flat


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_example_of_a_source_can_be_followed() -> None:
    document, module, test = *blocks("json"), *blocks("python")
    exb = ModuleType("exb")
    exec(compile(module, "exb.py", "exec"), exb.__dict__)  # noqa: S102  # the page's own code
    names: dict[str, Any] = {
        "exb": exb,
        "RECORDED": document.encode(),
        "Sheet": Sheet,
        "date": date,
    }
    shown = test[test.index("def test_") :]
    exec(compile(shown, "test_exb.py", "exec"), names)  # noqa: S102  # as above
    names["test_the_recorded_document_is_read_in_its_own_words"]()
    assert exb.url(date(2026, 3, 16), date(2026, 3, 17)) in PAGE


def test_the_examples_entry_has_what_an_entry_needs() -> None:
    [entry] = blocks("toml")
    # The ECB may be asked for everything at once.
    needed = set.intersection(*(set(facts) for name, facts in all_facts().items() if name != "ecb"))
    assert set(tomllib.loads(entry)["exb"]) == needed
