"""What is answered without a session, by the loop in Python and by the one in C."""

import gc
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from known_lines_twins import TWINS, AnswerKnown, twin
from pricedesk.known_lines import ANSWERED_BYTES_MAX, READABLE, Rest, answers_to

KNOWN = {b"one\n": b"1\n", b"two\n": b"2\n", b"long\n": b"x" * 999 + b"\n", b"\n": b"none\n"}
HANG_UP = READABLE | 16


class Connection:
    """One end of a pair of sockets, and what came of it."""

    def __init__(self) -> None:
        self.peer, self.socket = socket.socketpair()
        self.socket.setblocking(False)
        self.peer.setblocking(False)
        self.number = self.socket.fileno()
        self.receiver = SimpleNamespace(at_rest=True, last_line_at=1.0)
        self.unsent = b""

    def take(self) -> bytes | None:
        try:
            return self.socket.recv(16 * 1024)
        except OSError:
            return None

    def write(self, data: bytes) -> None:
        """Send what the system takes, and keep the rest: as `Wire` does."""
        try:
            sent = self.socket.send(data)
        except OSError:
            sent = 0
        self.unsent = data[sent:]

    def close(self) -> None:
        self.peer.close()
        self.socket.close()

    def answered(self) -> bytes:
        """What the peer has got."""
        got = b""
        try:
            while chunk := self.peer.recv(65536):
                got += chunk
        except BlockingIOError:
            pass
        return got


Found = tuple[list[tuple[int, int]], list[tuple[Connection, bytes]], int]


def found_by(
    answer_known: AnswerKnown, ready: list[tuple[int, int]], connections: list[Connection]
) -> Found:
    """Who is left, who was heard, how many lines were answered at 7.5 seconds; and no fault."""
    rest = Rest[Connection]()
    lines = answer_known(ready, {each.number: each for each in connections}, KNOWN, 7.5, rest)
    assert rest.faults == []
    return rest.left, rest.heard, lines


@pytest.fixture(params=TWINS)
def answer_known(request: pytest.FixtureRequest) -> AnswerKnown:
    return twin(request.param)


@pytest.fixture
def connection() -> Iterator[Connection]:
    made = Connection()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"one\n", b"1\n"),
        (b"\n", b"none\n"),
        (b"one\ntwo\none\n", b"1\n2\n1\n"),
        (b"one\n" * 4096, b"1\n" * 4096),
        (b"long\n" * 65, KNOWN[b"long\n"] * 65),
    ],
)
def test_known_lines_are_answered_counted_and_noted(
    answer_known: AnswerKnown, connection: Connection, sent: bytes, answered: bytes
) -> None:
    connection.peer.sendall(sent)
    ready = [(connection.number, READABLE)]
    found = found_by(answer_known, ready, [connection])
    assert found == ([], [], sent.count(b"\n"))
    assert connection.answered() == answered
    assert connection.receiver.last_line_at == 7.5


@pytest.mark.parametrize(
    "sent",
    [
        b"three\n",
        b"one",
        b"one\ntwo",
        b"one\nthree\n",
        b"three\none\n",
        b"one\r\n",
        b"one\n\xff\xf4",
        b"\x00\n",
        b"long\n" * (ANSWERED_BYTES_MAX // 1000 + 1),
    ],
)
def test_anything_else_is_given_to_the_caller_as_it_came(
    answer_known: AnswerKnown, connection: Connection, sent: bytes
) -> None:
    connection.peer.sendall(sent)
    ready = [(connection.number, READABLE)]
    found = found_by(answer_known, ready, [connection])
    assert found == ([], [(connection, sent)], 0)
    assert connection.answered() == b""
    assert connection.receiver.last_line_at == 1.0


def test_the_end_is_given_to_the_caller_too(
    answer_known: AnswerKnown, connection: Connection
) -> None:
    connection.peer.shutdown(socket.SHUT_WR)
    ready = [(connection.number, READABLE)]
    found = found_by(answer_known, ready, [connection])
    assert found == ([], [(connection, b"")], 0)


def test_who_has_sent_nothing_after_all_is_passed_over(
    answer_known: AnswerKnown, connection: Connection
) -> None:
    ready = [(connection.number, READABLE)]
    assert found_by(answer_known, ready, [connection]) == ([], [], 0)


@pytest.mark.parametrize("why", ["busy", "unsent", "events", "stranger"])
def test_who_is_not_at_rest_is_left_and_not_read_from(
    answer_known: AnswerKnown, connection: Connection, why: str
) -> None:
    connection.peer.sendall(b"one\n")
    connection.receiver.at_rest = why != "busy"
    connection.unsent = b"before" if why == "unsent" else b""
    ready = [(connection.number, HANG_UP if why == "events" else READABLE)]
    connections = [] if why == "stranger" else [connection]
    assert found_by(answer_known, ready, connections) == (ready, [], 0)
    assert connection.take() == b"one\n"
    assert connection.answered() == b""


def test_what_the_system_does_not_take_is_written_by_the_connection(
    answer_known: AnswerKnown, connection: Connection
) -> None:
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    sent = 0
    while not connection.unsent:
        connection.peer.sendall(b"long\n" * 60)
        ready = [(connection.number, READABLE)]
        found = found_by(answer_known, ready, [connection])
        assert found == ([], [], 60)
        sent += 60
    assert connection.answered() + connection.unsent == KNOWN[b"long\n"] * sent


def test_a_peer_that_is_gone_harms_nobody_else(answer_known: AnswerKnown) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        made = [Connection(), Connection()]
        made[0].close()
        made[0].peer = socket.create_connection(("127.0.0.1", port))
        made[0].socket = listener.accept()[0]
        made[0].socket.setblocking(False)
        made[0].number = made[0].socket.fileno()
        made[0].peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        made[0].peer.close()
        made[1].peer.sendall(b"one\n")
        ready = [(each.number, READABLE) for each in made]
        left, heard, lines = found_by(answer_known, ready, made)
        assert (heard, lines) == ([], 1)
        assert left in ([], ready[:1])
        assert made[0].take() in (b"", None)
        assert made[1].answered() == b"1\n"
        for each in made:
            each.close()


@given(
    st.lists(
        st.lists(st.sampled_from([*KNOWN, b"three\n", b"on", b"e\n", b"\xff"]), max_size=6).map(
            b"".join
        ),
        max_size=6,
    )
)
def test_each_is_answered_as_one_by_one(reads: list[bytes]) -> None:
    for name in TWINS:
        answer = twin(name)
        made = [Connection() for _ in reads]
        for connection, sent in zip(made, reads, strict=True):
            connection.peer.sendall(sent)
        ready = [(each.number, READABLE) for each in made]
        left, heard, lines = found_by(answer, ready, made)
        known = [answers_to(sent, KNOWN) for sent in reads]
        assert left == []
        assert [each.answered() for each in made] == [answers or b"" for answers in known]
        assert heard == [
            (each, sent)
            for each, sent, answers in zip(made, reads, known, strict=True)
            if sent and answers is None
        ]
        assert lines == sum(
            sent.count(b"\n") for sent, answers in zip(reads, known, strict=True) if answers
        )
        for each in made:
            each.close()


def test_what_cannot_be_sent_at_all_is_written_by_the_connection(
    answer_known: AnswerKnown, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[bytes] = []
    monkeypatch.setattr(connection, "write", written.append)
    connection.peer.sendall(b"one\n")
    with suppress(BlockingIOError):
        while True:
            connection.socket.send(b"x" * 65536)
    with suppress(BlockingIOError):
        while True:
            connection.socket.send(b"x")
    ready = [(connection.number, READABLE)]
    assert found_by(answer_known, ready, [connection]) == ([], [], 1)
    connection.peer.sendall(b"two\n")
    connection.peer.shutdown(socket.SHUT_RD)
    assert found_by(answer_known, ready, [connection]) == ([], [], 1)
    assert written == [b"1\n", b"2\n"]


def test_a_fault_with_one_is_told_and_the_others_are_answered(answer_known: AnswerKnown) -> None:
    made = [Connection() for _ in range(4)]
    for each in made:
        each.peer.sendall(b"one\n")
    made[0].receiver = SimpleNamespace()
    made[1].receiver = SimpleNamespace(at_rest=True)
    del made[1].unsent
    made[3].peer.sendall(b"three\n")
    ready = [(each.number, READABLE) for each in made]
    rest = Rest[Connection]()
    assert answer_known(ready, {each.number: each for each in made}, KNOWN, 7.5, rest) == 1
    assert made[2].answered() == b"1\n"
    assert (rest.left, rest.heard) == ([], [(made[3], b"one\nthree\n")])
    assert [(each, type(error)) for each, error in rest.faults] == [
        (made[0], AttributeError),
        (made[1], AttributeError),
    ]
    for each in made:
        each.close()


def test_all_that_was_looked_at_is_given_back(answer_known: AnswerKnown) -> None:
    """Each way through the loop many times: no more memory, and no more references."""
    made = [Connection() for _ in range(4)]
    connections = {each.number: each for each in made}
    ready: list[tuple[int, int]] = [(each.number, READABLE) for each in made]
    faulty = made[3].receiver = SimpleNamespace()
    now = 7.5 + len(made)

    def all_ways() -> None:
        for each, sent in zip(made, (b"one\ntwo\n", b"three\n", b"on", b""), strict=True):
            each.peer.sendall(sent)
        rest = Rest[Connection]()
        assert answer_known([*ready, (-1, READABLE)], connections, KNOWN, now, rest) == 2
        assert (rest.left, len(rest.heard), len(rest.faults)) == ([(-1, READABLE)], 2, 1)
        assert made[0].answered() == b"1\n2\n"

    def references() -> list[int]:
        looked_at = (*made, made[0].receiver, faulty, now, *KNOWN.values(), *ready)
        return [sys.getrefcount(each) for each in looked_at]

    all_ways()
    tracemalloc.start()
    try:
        all_ways()
        gc.collect()
        memory, referred = tracemalloc.get_traced_memory()[0], references()
        for _ in range(500):
            all_ways()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - memory < 10_000
        assert references() == referred
    finally:
        tracemalloc.stop()
    for each in made:
        each.close()


@pytest.mark.parametrize("wrong", [0, 1, 2, 4])
def test_the_one_in_c_refuses_what_it_cannot_look_into(wrong: int) -> None:
    arguments: list[Any] = [[], {}, {}, 7.5, Rest()]
    arguments[wrong] = None
    with pytest.raises((TypeError, AttributeError)):
        twin("c")(*arguments)


@pytest.mark.parametrize("built_for", ["(1,)", "(0, known.READ_BYTES, known.ANSWERED_BYTES_MAX)"])
def test_one_that_was_compiled_for_something_else_is_not_taken(built_for: str) -> None:
    program = f"""
import sys, types
sys.modules["pricedesk._known_lines"] = None
import pricedesk.known_lines as known
sys.modules["pricedesk._known_lines"] = types.SimpleNamespace(BUILT_FOR={built_for})
del sys.modules["pricedesk.known_lines"]
import pricedesk.known_lines as again
assert again.answer_known is again.answer_known_in_python
"""
    subprocess.run([sys.executable, "-c", program], check=True)
