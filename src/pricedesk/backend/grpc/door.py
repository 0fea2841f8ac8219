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
from pricedesk.backend.grpc.reflection import VERSIONS, Reflection
from pricedesk.backend.http.surroundings import DoorCount, Readiness, Surroundings
from pricedesk.port import PortConnection
from pricedesk.running import Door
from pricedesk.tally import Tally

HEALTH = "grpc.health.v1.Health"
REFLECTION = "ServerReflection"
DEMOS = ("hipstershop", "oteldemo")


def grpc_door(surroundings: Surroundings, server: str, limits: ClientLimits) -> Door:
    """The door, which does not listen yet."""
    methods = make_methods(surroundings.bureau, surroundings.readiness)
    tally = Tally()
    gate = Gate[PortConnection](limits.connections, limits.connections_per_address)
    surroundings.doors.append(DoorCount("grpc", tally, gate))
    if server == "grpcio":
        # It takes 20 MB and 50 ms, so it is loaded only where it is the server.
        from pricedesk.backend.grpc.grpcio_server import GrpcioServer  # noqa: PLC0415

        return GrpcioServer(methods, tally)
    return GrpcService(methods, tally, gate, time.monotonic)


def make_methods(bureau: Bureau, readiness: Readiness) -> dict[str, Method]:
    """Every method by its path."""
    currencies = CurrencyService(bureau)
    methods: dict[str, Method] = {}
    for demo in DEMOS:
        service = f"/{demo}.CurrencyService"
        methods[f"{service}/GetSupportedCurrencies"] = Unary(currencies.get_supported_currencies)
        methods[f"{service}/Convert"] = Unary(currencies.convert)
    return with_operations(methods, readiness)


def with_operations(methods: dict[str, Method], readiness: Readiness) -> dict[str, Method]:
    """The same methods, and those that tell of them: health and reflection."""
    names = {path.split("/")[1] for path in methods}
    names |= {HEALTH, *(f"{version}.{REFLECTION}" for version in VERSIONS)}
    health = Health(names, lambda: not readiness.hindrance)
    told: dict[str, Method] = {
        f"/{HEALTH}/Check": Unary(health.check),
        f"/{HEALTH}/Watch": Streaming(health.watch),
    }
    for version in VERSIONS:
        path = f"/{version}.{REFLECTION}/{REFLECTION}Info"
        told[path] = Each(Reflection(version, names).answer)
    return methods | told
