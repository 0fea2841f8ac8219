"""The parameters of a request, read strictly: what is not understood is refused by name.

A parameter that is passed over in silence answers another question than the one that was
asked, and nobody sees it.
"""

from collections.abc import Collection, Mapping
from datetime import date

from pricedesk.backend.bureau import Bureau
from pricedesk.currencies import Currency, currency
from pricedesk.dates import parse_date
from pricedesk.errors import InvalidRequest, UnknownCurrency, in_quotes
from pricedesk.http.messages import Request

NAMES_SHOWN_MAX = 10
"""So many unknown names does a refusal repeat."""


def parameters(request: Request, known: Collection[str]) -> Mapping[str, str]:
    """The parameters of a request by name.

    Raises:
        InvalidRequest: one is not among the known ones, or is there twice.
    """
    found: dict[str, str] = {}
    unknown: list[str] = []
    twice: list[str] = []
    for name, value in request.query:
        if name not in known:
            unknown.append(name)
        elif name in found:
            twice.append(name)
        found[name] = value
    if unknown:
        raise InvalidRequest(f"unknown parameter: {shown(unknown)}")
    if twice:
        raise InvalidRequest(f"repeated parameter: {shown(twice)}")
    return found


def shown(names: Collection[str], separator: str = ", ") -> str:
    """A stranger's names in one text that is safe to show: each once, none long, not too many."""
    distinct = list(dict.fromkeys(names))
    texts = [in_quotes(name)[1:-1] for name in distinct[:NAMES_SHOWN_MAX]]
    if len(distinct) > NAMES_SHOWN_MAX:
        texts.append("...")
    return separator.join(texts)


def capitals(text: str) -> str:
    """A text in capitals; other scripts have letters whose capital is one of ours, and stay."""
    return text.upper() if text.isascii() else text


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


def source_keys(text: str, bureau: Bureau) -> tuple[str, ...]:
    """The keys of sources that are asked here, from a list with commas; in capitals or not.

    Raises:
        InvalidRequest: one is not asked here.
    """
    keys = tuple(dict.fromkeys(capitals(text).split(",")))
    unknown = [key for key in keys if key not in bureau.sources]
    if unknown:
        known = ", ".join(sorted(bureau.sources))
        raise InvalidRequest(f"unknown provider: {shown(unknown)}; known here: {known}")
    return keys


def day_of(values: Mapping[str, str], name: str) -> date | None:
    """The date that a parameter has, None if it is not there.

    Raises:
        InvalidDate: it is no date.
    """
    return parse_date(values[name]) if name in values else None
