"""JSON that a client sends, read strictly: numbers keep their digits, a name is there once."""

import json
from http import HTTPStatus
from typing import NoReturn

from pricedesk.errors import InvalidRequest, in_quotes
from pricedesk.http.messages import JSON_TYPE, Failure, Request


class Digits(str):
    """A number of a JSON document, as it was written."""

    __slots__ = ()


def other_than_json(request: Request) -> Failure | None:
    """Why a body that is not called JSON is refused; None for one that is.

    A page of another site can send no body that is called so without asking first.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == JSON_TYPE.partition(";")[0]:
        return None
    return Failure(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "unsupported-media-type",
        f"the body is to be application/json, not {in_quotes(media_type)}",
    )


def read_json(body: bytes) -> object:
    """A JSON document whose numbers are `Digits`.

    Raises:
        InvalidRequest: it is none, or has a name twice in one object.
    """
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=Digits,
            parse_int=Digits,
            parse_constant=_no_number,
        )
    except UnicodeDecodeError as error:
        raise InvalidRequest("the body is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise InvalidRequest(f"the body is no JSON: {error.msg} at {error.pos}") from error
    except RecursionError as error:
        raise InvalidRequest("the body is nested too deeply") from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidRequest(f"{in_quotes(name)} is there twice in one object")
        found[name] = value
    return found


def _no_number(word: str) -> NoReturn:
    raise InvalidRequest(f"{word} is no number in JSON")
