"""The desk's texts in other languages, on its pages and in telnet: gettext's .po files, read once.

Babel reads them, and is loaded when a language is first asked for: the telnet desk is English
and does without until then.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from babel import Locale

Words: TypeAlias = Callable[[str], str]
"""Translates a text of the desk's."""

ENGLISH_TAG = "en"
"""The language that the texts are written in."""


def english(text: str) -> str:
    """A text as it is written."""
    return text


@lru_cache(maxsize=1)
def spoken() -> tuple[str, ...]:
    """The languages that there are texts in: en, fr."""
    found = [PurePath(file.name) for file in (files(__package__) / "translations").iterdir()]
    return (ENGLISH_TAG, *sorted(name.stem for name in found if name.suffix == ".po"))


def words_for(locale: "Locale") -> Words:
    """Translates a text of the desk's: `english` if nothing is translated to the language."""
    texts = _texts(locale.language)
    return (lambda text: texts.get(text, text)) if texts else english


@lru_cache(maxsize=64)
def _texts(language: str) -> Mapping[str, str]:
    from babel.messages.pofile import read_po  # noqa: PLC0415  # the module's docstring says why

    file = files(__package__) / "translations" / f"{language}.po"
    if not file.is_file():
        return {}
    with file.open("rb") as lines:
        catalog = read_po(lines)
    return {
        message.id: message.string
        for message in catalog
        if isinstance(message.id, str) and isinstance(message.string, str) and message.string
    }
