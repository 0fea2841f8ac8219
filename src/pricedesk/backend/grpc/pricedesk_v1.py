"""`pricedesk.v1`: what is ours beside the demos' service, with texts for numbers.

Every text is the one of the other doors, digit for digit; a failure's slug too.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from pricedesk.backend.bureau import Answer, Bureau
from pricedesk.backend.conversion_requests import (
    ITEMS_AT_ONCE,
    Circumstances,
    check_items,
    circumstances_of,
    converted,
)
from pricedesk.backend.grpc.definitions import message_class, read
from pricedesk.backend.grpc.statuses import OUT_OF_RANGE, Refusal, Status
from pricedesk.backend.news import News
from pricedesk.backend.quote_desk import QuoteDesk
from pricedesk.backend.rates import Publication
from pricedesk.errors import InvalidRequest, PricedeskError
from pricedesk.protocol import Explanation, pairs_in, words_in
from pricedesk.quote_codes import parse_quote_id
from pricedesk.quote_lines import HOLD_NAMES, NOTHING, OfQuote, QuoteReply, QuoteVerb, hold_of


def _class(name: str) -> Any:  # noqa: ANN401  # as message_class
    return message_class(f"pricedesk.v1.{name}")


_CONVERT, _CONVERT_MANY = _class("ConvertRequest"), _class("ConvertManyRequest")
_CONVERSION, _RESULTS = _class("Conversion"), _class("ConvertManyResponse")
_RESULT, _FAILURE = _class("ConvertManyResponse.Result"), _class("Failure")
_LIST, _CODES = _class("ListCurrenciesRequest"), _class("ListCurrenciesResponse")
_WATCH, _PUBLICATION = _class("WatchPublicationsRequest"), _class("Publication")
_VALUE = _class("PublishedValue")
_EXPLANATION, _PAIR, _OTHER = _class("Explanation"), _class("PairRate"), _class("OtherRate")
_HOLD, _QUOTE_REQUEST, _QUOTE = _class("HoldRequest"), _class("QuoteRequest"), _class("Quote")

_FIELD_OF_HOLD = {"for": "customer"}
"""Where a hold is told of a customer: `for` is a word of several programming languages."""


class Rates:
    """Conversions and publications."""

    def __init__(self, bureau: Bureau, news: News) -> None:
        self._bureau = bureau
        self._news = news

    def convert(self, data: bytes) -> bytes:
        """One conversion.

        Raises:
            RequestError: something about it is off.
            NoRate: no published rate answers it.
        """
        request = read(_CONVERT, data)
        circumstances = self._circumstances(request)
        return _bytes(_told(_converted(self._bureau, request, circumstances), circumstances))

    async def convert_many(self, data: bytes) -> AsyncIterator[bytes]:
        """Many conversions, each answered or refused for itself; other calls go on meanwhile.

        Raises:
            RequestError: what holds for all of them is off, or there are too many.
        """
        request = read(_CONVERT_MANY, data)
        check_items(len(request.items))
        circumstances = self._circumstances(request)
        # Publications that arrive while this is sent are for the next request.
        pinned = self._bureau.pinned()
        for first in range(0, len(request.items), ITEMS_AT_ONCE):
            items = request.items[first : first + ITEMS_AT_ONCE]
            yield _bytes(_RESULTS(results=[_result(pinned, i, circumstances) for i in items]))
            await asyncio.sleep(0)

    def list_currencies(self, data: bytes) -> bytes:
        """The codes that the sources' newest publications answer for.

        Raises:
            NoRatesKnown: there are none.
        """
        read(_LIST, data)
        return _bytes(_CODES(codes=self._bureau.currencies()))

    async def watch_publications(self, data: bytes) -> AsyncIterator[bytes]:
        """Publications as they are accepted, for ever.

        Raises:
            InvalidRequest: the number after which they are asked for is none.
            Refusal: it is above the newest one, so that those that come would be passed over.
            StoreFailed: the store cannot be read.
        """
        request = read(_WATCH, data)
        after = request.after if request.HasField("after") else None
        if after is not None and after < 0:
            raise InvalidRequest(f"after is {after}: numbers begin with 1, and 0 is before all")
        del data, request  # They may be large, and this goes on for long.
        if after is not None:
            await self._check_known(after)
        async for number, publication in self._news.after(after):
            yield _bytes(_published(number, publication))

    async def _check_known(self, after: int) -> None:
        newest = await self._news.newest_number()
        if after > newest:
            raise Refusal(
                Status.OUT_OF_RANGE,
                f"after is {after}, but the newest publication here has the number {newest}: the"
                " store was replaced or restored since; after 0 gives all that are kept",
                OUT_OF_RANGE,
            )

    def _circumstances(self, request: Any) -> Circumstances:  # noqa: ANN401  # a message
        # What was not sent is empty.
        told = request.known_at or None, request.sources or None
        return circumstances_of(self._bureau, *told, explain=request.explain)


class Quotes:
    """Prices that are held."""

    def __init__(self, desk: QuoteDesk) -> None:
        self._desk = desk

    async def hold(self, data: bytes) -> bytes:
        """Hold a price.

        Raises:
            RequestError: something about the request is off.
            QuoteError: the price is not held.
            NoRate: no published rate answers the question.
            StoreFailed: nothing was kept, or it is not known whether.
        """
        request = read(_HOLD, data)
        values = {name: getattr(request, _FIELD_OF_HOLD.get(name, name)) for name in HOLD_NAMES}
        hold = hold_of({name: value for name, value in values.items() if value})
        return _quote(await self._desk.answer(hold))

    async def get(self, data: bytes) -> bytes:
        """A quote, and what has become of it.

        Raises:
            UnknownQuote: there is no such quote.
            StoreFailed: the ledger cannot be read.
        """
        return await self._of_quote(QuoteVerb.QUOTE, data)

    async def redeem(self, data: bytes) -> bytes:
        """A quote is redeemed, or was.

        Raises:
            QuoteError: it cannot be.
            StoreFailed: it was not, or it is not known whether.
        """
        return await self._of_quote(QuoteVerb.REDEEM, data)

    async def cancel(self, data: bytes) -> bytes:
        """A quote is cancelled, or was.

        Raises:
            QuoteError: it cannot be.
            StoreFailed: it was not, or it is not known whether.
        """
        return await self._of_quote(QuoteVerb.CANCEL, data)

    async def _of_quote(self, verb: QuoteVerb, data: bytes) -> bytes:
        quote_id = parse_quote_id(read(_QUOTE_REQUEST, data).id)
        return _quote(await self._desk.answer(OfQuote(verb, quote_id)))


def _bytes(message: Any) -> bytes:  # noqa: ANN401  # a message
    data: bytes = message.SerializeToString()
    return data


def _converted(bureau: Bureau, asked: Any, circumstances: Circumstances) -> Answer:  # noqa: ANN401  # a message
    # A text that was not sent is empty.
    words = getattr(asked, "from") or None, asked.to or None, asked.on or None
    return converted(bureau, circumstances, asked.amount, *words)


def _result(bureau: Bureau, item: Any, circumstances: Circumstances) -> Any:  # noqa: ANN401  # messages
    try:
        answer = _converted(bureau, item, circumstances)
    except PricedeskError as error:
        return _RESULT(failure=_FAILURE(slug=error.slug, detail=str(error)))
    return _RESULT(conversion=_told(answer, circumstances))


def _told(answer: Answer, circumstances: Circumstances) -> Any:  # noqa: ANN401  # a message
    conversion, found = answer.conversion, answer.found
    rate, source = found.rate, found.source
    told = _CONVERSION(
        amount=str(conversion.amount),
        to=rate.counter.code,
        result=str(conversion.result),
        rate=found.rate_text,
        date=str(found.date),
        source=source.key if source else "",
        state=found.state.value,
        attribution=source.attribution_url if source and source.attribution_required else "",
        pegs=[_PAIR(pair=pair, rate=text) for pair, text in rate.pegs],
    )
    setattr(told, "from", rate.base.code)
    if circumstances.explain:
        told.explanation.CopyFrom(_explained(answer.explained()))
    return told


def _explained(said: Explanation) -> Any:  # noqa: ANN401  # a message
    return _EXPLANATION(
        missed=int(said.missed),
        path=said.path.split("/"),
        published=_pairs(said.published),
        pegs=_pairs(said.pegs),
        unrounded=said.unrounded,
        rounding=said.rounding,
        others=[
            _OTHER(source=source, date=day, rate=rate)
            for source, day, rate in (word.split(":") for word in words_in(said.others))
        ],
        document=_some(said.document),
        fetched=_some(said.fetched),
    )


def _pairs(listed: str) -> list[Any]:
    return [_PAIR(pair=pair, rate=rate) for pair, rate in pairs_in(listed)]


def _some(text: str) -> str:
    return "" if text == NOTHING else text


def _published(number: int, publication: Publication) -> Any:  # noqa: ANN401  # a message
    units = publication.units_by_code()
    return _PUBLICATION(
        sequence=number,
        source=publication.source,
        date=str(publication.date),
        revision=publication.revision,
        pivot=publication.convention.pivot,
        per_pivot=publication.convention.per_pivot,
        values=[
            _VALUE(currency=code, units=units.get(code, 1), value=value)
            for code, value in publication.rates().items()
        ],
        withheld=sorted(publication.withheld),
    )


def _quote(reply: QuoteReply) -> bytes:
    fields = {name: value for name, value in reply.fields.items() if value is not None}
    return _bytes(
        _QUOTE(
            id=fields["quote"],
            status=reply.status.value,
            ended=reply.ended or "",
            record=reply.record,
            fields=fields,
        )
    )
