"""What is answered without a session, by the loop in Python and by the one in C."""

import gc
import socket
import tracemalloc
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from known_lines_twins import TWINS, AnswerKnown, twin
from pricedesk.known_lines import ANSWERED_BYTES_MAX, READABLE, answers_to

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
    found = answer_known(ready, {connection.number: connection}, KNOWN, 7.5)
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
    found = answer_known(ready, {connection.number: connection}, KNOWN, 7.5)
    assert found == ([], [(connection, sent)], 0)
    assert connection.answered() == b""
    assert connection.receiver.last_line_at == 1.0


def test_the_end_is_given_to_the_caller_too(
    answer_known: AnswerKnown, connection: Connection
) -> None:
    connection.peer.shutdown(socket.SHUT_WR)
    ready = [(connection.number, READABLE)]
    found = answer_known(ready, {connection.number: connection}, KNOWN, 7.5)
    assert found == ([], [(connection, b"")], 0)


def test_who_has_sent_nothing_after_all_is_passed_over(
    answer_known: AnswerKnown, connection: Connection
) -> None:
    ready = [(connection.number, READABLE)]
    assert answer_known(ready, {connection.number: connection}, KNOWN, 7.5) == ([], [], 0)


@pytest.mark.parametrize("why", ["busy", "unsent", "events", "stranger"])
def test_who_is_not_at_rest_is_left_and_not_read_from(
    answer_known: AnswerKnown, connection: Connection, why: str
) -> None:
    connection.peer.sendall(b"one\n")
    connection.receiver.at_rest = why != "busy"
    connection.unsent = b"before" if why == "unsent" else b""
    ready = [(connection.number, HANG_UP if why == "events" else READABLE)]
    connections = {} if why == "stranger" else {connection.number: connection}
    assert answer_known(ready, connections, KNOWN, 7.5) == (ready, [], 0)
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
        found = answer_known(ready, {connection.number: connection}, KNOWN, 7.5)
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
        left, heard, lines = answer_known(ready, {each.number: each for each in made}, KNOWN, 7.5)
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
        left, heard, lines = answer(ready, {each.number: each for each in made}, KNOWN, 7.5)
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


def test_a_fault_is_raised_and_memory_is_given_back(answer_known: AnswerKnown) -> None:
    """Ways in and out of the loop, each many times."""
    made = [Connection() for _ in range(3)]
    numbers = {each.number: each for each in made}
    ready: list[tuple[int, int]] = [(each.number, READABLE) for each in made]

    def all_ways() -> None:
        for each, sent in zip(made, (b"one\ntwo\n", b"three\n", b"on"), strict=True):
            each.peer.sendall(sent)
        left, heard, lines = answer_known([*ready, (-1, READABLE)], numbers, KNOWN, 7.5)
        assert (left, len(heard), lines) == ([(-1, READABLE)], 2, 2)
        assert made[0].answered() == b"1\n2\n"
        made[0].peer.sendall(b"one\n")
        made[0].receiver = SimpleNamespace()
        with pytest.raises(AttributeError, match="at_rest"):
            answer_known(ready, numbers, KNOWN, 7.5)
        made[0].receiver = SimpleNamespace(at_rest=True, last_line_at=1.0)
        assert answer_known(ready, numbers, KNOWN, 7.5) == ([], [], 1)
        assert made[0].answered() == b"1\n"

    all_ways()
    tracemalloc.start()
    try:
        all_ways()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(500):
            all_ways()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 10_000
    finally:
        tracemalloc.stop()
    for each in made:
        each.close()


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_the_one_in_c_refuses_what_it_cannot_look_into(wrong: int) -> None:
    arguments: list[Any] = [[], {}, {}, 7.5]
    arguments[wrong] = None
    with pytest.raises(TypeError):
        twin("c")(*arguments)
