"""The shapes of the API's documents, as JSON Schema: what `openapi.py` refers to by name."""

from collections.abc import Mapping

from pricedesk.backend.conversion_requests import ITEMS_MAX
from pricedesk.http.messages import Json
from pricedesk.quote_lines import (
    CUSTOMER_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX,
    REF_CHARACTERS_MAX,
    RULES_CHARACTERS_MAX,
    QuoteStatus,
)

DATE: Json = {"type": "string", "format": "date"}
INSTANT: Json = {"type": "string", "format": "date-time"}
TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": "number"}
CODE: Json = {"type": "string", "pattern": "^[A-Z]{3}$"}
DECIMAL: Json = {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$"}
STATE: Json = {"type": "string", "enum": ["fresh", "late", "stale"]}
COUNT: Json = {"type": "integer", "minimum": 0}


def named(name: str) -> dict[str, Json]:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(items: Json) -> dict[str, Json]:
    """An array."""
    return {"type": "array", "items": items}


def one_of(schema: Mapping[str, Json]) -> dict[str, Json]:
    """What has this schema or is null."""
    return {"oneOf": [schema, {"type": "null"}]}


def shape(members: Mapping[str, Json], optional: Mapping[str, Json] | None = None) -> Json:
    """An object with these members, those that may be left out, and no others."""
    return {
        "type": "object",
        "properties": {**members, **(optional or {})},
        "required": list(members),
        "additionalProperties": False,
    }


def map_of(values: Json, names: Json = CODE) -> Json:
    """An object with a member for each of many names."""
    return {"type": "object", "propertyNames": names, "additionalProperties": values}


_RATES = map_of({"type": "number", "exclusiveMinimum": 0})
_POSITIVE: Json = {"type": "number", "exclusiveMinimum": 0}
_NULLABLE_TEXT = one_of({"type": "string"})
_VERSION_INDEX: Json = shape({"version": TEXT, "status": TEXT, "openapi": TEXT, "docs": TEXT})
_PROVIDER_RATE: Json = shape({"key": TEXT, "date": DATE, "rate": _POSITIVE})

_CURRENCY: Mapping[str, Json] = {
    "iso_code": CODE,
    "iso_numeric": {"type": "string", "pattern": "^[0-9]{3}$"},
    "name": TEXT,
    "symbol": _NULLABLE_TEXT,
    "start_date": DATE,
    "end_date": DATE,
}
_PEG: Json = shape({"base": CODE, "rate": _POSITIVE, "authority": TEXT})

_CONVERTED: Mapping[str, Json] = {
    "amount": DECIMAL,
    "from": CODE,
    "to": CODE,
    "result": DECIMAL,
    "rate": DECIMAL,
    "date": DATE,
    "source": _NULLABLE_TEXT,
    "state": STATE,
}
_EXPLAINED: Mapping[str, Json] = {
    **_CONVERTED,
    "path": list_of(CODE),
    "missed": COUNT,
    "published": list_of(named("PublishedRate")),
    "unrounded": DECIMAL,
    "rounding": {"type": "string", "enum": ["half-up", "half-even"]},
    "pegs": list_of(named("PublishedRate")),
    "others": list_of(shape({"source": TEXT, "date": DATE, "rate": DECIMAL})),
    "document": _NULLABLE_TEXT,
    "fetched": one_of({"type": "string", "format": "date-time"}),
    "attribution": _NULLABLE_TEXT,
}
_ITEM: Json = shape(
    {"amount": {"type": ["string", "number"]}}, {"from": TEXT, "to": TEXT, "on": TEXT}
)
_ITEM_ERROR: Json = shape({"error": shape({"slug": TEXT, "detail": TEXT})})

_AMOUNT: Json = {"type": ["string", "number"]}


def _text_of(characters_max: int) -> Json:
    return {"type": "string", "minLength": 1, "maxLength": characters_max}


_HOLD: Json = shape(
    {"amount": _AMOUNT, "from": TEXT, "to": TEXT},
    {
        "ref": _text_of(REF_CHARACTERS_MAX),
        "name": _text_of(NAME_CHARACTERS_MAX),
        "for": _text_of(CUSTOMER_CHARACTERS_MAX),
        "expects": _AMOUNT,
        "price": _AMOUNT,
        "rules": _text_of(RULES_CHARACTERS_MAX),
    },
)
_QUOTE: Json = shape(
    {
        "quote": TEXT,
        **dict.fromkeys(("ref", "name"), _NULLABLE_TEXT),
        **{name: _CONVERTED[name] for name in ("amount", "from", "to", "result")},
        "price": DECIMAL,
        **{name: _CONVERTED[name] for name in ("rate", "date", "source")},
        "path": TEXT,
        **dict.fromkeys(("published", "pegs"), _NULLABLE_TEXT),
        "unrounded": DECIMAL,
        "rounding": _EXPLAINED["rounding"],
        "state": STATE,
        "missed": {"type": "string", "pattern": "^[0-9]+$"},
        **dict.fromkeys(("rules", "document", "attribution"), _NULLABLE_TEXT),
        **dict.fromkeys(("held", "expires"), INSTANT),
        "version": TEXT,
        "status": {"type": "string", "enum": [status.value for status in QuoteStatus]},
        "ended": one_of({"type": "string", "format": "date-time"}),
        "record": TEXT,
    }
)

SCHEMAS: Mapping[str, Json] = {
    "Index": shape(
        {
            "name": TEXT,
            "versions": map_of(shape({"base": TEXT, "openapi": TEXT, "status": TEXT}), TEXT),
            "docs": TEXT,
            "convert": TEXT,
        }
    ),
    "VersionIndex": _VERSION_INDEX,
    "SingleDate": shape({"amount": _POSITIVE, "base": CODE, "date": DATE, "rates": _RATES}),
    "DateRange": shape(
        {
            "amount": _POSITIVE,
            "base": CODE,
            "start_date": DATE,
            "end_date": DATE,
            "rates": map_of(_RATES, DATE),
        }
    ),
    "CurrencyNames": map_of(TEXT),
    "Version1Error": shape({"message": TEXT}, {"status": COUNT, "detail": TEXT}),
    "Row": shape(
        {"date": DATE, "base": CODE, "quote": CODE, "rate": _POSITIVE},
        {"providers": list_of(_PROVIDER_RATE)},
    ),
    "Rows": list_of(named("Row")),
    "Currencies": list_of(shape(_CURRENCY)),
    "Currency": shape({**_CURRENCY, "providers": list_of(TEXT)}, {"peg": _PEG}),
    "Providers": list_of(
        shape(
            {
                "key": TEXT,
                "name": TEXT,
                "country_code": _NULLABLE_TEXT,
                "rate_type": TEXT,
                "pivot_currency": CODE,
                "data_url": TEXT,
                "terms_url": TEXT,
                "start_date": DATE,
                "end_date": DATE,
                "publish_cadence": TEXT,
                "publishes_missed": COUNT,
                "currencies": list_of(CODE),
            }
        )
    ),
    "Version2Error": shape({"status": COUNT, "message": TEXT}, {"detail": TEXT}),
    "PublishedRate": shape({"pair": TEXT, "rate": DECIMAL}),
    "Converted": shape(_CONVERTED, {"pegs": _EXPLAINED["pegs"], "attribution": TEXT}),
    "Explained": shape(_EXPLAINED),
    "Items": shape(
        {"items": {"type": "array", "maxItems": ITEMS_MAX, "items": _ITEM}},
        {"explain": {"type": "boolean"}, "known_at": INSTANT, "sources": TEXT},
    ),
    "Results": shape(
        {
            "results": list_of(
                {"anyOf": [named("Converted"), named("Explained"), _ITEM_ERROR]},
            )
        }
    ),
    "Hold": _HOLD,
    "Quote": _QUOTE,
    "Problem": shape(
        {"type": TEXT, "title": TEXT, "status": COUNT, "detail": TEXT}, {"index": COUNT}
    ),
    "Health": shape({"status": {"type": "string", "const": "ok"}}),
    "NotReady": shape({"status": {"type": "string", "const": "unavailable"}, "reason": TEXT}),
    "Version": shape(
        {
            "name": TEXT,
            "version": TEXT,
            "python": TEXT,
            "newest_publication": one_of({"type": "string", "format": "date"}),
        }
    ),
    "OpenApi": {"type": "object"},
}
