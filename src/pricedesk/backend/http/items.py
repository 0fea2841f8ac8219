"""What `POST /convert` is asked, read strictly from JSON: numbers keep their digits.

What is wrong with the document, or with the shape of an item, refuses the whole request; what
an item's words mean is read when it is answered.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pricedesk.backend.conversion_requests import check_items
from pricedesk.errors import InvalidRequest, in_quotes
from pricedesk.http.json_bodies import Digits, read_json

_MEMBERS = {"items", "explain", "known_at", "sources"}
_ITEM_MEMBERS = {"amount", "from", "to", "on"}


class InvalidItem(Exception):  # the way from a reader to the one answer it gets
    """An item is not one; `index` says which."""

    def __init__(self, index: int, sentence: str) -> None:
        super().__init__(sentence)
        self.index = index


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a request, and what holds for all of them.

    An item has texts by name: amount always, from, to and on where they were given.
    """

    items: tuple[Mapping[str, str], ...]
    explain: bool
    options: Mapping[str, str]


def read_items(body: bytes) -> Items:
    """The items of a request's body.

    Raises:
        InvalidRequest: the document is off.
        InvalidItem: an item of it is.
    """
    document = read_json(body)
    if not isinstance(document, dict):
        raise InvalidRequest('the body is no object: send {"items":[...]}')
    unknown = document.keys() - _MEMBERS
    if unknown:
        raise InvalidRequest(f"{in_quotes(min(unknown))} is no member of the body")
    items = document.get("items")
    if not isinstance(items, list):
        raise InvalidRequest('"items" is no array')
    check_items(len(items))
    explain = document.get("explain", False)
    if not isinstance(explain, bool):
        raise InvalidRequest('"explain" is neither true nor false')
    options = {name: document[name] for name in ("known_at", "sources") if name in document}
    for name, value in options.items():
        if not _is_text(value):
            raise InvalidRequest(f'"{name}" is no text')
    return Items(tuple(_item(i, item) for i, item in enumerate(items)), explain, options)


def _item(index: int, item: object) -> Mapping[str, str]:
    if not isinstance(item, dict):
        raise InvalidItem(index, "it is no object")
    for name, value in item.items():
        if name not in _ITEM_MEMBERS:
            raise InvalidItem(index, f"{in_quotes(name)} is no member of an item")
        if not _is_text(value) and not (name == "amount" and isinstance(value, Digits)):
            kind = "neither a text nor a number" if name == "amount" else "no text"
            raise InvalidItem(index, f'"{name}" is {kind}')
    if "amount" not in item:
        raise InvalidItem(index, 'it has no "amount"')
    return item


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not isinstance(value, Digits)
