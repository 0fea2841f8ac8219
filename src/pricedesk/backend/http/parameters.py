"""What parameters of the back-end's API stand for: currencies, sources, days."""

from collections.abc import Collection, Mapping
from datetime import date

from pricedesk.backend.bureau import Bureau
from pricedesk.currencies import Currency, currency
from pricedesk.dates import parse_date
from pricedesk.errors import UnknownCurrency
from pricedesk.http.parameters import capitals, shown


def currencies(codes: Collection[str]) -> list[Currency]:
    """The currencies of these codes, each once.

    Raises:
        UnknownCurrency: some are none; all of these are named.
    """
    found: dict[str, Currency] = {}
    unknown = []
    for code in codes:
        try:
            known = currency(code)
        except UnknownCurrency:
            unknown.append(capitals(code))
        else:
            found[known.code] = known
    if unknown:
        raise UnknownCurrency(f"invalid currency: {shown(unknown, ',')}")
    return list(found.values())


def known_keys(text: str, bureau: Bureau) -> tuple[str, ...]:
    """Those of a list with commas that are asked here; the others have no rates, so they are left.

    Frankfurter's `providers` is meant so: a client may name sources that only others have.
    """
    return tuple(key for key in dict.fromkeys(capitals(text).split(",")) if key in bureau.sources)


def day_of(values: Mapping[str, str], name: str) -> date | None:
    """The date that a parameter has, None if it is not there.

    Raises:
        InvalidDate: it is no date.
    """
    return parse_date(values[name]) if name in values else None
