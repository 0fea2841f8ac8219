"""Every text of the pages has its French, with the same places for what is put into it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from babel import Locale

import pricedesk.frontend.web
from pricedesk.frontend.web.framing import LANGUAGES
from pricedesk.frontend.web.translations import words_for

FOLDER = Path(pricedesk.frontend.web.__file__).parent
FRENCH = words_for(Locale("fr"))

STATES = {"late", "stale", "none", "fresh"}
"""Texts that come from the back-end's words."""

THE_SAME = {"Sources", "Source", "Pages"}
"""What is the same word in French."""


def texts_of_templates() -> Iterator[str]:
    for file in (FOLDER / "templates").iterdir():
        for quoted in re.findall(r"""_\(("[^"]*"|'[^']*')\)""", file.read_text("utf-8")):
            yield quoted[1:-1]


def texts_of_code() -> Iterator[str]:
    for file in FOLDER.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            called = node.func.id if isinstance(node.func, ast.Name) else called
            if called == "words" and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)


TEXTS = {*texts_of_templates(), *texts_of_code(), *STATES}


def test_texts_are_found() -> None:
    assert {"Hold this price", "Margin of {} %", "There is no such page"} <= TEXTS
    assert len(TEXTS) > 80


def test_every_text_has_its_french() -> None:
    assert {text for text in TEXTS if FRENCH(text) == text} == THE_SAME


def test_a_translation_has_the_places_of_its_text() -> None:
    assert {text for text in TEXTS if text.count("{}") != FRENCH(text).count("{}")} == set()


def test_nothing_is_translated_that_nobody_says() -> None:
    for file in FOLDER.parent.rglob("fr.po"):
        said = set(re.findall(r'^msgid "(.+)"$', file.read_text("utf-8"), re.MULTILINE))
        assert said - TEXTS == set()


def test_every_language_that_is_offered_is_there_and_others_stay_english() -> None:
    assert [tag for tag, _ in LANGUAGES if tag != "en" and words_for(Locale(tag))("Price")] == [
        "fr"
    ]
    assert words_for(Locale("de"))("Price") == "Price"
    assert words_for(Locale("fr", "CA"))("Price") == "Prix"
