"""Errors on lines: how a reply tells of one, and how a connection ends."""

from pricedesk.errors import PricedeskError
from pricedesk.lines import LINE_BYTES_MAX

_ERROR = "error "


class ErrorReply(Exception):  # a reply that arrived, not a failure of this program
    """The back-end's own refusal, as it came over the wire."""

    def __init__(self, slug: str, sentence: str) -> None:
        super().__init__(sentence)
        self.slug = slug
        self.sentence = sentence


def is_error(line: str) -> bool:
    """Whether a reply line tells of an error."""
    return line.startswith(_ERROR)


def raise_error(line: str) -> None:
    """Raise the error that a reply line tells of, if it does.

    Raises:
        ErrorReply: it does.
    """
    if is_error(line):
        slug, _, sentence = line.removeprefix(_ERROR).partition(" ")
        raise ErrorReply(slug, sentence)


def error_line(error: PricedeskError) -> str:
    """The reply that tells of an error: `error SLUG SENTENCE`."""
    return f"{_ERROR}{error.slug} {error}"


GOODBYES = {
    "busy": "too many clients are connected; try again later",
    "line-too-long": f"a line has at most {LINE_BYTES_MAX} bytes",
    "idle": "nothing was asked for too long; connect again when needed",
    "closing": "the service is shutting down; connect again",
}
"""The errors that answer no request: the back-end says one of them and hangs up."""


def goodbye_line(slug: str) -> str:
    """The line with which the back-end ends a connection."""
    return f"{_ERROR}{slug} {GOODBYES[slug]}"


def is_goodbye(line: str) -> bool:
    """Whether a reply line ends the connection instead of answering a request."""
    return line.startswith(_ERROR) and line.split(" ")[1] in GOODBYES
