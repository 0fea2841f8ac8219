"""Connections to sources: where they may lead, and how much may come over them.

Both are settled where bytes and addresses are real, below the HTTP client. A host is looked up
once, its addresses are checked, and the connection is made to an address that was checked: a
second lookup could answer otherwise. What is received is counted there too, because a peer can
send much that never reaches a response: headers without end, interim answers, chunk extensions.

This module is imported late, in a thread: with the HTTP client it takes longer to load than
all the rest of the program.
"""

import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, zip_longest
from urllib.request import getproxies, proxy_bypass

import httpcore2
import httpx2

from pricedesk.backend.addresses import IPAddress
from pricedesk.backend.lookups import LookUp
from pricedesk.errors import in_quotes, without_password

HEAD_BYTES_MAX = 32 * 1024
"""Of an answer before its body, interim answers and those of a proxy among it."""

OVERHEAD_BYTES_MAX = 256 * 1024
"""What all attempts together may receive beyond one document of the largest size."""

ADDRESSES_MAX = 4
CONNECT_SECONDS = 1.5
"""For one address of a host; the second one to be tried is of the other family, if it has any,
so that a network that loses all of IPv6 costs this once."""

_FAILURES = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.TimeoutException,
    httpcore2.UnsupportedProtocol,
)


class Refused(Exception):
    """A connection is not made or not read on; its text goes on after the address."""


@dataclass(frozen=True, slots=True)
class Route:
    """How a host is found, and at which addresses it is let be."""

    look_up: LookUp
    allowed: Callable[[IPAddress], bool]


class Meter:
    """Counts what a download receives, in all attempts together, and ends it in time."""

    def __init__(self, bytes_max: int) -> None:
        """For a document of up to `bytes_max` bytes."""
        self._bytes_max = bytes_max + OVERHEAD_BYTES_MAX
        self._left = self._bytes_max
        self._of_head_left: int | None = None

    def expect_head(self) -> None:
        """An answer begins."""
        self._of_head_left = HEAD_BYTES_MAX

    def head_is_over(self) -> None:
        """What comes now is its body."""
        self._of_head_left = None

    def bounded(self, wanted: int) -> int:
        """How many of the wanted bytes may be read now, one at least.

        Raises:
            Refused: not even one.
        """
        if self._of_head_left == 0:
            raise Refused(f"answered with more than {HEAD_BYTES_MAX} bytes of headers")
        if self._left == 0:
            raise Refused(f"sent more than {self._bytes_max} bytes")
        return min(wanted, self._left, wanted if self._of_head_left is None else self._of_head_left)

    def count(self, received: int) -> None:
        """So many bytes came; no more than `bounded` gave."""
        self._left -= received
        if self._of_head_left is not None:
            self._of_head_left -= received


class _MeteredStream(httpcore2.AsyncNetworkStream):
    """A connection whose received bytes are counted; of TLS, what it carried."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream, meter: Meter) -> None:
        self._stream = stream
        self._meter = meter

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  # the interface's
        data = await self._stream.read(self._meter.bounded(max_bytes), timeout)
        self._meter.count(len(data))
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  # the interface's
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # the interface's
    ) -> httpcore2.AsyncNetworkStream:
        try:
            secured = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            # A handshake that is cancelled would leave its connection open.
            await self._stream.aclose()
            raise
        return _MeteredStream(secured, self._meter)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class _Network(httpcore2.AsyncNetworkBackend):
    """Connects to checked addresses only."""

    def __init__(self, route: Route, meter: Meter) -> None:
        self._route = route
        self._meter = meter
        self._connect = httpcore2.AnyIOBackend().connect_tcp

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109  # the interface's
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in (await self._addresses(host, port))[:ADDRESSES_MAX]:
            try:
                # An address that is written out is not looked up again.
                stream = await self._connect(
                    str(address), port, CONNECT_SECONDS, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return _MeteredStream(stream, self._meter)
        raise failure

    async def _addresses(self, host: str, port: int) -> list[IPAddress]:
        try:
            found = await self._route.look_up(host, port)
        except OSError as error:
            raise httpcore2.ConnectError(f"{host}: {error.strerror}") from error
        except UnicodeError as error:
            raise httpcore2.ConnectError("the host is no name") from error
        for address in found:
            # One of them is enough: such a name is not to be trusted.
            if not self._route.allowed(address):
                raise Refused(f"leads to {address}, where no source may be")
        return families_in_turn(found)


def families_in_turn(addresses: list[IPAddress]) -> list[IPAddress]:
    """The addresses, the first one first, then one of the other family, and so on."""
    same = [a for a in addresses if a.version == addresses[0].version]
    others = [a for a in addresses if a.version != addresses[0].version]
    return [a for a in chain.from_iterable(zip_longest(same, others)) if a is not None]


@contextmanager
def _as_failures_of_the_client(request: httpx2.Request) -> Iterator[None]:
    try:
        yield
    except _FAILURES as error:
        text = str(error) or type(error).__name__
        raise httpx2.TransportError(text, request=request) from error


class _Body(httpx2.AsyncByteStream):
    """The body of a response, as it comes."""

    def __init__(self, response: httpcore2.Response, request: httpx2.Request) -> None:
        self._response = response
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_failures_of_the_client(self._request):
            async for chunk in self._response.aiter_stream():
                yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


class _Transport(httpx2.AsyncBaseTransport):
    """Carries the client's requests over connections of ours; its own cannot be handed any."""

    def __init__(self, pool: httpcore2.AsyncConnectionPool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        with _as_failures_of_the_client(request):
            response = await self._pool.handle_async_request(
                httpcore2.Request(
                    request.method,
                    _address(request.url),
                    headers=request.headers.raw,
                    extensions=request.extensions,
                )
            )
        return httpx2.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response, request),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


def open_client(
    url: str, headers: Mapping[str, str], route: Route, meter: Meter
) -> httpx2.AsyncClient:
    """A client for one download of `url`; it follows no redirect and has no time limit.

    Where the environment names a proxy for the address, the proxy is connected to, wherever it
    is: that is the operator's choice, and it is the proxy that looks the source up.

    Raises:
        OSError: the certificates of the system cannot be read.
        Refused: the proxy of the environment is none that can be used.
        httpx2.InvalidURL: `url` is no address.
    """
    proxy = _proxy(httpx2.URL(url))
    if proxy is not None:
        route = Route(route.look_up, lambda _: True)
    pool = httpcore2.AsyncConnectionPool(
        ssl_context=httpx2.create_ssl_context(),
        proxy=proxy,
        network_backend=_Network(route, meter),
    )
    return httpx2.AsyncClient(
        transport=_Transport(pool), headers=headers, timeout=None, trust_env=False
    )


def _proxy(url: httpx2.URL) -> httpcore2.Proxy | None:
    proxies = getproxies()
    address = proxies.get(url.scheme) or proxies.get("all")
    if not address or proxy_bypass(url.netloc.decode("ascii")):
        return None
    try:
        proxy = httpx2.Proxy(address if "://" in address else f"http://{address}")
    except (ValueError, httpx2.InvalidURL) as error:
        shown = in_quotes(without_password(address))
        raise Refused(f"has the proxy {shown}, which is no address") from error
    if proxy.url.scheme not in ("http", "https"):
        raise Refused(f"has a proxy of the kind {in_quotes(proxy.url.scheme)}, not http or https")
    return httpcore2.Proxy(_address(proxy.url), auth=proxy.raw_auth, headers=proxy.headers.raw)


def _address(url: httpx2.URL) -> httpcore2.URL:
    return httpcore2.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )
