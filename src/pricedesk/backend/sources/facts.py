"""What each source is, as data: the tables of `sources.toml`."""

import tomllib
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pricedesk.backend.calendars import Calendar
from pricedesk.backend.rates import Convention, Sheet
from pricedesk.backend.sources.source import Request, Source


@cache
def all_facts() -> Mapping[str, Mapping[str, Any]]:
    """The facts about each source, by its key in small letters, in the order of the file."""
    return tomllib.loads(Path(__file__).with_name("sources.toml").read_text(encoding="utf-8"))


def convention_of(facts: Mapping[str, Any]) -> Convention:
    """How the values of a source are to be read."""
    return Convention(facts["pivot"], per_pivot=facts["per_pivot"])


def calendar_of(facts: Mapping[str, Any]) -> Calendar:
    """When a source publishes."""
    return Calendar(
        closed_with=tuple(facts["closed_with"]),
        zone=ZoneInfo(facts["zone"]),
        publishes_at=facts["publishes_at"],
        overdue_after=timedelta(hours=facts["overdue_after_hours"]),
        proven=facts.get("proven", False),
        days_later=facts.get("days_later", 0),
        opened_on=tuple(facts.get("opened_on", ())),
    )


def source_of(
    key: str,
    convention: Convention,
    calendar: Calendar,
    request: Callable[[date, date], Request],
    read: Callable[[Request, bytes], list[Sheet]],
    **more: Any,  # noqa: ANN401  # what a source has besides, as `Source` has it
) -> Source:
    """A source: its facts, how to ask it, and how to read what it answers."""
    facts = all_facts()[key.lower()]
    return Source(
        key=key,
        name=facts["name"],
        convention=convention,
        calendar=calendar,
        first_date=facts["first_date"],
        terms=facts["terms"],
        terms_url=facts["terms_url"],
        attribution=facts["attribution"],
        attribution_url=facts["attribution_url"],
        request=request,
        read=read,
        span_days=facts.get("span_days"),
        within_a_year=facts.get("within_a_year", False),
        attribution_required=facts.get("attribution_required", False),
        has_history=facts.get("has_history", True),
        nothing_status=facts.get("nothing_status"),
        origin=facts.get("origin"),
        redistribute=facts.get("redistribute", True),
        rate_type=facts["rate_type"],
        country_code=facts.get("country_code"),
        **_paces(facts),
        **more,
    )


def _paces(facts: Mapping[str, Any]) -> dict[str, Any]:
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
