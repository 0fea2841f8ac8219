"""HTTP/2's rules, frame by frame and without a socket."""

import struct
from collections import deque

import pytest
from hpack import Encoder
from hypothesis import given, settings
from hypothesis import strategies as st

from http2_peer import (
    HEADERS,
    Echo,
    H2Client,
    data_frame,
    frames_in,
    greeting,
    headers_frame,
)
from pricedesk.backend.grpc import frames
from pricedesk.backend.grpc.frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    PADDED,
    PREFACE,
    PRIORITY,
    Code,
    Kind,
    Setting,
    frame,
)
from pricedesk.backend.grpc.http2 import (
    IDLE_FRAMES_MAX,
    LEFT_MAX,
    NOT_HTTP2,
    RECEIVE_WINDOW,
    SETTINGS_MAX,
    Stream,
)

SETTINGS_ACK = (Kind.SETTINGS, ACK, 0, b"")
BLOCK = Encoder().encode(HEADERS)


def goaway(data: list[tuple[int, int, int, bytes]]) -> tuple[int, int, str]:
    """The last stream, code and text of the GOAWAY frame that ends an output."""
    kind, _, stream, payload = data[-1]
    assert (kind, stream) == (Kind.GOAWAY, 0)
    last, code = struct.unpack(">LL", payload[:8])
    return last, code, payload[8:].decode()


def greeted(**named: int) -> Echo:
    """A connection of which the greeting is over."""
    echo = Echo()
    echo.send(greeting(**named), frame(Kind.SETTINGS, ACK, 0))
    return echo


def test_a_connection_begins_with_settings_and_room_for_bodies() -> None:
    echo = Echo()
    settings = struct.pack(">HLHL", Setting.MAX_CONCURRENT_STREAMS, 100, 6, 16384)
    assert list(frames_in(echo.http2.take_output())) == [
        (Kind.SETTINGS, 0, 0, settings),
        (Kind.WINDOW_UPDATE, 0, 0, struct.pack(">L", RECEIVE_WINDOW - 65535)),
    ]
    assert echo.send(greeting()) == [SETTINGS_ACK]


def test_a_request_is_answered_with_headers_a_body_and_trailers() -> None:
    assert greeted().send(headers_frame(1), data_frame(1, b"hello")) == [
        (Kind.HEADERS, END_HEADERS, 1, b"\x88"),
        (Kind.DATA, 0, 1, b"hello"),
        (Kind.HEADERS, END_HEADERS | END_STREAM, 1, b"\x0f\x00\x01x"),
    ]


def test_it_does_not_matter_in_which_pieces_bytes_come() -> None:
    whole = greeting(INITIAL_WINDOW_SIZE=70000) + frame(Kind.SETTINGS, ACK, 0)
    whole += headers_frame(1) + data_frame(1, b"one", ended=False) + headers_frame(3, ended=True)
    whole += frame(Kind.PING, 0, 0, b"12345678") + data_frame(1, b"two")
    at_once = Echo().send(whole)
    assert Echo().send(*(bytes((byte,)) for byte in whole)) == at_once
    for cut in range(len(whole)):
        assert Echo().send(whole[:cut], whole[cut:]) == at_once


def test_padding_and_priorities_are_taken_off() -> None:
    padded = bytes((3,)) + bytes(5) + BLOCK + bytes(3)
    flags = PADDED | PRIORITY | END_HEADERS
    asked = frame(Kind.HEADERS, flags, 1, padded)
    body = frame(Kind.DATA, PADDED | END_STREAM, 1, bytes((2,)) + b"hi" + bytes(2))
    priority = frame(Kind.PRIORITY, 0, 1, bytes(5))
    assert greeted().send(priority, asked, body)[1] == (Kind.DATA, 0, 1, b"hi")


def test_headers_may_go_on_in_further_frames() -> None:
    parts = [BLOCK[:3], BLOCK[3:10], BLOCK[10:]]
    asked = headers_frame(1, parts[0], flags=0)
    asked += frame(Kind.CONTINUATION, 0, 1, parts[1])
    asked += frame(Kind.CONTINUATION, END_HEADERS, 1, parts[2])
    assert greeted().send(asked, data_frame(1, b"hi"))[1] == (Kind.DATA, 0, 1, b"hi")


def test_trailers_of_a_request_end_it() -> None:
    trailers = headers_frame(1, Encoder().encode([("x", "y")]), ended=True)
    sent = greeted().send(headers_frame(1), data_frame(1, b"hi", ended=False), trailers)
    assert sent[1] == (Kind.DATA, 0, 1, b"hi")


def test_a_ping_comes_back() -> None:
    echo = greeted()
    assert echo.send(frame(Kind.PING, 0, 0, b"12345678")) == [(Kind.PING, ACK, 0, b"12345678")]
    assert echo.send(frame(Kind.PING, ACK, 0, b"12345678")) == []


def test_what_is_not_known_is_passed_over() -> None:
    unknown = frame(0xEE, 0xFF, 7, b"whatever") + frames.frame(
        Kind.SETTINGS, 0, 0, struct.pack(">HL", 0x99, 5)
    )
    assert greeted().send(unknown) == [SETTINGS_ACK]


def test_a_goaway_of_the_client_stops_nothing() -> None:
    bye = frames.goaway_frame(0, Code.NO_ERROR, "bye")
    assert greeted().send(bye, headers_frame(1, ended=True))[0][0] == Kind.HEADERS


def test_the_same_header_block_is_unpacked_once() -> None:
    echo, encoder = greeted(), Encoder()
    for number in range(1, 20, 2):
        echo.send(headers_frame(number, encoder.encode(HEADERS), ended=True))
    # The first filled the table, and the second was the first with such a table.
    assert echo.heads == 2


def test_a_block_means_another_thing_when_the_table_has_changed() -> None:
    echo, encoder = greeted(), Encoder()
    first = headers_frame(1, encoder.encode([*HEADERS[:2], (":path", "/x"), *HEADERS[3:]]))
    block = encoder.encode([*HEADERS[:2], (":path", "/x"), *HEADERS[3:]])
    echo.send(first, headers_frame(3, block), headers_frame(5, block))
    assert {stream.head for stream in echo.http2.streams.values()} == {b"/x"}
    # Its newest entry is at index 62 of the table, where the path was before.
    echo.send(headers_frame(7, encoder.encode([*HEADERS[:2], (":path", "/y"), *HEADERS[3:]])))
    echo.send(headers_frame(9, encoder.encode([*HEADERS[:2], (":path", "/x"), *HEADERS[3:]])))
    heads = {number: stream.head for number, stream in echo.http2.streams.items()}
    assert heads == {1: b"/x", 3: b"/x", 5: b"/x", 7: b"/y", 9: b"/x"}


CALM = Code.ENHANCE_YOUR_CALM
FAULTS: list[tuple[str, bytes, Code]] = [
    ("a frame that is too long", frame(Kind.DATA, 0, 1, bytes(16385)), Code.FRAME_SIZE_ERROR),
    ("data of no stream", data_frame(1, b"x"), Code.PROTOCOL_ERROR),
    ("data of the connection", data_frame(0, b"x"), Code.PROTOCOL_ERROR),
    ("an even stream", headers_frame(2), Code.PROTOCOL_ERROR),
    ("headers of the connection", headers_frame(0), Code.PROTOCOL_ERROR),
    ("a continuation of nothing", frame(Kind.CONTINUATION, 4, 1, b""), Code.PROTOCOL_ERROR),
    ("a promise", frame(Kind.PUSH_PROMISE, 4, 1, bytes(4)), Code.PROTOCOL_ERROR),
    (
        "headers that are interrupted",
        headers_frame(1, b"", flags=0) + frame(Kind.PING, 0, 0, bytes(8)),
        Code.PROTOCOL_ERROR,
    ),
    (
        "headers that go on in another stream",
        headers_frame(1, b"", flags=0) + frame(Kind.CONTINUATION, 4, 3, b""),
        Code.PROTOCOL_ERROR,
    ),
    (
        "headers without an end",
        headers_frame(1, b"", flags=0) + frame(Kind.CONTINUATION, 0, 1, b"") * 9,
        CALM,
    ),
    (
        "headers that are too long",
        headers_frame(1, bytes(16384), flags=0) + frame(Kind.CONTINUATION, 0, 1, bytes(8200)) * 2,
        CALM,
    ),
    (
        "headers that are long when they are unpacked",
        headers_frame(1, Encoder().encode([("a", "x" * 4000)]) + b"\xbe" * 20),
        CALM,
    ),
    ("headers that cannot be read", headers_frame(1, b"\xff\xff\xff"), Code.COMPRESSION_ERROR),
    ("an index of nothing", headers_frame(1, b"\xbe"), Code.COMPRESSION_ERROR),
    ("a table that is too large", headers_frame(1, b"\x3f\xff\xff\x03"), Code.COMPRESSION_ERROR),
    (
        "data after the end of a request",
        headers_frame(1, flags=END_HEADERS) + data_frame(1, b"", ended=True) + data_frame(1, b"x"),
        Code.STREAM_CLOSED,
    ),
    (
        "headers after an answer",
        headers_frame(1, ended=True) + headers_frame(1, ended=True),
        Code.STREAM_CLOSED,
    ),
    (
        "headers of a stream that was passed over",
        headers_frame(5, ended=True) + headers_frame(3, ended=True),
        Code.STREAM_CLOSED,
    ),
    (
        "data after the client's reset",
        headers_frame(1) + frames.reset_frame(1, Code.CANCEL) + data_frame(1, b"x"),
        Code.STREAM_CLOSED,
    ),
    ("data of an even stream", headers_frame(3) + data_frame(2, b"x"), Code.PROTOCOL_ERROR),
    (
        "a window of an even stream",
        headers_frame(3) + frames.window_frame(2, 1),
        Code.PROTOCOL_ERROR,
    ),
    ("a priority of the connection", frame(Kind.PRIORITY, 0, 0, bytes(5)), Code.PROTOCOL_ERROR),
    ("a priority that is too short", frame(Kind.PRIORITY, 0, 1, bytes(4)), Code.FRAME_SIZE_ERROR),
    ("a reset of no stream", frames.reset_frame(1, Code.CANCEL), Code.PROTOCOL_ERROR),
    ("a reset of the connection", frames.reset_frame(0, Code.CANCEL), Code.PROTOCOL_ERROR),
    ("a reset that is too short", frame(Kind.RST_STREAM, 0, 1, bytes(3)), Code.FRAME_SIZE_ERROR),
    ("settings of a stream", frame(Kind.SETTINGS, 0, 1), Code.PROTOCOL_ERROR),
    ("settings of another length", frame(Kind.SETTINGS, 0, 0, bytes(5)), Code.FRAME_SIZE_ERROR),
    ("a word on settings that says more", frame(Kind.SETTINGS, ACK, 0, bytes(6)), Code(6)),
    ("push of 2", frames.settings_frame({Setting.ENABLE_PUSH: 2}), Code.PROTOCOL_ERROR),
    (
        "a window that is too large",
        frames.settings_frame({Setting.INITIAL_WINDOW_SIZE: 2**31}),
        Code.FLOW_CONTROL_ERROR,
    ),
    ("frames of 1", frames.settings_frame({Setting.MAX_FRAME_SIZE: 1}), Code.PROTOCOL_ERROR),
    ("frames of 2**24", frames.settings_frame({Setting.MAX_FRAME_SIZE: 1 << 24}), Code(1)),
    ("a ping of a stream", frame(Kind.PING, 0, 1, bytes(8)), Code.PROTOCOL_ERROR),
    ("a ping that is too long", frame(Kind.PING, 0, 0, bytes(9)), Code.FRAME_SIZE_ERROR),
    ("a goaway of a stream", frame(Kind.GOAWAY, 0, 1, bytes(8)), Code.PROTOCOL_ERROR),
    ("a window of no stream", frames.window_frame(1, 1), Code.PROTOCOL_ERROR),
    ("a window that grows by nothing", frames.window_frame(0, 0), Code.PROTOCOL_ERROR),
    ("a window that overflows", frames.window_frame(0, 2**31 - 1), Code.FLOW_CONTROL_ERROR),
    ("a window of three bytes", frame(Kind.WINDOW_UPDATE, 0, 0, bytes(3)), Code(6)),
    ("padding without a length", frame(Kind.HEADERS, PADDED | 4, 1, b""), Code(6)),
    ("more padding than frame", frame(Kind.HEADERS, PADDED | 4, 1, b"\x05abcd"), Code(1)),
]


@pytest.mark.parametrize(("name", "data", "code"), FAULTS, ids=[row[0] for row in FAULTS])
def test_what_breaks_the_rules_ends_the_connection(name: str, data: bytes, code: Code) -> None:
    echo = greeted()
    assert goaway(echo.send(data))[1] == code
    assert echo.http2.ended
    assert echo.send(headers_frame(9, ended=True)) == []


FLOODS = [
    ("pings", frame(Kind.PING, 0, 0, bytes(8))),
    ("settings", frame(Kind.SETTINGS, 0, 0)),
    ("priorities", frame(Kind.PRIORITY, 0, 1, bytes(5))),
    ("frames of unknown kinds", frame(0xEE, 0, 0)),
    ("updates of the window", frames.window_frame(0, 1)),
]


@pytest.mark.parametrize(("name", "data"), FLOODS, ids=[name for name, _ in FLOODS])
def test_a_flood_of_frames_that_carry_nothing_ends_the_connection(name: str, data: bytes) -> None:
    echo = greeted()
    echo.http2.sweep()
    echo.send(data * IDLE_FRAMES_MAX)
    assert echo.http2.ended is False
    assert goaway(echo.send(data))[1] == CALM


def test_so_does_a_flood_of_empty_data() -> None:
    echo = greeted()
    echo.send(headers_frame(1))
    assert goaway(echo.send(data_frame(1, b"", ended=False) * (IDLE_FRAMES_MAX + 1)))[1] == CALM


def test_so_do_requests_that_are_reset_at_once() -> None:
    echo = greeted()
    sent = []
    for number in range(1, 10000, 2):
        sent += echo.send(headers_frame(number), frames.reset_frame(number, Code.CANCEL))
        if echo.http2.ended:
            break
        assert len(echo.http2.streams) == 0
    assert goaway(sent)[1] == CALM
    assert echo.told.count(("begin", 1)) == echo.told.count(("gone", 1)) == 1


def test_a_sweep_begins_the_count_anew() -> None:
    echo = greeted()
    for _ in range(3):
        echo.http2.sweep()
        echo.send(frame(Kind.PING, 0, 0, bytes(8)) * IDLE_FRAMES_MAX)
    assert not echo.http2.ended


def test_calls_that_are_answered_leave_room_for_more_of_such_frames() -> None:
    """Clients measure their connection with a ping for each answer."""
    echo = greeted()
    for number in range(1, 2 * IDLE_FRAMES_MAX, 2):
        echo.send(headers_frame(number, ended=True), frame(Kind.PING, 0, 0, bytes(8)))
        echo.send(frames.window_frame(0, 1))
    assert not echo.http2.ended


@pytest.mark.parametrize("sweeps", [False, True])
def test_a_client_may_open_both_windows_after_each_message_of_a_stream(
    sweeps: bool,
) -> None:
    """As some do; what was sent before a sweep may be told of after it."""
    echo = greeted()
    echo.send(headers_frame(1))
    for _ in range(3):
        for _ in range(IDLE_FRAMES_MAX):
            echo.http2.send(echo.http2.streams[1], b"news")
        if sweeps:
            echo.http2.sweep()
        for _ in range(IDLE_FRAMES_MAX):
            echo.send(frames.window_frame(0, 4), frames.window_frame(1, 4))
    assert not echo.http2.ended


def test_a_window_that_is_opened_byte_by_byte_ends_the_connection() -> None:
    echo = greeted(INITIAL_WINDOW_SIZE=0)
    echo.send(headers_frame(1))
    echo.http2.send(echo.http2.streams[1], bytes(2 * IDLE_FRAMES_MAX))
    assert goaway(echo.send(frames.window_frame(1, 1) * (2 * IDLE_FRAMES_MAX)))[1] == CALM


def test_what_answers_leave_room_for_may_not_be_saved_for_long() -> None:
    echo = greeted()
    for number in range(1, 2 * IDLE_FRAMES_MAX, 2):
        echo.send(headers_frame(number, ended=True))
    echo.http2.sweep()
    assert goaway(echo.send(frame(Kind.PING, 0, 0, bytes(8)) * (6 * IDLE_FRAMES_MAX)))[1] == CALM


def test_a_stream_beyond_the_hundredth_is_refused() -> None:
    echo = greeted()
    sent = echo.send(*(headers_frame(number) for number in range(1, 205, 2)))
    assert sent == [
        (Kind.RST_STREAM, 0, number, struct.pack(">L", Code.REFUSED_STREAM))
        for number in (201, 203)
    ]
    assert len(echo.http2.streams) == 100
    assert echo.send(data_frame(1, b"x"))[1] == (Kind.DATA, 0, 1, b"x")


def test_what_comes_late_for_a_stream_that_ended_here_first_is_passed_over() -> None:
    echo = greeted()
    reset = (Kind.RST_STREAM, 0, 1, struct.pack(">L", Code.PROTOCOL_ERROR))
    assert echo.send(headers_frame(1), frames.window_frame(1, 0)) == [reset]
    late = data_frame(1, b"x", ended=False) + frames.window_frame(1, 5)
    assert echo.send(late, headers_frame(1, ended=True)) == []
    # Its end has come now, so there is nothing that could be late.
    assert goaway(echo.send(data_frame(1, b"x")))[1] == Code.STREAM_CLOSED


def test_a_client_may_always_reset_or_open_the_window_of_a_stream_that_is_over() -> None:
    echo = greeted()
    echo.send(headers_frame(1, ended=True))
    assert echo.send(frames.window_frame(1, 5), frames.reset_frame(1, Code.CANCEL)) == []
    assert echo.send(headers_frame(3, ended=True))[0][0] == Kind.HEADERS


def test_of_streams_that_ended_here_first_long_ago_everything_is_passed_over() -> None:
    echo = greeted()
    for number in range(1, 2 * LEFT_MAX + 21, 2):
        echo.send(headers_frame(number), frames.window_frame(number, 0))
    assert len(echo.http2._left) == LEFT_MAX
    assert echo.send(data_frame(1, b"x"), data_frame(19, b"x"), data_frame(19, b"x")) == []
    # This one is remembered, so its end counts.
    assert echo.send(data_frame(21, b"x")) == []
    assert goaway(echo.send(data_frame(21, b"x")))[1] == Code.STREAM_CLOSED


def test_data_of_streams_that_were_refused_is_passed_over() -> None:
    echo = greeted()
    echo.send(*(headers_frame(number) for number in range(1, 203, 2)))
    assert echo.send(data_frame(201, b"x")) == []


@pytest.mark.parametrize(
    ("fields", "ended"),
    [([("x", "y")], False), ([(":path", "/x")], True), ([("x", "a\nb")], True), ([("", "")], True)],
)
def test_headers_that_cannot_end_a_request_end_its_stream(
    fields: list[tuple[str, str]], ended: bool
) -> None:
    echo = greeted()
    sent = echo.send(headers_frame(1), headers_frame(1, Encoder().encode(fields), ended=ended))
    assert sent == [(Kind.RST_STREAM, 0, 1, struct.pack(">L", Code.PROTOCOL_ERROR))]
    assert echo.told == [("begin", 1), ("gone", 1)]


@pytest.mark.parametrize("update", [b"\x20", b"\x20\x3f\xe1\x1f"], ids=["to 0", "to 0 and back"])
def test_a_block_means_nothing_when_the_table_was_emptied(update: bytes) -> None:
    echo, encoder = greeted(), Encoder()
    block = b""
    for number in (1, 3, 5):
        block = encoder.encode(HEADERS)
        assert echo.send(headers_frame(number, block, ended=True))[0][0] == Kind.HEADERS
    plain = b"".join(b"\x00" + bytes((len(n),)) + n.encode() + b"\x01x" for n, _ in HEADERS)
    assert echo.send(headers_frame(7, update + plain, ended=True))[0][0] == Kind.HEADERS
    assert goaway(echo.send(headers_frame(9, block)))[1] == Code.COMPRESSION_ERROR


def test_a_block_that_changes_the_tables_size_does_so_each_time() -> None:
    echo, encoder = greeted(), Encoder()
    emptying = b"\x20" + b"\x82\x86\x44\x01/"
    for number in (1, 5, 9):
        echo.send(headers_frame(number, b"\x3f\xe1\x1f" + encoder.encode(HEADERS), ended=True))
        echo.send(headers_frame(number + 2, emptying, ended=True))
        assert echo.http2._table.dynamic_entries == deque()
        encoder = Encoder()
    assert not echo.http2.ended


def test_a_window_of_a_stream_that_is_off_ends_the_stream_only() -> None:
    for more, code in ((0, Code.PROTOCOL_ERROR), (2**31 - 1, Code.FLOW_CONTROL_ERROR)):
        echo = greeted()
        sent = echo.send(headers_frame(1), frames.window_frame(1, more))
        assert sent == [(Kind.RST_STREAM, 0, 1, struct.pack(">L", code))]
        assert ("gone", 1) in echo.told
        assert not echo.http2.ended


@pytest.mark.parametrize("text", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00", b"PRI * X"])
def test_what_speaks_something_else_is_told_so(text: bytes) -> None:
    echo = Echo()
    echo.http2.receive(text)
    assert echo.http2.take_output() == NOT_HTTP2
    assert echo.http2.ended


def test_the_first_frame_is_settings() -> None:
    echo = Echo()
    assert goaway(echo.send(PREFACE, headers_frame(1)))[1] == Code.PROTOCOL_ERROR


# Flow control.


def body_of(sent: list[tuple[int, int, int, bytes]], stream: int) -> bytes:
    return b"".join(p for kind, _, number, p in sent if kind == Kind.DATA and number == stream)


def test_an_answer_waits_for_room_in_its_stream() -> None:
    echo = greeted(INITIAL_WINDOW_SIZE=10)
    sent = echo.send(headers_frame(1), data_frame(1, b"0123456789abcdef"))
    assert body_of(sent, 1) == b"0123456789"
    assert sent[-1][0] == Kind.DATA
    assert body_of(echo.send(frames.window_frame(1, 2)), 1) == b"ab"
    assert body_of(echo.send(frames.settings_frame({Setting.INITIAL_WINDOW_SIZE: 9})), 1) == b""
    sent = echo.send(frames.window_frame(1, 100))
    assert body_of(sent, 1) == b"cdef"
    assert sent[-1][:2] == (Kind.HEADERS, END_HEADERS | END_STREAM)
    assert echo.http2.streams == {}


def test_new_settings_open_the_windows_of_streams_that_there_are() -> None:
    echo = greeted(INITIAL_WINDOW_SIZE=0)
    echo.send(headers_frame(1), data_frame(1, b"abc"))
    sent = echo.send(frames.settings_frame({Setting.INITIAL_WINDOW_SIZE: 3}))
    assert body_of(sent, 1) == b"abc"
    # A peer may hold a new window valid only once it is acknowledged.
    assert [kind for kind, _, _, _ in sent] == [Kind.SETTINGS, Kind.DATA, Kind.HEADERS]


def test_of_a_setting_that_is_there_twice_the_last_one_counts() -> None:
    echo = greeted(INITIAL_WINDOW_SIZE=0)
    echo.send(headers_frame(1), data_frame(1, b"abc"))
    pair = struct.Struct(">HL").pack
    twice = pair(Setting.INITIAL_WINDOW_SIZE, 3) + pair(Setting.INITIAL_WINDOW_SIZE, 2)
    assert body_of(echo.send(frames.frame(Kind.SETTINGS, 0, 0, twice)), 1) == b"ab"


@pytest.mark.parametrize("body", [b"", b"hello"])
def test_a_smaller_compression_table_is_acknowledged_once(body: bytes) -> None:
    """RFC 7541, section 4.2: an encoder has to say so, also one that never uses the table."""
    echo = greeted(HEADER_TABLE_SIZE=100)
    first = echo.send(headers_frame(1), data_frame(1, body))
    assert first[0] == (Kind.HEADERS, END_HEADERS, 1, b"\x20\x88")
    echo.send(frames.settings_frame({Setting.HEADER_TABLE_SIZE: 0}))
    second = echo.send(headers_frame(3), data_frame(3, body))
    assert [payload for kind, _, _, payload in first + second if kind == Kind.HEADERS] == [
        b"\x20\x88",
        b"\x0f\x00\x01x",
        b"\x88",
        b"\x0f\x00\x01x",
    ]
    assert greeted(HEADER_TABLE_SIZE=4096).send(headers_frame(1, ended=True))[0][3] == b"\x88"


def test_more_settings_than_there_are_end_the_connection() -> None:
    echo = greeted()
    many = struct.pack(">HL", Setting.INITIAL_WINDOW_SIZE, 0) * (SETTINGS_MAX + 1)
    sent = echo.send(frames.frame(Kind.SETTINGS, 0, 0, many))
    assert (sent[-1][0], echo.http2.ended) == (Kind.GOAWAY, True)


def test_answers_wait_for_room_in_the_connection() -> None:
    echo = greeted(INITIAL_WINDOW_SIZE=10**6)
    got = [0, 0, 0]
    for index, number in enumerate((1, 3, 5)):
        parts = [data_frame(number, bytes(10000), ended=False)] * 2
        sent = echo.send(headers_frame(number), *parts, data_frame(number, bytes(10000)))
        got[index] = len(body_of(sent, number))
    assert got == [30000, 30000, 5535]
    sent = echo.send(frames.window_frame(0, 10**6))
    assert len(body_of(sent, 5)) == 30000 - 5535
    assert echo.http2.streams == {}


def test_what_is_sent_in_a_long_body_is_made_room_for() -> None:
    echo = greeted()
    sent = echo.send(headers_frame(1), *[data_frame(1, bytes(16384), ended=False)] * 40)
    updates = [(n, struct.unpack(">L", p)[0]) for k, _, n, p in sent if k == Kind.WINDOW_UPDATE]
    assert sum(more for number, more in updates if number == 1) == 40 * 16384
    assert sum(more for number, more in updates if number == 0) == 32 * 16384


def test_what_was_queued_is_dropped_with_its_stream() -> None:
    echo = greeted(INITIAL_WINDOW_SIZE=0)
    echo.send(headers_frame(1), data_frame(1, b"abc"), frames.reset_frame(1, Code.CANCEL))
    assert echo.told[-1] == ("gone", 1)
    assert echo.send(frames.window_frame(0, 5)) == []


def test_much_that_is_asked_for_at_once_is_answered_in_turns() -> None:
    echo = greeted()
    echo.http2.receive(frames.window_frame(0, 10**8))
    asked = b"".join(headers_frame(n) + data_frame(n, bytes(10000)) for n in range(1, 101, 2))
    echo.http2.receive(asked)
    assert len(echo.http2.take_output()) < 64 * 1024 + 16384 + 100
    turns = 0
    while echo.http2.is_behind:
        echo.http2.receive(b"")
        echo.http2.take_output()
        turns += 1
    assert (turns, echo.http2.streams) == (7, {})


@pytest.mark.parametrize(
    "nothing", [frame(Kind.PING, 0, 0, bytes(8)), frames.window_frame(0, 1)], ids=["ping", "window"]
)
def test_many_frames_that_carry_nothing_are_taken_in_turns(nothing: bytes) -> None:
    """Whether or not they have an answer: one that opens a window may cost as much as a call."""
    echo = greeted()
    echo.http2.receive(nothing * 1200)
    turns = 0
    while echo.http2.is_behind:
        if echo.http2.output:
            echo.http2.take_output()
        echo.http2.receive(b"")
        turns += 1
    assert (turns, echo.http2.ended) == (2, False)


class Unhurried(Echo):
    """An echo that has each stream with a body wait for the next turn, twice."""

    def data(self, stream: Stream, data: bytes) -> None:
        self.told.append(("data", stream.number))
        if self.told.count(("data", stream.number)) < 3:
            stream.body = bytearray(data) or stream.body
            self.http2.hold(stream)
        else:
            self.http2.answer(stream, bytes(stream.body or b""), b"\x88", b"\x0f\x00\x01x")


def test_what_an_application_holds_is_answered_before_anything_else_is_taken() -> None:
    echo = Unhurried()
    echo.send(greeting(), frame(Kind.SETTINGS, ACK, 0))
    first = headers_frame(1) + data_frame(1, b"one") + frame(Kind.PING, 0, 0, b"12345678")
    second = headers_frame(3) + data_frame(3, b"two")
    said: list[list[int]] = []
    behind: list[bool] = []
    for came in (first, second, b"", b"", b""):
        echo.http2.receive(came)
        said.append([kind for kind, *_ in frames_in(echo.http2.take_output())])
        behind.append(echo.http2.is_behind)
    answer = [Kind.HEADERS, Kind.DATA, Kind.HEADERS]
    assert said == [[], [], [*answer, Kind.PING], [], answer]
    assert behind == [True, True, True, True, False]
    data = ["begin", "data", "data", "data"]
    assert echo.told == [(what, stream) for stream in (1, 3) for what in data]


def test_what_is_over_is_held_no_longer() -> None:
    echo = Unhurried()
    echo.send(greeting(), frame(Kind.SETTINGS, ACK, 0))
    ping = frame(Kind.PING, 0, 0, b"12345678")
    echo.http2.receive(headers_frame(1) + data_frame(1, b"one") + ping)
    echo.http2.cancel(echo.http2.streams[1])
    assert [(kind, stream) for kind, _, stream, _ in echo.send(b"")] == [
        (Kind.RST_STREAM, 1),
        (Kind.PING, 0),
    ]
    assert echo.told == [("begin", 1), ("data", 1), ("gone", 1)]


def test_after_a_word_of_leaving_new_streams_are_refused_and_old_ones_answered() -> None:
    echo = greeted()
    echo.send(headers_frame(1))
    echo.http2.refuse_more()
    assert goaway(echo.send()) == (1, Code.NO_ERROR, "")
    sent = echo.send(headers_frame(3), data_frame(1, b"x"))
    assert sent[0] == (Kind.RST_STREAM, 0, 3, struct.pack(">L", Code.REFUSED_STREAM))
    assert body_of(sent, 1) == b"x"
    # What was said of the last stream never grows, also when the connection ends.
    assert goaway(echo.send(data_frame(9, b"x")))[:2] == (1, Code.PROTOCOL_ERROR)


# A peer that shares nothing with it.


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=70000), min_size=1, max_size=8), st.integers(1, 5000))
def test_python_h2_gets_what_it_sent(bodies: list[bytes], piece: int) -> None:
    echo, client = Echo(), H2Client()
    streams = {}
    for body in bodies:
        if len(body) <= 16384:
            streams[client.request(body)] = body
    for _ in range(200):
        asked = client.h2.data_to_send()
        for at in range(0, len(asked), piece):
            echo.http2.receive(asked[at : at + piece])
        while echo.http2.is_behind:
            client.receive(echo.http2.take_output())
            echo.http2.receive(b"")
        answered = echo.http2.take_output()
        client.receive(answered)
        if not asked and not answered:
            break
    assert {number: client.answers[number].body for number in streams} == streams
    assert client.goaway is None
    assert echo.http2.streams == {}


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 12), st.integers(0, 255), st.integers(0, 9), st.binary(max_size=40)
        ),
        max_size=30,
    )
)
def test_any_frames_are_taken_or_end_the_connection(
    found: list[tuple[int, int, int, bytes]],
) -> None:
    """Nothing else is raised, and nothing is kept without a bound."""
    echo = greeted()
    for kind, flags, stream, payload in found:
        echo.send(frame(kind, flags, stream, payload))
    assert len(echo.http2.streams) <= 5
    assert echo.http2.ended or goaway_free(echo)


def goaway_free(echo: Echo) -> bool:
    return echo.http2.take_output() == b""


@given(st.binary(max_size=200))
def test_so_are_any_bytes(data: bytes) -> None:
    echo = greeted()
    echo.http2.receive(data)
