"""Who asks, as far as that is known: whose limit a quote counts for, and whose a key is."""

import re
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

_RANDOM_UUID = re.compile(
    r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-4[0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}"
)
"""Version 4 of RFC 9562, of which 122 bits are random: twice as many as of a quote's id."""


def key_of(key: str, customer: str) -> str:
    """A customer's key as the ledger has it: nobody meets a key of somebody else.

    A random one needs no more: who knows it has made the request, from whichever address he comes
    now. Any other is told apart by the customer, because two may think of the same.

    Raises:
        InvalidRequest: it is empty, too long, or not of printable ASCII.
    """
    if not (0 < len(key) <= KEY_CHARACTERS_MAX and key.isascii() and key.isprintable()):
        raise InvalidRequest(
            f"the key is to have 1 to {KEY_CHARACTERS_MAX} printable characters of ASCII"
        )
    told = key if is_random(key) else f"{customer} {key}"
    return sha256(told.encode()).hexdigest()[:KEPT_KEY_CHARACTERS]


def is_random(key: str) -> bool:
    """Whether a key is random by its form: a UUID of version 4, and not one made up by hand."""
    found = _RANDOM_UUID.fullmatch(key) is not None
    return found and len({*key.lower()} - {"-"}) >= RANDOM_DIGITS_MIN


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
