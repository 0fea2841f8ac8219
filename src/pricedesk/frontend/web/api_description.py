"""The desk's JSON described as OpenAPI 3.1."""

from functools import cache

from pricedesk import __version__
from pricedesk.frontend.catalogue import CATEGORIES_SHOWN_MAX, PAGE_PRODUCTS_MAX
from pricedesk.frontend.web.bounds import OFFSET_MAX, SEARCH_CHARACTERS_MAX
from pricedesk.frontend.web.views import RANGES
from pricedesk.http.messages import JSON_TYPE, PROBLEM_TYPE, Json

_TEXT: Json = {"type": "string"}
_MAYBE: Json = {"type": ["string", "null"]}
_AMOUNT_PATTERN = "^[0-9]+(\\.[0-9]+)?$"
_AMOUNT: Json = {"type": "string", "pattern": _AMOUNT_PATTERN, "examples": ["787.47"]}
_CODE: Json = {"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["USD"]}
_TYPED_CODE: Json = {"type": "string", "pattern": "^[A-Za-z]{3}$", "examples": ["USD"]}
_DATE: Json = {"type": "string", "format": "date"}
_INSTANT: Json = {"type": "string", "format": "date-time"}
_KNOWN_AT: Json = {
    "type": ["string", "null"],
    "format": "date-time",
    "description": "When this was known, if it could not be asked for now.",
}
_PEGS: Json = {
    "type": "array",
    "items": {"type": "string", "examples": ["EUR/XOF"]},
    "description": "The official parities that the rate goes over; absent if there are none.",
}
_LOOKED_AT: Json = {
    "type": ["string", "null"],
    "format": "date-time",
    "description": (
        "The last look at it, also one that failed; null if there was none yet,"
        " absent if the back-end is of a version that does not tell."
    ),
}
_STATE: Json = {"type": "string", "enum": ["fresh", "late", "stale"]}


def _object(**members: Json) -> dict[str, Json]:
    return {"type": "object", "properties": members, "required": list(members)}


def _with_optional(described: dict[str, Json], **more: Json) -> Json:
    """An object that has more members, which may be absent."""
    members = described["properties"]
    assert isinstance(members, dict)  # noqa: S101  # it is an object's
    return {**described, "properties": {**members, **more}}


def _of_a_rate(described: dict[str, Json]) -> Json:
    """An object that names the official parities that its rate goes over, if it does."""
    return _with_optional(described, pegs=_PEGS)


def _list(item: Json) -> Json:
    return {"type": "array", "items": item}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _history(point: Json) -> Json:
    return _of_a_rate(
        _object(
            **{"from": _CODE, "to": _CODE},
            unit={"type": "string", "enum": ["day", "week", "month"]},
            source=_MAYBE,
            attribution=_MAYBE,
            rates=_list(point),
        )
    )


_SCHEMAS: dict[str, Json] = {
    "Money": _object(amount=_AMOUNT, currency=_CODE),
    "Step": _object(name=_TEXT, value=_TEXT, before=_AMOUNT, after=_AMOUNT),
    "Price": _of_a_rate(
        _object(
            amount=_AMOUNT,
            currency=_CODE,
            conversion=_AMOUNT,
            rate=_AMOUNT,
            path=_TEXT,
            source=_MAYBE,
            date=_DATE,
            state=_STATE,
            missed=_TEXT,
            steps=_list(_ref("Step")),
            attribution=_MAYBE,
        )
    ),
    "Product": _object(
        sku=_TEXT,
        name=_TEXT,
        description=_TEXT,
        category=_TEXT,
        own=_ref("Money"),
        price={"oneOf": [_ref("Price"), {"type": "null"}]},
        known_at=_KNOWN_AT,
        reason={"type": ["string", "null"], "description": "Why there is no price."},
    ),
    "Products": _object(
        total={"type": "integer"}, offset={"type": "integer"}, products=_list(_ref("Product"))
    ),
    "Categories": _object(
        total={"type": "integer"},
        offset={"type": "integer"},
        categories=_list(_object(name=_TEXT, products={"type": "integer", "minimum": 1})),
    ),
    "History": _history(_object(date=_DATE, rate=_AMOUNT)),
    "PriceHistory": _history(
        _object(
            date=_DATE,
            rate=_AMOUNT,
            price={
                "type": "string",
                "pattern": _AMOUNT_PATTERN,
                "description": "What the product would have cost at this rate, with the shop's"
                " rules of today; at the publication that makes the price, the price.",
            },
        )
    ),
    "Quote": {
        "type": "object",
        "description": "The record as it was written when the price was held, and its status.",
        "properties": {
            "quote": {"type": "string", "examples": ["7F3K-9QXD-2MTA"]},
            "status": {"type": "string", "enum": ["held", "redeemed", "expired", "cancelled"]},
            "ended": _MAYBE,
            "record": _TEXT,
        },
        "required": ["quote", "status", "ended", "record"],
        "additionalProperties": _MAYBE,
    },
    "Rates": _object(
        base=_CODE,
        date=_DATE,
        known_at=_KNOWN_AT,
        rates={
            "type": "object",
            "additionalProperties": _of_a_rate(
                _object(
                    rate=_AMOUNT,
                    date=_DATE,
                    source=_MAYBE,
                    state=_STATE,
                    missed={"type": "integer"},
                    attribution=_MAYBE,
                )
            ),
        },
    ),
    "Source": _with_optional(
        _object(
            source=_TEXT,
            name=_TEXT,
            newest={"type": ["string", "null"], "format": "date"},
            state={"type": "string", "enum": ["fresh", "late", "stale", "none"]},
            missed={"type": "integer"},
            expected=_INSTANT,
            failing_since={"type": ["string", "null"], "format": "date-time"},
            attribution={"type": "string", "description": "What to name it as with its rates."},
            attribution_url={
                "type": ["string", "null"],
                "description": "The page to link to then.",
            },
            attribution_required={
                "type": "boolean",
                "description": "Whether its terms want that link wherever its rates are shown.",
            },
            redistributable={
                "type": "boolean",
                "description": "Whether its terms allow its table to be handed on.",
            },
        ),
        looked_at=_LOOKED_AT,
    ),
    "Sources": _object(away={"type": "boolean"}, sources=_list(_ref("Source"))),
    "Meaning": _object(name=_TEXT, status={"type": "integer"}, meaning=_TEXT),
    "Problem": _object(type=_TEXT, title=_TEXT, status={"type": "integer"}, detail=_TEXT),
}


def _parameter(
    name: str, schema: Json, where: str = "query", *, needed: bool = False
) -> dict[str, Json]:
    told: dict[str, Json] = {"name": name, "in": where, "schema": schema}
    return {**told, "required": True} if needed or where == "path" else told


_SKU = _parameter("sku", _TEXT, "path")
_ID = _parameter("id", _TEXT, "path")
_IN = _parameter("currency", _TYPED_CODE)
_OFFSET = _parameter("offset", {"type": "integer", "minimum": 0, "maximum": OFFSET_MAX})
_RANGE = _parameter("range", {"type": "string", "enum": list(RANGES)})


def _limit(most: int) -> Json:
    return _parameter("limit", {"type": "integer", "minimum": 0, "maximum": most})


_RESPONSES: dict[str, Json] = {
    "Known": {"description": "What the client has is what there is."},
    "Wrong": {
        "description": "What was wrong, as RFC 9457 has it: also of a request that is refused"
        " before there is a path (400, 408, 413, 414, 431, 501, 503).",
        "content": {PROBLEM_TYPE: {"schema": _ref("Problem")}},
    },
}


def _response(name: str) -> Json:
    return {"$ref": f"#/components/responses/{name}"}


def _operation(
    summary: str, answer: str, *parameters: Json, created: bool = False, kept: bool = False
) -> dict[str, Json]:
    success = "201" if created else "200"
    known = {"304": _response("Known")} if kept else {}
    return {
        "summary": summary,
        "parameters": list(parameters),
        "responses": {
            success: {"description": "OK", "content": {JSON_TYPE: {"schema": _ref(answer)}}},
            **known,
            "default": _response("Wrong"),
        },
    }


def _with_body(operation: dict[str, Json], body: Json) -> Json:
    content: Json = {"application/json": {"schema": body}}
    return {**operation, "requestBody": {"required": True, "content": content}}


_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "maxLength": 255},
    "description": "A text of your own: the same request with it gives the same quote. A UUID of"
    " version 4 does from any address, another text from the same one.",
}
_DESCRIPTION: Json = {
    "summary": "This description",
    "parameters": [],
    "responses": {
        "200": {"description": "OK", "content": {JSON_TYPE: {"schema": {"type": "object"}}}},
        "304": _response("Known"),
        "default": _response("Wrong"),
    },
}
_PATHS: dict[str, Json] = {
    "/api": {"get": _DESCRIPTION},
    "/api/openapi.json": {"get": _DESCRIPTION},
    "/api/categories": {
        "get": _operation(
            "The categories that products are in",
            "Categories",
            _OFFSET,
            _limit(CATEGORIES_SHOWN_MAX),
        )
    },
    "/api/products": {
        "get": _operation(
            "Products with their prices",
            "Products",
            _parameter("q", {"type": "string", "maxLength": SEARCH_CHARACTERS_MAX}),
            _parameter("category", _TEXT),
            _IN,
            _OFFSET,
            _limit(PAGE_PRODUCTS_MAX),
        )
    },
    "/api/products/{sku}": {
        "get": _operation("A product, its price and why", "Product", _SKU, _IN)
    },
    "/api/products/{sku}/history": {
        "get": _operation(
            "Published rates from the product's currency to another, and its price at each",
            "PriceHistory",
            _SKU,
            _IN,
            _RANGE,
        )
    },
    "/api/quotes": {
        "post": _with_body(
            _operation("Hold a price that was seen", "Quote", _KEY, created=True),
            {
                **_object(sku=_TEXT, currency=_TYPED_CODE, conversion=_AMOUNT, price=_AMOUNT),
                "additionalProperties": False,
            },
        )
    },
    "/api/quotes/{id}": {"get": _operation("A quote", "Quote", _ID)},
    "/api/quotes/{id}/redeem": {"post": _operation("Redeem a quote", "Quote", _ID)},
    "/api/quotes/{id}/cancel": {"post": _operation("Cancel a quote", "Quote", _ID)},
    "/api/rates": {
        "get": _operation("All rates of a currency", "Rates", _parameter("base", _TYPED_CODE))
    },
    "/api/rates/history": {
        "get": _operation(
            "Published rates from a currency to another",
            "History",
            _parameter("base", _TYPED_CODE),
            _parameter("to", _TYPED_CODE, needed=True),
            _RANGE,
        )
    },
    "/api/problems/{name}": {
        "get": _operation(
            "What the name of a failure means",
            "Meaning",
            _parameter("name", _TEXT, "path"),
            kept=True,
        )
    },
    "/api/sources": {"get": _operation("How each source stands, and its terms", "Sources")},
}


@cache
def document() -> Json:
    """The whole description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pricedesk: the desk",
            "version": __version__,
            "description": "What a product costs, why, and holding that price.",
        },
        "paths": _PATHS,
        "components": {"schemas": _SCHEMAS, "responses": _RESPONSES},
    }
