"""Where doors are bound: what the connections there have of their listening socket."""

import asyncio
import socket

import pytest

from pricedesk.listening import bound, socket_everywhere


@pytest.mark.parametrize("everywhere", [False, True])
async def test_an_answer_in_two_parts_does_not_wait_for_the_first_ones_receipt(
    everywhere: bool,
) -> None:
    """Without TCP_NODELAY a second write to a client who keeps his connection takes 40 ms."""
    found = asyncio.get_running_loop().create_future()

    class Door(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted = transport.get_extra_info("socket")
            found.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            transport.close()

    where = ("127.0.0.1", 0)
    listening = socket_everywhere(0) if everywhere else bound(socket.AF_INET, where, shared=False)
    server = await asyncio.get_running_loop().create_server(Door, sock=listening)
    async with server:
        with socket.create_connection(("127.0.0.1", listening.getsockname()[1])):
            assert await found == 1
