"""The door on port 7000, put together in this one place: its services, and the library below.

Nothing else imports this module when the back-end starts, because its packages take a while
to load.
"""

import time

from pricedesk.admission import ClientLimits, Gate
from pricedesk.backend.bureau import Bureau
from pricedesk.backend.grpc.currency_service import CurrencyService
from pricedesk.backend.grpc.health import Health
from pricedesk.backend.grpc.methods import Each, Method, Streaming, Unary
from pricedesk.backend.grpc.own_server import GrpcService
from pricedesk.backend.grpc.pricedesk_v1 import Quotes, Rates
from pricedesk.backend.grpc.reflection import VERSIONS, Reflection
from pricedesk.backend.news import News
from pricedesk.backend.quote_desk import QuoteDesk
from pricedesk.backend.surroundings import DoorCount, Readiness, Surroundings
from pricedesk.port import PortConnection
from pricedesk.running import Door
from pricedesk.tally import Tally

HEALTH = "grpc.health.v1.Health"
REFLECTION = "ServerReflection"
DEMOS = ("hipstershop", "oteldemo")
OWN = "pricedesk.v1"


def grpc_door(surroundings: Surroundings, news: News, server: str, limits: ClientLimits) -> Door:
    """The door, which does not listen yet."""
    methods = make_methods(surroundings.bureau, surroundings.quotes, news, surroundings.readiness)
    tally = Tally()
    gate = Gate[PortConnection](limits.connections, limits.connections_per_address)
    surroundings.doors.append(DoorCount("grpc", tally, gate))
    if server == "grpcio":
        # It takes 20 MB and 50 ms, so it is loaded only where it is the server.
        from pricedesk.backend.grpc.grpcio_server import GrpcioServer  # noqa: PLC0415

        return GrpcioServer(methods, tally)
    return GrpcService(methods, tally, gate, time.monotonic, surroundings.turns)


def make_methods(
    bureau: Bureau, quotes: QuoteDesk, news: News, readiness: Readiness
) -> dict[str, Method]:
    """Every method by its path."""
    methods = {**demo_methods(bureau), **own_methods(bureau, quotes, news)}
    return with_operations(methods, readiness)


def own_methods(bureau: Bureau, quotes: QuoteDesk, news: News) -> dict[str, Method]:
    """Our own services."""
    rates, held = Rates(bureau, news), Quotes(quotes)
    return {
        f"/{OWN}.Rates/Convert": Unary(rates.convert),
        f"/{OWN}.Rates/ConvertMany": Streaming(rates.convert_many, is_work=True),
        f"/{OWN}.Rates/ListCurrencies": Unary(rates.list_currencies),
        f"/{OWN}.Rates/WatchPublications": Streaming(rates.watch_publications),
        f"/{OWN}.Quotes/Hold": Unary(held.hold),
        f"/{OWN}.Quotes/Get": Unary(held.get),
        f"/{OWN}.Quotes/Redeem": Unary(held.redeem),
        f"/{OWN}.Quotes/Cancel": Unary(held.cancel),
    }


def demo_methods(bureau: Bureau) -> dict[str, Method]:
    """The service of the demos, under both of its names."""
    currencies = CurrencyService(bureau)
    methods: dict[str, Method] = {}
    for demo in DEMOS:
        service = f"/{demo}.CurrencyService"
        methods[f"{service}/GetSupportedCurrencies"] = Unary(currencies.get_supported_currencies)
        methods[f"{service}/Convert"] = Unary(currencies.convert)
    return methods


def with_operations(methods: dict[str, Method], readiness: Readiness) -> dict[str, Method]:
    """The same methods, and those that tell of them: health and reflection."""
    names = {path.split("/")[1] for path in methods}
    names |= {HEALTH, *(f"{version}.{REFLECTION}" for version in VERSIONS)}
    health = Health(names, lambda: not readiness.hindrance)
    readiness.when_draining(health.look_now)
    told: dict[str, Method] = {
        f"/{HEALTH}/Check": Unary(health.check),
        f"/{HEALTH}/Watch": Streaming(health.watch),
    }
    for version in VERSIONS:
        path = f"/{version}.{REFLECTION}/{REFLECTION}Info"
        told[path] = Each(Reflection(version, names).answer)
    return methods | told
