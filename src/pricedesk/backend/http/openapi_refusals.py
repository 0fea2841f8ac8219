"""What is refused before there is a path: any operation may answer it, so it is described once."""

from collections.abc import Mapping
from http import HTTPStatus

from pricedesk.backend.http.openapi_schemas import named
from pricedesk.http import refusals
from pricedesk.http.meanings import meanings
from pricedesk.http.messages import PROBLEM_TYPE, Failure, Json

PROBLEM: Mapping[str, Json] = {PROBLEM_TYPE: {"schema": named("Problem")}}
"""The content of a refusal, whatever the errors of the operation itself look like."""

_SLUGS = {int(f.status): f.slug for f in vars(refusals).values() if isinstance(f, Failure)}
REFUSED = tuple(sorted(_SLUGS))
"""The statuses of such refusals."""


def _name(slug: str) -> str:
    return "".join(word.capitalize() for word in slug.split("-"))


RESPONSES: Mapping[str, Json] = {
    _name(slug): {
        "description": f"{meanings()[slug][1]} The connection ends.",
        "content": PROBLEM,
    }
    for status, slug in sorted(_SLUGS.items())
    # An operation has 400 of its own for every request, and tells of both.
    if status != HTTPStatus.BAD_REQUEST
}
"""The refusals by their names, which are those of `/docs#errors` in capitals."""


def refused(status: int) -> Json:
    """The refusal with this status, by its name."""
    return {"$ref": f"#/components/responses/{_name(_SLUGS[status])}"}
