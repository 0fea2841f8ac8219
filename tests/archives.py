"""Archives of sources, made up by a rule: what a stand-in for a bank's web server answers with.

The rates are quiet, so that no guard doubts them. The rule is the same whenever it is asked, so
a history can be fetched in any pieces and comes out the same.
"""

import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

from fake_source import Answer, Exchange, reply
from pricedesk.backend.calendars import Calendar
from pricedesk.backend.sources import find_sources

CALENDARS = {s.key: s.calendar for s in find_sources(["BOC", "NBP"], "https://ecb.example")}

TENFOLD = frozenset(date(year, 5, 17) for year in range(2017, 2027))
"""Days on which the Bank of Canada has the dollar with a digit too many, where it publishes."""


def boc_value(day: date) -> str:
    """What the Bank of Canada says of the dollar on a day."""
    text = f"1.3{day.toordinal() * 7 % 40:03}"
    return f"{text[0]}{text[2]}.{text[3:]}" if day in TENFOLD else text


def nbp_value(day: date) -> str:
    """What the NBP says of the dollar on a day."""
    return f"3.6{day.toordinal() * 7 % 40:03}"


def publication_days(calendar: Calendar, first: date, last: date) -> list[date]:
    """The days of a range on which a source publishes."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if calendar.is_publication_day(day)]


def boc_document(first: date, last: date) -> bytes:
    """The Bank of Canada's document of a range; without a day in it, a list of nothing."""
    days = publication_days(CALENDARS["BOC"], first, last)
    return boc_json({day: boc_value(day) for day in days})


def boc_json(dollars: Mapping[date, str]) -> bytes:
    """A document of the Bank of Canada with these values of the dollar."""
    observed = [{"d": str(day), "FXUSDCAD": {"v": value}} for day, value in dollars.items()]
    return json.dumps({"observations": observed}).encode()


async def boc(exchange: Exchange) -> None:
    """The Bank of Canada's Valet."""
    asked = parse_qs(urlsplit(exchange.path).query)
    first, last = (date.fromisoformat(asked[f"{end}_date"][0]) for end in ("start", "end"))
    await reply(boc_document(first, last))(exchange)


async def nbp(exchange: Exchange) -> None:
    """The NBP's API: a range without a table is not found, more than 93 days are refused."""
    found = re.findall(r"/(\d{4}-\d{2}-\d{2})", exchange.path)
    first, last = (date.fromisoformat(text) for text in found)
    days = publication_days(CALENDARS["NBP"], first, last)
    rates = ({"code": "USD", "mid": nbp_value(day)} for day in days)
    tables = [
        {"table": "A", "effectiveDate": str(day), "rates": [rate]}
        for day, rate in zip(days, rates, strict=True)
    ]
    if (last - first).days >= 93:
        await reply(b"400 BadRequest", 400)(exchange)
    elif not days:
        await reply(b"404 NotFound", 404)(exchange)
    else:
        await reply(json.dumps(tables).encode())(exchange)


def by_key(answers: Mapping[str, Answer]) -> Answer:
    """The sources of `rerouted.py`, each at its key; status 404 for one that is not named."""

    async def answer(exchange: Exchange) -> None:
        key = exchange.path.split("/")[1]
        await answers.get(key, reply(status=404))(exchange)

    return answer
