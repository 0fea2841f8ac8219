"""A whole answer as bytes."""

import pytest

from pricedesk.http.answer_bytes import header_lines, whole
from pricedesk.http.messages import Response


def test_an_answer_is_its_status_all_headers_and_its_body() -> None:
    response = Response(b"", 404, headers=(("X-One", "1, 2"), ("Two", "caf\u00e9\t")))
    assert whole(response, b"body", [(b"date", b"now"), (b"a", b"b")]) == (
        b"HTTP/1.1 404 Not Found\r\ndate: now\r\na: b\r\n"
        b"x-one: 1, 2\r\ntwo: caf\xc3\xa9\t\r\n\r\nbody"
    )


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb", "\0", "\x1f", "\x7f", "\x0b"])
def test_a_value_is_never_more_than_a_line(value: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        header_lines((("X", "1"), ("Y", value)))
