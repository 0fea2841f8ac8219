"""Who takes nothing of what waits for it, and who stays after the end."""

import socket
from contextlib import closing

import pytest

from pricedesk.unread import LINGER_SECONDS, STALLED_OUTPUT_SECONDS, Unread, waiting_bytes

START = 1000


@pytest.mark.parametrize(
    ("seen", "stalled"),
    [
        # Bytes that wait, at which second; whether the client is stalled at the last one.
        ([(0, 0), (100, 0)], False),
        ([(0, 100), (10, 100)], False),
        ([(0, 100), (11, 100)], True),
        ([(0, 100), (11, 200)], True),
        ([(0, 100), (6, 99), (16, 99)], False),
        ([(0, 100), (6, 99), (17, 99)], True),
        ([(0, 100), (6, 0), (12, 100), (22, 100)], False),
        ([(0, 100), (6, 0), (12, 100), (23, 100)], True),
    ],
)
def test_who_takes_nothing_for_ten_seconds_is_stalled(
    seen: list[tuple[int, int]], *, stalled: bool
) -> None:
    assert STALLED_OUTPUT_SECONDS == 10
    unread = Unread(START)
    for second, size in seen[:-1]:
        assert not unread.is_stalled(size, START + second)
    second, size = seen[-1]
    assert unread.is_stalled(size, START + second) is stalled
    assert unread.size == size


def test_who_takes_some_and_is_sent_as_much_again_is_not_stalled() -> None:
    unread = Unread(START)
    for second in range(0, 100, 5):
        assert not unread.is_stalled(100, START + second)
        unread.taken(START + second + 1)
    assert not unread.is_stalled(100, START + 106)
    assert unread.is_stalled(100, START + 107)


@pytest.mark.parametrize(
    ("taken_after", "second", "lingered"),
    [(0, 2, False), (0, 3, True), (1, 3, False), (1, 4, True)],
)
def test_who_was_told_of_the_end_has_two_seconds_from_then_or_from_taking_some(
    taken_after: int, second: int, *, lingered: bool
) -> None:
    assert LINGER_SECONDS == 2
    unread = Unread(0)
    unread.taken(START + taken_after)
    assert unread.has_lingered(START, START + second) is lingered


class Outgoing:
    """A connection of which so many bytes wait here."""

    def __init__(self, connection: socket.socket, size: int) -> None:
        self.connection, self.size = connection, size

    def get_write_buffer_size(self) -> int:
        return self.size

    def get_extra_info(self, name: str) -> object:
        return {"socket": self.connection}[name]


def test_what_the_system_holds_counts_where_some_waits_here() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        closing(socket.create_connection(server.getsockname())) as client,
        closing(server.accept()[0]) as connection,
    ):
        connection.setblocking(False)
        sent = 0
        while True:
            try:
                sent += connection.send(bytes(100_000))
            except BlockingIOError:
                break
        held = waiting_bytes(Outgoing(connection, 1)) - 1
        assert 0 < held <= sent
        assert waiting_bytes(Outgoing(connection, 0)) == 0
        taken = 0
        while waiting_bytes(Outgoing(connection, 1)) == held + 1:
            taken += len(client.recv(100_000))
        assert taken < sent
