"""How version 2 tells that it does not answer: Frankfurter's words, and ours beside them."""

from http import HTTPStatus

from pricedesk.http.messages import NO_STORE, Failure, Json, Response, json_response

_MESSAGES = {
    "invalid-date": "invalid date",
    "no-rate-for-currency": "not found",
    "no-rate-for-date": "not found",
}
"""What Frankfurter says for these."""


def write_failure(failure: Failure) -> Response:
    """A failure as version 2 has it."""
    status = int(failure.status)
    message = _MESSAGES.get(failure.slug)
    document: dict[str, Json] = {"status": status, "message": message or failure.detail}
    if message is not None:
        document["detail"] = failure.detail
    return json_response(document, failure.status, (NO_STORE,))


def not_acceptable() -> Response:
    """What is there, and is not written in the format that was asked for."""
    detail = "this is written as JSON only; CSV is at /v2/rates.csv"
    return write_failure(Failure(HTTPStatus.NOT_ACCEPTABLE, "not-acceptable", detail))
