"""Settings: each one's good and bad values, where they come from, and their page."""

import runpy
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from pricedesk.currencies import currency
from pricedesk.errors import InvalidSetting
from pricedesk.money import Rounding
from pricedesk.settings import HostPort, Settings, read_settings, table, variable

ROOT = Path(__file__).parents[1]
EVENING = datetime(2026, 10, 30, 18, tzinfo=UTC)

PORT = "must be a port number, 0 to 65535"
COUNT = "must be a whole number from 1 to 1000000"
WORKERS = "must be a whole number from 1 to 64"
QUOTE_SECONDS = "must be a whole number from 1 to 31622400, which is a year"
TEXT = "must not be empty or have spaces around it"
HOST_PORT = "must be host:port, as in backend:3000 or [::1]:3000"
URL = "must be an http or https address"
DATABASE = (
    "must be an address such as postgresql://user:password@host:5432/database,"
    " with special characters in the password written as %XX"
)
YEARS = "must be in the years 1900 to 2199"
INSTANT = "must be an instant such as 2026-10-30T18:00:00Z"

GOOD = [
    ("LINES_ADDRESS", "0.0.0.0", "0.0.0.0"),
    ("LINES_ADDRESS", "::", "::"),
    ("LINES_PORT", "3001", 3001),
    ("LINES_PORT", "0", 0),
    ("HTTP_ADDRESS", "0.0.0.0", "0.0.0.0"),
    ("HTTP_PORT", "0", 0),
    ("GRPC_ADDRESS", "::", "::"),
    ("GRPC_PORT", "0", 0),
    ("GRPC_SERVER", "own", "own"),
    ("GRPC_SERVER", "grpcio", "grpcio"),
    ("GRPC_MAX_CONNECTIONS", "100", 100),
    ("DRAIN_DELAY_SECONDS", "0", 0),
    ("DRAIN_DELAY_SECONDS", "3", 3),
    ("TELNET_ADDRESS", "localhost", "localhost"),
    ("TELNET_PORT", "65535", 65535),
    ("BACKEND", "rates.internal:3001", HostPort("rates.internal", 3001)),
    ("BACKEND", "[::1]:3000", HostPort("::1", 3000)),
    ("DEFAULT_FROM", "eur", currency("EUR")),
    ("DEFAULT_TO", "JPY", currency("JPY")),
    ("ROUNDING", "half-even", Rounding.HALF_EVEN),
    ("SOURCES", "ecb, boc", ("ECB", "BOC")),
    (
        "PAIR_SOURCES",
        "cad/usd=boc, ecb; EUR/CZK=CNB",
        {frozenset(("CAD", "USD")): ("BOC", "ECB"), frozenset(("EUR", "CZK")): ("CNB",)},
    ),
    ("PAIR_SOURCES", "", {}),
    ("STALE_AFTER_MISSED", "5", 5),
    ("REFUSE_AFTER_MISSED", "10", 10),
    ("REFUSE_AFTER_MISSED", "", None),
    ("CATALOGUE", "/etc/pricedesk/products.csv", Path("/etc/pricedesk/products.csv")),
    ("CATALOGUE", "shop.sqlite3", Path("shop.sqlite3")),
    ("CATALOGUE", "postgresql://db.example/shop", "postgresql://db.example/shop"),
    ("CATALOGUE", "", None),
    ("PRICE_RULES", "/etc/pricedesk/rules.toml", Path("/etc/pricedesk/rules.toml")),
    ("PRICE_RULES", "", None),
    ("DATA_DIR", "/data", Path("/data")),
    ("DATA_DIR", "~/rates", Path.home() / "rates"),
    ("DATABASE", "", ""),
    ("DATABASE", "postgresql://db.example/rates", "postgresql://db.example/rates"),
    ("DATABASE", "postgres:///rates?host=/run/pg", "postgres:///rates?host=/run/pg"),
    ("WORKERS", "1", 1),
    ("WORKERS", "64", 64),
    ("FETCH", "off", False),
    ("FETCH", "on", True),
    ("ECB_URL", "http://mirror:8000/ecb/", "http://mirror:8000/ecb"),
    (
        "SOURCE_URLS",
        "boc=http://mirror/boc/; NB=https://mirror:8443",
        {"BOC": "http://mirror/boc", "NB": "https://mirror:8443"},
    ),
    ("SOURCE_URLS", "", {}),
    ("QUOTE_SECONDS", "1", 1),
    ("QUOTE_SECONDS", "31622400", 31_622_400),
    ("QUOTES_HELD_MAX", "1000000", 1_000_000),
    ("QUOTES_PER_CUSTOMER_MAX", "1", 1),
    ("HOLD_STALE", "on", True),
    ("HOLD_STALE", "off", False),
    ("MAX_CONNECTIONS", "1", 1),
    ("HTTP_MAX_CONNECTIONS", "100", 100),
    ("WEB_MAX_CONNECTIONS", "100", 100),
    ("WEB_ADDRESS", "::1", "::1"),
    ("TRUSTED_PROXIES", "", ()),
    ("TRUSTED_PROXIES", "10.0.0.2, fd00::/8", (ip_network("10.0.0.2"), ip_network("fd00::/8"))),
    ("WEB_PORT", "0", 0),
    ("SHOP_NAME", "Érable & Co.", "Érable & Co."),
    ("PICTURES", "/srv/pictures", Path("/srv/pictures")),
    ("PICTURES", "", None),
    ("MAX_CONNECTIONS_PER_ADDRESS", "1000000", 1_000_000),
    ("LINES_IDLE_SECONDS", "1000000", 1_000_000),
    ("TELNET_IDLE_SECONDS", "1", 1),
    ("LINE_SECONDS", "5", 5),
    ("DRAIN_SECONDS", "10", 10),
    ("LOG", "json", "json"),
    ("LOG", "text", "text"),
    ("CLOCK", "2026-10-30T18:00:00Z", EVENING),
    ("CLOCK", "2026-10-30T19:00:00+01:00", EVENING),
    ("CLOCK", "", None),
]
KEYS = "must be keys with commas between them, each once, as in ECB,BOC"
ADDED_TO = "must be addresses to which a path and a query can be added"
PAIRS = "must be pairs with their sources, as in CAD/USD=BOC,ECB;EUR/CZK=CNB"
BAD = [
    ("HTTP_ADDRESS", "", "must not be empty or have spaces around it"),
    ("HTTP_PORT", "65536", PORT),
    ("GRPC_ADDRESS", "", TEXT),
    ("GRPC_PORT", "65536", PORT),
    ("GRPC_SERVER", "native", "must be own or grpcio"),
    ("GRPC_MAX_CONNECTIONS", "0", COUNT),
    ("DRAIN_DELAY_SECONDS", "-1", "must be a whole number from 0 to 1000000"),
    ("LINES_ADDRESS", "", TEXT),
    ("LINES_PORT", "65536", PORT),
    ("LINES_PORT", "", PORT),
    ("TELNET_ADDRESS", " localhost", TEXT),
    ("TELNET_PORT", "-1", PORT),
    ("TELNET_PORT", "\N{ARABIC-INDIC DIGIT THREE}", PORT),
    ("WEB_MAX_CONNECTIONS", "0", "must be a whole number from 1 to 1000000"),
    ("WEB_ADDRESS", "", TEXT),
    ("TRUSTED_PROXIES", "proxy", "must be addresses or networks, as in 10.0.0.2,172.16.0.0/12"),
    (
        "TRUSTED_PROXIES",
        "10.0.0.2/8",
        "must be addresses or networks, as in 10.0.0.2,172.16.0.0/12",
    ),
    ("WEB_PORT", "http", PORT),
    ("SHOP_NAME", "", TEXT),
    ("PICTURES", " /srv", TEXT),
    ("BACKEND", "backend", HOST_PORT),
    ("BACKEND", ":3000", HOST_PORT),
    ("BACKEND", "back end:3000", HOST_PORT),
    ("BACKEND", "backend:http", HOST_PORT),
    ("BACKEND", "", HOST_PORT),
    ("DEFAULT_FROM", "XYZ", 'must be a currency: "XYZ" is not an ISO 4217 currency code'),
    ("DEFAULT_TO", "", 'must be a currency: "" is not an ISO 4217 currency code'),
    ("ROUNDING", "HALF_UP", "must be one of half-up, half-even"),
    ("SOURCES", "ECB,,BOC", KEYS),
    ("SOURCES", "ECB,ECB", KEYS),
    ("PAIR_SOURCES", "CADUSD=BOC", 'must be a currency: "CADUSD" is not an ISO 4217 currency code'),
    ("PAIR_SOURCES", "CAD/CAD=BOC", PAIRS),
    ("PAIR_SOURCES", "CAD/USD/EUR=BOC", PAIRS),
    ("PAIR_SOURCES", "CAD=BOC", PAIRS),
    ("PAIR_SOURCES", "CAD/USD", KEYS),
    ("PAIR_SOURCES", "CAD/USD=BOC;USD/CAD=ECB", "has an order for USD/CAD twice"),
    ("STALE_AFTER_MISSED", "0", "must be a whole number from 1 to 1000000"),
    ("REFUSE_AFTER_MISSED", "-1", "must be a whole number from 1 to 1000000"),
    ("CATALOGUE", " products.csv", TEXT),
    ("CATALOGUE", "mysql://db.example/shop", DATABASE),
    ("CATALOGUE", "postgresql://user:pass@word@db.example/shop", DATABASE),
    ("PRICE_RULES", "rules.toml ", TEXT),
    ("DATA_DIR", "", TEXT),
    ("DATABASE", "mysql://db.example/rates", DATABASE),
    ("DATABASE", "pricedesk.sqlite3", DATABASE),
    ("DATABASE", "postgresql://user:pass word@db.example/rates", DATABASE),
    ("DATABASE", "postgresql://user:pass/word@db.example/rates", DATABASE),
    ("DATABASE", "postgresql://user:pass@word@db.example/rates", DATABASE),
    ("DATABASE", "postgresql://user:pass%zzword@db.example/rates", DATABASE),
    ("FETCH", "yes", "must be on or off"),
    ("ECB_URL", "ftp://mirror", URL),
    ("SOURCE_URLS", "BOC=mirror", URL),
    ("SOURCE_URLS", "BOC=http://mirror/?of=boc", ADDED_TO),
    ("SOURCE_URLS", "BOC=http://mirror/#boc", ADDED_TO),
    ("SOURCE_URLS", "BOC=http://mirror;", KEYS),
    ("SOURCE_URLS", "=http://mirror", KEYS),
    ("SOURCE_URLS", "http://mirror", KEYS),
    ("SOURCE_URLS", "BOC=http://a;BOC=http://b", "has an address for BOC twice"),
    ("ECB_URL", "mirror/ecb", URL),
    ("ECB_URL", "https:///ecb", URL),
    ("ECB_URL", "https://mirror:70000", URL),
    ("ECB_URL", "https://[::1", URL),
    ("ECB_URL", "https://mirror/\nx", URL),
    ("QUOTE_SECONDS", "0", QUOTE_SECONDS),
    ("QUOTE_SECONDS", "31622401", QUOTE_SECONDS),
    ("QUOTES_HELD_MAX", "0", COUNT),
    ("QUOTES_PER_CUSTOMER_MAX", "", COUNT),
    ("HOLD_STALE", "late", "must be on or off"),
    ("MAX_CONNECTIONS", "0", COUNT),
    ("HTTP_MAX_CONNECTIONS", "many", COUNT),
    ("WORKERS", "0", WORKERS),
    ("WORKERS", "65", WORKERS),
    ("WORKERS", "auto", WORKERS),
    ("MAX_CONNECTIONS_PER_ADDRESS", "1000001", COUNT),
    ("LINES_IDLE_SECONDS", "1.5", COUNT),
    ("TELNET_IDLE_SECONDS", "5m", COUNT),
    ("LINE_SECONDS", "1e3", COUNT),
    ("DRAIN_SECONDS", "", COUNT),
    ("LOG", "JSON", "must be auto, json or text"),
    ("CLOCK", "yesterday", INSTANT),
    ("CLOCK", "0001-01-01T00:00:00+14:00", YEARS),
    ("CLOCK", "2200-01-01T00:00:00Z", YEARS),
    ("CLOCK", "2026-10-30T18:00:00", "must name its zone, as in 2026-10-30T18:00:00Z"),
]


def read_one(name: str, value: str) -> object:
    return getattr(read_settings({f"PRICEDESK_{name}": value}), name.lower())


@pytest.mark.parametrize(("name", "value", "meant"), GOOD)
def test_a_good_value_is_taken(name: str, value: str, meant: object) -> None:
    assert read_one(name, value) == meant


@pytest.mark.parametrize(("name", "value", "complaint"), BAD)
def test_a_bad_value_is_refused_by_the_variables_name(
    name: str, value: str, complaint: str
) -> None:
    with pytest.raises(InvalidSetting) as refusal:
        read_one(name, value)
    start, _, end = str(refusal.value).partition(complaint)
    assert (start.partition("=")[0], start[-2:], end) == (f"PRICEDESK_{name}", '" ', "")


def test_every_setting_has_good_and_bad_values_above() -> None:
    names = {setting.name.upper() for setting in fields(Settings)}
    assert {name for name, _, _ in GOOD} == {name for name, _, _ in BAD} == names


def test_a_complaint_shows_the_value() -> None:
    with pytest.raises(InvalidSetting) as refusal:
        read_settings({"PRICEDESK_LINES_PORT": "http"})
    assert str(refusal.value) == f'PRICEDESK_LINES_PORT="http" {PORT}'


SECRET = "open%20sesame"  # noqa: S105  # nobody's
DATABASES = [
    (f"postgresql://user:{SECRET}@db.example/rates", "postgresql://***@db.example/rates"),
    (
        f"postgresql:///rates?user=u&password={SECRET}&port=1",
        "postgresql:///rates?user=u&password=***&port=1",
    ),
]


@pytest.mark.parametrize(("address", "shown"), DATABASES)
def test_a_databases_password_is_not_shown(address: str, shown: str) -> None:
    settings = read_settings({"PRICEDESK_DATABASE": address})
    assert settings.database == address
    assert [value for name, value, *_ in table(settings) if name == "PRICEDESK_DATABASE"] == [shown]


@pytest.mark.parametrize("value", [value for name, value, _ in BAD if name == "DATABASE"])
def test_a_complaint_about_a_database_shows_nothing_of_it(value: str) -> None:
    with pytest.raises(InvalidSetting) as refusal:
        read_one("DATABASE", value)
    assert str(refusal.value) == f'PRICEDESK_DATABASE="***" {DATABASE}'


def test_without_variables_the_defaults_of_the_table_hold() -> None:
    spelled_out = {variable(f): f.metadata["default"] for f in fields(Settings)}
    assert read_settings({}) == read_settings(spelled_out) == Settings()


def test_the_defaults_are_the_tutorials() -> None:
    settings = Settings()
    assert (settings.lines_port, settings.telnet_port) == (3000, 10000)
    assert (str(settings.backend), settings.fetch) == ("backend:3000", True)
    assert (str(settings.default_from), str(settings.default_to)) == ("CAD", "USD")


def test_port_is_the_grpc_doors_as_online_boutique_sets_it() -> None:
    assert read_settings({"PORT": "7001"}).grpc_port == 7001
    assert read_settings({"PORT": "7001", "PRICEDESK_GRPC_PORT": "7002"}).grpc_port == 7002
    assert read_settings({"PORT": ""}).grpc_port == 7000
    with pytest.raises(InvalidSetting) as refusal:
        read_settings({"PORT": "http"})
    assert str(refusal.value) == f'PORT="http" {PORT}'


def test_what_the_demos_set_besides_is_left_alone() -> None:
    demo = {
        "DISABLE_PROFILER": "1",
        "DISABLE_TRACING": "1",
        "ENABLE_TRACING": "0",
        "COLLECTOR_SERVICE_ADDR": "opentelemetrycollector:4317",
        "OTEL_SERVICE_NAME": "currencyservice",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317",
        "CURRENCY_PORT": "7001",
    }
    assert read_settings(demo) == Settings()


def test_other_programs_variables_are_left_alone() -> None:
    assert read_settings({"PATH": "/bin", "pricedesk_log": "x", "MY_PRICEDESK_LOG": "x"}) == (
        Settings()
    )


@pytest.mark.parametrize("content", ["eur", "eur\n", " EUR\r\n\n"])
def test_a_value_may_stand_in_a_file(tmp_path: Path, content: str) -> None:
    file = tmp_path / "currency"
    file.write_text(content)
    settings = read_settings({"PRICEDESK_DEFAULT_TO_FILE": str(file)})
    assert settings.default_to is currency("EUR")


def test_a_bad_value_in_a_file_is_refused_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("http\n")
    with pytest.raises(InvalidSetting) as refusal:
        read_settings({"PRICEDESK_LINES_PORT_FILE": str(tmp_path / "port")})
    assert str(refusal.value) == f'PRICEDESK_LINES_PORT="http" {PORT}'


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "No such file or directory"),
        ("folder", "Is a directory"),
        ("latin-1", "'utf-8' codec can't decode byte"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin-1").write_bytes(b"\xe9")
    with pytest.raises(InvalidSetting) as refusal:
        read_settings({"PRICEDESK_LOG_FILE": str(tmp_path / name)})
    assert str(refusal.value).startswith("PRICEDESK_LOG_FILE: ")
    assert reason in str(refusal.value)


def test_a_value_and_a_file_at_once_are_refused(tmp_path: Path) -> None:
    both = {"PRICEDESK_LOG": "json", "PRICEDESK_LOG_FILE": str(tmp_path / "log")}
    with pytest.raises(InvalidSetting) as refusal:
        read_settings(both)
    assert str(refusal.value) == (
        "PRICEDESK_LOG and PRICEDESK_LOG_FILE are both set; one of them must go"
    )


@pytest.mark.parametrize(
    "name",
    ["PRICEDESK_COLOUR", "PRICEDESK_", "PRICEDESK_LOGS", "PRICEDESK_PORT", "PRICEDESK_FILE"],
)
def test_a_variable_that_is_no_setting_is_refused(name: str) -> None:
    with pytest.raises(InvalidSetting) as refusal:
        read_settings({name: "3000"})
    assert str(refusal.value) == f"{name} is no setting; `pricedesk config` lists them all"


@pytest.mark.parametrize("service", ["PRICEDESK", "PRICEDESK_BACKEND", "PRICEDESK_LINES"])
def test_the_links_that_kubernetes_adds_for_a_service_are_passed_over(service: str) -> None:
    links = {
        f"{service}_SERVICE_HOST": "10.0.0.1",
        f"{service}_SERVICE_PORT": "3000",
        f"{service}_SERVICE_PORT_LINES": "3000",
        f"{service}_PORT": "tcp://10.0.0.1:3000",
        f"{service}_PORT_3000_TCP": "tcp://10.0.0.1:3000",
        f"{service}_PORT_3000_TCP_PROTO": "tcp",
        f"{service}_PORT_3000_TCP_PORT": "3000",
        f"{service}_PORT_3000_TCP_ADDR": "10.0.0.1",
    }
    assert read_settings(links) == Settings()


@pytest.mark.parametrize(("name", "value", "_"), GOOD)
def test_what_the_table_shows_can_be_given_back(name: str, value: str, _: object) -> None:
    settings = read_settings({f"PRICEDESK_{name}": value})
    assert read_settings({n: shown for n, shown, _, _ in table(settings)}) == settings


def test_a_host_and_port_are_written_as_they_are_read() -> None:
    assert str(HostPort("backend", 3000)) == "backend:3000"
    assert str(HostPort("::1", 3000)) == "[::1]:3000"


def test_the_page_of_settings_is_made_from_the_table() -> None:
    script = ROOT / "scripts" / "make_settings_page.py"
    page: Callable[[], str] = runpy.run_path(str(script))["page"]
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == page()
