"""Requests and responses as values: JSON digit for digit, queries, problems."""

import json
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.errors import InvalidRequest
from pricedesk.http.messages import (
    CHUNK_BYTES,
    Failure,
    JsonNumber,
    chunked,
    json_response,
    json_text,
    parse_query,
    percent_decoded,
    problem,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (JsonNumber("310.70"), "310.70"),
        (JsonNumber("0.000081"), "0.000081"),
        (JsonNumber("-1"), "-1"),
        (JsonNumber("123456789012345678901234567890.5"), "123456789012345678901234567890.5"),
        ({"rates": {"USD": JsonNumber("1.1172")}, "n": [1, None, True]},
         '{"rates":{"USD":1.1172},"n":[1,null,true]}'),
        ((), "[]"),
        ({}, "{}"),
        (MappingProxyType({"a": 1}), '{"a":1}'),
        ('a"b\\c\n\x00\x7f', '"a\\"b\\\\c\\n\\u0000\x7f"'),
        ("zł €", '"zł €"'),
    ],
)  # fmt: skip
def test_json_is_written_digit_for_digit(value: object, text: str) -> None:
    assert json_text(value) == text  # type: ignore[arg-type]  # each row is one of the types


@given(PLAIN)
def test_what_is_written_reads_back_as_the_same(value: object) -> None:
    assert json.loads(json_text(value)) == value  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize("text", ["", "01", "1.", ".5", "+1", "1e", "NaN", "1,5", "1\n", "0x1"])
def test_what_is_no_number_in_json_is_not_written_as_one(text: str) -> None:
    with pytest.raises(ValueError, match="is no number in JSON"):
        JsonNumber(text)


@pytest.mark.parametrize("value", [1.5, b"bytes", {1, 2}, object()])
def test_other_types_are_not_written(value: object) -> None:
    with pytest.raises(TypeError, match="is not written as JSON"):
        json_text([value])  # type: ignore[list-item]  # what must not be passed


def test_a_json_response_is_utf_8_and_says_so() -> None:
    response = json_response({"name": "zł"}, 200, (("Cache-Control", "no-store"),))
    assert response.body == '{"name":"zł"}'.encode()
    assert response.media_type == "application/json; charset=utf-8"
    assert response.headers == (("Cache-Control", "no-store"),)


def test_a_problem_is_written_as_rfc_9457_has_it() -> None:
    response = problem(Failure(404, "no-rate-for-date", "there is no rate"))
    assert (response.status, response.media_type) == (404, "application/problem+json")
    assert response.headers == (("Cache-Control", "no-store"),)
    assert response.body == (
        b'{"type":"/docs#no-rate-for-date","title":"no rate for date","status":404,'
        b'"detail":"there is no rate"}'
    )


@pytest.mark.parametrize(
    ("query", "pairs"),
    [
        ("", ()),
        ("a=1", (("a", "1"),)),
        ("b=2&a=1&b=3", (("b", "2"), ("a", "1"), ("b", "3"))),
        ("a", (("a", ""),)),
        ("a=", (("a", ""),)),
        ("=1", (("", "1"),)),
        ("a=b=c", (("a", "b=c"),)),
        ("&&a=1&", (("a", "1"),)),
        ("a=x+y%2Bz", (("a", "x y+z"),)),
        ("%61=%E2%82%AC", (("a", "€"),)),
        ("a=1;b=2", (("a", "1;b=2"),)),
    ],
)
def test_a_query_keeps_order_and_repeats(query: str, pairs: tuple[tuple[str, str], ...]) -> None:
    assert parse_query(query) == pairs


@pytest.mark.parametrize("text", ["%", "a%2", "%zz", "%u20ac", "%ff", "%C0%80", "%ED%A0%80"])
def test_a_broken_escape_is_refused_and_not_guessed(text: str) -> None:
    with pytest.raises(InvalidRequest):
        percent_decoded(text)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5000), max_size=40))
def test_chunks_are_the_parts_in_order_and_not_small(parts: list[str]) -> None:
    chunks = list(chunked(parts))
    assert b"".join(chunks) == "".join(parts).encode()
    assert all(len(chunk) >= CHUNK_BYTES for chunk in chunks[:-1])


def test_chunks_are_made_as_they_are_wanted() -> None:
    made = []

    def parts() -> list[str]:
        made.append("x" * CHUNK_BYTES)
        return made

    stream = chunked(part for _ in range(10) for part in parts()[-1:])
    assert next(stream) == b"x" * CHUNK_BYTES
    assert len(made) == 1
