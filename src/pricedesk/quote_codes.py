"""The id of a quote: twelve characters that can be read aloud and cannot be guessed.

Crockford's base32 has no I, L, O and U, so that nothing looks like something else, and no
word comes about by chance. Sixty bits of chance: while a hundred thousand quotes are held,
a guess finds one of them once in ten million million times.
"""

import re
from collections.abc import Callable
from typing import TypeAlias

from pricedesk.errors import InvalidRequest, in_quotes

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BITS_PER_CHARACTER = 5
CHARACTERS = 12
GROUP_CHARACTERS = 4
"""An id is shown in groups of so many, as in 7F3K-9QXD-2MTA."""

QUOTE_ID_BITS = CHARACTERS * BITS_PER_CHARACTER

RandomBits: TypeAlias = Callable[[int], int]
"""Gives a whole number of so many random bits, as `secrets.randbits` does."""

_BETWEEN = re.compile(r"[-\s\u2010-\u2015\u2212]")
"""Hyphens, dashes, the minus sign and spaces: what people write between groups."""

_CHARACTER = {character: character for character in ALPHABET} | {"O": "0", "I": "1", "L": "1"}


def new_quote_id(random_bits: RandomBits) -> str:
    """An id that nobody can guess, as it is shown."""
    number = random_bits(QUOTE_ID_BITS)
    shifts = range(QUOTE_ID_BITS - BITS_PER_CHARACTER, -1, -BITS_PER_CHARACTER)
    return _shown("".join(ALPHABET[number >> shift & (len(ALPHABET) - 1)] for shift in shifts))


def parse_quote_id(text: str) -> str:
    """An id as it is shown, from what a person typed.

    Small letters are read, other dashes or none, O as 0, I and L as 1.

    Raises:
        InvalidRequest: it is no id.
    """
    typed = _BETWEEN.sub("", text)
    # Other scripts have letters whose capital is one of ours.
    read = [_CHARACTER.get(c, "") for c in typed.upper()] if typed.isascii() else []
    if len(read) != CHARACTERS or not all(read):
        raise InvalidRequest(
            f"{in_quotes(text)} is not the id of a quote, which is like 7F3K-9QXD-2MTA"
        )
    return _shown("".join(read))


def _shown(characters: str) -> str:
    starts = range(0, CHARACTERS, GROUP_CHARACTERS)
    return "-".join(characters[start : start + GROUP_CHARACTERS] for start in starts)
