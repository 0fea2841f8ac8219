"""What is ours beside Frankfurter's API: exact conversions, one or thousands, with reasons.

Amounts and results are texts, digit for digit those of the line protocol.
"""

from collections.abc import Mapping
from http import HTTPStatus

from pricedesk.backend.bureau import Answer, Bureau
from pricedesk.backend.conversion_requests import (
    ITEMS_AT_ONCE,
    Circumstances,
    circumstances_of,
    converted,
)
from pricedesk.backend.http.caching import Scope, expiry, instead
from pricedesk.backend.http.items import InvalidItem, Items, read_items
from pricedesk.errors import InvalidRequest, PricedeskError, in_quotes
from pricedesk.http.json_bodies import other_than_json
from pricedesk.http.messages import (
    NO_STORE,
    Failure,
    Json,
    Request,
    Response,
    Stream,
    json_response,
    json_text,
    problem,
)
from pricedesk.http.parameters import parameters
from pricedesk.http.routes import Route, RouteTable
from pricedesk.protocol import Explanation, pairs_in, words_in
from pricedesk.quote_lines import NOTHING

_PARAMETERS = ("amount", "from", "to", "on", "known_at", "sources", "explain")
_FLAGS = {"true": True, "false": False}


def route_table(bureau: Bureau) -> RouteTable:
    """`/convert`."""
    own = _Conversions(bureau)
    return RouteTable(
        (
            Route("/convert", own.convert_one),
            Route("/convert", own.convert_many, ("POST",)),
        ),
        ("/convert",),
    )


class _Conversions:
    def __init__(self, bureau: Bureau) -> None:
        self._bureau = bureau

    def convert_one(self, request: Request, _values: Mapping[str, str]) -> Response:
        """One conversion, from parameters."""
        values = parameters(request, _PARAMETERS)
        if "amount" not in values:
            raise InvalidRequest(
                "there is no amount: ask like /convert?amount=1100&from=CAD&to=USD"
            )
        flag = values.get("explain", "false")
        if flag not in _FLAGS:
            raise InvalidRequest(f"explain is {in_quotes(flag)}, neither true nor false")
        circumstances = self._circumstances(values, explain=_FLAGS[flag])
        answer = _converted(self._bureau, values, circumstances)
        source = answer.found.source
        keys = {source.key, *instead(self._bureau, circumstances.keys)} if source else set()
        if circumstances.explain:
            keys |= self._bureau.book.sources.keys()
        now = answer.question.asked_at
        until = expiry(self._bureau, now, Scope(keys, answer.question.on))
        # Which instants are in the future changes in the middle of a second.
        lasts = circumstances.known_at is None
        return json_response(
            _told(answer, circumstances),
            headers=(until.header(now),),
            expiry=until if lasts else None,
        )

    def convert_many(self, request: Request, _values: Mapping[str, str]) -> Response:
        """Many conversions, from a JSON document; each is answered or refused for itself."""
        parameters(request, ())
        refused = other_than_json(request)
        if refused is not None:
            return problem(refused)
        try:
            items = read_items(request.body)
        except InvalidItem as error:
            failure = Failure(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                InvalidRequest.slug,
                f"item {error.index}: {error}",
            )
            return problem(failure, {"index": error.index})
        circumstances = self._circumstances(items.options, explain=items.explain)
        # Publications that arrive while this is sent are for the next request.
        results = _results(self._bureau.pinned(), items, circumstances)
        return Response(results, headers=(NO_STORE,))

    def _circumstances(self, values: Mapping[str, str], *, explain: bool) -> Circumstances:
        keys = values["sources"].split(",") if "sources" in values else None
        return circumstances_of(self._bureau, values.get("known_at"), keys, explain=explain)


def _results(bureau: Bureau, items: Items, circumstances: Circumstances) -> Stream:
    waiting: list[str] = []
    before = '{"results":['
    for item in items.items:
        waiting.append(f"{before}{json_text(_result(bureau, item, circumstances))}")
        before = ","
        if len(waiting) == ITEMS_AT_ONCE:
            yield "".join(waiting).encode()
            waiting.clear()
    end = "]}" if items.items else f"{before}]}}"
    yield "".join([*waiting, end]).encode()


def _result(bureau: Bureau, item: Mapping[str, str], circumstances: Circumstances) -> Json:
    try:
        return _told(_converted(bureau, item, circumstances), circumstances)
    except PricedeskError as error:
        return {"error": {"slug": error.slug, "detail": str(error)}}


def _converted(bureau: Bureau, values: Mapping[str, str], circumstances: Circumstances) -> Answer:
    words = values["amount"], values.get("from"), values.get("to"), values.get("on")
    return converted(bureau, circumstances, *words)


def _told(answer: Answer, circumstances: Circumstances) -> Json:
    if circumstances.explain:
        return _explained(answer.explained())
    conversion, found = answer.conversion, answer.found
    rate, source = found.rate, found.source
    told: dict[str, Json] = {
        "amount": str(conversion.amount),
        "from": rate.base.code,
        "to": rate.counter.code,
        "result": str(conversion.result),
        "rate": found.rate_text,
        "date": str(found.date),
        "source": source.key if source else None,
        "state": found.state.value,
    }
    if rate.pegs:
        told["pegs"] = [{"pair": pair, "rate": text} for pair, text in rate.pegs]
    if source is not None and source.attribution_required:
        told["attribution"] = source.attribution_url
    return told


def _explained(explanation: Explanation) -> Json:
    """The fields of the line protocol, with lists and numbers where they are ones."""
    texts = explanation.as_dict()
    told: dict[str, Json] = {
        name: None if text == NOTHING else text for name, text in texts.items()
    }
    told["missed"] = int(explanation.missed)
    told["path"] = explanation.path.split("/")
    for name in ("published", "pegs"):
        told[name] = [{"pair": pair, "rate": rate} for pair, rate in pairs_in(texts[name])]
    told["others"] = [
        dict(zip(("source", "date", "rate"), word.split(":"), strict=True))
        for word in words_in(explanation.others)
    ]
    return told
