"""The API's description in OpenAPI 3.1, of which the page for people is made too.

It is written here rather than collected from the handlers: a test holds every route against it,
and another one asks the API whatever it allows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pricedesk import __version__
from pricedesk.backend.http.caching import STATE_HEADER
from pricedesk.backend.http.openapi_refusals import PROBLEM, REFUSED, RESPONSES, refused
from pricedesk.backend.http.openapi_schemas import (
    DATE,
    INSTANT,
    SCHEMAS,
    STATE,
    TEXT,
    named,
)
from pricedesk.http.messages import JSON_TYPE, KEY_HEADER, TEXT_TYPE, Json

_JSON = JSON_TYPE.partition(";")[0]
_CODES: Json = {"type": "string", "pattern": "^[A-Za-z]{3}(,[A-Za-z]{3})*$"}
_ONE_CODE: Json = {"type": "string", "pattern": "^[A-Za-z]{3}$"}
_AMOUNT: Json = {"type": "string", "pattern": "^[0-9]{1,20}(\\.[0-9]{1,10})?$"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a request."""

    name: str
    about: str
    schema: Json
    place: str = "query"
    required: bool = False
    example: str = ""

    def described(self) -> Json:
        """As OpenAPI has it."""
        told: dict[str, Json] = {
            "name": self.name,
            "in": self.place,
            "required": self.required,
            "description": self.about,
            "schema": self.schema,
        }
        return {**told, "example": self.example} if self.example else told


def _in_path(name: str, about: str, schema: Json, example: str) -> Parameter:
    return Parameter(name, about, schema, "path", required=True, example=example)


_BASE = Parameter("base", "The currency whose worth is told; EUR if none is named.", _ONE_CODE)
_VERSION_1 = (
    Parameter("amount", "How much of the base; 1 if none is named. Above zero.", _AMOUNT),
    _BASE,
    Parameter("from", "The same as base, and goes before it.", _ONE_CODE),
    Parameter("symbols", "Which currencies, with commas; all if none is named.", _CODES),
    Parameter("to", "The same as symbols, and goes before it.", _CODES),
)
_PROVIDERS = Parameter(
    "providers", "Keys of sources, with commas: these alone answer, in this order.", TEXT
)
_EXPAND = Parameter(
    "expand",
    "Lists with each row what every source has, and official parities as PEG where they answer.",
    {"type": "string", "enum": ["providers"]},
)
_ON = Parameter("date", "The day whose rates are wanted.", DATE)
_VERSION_2 = (
    _BASE,
    Parameter("quotes", "Which currencies, with commas; all if none is named.", _CODES),
    _PROVIDERS,
    _ON,
    Parameter("from", "The first day of a range.", DATE),
    Parameter("to", "The last day of a range; today if none is named. Only with from.", DATE),
    Parameter(
        "group",
        "Averages whole ISO weeks or months, under their first day. Only with from.",
        {"type": "string", "enum": ["week", "month"]},
    ),
    _EXPAND,
)
_CONVERT = (
    Parameter(
        "amount",
        "A plain decimal of at most 30 digits.",
        {"type": "string", "pattern": "^-?[0-9]{1,20}(\\.[0-9]{1,10})?$"},
        required=True,
        example="1100",
    ),
    Parameter("from", "Its currency; the service's default if none is named.", _ONE_CODE),
    Parameter("to", "The currency to convert to, likewise.", _ONE_CODE),
    Parameter("on", "At the rate that held on this day; today if none is named.", DATE),
    Parameter("known_at", "As it would have been answered at this instant.", INSTANT),
    Parameter("sources", "Keys of sources, with commas, as providers in version 2.", TEXT),
    Parameter("explain", "Gives the reasons.", {"type": "string", "enum": ["true", "false"]}),
)
_V1_CODE, _V2_CODE = "Version1Error", "Version2Error"


@dataclass(frozen=True, slots=True)
class Operation:
    """What is answered at a path: which documents, by media type, and which errors with what.

    An answer may be `kept` or not. `other_errors` have schemas of their own. What is refused
    before there is a path is the same for all operations.
    """

    path: str
    name: str
    about: str
    answers: Mapping[str, Json]
    errors: Sequence[int] = ()
    error_schema: str = "Problem"
    parameters: Sequence[Parameter] = ()
    body: Json = None
    method: str = "get"
    tag: str = "service"
    kept: bool = True
    other_errors: Mapping[int, str] = field(default_factory=dict)

    @property
    def failures(self) -> tuple[int, ...]:
        """The statuses of its errors."""
        return tuple(sorted({*self.errors, *self.other_errors, 400, 500}))

    def described(self) -> Json:
        """As OpenAPI has it."""
        responses: dict[str, Json] = {
            "200": {
                "description": "The answer.",
                "headers": _HEADERS if self.kept else _NEVER_KEPT,
                "content": {kind: {"schema": schema} for kind, schema in self.answers.items()},
            }
        }
        if self.kept:
            responses["304"] = {"description": "What the client has is what there is."}
        for status in self.failures:
            content = self._failed(status)
            if status in REFUSED:
                content = {**content, **PROBLEM}
            responses[str(status)] = {"description": _WHY[status], "content": content}
        for status in REFUSED:
            responses.setdefault(str(status), refused(status))
        told: dict[str, Json] = {
            "operationId": self.name,
            "tags": [self.tag],
            "summary": self.about,
            "parameters": [parameter.described() for parameter in self.parameters],
            "responses": responses,
        }
        if self.body is not None:
            told["requestBody"] = {"required": True, "content": {_JSON: {"schema": self.body}}}
        return told

    def _failed(self, status: int) -> Mapping[str, Json]:
        schema = self.other_errors.get(status, self.error_schema)
        return PROBLEM if schema == "Problem" else _json(schema)


_WHY = {
    400: "The request cannot be read.",
    404: "There is no such thing, or no rate for it.",
    406: "It is not written in this format.",
    409: "The quote has ended otherwise, or the price is another one by now.",
    415: "The body is not called JSON.",
    422: "Something in the request is off.",
    429: "As many prices were held as may be.",
    500: "A fault of the service, which was logged.",
    503: "No rates are known, those known are too old, the store fails, or there are too many"
    " clients.",
}
_HEADERS: Json = {
    "Cache-Control": {"description": "Ends at the next publication.", "schema": TEXT},
    "ETag": {"description": "Another one after any correction.", "schema": TEXT},
    STATE_HEADER: {
        "description": "How old the rates are, by the calendars of the sources that answered.",
        "schema": STATE,
    },
}
_NEVER_KEPT: Json = {
    "Cache-Control": {"description": "Is not to be kept.", "schema": {"const": "no-store"}}
}


def _json(name: str) -> Mapping[str, Json]:
    return {_JSON: named(name)}


_ROWS = {_JSON: named("Rows"), "text/csv": TEXT, "application/x-ndjson": TEXT}
_DAY = _in_path("date", "The day whose rates are wanted.", DATE, "2026-10-30")
_START = _in_path("start", "The first day.", DATE, "2026-10-01")
_PAIR = (
    _in_path("base", "The currency whose worth is told.", _ONE_CODE, "CAD"),
    _in_path("quote", "The currency it is told in.", _ONE_CODE, "USD"),
)


def _version_1(
    path: str, name: str, about: str, schema: str, *parameters: Parameter, errors: Sequence[int]
) -> Operation:
    return Operation(path, name, about, _json(schema), errors, _V1_CODE, parameters, tag="v1")


def _version_2(
    path: str,
    name: str,
    about: str,
    answers: Mapping[str, Json],
    *parameters: Parameter,
    errors: Sequence[int] = (422,),
) -> Operation:
    return Operation(path, name, about, answers, errors, _V2_CODE, parameters, tag="v2")


_NO_RATE = (404, 422, 503)
_FRANKFURTERS = (
    _version_1("/v1/latest", "latest", "The newest rates.", "SingleDate", *_VERSION_1,
               errors=_NO_RATE),
    _version_1("/v1/current", "current", "The newest rates, by their older name.", "SingleDate",
               *_VERSION_1, errors=_NO_RATE),
    _version_1("/v1/{date}", "on", "The rates of a day.", "SingleDate", _DAY, *_VERSION_1,
               errors=_NO_RATE),
    _version_1("/v1/{start}..", "since", "The rates of each day since one.", "DateRange", _START,
               *_VERSION_1, errors=_NO_RATE),
    _version_1("/v1/{start}..{end}", "between", "The rates of each day of a range.", "DateRange",
               _START, _in_path("end", "The last day.", DATE, "2026-10-30"), *_VERSION_1,
               errors=_NO_RATE),
    _version_1("/v1/currencies", "names", "The currencies with their names.", "CurrencyNames",
               errors=(422,)),
    _version_2("/v2/rates", "rates", "Rates of a day, of a range, or the newest ones.", _ROWS,
               *_VERSION_2, errors=(422, 503)),
    _version_2("/v2/rates.csv", "ratesAsCsv", "The same as CSV.", {"text/csv": TEXT},
               *_VERSION_2, errors=(422, 503)),
    _version_2("/v2/rate/{base}/{quote}", "pair", "The rate of one pair.", _json("Row"), *_PAIR,
               _ON, _PROVIDERS, _EXPAND, errors=(*_NO_RATE, 406)),
    _version_2("/v2/rate/{base}/{quote}/{date}", "pairOn", "The rate of one pair on a day.",
               _json("Row"), *_PAIR, _DAY, _PROVIDERS, _EXPAND, errors=(*_NO_RATE, 406)),
    _version_2("/v2/currencies", "currencies", "The currencies that are published now.",
               _json("Currencies"), _PROVIDERS,
               Parameter("scope", "With all, retired currencies too.",
                         {"type": "string", "enum": ["all"]})),
    _version_2("/v2/currency/{code}", "currency", "One currency, and who publishes it.",
               _json("Currency"), _in_path("code", "Its code.", _ONE_CODE, "CAD"),
               errors=(404, 406, 422)),
    _version_2("/v2/providers", "providers", "The sources of which something is known.",
               _json("Providers")),
)  # fmt: skip
_OWN = (
    Operation(
        "/convert", "convertOne", "One conversion: exact, and rounded once.",
        {_JSON: {"oneOf": [named("Converted"), named("Explained")]}}, _NO_RATE,
        parameters=_CONVERT, tag="convert",
    ),
    Operation(
        "/convert", "convertMany", "Up to 10,000 conversions; each is answered for itself.",
        _json("Results"), (415, 422), body=named("Items"), method="post", tag="convert",
        kept=False,
    ),
)  # fmt: skip
_QUOTE_ID = _in_path(
    "id",
    "The quote's id; in small letters and without dashes too.",
    {"type": "string", "pattern": "^([0-9A-TV-Za-tv-z]-?){11}[0-9A-TV-Za-tv-z]$"},
    "7F3K-9QXD-2MTA",
)
_KEY = Parameter(
    KEY_HEADER,
    "The same request with the same key gets the same quote, however often and however long"
    " after; another request gets 422.",
    {"type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$"},
    "header",
)
_QUOTES = (
    Operation(
        "/quotes", "hold", "Holds a price: it is on the disk before it is answered.",
        _json("Quote"), (404, 409, 415, 422, 429, 503), parameters=(_KEY,), body=named("Hold"),
        method="post", tag="quotes", kept=False,
    ),
    Operation(
        "/quotes/{id}", "quote", "A quote, and what has become of it.", _json("Quote"),
        (404, 422, 503), parameters=(_QUOTE_ID,), tag="quotes", kept=False,
    ),
    Operation(
        "/quotes/{id}/redeem", "redeem", "Redeems a quote; twice is as good as once.",
        _json("Quote"), (404, 409, 422, 503), parameters=(_QUOTE_ID,), method="post",
        tag="quotes", kept=False,
    ),
    Operation(
        "/quotes/{id}/cancel", "cancel", "Cancels a quote; twice is as good as once.",
        _json("Quote"), (404, 409, 422, 503), parameters=(_QUOTE_ID,), method="post",
        tag="quotes", kept=False,
    ),
)  # fmt: skip


def _page(
    path: str, name: str, about: str, answers: Mapping[str, Json], tag: str = "service"
) -> Operation:
    return Operation(path, name, about, answers, error_schema=_V2_CODE, tag=tag)


_SERVICE = (
    _page("/", "index", "Where everything is.", _json("Index")),
    _page("/v1", "version1", "What version 1 is.", _json("VersionIndex"), "v1"),
    _page("/v2", "version2", "What version 2 is.", _json("VersionIndex"), "v2"),
    _page("/openapi.json", "openapi", "This description.", _json("OpenApi")),
    _page("/v1/openapi.json", "openapi1", "Its part of this.", _json("OpenApi"), "v1"),
    _page("/v2/openapi.json", "openapi2", "Its part of this.", _json("OpenApi"), "v2"),
    _page("/docs", "docs", "The same for people.", {"text/html": TEXT}),
    _page("/robots.txt", "robots", "Nothing here is for search engines.",
          {TEXT_TYPE.partition(";")[0]: TEXT}),
    Operation("/healthz", "alive", "Whether the process answers.", _json("Health"),
              kept=False),
    Operation("/readyz", "ready", "Whether rates are known and the end is not near.",
              _json("Health"), kept=False, other_errors={503: "NotReady"}),
    Operation("/version", "version", "Which version runs.", _json("Version"), kept=False),
    Operation("/metrics", "metrics", "Metrics for Prometheus.", {"text/plain": TEXT},
              kept=False),
)  # fmt: skip

OPERATIONS = (*_FRANKFURTERS, *_OWN, *_QUOTES, *_SERVICE)
"""All that the door answers, below the level of HTTP itself."""

TAGS = {
    "v1": "Version 1 of Frankfurter's API: the rates of the first source, one date at a time.",
    "v2": "Version 2 of Frankfurter's API: the rates of all sources.",
    "convert": "Exact conversions, with texts for numbers.",
    "quotes": "Prices that are held: recorded, and then honoured or refused.",
    "service": "The service itself.",
}


def document(prefix: str = "/") -> dict[str, Json]:
    """The description of the paths below a prefix."""
    paths: dict[str, dict[str, Json]] = {}
    for operation in OPERATIONS:
        if f"{operation.path}/".startswith(f"{prefix.rstrip('/')}/"):
            paths.setdefault(operation.path, {})[operation.method] = operation.described()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pricedesk",
            "version": __version__,
            "description": "Exchange rates one can stand behind.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": name, "description": about} for name, about in TAGS.items()],
        "paths": paths,
        "components": {"schemas": SCHEMAS, "responses": RESPONSES},
    }
