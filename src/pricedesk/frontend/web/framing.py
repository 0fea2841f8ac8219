"""What all pages share: who looks, what is around the content, and how a failure is told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import urlencode

from babel import Locale

from pricedesk.currencies import Currency
from pricedesk.error_lines import ErrorReply
from pricedesk.errors import InvalidRequest, PricedeskError, ServiceUnavailable, in_quotes
from pricedesk.frontend.appearance import Appearance
from pricedesk.frontend.locales import currency_name, language_name
from pricedesk.frontend.offers import Offer
from pricedesk.frontend.refusal_words import advice, as_sentence, is_exact, meaning, sentence_of
from pricedesk.frontend.shop import Shop
from pricedesk.frontend.translations import ENGLISH_TAG, Words, spoken, words_for
from pricedesk.frontend.web.rendering import Pages
from pricedesk.frontend.web.visitor import Visitor, is_from_here, visitor_of
from pricedesk.http.messages import NO_STORE, Failure, Request, Response, parse_query
from pricedesk.http.routes import status_of

SPOKEN = tuple((tag, language_name(Locale(tag)).capitalize()) for tag in spoken())
"""The languages that the pages' own texts are in, by their own names; amounts and dates are in
the visitor's own."""

FORM_TYPE = "application/x-www-form-urlencoded"
FORM_BYTES_MAX = 16 * 1024

RETRY_SECONDS = 5
"""When to ask again what the back-end could not answer, which is looked at all the time."""

RETRY_AFTER = ("Retry-After", str(RETRY_SECONDS))
PASSING = frozenset({ServiceUnavailable.slug})
"""Failures that are over when the back-end is back."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for a page: who asks, and in what words he is answered.

    `choices` are the currencies that he may choose. Where there are no rates of the currency
    that he would have, it is `missed`, and he is shown the shop's own choice.
    """

    request: Request
    visitor: Visitor
    words: Words
    choices: tuple[Currency, ...]
    missed: Currency | None = None


@dataclass(frozen=True, slots=True)
class CurrencyChoice:
    """A currency in the chooser."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What is around the content of every page."""

    shop: str
    section: str
    language: str
    currency: str
    currencies: tuple[CurrencyChoice, ...]
    back: str
    book: str
    away: bool
    notice: str
    attributions: tuple[str, ...]
    languages: tuple[tuple[str, str], ...] = SPOKEN


@dataclass(frozen=True, slots=True)
class Again:
    """A form that does once more what has failed; with the same key it is the same request."""

    action: str
    fields: Mapping[str, str]


class Framing:
    """Puts pages into the frame of a shop."""

    def __init__(self, shop: Shop, pages: Pages, appearance: Appearance) -> None:
        self._shop = shop
        self._pages = pages
        self._name = appearance.name
        self._default = appearance.currency

    async def visit(self, request: Request) -> Visit:
        """Who asks. A currency without rates is not what prices are shown in."""
        visit = self._unasked(request)
        wanted = visit.visitor.currency
        choices = await self._shop.currencies(wanted)
        if choices or wanted == self._default:
            return replace(visit, choices=tuple(choices) or (wanted,))
        choices = await self._shop.currencies(self._default)
        return replace(
            visit,
            visitor=replace(visit.visitor, currency=self._default),
            choices=tuple(choices) or (self._default,),
            missed=wanted,
        )

    def page(  # noqa: PLR0913  # what every page has
        self,
        template: str,
        visit: Visit,
        section: str = "",
        offers: Iterable[Offer] = (),
        *,
        status: int = HTTPStatus.OK,
        attributions: Iterable[str] = (),
        headers: tuple[tuple[str, str], ...] = (),
        **values: object,
    ) -> Response:
        """A page. `attributions` are addresses that are to be named beside those of offers."""
        request, visitor, words, offers = visit.request, visit.visitor, visit.words, list(offers)
        asked = urlencode(request.query)
        here = f"{request.raw_path}?{asked}" if asked else request.raw_path
        named = {offer.price.attribution for offer in offers if offer.price is not None}
        notice = ""
        if visit.missed is not None:
            notice = words("There are no rates for {}, so prices are shown in {}.").format(
                visit.missed.code, visitor.currency.code
            )
        frame = Frame(
            shop=self._name,
            section=section,
            language=_language(visitor),
            currency=visitor.currency.code,
            currencies=tuple(
                CurrencyChoice(each.code, currency_name(each, visitor.locale))
                for each in visit.choices
            ),
            back=here if request.method in ("GET", "HEAD") else "/",
            book=self._shop.standing.book,
            away=self._shop.standing.away or any(offer.known_at for offer in offers),
            notice=notice,
            attributions=tuple(sorted({*named, *attributions} - {""})),
        )
        shown = self._pages.response(template, {"page": frame, **values}, words, status)
        return replace(shown, headers=(*shown.headers, *headers)) if headers else shown

    def refusal(  # noqa: PLR0913  # what is told, and what can be done then
        self,
        visit: Visit,
        title: str,
        error: PricedeskError | ErrorReply,
        href: str = "/",
        *,
        again: Again | None = None,
        figures: str = "",
    ) -> Response:
        """A page with what a refusal means, and a way on.

        `figures` are told in place of the error's own sentence.
        """
        told = _sentences(error, visit.words, figures)
        if error.slug not in PASSING:
            return self.message(visit, title, told, status_of(error), href)
        again_later = (RETRY_AFTER,)
        return self.message(visit, title, told, status_of(error), href, again_later, again)

    def message(  # noqa: PLR0913, PLR0917  # what is told, and what can be done then
        self,
        visit: Visit,
        title: str,
        sentences: Iterable[str],
        status: int,
        href: str = "/",
        headers: tuple[tuple[str, str], ...] = (),
        again: Again | None = None,
    ) -> Response:
        """A page with a sentence or two, and a way on."""
        return self.page(
            "message.html",
            visit,
            status=status,
            headers=headers,
            title=title,
            sentences=tuple(sentences),
            href=href,
            link=visit.words("Back"),
            again=again,
        )

    def failure(self, failure: Failure, headers: Mapping[str, str]) -> Response:
        """A request that no page answers, told without asking the back-end."""
        visit = self._unasked(Request("POST", "/", "/", headers=headers))
        words = visit.words
        if failure.status == HTTPStatus.NOT_FOUND:
            title, told = words("There is no such page"), words("Perhaps the address is mistyped.")
        elif failure.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            title, told = words("Something went wrong"), words("It was noted. Please try again.")
        else:
            title = words("That cannot be answered")
            exact = is_exact(words)
            told = as_sentence(failure.detail) if exact else meaning(InvalidRequest.slug, words)
        return self.message(visit, title, [told], failure.status)

    def refuse_stranger(self, visit: Visit) -> Response | None:
        """The answer to a form that was sent from a page which is not the shop's."""
        if is_from_here(visit.request.headers):
            return None
        words = visit.words
        reason = words("The form was sent from a page that is not this shop's.")
        title = words("That was not done")
        return self.message(visit, title, [reason], HTTPStatus.FORBIDDEN)

    def _unasked(self, request: Request) -> Visit:
        visitor = visitor_of(request, self._default, self._shop.clock().date())
        return Visit(request, visitor, words_for(visitor.locale), (visitor.currency,))


def form_of(request: Request) -> dict[str, str]:
    """The fields of a form.

    Raises:
        InvalidRequest: it is none, too long, in no encoding of forms, or has a field twice.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.body and kind != FORM_TYPE:
        raise InvalidRequest(f"a form is sent as {FORM_TYPE}")
    if len(request.body) > FORM_BYTES_MAX:
        raise InvalidRequest(f"a form has at most {FORM_BYTES_MAX} bytes")
    try:
        text = request.body.decode("ascii")
    except UnicodeDecodeError as error:
        raise InvalidRequest("a form has nothing but ASCII, and % for all else") from error
    fields: dict[str, str] = {}
    for name, value in parse_query(text):
        if name in fields:
            raise InvalidRequest(f"the field {in_quotes(name)} is there twice")
        fields[name] = value
    return fields


def see_other(path: str, *headers: tuple[str, str]) -> Response:
    """Go and GET another page."""
    return Response(
        b"", HTTPStatus.SEE_OTHER, "text/plain", (("Location", path), NO_STORE, *headers)
    )


def _language(visitor: Visitor) -> str:
    """The language that a page's own texts are in, as HTML names it."""
    return visitor.language if visitor.locale.language in spoken() else ENGLISH_TAG


def _sentences(error: PricedeskError | ErrorReply, words: Words, figures: str) -> tuple[str, ...]:
    """What to tell a customer: in his words what it means, and then what exactly was said.

    That is in English, and is left out where the page is in another language.
    """
    slug = error.slug
    if slug in PASSING:  # How it failed may name what is inside the network.
        return (words("The conversion service cannot be reached. Please try again in a moment."),)
    if is_exact(words):
        told = (advice(slug, words), figures or as_sentence(sentence_of(error)))
    else:
        told = (meaning(slug, words), figures)
    return tuple(sentence for sentence in told if sentence)
