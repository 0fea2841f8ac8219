"""The store on a PostgreSQL server that is restarted, out of reach, or does not let us in."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from kept import FRIDAY, THURSDAY, fetched_days
from postgres import PASSWORD, PASSWORD_IN_ADDRESS, PostgresServer
from pricedesk.backend.store import Store, find_store, open_store
from pricedesk.errors import StoreFailed

pytestmark = pytest.mark.postgres


@pytest.fixture
def address(postgres: PostgresServer) -> str:
    return postgres.make_database()


@pytest.fixture
def store(address: str, tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(address, tmp_path)) as opened:
        yield opened


def restart(server: PostgresServer, mode: str = "fast") -> None:
    server.stop(mode)
    server.start()


def days(store: Store) -> list[int]:
    return [p.date.day for p in store.publications().publications]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_after_a_restart_of_the_server_the_store_goes_on(
    store: Store, postgres: PostgresServer, mode: str
) -> None:
    store.add(*fetched_days(FRIDAY))
    assert store.claim_fetching() is True
    restart(postgres, mode)
    assert days(store) == [30]
    restart(postgres, mode)
    store.add(*fetched_days(THURSDAY))
    assert days(store) == [30, 29]
    assert store.claim_fetching() is True


def test_after_a_restart_another_process_may_be_the_one_that_fetches(
    store: Store, postgres: PostgresServer, address: str, tmp_path: Path
) -> None:
    with closing(open_store(address, tmp_path)) as other:
        assert (store.claim_fetching(), other.claim_fetching()) == (True, False)
        restart(postgres)
        assert (other.claim_fetching(), store.claim_fetching()) == (True, False)


def test_a_wait_goes_on_after_a_restart(store: Store, postgres: PostgresServer) -> None:
    store.wait_for_change(0)
    postgres.stop()
    try:
        assert store.wait_for_change(0.5) is False
    finally:
        postgres.start()
    assert store.wait_for_change(30) is True
    assert store.wait_for_change(0) is False
    store.add(*fetched_days(FRIDAY))
    assert store.wait_for_change(30) is True


def test_a_transaction_that_the_server_ended_has_kept_nothing(
    store: Store, postgres: PostgresServer
) -> None:
    def add_around_a_restart() -> None:
        with store.transaction():
            store.add(*fetched_days(FRIDAY))
            restart(postgres)
            store.add(*fetched_days(THURSDAY))

    with pytest.raises(StoreFailed):
        add_around_a_restart()
    assert days(store) == []
    store.add(*fetched_days(THURSDAY))


def test_a_part_after_a_lost_connection_is_not_kept_by_itself(
    store: Store, postgres: PostgresServer
) -> None:
    def add_twice_around_a_restart() -> None:
        with store.transaction():
            store.add(*fetched_days(FRIDAY))
            restart(postgres)
            for _ in range(2):
                with pytest.raises(StoreFailed):
                    store.add(*fetched_days(THURSDAY))

    with pytest.raises(StoreFailed):
        add_twice_around_a_restart()
    assert days(store) == []


def test_while_the_server_is_away_the_store_says_so_without_its_password(
    store: Store, postgres: PostgresServer, address: str, tmp_path: Path
) -> None:
    postgres.stop()
    try:
        for use in (store.publications, lambda: open_store(address, tmp_path)):
            with pytest.raises(StoreFailed) as caught:
                use()
            said = str(caught.value)
            assert said.startswith(f"the store {store.name} failed: connection failed: ")
            assert "Connection refused" in said
            assert PASSWORD_IN_ADDRESS not in said
    finally:
        postgres.start()
    assert days(store) == []


def test_the_store_is_named_without_user_and_password(store: Store, address: str) -> None:
    assert store.name == f"postgresql://***@{address.partition('@')[2]}"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((PASSWORD_IN_ADDRESS, "wrong"), "password authentication failed for user"),
        (("pricedesk:", "nobody:"), "password authentication failed for user"),
        (("/rates", "/other"), 'database "other'),
        (("127.0.0.1:", "127.0.0.1:1"), "port"),
        (("/rates", f"/rates?connect_timeout={PASSWORD_IN_ADDRESS}&x="), "x"),
    ],
)
def test_why_the_server_does_not_let_us_in_is_said_without_the_password(
    address: str, tmp_path: Path, change: tuple[str, str], reason: str
) -> None:
    with pytest.raises(StoreFailed, match=reason) as caught:
        open_store(address.replace(*change), tmp_path)
    said = str(caught.value)
    assert not {PASSWORD, PASSWORD_IN_ADDRESS, "wrong"} & set(said.split())
    assert PASSWORD not in said
    assert "\n" not in said


def test_a_store_that_another_one_writes_to_for_long_leaves_nothing(
    store: Store, address: str, tmp_path: Path
) -> None:
    store.database.execute("SET lock_timeout = '10ms'")
    with closing(open_store(address, tmp_path)) as other, other.transaction():
        other.add(*fetched_days(THURSDAY))
        with pytest.raises(StoreFailed, match=r"canceling statement due to lock timeout$"):
            store.add(*fetched_days(FRIDAY))
    store.add(*fetched_days(FRIDAY))
    assert days(store) == [29, 30]


def test_a_commit_waits_for_the_disk_also_where_the_server_does_not_ask_for_it(
    address: str, tmp_path: Path
) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("ALTER ROLE pricedesk SET synchronous_commit = off")
        try:
            with closing(open_store(address, tmp_path)) as store:
                assert store.database.execute("SHOW synchronous_commit") == [("on",)]
        finally:
            connection.execute("ALTER ROLE pricedesk RESET synchronous_commit")


def test_two_schemas_of_a_database_are_two_stores(address: str, tmp_path: Path) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA second")
    second = f"{address}?options=-csearch_path%3Dsecond"
    assert find_store(second, tmp_path) is None
    with (
        closing(open_store(address, tmp_path)) as one,
        closing(open_store(second, tmp_path)) as two,
    ):
        assert (one.claim_fetching(), two.claim_fetching()) == (True, True)
        with one.transaction():
            one.add(*fetched_days(FRIDAY))
            two.add(*fetched_days(THURSDAY))
        assert (days(one), days(two)) == ([30], [29])


def test_a_role_that_may_only_read_can_read(
    store: Store, postgres: PostgresServer, address: str, tmp_path: Path
) -> None:
    store.add(*fetched_days(FRIDAY))
    name = address.rpartition("/")[2]
    postgres.administer(
        f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
        database=name,
    )
    try:
        reading = find_store(postgres.address(name, "reader"), tmp_path)
        assert reading is not None
        with closing(reading):
            assert days(reading) == [30]
            assert reading.check() == []
    finally:
        postgres.administer("DROP OWNED BY reader", "DROP ROLE reader", database=name)
