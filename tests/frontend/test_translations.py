"""Every text of the desk's own is there in every language, with as many places to fill in."""

import ast
import re
from pathlib import Path

import pytest
from babel import Locale
from babel.messages.pofile import read_po

import pricedesk.frontend
from pricedesk.frontend.dialogue import Dialogue
from pricedesk.frontend.terminal_text import COLUMNS
from pricedesk.frontend.translations import spoken, words_for

FOLDER = Path(pricedesk.frontend.__file__).parent
NAMES = {"words", "_words", "_"}
OF_THE_BACK_END = {"fresh", "late", "stale", "none"}
"""Words of its that are translated too."""

IN_TEMPLATES = re.compile(r"""_\((?:"([^"]+)"|'([^']+)')\)""")


def texts() -> set[str]:
    """What is translated: in the code, in the templates, and the meanings of telnet's words."""
    found = {word.meaning for word in Dialogue.WORDS.values()}
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Name(id=name) | ast.Attribute(attr=name),
                    args=[ast.Constant(value=str(text))],
                ) if name in NAMES:
                    found.add(text)
    for path in FOLDER.rglob("*.html"):
        found |= {one or other for one, other in IN_TEMPLATES.findall(path.read_text("utf-8"))}
    return found


def test_english_and_french_are_spoken() -> None:
    assert spoken() == ("en", "fr")


@pytest.mark.parametrize("language", [tag for tag in spoken() if tag != "en"])
def test_every_text_is_translated(language: str) -> None:
    with (FOLDER / "translations" / f"{language}.po").open("rb") as lines:
        known = {message.id: message.string for message in read_po(lines)}
    assert texts() - known.keys() == set()
    wrong = {text for text in texts() if str(known[text]).count("{}") != text.count("{}")}
    assert wrong == set()
    assert known.keys() - texts() - OF_THE_BACK_END == {""}


@pytest.mark.parametrize("language", spoken())
def test_the_words_of_telnet_are_explained_in_a_line_each(language: str) -> None:
    words = words_for(Locale.parse(language))
    widest = max(len(word.shown) for word in Dialogue.WORDS.values())
    meanings = {words(word.meaning) for word in Dialogue.WORDS.values()}
    assert {text for text in meanings if widest + 4 + len(text) > COLUMNS} == set()
