"""Send random bytes to a port of the loopback for some seconds: python FILE PORT SECONDS.

Half of the chunks are pure noise, half are put together from pieces that mean something to
a parser of lines, telnet or HTTP. The seed is fixed. It ends with an error if the service hangs.
"""

import random
import socket
import sys
import threading
import time
from contextlib import suppress

PIECES = [
    *(b"\n", b"\r\n", b"\r\0", b"\0", b" ", b"1", b"1100", b"-", b".", b"9" * 40, b"CAD", b"USD"),
    *(b"explain ", b"currencies", b"help", b"2020-02-14", b"9999-99-99", b"\xff", b"\xff\xff"),
    *(b"\xff\xfa", b"\xff\xf0", b"\xff\xfd\x06", b"\xff\xfb\x01", b"\xff\xf6", b"\xc3\xa9"),
    *(b"GET / HTTP/1.1\r\nHost: a\r\n", b"POST /version HTTP/1.1\r\nHost: a\r\n", b"%2", b"/?a=%"),
    *(b"Transfer-Encoding: chunked\r\n\r\n", b"Content-Length: 5\r\n", b"5\r\n12345\r\n0\r\n\r\n"),
    *(b"\xf0\x9f\x92\xb6", b"\x1b[2J", b"NaN", b"1e400", b"a" * 2000, b"\xe2\x80\xae"),
]
CHUNKS_PER_CONNECTION = 20
HANG_SECONDS = 30


def chunk(source: random.Random) -> bytes:
    if source.random() < 0.5:
        return source.randbytes(source.randrange(1, 3000))
    return b"".join(source.choices(PIECES, k=source.randrange(1, 200)))


def one_connection(source: random.Random, port: int) -> None:
    """Send some chunks and end; what the service says is read meanwhile, to its end."""
    with socket.create_connection(("127.0.0.1", port), HANG_SECONDS) as connection:
        reader = threading.Thread(target=read_to_the_end, args=(connection,))
        reader.start()
        with suppress(ConnectionError):
            for _ in range(source.randrange(1, CHUNKS_PER_CONNECTION)):
                connection.sendall(chunk(source))
            connection.shutdown(socket.SHUT_WR if source.random() < 0.8 else socket.SHUT_RDWR)
        reader.join(HANG_SECONDS)
        if reader.is_alive():
            sys.exit(f"port {port} hangs")


def read_to_the_end(connection: socket.socket) -> None:
    with suppress(ConnectionError):
        while connection.recv(65536):
            pass


def main(port: int, seconds: float) -> None:
    source = random.Random(20261030)  # noqa: S311  # noise, not a secret
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        one_connection(source, port)
        count += 1
    sys.stdout.write(f"{count} connections of random bytes sent to port {port}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
