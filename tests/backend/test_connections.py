"""Where connections lead: to an address that was checked, with the host's own certificate."""

import asyncio
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
import stamina
import trustme

from fake_source import Exchange, FakeSource, pass_time, reply
from pricedesk.backend.addresses import IPAddress
from pricedesk.backend.connections import families_in_turn
from pricedesk.backend.download import Downloads, Rules
from pricedesk.backend.lookups import LookUp, own_lookup
from pricedesk.errors import DownloadFailed

NOW = datetime(2026, 11, 2, 15, 1, tzinfo=UTC)
HOST = "rates.example"


@pytest.fixture(autouse=True)
def _no_proxy_and_no_waits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    # Without the system's certificates, which take 40 ms to read.
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


class Resolver:
    """Answers lookups in turn, the last answer again and again, and remembers the questions."""

    def __init__(self, *answers: list[str]) -> None:
        self.asked: list[str] = []
        self._answers = answers

    async def __call__(self, host: str, port: int) -> list[IPAddress]:
        answer = self._answers[min(len(self.asked), len(self._answers) - 1)]
        self.asked.append(host)
        return [ip_address(text) for text in answer]


async def fetch(
    url: str, look_up: LookUp | None = None, *, mirror: bool = True, seconds: float = 10
) -> bytes | None:
    rules = Rules(bytes_max=1024, private=mirror, seconds=seconds)
    return await Downloads(rules, lambda: NOW, look_up).fetch(url)


async def failure(url: str, look_up: LookUp | None = None, *, mirror: bool = True) -> str:
    with pytest.raises(DownloadFailed) as caught:
        await fetch(url, look_up, mirror=mirror)
    return str(caught.value).removeprefix(f"{url} ")


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.5", "169.254.169.254", "::1", "fd00::1"])
async def test_a_built_in_source_leads_to_no_private_address(address: str) -> None:
    async with FakeSource(reply(b"secret")) as inside:
        reason = await failure(inside.url(host=HOST), Resolver([address]), mirror=False)
        assert reason == f"leads to {address}, where no source may be"
        assert inside.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "localhost", "[::1]"])
async def test_no_way_to_write_this_machine_leads_to_it(host: str) -> None:
    async with FakeSource(reply(b"secret")) as inside:
        reason = await failure(inside.url(host=host), mirror=False)
        assert reason in {f"leads to {a}, where no source may be" for a in ("127.0.0.1", "::1")}
        assert inside.requests == []


async def test_a_name_that_leads_partly_inside_is_not_connected_to_at_all() -> None:
    reason = await failure("http://rates.example/", Resolver(["8.8.8.8", "10.0.0.5"]), mirror=False)
    assert reason == "leads to 10.0.0.5, where no source may be"


async def test_the_address_of_a_clouds_metadata_is_none_for_a_mirror_either() -> None:
    reason = await failure("http://rates.example/", Resolver(["169.254.169.254"]))
    assert reason == "leads to 169.254.169.254, where no source may be"


async def test_a_host_is_looked_up_once_for_a_connection_and_named_in_the_request() -> None:
    resolver = Resolver(["127.0.0.1"], ["169.254.169.254"])
    async with FakeSource(reply(b"rates")) as mirror:
        assert await fetch(mirror.url(host=HOST), resolver) == b"rates"
        [request] = mirror.requests
    assert resolver.asked == [HOST]
    assert f"\r\nHost: {HOST}:{mirror.port}\r\n" in request


async def test_where_nobody_listens_at_one_address_the_next_one_is_tried() -> None:
    async with FakeSource(reply(b"rates")) as mirror:
        assert await fetch(mirror.url(host=HOST), Resolver(["127.9.9.9", "127.0.0.1"])) == b"rates"


async def test_a_host_without_addresses_is_a_failure_of_the_download() -> None:
    reason = await failure("http://rates.example/", Resolver([]))
    assert reason == 'cannot be fetched: "rates.example has no address"'


async def test_a_name_that_cannot_be_looked_up_is_a_failure_of_the_download(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    reason = await failure("http://rates.invalid/")
    assert reason == 'cannot be fetched: "rates.invalid: Name or service not known"'


async def test_what_is_no_name_is_a_failure_of_the_download() -> None:
    no_name = await failure(f"http://{'x' * 64}.example/")
    assert no_name == 'cannot be fetched: "the host is no name"'


@pytest.mark.parametrize(
    ("found", "tried"),
    [
        ("", ""),
        ("::1", "::1"),
        ("::1 ::2 ::3 1.1.1.1", "::1 1.1.1.1 ::2 ::3"),
        ("1.1.1.1 1.1.1.2 ::1 ::2", "1.1.1.1 ::1 1.1.1.2 ::2"),
    ],
)
def test_the_families_of_addresses_take_turns(found: str, tried: str) -> None:
    addresses = [ip_address(text) for text in found.split()]
    assert [str(address) for address in families_in_turn(addresses)] == tried.split()


def certified(host: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's side for a host, by an authority that this machine now trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "authority.pem"))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(server)
    return server


async def test_the_certificate_is_checked_for_the_host_and_not_for_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = certified(HOST, tmp_path, monkeypatch)
    names: list[str | None] = []
    server.sni_callback = lambda _, name, __: names.append(name)
    async with FakeSource(reply(b"rates"), tls=server) as mirror:
        assert await fetch(mirror.url(host=HOST), Resolver(["127.0.0.1"])) == b"rates"
    assert names == [HOST]


async def test_the_certificate_of_another_host_is_no_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = certified("other.example", tmp_path, monkeypatch)
    async with FakeSource(reply(b"rates"), tls=server) as mirror:
        reason = await failure(mirror.url(host=HOST), Resolver(["127.0.0.1"]))
        assert reason.startswith('cannot be fetched: "[SSL: CERTIFICATE_VERIFY_FAILED]')
        assert mirror.requests == []


async def test_a_certificate_of_an_unknown_authority_is_none_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = certified(HOST, tmp_path, monkeypatch)
    monkeypatch.delenv("SSL_CERT_FILE")
    async with FakeSource(reply(b"rates"), tls=server) as mirror:
        reason = await failure(mirror.url(host=HOST), Resolver(["127.0.0.1"]))
        assert reason.startswith('cannot be fetched: "[SSL: CERTIFICATE_VERIFY_FAILED]')


async def test_no_tls_where_it_should_be_is_a_failure_of_the_download() -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        reason = await failure(f"https://{HOST}:{port}/", Resolver(["127.0.0.1"]))
    assert reason.startswith('cannot be fetched: "[SSL: WRONG_VERSION_NUMBER]')


async def test_a_handshake_that_is_not_finished_in_time_leaves_no_connection_open() -> None:
    ended = asyncio.Event()

    async def wait_for_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pass_time(10)
        while await reader.read(65536):
            pass
        ended.set()
        writer.close()

    async with await asyncio.start_server(wait_for_the_end, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(DownloadFailed, match=r"did not send a document within 10 s$"):
            await fetch(f"https://{HOST}:{port}/", Resolver(["127.0.0.1"]))
        await ended.wait()


async def test_a_proxy_of_the_environment_is_asked_and_looks_the_source_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolver = Resolver(["127.0.0.1"])
    async with FakeSource(reply(b"rates")) as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:word@proxy.example:{proxy.port}")
        assert await fetch("http://rates.example/daily.xml?a=b", resolver, mirror=False) == b"rates"
        [request] = proxy.requests
    assert resolver.asked == ["proxy.example"]
    assert request.startswith("GET http://rates.example/daily.xml?a=b HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic dXNlcjp3b3Jk\r\n" in request


async def test_through_a_proxy_the_certificate_is_still_the_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = certified(HOST, tmp_path, monkeypatch)
    async with FakeSource(reply(b"rates"), tls=server) as source:

        async def tunnel(exchange: Exchange) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", source.port)
            await exchange.send(b"HTTP/1.1 200 OK\r\n\r\n")

            async def pass_on() -> None:
                while data := await exchange.reader.read(65536):
                    writer.write(data)
                writer.close()

            passing = asyncio.ensure_future(pass_on())
            while data := await reader.read(65536):
                await exchange.send(data)
            exchange.writer.close()
            await passing

        async with FakeSource(tunnel) as proxy:
            monkeypatch.setenv("https_proxy", f"127.0.0.1:{proxy.port}")
            assert await fetch(f"https://{HOST}/daily.xml", mirror=False) == b"rates"
            [request] = proxy.requests
    assert request.startswith(f"CONNECT {HOST}:443 HTTP/1.1\r\n")


async def test_what_no_proxy_names_is_asked_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeSource(reply(b"rates")) as source, FakeSource(reply(b"proxied")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url())
        monkeypatch.setenv("no_proxy", "elsewhere.example,127.0.0.1")
        assert await fetch(source.url()) == b"rates"


@pytest.mark.parametrize(
    ("proxy", "reason"),
    [
        ("socks5://user:word@127.0.0.1:1", 'has a proxy of the kind "socks5", not http or https'),
        ("http://user:word@[::1/", 'has the proxy "http://***@[::1/", which is no address'),
        ("gopher://127.0.0.1", 'has the proxy "gopher://127.0.0.1", which is no address'),
    ],
)
async def test_a_proxy_that_is_none_is_a_failure_of_the_download(
    monkeypatch: pytest.MonkeyPatch, proxy: str, reason: str
) -> None:
    monkeypatch.setenv("all_proxy", proxy)
    assert await failure("http://rates.example/") == reason


async def test_a_proxy_cannot_send_endless_headers_either(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeSource(reply(b"x", x="y" * 40_000)) as proxy:
        monkeypatch.setenv("http_proxy", f"127.0.0.1:{proxy.port}")
        reason = await failure("http://rates.example/", mirror=False)
    assert reason == "answered with more than 32768 bytes of headers"


@pytest.fixture
def hanging_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The system's resolver answers nothing before the test is over; gives what it is asked."""
    over = threading.Event()
    asked: list[str] = []

    def hang(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        over.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    yield asked
    over.set()


async def test_a_lookup_that_hangs_ends_the_download_and_holds_up_no_other_thread(
    hanging_resolver: list[str],
) -> None:
    with ThreadPoolExecutor(max_workers=1) as only_one:
        asyncio.get_running_loop().set_default_executor(only_one)
        look_up = own_lookup()
        for _ in range(3):
            with pytest.raises(DownloadFailed, match=r"did not send a document within 0\.2 s$"):
                await fetch("http://rates.example/", look_up, seconds=0.2)
        assert await asyncio.to_thread(lambda: "free") == "free"
    # Those that came later were given up without taking a thread.
    assert hanging_resolver == ["rates.example"]


HANGING = """
import asyncio, socket, threading
from pricedesk.backend.lookups import own_lookup

asked = threading.Event()

def hang(*_, **__):
    asked.set()
    threading.Event().wait()

async def main():
    looking = asyncio.ensure_future(own_lookup()("rates.example", 443))
    await asyncio.to_thread(asked.wait)
    print("asked", looking.done())

socket.getaddrinfo = hang
asyncio.run(main())
"""


def test_a_lookup_that_hangs_for_ever_does_not_hold_up_the_end_of_the_program() -> None:
    command = [sys.executable, "-c", HANGING]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("asked False\n", "", 0)
