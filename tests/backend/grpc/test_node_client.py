"""Node's `@grpc/grpc-js`, the other client of gRPC that shares no code with C-core."""

import asyncio
import json
from pathlib import Path
from subprocess import PIPE
from typing import Any, TypeAlias

import pytest

from grpc_cases import CONVERTED, REFUSED, REQUEST
from grpc_doors import Running
from pricedesk.backend.grpc import definitions
from pricedesk.backend.grpc.own_server import GrpcService

pytestmark = pytest.mark.node

PROTOS = Path(definitions.__file__).parent / "protos"
SERVICE = "hipstershop.CurrencyService"

Json: TypeAlias = Any
"""A JSON document."""


async def called(program: Path, door: Running, calls: list[Json]) -> list[Json]:
    """What Node's client says of each call; all of them are under way together."""
    process = await asyncio.create_subprocess_exec(
        "node", program, PROTOS, door.address, stdin=PIPE, stdout=PIPE
    )
    output, _ = await process.communicate("".join(f"{json.dumps(c)}\n" for c in calls).encode())
    assert process.returncode == 0
    return [json.loads(line) for line in output.splitlines()]


def call(method: str, request: Json, service: str = SERVICE) -> Json:
    return {"service": service, "method": method, "request": request}


def converting(amount: tuple[str, int, int], to_code: str) -> Json:
    code, units, nanos = amount
    money = {"currency_code": code, "units": str(units), "nanos": nanos}
    return call("Convert", {"from": money, "to_code": to_code})


async def test_amounts_are_converted_exactly(node_client: Path, door: Running) -> None:
    calls = [converting((code, u, n), to_code) for (code, u, n, to_code), _ in CONVERTED]
    answers = await called(node_client, door, calls)
    assert [
        (
            a["answer"]["currency_code"],
            int(a["answer"].get("units", 0)),
            a["answer"].get("nanos", 0),
        )
        for a in answers
    ] == [expected for _, expected in CONVERTED]


async def test_what_cannot_be_converted_is_refused_by_name(
    node_client: Path, door: Running
) -> None:
    # What is no message, or a name in it no text, this client does not send.
    rows = [row for row in REFUSED if row[0] and row[3] is not None]
    calls = []
    for data, *_ in rows:
        message = REQUEST.FromString(data)
        if message.HasField("from"):
            money = getattr(message, "from")
            amount = (money.currency_code, money.units, money.nanos)
            calls.append(converting(amount, message.to_code))
        else:
            calls.append(call("Convert", {"to_code": message.to_code}))
    answers = await called(node_client, door, calls)
    assert [(a["code"], a["details"], a["slug"]) for a in answers] == [
        (code.name, text, slug) for _, code, text, slug in rows
    ]


async def test_many_calls_at_once_and_the_other_methods_are_answered(
    node_client: Path, door: Running
) -> None:
    # C-core counts calls for a while after they were answered, and refuses some beyond a hundred.
    count = 1000 if isinstance(door.door, GrpcService) else 90
    calls = [converting(("CAD", n, 0), "CAD") for n in range(count)]
    calls += [
        call("GetSupportedCurrencies", {}),
        call("Convert", converting(("EUR", 1, 0), "USD")["request"], "oteldemo.CurrencyService"),
        call("Check", {}, "grpc.health.v1.Health"),
        call("Check", {"service": "nothing"}, "grpc.health.v1.Health"),
    ]
    *amounts, codes, other, healthy, unknown = await called(node_client, door, calls)
    assert [a for a in amounts if "answer" not in a] == []
    assert [int(a["answer"].get("units", 0)) for a in amounts] == list(range(count))
    assert codes["answer"]["currency_codes"][:2] == ["AUD", "BRL"]
    assert other["answer"] == {"currency_code": "USD", "units": "1", "nanos": 117200000}
    assert healthy["answer"] == {"status": "SERVING"}
    assert unknown["code"] == "NOT_FOUND"
