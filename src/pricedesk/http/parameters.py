"""The parameters of a request, read strictly: what is not understood is refused by name.

A parameter that is passed over in silence answers another question than the one that was
asked, and nobody sees it.
"""

from collections.abc import Collection, Mapping

from pricedesk.errors import InvalidRequest, in_quotes
from pricedesk.http.messages import Request

NAMES_SHOWN_MAX = 10
"""So many unknown names does a refusal repeat."""


def parameters(request: Request, known: Collection[str]) -> Mapping[str, str]:
    """The parameters of a request by name.

    Raises:
        InvalidRequest: one is not among the known ones, or is there twice.
    """
    found: dict[str, str] = {}
    unknown: list[str] = []
    twice: list[str] = []
    for name, value in request.query:
        if name not in known:
            unknown.append(name)
        elif name in found:
            twice.append(name)
        found[name] = value
    if unknown:
        raise InvalidRequest(f"unknown parameter: {shown(unknown)}")
    if twice:
        raise InvalidRequest(f"repeated parameter: {shown(twice)}")
    return found


def capitals(text: str) -> str:
    """A text in capitals; other scripts have letters whose capital is one of ours, and stay."""
    return text.upper() if text.isascii() else text


def shown(names: Collection[str], separator: str = ", ") -> str:
    """A stranger's names in one text that is safe to show: each once, none long, not too many."""
    distinct = list(dict.fromkeys(names))
    texts = [in_quotes(name)[1:-1] for name in distinct[:NAMES_SHOWN_MAX]]
    if len(distinct) > NAMES_SHOWN_MAX:
        texts.append("...")
    return separator.join(texts)
