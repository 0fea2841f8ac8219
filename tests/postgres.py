"""A PostgreSQL server for tests: a cluster in a temporary folder, on a port of its own.

Found on PATH or where Debian has it. The server does not run as root, so root runs it as
`postgres` or `nobody`.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

PASSWORD = "open sesame/@:%"  # noqa: S105  # nobody's
PASSWORD_IN_ADDRESS = "open%20sesame%2F%40%3A%25"  # noqa: S105  # nobody's
START_SECONDS = 60

FIRST_PORT, PORTS = 20_000, 5_000
"""Below the range from which Linux takes ports for outgoing connections."""


def programs() -> Path | None:
    """The folder of the server's programs; the newest one, None if there is none."""
    on_path = shutil.which("initdb")
    if on_path is not None and shutil.which("pg_ctl") is not None:
        return Path(on_path).parent
    found = Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")
    return max((p.parent for p in found), key=lambda p: int(p.parent.name), default=None)


class PostgresServer:
    """A server with a role `pricedesk`, which may nothing but own databases of ours."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._databases = 0
        self.port = _free_port()

    def run(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs; it must succeed."""
        where = programs()
        assert where is not None
        command = [str(where / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", _unprivileged(), "--", *command]
        # pg_ctl's server inherits what it writes to, so that is no pipe.
        with (self._folder / "said").open("ab+") as said:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                timeout=START_SECONDS,
                check=False,
                cwd=self._folder,
            )
            said.seek(0)
            assert done.returncode == 0, said.read().decode()

    def make(self) -> None:
        """Make the cluster; connections are asked for a password."""
        (self._folder / "password").write_text(PASSWORD)
        (self._folder / "password").chmod(0o644)
        self.run(
            *("initdb", "--pgdata", str(self._folder / "data"), "--username", "postgres"),
            *("--encoding", "UTF8", "--locale", "C.UTF-8", "--auth", "scram-sha-256"),
            *("--pwfile", str(self._folder / "password"), "--no-sync"),
        )

    def start(self, *, durable: bool = False) -> None:
        """Start the server; unless `durable` without the wait for the disk at each commit."""
        options = (
            f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories=''"
            f" -c fsync={'on' if durable else 'off'} -c max_connections=50 -c shared_buffers=32MB"
        )
        self.run(
            *("pg_ctl", "start", "--wait", "--timeout", str(START_SECONDS)),
            *("--pgdata", str(self._folder / "data"), "--options", options),
            *("--log", str(self._folder / "log")),
        )

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: `fast` ends all connections, `immediate` is a crash."""
        self.run(
            *("pg_ctl", "stop", "--wait", "--mode", mode, "--pgdata", str(self._folder / "data"))
        )

    def address(self, database: str, user: str = "pricedesk") -> str:
        """How a client reaches a database."""
        return f"postgresql://{user}:{PASSWORD_IN_ADDRESS}@127.0.0.1:{self.port}/{database}"

    def administer(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as the administrator."""
        with psycopg.connect(self.address(database, "postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def make_database(self) -> str:
        """A new, empty database of the role `pricedesk`; gives its address."""
        self._databases += 1
        name = f"rates{self._databases}"
        self.administer(f"CREATE DATABASE {name} OWNER pricedesk")
        return self.address(name)


@contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[PostgresServer]:
    """A running server, stopped and removed at the end; tests are many and not `durable`."""
    with tempfile.TemporaryDirectory(prefix="pricedesk-postgres-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, _unprivileged())
        server = PostgresServer(folder)
        server.make()
        server.start(durable=durable)
        try:
            server.administer(f"CREATE ROLE pricedesk LOGIN PASSWORD '{PASSWORD}'")
            yield server
        finally:
            server.stop("immediate")


def _unprivileged() -> str:
    """A user whom root can run the server as."""
    users = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in users else "nobody"


def _free_port() -> int:
    """A port on which nobody listens, and which no outgoing connection is given meanwhile."""
    for port in range(FIRST_PORT + os.getpid() % PORTS, FIRST_PORT + 2 * PORTS):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("there is no free port")
