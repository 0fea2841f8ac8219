"""Who looks at a page: in which currency and language, as a browser says or was told before."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from babel import Locale

from pricedesk.currencies import CURRENCIES, Currency
from pricedesk.frontend.locales import parse_accept_language, parse_locale
from pricedesk.http.messages import Request

CURRENCY_COOKIE = "currency"
LANGUAGE_COOKIE = "language"
COOKIE_SECONDS = 365 * 24 * 3600
PATH_CHARACTERS_MAX = 2000
"""A longer way back is not remembered."""

_COOKIE = re.compile(r"\s*([A-Za-z]{1,20})=([A-Za-z_-]{2,20})\s*")


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a page is made for."""

    currency: Currency
    locale: Locale
    address: str

    @property
    def language(self) -> str:
        """The language as HTML names it."""
        return str(self.locale).replace("_", "-")


def visitor_of(request: Request, default: Currency, today: date) -> Visitor:
    """Who a request is from; what it says that is none of ours counts as not said."""
    cookies = _cookies(request.headers)
    preference = parse_accept_language(request.headers.get("accept-language", ""), today)
    currency = CURRENCIES.get(cookies.get(CURRENCY_COOKIE, "")) or preference.currency or default
    chosen = cookies.get(LANGUAGE_COOKIE)
    locale = parse_locale(chosen) if chosen else None
    return Visitor(currency, locale or preference.locale, request.address)


def _cookies(headers: Mapping[str, str]) -> dict[str, str]:
    found = (_COOKIE.fullmatch(part) for part in headers.get("cookie", "").split(";"))
    return {match[1]: match[2] for match in found if match}


def cookie(name: str, value: str) -> tuple[str, str]:
    """The header that has a browser remember a choice."""
    attributes = f"Path=/; Max-Age={COOKIE_SECONDS}; SameSite=Lax; HttpOnly"
    return ("Set-Cookie", f"{name}={value}; {attributes}")


def is_from_here(headers: Mapping[str, str]) -> bool:
    """Whether a form was sent from a page of ours, as far as the browser says.

    What is no browser says nothing, and has no visitor that it could be made to act for.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin, host = headers.get("origin"), headers.get("host")
    if origin is None:
        return True
    return bool(host) and origin.partition("://")[2] == host


_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")
"""What a browser takes for a path of this very host: it reads a backslash as a slash."""


def safe_path(text: str) -> str:
    """A path of ours to go back to; the first page if it is none."""
    return text if len(text) <= PATH_CHARACTERS_MAX and _PATH.fullmatch(text) else "/"
