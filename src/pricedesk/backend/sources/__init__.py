"""Sources: institutions that publish rates. A source asks and parses; it keeps no state.

The ECB's module is the most of a source, because its history comes with the package; what the
others are is data, in `sources.toml`, and each has a module of two functions, `url` and `parse`.
"""

import tomllib
from collections.abc import Sequence
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pricedesk.backend.calendars import Calendar
from pricedesk.backend.rates import Convention, Sheet
from pricedesk.backend.sources import ecb
from pricedesk.backend.sources.source import Request, Source
from pricedesk.errors import InvalidSetting, in_quotes

DOCUMENT_BYTES_MAX = 2 * 1024 * 1024
"""Of the sources in the table; a year of the Bank of Canada is half a megabyte."""


def find_sources(keys: Sequence[str], ecb_address: str) -> list[Source]:
    """The sources of these keys, in their order; the ECB's documents are at `ecb_address`.

    Raises:
        InvalidSetting: there is no such source.
    """
    # Most desks ask the ECB alone; they need not read about the others.
    table = sources_toml() if list(keys) != [ecb.NAME] else {}
    found = []
    for key in keys:
        if key == ecb.NAME:
            found.append(ecb.source(ecb_address))
        elif key.lower() in table:
            found.append(_source(key, table[key.lower()]))
        else:
            known = ", ".join(source_keys())
            raise InvalidSetting(f"PRICEDESK_SOURCES: {in_quotes(key)} is none of {known}")
    return found


def source_keys() -> list[str]:
    """The keys of all sources that there are, asked or not."""
    return [ecb.NAME, *(name.upper() for name in sources_toml())]


def sources_toml() -> dict[str, dict[str, Any]]:
    """The facts about the sources other than the ECB, by their keys in small letters."""
    return tomllib.loads(Path(__file__).with_name("sources.toml").read_text(encoding="utf-8"))


def _source(key: str, facts: dict[str, Any]) -> Source:
    module = import_module(f"pricedesk.backend.sources.{key.lower()}")
    convention = Convention(facts["pivot"], per_pivot=facts["per_pivot"])

    def request(first: date, last: date) -> Request:
        return Request(f"{key} {first} {last}", module.url(first, last))

    def read(_request: Request, raw: bytes) -> list[Sheet]:
        sheets: list[Sheet] = module.parse(raw)
        return sheets

    return Source(
        key=key,
        name=facts["name"],
        convention=convention,
        calendar=Calendar(
            closed_with=tuple(facts["closed_with"]),
            zone=ZoneInfo(facts["zone"]),
            publishes_at=facts["publishes_at"],
            overdue_after=timedelta(hours=facts["overdue_after_hours"]),
            proven=facts.get("proven", False),
            days_later=facts.get("days_later", 0),
            opened_on=tuple(facts.get("opened_on", ())),
        ),
        first_date=facts["first_date"],
        document_bytes_max=DOCUMENT_BYTES_MAX,
        terms=facts["terms"],
        terms_url=facts["terms_url"],
        attribution=facts["attribution"],
        attribution_url=facts["attribution_url"],
        request=request,
        read=read,
        span_days=facts["span_days"],
        within_a_year=facts.get("within_a_year", False),
        next_due=getattr(module, "next_update", None),
        attribution_required=facts.get("attribution_required", False),
        has_history=facts.get("has_history", True),
        nothing_status=facts.get("nothing_status"),
        origin=facts.get("origin"),
        redistribute=facts.get("redistribute", True),
        rate_type=facts["rate_type"],
        country_code=facts.get("country_code"),
        **_paces(facts),
    )


def _paces(facts: dict[str, Any]) -> dict[str, Any]:
    """How fast the source may be asked, where it asks for more patience than the others."""
    paces: dict[str, Any] = {}
    if "pause_min_minutes" in facts:
        paces["pause_min"] = timedelta(minutes=facts["pause_min_minutes"])
    if "piece_pause_seconds" in facts:
        paces["piece_pause"] = timedelta(seconds=facts["piece_pause_seconds"])
    if "delay_seconds" in facts:
        least, most = facts["delay_seconds"]
        paces |= {"delay_min": timedelta(seconds=least), "delay_max": timedelta(seconds=most)}
    return paces
