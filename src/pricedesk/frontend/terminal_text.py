"""Text for a terminal of 80 columns that may know nothing but ASCII, and obeys what is no text."""

import re
import unicodedata
from collections.abc import Sequence

COLUMNS = 80
CUT = "..."
INDENT_MAX = 8
"""How far to the right a line begins that goes on with another."""

_NO_BREAK_SPACES = "\u00a0\u202f\u2007"
"""Python counts these as not printable; amounts have them between their digits."""

_POUND = re.compile("£([A-Z]{2})")
_YEN = re.compile("([A-Z]{2})¥")
"""Two letters say whose pound or yuan it is: £GB, CN¥."""

_LETTERS = """
    € EUR  £ GBP  ¥ JPY  ₩ KRW  ₹ INR  ₪ ILS  ₫ VND  ₱ PHP  ₺ TRY  ₽ RUB  ₴ UAH  ₦ NGN  ₡ CRC
    ₲ PYG  ₸ KZT  ₮ MNT  ₵ GHS  ₭ LAK  ₾ GEL  ₼ AZN  ₿ BTC  ¢ c
    \u2018 '  \u2019 '  \u201a '  \u201c "  \u201d "  \u201e "  « "  » "  \u2039 '  \u203a '
    \u2010 -  \u2012 -  \u2013 -  \u2014 -  \u2212 -  \u2044 /  \u00d7 x  ÷ /  · .  • *  ° deg
    ß ss  ẞ SS  æ ae  Æ AE  œ oe  Œ OE  ø o  Ø O  ł l  Ł L  đ d  Đ D  ð d  Ð D  þ th  Þ Th
    \u0131 i  ħ h  Ħ H  © (C)  ® (R)
""".split()  # noqa: SIM905  # pairs are read more easily than a dictionary of them
_IN_ASCII = str.maketrans(dict(zip(_LETTERS[::2], _LETTERS[1::2], strict=True)))
"""What is no letter with an accent by Unicode; written as people write it without."""

UNKNOWN = "?"
"""What ASCII has nothing for."""


def clean(text: str, *, utf8: bool) -> str:
    """A text without anything that a terminal would obey, in ASCII if it knows no more."""
    printed = "".join(c for c in text if c.isprintable() or c in _NO_BREAK_SPACES)
    return printed if utf8 or printed.isascii() else in_ascii(printed)


def in_ascii(text: str) -> str:
    """A text as it is typed where there is only ASCII: é as e, € as EUR."""
    text = _YEN.sub(r"\1Y", _POUND.sub(r"\1P", unicodedata.normalize("NFC", text)))
    apart = unicodedata.normalize("NFKD", text.translate(_IN_ASCII)).translate(_IN_ASCII)
    bare = "".join(c for c in apart if not unicodedata.combining(c))
    return "".join(c if " " <= c <= "~" else UNKNOWN for c in bare)


def columns(text: str) -> int:
    """How many columns a text takes up: Chinese characters two, accents on their own none."""
    if text.isascii():
        return len(text)
    return sum(map(_columns_of, text))


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str) -> str:
    """A text in one line: the end of a longer one is three dots."""
    if columns(text) <= COLUMNS:
        return text
    return _beginning(text, COLUMNS - len(CUT)) + CUT


def _beginning(text: str, most: int) -> str:
    """As much of a text as takes up so many columns."""
    taken = 0
    for position, character in enumerate(text):
        taken += _columns_of(character)
        if taken > most:
            return text[:position]
    return text


def wrapped(text: str) -> list[str]:
    """A text in lines, the later ones as far to the right as the first, and a bit more.

    It is parted at spaces that may be parted at, and within words that are longer than a line.
    """
    if columns(text) <= COLUMNS:
        return [text]
    indent = " " * min(len(text) - len(text.lstrip(" ")), INDENT_MAX)
    line, lines = indent, []
    for word in text.split(" "):
        rest = word
        while rest:
            gap = " " if line.strip(" ") else ""
            if columns(line + gap + rest) <= COLUMNS:
                line, rest = line + gap + rest, ""
            elif gap:
                lines.append(line)
                line = f"{indent}  "
            else:
                part = _beginning(rest, COLUMNS - columns(line))
                lines.append(line + part)
                line, rest = f"{indent}  ", rest[len(part) :]
    return [*lines, line] if line.strip(" ") else lines


def table(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Names and what belongs to them, one below the other."""
    width = max((columns(name) for name, _ in rows), default=0)
    return [f"  {name}{' ' * (width - columns(name))}  {value}" for name, value in rows]
