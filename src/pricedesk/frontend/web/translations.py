"""The texts of the pages in other languages: gettext's .po files, read once."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.resources import files

from babel import Locale
from babel.messages.pofile import read_po


def words_for(locale: Locale) -> Callable[[str], str]:
    """Translates a text of the pages; one that has no translation stays English."""
    texts = _texts(locale.language)
    return lambda text: texts.get(text, text)


@lru_cache(maxsize=64)
def _texts(language: str) -> Mapping[str, str]:
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
