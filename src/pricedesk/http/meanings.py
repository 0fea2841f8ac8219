"""What each name of a failure means, for whoever looks one up."""

from pricedesk.http import refusals
from pricedesk.http.messages import Failure
from pricedesk.http.routes import INTERNAL, STATUS

_OF_HTTP = {
    "not-found": (404, "There is nothing at this path."),
    "method-not-allowed": (
        405,
        "The path is not answered for this method; Allow says for which it is.",
    ),
    "not-acceptable": (406, "It is not written in the format that the path asks for."),
    "unsupported-media-type": (415, "The body of this request is to be JSON, and to say so."),
    INTERNAL.slug: (int(INTERNAL.status), "A fault of the service; it was logged."),
}
"""What the errors mean that are no errors of the domain."""


def meanings() -> dict[str, tuple[int, str]]:
    """Every error that a door can give, by its slug: its status and what it means."""
    found = {
        error.slug: (int(status), str(error.__doc__).strip().partition("\n")[0])
        for error, status in STATUS.items()
    }
    found |= _OF_HTTP
    # Of several with one name the first is the one that tells of all of them.
    for failure in reversed(vars(refusals).values()):
        if isinstance(failure, Failure):
            meaning = f"{failure.detail[0].upper()}{failure.detail[1:]}."
            found[failure.slug] = (int(failure.status), meaning)
    return found
