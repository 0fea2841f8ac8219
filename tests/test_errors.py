"""The tree of errors: complete, told apart by slug, and safe to show."""

import importlib
import pkgutil
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pricedesk
from pricedesk import errors
from pricedesk.error_lines import GOODBYES
from pricedesk.errors import QUOTED_CHARACTERS_MAX, PricedeskError, in_quotes, without_password
from pricedesk.exit_codes import EXIT_CODES

EDGES = re.compile(r"^[ │]*[├└]── ([A-Za-z]+) ", re.MULTILINE)


def walk(root: type[PricedeskError]) -> list[type[PricedeskError]]:
    """All public descendants, in the order in which they are defined."""
    found = []
    for child in root.__subclasses__():
        if not child.__name__.startswith("_"):
            found += [child, *walk(child)]
    return found


for module in pkgutil.walk_packages(pricedesk.__path__, "pricedesk."):
    importlib.import_module(module.name)

TREE = walk(PricedeskError)
CONCRETE = [error for error in TREE if not walk(error)]


def test_every_public_error_is_in_the_tree_that_the_module_shows() -> None:
    assert [error.__name__ for error in TREE] == EDGES.findall(str(errors.__doc__))


def test_an_error_is_either_a_cause_with_a_slug_or_a_family_without() -> None:
    assert [error for error in TREE if "slug" in vars(error)] == CONCRETE


def test_every_slug_is_the_name_of_its_class_in_small_letters() -> None:
    names = [re.sub("(?<!^)([A-Z])", r"-\1", error.__name__).lower() for error in CONCRETE]
    assert [error.slug for error in CONCRETE] == names


def test_no_slug_of_an_error_is_one_of_a_goodbye_or_of_an_internal_error() -> None:
    assert {error.slug for error in CONCRETE} & {*GOODBYES, "internal"} == set()


def test_every_error_has_an_exit_code() -> None:
    assert set(EXIT_CODES) == set(CONCRETE)


def test_no_exit_code_of_an_error_is_one_of_success_or_of_a_fault() -> None:
    assert set(EXIT_CODES.values()) & {0, 1} == set()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("abc", '"abc"'),
        ("", '""'),
        ('say "hi"', '"say "hi""'),
        ("12,50", '"12,50"'),
        ("café", r'"caf\xe9"'),
        ("٣", r'"\u0663"'),
        ("\x1b[2J", r'"\x1b[2J"'),
        ("a\nb\rc\td", r'"a\nb\rc\td"'),
        ("\x00\x7f", r'"\x00\x7f"'),
        ("\udcff", r'"\udcff"'),
        ("x" * 40, '"' + "x" * 40 + '"'),
        ("x" * 41, '"' + "x" * 37 + '..."'),
        ("x" * 10_000, '"' + "x" * 37 + '..."'),
        ("é" * 10, '"' + r"\xe9" * 10 + '"'),
        ("é" * 11, '"' + r"\xe9" * 9 + r'\..."'),
    ],
)
def test_a_strangers_text_is_quoted_cut_and_escaped(text: str, shown: str) -> None:
    assert in_quotes(text) == shown


@given(st.text(st.characters()))
def test_a_quoted_text_is_short_and_printable_whatever_it_was(text: str) -> None:
    shown = in_quotes(text)
    assert set(shown) <= {chr(code) for code in range(32, 127)}
    assert shown[0] == shown[-1] == '"'
    assert len(shown) <= QUOTED_CHARACTERS_MAX + 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://rates.example/day", "https://rates.example/day"),
        ("https://user:secret@rates.example/day", "https://***@rates.example/day"),
        ("cannot reach ftp://u:s@a and ftp://u:t@b", "cannot reach ftp://***@a and ftp://***@b"),
        ("postgresql:///rates?password=s%20t&port=1", "postgresql:///rates?password=***&port=1"),
        ("postgresql://a/b?sslPassword=secret", "postgresql://a/b?sslPassword=***"),
    ],
)
def test_addresses_are_shown_without_user_and_password(text: str, shown: str) -> None:
    assert without_password(text) == shown
