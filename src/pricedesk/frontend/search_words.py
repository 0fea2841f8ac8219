"""Words as they are compared when somebody searches: without capitals, accents and signs."""

import re
import unicodedata

QUERY_CHARACTERS_MAX = 200
QUERY_WORDS_MAX = 5
"""How much of what is searched for is looked at: each word of one letter fits most products."""

_WORD = re.compile(r"[^\W_]+")

_UNSPACED = re.compile("([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff])")
"""Letters of scripts that put no spaces between words: Thai, Lao, Burmese, Khmer, kana, Han."""

_OTHER_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "\N{LATIN SMALL LETTER DOTLESS I}": "i"}
)
"""Letters that are no letter and an accent by Unicode, but are typed as these."""


def words_of(text: str, most: int | None = QUERY_WORDS_MAX) -> list[str]:
    """The words of a text, each once: "Café-Crème" has cafe and creme.

    In a script without spaces each letter is a word. `most` is None for a text of our own.
    """
    if most is not None:
        text = text[:QUERY_CHARACTERS_MAX]
    if text.isascii():
        folded = text.lower()
    else:
        apart = unicodedata.normalize("NFKD", text.casefold())
        bare = "".join(letter for letter in apart if not unicodedata.combining(letter))
        folded = _UNSPACED.sub(r" \1 ", bare.casefold().translate(_OTHER_LETTERS))
    return list(dict.fromkeys(_WORD.findall(folded)))[:most]
