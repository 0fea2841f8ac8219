"""What a server library is given to serve: methods as functions from bytes to bytes.

A handler gives the bytes of its answer, or raises a Refusal or a PricedeskError; anything else
that it raises is a fault, which is logged and answered with INTERNAL. It knows nothing of the
library that serves it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Noted:
    """An answer, and what is said of it in trailers."""

    message: bytes
    notes: tuple[tuple[str, str], ...]


Reply: TypeAlias = bytes | Noted


@dataclass(frozen=True, slots=True)
class Unary:
    """One message in, one out: at once, or when it is there."""

    answer: Callable[[bytes], Reply | Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Streaming:
    """One message in, any number out. The handler is closed when its client has gone.

    `is_work` is whether messages cost time to make, instead of being waited for: such calls take
    turns, in which one message is made.
    """

    answers: Callable[[bytes], AsyncIterator[bytes]]
    is_work: bool = False


@dataclass(frozen=True, slots=True)
class Each:
    """Any number of messages in, one out for each of them, in their order."""

    answer: Callable[[bytes], bytes]


Method: TypeAlias = Unary | Streaming | Each
Methods: TypeAlias = Mapping[str, Method]
"""Methods by their paths, as in /hipstershop.CurrencyService/Convert."""
