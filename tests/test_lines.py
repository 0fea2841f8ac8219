"""Line framing: bytes in pieces of any size, whole lines out, and a bound on each."""

from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricedesk.lines import LINE_BYTES_MAX, LineBuffer

LONGEST = b"x" * LINE_BYTES_MAX

Collection: TypeAlias = tuple[list[bytes], bool]
"""The lines, and whether one was too long."""


def collected(pieces: list[bytes]) -> Collection:
    """The lines up to the end of input, or up to one that is too long."""
    buffer, lines = LineBuffer(), list[bytes]()
    for piece in pieces:
        buffer.add(piece)
        while buffer.has_line and not buffer.is_too_long:
            lines += buffer.take(2)
        if buffer.is_too_long:
            return lines, True
    buffer.end()
    return lines + buffer.take(2), False


def one_by_one(data: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in data]


STREAMS: list[tuple[bytes, Collection]] = [
    (b"", ([], False)),
    (b"1\n", ([b"1"], False)),
    (b"1\n2\n", ([b"1", b"2"], False)),
    (b"1\n2", ([b"1", b"2"], False)),
    (b"\n", ([b""], False)),
    (b"\n\n", ([b"", b""], False)),
    (b"a\rb\n", ([b"a\rb"], False)),
    (b"\xff\x00\n", ([b"\xff\x00"], False)),
    (LONGEST + b"\n", ([LONGEST], False)),
    (LONGEST, ([LONGEST], False)),
    (LONGEST + b"x", ([], True)),
    (LONGEST + b"x\n", ([], True)),
    (b"1\n" + LONGEST + b"\n2\n", ([b"1", LONGEST, b"2"], False)),
    (b"1\n2\n" + LONGEST + b"x\n3\n", ([b"1", b"2"], True)),
    (b"1\n" + b"x" * 100_000, ([b"1"], True)),
]


@pytest.mark.parametrize(("data", "collection"), STREAMS)
def test_a_stream_is_cut_into_lines(data: bytes, collection: Collection) -> None:
    assert collected([data]) == collection


@pytest.mark.parametrize(("data", "collection"), STREAMS)
def test_it_may_come_byte_by_byte(data: bytes, collection: Collection) -> None:
    assert collected(one_by_one(data)) == collection


@given(st.lists(st.text("abc\n").map(str.encode)))
def test_pieces_make_no_difference(pieces: list[bytes]) -> None:
    assert collected(pieces) == collected([b"".join(pieces)])


@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line)))
def test_lines_that_were_written_are_read_back(lines: list[bytes]) -> None:
    assert collected([b"".join(line + b"\n" for line in lines)]) == (lines, False)


@pytest.mark.parametrize("pieces", [[b"1"], [b"1\n2"], [b"1\n", b"2"]])
def test_a_line_that_has_begun_is_known(pieces: list[bytes]) -> None:
    buffer = LineBuffer()
    for piece in pieces:
        buffer.add(piece)
    assert buffer.has_partial


@pytest.mark.parametrize("pieces", [[], [b""], [b"1\n"], [b"1", b"\n"]])
def test_between_two_lines_none_has_begun(pieces: list[bytes]) -> None:
    buffer = LineBuffer()
    for piece in pieces:
        buffer.add(piece)
    assert not buffer.has_partial


def test_after_the_end_nothing_is_left() -> None:
    buffer = LineBuffer()
    buffer.add(b"1\n2")
    buffer.end()
    assert (buffer.take(9), buffer.take(9), buffer.has_partial) == ([b"1", b"2"], [], False)


@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_nothing_is_taken_from_behind_a_line_that_is_too_long(before: int) -> None:
    buffer = LineBuffer()
    buffer.add(b"1\n" * before + b"x" * (LINE_BYTES_MAX + 1) + b"\n2\n3\n")
    taken = [line for _ in range(4) for line in buffer.take(2)]
    assert (taken, buffer.is_too_long) == ([b"1"] * before, True)
