"""Sources: institutions that publish rates. A source asks and parses; it keeps no state.

What a source is is data, in `sources.toml`, and each has a module of two functions, `url` and
`parse`. Only the ECB's has more, because its history comes with the package.
"""

from collections.abc import Sequence
from datetime import date
from importlib import import_module

from pricedesk.backend.rates import Sheet
from pricedesk.backend.sources import ecb, facts
from pricedesk.backend.sources.source import Request, Source
from pricedesk.errors import InvalidSetting, in_quotes

DOCUMENT_BYTES_MAX = 2 * 1024 * 1024
"""Of the sources other than the ECB; a year of the Bank of Canada is half a megabyte."""


def find_sources(keys: Sequence[str], ecb_address: str) -> list[Source]:
    """The sources of these keys, in their order; the ECB's documents are at `ecb_address`.

    Raises:
        InvalidSetting: there is no such source.
    """
    known = source_keys()
    for key in keys:
        if key not in known:
            raise InvalidSetting(
                f"PRICEDESK_SOURCES: {in_quotes(key)} is none of {', '.join(known)}"
            )
    return [ecb.source(ecb_address) if key == ecb.NAME else _source(key) for key in keys]


def source_keys() -> list[str]:
    """The keys of all sources that there are, asked or not."""
    return [name.upper() for name in facts.all_facts()]


def _source(key: str) -> Source:
    module = import_module(f"pricedesk.backend.sources.{key.lower()}")
    about = facts.all_facts()[key.lower()]

    def request(first: date, last: date) -> Request:
        return Request(f"{key} {first} {last}", module.url(first, last))

    def read(_request: Request, raw: bytes) -> list[Sheet]:
        sheets: list[Sheet] = module.parse(raw)
        return sheets

    return facts.source_of(
        key,
        facts.convention_of(about),
        facts.calendar_of(about),
        request,
        read,
        document_bytes_max=DOCUMENT_BYTES_MAX,
        next_due=getattr(module, "next_update", None),
    )
