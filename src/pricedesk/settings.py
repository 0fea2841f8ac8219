"""Settings: one table, read from PRICEDESK_ variables, checked before anything starts.

The fields of `Settings` are the only list. `pricedesk config` and `docs/settings.md` are
made from it.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pricedesk.currencies import Currency, currency
from pricedesk.errors import InvalidSetting, PricedeskError, in_quotes, without_password
from pricedesk.money import Rounding

PREFIX = "PRICEDESK_"
WORKERS = f"{PREFIX}WORKERS"
PORT = "PORT"
"""The variable in which Online Boutique gives each of its services its port."""

_PORT_MAX = 65535
_COUNT_MAX = 1_000_000
_WORKERS_MAX = 64
_QUOTE_SECONDS_MAX = 366 * 24 * 3600
_HOST_PORT = re.compile(
    r"(?:(?P<host>[A-Za-z0-9._-]+)|\[(?P<address>[0-9A-Fa-f:.]+)\]):(?P<port>[0-9]+)"
)
_DATABASE = re.compile(r"postgres(?:ql)?://(?:[^\s/?#@]*@)?[^\s/?#@]*(?:[/?][^\s#@]*)?")
"""A / or @ in a password would leave the rest of it in the address that is shown."""

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")

_CLOCK_YEARS = range(1900, 2200)

_SERVICE_LINK = re.compile(r"\w+_SERVICE_(HOST|PORT(_\w+)?)|\w+_PORT_[0-9]+_(TCP|UDP|SCTP)(_\w+)?")
"""Variables that Kubernetes puts into every container beside a service whose own name begins
with pricedesk; they are not meant for this program. One more, for a service pricedesk-lines,
is PRICEDESK_LINES_PORT=tcp://10.0.0.1:3000, which has the name of a setting."""


@dataclass(frozen=True, slots=True)
class HostPort:
    """Where a service listens: a host name or address, and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _text(value: str) -> str:
    if not value or value != value.strip():
        raise ValueError("must not be empty or have spaces around it")
    return value


def _port(value: str) -> int:
    if not (value.isdecimal() and value.isascii() and int(value) <= _PORT_MAX):
        raise ValueError(f"must be a port number, 0 to {_PORT_MAX}")
    return int(value)


def _count(value: str) -> int:
    if not (value.isdecimal() and value.isascii() and 0 < int(value) <= _COUNT_MAX):
        raise ValueError(f"must be a whole number from 1 to {_COUNT_MAX}")
    return int(value)


def _workers(value: str) -> int:
    if not (value.isdecimal() and value.isascii() and 0 < int(value) <= _WORKERS_MAX):
        raise ValueError(f"must be a whole number from 1 to {_WORKERS_MAX}")
    return int(value)


def _quote_seconds(value: str) -> int:
    if not (value.isdecimal() and value.isascii() and 0 < int(value) <= _QUOTE_SECONDS_MAX):
        raise ValueError(f"must be a whole number from 1 to {_QUOTE_SECONDS_MAX}, which is a year")
    return int(value)


def _seconds(value: str) -> float:
    return float(_count(value))


def _delay_seconds(value: str) -> float:
    if not (value.isdecimal() and value.isascii() and int(value) <= _COUNT_MAX):
        raise ValueError(f"must be a whole number from 0 to {_COUNT_MAX}")
    return float(value)


def _host_port(value: str) -> HostPort:
    matched = _HOST_PORT.fullmatch(value)
    if not matched or _port(matched["port"]) == 0:
        raise ValueError("must be host:port, as in backend:3000 or [::1]:3000")
    return HostPort(matched["host"] or matched["address"], _port(matched["port"]))


def _currency(value: str) -> Currency:
    try:
        return currency(value)
    except PricedeskError as error:
        raise ValueError(f"must be a currency: {error}") from error


def _path(value: str) -> Path:
    try:
        return Path(_text(value)).expanduser()
    except RuntimeError as error:
        raise ValueError(f"names no home directory: {error}") from error


def _optional_path(value: str) -> Path | None:
    return _path(value) if value else None


def _catalogue(value: str) -> Path | str | None:
    """A file is a path, a database an address."""
    return _database(value) if "://" in value else _optional_path(value)


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(c.isspace() for c in value):
        raise ValueError("must be an http or https address")
    return value.rstrip("/")


def _database(value: str) -> str:
    if value and (not _DATABASE.fullmatch(value) or _BROKEN_ESCAPE.search(value)):
        raise ValueError(
            "must be an address such as postgresql://user:password@host:5432/database,"
            " with special characters in the password written as %XX"
        )
    return value


def _keys(value: str) -> tuple[str, ...]:
    keys = tuple(key.strip().upper() for key in value.split(","))
    if not all(key.isascii() and key.isalnum() for key in keys) or len(set(keys)) != len(keys):
        raise ValueError("must be keys with commas between them, each once, as in ECB,BOC")
    return keys


def _pair_sources(value: str) -> Mapping[frozenset[str], tuple[str, ...]]:
    """Orders of sources for pairs of currencies: CAD/USD=BOC,ECB;EUR/CZK=CNB."""
    orders: dict[frozenset[str], tuple[str, ...]] = {}
    for part in value.split(";") if value else ():
        codes, _, keys = part.partition("=")
        pair = frozenset(_currency(code.strip()).code for code in codes.split("/"))
        if len(pair) != 2 or codes.count("/") != 1:  # noqa: PLR2004  # a pair is two
            raise ValueError("must be pairs with their sources, as in CAD/USD=BOC,ECB;EUR/CZK=CNB")
        if pair in orders:
            raise ValueError(f"has an order for {codes.strip()} twice")
        orders[pair] = _keys(keys)
    return orders


def _optional_count(value: str) -> int | None:
    return _count(value) if value else None


def _source_urls(value: str) -> Mapping[str, str]:
    """Addresses of sources: BOC=http://mirror/boc;NB=http://mirror/nb."""
    addresses: dict[str, str] = {}
    for part in value.split(";") if value else ():
        key, _, address = part.partition("=")
        for name in _keys(key):
            if name in addresses:
                raise ValueError(f"has an address for {name} twice")
            if "?" in address or "#" in address:
                raise ValueError("must be addresses to which a path and a query can be added")
            addresses[name] = _url(address.strip())
    return addresses


def _networks(value: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in value.split(",") if value)
    except ValueError as error:
        raise ValueError("must be addresses or networks, as in 10.0.0.2,172.16.0.0/12") from error


def _rounding(value: str) -> Rounding:
    try:
        return Rounding(value)
    except ValueError as error:
        raise ValueError(f"must be one of {', '.join(mode.value for mode in Rounding)}") from error


def _switch(value: str) -> bool:
    if value not in ("on", "off"):
        raise ValueError("must be on or off")
    return value == "on"


def _instant(value: str) -> datetime | None:
    if not value:
        return None
    try:
        instant = datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError("must be an instant such as 2026-10-30T18:00:00Z") from error
    if instant.tzinfo is None:
        raise ValueError("must name its zone, as in 2026-10-30T18:00:00Z")
    if instant.year not in _CLOCK_YEARS:
        raise ValueError(f"must be in the years {_CLOCK_YEARS[0]} to {_CLOCK_YEARS[-1]}")
    return instant.astimezone(UTC)


def _log_format(value: str) -> str:
    if value not in ("auto", "json", "text"):
        raise ValueError("must be auto, json or text")
    return value


def _grpc_server(value: str) -> str:
    if value not in ("own", "grpcio"):
        raise ValueError("must be own or grpcio")
    return value


def _setting(
    parse: Callable[[str], object],
    default: str,
    meaning: str,
    *,
    secret: bool = False,
    otherwise: str = "",
) -> Any:  # noqa: ANN401  # as dataclasses.field: the field's own type says what it is
    """A setting; `otherwise` is a variable of somebody else that counts where it is not set."""
    return field(
        default_factory=lambda: parse(default),
        metadata={
            "parse": parse,
            "default": default,
            "meaning": meaning,
            "secret": secret,
            "otherwise": otherwise,
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set; each field is the variable PRICEDESK_ and its name."""

    lines_address: str = _setting(
        _text,
        "127.0.0.1",
        "Address on which the back-end listens for lines; the image sets 0.0.0.0.",
    )
    lines_port: int = _setting(_port, "3000", "Port of the back-end's lines.")
    http_address: str = _setting(
        _text,
        "127.0.0.1",
        "Address on which the back-end listens for HTTP; the image sets 0.0.0.0.",
    )
    http_port: int = _setting(_port, "8000", "Port of the back-end's HTTP door; 0 is any.")
    grpc_address: str = _setting(
        _text,
        "127.0.0.1",
        "Address on which the back-end listens for gRPC; the image sets ::, which is IPv4 too.",
    )
    grpc_port: int = _setting(
        _port,
        "7000",
        "Port of the back-end's gRPC door; 0 is any. Without it the variable PORT counts, as"
        " Online Boutique sets it.",
        otherwise=PORT,
    )
    grpc_server: str = _setting(
        _grpc_server,
        "own",
        "What serves gRPC: own, which is made for short calls, or grpcio, gRPC's own library.",
    )
    telnet_address: str = _setting(
        _text, "127.0.0.1", "Address on which the price desk listens; the image sets 0.0.0.0."
    )
    telnet_port: int = _setting(_port, "10000", "Port of the price desk's telnet menu.")
    web_address: str = _setting(
        _text,
        "127.0.0.1",
        "Address on which the price desk serves its web page; the image sets 0.0.0.0.",
    )
    web_port: int = _setting(_port, "8080", "Port of the price desk's web page; 0 is any.")
    shop_name: str = _setting(_text, "Price desk", "What the shop is called on its web page.")
    pictures: Path | None = _setting(
        _optional_path,
        "",
        "Folder of the products' pictures; empty: the web page shows their first letters.",
    )
    backend: HostPort = _setting(
        _host_port, "backend:3000", "Where the price desk finds the back-end, as host:port."
    )
    default_from: Currency = _setting(
        _currency, "CAD", "Currency of an amount that names none, on the back-end's lines."
    )
    default_to: Currency = _setting(
        _currency,
        "USD",
        "Currency to convert to where none is named, and the one in which the desk prices.",
    )
    rounding: Rounding = _setting(
        _rounding,
        "half-up",
        "How the last digit is rounded: half-up (ties away from zero) or half-even.",
    )
    catalogue: Path | str | None = _setting(
        _catalogue,
        "",
        "The desk's products (docs/catalogue.md): a CSV file, an SQLite file whose name ends in"
        " .sqlite3, or a database as in postgresql://pricedesk:secret@host/shop; empty: the"
        " tutorial's three.",
        secret=True,
    )
    price_rules: Path | None = _setting(
        _optional_path,
        "",
        "TOML file of what is added to and rounded in prices (docs/prices.md); empty: nothing.",
    )
    data_dir: Path = _setting(
        _path,
        "~/.local/share/pricedesk",
        "Folder in which the back-end keeps what it fetched; the image sets /data, a volume.",
    )
    database: str = _setting(
        _database,
        "",
        "PostgreSQL database in which the back-end keeps what it fetched, as in"
        " postgresql://pricedesk:secret@host/pricedesk; empty: an SQLite file in the folder above.",
        secret=True,
    )
    fetch: bool = _setting(
        _switch, "on", "Whether the back-end fetches new publications: on or off."
    )
    sources: tuple[str, ...] = _setting(
        _keys,
        "ECB,BOC,NB,BOE,CNB,NBP,RB,ERAPI",
        "Sources of rates that are asked, in the order in which they answer; PEG among them is"
        " where official parities answer. docs/sources.md has their terms of use.",
    )
    pair_sources: Mapping[frozenset[str], tuple[str, ...]] = _setting(
        _pair_sources,
        "",
        "Pairs with an order of their own, whichever way round, as in CAD/USD=BOC,ECB;EUR/CZK=CNB.",
    )
    stale_after_missed: int = _setting(
        _count, "2", "A rate after which so many publications are due is stale; after fewer, late."
    )
    refuse_after_missed: int | None = _setting(
        _optional_count,
        "",
        "A rate after which more publications than this are due is refused; empty: never.",
    )
    ecb_url: str = _setting(
        _url,
        "https://www.ecb.europa.eu/stats/eurofxref",
        "Folder of the ECB's documents; set it to fetch through a mirror.",
    )
    source_urls: Mapping[str, str] = _setting(
        _source_urls,
        "",
        "Mirrors of sources, as in BOC=http://mirror/boc;NB=http://mirror/nb: what is before the"
        " path in the source's own addresses is replaced. Only a host that is named here or in"
        " PRICEDESK_ECB_URL may have a private address.",
    )
    quote_seconds: int = _setting(
        _quote_seconds, "86400", "For how many seconds a price is held: a day, unless set."
    )
    quotes_held_max: int = _setting(
        _count,
        "100000",
        "Prices that may be held within PRICEDESK_QUOTE_SECONDS, whatever becomes of them;"
        " one more is refused.",
    )
    quotes_per_customer_max: int = _setting(
        _count,
        "100",
        "The same for one customer, where a request names one: redeemed and cancelled prices count"
        " until their time is over.",
    )
    hold_stale: bool = _setting(
        _switch, "off", "Whether prices are held at stale rates too: on or off."
    )
    workers: int = _setting(
        _workers,
        "1",
        "Processes that answer, in each of the two services, as many as there are processor cores"
        " at most (docs/operations.md). With more than one, each of them takes its part of the"
        " limits of clients below, rounded up, and the system shares clients out by chance: so one"
        " may be told busy a little before a limit is reached.",
    )
    max_connections: int = _setting(
        _count, "10000", "Clients of lines, or of telnet, at the same time; one more is told busy."
    )
    http_max_connections: int = _setting(
        _count, "4000", "Clients of the back-end's HTTP at the same time; one more is told 503."
    )
    grpc_max_connections: int = _setting(
        _count,
        "1000",
        "Clients of the back-end's gRPC at the same time; one more is let go with GOAWAY.",
    )
    web_max_connections: int = _setting(
        _count, "4000", "Clients of the web page at the same time; one more is told 503."
    )
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = _setting(
        _networks,
        "",
        "Proxies before the web page, as in 10.0.0.2,172.16.0.0/12: what they say in"
        " X-Forwarded-For is who asks, for whom held prices are counted.",
    )
    max_connections_per_address: int = _setting(
        _count, "1000", "Clients of one port from the same address at the same time."
    )
    lines_idle_seconds: float = _setting(
        _seconds, "300", "A client of the back-end that sends no line for so long is let go."
    )
    telnet_idle_seconds: float = _setting(
        _seconds, "600", "A client of the desk that chooses nothing for so long is let go."
    )
    line_seconds: float = _setting(
        _seconds, "60", "A line that is begun must be ended within so many seconds."
    )
    drain_delay_seconds: float = _setting(
        _delay_seconds,
        "0",
        "After SIGTERM, how long new clients are still taken while /readyz says no already;"
        " compose.yaml sets 3.",
    )
    drain_seconds: float = _setting(
        _seconds, "1", "After that, how long answers that were begun may take to finish."
    )
    log: str = _setting(
        _log_format, "auto", "Log format: json, text, or auto: text on a terminal, else json."
    )
    clock: datetime | None = _setting(
        _instant,
        "",
        "For rehearsals: the instant at which the clock starts; empty: the system's clock.",
    )


def variable(setting: Field[Any]) -> str:
    """The environment variable of a field of `Settings`."""
    return PREFIX + setting.name.upper()


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the environment; `PRICEDESK_X_FILE` names a file that holds PRICEDESK_X.

    Raises:
        InvalidSetting: a value cannot be used, or there is no such setting.
    """
    known = {variable(setting): setting for setting in fields(Settings)}
    given: dict[str, str] = {}
    for name, value in environ.items():
        if not name.startswith(PREFIX) or _is_service_link(name, value):
            continue
        target = name.removesuffix("_FILE")
        if name in known:
            given[name] = value
        elif target in known:
            if target in environ:
                raise InvalidSetting(f"{target} and {name} are both set; one of them must go")
            given[target] = _content(name, value)
        else:
            raise InvalidSetting(f"{name} is no setting; `pricedesk config` lists them all")
    values: dict[str, Any] = {known[n].name: _parsed(n, known[n], v) for n, v in given.items()}
    for name, setting in known.items():
        otherwise = setting.metadata["otherwise"]
        if name not in given and environ.get(otherwise):
            values[setting.name] = _parsed(otherwise, setting, environ[otherwise])
    return Settings(**values)


def _is_service_link(name: str, value: str) -> bool:
    if name.endswith("_PORT") and value.startswith(("tcp://", "udp://", "sctp://")):
        return True
    return bool(_SERVICE_LINK.fullmatch(name))


def _content(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"{name}: {in_quotes(path)} cannot be read: {error}") from error


def _parsed(name: str, setting: Field[Any], value: str) -> object:
    try:
        return setting.metadata["parse"](value)
    except ValueError as error:
        # In a value that is not well formed nobody can tell what of it is the password.
        shown = in_quotes("***" if setting.metadata["secret"] else without_password(value))
        raise InvalidSetting(f"{name}={shown} {error}") from error


def table(settings: Settings) -> list[tuple[str, str, str, str]]:
    """Each setting as (variable, value in use, default, meaning), in the table's order."""
    return [
        (
            variable(f),
            _shown(getattr(settings, f.name)),
            f.metadata["default"],
            f.metadata["meaning"],
        )
        for f in fields(Settings)
    ]


def _shown(value: object) -> str:  # noqa: PLR0911  # a case for each type of setting
    match value:
        case None:
            return ""
        case bool():
            return "on" if value else "off"
        case Rounding():
            return value.value
        case float():
            return f"{value:.0f}"
        case datetime():
            return value.isoformat()
        case tuple():
            return ",".join(map(str, value))
        case dict():
            return ";".join(f"{_shown_key(key)}={_shown(item)}" for key, item in value.items())
        case str():
            return without_password(value)
        case _:
            return str(value)


def _shown_key(key: str | frozenset[str]) -> str:
    return key if isinstance(key, str) else "/".join(sorted(key))
