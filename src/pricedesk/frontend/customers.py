"""Who asks, as far as that is known: whose limit a quote counts for, and whose a key is."""

import re
from collections.abc import Sequence
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

from pricedesk.errors import InvalidRequest
from pricedesk.quote_lines import KEY_CHARACTERS_MAX

KEPT_KEY_CHARACTERS = 32
"""Of a key's digest: 128 bits, more than a random key has, and the longest request fits a line."""

CUSTOMER_PREFIX_BITS = 64
"""So much of an IPv6 address says who somebody is; the rest he chooses himself."""

RANDOM_DIGITS_MIN = 8
"""So many different digits has a UUID that counts as random; of those that are, one in 30.8
millions has fewer, and counts as any other key does."""

RANDOM_STEPS_MAX = 18
"""So many of its digits are the one before or one away from that, as in 1234, and so many of
those two before, as in a1b2; of random ones, one in 3.3 millions has more."""

DOCUMENTED = frozenset(
    {
        "110ec58a-a0f2-4ac4-8393-c866d813b8d1",
        "16fd2706-8baf-433b-82eb-8c7fada847da",
        "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
        "36b8f84d-df4e-4d49-b662-bcde71a8764f",
        "550e8400-e29b-41d4-a716-446655440000",
        "67e55044-10b1-426f-9247-bb680e5fe0c8",
        "8e03978e-40d5-43e8-bc93-6894a57f9324",
        "919108f7-52d1-4320-9bac-f847db4148a8",
        "936da01f-9abd-4d9d-80c7-02af85c822a8",
        "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
    }
)
"""Examples of RFCs and of libraries' documents, which people copy: random once, and everybody's."""

_RANDOM_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
"""Version 4 of RFC 9562, of which 122 bits are random: twice as many as of a quote's id."""


def key_of(key: str, customer: str) -> str:
    """A customer's key as the ledger has it, so that those of two customers do not meet.

    A random one needs no more: who knows it has made the request, from whichever address he comes
    now, in large or small letters. Any other is told apart by the customer, because two may think
    of the same. An example that two have copied from a document does meet, unless it is known.

    Raises:
        InvalidRequest: it is empty, too long, or not of printable ASCII.
    """
    if not (0 < len(key) <= KEY_CHARACTERS_MAX and key.isascii() and key.isprintable()):
        raise InvalidRequest(
            f"the key is to have 1 to {KEY_CHARACTERS_MAX} printable characters of ASCII"
        )
    told = key.lower() if is_random(key) else f"{customer} {key}"
    return sha256(told.encode()).hexdigest()[:KEPT_KEY_CHARACTERS]


def is_random(key: str) -> bool:
    """Whether a key is random by its form: a UUID of version 4, as far as can be seen not made up.

    Whether somebody else has it as well, its form does not say.
    """
    key = key.lower()
    if _RANDOM_UUID.fullmatch(key) is None or key in DOCUMENTED:
        return False
    digits = [int(digit, 16) for digit in key.replace("-", "")]
    return len({*digits}) >= RANDOM_DIGITS_MIN and all(
        _steps(digits, apart) <= RANDOM_STEPS_MAX for apart in (1, 2)
    )


def _steps(digits: Sequence[int], apart: int) -> int:
    """How many digits are that so far before, or one up or down from it; 0 is one up from f."""
    pairs = zip(digits, digits[apart:], strict=False)
    return sum((digit - before + 1) % 16 <= 2 for before, digit in pairs)  # noqa: PLR2004  # -1 to 1


def customer_of(address: str) -> str:
    """Whose limit a quote counts for: an address, or the network of one that is IPv6."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((int(found), CUSTOMER_PREFIX_BITS), strict=False))
