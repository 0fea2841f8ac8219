"""Version 2 of Frankfurter's API: rates of all sources, on a date, over a range, averaged.

Each row is what one source published for one date: nothing is blended, and official parities
answer only where the order of sources has them. Messages are Frankfurter's, `detail` beside
them is ours.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b

from pricedesk import __version__
from pricedesk.backend.bureau import Bureau
from pricedesk.backend.http.caching import STATE_HEADER, Scope, expiry, instead, rate_state
from pricedesk.backend.http.parameters import currencies, day_of, known_keys
from pricedesk.backend.http.row_formats import Format, accepted_format, json_row, written
from pricedesk.backend.http.rows import (
    Group,
    Row,
    Selection,
    answering_at,
    rows_of_answer,
    rows_of_groups,
    rows_of_range,
)
from pricedesk.backend.http.v2_catalogue import catalogue_routes
from pricedesk.backend.http.v2_failures import not_acceptable, write_failure
from pricedesk.backend.question import Question
from pricedesk.backend.rates import Publication
from pricedesk.dates import parse_date
from pricedesk.errors import InvalidRequest, NoRateForDate, NoRatesKnown
from pricedesk.http.messages import (
    CHUNK_BYTES,
    Expiry,
    Request,
    Response,
    chunked,
)
from pricedesk.http.parameters import parameters, shown
from pricedesk.http.routes import Route, RouteTable

AVERAGES_BYTES = 512
"""So much is sent at once of averages, of which each takes a month of rates."""

_PARAMETERS = ("base", "quotes", "providers", "date", "from", "to", "group", "expand")
_PAIR_PARAMETERS = ("date", "providers", "expand")


def route_table(bureau: Bureau) -> RouteTable:
    """All routes of version 2."""
    rates = _Rates(bureau)
    return RouteTable(
        (
            Route("/v2/rates", rates.rates),
            Route("/v2/rates.csv", rates.rates_as_csv),
            Route("/v2/rate/{base}/{quote}", rates.pair),
            Route("/v2/rate/{base}/{quote}/{date}", rates.pair),
            *catalogue_routes(bureau),
        ),
        ("/v2",),
        write_failure,
        exposed=(STATE_HEADER,),
    )


@dataclass(frozen=True, slots=True)
class _Query:
    """Which rates, and when: on a day, over a span, or the newest where there is neither."""

    wanted: Selection
    on: date | None = None
    first: date | None = None
    last: date | None = None
    group: Group | None = None

    @property
    def is_expanded(self) -> bool:
        """Whether rows list what each source has."""
        return bool(self.wanted.listed)


class _Rates:
    def __init__(self, bureau: Bureau) -> None:
        self._bureau = bureau

    def rates(self, request: Request, _values: Mapping[str, str]) -> Response:
        """Rates in the format that the client accepts."""
        row_format = accepted_format(request.headers.get("accept", ""))
        return self._rates(request, row_format, (("Vary", "Accept"),))

    def rates_as_csv(self, request: Request, _values: Mapping[str, str]) -> Response:
        """Rates as CSV, whatever the client accepts."""
        return self._rates(request, Format.CSV, ())

    def pair(self, request: Request, values: Mapping[str, str]) -> Response:
        """The rate of one pair."""
        if any(value.lower().endswith(".csv") for value in values.values()):
            return not_acceptable()
        given = parameters(request, _PAIR_PARAMETERS)
        if "date" in values and "date" in given:
            parse_date(values["date"])
            raise InvalidRequest("conflicting params")
        on = day_of({**given, **values}, "date")
        expand = _is_expanded(given)
        wanted = self._selection(given, (values["base"], values["quote"]), expand=expand)
        if wanted.keys == ():
            raise NoRateForDate("none of the providers is known here")
        now = self._bureau.clock()
        question = Question(now, on, keys=wanted.keys)
        rows, publications = rows_of_answer(self._bureau, wanted, question)
        if not rows:
            for quote in wanted.quotes or ():
                self._bureau.rate(wanted.base, quote, question)
            raise NoRateForDate(f"there is no rate for {wanted.base} on {question.day}")
        until, headers = self._lasting(wanted, question, rows, publications)
        return Response(json_row(rows[0]).encode(), headers=headers, expiry=until)

    def _rates(
        self, request: Request, row_format: Format, headers: tuple[tuple[str, str], ...]
    ) -> Response:
        query = self._query(request)
        now = self._bureau.clock()
        if not len(self._bureau.book):
            raise NoRatesKnown("no rates are known yet")
        nobody_known = query.wanted.keys == ()
        if query.first is not None and not nobody_known:
            return self._span(query, query.first, now, row_format, headers)
        question = Question(now, query.on, keys=query.wanted.keys)
        try:
            rows, publications = (
                ([], ()) if nobody_known else rows_of_answer(self._bureau, query.wanted, question)
            )
        except NoRateForDate:
            # Frankfurter has no rates of the future, and says so with an empty list.
            rows, publications = [], ()
        text = "".join(written(rows, row_format, expanded=query.is_expanded))
        until, own = self._lasting(query.wanted, question, rows, publications)
        return Response(
            text.encode(),
            media_type=row_format.value,
            headers=(*own, *headers),
            expiry=until,
        )

    def _span(
        self,
        query: _Query,
        first: date,
        now: datetime,
        row_format: Format,
        headers: tuple[tuple[str, str], ...],
    ) -> Response:
        book, wanted = self._bureau.book, query.wanted
        last = min(query.last or now.date(), now.date())
        if query.group is None:
            rows, characters_min = rows_of_range(book, wanted, first, last), CHUNK_BYTES
        else:
            rows = rows_of_groups(book, wanted, (first, last), query.group)
            characters_min = AVERAGES_BYTES
        parts = written(rows, row_format, expanded=query.is_expanded)
        named = (__version__, book.version, str(wanted), f"{first} {last} {query.group}")
        etag = blake2b("\n".join((*named, row_format.value)).encode(), digest_size=16).hexdigest()
        told = {p.source for p in answering_at(book, wanted, last)} | {*wanted.listed}
        if first > now.date():
            told = set()  # There are no rates of the future; its days begin soon.
        through = query.last
        if through is not None and query.group is not None:
            # Its last week or month is averaged as a whole.
            through = max(through, query.group.end(query.group.begin(last)))
        until = expiry(self._bureau, now, Scope(told, through))
        return Response(
            chunked(parts, characters_min),
            media_type=row_format.value,
            headers=(until.header(now), *headers),
            etag=etag,
            expiry=until,
        )

    def _lasting(
        self,
        wanted: Selection,
        question: Question,
        rows: Collection[Row],
        publications: Collection[Publication],
    ) -> tuple[Expiry, tuple[tuple[str, str], ...]]:
        """How long an answer may be kept; the headers that say so, and how old its rates are."""
        now = question.asked_at
        told = {p.source for p in publications} | {*wanted.listed}
        told |= {*instead(self._bureau, wanted.keys)}
        # An empty list tells of nobody: a day may begin before any source publishes.
        until = expiry(self._bureau, now, Scope(told if rows else (), question.on))
        age = rate_state(self._bureau, now, question.on, publications)
        return until, (until.header(now), *age)

    def _query(self, request: Request) -> _Query:
        """What a request asks for; the first thing that is off is named, as Frankfurter does.

        Raises:
            InvalidRequest, InvalidDate, UnknownCurrency: something is off.
        """
        given = parameters(request, _PARAMETERS)
        on, first, last = (day_of(given, name) for name in ("date", "from", "to"))
        if on is not None and (first is not None or last is not None):
            raise InvalidRequest("conflicting params")
        group = None
        if "group" in given:
            try:
                group = Group(given["group"].lower())
            except ValueError as error:
                raise InvalidRequest("invalid group") from error
        expand = _is_expanded(given)
        quotes = given["quotes"].split(",") if "quotes" in given else None
        wanted = self._selection(given, (given.get("base", "EUR"), *(quotes or ())), expand=expand)
        if quotes is None:
            wanted = Selection(wanted.base, None, wanted.keys, wanted.listed)
        if first is None and last is not None:
            raise InvalidRequest("to without from: a range has both, or from alone")
        if first is None and group is not None:
            raise InvalidRequest("group without a range: it needs from")
        return _Query(wanted, on, first, last, group)

    def _selection(
        self, given: Mapping[str, str], codes: Iterable[str], *, expand: bool
    ) -> Selection:
        """The base, the quotes after it, and the sources that are to answer."""
        base_code, *quote_codes = codes
        known = {c.code: c for c in currencies([base_code, *quote_codes])}
        quotes = tuple({code.upper(): known[code.upper()] for code in quote_codes}.values())
        keys = known_keys(given["providers"], self._bureau) if "providers" in given else None
        listed = (tuple(self._bureau.sources) if keys is None else keys) if expand else ()
        return Selection(known[base_code.upper()], quotes, keys, listed)


def _is_expanded(given: Mapping[str, str]) -> bool:
    expand = given.get("expand")
    if expand is None:
        return False
    if expand.lower() != "providers":
        raise InvalidRequest(f"invalid expand: {shown([expand])}")
    return True
